package server

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/console"
	"github.com/usance/usance/internal/backup"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// The secrets that are planted. The master key's bytes are letters, so that they
// would show as they are.
const (
	canaryPassword   = "canary-Password-7781"
	canaryAKSK       = "canarySecretKey7782"
	canaryApp        = "canary-app-key-7783"
	canaryZStack     = "canaryZStackSecret7784"
	canaryToken      = "us_canary_token_7785"
	canaryOperator   = "us_canary_operator_7786"
	canaryPassphrase = "canary passphrase 7787"
	canaryMaster     = "canary-master-key-of-32-bytes-88"
)

const canaryManifest = `
tenants:
- id: acme
  timezone: UTC
  aliases: {huawei.project: 0123456789abcdef0123456789abcdef, huawei.project_name: acme-north, huawei.domain: acme-account}
  users: [{name: acme-admin, password: "` + canaryPassword + `", role: admin}]
  keys:
  - {kind: aksk, id: AKcanary, secret: ` + canaryAKSK + `, user: acme-admin}
  - {kind: app, id: app-canary, secret: ` + canaryApp + `, user: acme-admin}
  - {kind: zstack, id: ZKcanary, secret: ` + canaryZStack + `, user: acme-admin}
  tokens: [{name: tok, role: admin, secret: ` + canaryToken + `}]
`

// aviary is everything that the server let out, by where it came from.
type aviary struct {
	t       *testing.T
	s       *Server
	log     *lockedBuffer
	out     map[string]string
	secrets map[string]string
}

func newAviary(t *testing.T) (a *aviary, dir string) {
	t.Helper()
	dir = t.TempDir()
	st, err := pebblestore.Open(filepath.Join(dir, "store"), pebblestore.Options{CacheBytes: 1 << 20, MemTableBytes: 4 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() }) // a test may have closed it
	a = &aviary{t: t, log: &lockedBuffer{}, out: map[string]string{}}
	var master [32]byte
	copy(master[:], canaryMaster)
	a.s, err = New(Config{Store: st, Now: noon, OperatorToken: canaryOperator, MasterKey: master, PasswordCost: facadetest.CheapPasswords(),
		Logger:  slog.New(slog.NewJSONHandler(a.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Scratch: func() (store.Store, error) { return pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem()}) },
		Snapshot: func(ctx context.Context) (*backup.Snapshot, error) {
			at := filepath.Join(dir, "snapshot")
			return &backup.Snapshot{Dir: at, Close: func() error { return os.RemoveAll(at) }}, st.Checkpoint(ctx, at)
		}})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.s.Registry().PutOperatorToken(t.Context(), "operator", canaryOperator); err != nil {
		t.Fatal(err)
	}
	a.secrets = map[string]string{"a password": canaryPassword, "an access key's secret": canaryAKSK, "an app key": canaryApp, "a ZStack key's secret": canaryZStack,
		"a token": canaryToken, "the operator's token": canaryOperator, "the passphrase": canaryPassphrase, "the master key": canaryMaster}
	return a, dir
}

// call keeps what a request was answered with, header included.
func (a *aviary) call(method, path, body string, header ...string) (int, string) {
	a.t.Helper()
	r := facadetest.Request(method, "http://usance.test"+path, body, append([]string{"Content-Type", "application/json"}, header...)...)
	m := matrix{s: a.s}
	w := m.serve(r)
	var head bytes.Buffer
	_ = w.Header().Write(&head) // to memory
	a.out[fmt.Sprintf("%d %s %s", len(a.out), method, path)] = head.String() + w.Body.String()
	return w.Code, w.Body.String()
}

// check looks for every secret in everything, as it is and in the forms that
// programs give to bytes.
func (a *aviary) check() {
	a.t.Helper()
	a.out["the log"] = a.log.String()
	if len(a.out["the log"]) < 1000 {
		a.t.Errorf("the log is too short to tell anything: %s", a.out["the log"])
	}
	for where, text := range a.out {
		for what, secret := range a.secrets {
			for _, form := range []string{secret, hex.EncodeToString([]byte(secret)), base64.StdEncoding.EncodeToString([]byte(secret)), base64.RawURLEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%d", []byte(secret))} {
				if strings.Contains(text, form) {
					a.t.Errorf("%s is told by %s", what, where)
				}
			}
		}
	}
}

func TestNoSecretLeavesTheServer(t *testing.T) {
	a, _ := newAviary(t)
	bearer := []string{"Authorization", "Bearer " + canaryOperator}
	must := func(want int, method, path, body string, header ...string) {
		t.Helper()
		if got, text := a.call(method, path, body, append(header, bearer...)...); got != want {
			t.Fatalf("%s %s: %d %.300s", method, path, got, text)
		}
	}
	must(200, "POST", "/api/v1/apply", canaryManifest)
	must(200, "POST", "/api/v1/apply", canaryManifest)
	must(400, "POST", "/api/v1/apply", canaryManifest+"  nonsense: "+canaryPassword+"\n")
	must(400, "POST", "/api/v1/apply", strings.Replace(canaryManifest, "role: admin", "role: "+"emperor", 1))
	must(204, "POST", "/api/v1/events?tenant=acme", `{"specversion":"1.0","id":"1","source":"s","type":"meeting.conference.started"}`)
	for _, path := range []string{"/users", "/users/acme-admin", "/keys", "/keys/aksk/AKcanary", "/tokens", "/tokens/tok", "/audit", "/tenants/acme", "/meters", "/events"} {
		sep := "?tenant=acme"
		if strings.HasPrefix(path, "/tenants") {
			sep = ""
		}
		must(200, "GET", "/api/v1"+path+sep, "")
	}
	must(200, "POST", "/api/v1/verify?tenant=acme", "")
	must(200, "GET", "/api/v1/tenants/acme/export", "")
	must(200, "GET", "/api/v1/tenants/acme/export", "", "Usance-Passphrase", canaryPassphrase)
	must(200, "POST", "/api/v1/backup", `{"have":[]}`)
	for _, path := range []string{"/metrics", "/openapi.json", "/docs", "/healthz", "/readyz", "/"} {
		a.call("GET", path, "")
	}
	a.wrongPlaces()
	a.signIns()
	a.check()
}

// wrongPlaces sends each secret where it is wrong, or not wanted: what refuses it
// must not repeat it, and the log not keep it.
func (a *aviary) wrongPlaces() {
	a.t.Helper()
	for _, secret := range []string{canaryPassword, canaryAKSK, canaryToken, canaryOperator} {
		for _, path := range []string{"/api/v1/quotas", "/v1/mmc/management/orgRes", "/koodrive/ose/v1/service/quotaUsed", "/zstack/v1/accounts/quotas", "/v3/projects",
			"/v1/" + acmeProject + "/rtc/history/usage", "/v1/" + acmeProject + "/tenants/resources"} {
			for _, header := range []string{"Authorization", "X-Access-Token", "X-Auth-Token", "X-Security-Token", "Cookie"} {
				a.call("GET", path, "", header, secret+"x")
				if header == "Authorization" {
					a.call("GET", path, "", header, "Bearer "+secret+"x")
					a.call("GET", path, "", header, "Basic "+base64.StdEncoding.EncodeToString([]byte("acme-admin:"+secret)))
					a.call("GET", path, "", header, "OAuth "+secret)
				}
			}
		}
	}
	a.call("POST", "/api/v1/users?tenant=acme", `{"name":"new","role":"none","password":"`+canaryPassword+`"}`, "Authorization", "Bearer "+canaryToken)
	a.call("POST", "/api/v1/users", `{"name":"new","password":{"clear":"`+canaryPassword+`"}}`, "Authorization", "Bearer "+canaryToken)
	a.call("POST", "/api/v1/keys", `{"kind":"aksk","id":"AKcanary","user":"nobody","secret":"`+canaryAKSK+`"}`, "Authorization", "Bearer "+canaryToken)
	a.call("POST", "/api/v1/tokens", `{"name":"again","role":"admin","secret":"`+canaryToken+`"}`, "Authorization", "Bearer "+canaryOperator)
	a.call("POST", "/api/v1/tenants/other/import", "no archive", "Authorization", "Bearer "+canaryOperator, "Usance-Passphrase", canaryPassphrase)
}

// signIns signs in everywhere with the right password and with ones that are wrong
// in part, and keeps the refusals; what is given to who signed in becomes a secret
// itself, which nothing else may tell.
func (a *aviary) signIns() {
	a.t.Helper()
	basic := func(password string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte("acme-admin:"+password))
	}
	for _, password := range []string{canaryPassword + "x", canaryPassword} {
		a.call("POST", "/v1/usg/acs/auth/account", `{"account":"acme-admin","clientType":7}`, "Authorization", basic(password))
		a.call("PUT", "/zstack/v1/accounts/login", `{"logInByAccount":{"accountName":"acme-admin","password":"`+password+`"}}`)
		a.call("POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"acme-admin","password":"`+password+`","domain":{"name":"another"}}}}}}`)
		a.call("POST", "/console/session", `{"login":"nobody","password":"`+password+`"}`, console.HeaderConsole, "1")
		a.call("POST", "/console/session", `{"login":"acme-admin","password":"`+password+`","token":"`+canaryToken+`"}`, console.HeaderConsole, "1")
	}
	m := &matrix{t: a.t, s: a.s}
	r := facadetest.Request("POST", "http://usance.test/console/session", `{"token":"`+canaryToken+`"}`, console.HeaderConsole, "1", "Content-Type", "application/json")
	a.out["the console's cookie"] = fmt.Sprint(m.serve(r).Header())
	r = facadetest.Request("POST", "http://usance.test/v1/usg/acs/auth/account", `{"account":"acme-admin","clientType":72}`, "Authorization", basic(canaryPassword), "Content-Type", "application/json")
	w := m.serve(r)
	if w.Code != http.StatusOK {
		a.t.Fatalf("%d %s", w.Code, w.Body)
	}
	_, rest, _ := strings.Cut(w.Body.String(), `"accessToken":"`)
	session, _, _ := strings.Cut(rest, `"`)
	a.secrets["a session's token"] = session
	a.call("GET", "/v1/mmc/management/orgRes", "", "X-Access-Token", session)
	a.call("GET", "/metrics", "")
	a.call("GET", "/api/v1/audit?tenant=acme", "", "Authorization", "Bearer "+canaryOperator)
	a.call("GET", "/v3/projects", "", "X-Auth-Token", session)
}

func TestNoSecretIsInTheFilesOfTheStoreOrABackup(t *testing.T) {
	a, dir := newAviary(t)
	if code, text := a.call("POST", "/api/v1/apply", canaryManifest, "Authorization", "Bearer "+canaryOperator); code != 200 {
		t.Fatal(code, text)
	}
	a.signIns()
	if code, _ := a.call("POST", "/api/v1/backup", `{"have":[]}`, "Authorization", "Bearer "+canaryOperator); code != 200 {
		t.Fatal(code)
	}
	if err := a.s.config.Store.Close(); err != nil { // what it holds is in its files then
		t.Fatal(err)
	}
	seen := false
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		seen = seen || bytes.Contains(text, []byte("app-canary")) // it is readable: names are in it
		a.out[path] = string(text)
		return err
	})
	if err != nil || !seen {
		t.Fatalf("the files of the store: %v, readable %v", err, seen)
	}
	a.check()
}

// TestAPanicTellsNoSecret lets a handler panic with one under its hands.
func TestAPanicTellsNoSecret(t *testing.T) {
	a, _ := newAviary(t)
	for i := range a.s.surfaces {
		a.s.surfaces[i].handler = http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			panic(errors.Join(err, fmt.Errorf("a fault over %d bytes", len(body))))
		})
	}
	for range 8 {
		if code, _ := a.call("POST", "/api/v1/users?tenant=acme", `{"password":"`+canaryPassword+`"}`, "Authorization", "Bearer "+canaryOperator, "Cookie", canaryToken, "X-Auth-Token", canaryAKSK); code != 500 {
			t.Fatal(code)
		}
	}
	a.check()
}
