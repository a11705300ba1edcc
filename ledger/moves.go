package ledger

import (
	"encoding/binary"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/journal"
	"github.com/usance/usance/store"
)

// A node's move is an entry of its own. The views are moved in its commit; the
// events keep the node they were sent with, and where one counts follows from
// that node and the moves after it. The moves table has them all by sequence, so
// that this is known as of any sequence.

// move is one move of a node.
type move struct {
	sequence uint64
	from, to usance.Path
}

// moves are in the order of their sequences.
type moves []move

// at returns where usage counts, as of a sequence, that the entry placed put at a
// node.
func (m moves) at(node usance.Path, placed, asOf uint64) usance.Path {
	first, _ := slices.BinarySearchFunc(m, placed+1, func(a move, sequence uint64) int {
		if a.sequence < sequence {
			return -1
		}
		return 1
	})
	for _, a := range m[first:] {
		if a.sequence > asOf {
			break
		}
		node = node.Rebase(a.from, a.to)
	}
	return node
}

// move gives an event the node that it counts at as of a sequence.
func (c *counted) move(m moves, asOf uint64) {
	if len(m) > 0 {
		c.Event.Node = m.at(c.Event.Node, c.placed, asOf)
	}
}

// movesAfter is the range of the moves that can concern the events of a block.
func movesAfter(block string) store.Range { return store.Range{Table: store.Moves, From: block} }

func decodeMoves(rows []store.Row) (moves, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	out := make(moves, 0, len(rows))
	for _, r := range rows {
		from, rest, ok := cutText(string(r.Value))
		if !ok || len(r.ID) != 8 {
			return nil, usance.ErrCorrupt
		}
		to, rest, ok := cutText(rest)
		if !ok || rest != "" {
			return nil, usance.ErrCorrupt
		}
		out = append(out, move{binary.BigEndian.Uint64([]byte(r.ID)), usance.Path(from), usance.Path(to)})
	}
	return out, nil
}

// putMove records a move. What was worked out for an event before it is stale: it
// counts as a correction of all of them.
func putMove(rows *store.Rows, m move) {
	rows.Put(store.Moves, journal.BlockID(m.sequence), appendText(appendText(nil, string(m.from)), string(m.to)))
	rows.Put(store.Corrections, "", []byte(journal.BlockID(m.sequence)))
}

// movePlace is what the entry of a move has as Before and After.
type movePlace struct {
	Path usance.Path `json:"path"`
}

func moveChange(from, to usance.Path) (journal.Change, error) {
	before, err := json.Marshal(movePlace{from})
	if err != nil {
		return journal.Change{}, err
	}
	after, err := json.Marshal(movePlace{to})
	return journal.Change{Type: "node", Name: string(from), Before: before, After: after}, err
}

func moveOf(e *journal.Entry) (move, error) {
	var from, to movePlace
	if err := json.Unmarshal(e.Change.Before, &from); err != nil {
		return move{}, err
	}
	if err := json.Unmarshal(e.Change.After, &to); err != nil {
		return move{}, err
	}
	if from.Path.Check() != nil || to.Path.Check() != nil || from.Path == usance.Root || to.Path == usance.Root {
		return move{}, usance.ErrCorrupt
	}
	return move{e.Sequence, from.Path, to.Path}, nil
}
