package server

import (
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
)

// verify folds a tenant's ledger again in a scratch store and notes for /metrics
// whether it drifted.
func (s *Server) verify(ctx context.Context, tenant usance.TenantID, progress func(done, of uint64)) (v ledger.Verification, err error) {
	if s.config.Scratch == nil {
		return v, usance.Errorf(usance.KindUnavailable, "this server has nowhere to fold a ledger again")
	}
	scratch, err := s.config.Scratch()
	if err != nil {
		return v, err
	}
	defer func() { err = errors.Join(err, scratch.Close()) }()
	if v, err = s.ledger.Verify(ctx, tenant, scratch, progress); err != nil {
		return v, err
	}
	if v.Fault != "" {
		s.log.Error("a tenant's views do not follow from its ledger; usance verify names the first difference", "tenant", tenant)
	}
	s.metrics.verified(tenant, v.Fault != "")
	return v, nil
}

// sweep expires holds that are due, and removes sessions that have ended and what
// deleted tenants had, each time the tick comes, until ctx ends.
func (s *Server) sweep(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.config.Sweep:
		}
		if err := s.ledger.Sweep(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("expiring holds", "error", err)
		}
		n, err := s.registry.SweepSessions(ctx)
		s.metrics.swept.Add(float64(n))
		if err != nil && ctx.Err() == nil {
			s.log.Warn("removing sessions that have ended", "error", err)
		}
		if err := s.mover.SweepDeletions(ctx); err != nil && ctx.Err() == nil {
			s.log.Warn("removing what deleted tenants had", "error", err)
		}
		s.forgetDeleted(ctx)
	}
}

// forgetDeleted takes tenants that have drifted and were deleted since, by whatever
// process, out of the metric: nobody can verify them again.
func (s *Server) forgetDeleted(ctx context.Context) {
	for _, tenant := range s.metrics.drifting() {
		if _, err := s.registry.Definitions(ctx, tenant); usance.KindOf(err) == usance.KindNotFound {
			s.metrics.verified(tenant, false)
		}
	}
}
