package client_test

import (
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// prepared is a client of a server whose tenant acme may use 10 seats at /a.
func prepared(t *testing.T, around func(http.Handler) http.Handler) *client.Client {
	t.Helper()
	c := open(t, serve(t, around).URL, nil)
	_, err := c.CreateTenant(t.Context(), usance.Tenant{ID: "acme", Timezone: "Asia/Shanghai"})
	check(t, err)
	_, err = c.CreateMeter(t.Context(), usance.Meter{Name: "seats", Unit: "1", Aggregation: usance.AggLevel})
	check(t, err)
	for node, limit := range map[usance.Path]wire.Amount{"/": 12, "/a": 10} {
		_, err = c.PutQuota(t.Context(), wire.PutQuota{Node: node, Meter: "seats", Limit: limit})
		check(t, err)
	}
	return c
}

func seats(n wire.Quantity) []wire.Item { return []wire.Item{{Meter: "seats", Amount: n}} }

func TestChargesAndHoldsReachTheirEnd(t *testing.T) {
	c, ctx := prepared(t, nil), t.Context()
	out, err := c.Charge(ctx, wire.Charge{ID: "c1", Node: "/a", Subject: "ann", Time: noon.Add(-time.Hour), Items: seats(4)})
	check(t, err)
	if out.Duplicate || len(out.Granted) != 1 || len(out.Quotas) != 2 || c.Sequence() != out.Sequence {
		t.Errorf("%+v, sequence %d", out, c.Sequence())
	}
	hold, err := c.Reserve(ctx, wire.Reserve{ID: "a/b", Node: "/a", Items: seats(6), TTL: 3600})
	check(t, err)
	if hold.State != usance.HoldOpen || !hold.Expires.Equal(noon.Add(time.Hour)) {
		t.Errorf("%+v", hold)
	}
	_, err = c.Charge(ctx, wire.Charge{ID: "c2", Node: "/a", Items: seats(3)})
	e := refusal(t, err, usance.KindExceeded)
	if len(e.Blocks) != 2 || e.Blocks[0].Limit+e.Blocks[1].Limit != 22 || e.Blocks[0].Used != 4 || e.Blocks[0].Reserved != 6 {
		t.Errorf("%+v", e.Blocks)
	}
	hold, err = c.Settle(ctx, "a/b", wire.Settle{Items: seats(1), Partial: true, Step: 1})
	check(t, err)
	if hold.Steps != 1 || hold.Open[0].Amount != 5 {
		t.Errorf("%+v", hold)
	}
	hold, err = c.Extend(ctx, "a/b", 60)
	check(t, err)
	if !hold.Expires.Equal(noon.Add(time.Minute)) {
		t.Errorf("%+v", hold)
	}
	page, err := c.Holds(ctx, client.HoldFilter{Node: "/a"})
	check(t, err)
	if len(page.Items) != 1 || page.Items[0].ID != "a/b" {
		t.Errorf("%+v", page)
	}
	hold, err = c.Settle(ctx, "a/b", wire.Settle{})
	check(t, err)
	if again, err := c.Hold(ctx, "a/b"); err != nil || again.State != usance.HoldSettled || again.Settled[0] != hold.Settled[0] || hold.Settled[0].Amount != 6 {
		t.Errorf("%+v %+v %v", hold, again, err)
	}
	_, err = c.Release(ctx, "a/b")
	wantKind(t, err, usance.KindConflict)
	_, err = c.Release(ctx, "nothing")
	wantKind(t, err, usance.KindNotFound)
}

// TestALostAnswerIsNoSecondCharge breaks the connection after the server has done
// what was asked, so that the client sends it again.
func TestALostAnswerIsNoSecondCharge(t *testing.T) {
	var lose atomic.Bool
	c := prepared(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if lose.CompareAndSwap(true, false) {
				next.ServeHTTP(&blind{ResponseWriter: w, h: http.Header{}}, r)
				panic(http.ErrAbortHandler)
			}
			next.ServeHTTP(w, r)
		})
	})
	ctx := t.Context()
	lose.Store(true)
	out, err := c.Charge(ctx, wire.Charge{ID: "c1", Node: "/a", Items: seats(4)})
	check(t, err)
	if !out.Duplicate {
		t.Error("the charge was not sent twice")
	}
	lose.Store(true)
	_, err = c.Reserve(ctx, wire.Reserve{ID: "h", Node: "/a", Items: seats(5), TTL: 60})
	check(t, err)
	lose.Store(true)
	_, err = c.Settle(ctx, "h", wire.Settle{Items: seats(2), Partial: true, Step: 1})
	check(t, err)
	lose.Store(true)
	_, err = c.Settle(ctx, "h", wire.Settle{Items: seats(1), Partial: true})
	wantKind(t, err, usance.KindUnavailable) // nobody can know what a repeat would do
	lose.Store(true)
	_, err = c.Release(ctx, "h")
	check(t, err)
	q, err := c.Quotas(ctx, "/a", "seats", false)
	check(t, err)
	if q[0].Used != 4+2+1 || q[0].Reserved != 0 {
		t.Errorf("%+v", q[0])
	}
}

// blind is a ResponseWriter whose answer goes nowhere.
type blind struct {
	http.ResponseWriter
	h http.Header
}

func (b *blind) Header() http.Header         { return b.h }
func (b *blind) WriteHeader(int)             {}
func (b *blind) Write(p []byte) (int, error) { return len(p), nil }
