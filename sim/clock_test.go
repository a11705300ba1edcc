package sim

import (
	"encoding/base64"
	"strconv"
	"testing"
	"time"
)

// TestAClockThatJumpsLosesNothing sets the clock back and forth by hours and months
// while usage comes in: sequences only grow, a repeat stays a repeat, a hold ends when
// the clock first reaches its time and stays ended, a session ends at its time, and
// every number and verify are as the model says throughout.
func TestAClockThatJumpsLosesNothing(t *testing.T) {
	s := newSimulation(t, 11)
	s.begin()
	s.thorough = true
	sequence := uint64(0)
	must := func(o op) {
		t.Helper()
		if heard, ok := s.do(o); !heard || !ok {
			t.Fatalf("%s was not answered\n%s", o.name, &s.log)
		}
		a := s.call(s.tenants[0], ask{method: "GET", path: "/api/v1/holds?limit=1", as: "admin"})
		n, err := strconv.ParseUint(a.header.Get("Usance-Sequence"), 10, 64)
		if err != nil || n < sequence {
			t.Fatalf("the sequence went from %d to %q", sequence, a.header.Get("Usance-Sequence"))
		}
		sequence = n
	}
	e := map[string]any{"specversion": "1.0", "id": "untimed", "source": "sim", "subject": "u1", "type": "t.a", "data": map[string]any{"n": int64(5), "region": "eu"}}
	send := op{name: "send", ask: ask{method: "POST", path: "/api/v1/events", as: "member", body: string(mustJSON(e))}, run: func(m *tenant) want { return m.ingest([]map[string]any{e}, false) }}
	items := []item{{"seats", 7}}
	in := map[string]any{"id": "h", "node": "/a", "items": itemsJSON(items), "ttl": 60}
	reserve := op{name: "reserve", ask: ask{method: "POST", path: "/api/v1/holds", as: "member", body: string(mustJSON(in))},
		run: func(m *tenant) want { return m.reserve(in, items, time.Minute) }}
	m := s.tenants[0]
	basic := base64.StdEncoding.EncodeToString([]byte("ops-" + m.id + ":" + m.password()))
	session := s.send(ask{method: "POST", path: "/v1/usg/acs/auth/account", body: `{"account":"ops-` + m.id + `","clientType":72}`, media: "application/json",
		header: map[string]string{"Authorization": "Basic " + basic}}).object()
	signedIn := func() int {
		return s.send(ask{method: "GET", path: "/v1/mmc/management/orgRes", header: map[string]string{"X-Access-Token": text(session, "accessToken")}}).status
	}
	must(send)
	must(reserve)
	began := s.now
	for _, at := range []struct {
		now   time.Duration
		state string
		alive bool
	}{{-5 * time.Hour, "open", true}, {59 * time.Second, "open", true}, {-30 * 24 * time.Hour, "open", true}, {61 * time.Second, "expired", true},
		{0, "expired", true}, {200 * 24 * time.Hour, "expired", false}, {2 * time.Second, "expired", false}} {
		s.now = began.Add(at.now)
		must(send)
		must(s.clients.send(0, s.tenants[0]))
		must(reserve) // the same hold, as it is by now
		if got := s.tenants[0].holds["h"].state; got != at.state {
			t.Errorf("at %s the model's hold is %s", at.now, got)
		}
		if got := signedIn(); at.alive && got != 200 || at.now > 100*24*time.Hour && got != 401 {
			t.Errorf("at %s the session is answered %d", at.now, got)
		}
		s.examine()
	}
	s.restart(dieIdle)
	s.examine()
	if err := s.st.Close(); err != nil {
		t.Fatal(err)
	}
}
