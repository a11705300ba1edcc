package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// TestCountsOfResourcesAreTheCountOfTheRows changes random resources and compares
// counts and pages for random windows with a plain loop.
func TestCountsOfResourcesAreTheCountOfTheRows(t *testing.T) {
	seed := facadetest.Seed(t)
	r := rand.New(rand.NewPCG(seed, 3))
	f := open(t, "UTC", registry.Edit{})
	f.BoundResources(1+r.IntN(20), 1000)
	have := map[string]usance.Resource{}
	base := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	instant := func() time.Time {
		at := base.Add(time.Duration(r.IntN(6)) * 24 * time.Hour)
		switch r.IntN(3) {
		case 0:
			at = at.Add(-time.Second)
		case 1:
			at = at.Add(time.Duration(r.IntN(86400)) * time.Second)
		}
		return at
	}
	for range 400 {
		id := fmt.Sprintf("r-%d", r.IntN(60))
		res := usance.Resource{
			ID: id, Node: resourceNodes[r.IntN(len(resourceNodes))], BusinessType: []string{"LIVE_2D", "VIDEO_2D", "X"}[r.IntN(3)],
			ChargingMode: []string{usance.Periodic, usance.OneTime, usance.OnDemand}[r.IntN(3)], Source: []string{usance.Purchased, usance.SPAllocated}[r.IntN(2)],
		}
		if r.IntN(5) > 0 {
			res.Expires = instant()
		}
		_, exists := have[id]
		switch r.IntN(4) {
		case 0:
			_, err := f.DeleteResource(t.Context(), tester, acme, id)
			if exists != (err == nil) || !exists && usance.KindOf(err) != usance.KindNotFound {
				t.Fatalf("delete of %s (exists: %v): %v", id, exists, err)
			}
			delete(have, id)
		case 1:
			at := instant()
			renewed, _, err := f.RenewResource(t.Context(), tester, acme, id, at)
			if exists != (err == nil) {
				t.Fatalf("renewal of %s (exists: %v): %v", id, exists, err)
			}
			if exists {
				was := have[id]
				was.Expires = at
				if have[id] = was; !renewed.Expires.Equal(at) {
					t.Fatalf("renewed to %s, want %s", renewed.Expires, at)
				}
			}
		default:
			if _, err := f.PutResource(t.Context(), tester, acme, res, false); err != nil {
				t.Fatal(err)
			}
			have[id] = res
		}
		checkCounts(t, f, have, r, instant)
	}
}

var resourceNodes = []usance.Path{"/", "/a", "/a/b", "/ab", "/c", "/a/é<&>'"}

func checkCounts(t *testing.T, f *fixture, have map[string]usance.Resource, r *rand.Rand, instant func() time.Time) {
	t.Helper()
	filter := ledger.ResourceFilter{ChargingModes: []string{usance.Periodic, usance.OneTime}}
	if r.IntN(2) == 0 {
		filter.ExpiresFrom = instant()
	}
	if r.IntN(2) == 0 {
		filter.ExpiresTo = instant()
	}
	if r.IntN(2) == 0 {
		filter.BusinessTypes = []string{"LIVE_2D", "X"}
	}
	if r.IntN(3) > 0 {
		filter.Node, filter.Recursive = resourceNodes[r.IntN(len(resourceNodes))], r.IntN(2) == 0
	}
	want := map[[3]string]int64{}
	var ids []string
	for _, res := range have {
		if !slices.Contains(filter.ChargingModes, res.ChargingMode) || filter.BusinessTypes != nil && !slices.Contains(filter.BusinessTypes, res.BusinessType) {
			continue
		}
		if filter.Node != "" && res.Node != filter.Node && (!filter.Recursive || !res.Node.Within(filter.Node)) {
			continue
		}
		bounded := !filter.ExpiresFrom.IsZero() || !filter.ExpiresTo.IsZero()
		if bounded && (res.Expires.IsZero() || !filter.ExpiresFrom.IsZero() && res.Expires.Before(filter.ExpiresFrom) || !filter.ExpiresTo.IsZero() && res.Expires.After(filter.ExpiresTo)) {
			continue
		}
		want[[3]string{res.BusinessType, res.ChargingMode, res.Source}]++
		ids = append(ids, res.ID)
	}
	counts, _, err := f.CountResources(t.Context(), acme, filter)
	if err != nil {
		t.Fatal(err)
	}
	if len(counts) != len(want) {
		t.Fatalf("%+v: %v, want %v", filter, counts, want)
	}
	for _, c := range counts {
		if want[[3]string{c.BusinessType, c.ChargingMode, c.Source}] != c.Count {
			t.Fatalf("%+v: %v, want %v", filter, counts, want)
		}
	}
	slices.Sort(ids)
	var paged []string
	for cursor := ""; ; {
		page, err := f.Resources(t.Context(), acme, filter, cursor, 0, 7)
		if err != nil {
			t.Fatal(err)
		}
		if whole := filter.Node == "" || filter.Node == "/" && filter.Recursive; whole && page.Total != int64(len(ids)) || !whole && page.Total != -1 {
			t.Fatalf("total %d, want %d", page.Total, len(ids))
		}
		for _, res := range page.Resources {
			paged = append(paged, res.ID)
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if !slices.Equal(paged, ids) {
		t.Fatalf("pages show %v, want %v", paged, ids)
	}
}

func TestPuttingWhatIsAlreadySoChangesNothing(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	res := usance.Resource{ID: "r", BusinessType: "LIVE_2D", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: noon}
	first, err := f.PutResource(t.Context(), tester, acme, res, true)
	if err != nil {
		t.Fatal(err)
	}
	again, err := f.PutResource(t.Context(), tester, acme, res, false)
	if err != nil || again != first {
		t.Errorf("sequence %d became %d, %v", first, again, err)
	}
	if _, err := f.PutResource(t.Context(), tester, acme, res, true); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("created twice: %v", err)
	}
}

// TestAPageOfASubtreeEndsWhereItHasLookedEnough has one resource of a subtree behind
// many others: the pages that lead there are empty and none looks at more rows than
// it may. A count is refused past its bound, and not where its window has fewer.
func TestAPageOfASubtreeEndsWhereItHasLookedEnough(t *testing.T) {
	f := open(t, "UTC", registry.Edit{})
	f.BoundResources(4, 10)
	put := func(id string, node usance.Path, expires time.Time) {
		res := usance.Resource{ID: id, Node: node, BusinessType: "X", ChargingMode: usance.OneTime, Source: usance.Purchased, Expires: expires}
		if _, err := f.PutResource(t.Context(), tester, acme, res, true); err != nil {
			t.Fatal(err)
		}
	}
	for i := range 10 {
		put(fmt.Sprintf("other-%02d", i), "/other", noon)
	}
	put("z", "/a/b", noon.Add(time.Hour))
	before, err := f.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	put("zz", "/a", noon)
	m, err := f.MomentOf(t.Context(), acme, before, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	below := ledger.ResourceFilter{Node: "/a", Recursive: true}
	for _, c := range []struct {
		m    ledger.Moment
		want []string
	}{{ledger.Moment{}, []string{"-other-03", "-other-07", "z,zz-"}}, {m, []string{"-other-03", "-other-07", "z-"}}} {
		var got []string
		for cursor, more := "", true; more && len(got) < 9; {
			page, err := f.ResourcesAt(t.Context(), acme, below, c.m, cursor, 5)
			if err != nil {
				t.Fatal(err)
			}
			var ids []string
			for _, r := range page.Resources {
				ids = append(ids, r.ID)
			}
			got = append(got, strings.Join(ids, ",")+"-"+page.Next)
			cursor, more = page.Next, page.Next != ""
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("at %v: pages %q, want %q", c.m, got, c.want)
		}
	}
	if _, _, err := f.CountResources(t.Context(), acme, below); usance.KindOf(err) != usance.KindTooLarge {
		t.Errorf("12 to look at, and 10 are allowed: %v", err)
	}
	below.ExpiresFrom = noon.Add(time.Second)
	if n, _, err := f.CountResources(t.Context(), acme, below); err != nil || len(n) != 1 || n[0].Count != 1 {
		t.Errorf("one expires then: %v, %v", n, err)
	}
}
