package transfer_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// wantsTheName has a tenant take the alias of the one that arrives, and reports
// whether it could.
func (p *place) wantsTheName(t *testing.T, tenant usance.TenantID) bool {
	t.Helper()
	_, err := p.Registry.Edit(t.Context(), tester, tenant, registry.Edit{Tenant: &usance.Tenant{Aliases: definitions().Tenant.Aliases}})
	if err != nil && usance.KindOf(err) != usance.KindConflict {
		t.Fatal(err)
	}
	return err == nil
}

// An import may stand still for as long as it likes: its names are its own.
func TestNamesOfAnImportUnderWayAreItsOwnUntilItIsDiscarded(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 11)), 2)
	file := from.export(t, transfer.Export{Flush: 1000})
	to := newPlace(t, from.clock, 1)
	half := func() {
		t.Helper()
		reader, err := archive.NewReader(&cutAfter{bytes.NewReader(file), len(file) - 1})
		if err != nil {
			t.Fatal(err)
		}
		defer reader.Close()
		if _, err := to.Import(t.Context(), acme, reader, transfer.Import{Actor: tester}); err == nil {
			t.Fatal("a part was taken for whole")
		}
	}
	half()
	to.clock.Move(30 * 24 * time.Hour)
	if to.wantsTheName(t, "other") {
		t.Fatal("a name was taken from an import under way")
	}
	if err := to.Discard(t.Context(), acme); err != nil {
		t.Fatal(err)
	}
	if !to.wantsTheName(t, "other") {
		t.Fatal("a discarded import holds a name")
	}
	if _, err := to.bring(t, file, transfer.Import{}); usance.KindOf(err) != usance.KindConflict {
		t.Fatalf("an import whose name another has: %v", err)
	}
	if _, err := to.Registry.Edit(t.Context(), tester, "other", registry.Edit{Tenant: &usance.Tenant{}}); err != nil {
		t.Fatal(err)
	}
	if _, err := to.bring(t, file, transfer.Import{}); err != nil {
		t.Fatal(err)
	}
}

// slow is a store on which something happens before the first step that says that a
// tenant arrives.
type slow struct {
	store.Store
	before func()
}

func (s *slow) Step(ctx context.Context, tenant usance.TenantID, keys store.Keys, fn func(*store.Rows) error) error {
	if s.before != nil && tenant == acme && slices.Contains(keys.Rows, registry.ArrivalKey) {
		before := s.before
		s.before = nil
		before()
	}
	return s.Store.Step(ctx, tenant, keys, fn)
}

// The import has entered its names, and is so slow to begin that another tenant takes
// one of them: it does not begin.
func TestAnImportWhoseNamesWereTakenBeforeItBeganDoesNotBegin(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 12)), 2)
	file := from.export(t, transfer.Export{})
	to := newPlace(t, from.clock, 1)
	to.Store = &slow{to.Store, func() {
		if to.wantsTheName(t, "other") {
			t.Error("a name was taken at once")
		}
		to.clock.Move(time.Hour)
		if !to.wantsTheName(t, "other") {
			t.Error("a name that nobody has could not be taken")
		}
	}}
	if _, err := to.bring(t, file, transfer.Import{}); usance.KindOf(err) != usance.KindUnavailable {
		t.Fatalf("the import began: %v", err)
	}
	if _, err := to.bring(t, file, transfer.Import{}); usance.KindOf(err) != usance.KindConflict {
		t.Fatalf("and then: %v", err)
	}
	if at, err := to.Registry.ResolveAlias(t.Context(), "huawei.project", "p-1"); err != nil || at.Tenant != "other" {
		t.Errorf("%+v, %v", at, err)
	}
	if rows := to.rows(t); len(rows) != 0 {
		t.Errorf("%d rows were stored", len(rows))
	}
}
