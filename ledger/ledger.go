// Package ledger keeps what happened and answers what follows from it: usage
// events, the rollups, totals and sets folded from them, quota readings and
// purchased resources. Every write is an entry of the tenant's ledger, and every
// view is updated in the commit of the entry that changed it; so all surfaces
// read the same numbers, and reads never scan events unless they ask for a grain
// that no view keeps.
package ledger

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Options are what a Ledger is built with.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger
	// RangeBatch is how many events one step of a correction of a range voids; 0 is
	// 1000.
	RangeBatch int
}

// Ledger is safe for concurrent use, and several processes may have one on the
// same store.
type Ledger struct {
	st  store.Store
	reg *registry.Registry
	now func() time.Time
	log *slog.Logger

	queues     queues
	paths      chargePaths
	sheets     sheets
	hot        hot
	long       bool // every charge goes the long way
	rangeBatch int
	inHand     sync.Map // corrections of ranges that a call goes on with, by rangeInHand

	moveRows, moveScan          int // usance.MaxMoveRows and MaxMoveScan
	resourceScan, resourceCount int // usance.MaxResourceScan and MaxResourceCount

	entries sync.Pool // of *[]journal.Entry, empty: what steps gather their entries in
}

// New returns a Ledger on the store, with definitions from the registry, which
// asks it from then on what depends on a definition that is to be deleted.
func New(st store.Store, reg *registry.Registry, o Options) *Ledger {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.RangeBatch <= 0 {
		o.RangeBatch = 1000
	}
	l := &Ledger{st: st, reg: reg, now: o.Now, log: o.Logger, queues: newQueues(), paths: chargePaths{all: map[chargedAt]*chargePath{}}, rangeBatch: o.RangeBatch,
		moveRows: usance.MaxMoveRows, moveScan: usance.MaxMoveScan, resourceScan: usance.MaxResourceScan, resourceCount: usance.MaxResourceCount}
	if _, one := st.(store.Versioner); one {
		l.hot.of = map[usance.TenantID]*hotLive{}
	}
	reg.Keep(l)
	return l
}

// Sequence returns the sequence number of the tenant's newest entry.
func (l *Ledger) Sequence(ctx context.Context, tenant usance.TenantID) (uint64, error) {
	head, err := l.head(ctx, tenant)
	return head.Sequence, err
}
