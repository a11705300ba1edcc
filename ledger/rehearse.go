package ledger

import (
	"cmp"
	"context"
	"errors"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
)

// errRehearsed takes back what a rehearsal has done in its step.
var errRehearsed = errors.New("ledger: a rehearsal is taken back")

// RehearseMove says what MoveNode would, by the same checks in the same step, which
// is then taken back: nothing is written. Sequence is of the last entry that it
// looked at. Hard quotas without room for the node are in Blocks and no error; all
// else that a move is refused for is the error that it would be. Holds whose time
// is up end first, as before any reading.
func (l *Ledger) RehearseMove(ctx context.Context, tenant usance.TenantID, from, to usance.Path) (Moved, error) {
	w := &moving{l: l, tenant: tenant, rehearsal: true, from: from, to: to}
	err := l.move(ctx, w)
	refused, _ := errors.AsType[*usance.Error](err)
	switch {
	case errors.Is(err, errRehearsed):
	case refused != nil && refused.Kind == usance.KindExceeded && len(refused.Blocks) > 0:
		w.done.Blocks = refused.Blocks
	default:
		return Moved{}, err
	}
	w.done.Sequence = w.head.Sequence
	return w.done, nil
}

// rehearsed ends a rehearsal's step once all is done and nothing was in the way:
// also what only the end of a step finds, such as entries too large for a block.
func (w *moving) rehearsed(t *tx) error {
	if _, err := journal.Append(t.rows, t.head, t.entries); err != nil {
		return err
	}
	return cmp.Or(t.rows.Fault(), errRehearsed)
}
