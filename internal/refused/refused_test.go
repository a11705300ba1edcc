package refused

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/usance/usance"
)

func clock() (now *time.Time, read func() time.Time) {
	at := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	return &at, func() time.Time { return at }
}

func TestTheSameRefusedAgainCountsUpAndComesToTheTop(t *testing.T) {
	now, read := clock()
	l := New(read)
	begin := *now
	l.Add("acme", []Refusal{{ID: "1", Why: "bad"}, {ID: "2", Why: "bad"}}, 2)
	*now = begin.Add(time.Minute)
	l.Add("acme", []Refusal{{ID: "2", Why: "bad"}}, 1)
	l.Add("acme", []Refusal{{ID: "2", Why: "worse"}}, 1)
	all, total, since := l.Of("acme")
	want := []Counted{{Refusal{ID: "2", Why: "worse"}, *now, *now, 1}, {Refusal{ID: "2", Why: "bad"}, begin, *now, 2}, {Refusal{ID: "1", Why: "bad"}, begin, begin, 1}}
	if fmt.Sprint(all) != fmt.Sprint(want) || total != 4 || !since.Equal(begin) {
		t.Errorf("%v of %d since %s", all, total, since)
	}
	if all, total, _ := l.Of("beta"); len(all) != 0 || total != 0 {
		t.Errorf("another tenant sees %v of %d", all, total)
	}
}

// TestItsBoundsHoldUnderAFlood sends what would fill any memory, from many tenants.
func TestItsBoundsHoldUnderAFlood(t *testing.T) {
	now, read := clock()
	l := New(read)
	r := rand.New(rand.NewPCG(1, 2))
	huge := strings.Repeat("\xf0\x9f\x98\x80\xff<script>", 200)
	longest := usance.Path("/" + strings.Repeat("n", usance.MaxPathBytes-1))
	for i := range 200 {
		*now = now.Add(time.Second)
		var list []Refusal
		for k := range 1 + r.IntN(300) {
			from := r.IntN(8)
			id := fmt.Sprint(i, " ", k, " ", huge[from:])
			list = append(list, Refusal{ID: id, Source: huge[from:], Type: huge, Time: huge, Node: longest, Problem: "invalid", Why: huge, By: huge, Events: 1})
		}
		tenant := usance.TenantID(fmt.Sprint("t-", r.IntN(100)))
		l.Add(tenant, list, len(list))
		all, total, _ := l.Of(tenant)
		if len(all) == 0 || len(all) > MaxTenant || total < int64(len(all)) || !strings.HasPrefix(all[0].ID, fmt.Sprint(i, " 0 ")) {
			t.Fatalf("%d of %d, the newest %.20q instead of %.20q", len(all), total, all[0].ID, list[0].ID)
		}
		for _, c := range all {
			for _, s := range []string{c.ID, c.Source, c.Type, c.By, c.Why} {
				if len(s) > 2*MaxWhy || !utf8.ValidString(s) {
					t.Fatalf("a text of %d bytes, %q", len(s), s)
				}
			}
		}
	}
	sum := 0
	for _, o := range l.tenants {
		sum += perRefusal
		if o.list.Len() != len(o.find) || o.list.Len() > MaxTenant {
			t.Errorf("%s: %d in the list, %d to be found", o.tenant, o.list.Len(), len(o.find))
		}
		for at := o.list.Front(); at != nil; at = at.Next() {
			sum += at.Value.(*Counted).size()
		}
	}
	if sum != l.bytes || sum > MaxBytes || l.order.Len() != len(l.tenants) {
		t.Errorf("%d bytes are reckoned, %d are there, of at most %d; %d tenants of %d", l.bytes, sum, MaxBytes, l.order.Len(), len(l.tenants))
	}
	if l.since.Before(now.Add(-200 * time.Second)) {
		t.Errorf("it forgot tenants and yet says that it knows since %s", l.since)
	}
}

// TestOneTenantsFloodLeavesOthersAlone as long as there is room for all.
func TestOneTenantsFloodLeavesOthersAlone(t *testing.T) {
	_, read := clock()
	l := New(read)
	l.Add("quiet", []Refusal{{ID: "1", Why: "bad"}}, 1)
	for i := range 50_000 {
		l.Add("loud", []Refusal{{ID: fmt.Sprint(i), Why: "bad"}}, 1)
	}
	if all, total, _ := l.Of("quiet"); len(all) != 1 || total != 1 {
		t.Errorf("%v of %d", all, total)
	}
	if all, total, _ := l.Of("loud"); len(all) != MaxTenant || total != 50_000 || all[0].ID != "49999" {
		t.Errorf("%d of %d", len(all), total)
	}
}

func TestTextsAreCutBetweenCharacters(t *testing.T) {
	for in, want := range map[string]string{"": "", "abc": "abc", "abcd": "abcd", "abcde": "abcd…", "ab\xff": "ab\uFFFD", "ab€€": "ab…", "€€": "€…", "a\xff\xffcde": "a\uFFFDc…"} {
		if got := text(in, 4); got != want {
			t.Errorf("%q becomes %q instead of %q", in, got, want)
		}
	}
}

func TestATenantThatIsDroppedLeavesNothing(t *testing.T) {
	_, read := clock()
	l := New(read)
	l.Add("beta", []Refusal{{ID: "1", Why: "bad"}}, 1)
	bytes := l.bytes
	for range 2 {
		l.Add("acme", []Refusal{{ID: "1", Why: "bad"}, {ID: "2", Why: "bad"}}, 5)
		l.Drop("acme")
		l.Drop("acme")
		if all, total, since := l.Of("acme"); len(all) != 0 || total != 0 || !since.Equal(read()) || l.bytes != bytes || len(l.tenants) != 1 || l.order.Len() != 1 {
			t.Errorf("%v of %d since %s; %d bytes, %d tenants, %d in order", all, total, since, l.bytes, len(l.tenants), l.order.Len())
		}
	}
	if all, _, _ := l.Of("beta"); len(all) != 1 {
		t.Errorf("another tenant has %v", all)
	}
}
