package ledger_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
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
			ID: id, Node: "/", BusinessType: []string{"LIVE_2D", "VIDEO_2D", "X"}[r.IntN(3)],
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
	want := map[[3]string]int64{}
	var ids []string
	for _, res := range have {
		if !slices.Contains(filter.ChargingModes, res.ChargingMode) || filter.BusinessTypes != nil && !slices.Contains(filter.BusinessTypes, res.BusinessType) {
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
		if page.Total != int64(len(ids)) {
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
