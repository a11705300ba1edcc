package meeting_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/meeting"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// exampleOfThePage is the usage behind the vendor's own example answer: four
// meetings of 57 minutes in all, one person who came twice and is still there.
func exampleOfThePage(w *world) {
	at := w.Clock.Now().Add(-time.Hour)
	var events []ledger.Incoming
	for i, seconds := range []int{600, 1200, 1000, 679} { // 57 minutes and 59 seconds
		id := fmt.Sprint("conf-", i)
		events = append(events, w.Event(at, "meeting.conference.started", id, "/meeting", ""),
			w.Event(at, "meeting.conference.ended", id, "/meeting", fmt.Sprintf(`{"duration_seconds":%d}`, seconds)))
	}
	events = append(events,
		w.Event(at, "meeting.attendee.joined", "alice", "/meeting", ""), w.Event(at, "meeting.attendee.left", "alice", "/meeting", ""),
		w.Event(at, "meeting.attendee.joined", "alice", "/meeting", ""),
		w.Event(at, "meeting.live.started", "conf-0", "/", ""), w.Event(at, "meeting.live.stopped", "conf-0", "/", ""),
		w.Event(at.AddDate(0, -1, 0), "meeting.recording.stored", "r1", "/", `{"bytes":42949672960}`),
		w.Event(at, "meeting.recording.deleted", "r1", "/", `{"bytes":440000000}`))
	w.ingest(events...)
}

const pageAnswer = `{"usedRecStorage":39.59,"usedAccountsCount":1,"usedLiveCount":0,"confCount":4,"confLength":57,"activeAttendeeCount":1,"totalAttendeeCount":2}`

func TestTheVendorsExampleComesOutOfTheLedger(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	exampleOfThePage(w)
	out := w.orgRes(w.admin())
	if out.Code != http.StatusOK || out.Body.String() != pageAnswer {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
}

func TestTheAnswerHasTheGatewaysHeaders(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	token := w.admin()
	w.orgRes(token)
	out := w.orgRes(token)
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "Server": "api-gateway",
		"X-APIG-Latency": "0", "X-APIG-Upstream-Latency": "0", "X-Envoy-Upstream-Service-Time": "0",
		"X-APIG-Ratelimit-Api":        "remain:98,limit:100,time:1 minute",
		"X-APIG-Ratelimit-Api-Allenv": "remain:198,limit:200,time:1 second",
	} {
		if got := strings.Join(out.Header()[name], "|"); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	if id := out.Header().Get("X-Request-Id"); len(id) != 32 {
		t.Errorf("X-Request-Id %q", id)
	}
	out = w.Call("GET", orgResPath, "", "X-Access-Token", token, "X-Request-ID", "f47ac10b-58cc-4372-a567-0e02b2c3d479")
	if got := out.Header().Get("X-Request-Id"); got != "f47ac10b-58cc-4372-a567-0e02b2c3d479" {
		t.Errorf("the caller's request id became %q", got)
	}
}

func TestTodayIsTheCalendarDayOfTheTenantsZone(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	// Midnight in Shanghai is 16:00 UTC; the world begins at 09:02 on 5 March there.
	midnight := time.Date(2026, 3, 4, 16, 0, 0, 0, time.UTC)
	token := w.admin()
	for i, at := range []time.Time{midnight.Add(-time.Nanosecond), midnight, began, midnight.Add(24*time.Hour - time.Nanosecond), midnight.Add(24 * time.Hour)} {
		w.ingest(w.Event(at, "meeting.conference.started", fmt.Sprint(i), "/", ""))
	}
	if got := w.Object(w.orgRes(token))["confCount"]; got != 3.0 {
		t.Fatalf("confCount %v, want the 3 of the day", got)
	}
	w.Clock.Move(15 * time.Hour) // past the next midnight there
	token = w.admin()
	if got := w.Object(w.orgRes(token))["confCount"]; got != 1.0 {
		t.Fatalf("confCount of the next day %v, want 1", got)
	}
}

func TestLevelsAreReadAsOfNow(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	token := w.admin()
	w.ingest(
		w.Event(began.AddDate(-1, 0, 0), "meeting.attendee.joined", "a", "/", ""),
		w.Event(began, "meeting.attendee.joined", "b", "/", ""),
		w.Event(began.Add(time.Minute), "meeting.attendee.joined", "c", "/", ""),
	)
	if got := w.Object(w.orgRes(token))["usedAccountsCount"]; got != 2.0 {
		t.Fatalf("now %v, want 2: the one of last year and the one of this instant", got)
	}
	w.Clock.Move(time.Minute)
	if got := w.Object(w.orgRes(token))["usedAccountsCount"]; got != 3.0 {
		t.Fatalf("a minute later %v, want 3", got)
	}
}

func TestLevelsBelowZeroAreShownAsNone(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	w.ingest(
		w.Event(began, "meeting.attendee.left", "a", "/", ""), w.Event(began, "meeting.live.stopped", "a", "/", ""),
		w.Event(began, "meeting.recording.deleted", "a", "/", `{"bytes":5000000000}`),
	)
	const want = `{"usedRecStorage":0.0,"usedAccountsCount":0,"usedLiveCount":0,"confCount":0,"confLength":0,"activeAttendeeCount":0,"totalAttendeeCount":0}`
	if out := w.orgRes(w.admin()); out.Body.String() != want {
		t.Fatalf("%s", out.Body)
	}
}

// decoded has the types of the vendor's Go client.
type decoded struct {
	UsedRecStorage      *float64 `json:"usedRecStorage"`
	UsedAccountsCount   *int32   `json:"usedAccountsCount"`
	UsedLiveCount       *int32   `json:"usedLiveCount"`
	ConfCount           *int32   `json:"confCount"`
	ConfLength          *int64   `json:"confLength"`
	ActiveAttendeeCount *int32   `json:"activeAttendeeCount"`
	TotalAttendeeCount  *int32   `json:"totalAttendeeCount"`
}

func TestEveryAnswerFitsTheVendorsTypes(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		body := []byte{'{'}
		for i, b := range meeting.Mapping() {
			if i > 0 {
				body = append(body, ',')
			}
			v := usance.SumOf(rapid.Int64().Draw(rt, b.Name))
			if rapid.Bool().Draw(rt, "wide") {
				v = v.Plus(v).Plus(v)
			}
			body = append(body, fmt.Sprintf("%q:", b.Name)...)
			body = meeting.AppendField(b.Name, body, v)
		}
		var got decoded
		decoder := json.NewDecoder(strings.NewReader(string(body) + "}"))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&got); err != nil {
			rt.Fatalf("%s: %v", body, err)
		}
		for _, n := range []*int32{got.UsedAccountsCount, got.UsedLiveCount, got.ConfCount, got.ActiveAttendeeCount, got.TotalAttendeeCount} {
			if n == nil || *n < 0 {
				rt.Fatalf("%s", body)
			}
		}
		if *got.UsedRecStorage < 0 || *got.ConfLength < 0 {
			rt.Fatalf("%s", body)
		}
	})
}

func storage(v usance.Sum) string {
	return string(meeting.AppendField("usedRecStorage", nil, v))
}

func TestStorageIsGigabytesRoundedHalfUpToTwoDecimals(t *testing.T) {
	const hundredth = 1 << 30 / 100 // and 24/100 of a byte
	for bytes, want := range map[int64]string{
		0: "0.0", 1: "0.0", 1 << 30: "1.0", 3 << 29: "1.5", 1<<30 + 1<<28: "1.25", -1 << 40: "0.0",
		hundredth / 2: "0.0", hundredth/2 + 1: "0.01", 1<<30 - 1: "1.0", 99<<30 + 1<<29: "99.5",
	} {
		if got := storage(usance.SumOf(bytes)); got != want {
			t.Errorf("%d bytes: %s, want %s", bytes, got, want)
		}
	}
	// 25/8 hundredths of 2^30 is a whole number of bytes: halves are exact there.
	if got := storage(usance.SumOf(1 << 30 / 8)); got != "0.13" { // 0.125
		t.Errorf("half a hundredth is rounded to %s", got)
	}
	rapid.Check(t, func(rt *rapid.T) {
		bytes := rapid.Int64Range(0, 1<<62).Draw(rt, "bytes")
		got, ok := new(big.Rat).SetString(storage(usance.SumOf(bytes)))
		if !ok {
			rt.Fatal("not a number")
		}
		// |got − bytes/2^30| ≤ 1/200, and below only by less.
		diff := new(big.Rat).Sub(got, big.NewRat(bytes, 1<<30))
		if half := big.NewRat(1, 200); diff.Cmp(half) > 0 || diff.Cmp(new(big.Rat).Neg(half)) <= 0 {
			rt.Fatalf("%d bytes are shown as %v, off by %v", bytes, got, diff)
		}
	})
}

func TestOnlyAdministratorsReadOrgRes(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	branch := user("branch", "branch-pass", usance.RoleAdmin)
	branch.Subtree = "/branch"
	w.Edit(acme, registry.Edit{Users: []registry.UserSpec{user("view", "view-pass", usance.RoleViewer), user("feed", "feed-pass", usance.RoleIngester), branch}})
	for _, name := range []string{"alice", "view", "feed", "branch"} {
		token, _ := w.granted(w.login(name+"@acme", name+"-pass", 72))
		w.refusedWith(w.orgRes(token), 403, "MMC.111080002")
	}
}

func TestNothingButAnAccessTokenGetsIn(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	w.Edit(acme, registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "t", Role: usance.RoleAdmin}, Secret: "us_native_token"}}})
	_, refresh := w.granted(w.login("ops@acme", "S3cret-2026!", 72))
	for _, token := range []string{"", "cnr1", "us_native_token", refresh, strings.Repeat("a", 20_000), "\xff"} {
		w.refusedWith(w.orgRes(token), 401, "USG.206020000")
	}
	w.refusedWith(w.Call("GET", orgResPath, "", "X-Auth-Token", w.admin()), 401, "USG.206020000")
	w.refusedWith(w.Call("GET", orgResPath, "", "Authorization", "Bearer us_native_token"), 401, "USG.206020000")
}

func TestTheThrottleIsByUserAndByTenant(t *testing.T) {
	w := newWorld(t, meeting.Options{Limits: gateway.Limits{"meeting.user": {Requests: 2, Per: time.Minute}, "meeting.tenant": {Requests: 3, Per: time.Second}}})
	token := w.admin()
	for range 2 {
		if out := w.orgRes(token); out.Code != 200 {
			t.Fatalf("%d %s", out.Code, out.Body)
		}
	}
	out := w.orgRes(token)
	w.refusedWith(out, 429, "APIGW.0308")
	if msg := w.Object(out)["error_msg"]; msg != "The throttling threshold has been reached: policy user over ratelimit,limit:2,time:1 minute" {
		t.Errorf("%v", msg)
	}
	w.Clock.Move(time.Minute)
	if out := w.orgRes(token); out.Code != 200 {
		t.Fatalf("in the next minute: %d", out.Code)
	}
	other, _ := w.granted(w.login("alice@acme", "alice-pass", 72))
	for range 2 {
		w.refusedWith(w.orgRes(other), 403, "MMC.111080002") // counted, though refused
	}
	out = w.orgRes(token)
	if w.refusedWith(out, 429, "APIGW.0308"); !strings.Contains(out.Body.String(), "limit:3,time:1 second") {
		t.Errorf("%s", out.Body)
	}
}

func TestMessagesSpeakTheCallersLanguage(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for accept, want := range map[string]string{"": "Token无效", "zh-CN": "Token无效", "fr": "Token无效",
		"en-US": "The access token is missing or invalid.", "fr, en;q=0.8, zh": "The access token is missing or invalid."} {
		out := w.Call("GET", orgResPath, "", "Accept-Language", accept)
		if got := w.Object(out)["error_msg"]; got != want {
			t.Errorf("%q: %v", accept, got)
		}
	}
}

func TestUnknownPathsAndMethodsAreTheGateways(t *testing.T) {
	w := newWorld(t, meeting.Options{})
	for _, c := range [][2]string{{"GET", "/v1/mmc/"}, {"GET", "/v1/mmc/management/orgres"}, {"POST", orgResPath}, {"GET", loginPath},
		{"POST", tokenPath}, {"GET", "/v1/metrics/dashboard/statistic/resource/info"}, {"GET", orgResPath + "/"}, {"GET", "/v1/usg/../mmc/management/orgRes"}} {
		w.refusedWith(w.Call(c[0], c[1], ""), 404, "APIGW.0101")
	}
}

func TestOwnsItsOwnPathsOnly(t *testing.T) {
	f := meeting.New(nil, nil, meeting.Options{Now: facadetest.NewClock(began).Now})
	for path, want := range map[string]bool{orgResPath: true, loginPath: true, appPath: true, "/v1/metrics/x": true,
		"/v1/mmc": false, "/v2/mmc/": false, "/v1/": false, "/v1/0123/rtc/history/usage": false, "/": false} {
		if f.Owns(path) != want {
			t.Errorf("Owns(%q) is %v", path, !want)
		}
	}
}

func BenchmarkOrgRes(b *testing.B) {
	w := newWorld(b, meeting.Options{Limits: gateway.Limits{"meeting.user": gateway.Off(), "meeting.tenant": gateway.Off()}})
	exampleOfThePage(w)
	token := w.admin()
	b.ReportAllocs()
	for b.Loop() {
		if out := w.orgRes(token); out.Code != 200 {
			b.Fatal(out.Code)
		}
	}
}
