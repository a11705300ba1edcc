package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/internal/sdksign"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// newClock is three seconds into a minute.
func newClock() *facadetest.Clock {
	return facadetest.NewClock(time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC))
}

// serve runs a gateway on loopback.
func serve(t *testing.T, c FrontConfig, h http.Handler) *httptest.Server {
	t.Helper()
	if c.Log == nil {
		c.Log = quiet()
	}
	srv := httptest.NewServer(Front(c, h))
	t.Cleanup(srv.Close)
	return srv
}

// answer is what the tests look at besides the body.
type answer struct {
	StatusCode int
	Header     http.Header
}

func call(t *testing.T, method, url string, header http.Header) (answer, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header}, string(body)
}

var hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

func TestEveryAnswerCarriesTheGatewaysHeaders(t *testing.T) {
	c := newClock()
	mux := NewMux()
	mux.HandleFunc("GET /served", func(w http.ResponseWriter, r *http.Request) {
		c.Move(3 * time.Millisecond)
		Upstream(r.Context())
		c.Move(5 * time.Millisecond)
		_, _ = io.WriteString(w, "{}")
	})
	mux.HandleFunc("GET /silent", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /panics", func(http.ResponseWriter, *http.Request) { panic("boom") })
	srv := serve(t, FrontConfig{Now: c.Now}, mux)
	for _, tc := range []struct {
		path              string
		status            int
		latency, upstream string
		code              string
	}{
		{"/served", 200, "8", "5", ""},
		{"/silent", 200, "0", "", ""},
		{"/panics", 500, "0", "", "APIGW.0601"},
		{"/unknown", 404, "0", "", "APIGW.0101"},
	} {
		resp, body := call(t, "GET", srv.URL+tc.path, nil)
		h := resp.Header
		if resp.StatusCode != tc.status || h.Get("Server") != "api-gateway" || !hex32.MatchString(h.Get("X-Request-Id")) {
			t.Errorf("%s: %d %v", tc.path, resp.StatusCode, h)
		}
		if h.Get(HeaderLatency) != tc.latency || h.Get(HeaderUpstreamLatency) != tc.upstream || h.Get(HeaderEnvoyTime) != tc.upstream {
			t.Errorf("%s: %v", tc.path, h)
		}
		if tc.code == "" {
			continue
		}
		var b map[string]string
		if err := json.Unmarshal([]byte(body), &b); err != nil || b["error_code"] != tc.code || b["request_id"] != h.Get("X-Request-Id") || b["error_msg"] == "" || len(b) != 3 {
			t.Errorf("%s: %s", tc.path, body)
		}
	}
}

func TestUnknownPathsAndMethodsAreOneKindOfNotFound(t *testing.T) {
	mux := NewMux()
	mux.HandleFunc("GET /v1/{project_id}/usage", func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, r.PathValue("project_id"))
	})
	srv := serve(t, FrontConfig{Now: newClock().Now, NewID: func() string { return strings.Repeat("a", 32) }}, mux)
	if resp, body := call(t, "GET", srv.URL+"/v1/p/usage?x=1", nil); resp.StatusCode != 200 || body != "p" {
		t.Fatalf("%d %s", resp.StatusCode, body)
	}
	for _, c := range [][2]string{{"POST", "/v1/p/usage"}, {"DELETE", "/v1/p/usage"}, {"GET", "/v1/p/usage/"}, {"GET", "//v1/p/usage"},
		{"GET", "/v1/../v1/p/usage"}, {"GET", "/"}, {"GET", "/v1//usage"}, {"OPTIONS", "/v1/p/usage"}, {"GET", "/v1/p/Usage"}} {
		resp, body := call(t, c[0], srv.URL+c[1], nil)
		want := `{"error_msg":"The API does not exist.","error_code":"APIGW.0101","request_id":"` + strings.Repeat("a", 32) + `"}`
		if resp.StatusCode != 404 || body != want || resp.Header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", c, resp.StatusCode, body)
		}
	}
}

func TestTheCallersRequestIDIsTakenOnlyWhereAsked(t *testing.T) {
	for _, taken := range []bool{false, true} {
		srv := serve(t, FrontConfig{Now: newClock().Now, CallerID: taken}, NewMux())
		const mine = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
		resp, body := call(t, "GET", srv.URL, http.Header{"X-Request-ID": {mine}})
		if got := resp.Header.Get("X-Request-Id"); (got == mine) != taken || !strings.Contains(body, got) {
			t.Errorf("taken %v: %s, %s", taken, got, body)
		}
		resp, _ = call(t, "GET", srv.URL, http.Header{"X-Request-Id": {"<script>"}})
		if got := resp.Header.Get("X-Request-Id"); !hex32.MatchString(got) {
			t.Errorf("taken %v: unacceptable id answered %q", taken, got)
		}
	}
}

func TestOversizedRequestsAreRefused(t *testing.T) {
	served := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	srv := serve(t, FrontConfig{Now: newClock().Now}, served)
	many := http.Header{}
	for _, n := range []string{"A", "B", "C", "D", "E"} {
		many["X-"+n] = []string{strings.Repeat("x", 30<<10)}
	}
	for _, c := range []struct {
		path   string
		header http.Header
		want   int
	}{
		{"/" + strings.Repeat("x", 31<<10), nil, 200},
		{"/?" + strings.Repeat("x", 32<<10), nil, 414},
		{"/", http.Header{"X-Big": {strings.Repeat("x", 31<<10)}}, 200},
		{"/", http.Header{"X-Big": {strings.Repeat("x", 33<<10)}}, 494},
		{"/", many, 494},
	} {
		resp, body := call(t, "GET", srv.URL+c.path, c.header)
		if resp.StatusCode != c.want || c.want != 200 && !strings.Contains(body, "APIGW.0201") {
			t.Errorf("%.20s: %d %s", c.path, resp.StatusCode, body)
		}
	}
}

func TestAuthenticationReasonsAreTheDocumentedTexts(t *testing.T) {
	at := time.Date(2026, 3, 5, 1, 2, 3, 4000, time.UTC)
	const lead = "Incorrect IAM authentication information: "
	for want, f := range map[string]*Fault{
		"x-auth-token not found": Unauthenticated(ReasonNoToken),
		"decrypt token fail":     FaultOf(usance.Errorf(usance.KindUnauthorized, "no such token")),
		"token expires, expires_at: 2026-03-05T01:02:03.000004Z": TokenExpired(at),
		"ak AKX not exist": UnknownKey("AKX"),
		"calc ak sk signature fail:signature expired":             SignatureFault(&sdksign.Failure{Reason: sdksign.Skewed}),
		"AK access failed to reach the limit,forbidden.":          FaultOf(usance.Errorf(usance.KindLocked, "locked")),
		"verify aksk signature fail, canonicalRequest:GET|/|||h|": SignatureFault(&sdksign.Failure{Reason: sdksign.Mismatch, Canonical: "GET\n/\n\n\nh\n"}),
	} {
		if f.Message != lead+want || f.Status != 401 || f.Code != "APIGW.0301" {
			t.Errorf("%+v, want %s", f, want)
		}
	}
}

func TestInternalTextNeverReachesTheCaller(t *testing.T) {
	secret := errors.New("disk /dev/sda: password=hunter2")
	for kind := usance.KindInternal; kind <= usance.KindLocked; kind++ {
		f := FaultOf(&usance.Error{Kind: kind, Detail: "hunter2", Err: secret})
		w := httptest.NewRecorder()
		WriteFault(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), f)
		if strings.Contains(w.Body.String(), "hunter2") || w.Code < 400 {
			t.Errorf("%v: %d %s", kind, w.Code, w.Body)
		}
	}
	if FaultOf(secret).Code != "APIGW.0601" || SignatureFault(secret).Code != "APIGW.0601" {
		t.Error("a foreign error is not internal")
	}
}

func TestAnEchoOfAnyBytesIsValidJSON(t *testing.T) {
	f := SignatureFault(&sdksign.Failure{Reason: sdksign.Mismatch, Canonical: "\xff\"<\n" + strings.Repeat("é", maxEcho)})
	w := httptest.NewRecorder()
	WriteFault(w, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), f)
	if w.Code != 401 || !json.Valid(w.Body.Bytes()) || w.Body.Len() > 2*maxEcho || !strings.Contains(w.Body.String(), `\"<|`) {
		t.Fatalf("%d %.200s", w.Code, w.Body)
	}
}

func TestServiceErrorsAreFlat(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	w := httptest.NewRecorder()
	WriteServiceError(w, 400, "MSS.00000003", "Invalid parameter")
	if w.Code != 400 || w.Body.String() != `{"error_code":"MSS.00000003","error_msg":"Invalid parameter"}` {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = httptest.NewRecorder()
	WriteServiceErrorWithID(w, r, 401, "USG.206020000", "invalid token")
	id := w.Header().Get(httpx.HeaderRequestID)
	if w.Body.String() != `{"error_code":"USG.206020000","error_msg":"invalid token","request_id":"`+id+`"}` || !hex32.MatchString(id) {
		t.Errorf("%s, header %s", w.Body, id)
	}
}

func TestRefusalByThrottleTellsWhenToComeBack(t *testing.T) {
	c := newClock()
	th := NewThrottle(ThrottleConfig{Limit: Limit{1, time.Second}, Now: c.Now, Policy: "api", Header: HeaderRatelimitAllEnv})
	c.Move(100 * time.Millisecond)
	srv := serve(t, FrontConfig{Now: c.Now}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if f := th.Admit(w, "p"); f != nil {
			WriteFault(w, r, f)
		}
	}))
	if resp, _ := call(t, "GET", srv.URL, nil); resp.StatusCode != 200 || resp.Header.Get(HeaderRatelimitAllEnv) != "remain:0,limit:1,time:1 second" {
		t.Errorf("%d %v", resp.StatusCode, resp.Header)
	}
	resp, body := call(t, "GET", srv.URL, nil)
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" ||
		!strings.Contains(body, "The throttling threshold has been reached: policy api over ratelimit,limit:1,time:1 second") {
		t.Errorf("%d %v %s", resp.StatusCode, resp.Header, body)
	}
}

func TestTheAccessLogNamesTheRouteAndNothingSecret(t *testing.T) {
	var out bytes.Buffer
	mux := NewMux()
	mux.HandleFunc("GET /v1/{id}", func(http.ResponseWriter, *http.Request) {})
	log := slog.New(slog.NewJSONHandler(&out, nil))
	c := newClock()
	h := httpx.AccessLog(log, c.Now)(Front(FrontConfig{Now: c.Now, Log: log}, mux))
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/v1/s3cret?token=s3cret", nil)
	r.Header.Set("Authorization", "s3cret")
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !strings.Contains(out.String(), `"route":"GET /v1/{id}"`) || strings.Contains(out.String(), "s3cret") {
		t.Fatal(out.String())
	}
}
