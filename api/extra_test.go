package api

import (
	"fmt"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// extra is what calls that create or delete work on: it is put before each, and
// what the call created is taken away after.
type extra struct{ doomed int }

func (*extra) put(h *house) {
	h.t.Helper()
	_, err := h.reg.Edit(h.t.Context(), tester, acme, registry.Edit{
		Nodes:  []usance.Node{{Path: "/a/move"}, {Path: "/a/gone"}, {Path: "/gone"}},
		Meters: []usance.Meter{{Name: "m3", Unit: "1", Aggregation: usance.AggGauge}},
		Users:  []registry.UserSpec{{User: usance.User{Name: "tim", Role: usance.RoleViewer}}},
		Tokens: []registry.TokenSpec{{Token: usance.Token{Name: "spare", Role: usance.RoleMember}, Secret: secretOf("spare")}},
	})
	h.must(err)
	for name, node := range map[string]usance.Path{"a": "/a", "b": "/b"} {
		for _, id := range []string{"h-", "settle-", "release-"} {
			hold := usance.Hold{ID: id + name, Node: node, Items: []usance.Item{{Meter: "vm.cpuNum", Amount: 1}}}
			_, _, err := h.led.Reserve(h.t.Context(), tester, acme, hold, time.Hour)
			h.must(err)
		}
		for _, id := range []string{"void-", "amend-"} {
			event := usance.Event{Source: "s/s", ID: id + name, Type: "meeting.conference.started", Node: node, Time: noon}
			_, err := h.led.Ingest(h.t.Context(), tester, acme, []ledger.Incoming{{Event: event, Stated: true}})
			h.must(err)
		}
	}
}

// correct makes the correction that a path names as ~state/node~, and returns the
// path with its id. Of ~doomed~ it makes a tenant that is to be deleted.
func (e *extra) correct(h *house, path string) string {
	h.t.Helper()
	before, rest, ok := strings.Cut(path, "~")
	if !ok {
		return path
	}
	what, after, _ := strings.Cut(rest, "~")
	if what == "doomed" {
		e.doomed++
		id := fmt.Sprint("doomed-", e.doomed)
		_, err := h.reg.Edit(h.t.Context(), tester, usance.TenantID(id), registry.Edit{Tenant: &usance.Tenant{}})
		h.must(err)
		return before + id + "?confirm=" + id
	}
	state, node, _ := strings.Cut(what, "/")
	c, _, err := h.led.ProposeRange(h.t.Context(), tester, acme, ledger.RangeFilter{Type: "t", Node: usance.Path("/" + node)}, "")
	h.must(err)
	if state == "applied" {
		_, _, err := h.led.ApproveRange(h.t.Context(), tester, acme, c.ID)
		h.must(err)
	}
	return before + c.ID + after
}

func (*extra) undo(h *house) {
	h.t.Helper()
	_, err := h.reg.EditFrom(h.t.Context(), tester, acme, func(now *registry.Definitions) (registry.Edit, error) {
		var e registry.Edit
		if hasMeter("m2")(now) {
			e.DeleteMeters = []string{"m2"}
		}
		for _, p := range []usance.Path{"/new", "/a/new", "/a/moved", "/moved"} {
			if hasNode(p)(now) {
				e.DeleteNodes = append(e.DeleteNodes, p)
			}
		}
		if hasUser("bob")(now) {
			e.DeleteUsers = []string{"bob"}
		}
		if ref := keyRef("app", "k2"); hasKey(ref)(now) {
			e.DeleteKeys = []registry.KeyRef{ref}
		}
		if hasToken("t2")(now) {
			e.DeleteTokens = []string{"t2"}
		}
		return e, nil
	})
	h.must(err)
	_, err = h.led.DeleteResource(h.t.Context(), tester, acme, "new")
	if err != nil && usance.KindOf(err) != usance.KindNotFound {
		h.t.Fatal(err)
	}
}
