package server

import (
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/console"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/store"
)

// Whatever credential of acme was good is as good as one that was revoked, at every
// surface, whether its rows are still there or not.
func TestNothingOfADeletedTenantAuthenticates(t *testing.T) {
	m := newMatrix(t)
	m.subject, m.session = m.signIn("iam", "acme-admin"), m.signIn("zstack", "acme-admin")
	good := credentials[:5]
	sessions := map[string]map[string]string{} // by credential and surface
	for _, credential := range good {
		sessions[credential] = map[string]string{}
		for _, surface := range signedInAt {
			sessions[credential][surface] = m.signIn(surface, personOf(credential))
		}
	}
	var login struct{ Code string }
	if err := json.Unmarshal(m.native("POST", "/api/v1/login-codes?tenant=acme", `{"user":"acme-admin"}`, 201).Body.Bytes(), &login); err != nil {
		t.Fatal(err)
	}
	m.native("DELETE", "/api/v1/tenants/acme?confirm=acme", "", 200)

	cells := 0
	try := func() {
		t.Helper()
		for _, credential := range good {
			m.stale["revoked"] = sessions[credential] // shown as what it is: a session that was good
			cells += m.facadesRefuse(t, credential)
			m.nativeRefuses(t, credential, sessions[credential]["console"])
		}
		m.signInsRefuse(t, login.Code)
	}
	try()
	m.sweepDeletions(t)
	try()
	if cells < 100 {
		t.Errorf("only %d cells", cells)
	}
	m.clock.Move(time.Minute) // failed sign-ins of others are counted
	if m.signIn("console", "beta-admin") == "" {
		t.Error("another tenant's user cannot sign in")
	}
}

// facadesRefuse asks every route with a session and a key that were good, and counts
// how often.
func (m *matrix) facadesRefuse(t *testing.T, credential string) (cells int) {
	t.Helper()
	table := rows()
	for _, at := range m.s.surfaces {
		lister, ok := at.handler.(interface{ Routes() []string })
		if !ok {
			continue
		}
		for _, route := range lister.Routes() {
			r := table[at.name+" "+route]
			method, path, _ := strings.Cut(route, " ")
			if r.path != "" {
				path = r.path
			}
			if at.name == "zstack" {
				path = "/zstack" + strings.ReplaceAll(path, "%s", m.session)
			}
			for _, means := range []string{bySession, byKey} {
				want := r.expected(at.name, "revoked", means)
				if r.open != "" || strings.HasPrefix(want, "2") || means == byKey && (at.name == "meeting" || r.body != "" && at.name != "zstack") {
					continue
				}
				shown := "revoked"
				if means == byKey {
					shown = credential
				}
				w := m.ask(at.name, shown, means, method, path, r.body)
				if job := w.Header().Get("Location"); w.Code == 202 {
					if job == "" {
						_, rest, _ := strings.Cut(w.Body.String(), "http://usance.test")
						job, _, _ = strings.Cut(rest, `"`)
					}
					w = m.ask(at.name, shown, means, "GET", job, "")
				}
				status, word, _ := strings.Cut(want, " ")
				if fmt.Sprint(w.Code) != status || !strings.Contains(w.Body.String(), word) || strings.Contains(w.Body.String(), private) {
					t.Errorf("%s %s, %s by %s: %d, want %s: %.200s", at.name, route, credential, means, w.Code, want, w.Body)
				}
				cells++
			}
		}
	}
	return cells
}

// nativeRefuses asks the native API by the token and by the console's cookie.
func (m *matrix) nativeRefuses(t *testing.T, credential, cookie string) {
	t.Helper()
	token := facadetest.Request("GET", "http://usance.test/api/v1/meters", "", "Authorization", "Bearer us_token_of_acme-"+credential)
	page := facadetest.Request("GET", "http://usance.test/api/v1/meters", "")
	setCookie(page, cookie)
	page.Header.Set(console.HeaderConsole, "1")
	for what, w := range map[string]*httptest.ResponseRecorder{"token": m.serve(token), "cookie": m.serve(page)} {
		if w.Code != 401 || strings.Contains(w.Body.String(), private) {
			t.Errorf("%s's %s: %d %s", credential, what, w.Code, w.Body)
		}
	}
}

// signInsRefuse tries to begin anew: with the password, and with a code that was asked
// for before.
func (m *matrix) signInsRefuse(t *testing.T, code string) {
	t.Helper()
	for path, body := range map[string]string{"/koodrive/ose/v1/session": `{"code":"` + code + `"}`, "/console/session": `{"login":"acme-admin","password":"pw-acme-admin"}`,
		"/v3/auth/tokens": `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"acme-admin","password":"pw-acme-admin","domain":{"name":"acme-account"}}}}}}`} {
		w := m.serve(facadetest.Request("POST", "http://usance.test"+path, body, "Content-Type", "application/json", console.HeaderConsole, "1"))
		if w.Code != 401 {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

func (m *matrix) sweepDeletions(t *testing.T) {
	t.Helper()
	for range 1000 {
		if err := m.s.mover.SweepDeletions(t.Context()); err != nil {
			t.Fatal(err)
		}
		if list, err := m.s.registry.Deletions(t.Context(), 1); err != nil {
			t.Fatal(err)
		} else if len(list) == 0 {
			return
		}
	}
	t.Fatal("the deletion does not end")
}

// A server removes what a deleted tenant had, and its drift from the metrics, without
// anyone asking.
func TestADeletionEndsWithoutAnyoneAsking(t *testing.T) {
	s, _, sweep := sweptServer(t)
	makeTenant(t, s)
	s.metrics.verified("acme", true)
	r := run(t, s)
	if status, _, body := r.call(t, "DELETE", "/api/v1/tenants/acme?confirm=acme", operator, ""); status != 200 || !strings.Contains(body, `"going"`) {
		t.Fatal(status, body)
	}
	for n := 0; ; n++ {
		sweep()
		_, _, body := r.call(t, "GET", "/api/v1/deleted-tenants", operator, "")
		if strings.Contains(body, `"gone"`) {
			break
		}
		if n == 100 {
			t.Fatal(body)
		}
	}
	n := 0
	err := s.config.Store.Scan(t.Context(), usance.TenantID("acme"), store.Range{Table: store.Blocks}, func(store.Row) error { n++; return nil })
	if err != nil || n > 0 {
		t.Errorf("%d blocks, %v", n, err)
	}
	if _, _, text := r.call(t, "GET", "/metrics", "", ""); !strings.Contains(text, "\nusance_verify_drift 0\n") {
		t.Error("the metric tells of a tenant that is no more")
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Error(err)
	}
}
