package inside

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
)

func still() time.Time { return time.Date(2026, 3, 5, 12, 0, 0, 0, time.UTC) }

func TestAnAnswerOverTheBoundIsRefusedWhole(t *testing.T) {
	for _, c := range []struct {
		pieces, size int
		kind         usance.Kind
	}{{4, MaxAnswer / 4, 0}, {5, MaxAnswer / 4, usance.KindTooLarge}, {1, MaxAnswer + 1, usance.KindTooLarge}, {0, 0, 0}} {
		s := Surface{Calls: []Call{{Name: "Read", Path: "/read"}}, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for range c.pieces {
				if _, err := w.Write(make([]byte, c.size)); err != nil {
					t.Error(err)
				}
			}
		})}
		got, err := s.Ask(t.Context(), usance.Principal{}, Question{Call: "Read"}, still)
		if c.kind != 0 && usance.KindOf(err) != c.kind || c.kind == 0 && (err != nil || got.Status != 200 || len(got.Body) != c.pieces*c.size) {
			t.Errorf("%d of %d bytes: %d bytes, %v", c.pieces, c.size, len(got.Body), err)
		}
	}
}

// TestAVariableStaysOnePartOfThePath holds whatever the variable is: the handler
// sees the call's own path, or the call is refused.
func TestAVariableStaysOnePartOfThePath(t *testing.T) {
	var seen *http.Request
	s := Surface{Calls: []Call{{Name: "Read", Path: "/v1/{id}/read"}}, Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen = r })}
	for _, id := range []string{"plain", "a b", "a?b=c", "a#b", "%2e%2e", "%2F", "é\u202e", "a;b", "\x00", "\r\nHost: x", "...", "{id}"} {
		_, err := s.Ask(t.Context(), usance.Principal{}, Question{Call: "Read", Path: map[string]string{"id": id}, Query: url.Values{"q": {"1", id}}}, still)
		if err != nil {
			t.Errorf("%q: %v", id, err)
			continue
		}
		if seen.URL.Path != "/v1/"+id+"/read" || strings.Count(seen.URL.EscapedPath(), "/") != 3 || seen.URL.Query()["q"][1] != id {
			t.Errorf("%q became %q %v", id, seen.URL.EscapedPath(), seen.URL.Query())
		}
	}
	for _, vars := range []map[string]string{nil, {"id": ""}, {"id": "."}, {"id": ".."}, {"id": "a/b"}, {"id": "/"}, {"id": "a", "more": "b"}} {
		seen = nil
		_, err := s.Ask(t.Context(), usance.Principal{}, Question{Call: "Read", Path: vars}, still)
		if usance.KindOf(err) != usance.KindInvalid || seen != nil {
			t.Errorf("%v is taken: %v", vars, err)
		}
	}
}

func TestARequestFromTheNetworkIsFromNobodyInside(t *testing.T) {
	r := httptest.NewRequestWithContext(t.Context(), "GET", "/", nil)
	if who, ok := Who(r.Context()); ok {
		t.Errorf("it is from %v", who)
	}
}
