package client_test

import (
	"testing"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func TestARangeIsVoidedAndBroughtBackByTheClient(t *testing.T) {
	c, ctx := prepared(t, nil), t.Context()
	var events []wire.Event
	for _, id := range []string{"1", "2", "3"} {
		events = append(events, wire.Event{ID: id, Source: "s", Type: "meeting.conference.ended", Time: noon, Data: jsontext.Value(`{"duration_seconds":60}`)})
	}
	sent, err := c.Send(ctx, events)
	check(t, err)
	usage := func(at client.Moment) string {
		u, err := c.Usage(ctx, "meeting.duration", client.UsageQuery{At: at})
		check(t, err)
		return u.Data[0].Value.String()
	}
	p, err := c.ProposeCorrection(ctx, wire.ProposeCorrection{Filter: wire.RangeFilter{Source: "s", From: noon, To: noon.Add(time.Second)}, Reason: "why"})
	check(t, err)
	if p.Events != 3 || p.Running() || string(p.Changes[0].Before) != "180" {
		t.Errorf("%+v", p)
	}
	list, err := c.Corrections(ctx, "", 10)
	check(t, err)
	if len(list.Items) != 1 || list.Items[0].ID != p.ID {
		t.Errorf("%+v", list)
	}
	p, err = c.ApproveCorrection(ctx, p.ID)
	check(t, err)
	if p.State != "applied" || usage(client.Moment{}) != "0" || usage(client.Moment{Sequence: sent.Sequence}) != "180" {
		t.Errorf("%+v", p)
	}
	wantKind(t, c.DiscardCorrection(ctx, p.ID), usance.KindConflict)
	p, err = c.RevertCorrection(ctx, p.ID)
	check(t, err)
	if p.State != "reverted" || usage(client.Moment{}) != "180" {
		t.Errorf("%+v", p)
	}
	p, err = c.ProposeCorrection(ctx, wire.ProposeCorrection{Filter: wire.RangeFilter{Source: "s"}})
	check(t, err)
	check(t, c.DiscardCorrection(ctx, p.ID))
	_, err = c.Correction(ctx, p.ID)
	wantKind(t, err, usance.KindNotFound)
}
