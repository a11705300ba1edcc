package client_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store/pebblestore"
)

var noon = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

const operator = "us_operator-secret"

// serve runs the real API over the real engine in memory; around may meddle with
// what passes.
func serve(t *testing.T, around func(http.Handler) http.Handler) *httptest.Server {
	t.Helper()
	st, err := pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem()})
	if err != nil {
		t.Fatal(err)
	}
	now := func() time.Time { return noon }
	reg, err := registry.New(st, registry.Options{Now: now, PasswordCost: &argon2id.Params{Memory: 8, Iterations: 1, Parallelism: 1, SaltLength: 8, KeyLength: 16}})
	if err != nil {
		t.Fatal(err)
	}
	if err := reg.PutOperatorToken(t.Context(), "root", operator); err != nil {
		t.Fatal(err)
	}
	led := ledger.New(st, reg, ledger.Options{Now: now})
	verify := func(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (ledger.Verification, error) {
		scratch, err := pebblestore.Open("", pebblestore.Options{FS: vfs.NewMem()})
		if err != nil {
			return ledger.Verification{}, err
		}
		v, err := led.Verify(ctx, tenant, scratch, progress)
		return v, errors.Join(err, scratch.Close())
	}
	h := api.New(reg, led, api.Options{Now: now, SequenceWait: 10 * time.Millisecond, Verify: verify}).Handler()
	if around != nil {
		h = around(h)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(func() {
		srv.Close()
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	return srv
}

func open(t *testing.T, url string, change func(*client.Options)) *client.Client {
	t.Helper()
	o := client.Options{URL: url, Token: operator, Tenant: "acme", Pause: func(ctx context.Context, d time.Duration) error { return ctx.Err() }}
	if change != nil {
		change(&o)
	}
	c, err := client.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantKind(t *testing.T, err error, kind usance.Kind) {
	t.Helper()
	_ = refusal(t, err, kind) // it has looked
}

// refusal returns an error of that kind.
func refusal(t *testing.T, err error, kind usance.Kind) *usance.Error {
	t.Helper()
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || e.Kind != kind {
		t.Fatalf("%v is not %v", err, kind)
	}
	return e
}

func tokensEvents(n int) []wire.Event {
	out := make([]wire.Event, n)
	for i := range out {
		out[i] = wire.Event{ID: fmt.Sprint(i), Source: "test", Type: "meeting.conference.ended", Subject: "ann", Node: "/a", Time: noon.Add(-time.Hour),
			Data: jsontext.Value(`{"duration_seconds":60}`)}
	}
	return out
}

func TestEveryCallReachesItsEnd(t *testing.T) {
	for _, compression := range []string{"zstd", "gzip", "none"} {
		t.Run(compression, func(t *testing.T) {
			srv := serve(t, nil)
			c := open(t, srv.URL+"/", func(o *client.Options) { o.Compression = compression })
			ctx := t.Context()
			_, err := c.CreateTenant(ctx, usance.Tenant{ID: "acme", Timezone: "Asia/Shanghai"})
			check(t, err)
			walk(t, ctx, c)
		})
	}
}

func walk(t *testing.T, ctx context.Context, c *client.Client) {
	receipt, err := c.Send(ctx, tokensEvents(100))
	check(t, err)
	if receipt.Accepted != 100 || receipt.Sequence == 0 || c.Sequence() != receipt.Sequence {
		t.Errorf("%+v, sequence %d", receipt, c.Sequence())
	}
	if receipt, err = c.SendRaw(ctx, wire.TypeNDJSON, []byte(`{"specversion":"1.0","id":"0","source":"test","type":"meeting.conference.ended","subject":"ann","node":"/a","time":"2026-03-10T11:00:00Z","data":{"duration_seconds":60}}`)); err != nil || receipt.Duplicates != 1 {
		t.Errorf("%+v %v", receipt, err)
	}
	u, err := c.AtLeast(receipt.Sequence).Usage(ctx, "meeting.duration", client.UsageQuery{From: noon.AddDate(0, 0, -1), To: noon, Window: "DAY", Zone: "Asia/Shanghai", Subjects: []string{"ann"}, Node: "/a"})
	check(t, err)
	if len(u.Data) != 1 || u.Data[0].Value.String() != "6000" || *u.Data[0].Subject != "ann" {
		t.Errorf("%+v", u)
	}
	text, err := c.UsageCSV(ctx, "meeting.duration", client.UsageQuery{})
	check(t, err)
	if !strings.HasPrefix(string(text), "window_start,window_end,value\n") {
		t.Errorf("%s", text)
	}
	n := 0
	for e, err := range client.All(func(cursor string) (wire.List[wire.StoredEvent], error) {
		return c.Events(ctx, client.EventFilter{Limit: 33, Cursor: cursor, Type: "meeting.conference.ended"})
	}) {
		check(t, err)
		if n++; e.Event.Source != "test" {
			t.Errorf("%+v", e)
		}
	}
	if n != 100 {
		t.Errorf("%d events", n)
	}
	quotas(t, ctx, c)
	resources(t, ctx, c)
	definitions(t, ctx, c)
	principals(t, ctx, c)
}

func quotas(t *testing.T, ctx context.Context, c *client.Client) {
	q, err := c.PutQuota(ctx, wire.PutQuota{Node: "/", Meter: "drive.space", Limit: wire.Amount(usance.Unlimited)})
	check(t, err)
	if usance.Amount(q.Limit) != usance.Unlimited || usance.Amount(q.Available) != usance.Unlimited {
		t.Errorf("%+v", q)
	}
	_, err = c.PutQuota(ctx, wire.PutQuota{Node: "/a", Meter: "drive.space", Limit: 1 << 60, Enforce: usance.Soft})
	check(t, err)
	all, err := c.Quotas(ctx, "/", "drive.space", true)
	check(t, err)
	if len(all) != 2 || all[1].Limit != 1<<60 || all[1].Enforce != usance.Soft {
		t.Errorf("%+v", all)
	}
	check(t, c.DeleteQuota(ctx, "/a", "drive.space"))
	wantKind(t, c.DeleteQuota(ctx, "/a", "drive.space"), usance.KindNotFound)
}

func resources(t *testing.T, ctx context.Context, c *client.Client) {
	r := usance.Resource{ID: "a/b c?d", BusinessType: "VOICE", ChargingMode: usance.OneTime, Source: usance.Purchased, Node: "/a", Expires: noon.AddDate(1, 0, 0)}
	got, err := c.CreateResource(ctx, r)
	check(t, err)
	if got.ID != r.ID || !got.Expires.Equal(r.Expires) {
		t.Errorf("%+v", got)
	}
	_, err = c.CreateResource(ctx, r)
	wantKind(t, err, usance.KindConflict)
	_, err = c.PutResource(ctx, r)
	check(t, err)
	got, err = c.RenewResource(ctx, r.ID, noon.AddDate(2, 0, 0))
	check(t, err)
	if again, err := c.Resource(ctx, r.ID); err != nil || !again.Expires.Equal(got.Expires) {
		t.Errorf("%+v %v", again, err)
	}
	page, err := c.Resources(ctx, client.ResourceFilter{BusinessTypes: []string{"VOICE"}, ExpiresFrom: noon})
	check(t, err)
	counts, err := c.CountResources(ctx, client.ResourceFilter{}, "business_type")
	check(t, err)
	if len(page.Items) != 1 || counts.Count != 1 || counts.Items[0].BusinessType != "VOICE" {
		t.Errorf("%+v %+v", page, counts)
	}
	check(t, c.DeleteResource(ctx, r.ID))
	_, err = c.Resource(ctx, r.ID)
	wantKind(t, err, usance.KindNotFound)
}

func definitions(t *testing.T, ctx context.Context, c *client.Client) {
	m := usance.Meter{Name: "m", Unit: "1", Aggregation: usance.AggGauge}
	_, err := c.CreateMeter(ctx, m)
	check(t, err)
	_, err = c.PutMeter(ctx, m)
	check(t, err)
	all, err := c.Meters(ctx)
	check(t, err)
	if got, err := c.Meter(ctx, "m"); err != nil || got.Aggregation != usance.AggGauge || len(all) != 41 {
		t.Errorf("%+v %v of %d", got, err, len(all))
	}
	check(t, c.DeleteMeter(ctx, "m"))
	_, err = c.CreateNode(ctx, usance.Node{Path: "/a"})
	check(t, err)
	_, err = c.PutNode(ctx, usance.Node{Path: "/a", Name: "A"})
	check(t, err)
	nodes, err := c.Nodes(ctx, "/a", "", 0)
	check(t, err)
	if len(nodes.Items) != 1 || nodes.Items[0].Name != "A" {
		t.Errorf("%+v", nodes)
	}
	wantKind(t, c.DeleteNode(ctx, "/a", false), usance.KindConflict)
	check(t, c.DeleteNode(ctx, "/a", true))
	done, err := c.Apply(ctx, []byte("tenants:\n- {id: beta, name: Beta}\n"), false)
	check(t, err)
	if len(done.Tenants) != 1 || done.Tenants[0].Changes[0].Op != "create" {
		t.Errorf("%+v", done)
	}
	_, err = c.Apply(ctx, []byte("tenants:\n- {id: beta, title: Beta}\n"), true)
	if e := refusal(t, err, usance.KindInvalid); len(e.Fields) != 1 || e.Fields[0].Line != 2 {
		t.Errorf("%+v", e)
	}
	tenants, err := c.Tenants(ctx, "", 0)
	check(t, err)
	if beta, err := c.Tenant(ctx, "beta"); err != nil || beta.Name != "Beta" || len(tenants.Items) != 2 {
		t.Errorf("%+v %v", beta, err)
	}
	summaries, err := c.TenantSummaries(ctx, "meeting.conferences", "", 1)
	if check(t, err); len(summaries.Items) != 1 || summaries.Next == "" || summaries.Items[0].Usage.Meter != "meeting.conferences" {
		t.Errorf("%+v", summaries)
	}
	_, err = c.PutTenant(ctx, usance.Tenant{ID: "beta", Name: "B"})
	check(t, err)
}

func principals(t *testing.T, ctx context.Context, c *client.Client) {
	password := "long enough"
	_, err := c.CreateUser(ctx, wire.PutUser{User: usance.User{Name: "ann", Role: usance.RoleAdmin}, Password: &password})
	check(t, err)
	_, err = c.PutUser(ctx, wire.PutUser{User: usance.User{Name: "ann", Role: usance.RoleViewer}})
	check(t, err)
	users, err := c.Users(ctx, "", 0)
	check(t, err)
	if u, err := c.User(ctx, "ann"); err != nil || u.Role != usance.RoleViewer || len(users.Items) != 1 {
		t.Errorf("%+v %v", u, err)
	}
	code, err := c.LoginCode(ctx, "ann")
	check(t, err)
	if code.Code == "" {
		t.Error("no code")
	}
	k, err := c.CreateKey(ctx, wire.PutKey{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK", User: "ann"}})
	check(t, err)
	again, err := c.PutKey(ctx, wire.PutKey{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK", User: "ann", Disabled: true}})
	check(t, err)
	keys, err := c.Keys(ctx, "", 0)
	check(t, err)
	if got, err := c.Key(ctx, usance.KeyAKSK, "AK"); err != nil || !got.Disabled || got.Secret != "" || k.Secret == "" || again.Secret != "" || len(keys.Items) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	check(t, c.DeleteKey(ctx, usance.KeyAKSK, "AK"))
	check(t, c.DeleteUser(ctx, "ann"))
	made, err := c.CreateToken(ctx, wire.PutToken{Token: usance.Token{Name: "t", Role: usance.RoleViewer}})
	check(t, err)
	_, err = c.PutToken(ctx, wire.PutToken{Token: usance.Token{Name: "t", Role: usance.RoleMember}})
	check(t, err)
	tokens, err := c.Tokens(ctx, "", 0)
	check(t, err)
	if got, err := c.Token(ctx, "t"); err != nil || got.Role != usance.RoleMember || made.Secret == "" || len(tokens.Items) != 1 {
		t.Errorf("%+v %v", got, err)
	}
	check(t, c.DeleteToken(ctx, "t"))
}

// flaky lets each of the first calls of a kind fail in its own way.
type flaky struct {
	mu    sync.Mutex
	fails []func(http.ResponseWriter, *http.Request, http.Handler)
	calls int
}

func (f *flaky) around(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		f.mu.Lock()
		f.calls++
		var fail func(http.ResponseWriter, *http.Request, http.Handler)
		if len(f.fails) > 0 {
			fail, f.fails = f.fails[0], f.fails[1:]
		}
		f.mu.Unlock()
		if fail == nil {
			h.ServeHTTP(w, r)
			return
		}
		fail(w, r, h)
	})
}

func (f *flaky) set(fails ...func(http.ResponseWriter, *http.Request, http.Handler)) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fails, f.calls = fails, 0
}

func (f *flaky) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

func status(code int) func(http.ResponseWriter, *http.Request, http.Handler) {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		w.Header().Set("Retry-After", "1")
		w.WriteHeader(code)
	}
}

// done carries the call out and loses the answer.
func done(_ http.ResponseWriter, r *http.Request, h http.Handler) {
	h.ServeHTTP(httptest.NewRecorder(), r)
	panic(http.ErrAbortHandler)
}

// lost never gets to the call.
func lost(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }

func TestRepeatableCallsAreRepeatedUntilTheySucceed(t *testing.T) {
	f := &flaky{}
	srv := serve(t, f.around)
	var pauses []time.Duration
	c := open(t, srv.URL, func(o *client.Options) {
		o.Pause = func(_ context.Context, d time.Duration) error { pauses = append(pauses, d); return nil }
	})
	ctx := t.Context()
	_, err := c.CreateTenant(ctx, usance.Tenant{ID: "acme"})
	check(t, err)

	f.set(status(503), lost, done, status(429), status(502))
	receipt, err := c.Send(ctx, tokensEvents(3))
	check(t, err)
	if f.count() != 6 || receipt.Accepted != 0 || receipt.Duplicates != 3 || len(pauses) != 5 {
		t.Errorf("%d calls, %+v, %v", f.count(), receipt, pauses)
	}
	for i, asked := range map[int]bool{0: true, 3: true, 4: true} {
		if asked && pauses[i] < time.Second {
			t.Errorf("pause %d is %v, less than the server asked for", i, pauses[i])
		}
	}
	u, err := c.Usage(ctx, "meeting.duration", client.UsageQuery{})
	check(t, err)
	if u.Data[0].Value.String() != "180" {
		t.Errorf("counted %s", u.Data[0].Value)
	}
	// A removal whose answer was lost is done.
	_, err = c.PutQuota(ctx, wire.PutQuota{Node: "/", Meter: "drive.space", Limit: 5})
	check(t, err)
	f.set(done)
	check(t, c.DeleteQuota(ctx, "/", "drive.space"))

	f.set(status(503), status(503), status(503), status(503), status(503), status(503), status(503))
	_, err = c.Meters(ctx)
	if wantKind(t, err, usance.KindUnavailable); f.count() != 6 {
		t.Errorf("gave up after %d calls", f.count())
	}
}

func TestWhatCannotBeRepeatedIsTriedOnce(t *testing.T) {
	f := &flaky{}
	srv := serve(t, f.around)
	c := open(t, srv.URL, nil)
	ctx := t.Context()
	_, err := c.CreateTenant(ctx, usance.Tenant{ID: "acme"})
	check(t, err)
	for name, try := range map[string]func() error{
		"create a token": func() error {
			_, err := c.CreateToken(ctx, wire.PutToken{Token: usance.Token{Name: "t", Role: usance.RoleViewer}})
			return err
		},
		"put a token whose secret is made": func() error {
			_, err := c.PutToken(ctx, wire.PutToken{Token: usance.Token{Name: "u", Role: usance.RoleViewer}})
			return err
		},
		"apply": func() error { _, err := c.Apply(ctx, []byte("tenants: []"), false); return err },
	} {
		f.set(lost, lost, lost)
		wantKind(t, try(), usance.KindUnavailable)
		if f.count() != 1 {
			t.Errorf("%s: %d calls", name, f.count())
		}
	}
	// Refusals that no repeat cures are not repeated either.
	f.set()
	_, err = c.Meter(ctx, "none")
	e := refusal(t, err, usance.KindNotFound)
	refusal, ok := errors.AsType[*client.Refusal](e)
	if !ok || refusal.Status != 404 || refusal.Type != "urn:usance:problem:not-found" || refusal.RequestID == "" || f.count() != 1 {
		t.Errorf("%+v after %d calls", refusal, f.count())
	}
}

func TestACancelledContextEndsTheRepeating(t *testing.T) {
	f := &flaky{}
	srv := serve(t, f.around)
	ctx, cancel := context.WithCancel(t.Context())
	c := open(t, srv.URL, func(o *client.Options) {
		o.Pause = func(ctx context.Context, _ time.Duration) error { cancel(); return ctx.Err() }
	})
	f.set(lost, lost, lost)
	if _, err := c.Meters(ctx); err == nil || f.count() != 1 {
		t.Errorf("%v after %d calls", err, f.count())
	}
}

func TestRefusalsNameEveryBadEvent(t *testing.T) {
	srv := serve(t, nil)
	c := open(t, srv.URL, nil)
	_, err := c.CreateTenant(t.Context(), usance.Tenant{ID: "acme"})
	check(t, err)
	events := tokensEvents(4)
	events[1].ID, events[3].Data = "", jsontext.Value(`{"duration_seconds":"long"}`)
	_, err = c.Send(t.Context(), events)
	e := refusal(t, err, usance.KindInvalid)
	if len(e.Fields) != 2 || e.Fields[0].Index != 1 || e.Fields[1].Index != 3 {
		t.Errorf("%+v", e.Fields)
	}
	if events[0].SpecVersion != "" {
		t.Error("the caller's events were changed")
	}
	_, err = open(t, srv.URL, func(o *client.Options) { o.Token = "us_wrong-secret" }).Meters(t.Context())
	wantKind(t, err, usance.KindUnauthorized)
	_, err = c.ForTenant("nobody").Meters(t.Context())
	wantKind(t, err, usance.KindNotFound)
	_, err = c.AtLeast(1 << 40).Meters(t.Context())
	wantKind(t, err, usance.KindUnavailable)
}

func TestAnotherServerIsToldApart(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"a page": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>hello</html>") },
		"a redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusFound)
		},
		"a 404 page": http.NotFound,
	} {
		srv := httptest.NewServer(answer)
		_, err := open(t, srv.URL, nil).Meters(t.Context())
		if err == nil || !strings.Contains(err.Error(), "is the address right?") {
			t.Errorf("%s: %v", name, err)
		}
		srv.Close()
	}
	for _, url := range []string{"", "localhost:8080", "ftp://x", "http://", "://"} {
		_, err := client.New(client.Options{URL: url})
		wantKind(t, err, usance.KindInvalid)
	}
	_, err := client.New(client.Options{URL: "http://x", Token: "a\nb"})
	wantKind(t, err, usance.KindInvalid)
	_, err = client.New(client.Options{URL: "http://x", Compression: "br"})
	wantKind(t, err, usance.KindInvalid)
}
