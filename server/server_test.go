package server

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

const operator = "us_operator_for_tests"

func noon() time.Time { return time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC) }

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func newServer(t testing.TB, change func(*Config)) (*Server, *lockedBuffer) {
	t.Helper()
	log := &lockedBuffer{}
	c := Config{Store: facadetest.OpenStore(t), Now: noon, OperatorToken: operator, Logger: slog.New(slog.NewTextHandler(log, nil)),
		PasswordCost: facadetest.CheapPasswords()}
	if change != nil {
		change(&c)
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s, log
}

// running is a server under way.
type running struct {
	url  string
	stop context.CancelFunc
	done chan error
}

func run(t *testing.T, s *Server) *running {
	t.Helper()
	on, err := Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	r := &running{url: "http://" + on.Addr().String(), stop: stop, done: make(chan error, 1)}
	go func() { r.done <- s.Run(ctx, on) }()
	t.Cleanup(stop)
	return r
}

func (r *running) call(t *testing.T, method, path, token, body string) (int, http.Header, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return send(t, req)
}

// send sends a request and returns its answer's status, header and body.
func send(t *testing.T, req *http.Request) (int, http.Header, string) {
	t.Helper()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(text)
}

func makeTenant(t *testing.T, s *Server) {
	t.Helper()
	if _, err := s.Registry().Edit(t.Context(), usance.Actor{}, "acme", registry.Edit{Tenant: &usance.Tenant{}}); err != nil {
		t.Fatal(err)
	}
}

func TestEveryPathHasOneOwner(t *testing.T) {
	s, _ := newServer(t, nil)
	const project = "/v1/0123456789abcdef0123456789abcdef"
	for path, want := range map[string]string{
		"/healthz": "operations", "/readyz": "operations", "/metrics": "operations",
		"/v1/mmc/management/orgRes": "meeting", "/v1/usg/acs/auth/account": "meeting", "/v2/usg/acs/auth/appauth": "meeting",
		"/koodrive/ose/v1/service/quotaUsed":    "koodrive",
		"/zstack/v1/accounts/login":             "zstack",
		"/v1/accounts/login":                    "zstack",
		"/v1/iam2/organizations/quota/x/usages": "zstack",
		"/v3/auth/tokens":                       "iam", "/v3/projects": "iam",
		project + "/rtc/history/usage": "cloudrtc", "/v2/apps": "cloudrtc",
		project + "/tenants/resources-count": "metastudio",
		"/api/v1/events":                     "native", "/openapi.json": "native", "/docs": "native", "/": "console", "/healthz/": "native", "/v1": "native",
	} {
		var owners []string
		for _, at := range s.surfaces[:len(s.surfaces)-1] {
			if at.owns(path) {
				owners = append(owners, at.name)
			}
		}
		if len(owners) > 1 {
			t.Errorf("%s belongs to %v", path, owners)
		}
		if got := s.surfaceOf(path).name; got != want {
			t.Errorf("%s goes to %s, want %s", path, got, want)
		}
	}
}

func TestEverySurfaceRefusesAStrangerInItsOwnWay(t *testing.T) {
	s, _ := newServer(t, nil)
	r := run(t, s)
	for path, want := range map[string]string{
		"/v1/mmc/management/orgRes":                                    `"error_code"`,
		"/koodrive/ose/v1/service/quotaUsed":                           `"code"`,
		"/zstack/v1/iam2/organizations":                                "",
		"/v3/projects":                                                 `"error":{"code":401`,
		"/v1/0123456789abcdef0123456789abcdef/rtc/history/usage?app=a": `"APIGW.0301"`,
		"/v1/0123456789abcdef0123456789abcdef/tenants/resources-count": `"APIGW.0301"`,
		"/api/v1/quotas":                                               "urn:usance:problem:unauthorized",
		"/nowhere":                                                     "urn:usance:problem:not-found",
	} {
		status, header, body := r.call(t, "GET", path, "", "")
		if status < 400 || status >= 500 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %s", path, status, body)
		}
		if header.Get("X-Request-Id") == "" {
			t.Errorf("%s: no request id", path)
		}
	}
}

func TestReadinessFollowsTheStoreAndTheStop(t *testing.T) {
	s, _ := newServer(t, nil)
	ask := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, path, nil))
		return w
	}
	if w := ask("GET", "/readyz"); w.Code != 200 {
		t.Errorf("ready: %d", w.Code)
	}
	if w := ask("POST", "/readyz"); w.Code != 405 || w.Header().Get("Allow") == "" {
		t.Errorf("POST: %d", w.Code)
	}
	s.draining.Store(true)
	if w := ask("GET", "/readyz"); w.Code != 503 {
		t.Errorf("stopping: %d", w.Code)
	}
	s.draining.Store(false)
	if err := s.config.Store.Close(); err != nil {
		t.Fatal(err)
	}
	if w := ask("GET", "/readyz"); w.Code != 503 || strings.Contains(w.Body.String(), "closed") {
		t.Errorf("without a store: %d %q", w.Code, w.Body)
	}
	if w := ask("HEAD", "/healthz"); w.Code != 200 {
		t.Errorf("health: %d", w.Code)
	}
}

func TestMetricsCountWithoutTellingOfTenants(t *testing.T) {
	s, log := newServer(t, nil)
	makeTenant(t, s)
	r := run(t, s)
	const event = `{"specversion":"1.0","id":"canary-id","source":"canary-source","type":"t","subject":"canary-subject"}`
	for range 2 {
		if status, _, body := r.call(t, "POST", "/api/v1/events?tenant=acme", operator, event); status != 204 {
			t.Fatalf("events: %d %s", status, body)
		}
	}
	r.call(t, "GET", "/canary-path", "", "")
	r.call(t, "BREW", "/canary-path", "", "")
	r.call(t, "GET", "/v1/canary-project/rtc/history/usage?app=canary-app", "", "")
	r.call(t, "GET", "/zstack/v1/canary-zstack", "", "")
	_, _, text := r.call(t, "GET", "/metrics", "", "")
	for _, want := range []string{
		"usance_events_accepted_total 1", "usance_events_duplicate_total 1", "go_goroutines ", "process_resident_memory_bytes ",
		`usance_http_requests_total{route="POST /api/v1/events",status="204",surface="native"} 2`,
		`usance_http_requests_total{route="unmatched",status="404",surface="native"} 2`,
		`usance_http_request_duration_seconds_count{route="POST /api/v1/events",surface="native"} 2`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	for name, text := range map[string]string{"/metrics": text, "the log": log.String()} {
		for _, secret := range []string{"canary", "acme", operator} {
			if strings.Contains(strings.ToLower(text), secret) {
				t.Errorf("%s tells %q", name, secret)
			}
		}
	}
}

func dial(t *testing.T, address string) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// begin sends the head of a request whose body is to come.
func begin(t *testing.T, conn net.Conn, length int) {
	t.Helper()
	_, err := fmt.Fprintf(conn, "POST /api/v1/events?tenant=acme HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", operator, length)
	if err != nil {
		t.Fatal(err)
	}
}

func TestStoppingFinishesWhatIsUnderWayAndAcceptsNothingMore(t *testing.T) {
	s, _ := newServer(t, nil)
	makeTenant(t, s)
	r := run(t, s)
	address := strings.TrimPrefix(r.url, "http://")
	conn := dial(t, address)
	const event = `{"specversion":"1.0","id":"1","source":"s","type":"t"}`
	begin(t, conn, len(event))
	answers := bufio.NewReader(conn)
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err) // the handler is reading the body now
	}
	if line, err := answers.ReadString('\n'); err != nil || line != "\r\n" {
		t.Fatalf("%q, %v", line, err)
	}
	r.stop()
	for {
		other, err := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		if err != nil {
			break // nobody listens any more
		}
		_ = other.Close()
	}
	select {
	case err := <-r.done:
		t.Fatalf("Run returned with a request under way: %v", err)
	default:
	}
	if _, err := io.WriteString(conn, event); err != nil {
		t.Fatal(err)
	}
	if line, err := answers.ReadString('\n'); err != nil || !strings.Contains(line, "204") {
		t.Fatalf("the request under way got %q, %v", line, err)
	}
	if err := <-r.done; err != nil {
		t.Fatalf("Run: %v", err)
	}
}

func TestStoppingWaitsNoLongerThanItSays(t *testing.T) {
	s, log := newServer(t, func(c *Config) { c.Drain = 20 * time.Millisecond })
	makeTenant(t, s)
	r := run(t, s)
	conn := dial(t, strings.TrimPrefix(r.url, "http://"))
	begin(t, conn, 100)
	if line, err := bufio.NewReader(conn).ReadString('\n'); err != nil || !strings.Contains(line, "100 Continue") {
		t.Fatalf("%q, %v", line, err)
	}
	r.stop()
	if err := <-r.done; err != nil {
		t.Fatalf("Run: %v", err)
	}
	if !strings.Contains(log.String(), "cut off") {
		t.Error("nothing was said about what was cut off")
	}
}

func TestLargeHeadersReachTheSurfaceAndHugeOnesDoNot(t *testing.T) {
	s, _ := newServer(t, nil)
	r := run(t, s)
	for size, want := range map[int]int{20 << 10: 401, 400 << 10: 431} {
		req, err := http.NewRequestWithContext(t.Context(), "GET", r.url+"/v1/0123456789abcdef0123456789abcdef/tenants/resources-count", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Auth-Token", strings.Repeat("x", size))
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a token of %d bytes: %d, want %d", size, resp.StatusCode, want)
		}
	}
}

func TestTheOperatorTokenWorksFromTheFirstRequest(t *testing.T) {
	s, _ := newServer(t, nil)
	r := run(t, s)
	if status, _, body := r.call(t, "GET", "/api/v1/tenants", operator, ""); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, _, _ := r.call(t, "GET", "/api/v1/tenants", "us_someone_else", ""); status != 401 {
		t.Errorf("a stranger: %d", status)
	}
}
