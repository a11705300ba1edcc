package api

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/usance/usance"
)

func TestUnknownPathsAndMethodsAnswerAsProblems(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/", "/api/v1", "/api/v1/", "/api/v1/charges/x", "/api/v1/holds/x/y", "/api/v1/events/", "/api/v1/events//void", "/api/v1/meters//query",
		"/api/v1/meters/a/b", "/api/v1/../v1/events", "/api/v1/%65vents", "/api/v2/events", "/openapi.yaml"} {
		r := h.do(call{method: "GET", path: path})
		if r.Code != 404 || r.problem().Type != "urn:usance:problem:not-found" {
			t.Errorf("%s: %d %s", path, r.Code, r.Body)
		}
	}
	for _, c := range []struct{ method, path, allow string }{
		{"PATCH", "/api/v1/events", "POST, GET, HEAD"},
		{"OPTIONS", "/api/v1/meters/x", "GET, HEAD, PUT, DELETE"},
		{"DELETE", "/api/v1/resources/count", "GET, HEAD, PUT, DELETE"},
		{"POST", "/openapi.json", "GET, HEAD"},
		{"GET", "/api/v1/apply", "POST"},
	} {
		r := h.do(call{method: c.method, path: c.path, token: "none"})
		if c.method == "DELETE" { // a resource may be called count
			r.want(401)
			continue
		}
		if r.Code != 405 || r.Header().Get("Allow") != c.allow || r.problem().Type != "urn:usance:problem:method-not-allowed" {
			t.Errorf("%s %s: %d, Allow %q: %s", c.method, c.path, r.Code, r.Header().Get("Allow"), r.Body)
		}
	}
	if r := h.do(call{method: "HEAD", path: prefix + "/meters"}); r.Code != 200 {
		t.Errorf("HEAD: %d", r.Code)
	}
}

func TestATokenIsNeededAndSaysHow(t *testing.T) {
	h := newHouse(t)
	for header, want := range map[string]string{
		"":                                    `Bearer realm="usance"`,
		"Basic YTpi":                          `Bearer realm="usance"`,
		"Bearer":                              `Bearer realm="usance", error="invalid_token"`,
		"Bearer nonsense":                     `Bearer realm="usance", error="invalid_token"`,
		"Bearer " + strings.Repeat("x", 5000): `Bearer realm="usance", error="invalid_token"`,
	} {
		c := call{method: "GET", path: prefix + "/meters", token: "none"}
		if header != "" {
			c.headers = map[string]string{"Authorization": header}
		}
		r := h.do(c).want(401)
		if r.problem(); r.Header().Get("WWW-Authenticate") != want {
			t.Errorf("%.40q: %s", header, r.Header().Get("WWW-Authenticate"))
		}
	}
}

func TestBodiesAreReadStrictly(t *testing.T) {
	h := newHouse(t)
	for body, field := range map[string]string{
		`{"name":"x","role":"viewer","rolle":"admin"}`: "rolle",
		`{"name":"x","name":"y","role":"viewer"}`:      "name",
		`{"name":"x","Role":"admin"}`:                  "Role",
		`{"name":7,"role":"viewer"}`:                   "name",
		"{\"name\":\"\xff\",\"role\":\"viewer\"}":      "name",
		`{"name":"x","role":"viewer"} {}`:              "",
		`[]`:                                           "",
		``:                                             "",
	} {
		c := call{method: "POST", path: prefix + "/users", body: body}
		p := h.do(c).want(400).problem()
		if field != "" && (len(p.Errors) != 1 || p.Errors[0].Field != field) {
			t.Errorf("%s: %+v", body, p)
		}
	}
	h.do(call{method: "POST", path: prefix + "/users", body: `{"name":"x","role":"viewer"}`, media: "text/html"}).want(415).problem()
	h.do(call{method: "POST", path: prefix + "/users", body: strings.Repeat(" ", usance.MaxBodyBytes+1)}).want(413).problem()
}

// What went wrong inside goes to the log; the caller gets a number to ask for.
func TestInternalTextNeverReachesTheCaller(t *testing.T) {
	h := newHouse(t)
	var log bytes.Buffer
	reg := h.reg
	a := New(reg, h.led, Options{Now: h.now, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	for i := range a.routes {
		switch a.routes[i].id {
		case "listMeters":
			a.routes[i].handle = func(*request) error { return registryFault() }
		case "listNodes":
			a.routes[i].handle = func(*request) error { panic("kept in /var/secret") }
		}
	}
	for _, path := range []string{"/meters", "/nodes"} {
		r := httptest.NewRequestWithContext(t.Context(), "GET", prefix+path, nil)
		r.Header.Set("Authorization", "Bearer "+secretOf("acme-admin-"))
		w := httptest.NewRecorder()
		a.Handler().ServeHTTP(w, r)
		p := (&reply{w, t}).want(http.StatusInternalServerError).problem()
		if strings.Contains(w.Body.String(), "secret") || p.Type != "urn:usance:problem:internal" {
			t.Errorf("%s: %s", path, w.Body)
		}
		if !strings.Contains(log.String(), p.RequestID) || !strings.Contains(log.String(), "/var/secret") {
			t.Errorf("%s: the log has %s", path, log.String())
		}
	}
	if strings.Contains(log.String(), secretOf("acme-admin-")) {
		t.Error("a token is in the log")
	}
}

func registryFault() error {
	return &usance.Error{Kind: usance.KindInternal, Detail: "kept in /var/secret"}
}
