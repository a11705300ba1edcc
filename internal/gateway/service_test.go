package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

func TestAServiceAnswersEveryErrorAndLogsOnlyItsOwn(t *testing.T) {
	var log bytes.Buffer
	invalid := &ServiceFault{Status: 400, Code: "S.1", Message: "Invalid"}
	s := ServiceRefusals("rtc", slog.New(slog.NewTextHandler(&log, nil)), &ServiceFault{Status: 500, Code: "S.2", Message: "Internal"},
		map[usance.Kind]error{usance.KindInvalid: invalid, usance.KindForbidden: AccessDenied()})
	core := func(kind usance.Kind) error {
		return &usance.Error{Kind: kind, Detail: "hunter2", Err: errors.New("disk")}
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		err    error
		ctx    context.Context
		status int
		code   string
		logged bool
	}{
		{core(usance.KindInvalid), t.Context(), 400, "S.1", false},
		{core(usance.KindForbidden), t.Context(), 403, "APIGW.0306", false},
		{core(usance.KindTooLarge), t.Context(), 413, "APIGW.0201", false},
		{core(usance.KindUnavailable), t.Context(), 503, "APIGW.0801", true},
		{core(usance.KindInternal), t.Context(), 500, "S.2", true},
		{core(usance.KindNotFound), t.Context(), 500, "S.2", true},
		{errors.New("hunter2"), t.Context(), 500, "S.2", true},
		{core(usance.KindInternal), gone, 500, "S.2", false},
		{fmt.Errorf("reading: %w", invalid), t.Context(), 400, "S.1", false},
		{Internal(), t.Context(), 500, "APIGW.0601", false},
		{&ServiceFault{Status: 404, Code: "S.3", Message: "None", Why: "hunter2"}, t.Context(), 404, "S.3", false},
	} {
		log.Reset()
		w := httptest.NewRecorder()
		s.Answer(w, httptest.NewRequestWithContext(c.ctx, "GET", "/", nil), c.err)
		if w.Code != c.status || !strings.Contains(w.Body.String(), `"error_code":"`+c.code+`"`) || strings.Contains(w.Body.String(), "hunter2") {
			t.Errorf("%v: %d %s", c.err, w.Code, w.Body)
		}
		if told := strings.Contains(log.String(), "hunter2"); told != c.logged {
			t.Errorf("%v: logged is %v: %s", c.err, told, log.String())
		}
	}
}

// TestARequestSpeaksForOneProjectOfItsCaller holds for each way of naming one: the
// path, X-Project-Id and the credentials.
func TestARequestSpeaksForOneProjectOfItsCaller(t *testing.T) {
	foreign := errors.New("foreign")
	const denied, missing = "denied", "foreign"
	for _, c := range []struct {
		optional            bool
		path, header, bound string
		want                string
	}{
		{false, "root", "", "", "/"}, {false, "node", "node", "node", "/rtc"}, {false, "node", "", "node", "/rtc"},
		{false, "root", "node", "", missing}, {false, "root", "", "node", missing}, {false, "root", "root", "node", missing},
		{false, "other", "", "", missing}, {false, "none", "none", "none", missing},
		{false, "", "", "", missing}, {false, "", "root", "", missing}, {false, "", "", "root", missing},
		{true, "", "", "", "/"}, {true, "", "node", "", "/rtc"}, {true, "", "", "node", "/rtc"}, {true, "", "node", "node", "/rtc"},
		{true, "", "root", "node", missing}, {true, "node", "root", "", missing}, {true, "", "other", "", missing}, {true, "root", "", "", "/"},
		{false, "feed", "", "", denied},
	} {
		p := Projects{Bodies: ServiceBodies(0), Foreign: foreign, Optional: c.optional,
			Authenticate: func(*http.Request, []byte) (usance.Principal, string, *Fault) {
				role := usance.RoleViewer
				if c.path == "feed" {
					role = usance.RoleIngester
				}
				return usance.Principal{Tenant: "acme", Role: role, Subtree: usance.Root}, c.bound, nil
			},
			Resolve: func(_ context.Context, project string) (usance.TenantID, usance.Path, error) {
				switch project {
				case "root", "feed":
					return "acme", usance.Root, nil
				case "node":
					return "acme", "/rtc", nil
				case "other":
					return "other", usance.Root, nil
				}
				return "", "", usance.Errorf(usance.KindNotFound, "no such project")
			}}
		r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
		if c.header != "" {
			r.Header.Set("X-Project-Id", c.header)
		}
		caller, err := p.Admit(httptest.NewRecorder(), r, c.path)
		got := string(caller.Node)
		if fault, ok := errors.AsType[*Fault](err); ok && fault.Code == "APIGW.0302" {
			got = denied
		} else if err != nil {
			got = err.Error()
		}
		if got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}

func TestASharedThrottleCountsEverybodyAsOne(t *testing.T) {
	th := NewThrottle(ThrottleConfig{Limit: Limit{2, time.Minute}, Now: newClock().Now, Shared: true})
	if !th.Take("alice").Allowed || !th.Take("bob").Allowed || th.Take("carol").Allowed {
		t.Error("principals are counted apart")
	}
}

func TestNothingBehindTheGatewayMayBeStored(t *testing.T) {
	h := Front(FrontConfig{Now: newClock().Now, Log: quiet()}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/panics" {
			panic("boom")
		}
		httpx.WriteBytes(w, http.StatusOK, nil)
	}))
	for _, path := range []string{"/", "/panics", "/" + strings.Repeat("x", 33<<10)} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", path, nil))
		if w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%.10s: %d %v", path, w.Code, w.Header())
		}
	}
}
