package api

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
)

// agreeOnCharge fails unless what is taken for a plain charge is what the decoder
// reads. It reports whether it was taken for one.
func agreeOnCharge(t interface{ Fatalf(string, ...any) }, body []byte) bool {
	got, plain := plainCharge(body)
	if !plain {
		return false
	}
	var in wire.Charge
	if err := httpx.DecodeJSON(body, &in, httpx.JSONRules{}); err != nil {
		t.Fatalf("%q is taken for plain, and the decoder says %v", body, err)
	}
	want := ledger.Charge{ID: in.ID, Source: in.Source, Node: in.Node, Subject: in.Subject, Time: in.Time, Items: items(in.Items), Mode: in.Mode}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("%q is read as %+v and by the decoder as %+v", body, got, want)
	}
	return true
}

// charges maps bodies to whether they are plain.
func charges() map[string]bool {
	const one = `{"meter":"m","amount":1}`
	return map[string]bool{
		`{"id":"c","node":"/a/b","items":[` + one + `]}`:                                                       true,
		` { "items" : [ { "amount" : -5 , "meter" : "m" } , ` + one + ` ] , "mode" : "adjust" , "id" : "é" } `: true,
		`{"id":"c","source":"s","subject":"u","node":"/","mode":"check","items":[]}`:                           true,
		`{}`:             true,
		`{"items":[{}]}`: true,
		`{"items":[{"meter":"m","amount":9223372036854775807}]}`:             false,
		`{"items":[{"meter":"m","amount":-9223372036854775808}]}`:            true,
		`{"items":[{"meter":"m","amount":9223372036854775808}]}`:             false,
		`{"items":[{"meter":"m","amount":-0}]}`:                              true,
		`{"items":[{"meter":"m","amount":01}]}`:                              false,
		`{"items":[{"meter":"m","amount":1.0}]}`:                             false,
		`{"items":[{"meter":"m","amount":"10GiB"}]}`:                         false,
		`{"items":[{"meter":"m","amount":1,"amount":1}]}`:                    false,
		`{"items":[{"meter":"m","unit":"B","amount":1}]}`:                    false,
		`{"items":[` + one + `,]}`:                                           false,
		`{"items":[` + one + one + `]}`:                                      false,
		`{"items":` + one + `}`:                                              false,
		`{"items":null}`:                                                     false,
		`{"items":[null]}`:                                                   false,
		`{"items":[` + strings.Repeat(one+",", usance.MaxItems) + one + `]}`: false,
		`{"id":"c","id":"c"}`:                                                false,
		`{"Id":"c"}`:                                                         false,
		`{"id":"\u0063"}`:                                                    false,
		`{"id":"` + "\xff" + `"}`:                                            false,
		`{"id":"a` + "\n" + `b"}`:                                            false,
		`{"id":null}`:                                                        false,
		`{"id":7}`:                                                           false,
		`{"id":"c","time":"2026-01-31T08:00:00Z"}`:                           false,
		`{"id":"c"}x`:                                                        false,
		`{"id":"c"}{}`:                                                       false,
		`{"id":"c",}`:                                                        false,
		`{"id":"c"`:                                                          false,
		`{"id"`:                                                              false,
		`{`:                                                                  false,
		``:                                                                   false,
		`[]`:                                                                 false,
		`null`:                                                               false,
		`{"id":"` + strings.Repeat("x", usance.MaxEventBytes) + `"}`: false,
	}
}

func TestAPlainChargeIsReadAsTheDecoderReadsIt(t *testing.T) {
	for body, want := range charges() {
		if got := agreeOnCharge(t, []byte(body)); got != want {
			t.Errorf("%.200s is taken for plain: %v", body, got)
		}
	}
}

func FuzzCharge(f *testing.F) {
	for body := range charges() {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) { agreeOnCharge(t, body) })
}

func TestAnyChargeIsReadAsTheDecoderReadsIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blank := func() string { return rapid.SampledFrom([]string{"", "", "", " ", "\r\n\t"}).Draw(t, "blank") }
		name := func(from ...string) string {
			return blank() + `"` + rapid.SampledFrom(from).Draw(t, "name") + `"` + blank() + ":" + blank()
		}
		text := func() string {
			b, _ := json.Marshal(rapid.String().Draw(t, "text"))
			return string(b)
		}
		list := func(one func() string) string {
			out := make([]string, rapid.IntRange(0, 3).Draw(t, "n"))
			for i := range out {
				out[i] = one()
			}
			return strings.Join(out, blank()+","+blank())
		}
		amount := func() string {
			return rapid.OneOf(rapid.Map(rapid.Int64(), func(n int64) string { return fmt.Sprint(n) }),
				rapid.SampledFrom([]string{"1.0", "1e3", `"5"`, "null", "007", "-", "+1"})).Draw(t, "amount")
		}
		item := func() string {
			return "{" + list(func() string {
				if rapid.Bool().Draw(t, "amount first") {
					return name("amount") + amount()
				}
				return name("meter", "meter", "x") + text()
			}) + "}"
		}
		body := "{" + list(func() string {
			if rapid.Bool().Draw(t, "items") {
				return name("items") + "[" + blank() + list(item) + "]"
			}
			return name("id", "source", "node", "subject", "mode", "time", "ID") + text()
		}) + blank() + "}" + blank()
		agreeOnCharge(t, []byte(body))
	})
}

// TestAPlainAnswerIsWhatTheEncoderWrites holds the two ways of writing an answer
// against each other, to the byte.
func TestAPlainAnswerIsWhatTheEncoderWrites(t *testing.T) {
	at := noon
	usual := wire.Charged{Sequence: 7, Granted: []usance.Item{{Meter: "m", Amount: 1}}, Quotas: []wire.Quota{{Node: "/a", Meter: "m", Limit: 5, Base: wire.Amount(usance.Unlimited),
		Used: 1, Window: usance.DayWindow, Enforce: usance.Hard, ResetsAt: &at}}}
	if _, plain := usual.AppendPlain(nil); !plain {
		t.Error("a usual answer is not plain")
	}
	rapid.Check(t, func(t *rapid.T) {
		text := func() string {
			return rapid.OneOf(rapid.StringMatching(`[ -~]{0,12}`), rapid.StringMatching(`/[a-z]{0,5}`), rapid.String()).Draw(t, "text")
		}
		n := func() int64 {
			return rapid.OneOf(rapid.Just[int64](0), rapid.Just[int64](usance.Unlimited), rapid.Int64()).Draw(t, "n")
		}
		out := wire.Charged{Sequence: rapid.Uint64().Draw(t, "sequence"), Duplicate: rapid.Bool().Draw(t, "duplicate")}
		for range rapid.IntRange(0, 3).Draw(t, "granted") {
			out.Granted = append(out.Granted, usance.Item{Meter: text(), Amount: n()})
		}
		for range rapid.IntRange(0, 3).Draw(t, "quotas") {
			q := wire.Quota{Node: usance.Path(text()), Meter: text(), Limit: wire.Amount(n()), Base: wire.Amount(n()), GrantCount: rapid.IntRange(0, 2).Draw(t, "grants"),
				Guarantee: n(), Used: n(), Reserved: n(), Allocated: wire.Amount(n()), Available: wire.Amount(n()), Over: n(),
				Window: usance.Window(text()), Enforce: usance.Enforcement(text())}
			if rapid.Bool().Draw(t, "resets") {
				at := time.Unix(rapid.Int64Range(-1e11, 3e11).Draw(t, "s"), rapid.Int64Range(0, 1e9-1).Draw(t, "ns"))
				if at = at.In(time.FixedZone("", 3600)); rapid.IntRange(0, 3).Draw(t, "zone") > 0 {
					at = at.UTC()
				}
				q.ResetsAt = &at
			}
			if rapid.IntRange(0, 5).Draw(t, "granted") == 0 {
				q.Grants = []wire.QuotaGrant{{Resource: "r", Amount: 1}}
			}
			out.Quotas = append(out.Quotas, q)
		}
		if rapid.IntRange(0, 5).Draw(t, "flagged") == 0 {
			out.Flagged = []wire.Block{{Node: "/"}}
		}
		got, plain := out.AppendPlain([]byte("x"))
		if !plain {
			return
		}
		want, err := httpx.AppendJSON([]byte("x"), out)
		if err != nil || string(got) != string(want) {
			t.Fatalf("%v\n%s\n%s", err, got, want)
		}
	})
}
