package api

import (
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/ledger"
)

const moveText = "One commit moves everything at and below the node: definitions, quotas, the users and tokens bound to it, resources, open holds, " +
	"and its usage of all time. The nodes above that it leaves lose that usage, those it comes under gain it. Users bound to the subtree sign in anew. " +
	"Usage that is sent to the old path later is new usage of that path; what was sent before stays known by its id.\n\n" +
	"A hard quota above the new place alone that has no room for it, in a window that has not ended, refuses the move: 409 of type " +
	"urn:usance:problem:quota-exceeded with blocks. So do something at the new place, and a carved node whose limit would be passed: 409. " +
	"A node that is not there, as after the same move, is 404. A subtree that holds more than one step may move is 413: move what is below it first.\n\n" +
	"With dry_run nothing is written: the answer has the numbers that the move would have, and in blocks the hard quotas that would refuse it. " +
	"All else that would refuse the move is answered as the move would be."

func moveNode(q *request) error {
	var in wire.MoveNode
	if err := q.decode(&in); err != nil {
		return err
	}
	for _, p := range []struct {
		name string
		at   usance.Path
	}{{"from", in.From}, {"to", in.To}} {
		if err := p.at.Check(); err != nil {
			return fieldError(p.name, detailOf(err))
		}
		if err := q.may(usance.RightManage, p.at); err != nil {
			return err
		}
	}
	var m ledger.Moved
	var err error
	if in.DryRun {
		m, err = q.api.led.RehearseMove(q.r.Context(), q.tenant, in.From, in.To)
	} else {
		m, err = q.api.led.MoveNode(q.r.Context(), q.actor(), q.tenant, in.From, in.To)
	}
	if err != nil {
		return narrowed(err)
	}
	out := wire.MovedNode{Sequence: m.Sequence, DryRun: in.DryRun, From: m.From, To: m.To, Nodes: m.Nodes, Quotas: m.Quotas, Users: m.Users, Tokens: m.Tokens,
		Resources: m.Resources, Holds: m.Holds, Flagged: q.blocks(m.Flagged)}
	if in.DryRun {
		out.Blocks = q.blocks(m.Blocks)
	}
	q.sequence(m.Sequence)
	return q.answer(http.StatusOK, out)
}

// blocks hides the figures of quotas above what the token may see.
func (q *request) blocks(list []usance.Block) []wire.Block {
	out := make([]wire.Block, len(list))
	for i, b := range list {
		out[i] = wire.BlockOf(b, !b.Node.Within(q.subtree()))
	}
	return out
}
