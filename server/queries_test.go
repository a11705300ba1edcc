package server

import (
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/demo"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/store"
)

// question is one façade's query with its credentials.
type question struct {
	name string
	*http.Request
}

// company is the demo's tenant, some days of its usage, and what asks for them.
type company struct {
	testing.TB
	*demo.Company
	server    *Server
	clock     *facadetest.Clock
	questions []question
}

const companyProject = "/v1/0f1d3c5b7a9e4826b0c4d8e2f6a1357b"

// plain is a store that tells no versions, as one that several processes share.
type plain struct{ store.Store }

func newCompany(t testing.TB, days int, change func(*Config)) *company {
	t.Helper()
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	now := noon().Add(time.Second)
	c := &company{TB: t, clock: facadetest.NewClock(now), Company: demo.NewCompany(now.In(zone).Format(time.DateOnly), now,
		func(name string, length int) string {
			return strings.Repeat(strings.ReplaceAll(name, "-", ""), length)[:length]
		})}
	c.server, _ = newServer(t, func(cfg *Config) {
		cfg.Now, cfg.Unthrottled, cfg.Logger = c.clock.Now, true, nil
		if change != nil {
			change(cfg)
		}
	})
	if err := c.server.Registry().PutOperatorToken(t.Context(), "operator", operator); err != nil {
		t.Fatal(err)
	}
	manifest, err := c.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	c.must("POST", "/api/v1/apply", string(manifest), "Authorization", "Bearer "+operator)
	plan := demo.Plan{Seed: 7, Anchor: now.In(zone), Now: now, Zone: zone}
	for n := plan.Days() - days; n < plan.Days(); n++ {
		c.send(plan.Day(n))
	}
	c.signIn()
	return c
}

func (c *company) send(events []wire.Event) {
	c.Helper()
	body, err := json.Marshal(events)
	if err != nil {
		c.Fatal(err)
	}
	c.must("POST", "/api/v1/events", string(body), "Authorization", "Bearer "+c.Token, "Content-Type", "application/json")
}

func (c *company) request(method, path, body string, header ...string) *http.Request {
	r := httptest.NewRequestWithContext(c.Context(), method, "http://127.0.0.1:8080"+path, strings.NewReader(body))
	r.RequestURI = path
	if body == "" {
		r.Body = http.NoBody
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	return r
}

func (c *company) ask(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	c.server.Handler().ServeHTTP(w, r)
	return w
}

func (c *company) must(method, path, body string, header ...string) map[string]any {
	c.Helper()
	w := c.ask(c.request(method, path, body, header...))
	if w.Code/100 != 2 {
		c.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
	}
	var out map[string]any
	if w.Body.Len() > 0 && strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.Fatal(err)
		}
	}
	return out
}

func sha512hex(text string) string {
	sum := sha512.Sum512([]byte(text))
	return hex.EncodeToString(sum[:])
}

// signIn makes the five questions.
func (c *company) signIn() {
	c.Helper()
	asJSON := []string{"Content-Type", "application/json"}
	login := c.request("POST", "/v1/usg/acs/auth/account", "")
	login.SetBasicAuth("ops", c.Password)
	meeting := c.must("POST", "/v1/usg/acs/auth/account", `{"account":"ops","clientType":72}`, append(asJSON, "Authorization", login.Header.Get("Authorization"))...)
	code := c.must("POST", "/api/v1/login-codes", `{"user":"ops"}`, append(asJSON, "Authorization", "Bearer "+c.Token)...)
	drive := c.must("POST", "/koodrive/ose/v1/session", `{"code":"`+code["code"].(string)+`"}`, asJSON...)
	zstack := c.must("PUT", "/zstack/v1/accounts/login", fmt.Sprintf(`{"logInByAccount":{"accountName":"ops","password":"%s"}}`, sha512hex(c.Password)), asJSON...)
	now := c.clock.Now().UTC()
	day := func(n int) string { return now.AddDate(0, 0, n).Format(time.DateOnly) }
	at := func(n int) string { return now.AddDate(0, 0, n).Format(time.RFC3339) }
	c.questions = []question{
		{"meeting", c.request("GET", "/v1/mmc/management/orgRes", "", append(asJSON, "X-Access-Token", meeting["accessToken"].(string))...)},
		{"koodrive", c.request("GET", "/koodrive/ose/v1/service/quotaUsed", "", append(asJSON, "Authorization", "Bearer "+drive["accessToken"].(string))...)},
		{"zstack", c.request("GET", "/zstack/v1/iam2/organizations/quota/4be1c0a7d2f94e5f8a6b1c3d5e7f9012/usages", "",
			append(asJSON, "Authorization", "OAuth "+zstack["inventory"].(map[string]any)["uuid"].(string))...)},
		{"cloudrtc", c.signed(companyProject + "/rtc/history/usage?app=" + demo.RTCApp + "&metric=CommunicationDuration&start_date=" + day(-7) + "&end_date=" + day(-1))},
		{"metastudio", c.signed(companyProject + "/tenants/resources-count?resource_expire_start_time=" + at(0) + "&resource_expire_end_time=" + at(7))},
	}
}

func (c *company) signed(path string) *http.Request {
	c.Helper()
	r := c.request("GET", path, "", "Content-Type", "application/json", "X-Project-Id", "0f1d3c5b7a9e4826b0c4d8e2f6a1357b")
	if err := sdksign.SignHTTP(r, nil, sdksign.Authorization{Scheme: sdksign.HMACSHA256, KeyID: c.AccessKey}, c.SecretKey, c.clock.Now()); err != nil {
		c.Fatal(err)
	}
	return r
}

// sink is a connection that costs nothing, so that the server's own cost shows.
type sink struct {
	h      http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) Write(p []byte) (int, error) { return len(p), nil }
func (s *sink) WriteHeader(status int)      { s.status = status }

// serve answers a question from beginning to end, but for the connection.
func (c *company) serve(q question) {
	w := &sink{h: http.Header{}}
	c.server.Handler().ServeHTTP(w, q.Request)
	if w.status != 200 {
		c.Fatalf("%s: %d", q.name, w.status)
	}
}

// BenchmarkFacadeQueries is a façade's query with its authentication, asked again
// while nothing is written, and worked out anew each time.
func BenchmarkFacadeQueries(b *testing.B) {
	for _, how := range []string{"again", "anew"} {
		c := newCompany(b, 20, func(cfg *Config) {
			if how == "anew" {
				cfg.Store = plain{cfg.Store}
			}
		})
		for _, q := range c.questions {
			b.Run(how+"/"+q.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					c.serve(q)
				}
			})
		}
	}
}

// TestAKeptAnswerIsWhatWouldBeWorkedOut asks two servers on one store the same
// questions between events, holds, resources, edits and moves of the clock: one
// that may keep its answers, and one whose store tells no versions.
func TestAKeptAnswerIsWhatWouldBeWorkedOut(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	keeps := newCompany(t, 3, nil)
	anew := &company{TB: t, clock: keeps.clock}
	anew.server, _ = newServer(t, func(cfg *Config) {
		cfg.Now, cfg.Unthrottled, cfg.Logger, cfg.Store = keeps.clock.Now, true, nil, plain{keeps.server.config.Store}
	})
	bearer := []string{"Authorization", "Bearer " + keeps.Token, "Content-Type", "application/json"}
	for step := range 250 {
		now := keeps.clock.Now().UTC()
		expires := now.Add(time.Duration(1+r.IntN(7200)) * time.Second).Format(time.RFC3339)
		switch r.IntN(8) {
		case 0:
			at := now.Add(time.Duration(r.IntN(90)-60) * time.Minute) // some ahead of the clock
			kind := []string{"meeting.conference.started", "meeting.attendee.joined", "meeting.live.started", "drive.user.created"}[r.IntN(4)]
			keeps.send([]wire.Event{{SpecVersion: "1.0", ID: fmt.Sprint("x", step), Source: "test", Type: kind, Subject: fmt.Sprint("s", r.IntN(5)), Node: "/drive", Time: at}})
		case 1:
			keeps.send([]wire.Event{{SpecVersion: "1.0", ID: fmt.Sprint("r", step), Source: "test", Type: "rtc.stream.received", Node: []usance.Path{"/rtc/web", "/cloud/rd"}[r.IntN(2)], Time: now.AddDate(0, 0, -r.IntN(3)),
				Data: []byte(`{"seconds":60,"app":"` + demo.RTCApp + `","media":"audio"}`)}})
		case 2:
			keeps.must("POST", "/api/v1/holds", fmt.Sprintf(`{"id":"h%d","node":"/drive","ttl":"%ds","items":[{"meter":"drive.users","amount":1}]}`, step, 1+r.IntN(3600)), bearer...)
		case 3:
			grants := ""
			if r.IntN(2) == 0 {
				grants = fmt.Sprintf(`,"node":"/drive","starts":"%s","grants":[{"meter":"drive.space","amount":%d}]`, now.Add(time.Minute).Format(time.RFC3339), 5<<30)
				expires = now.Add(time.Hour).Format(time.RFC3339)
			}
			keeps.must("POST", "/api/v1/resources", fmt.Sprintf(`{"id":"n%d","business_type":"LIVE_2D","charging_mode":"PERIODIC","source":"PURCHASED","expires":"%s"%s}`, step, expires, grants), bearer...)
		case 4:
			quota := fmt.Sprintf(`{"node":"/drive","meter":"drive.space","limit":%d}`, int64(10240+r.IntN(10))<<30)
			if r.IntN(2) == 0 {
				quota = fmt.Sprintf(`{"node":"/cloud/rd","meter":"rtc.duration","limit":%d,"window":"%s"}`, r.IntN(1000), []string{"day", "month", "lifetime"}[r.IntN(3)])
			}
			keeps.must("PUT", "/api/v1/quotas", quota, bearer...)
		default:
			keeps.clock.Move(time.Duration(r.Int64N(int64([]time.Duration{time.Second, time.Minute, time.Hour, 6 * time.Hour}[r.IntN(4)]))))
			keeps.signIn()
		}
		for _, q := range keeps.questions {
			first, second, other := keeps.ask(q.Request), keeps.ask(q.Request), anew.ask(q.Request)
			if first.Code != 200 || first.Body.String() != other.Body.String() || second.Body.String() != other.Body.String() {
				t.Fatalf("step %d, %s at %s: %d\n%s\n%s\nand worked out anew %d\n%s", step, q.name, now, first.Code, first.Body, second.Body, other.Code, other.Body)
			}
		}
	}
}
