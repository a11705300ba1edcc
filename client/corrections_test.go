package client_test

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

func TestCorrectionsReachTheirEventWhateverItsName(t *testing.T) {
	c, ctx := prepared(t, nil), t.Context()
	for i, name := range []string{"https://a.example/b c?d=%2F#e", "..", "ü/ö", "a%2Fb", "."} {
		if strings.Trim(name, ".") == "" {
			name += "x" // a path segment of dots alone is no name to most proxies
		}
		e := wire.Event{ID: name, Source: name, Type: "meeting.conference.ended", Time: noon, Data: jsontext.Value(`{"duration_seconds":60}`)}
		_, err := c.Send(ctx, []wire.Event{e})
		check(t, err)
		node, subject := usance.Path("/n"), fmt.Sprint("s", i)
		out, err := c.Amend(ctx, name, name, wire.Amend{Reason: "why", Node: &node, Subject: &subject, Data: jsontext.Value(`{"duration_seconds":90}`)})
		check(t, err)
		if !out.Amended || out.Event.Node != node || out.Event.Subject != subject || !out.Event.Time.Equal(noon) || out.Reason != "why" {
			t.Errorf("%+v", out)
		}
		out, err = c.Void(ctx, name, name, "because")
		check(t, err)
		if !out.Voided || out.Event.Source != name || out.Reason != "because" {
			t.Errorf("%+v", out)
		}
		_, err = c.Amend(ctx, name, name, wire.Amend{Subject: &subject})
		wantKind(t, err, usance.KindConflict)
	}
	_, err := c.Void(ctx, "none", "none", "")
	wantKind(t, err, usance.KindNotFound)
}

func TestVerifyReadsAnAnswerThatComesBitByBit(t *testing.T) {
	answer := ""
	c := prepared(t, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if answer == "" || !strings.HasSuffix(r.URL.Path, "/verify") {
				next.ServeHTTP(w, r)
				return
			}
			_, _ = io.WriteString(w, answer)
		})
	})
	ctx := t.Context()
	var told []uint64
	progress := func(done, of uint64) { told = append(told, done, of) }
	v, err := c.Verify(ctx, progress)
	check(t, err)
	if v.Tenant != "acme" || v.Fault != "" || v.Rows == 0 || v.Sequence != c.Sequence() || len(told) < 2 || told[1] != v.Sequence {
		t.Errorf("%+v, told %v", v, told)
	}
	_, err = c.ForTenant("nobody").Verify(ctx, nil)
	wantKind(t, err, usance.KindNotFound)

	told, answer = nil, `{"done":0,"of":9}`+"\n"+`{"done":5,"of":9}`+"\n"+`{"done":9,"of":9,"result":{"tenant":"acme","sequence":9,"events":1,"rows":2,"fault":"a row"}}`+"\n"
	v, err = c.Verify(ctx, progress)
	check(t, err)
	if v.Fault != "a row" || fmt.Sprint(told) != "[0 9 5 9]" {
		t.Errorf("%+v, told %v", v, told)
	}
	answer = `{"done":0,"of":9}` + "\n" + `{"done":0,"of":0,"problem":{"type":"urn:usance:problem:unavailable","title":"t","status":503,"detail":"too busy","request_id":"r"}}` + "\n"
	_, err = c.Verify(ctx, nil)
	if e := refusal(t, err, usance.KindUnavailable); e.Detail != "too busy" {
		t.Errorf("%+v", e)
	}
	answer = `{"done":0,"of":9}` + "\n" // and then the server is gone
	_, err = c.Verify(ctx, progress)
	wantKind(t, err, usance.KindUnavailable)
	answer = "<html>"
	_, err = c.Verify(ctx, nil)
	wantKind(t, err, usance.KindInternal)
}

func TestTheAuditTrailIsReadPageByPage(t *testing.T) {
	c, ctx := prepared(t, nil), t.Context()
	var ops []string
	for e, err := range client.All(func(cursor string) (wire.List[wire.AuditEntry], error) {
		return c.Audit(ctx, client.AuditFilter{From: "2", Type: "quota", Limit: 1, Cursor: cursor})
	}) {
		check(t, err)
		ops = append(ops, e.Op+" "+e.Name)
	}
	if len(ops) != 2 || !strings.HasPrefix(ops[0], "create /") || ops[0] == ops[1] {
		t.Errorf("%v", ops)
	}
	_, err := c.Audit(ctx, client.AuditFilter{To: "never"})
	wantKind(t, err, usance.KindInvalid)
}
