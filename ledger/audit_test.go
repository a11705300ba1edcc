package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// audited walks the audit trail page by page.
func audited(t *testing.T, f *fixture, filter ledger.AuditFilter) (all []ledger.AuditEntry) {
	t.Helper()
	for {
		page, err := f.Audit(t.Context(), acme, filter)
		if err != nil {
			t.Fatal(err)
		}
		if len(page.Entries) > filter.Limit {
			t.Fatalf("a page of %d for a limit of %d", len(page.Entries), filter.Limit)
		}
		all = append(all, page.Entries...)
		if filter.Before = page.Next; filter.Before == 0 {
			return all
		}
	}
}

func TestTheAuditTrailSaysWhoDidWhat(t *testing.T) {
	f := open(t, "UTC", chargeDefinitions())
	who := func(name string) usance.Actor { return usance.Actor{Name: name, Origin: "192.0.2.7"} }
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	begun, err := f.Sequence(ctx, acme)
	must(err)
	edit := func(e registry.Edit) {
		t.Helper()
		_, err := f.reg.Edit(ctx, who("ann"), acme, e)
		must(err)
	}
	password := "correct horse"
	edit(registry.Edit{Users: []registry.UserSpec{{User: usance.User{Name: "bob", Role: usance.RoleViewer}, Password: &password}}})
	edit(registry.Edit{Keys: []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyAKSK, ID: "AK", User: "bob"}, Secret: "sk-in-the-clear"}}})
	edit(registry.Edit{Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "t", Role: usance.RoleViewer}, Secret: "us_in-the-clear-for-tests"}}})
	edit(registry.Edit{Quotas: []usance.Quota{{Node: "/a", Meter: "seats", Limit: 7}}})
	edit(registry.Edit{DeleteQuotas: []registry.QuotaRef{{Node: "/a", Meter: "seats"}}})
	f.ingest(t, at(f.now, "e1", "llm", "", "/a", `{"tokens":3}`))
	_, err = f.PutResource(ctx, who("cat"), acme, usance.Resource{ID: "r", BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased}, true)
	must(err)
	hold := func(id string) {
		t.Helper()
		_, _, err := f.Reserve(ctx, who("dan"), acme, usance.Hold{ID: id, Node: "/a", Items: []usance.Item{{Meter: "seats", Amount: 1}}}, time.Minute)
		must(err)
	}
	hold("h1")
	_, _, err = f.Extend(ctx, who("dan"), acme, "h1", time.Hour)
	must(err)
	_, _, err = f.Settle(ctx, who("dan"), acme, "h1", nil, false, 0)
	must(err)
	hold("h2")
	_, _, err = f.Release(ctx, who("dan"), acme, "h2")
	must(err)
	hold("h3")
	f.now = f.now.Add(time.Minute)
	must(f.Sweep(ctx))
	node := usance.Path("/c")
	_, _, err = f.Amend(ctx, who("eve"), acme, "test", "e1", "moved", ledger.Amendment{Node: &node})
	must(err)
	_, _, err = f.Void(ctx, who("eve"), acme, "test", "e1", "mistaken")
	must(err)

	var lines []string
	for _, e := range slices.Backward(audited(t, f, ledger.AuditFilter{FromSequence: begun + 1, Limit: 100})) {
		lines = append(lines, strings.Join([]string{e.Actor.Name, e.Op, e.Type, e.Name}, " "))
		text := string(e.Before) + string(e.After)
		for _, secret := range []string{"argon2", "sealed\":\"A", "clear", "hash\":\"s", "horse"} {
			if strings.Contains(text, secret) {
				t.Errorf("%s tells %q: %s", lines[len(lines)-1], secret, text)
			}
		}
		if slices.Contains([]string{"user", "key", "token"}, e.Type) && !strings.Contains(text, `"…"`) {
			t.Errorf("%s does not say that there is a secret: %s", lines[len(lines)-1], text)
		}
		if (e.Before == nil) != (e.Op == "create" || e.Op == "reserve") || (e.After == nil) != (e.Op == "delete") || e.At.IsZero() {
			t.Errorf("%+v", e)
		}
	}
	want := `ann create user bob
ann create key aksk AK
ann create token t
ann update quota /a seats
ann delete quota /a seats
cat create resource r
dan reserve hold h1
dan extend hold h1
dan settle hold h1
dan reserve hold h2
dan release hold h2
dan reserve hold h3
system expire hold h3
eve amend event test e1
eve void event test e1`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s", got)
	}
}

// TestAPageOfTheAuditTrailIsWhatTheFilterSays compares pages, of any size and
// filter, with the whole trail filtered by hand.
func TestAPageOfTheAuditTrailIsWhatTheFilterSays(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 9))
	f := open(t, "UTC", chargeDefinitions())
	for i := range 120 {
		f.now = f.now.Add(time.Duration(r.IntN(5)) * time.Hour)
		actor := usance.Actor{Name: fmt.Sprint("a", r.IntN(3))}
		var err error
		switch r.IntN(3) {
		case 0:
			_, err = f.reg.Edit(t.Context(), actor, acme, registry.Edit{Nodes: []usance.Node{{Path: "/n", Name: fmt.Sprint(i)}}})
		case 1:
			_, _, err = f.Reserve(t.Context(), actor, acme, usance.Hold{ID: fmt.Sprint(i), Items: []usance.Item{{Meter: "tokens", Amount: 1}}}, time.Second)
		case 2:
			f.ingest(t, at(f.now, fmt.Sprint(i), "call", "", "/", ""), at(f.now, fmt.Sprint(i, "b"), "call", "", "/", ""))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	whole := audited(t, f, ledger.AuditFilter{Limit: usance.MaxPageSize})
	last := whole[0].Sequence
	for range 200 {
		filter := ledger.AuditFilter{Limit: 1 + r.IntN(40)}
		if r.IntN(2) == 0 {
			filter.From = f.now.Add(-time.Duration(r.IntN(300)) * time.Hour)
			filter.To = filter.From.Add(time.Duration(1+r.IntN(200)) * time.Hour)
		}
		if r.IntN(2) == 0 {
			filter.FromSequence = 1 + r.Uint64N(last)
			filter.ToSequence = filter.FromSequence + r.Uint64N(last)
		}
		filter.Type = []string{"", "node", "hold", "event"}[r.IntN(4)]
		filter.Actor = []string{"", "a1", "system"}[r.IntN(3)]
		var want, got []uint64
		for _, e := range whole {
			if (filter.From.IsZero() || !e.At.Before(filter.From) && e.At.Before(filter.To)) && e.Sequence >= filter.FromSequence &&
				(filter.ToSequence == 0 || e.Sequence < filter.ToSequence) && (filter.Type == "" || e.Type == filter.Type) && (filter.Actor == "" || e.Actor.Name == filter.Actor) {
				want = append(want, e.Sequence)
			}
		}
		for _, e := range audited(t, f, filter) {
			got = append(got, e.Sequence)
		}
		if !slices.Equal(got, want) {
			t.Fatalf("%+v: got %v, want %v", filter, got, want)
		}
	}
}

// TestTheWorkForAPageOfTheAuditTrailIsBounded puts more events between two changes
// than a page looks through.
func TestTheWorkForAPageOfTheAuditTrailIsBounded(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	old, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	var n ids
	for range 21 {
		batch := make([]ledger.Incoming, usance.MaxBatchEvents)
		for i := range batch {
			batch[i] = at(f.now, n.next(), "nothing", "", "/", "")
		}
		f.ingest(t, batch...)
	}
	page, err := f.Audit(t.Context(), acme, ledger.AuditFilter{Limit: 10})
	if err != nil || len(page.Entries) != 0 || page.Next == 0 || page.Next >= page.Sequence {
		t.Fatalf("%d entries, next %d of %d, %v", len(page.Entries), page.Next, page.Sequence, err)
	}
	if all := audited(t, f, ledger.AuditFilter{Limit: 10}); len(all) == 0 || all[0].Sequence != old {
		t.Errorf("%+v", all)
	}
}
