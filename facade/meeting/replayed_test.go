package meeting_test

import (
	"fmt"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/registry"
)

// TestAReplayedAppSignatureIsGoodForNothingElseAndNotForever sends one signature again
// and again: a client that had no answer gets one, and whoever changes anything that is
// signed, comes too late, or comes when the app or its user is gone gets none.
func TestAReplayedAppSignatureIsGoodForNothingElseAndNotForever(t *testing.T) {
	const later = "ffffffffffffffffffffffffffffffff"
	until := began.Add(10 * time.Minute).Unix()
	header := "HMAC-SHA256 signature=" + sign(fmt.Sprintf("app-0001:alice:%d:%s", until, nonce))
	send := func(w *world, app, user, corp string, expires int64, nonce string) *httptest.ResponseRecorder {
		body := fmt.Sprintf(`{"appId":"%s","clientType":72,"expireTime":%d,"nonce":"%s","userId":"%s","corpId":"%s"}`, app, expires, nonce, user, corp)
		return w.Call("POST", appPath, body, "Authorization", header)
	}
	unthrottled := meeting.Options{Failures: -1, Limits: gateway.Limits{"meeting.user": gateway.Off(), "meeting.tenant": gateway.Off()}}
	w := newWorld(t, unthrottled)
	w.Edit(acme, registry.Edit{Keys: []registry.KeySpec{facadetest.Key(usance.KeyApp, "app-0002", "another-key", "ops")}})

	first, _ := w.granted(send(w, "app-0001", "alice", "", until, nonce))
	again, _ := w.granted(send(w, "app-0001", "alice", "", until, nonce))
	if first == again || !w.alive(first) || !w.alive(again) {
		t.Fatal("an answer that was lost and asked for again ends the one that was not lost, or is the same")
	}
	for range 80 {
		w.granted(send(w, "app-0001", "alice", "", until, nonce))
	}
	if w.alive(first) {
		t.Error("one signature makes more tokens live than a user may have")
	}
	w.refusedWith(send(w, "app-0001", "ops", "", until, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0001", "", "", until, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0001", "alice", "corp7", until, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0002", "alice", "", until, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0001", "alice", "", 0, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0001", "alice", "", until+1, nonce), 401, "USG.206010025")
	w.refusedWith(send(w, "app-0001", "alice", "", until, later), 401, "USG.206010025")
	w.Clock.Move(10*time.Minute + time.Second)
	w.refusedWith(send(w, "app-0001", "alice", "", until, nonce), 401, "USG.206010057")

	w = newWorld(t, unthrottled)
	live, _ := w.granted(send(w, "app-0001", "alice", "", until, nonce))
	w.disable("alice", usance.RoleMember)
	if out := send(w, "app-0001", "alice", "", until, nonce); out.Code < 400 || w.alive(live) {
		t.Errorf("the user is disabled: %d %s", out.Code, out.Body)
	}
	w = newWorld(t, unthrottled)
	key := facadetest.Key(usance.KeyApp, appID, "another-secret", "ops")
	w.Edit(acme, registry.Edit{Keys: []registry.KeySpec{key}})
	w.refusedWith(send(w, "app-0001", "alice", "", until, nonce), 401, "USG.206010025")
	w = newWorld(t, unthrottled)
	key = facadetest.Key(usance.KeyApp, appID, appKey, "ops")
	key.Disabled = true
	w.Edit(acme, registry.Edit{Keys: []registry.KeySpec{key}})
	w.refusedWith(send(w, "app-0001", "alice", "", until, nonce), 401, "USG.206010025")
}
