package meeting

import (
	"math"
	"math/big"
	"net/http"
	"strconv"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// The times that fields of orgRes speak of.
const (
	spanNow   = "now"   // the level as it stands
	spanToday = "today" // the calendar day in the tenant's zone
)

// Binding says where a field of the answer comes from.
type Binding struct {
	Field  string
	Meter  string
	Span   string // "now" or "today"
	Unit   string // of the field
	append func(dst []byte, v usance.Sum) []byte
}

// Bindings returns the fields of an orgRes answer in the order in which they are
// written.
func Bindings() []Binding {
	return []Binding{
		{"usedRecStorage", registry.MeetingRecording, spanNow, "GB", appendGigabytes},
		{"usedAccountsCount", registry.MeetingConcurrent, spanNow, "1", appendInt32},
		{"usedLiveCount", registry.MeetingLive, spanNow, "1", appendInt32},
		{"confCount", registry.MeetingConferences, spanToday, "1", appendInt32},
		{"confLength", registry.MeetingDuration, spanToday, "min", appendMinutes},
		{"activeAttendeeCount", registry.MeetingActiveUsers, spanToday, "1", appendInt32},
		{"totalAttendeeCount", registry.MeetingAttendances, spanToday, "1", appendInt32},
	}
}

// appendInt32 writes a count as the 32-bit Integer that clients keep: a level that
// fell below where it began is 0, and what does not fit is the largest that does.
func appendInt32(dst []byte, v usance.Sum) []byte {
	return strconv.AppendInt(dst, min(max(v.Clamp(), 0), math.MaxInt32), 10)
}

// appendMinutes writes seconds as whole minutes begun and ended: 119 s are 1.
func appendMinutes(dst []byte, v usance.Sum) []byte {
	return strconv.AppendInt(dst, max(v.Clamp(), 0)/60, 10)
}

// appendGigabytes writes bytes as gigabytes of 1024³ with at most two decimals,
// half a hundredth rounded up, in whole-number arithmetic. At least one decimal is
// written, as the vendor's Double has.
func appendGigabytes(dst []byte, v usance.Sum) []byte {
	n := v.Big()
	if n.Sign() < 0 {
		n.SetInt64(0)
	}
	n.Mul(n, big.NewInt(100))
	n.Add(n, big.NewInt(1<<29))
	n.Rsh(n, 30)
	whole, hundredths := n.QuoRem(n, big.NewInt(100), new(big.Int))
	dst = whole.Append(dst, 10)
	h := hundredths.Int64()
	dst = append(dst, '.', '0'+byte(h/10))
	if h%10 != 0 {
		dst = append(dst, '0'+byte(h%10))
	}
	return dst
}

// measures returns what the bindings ask of the ledger at an instant, at a node
// and below it.
func measures(bindings []Binding, node usance.Path, now time.Time, zone *time.Location) []ledger.Measure {
	midnight, next := usance.DayWindow.Bounds(now, zone)
	out := make([]ledger.Measure, len(bindings))
	for i, b := range bindings {
		out[i] = ledger.Measure{Meter: b.Meter, Node: node}
		if b.Span == spanToday {
			out[i].From, out[i].To = midnight, next
		} else {
			out[i].To = now.Add(1) // what happens at this instant has happened
		}
	}
	return out
}

// orgRes answers "Querying Enterprise Resource Usage as an Enterprise
// Administrator".
func (f *Facade) orgRes(w http.ResponseWriter, r *http.Request) {
	body, err := f.usage(w, r)
	if err != nil {
		f.refusals.Answer(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	httpx.WriteBytes(w, http.StatusOK, body)
}

func (f *Facade) usage(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	c, err := f.authenticate(w, r)
	if err != nil {
		return nil, err
	}
	node := nodeOf(c.session.Data)
	if err := c.May(usance.RightManage, node); err != nil { // administrators alone have it
		return nil, err
	}
	ctx := r.Context()
	gateway.Upstream(ctx)
	// Authentication has just looked whether the definitions known here are the
	// newest; they are no older than this request.
	d, err := f.reg.Known(ctx, c.Tenant)
	if err != nil {
		return nil, err
	}
	report, err := f.led.Report(ctx, c.Tenant, ledger.Ask{Measures: measures(f.bindings, node, f.o.Now(), d.Zone)})
	if err != nil {
		return nil, err
	}
	body := append(make([]byte, 0, 256), '{')
	for i, b := range f.bindings {
		if i > 0 {
			body = append(body, ',')
		}
		body = append(body, '"')
		body = append(body, b.Field...)
		body = append(body, '"', ':')
		body = b.append(body, report.Measures[i])
	}
	return append(body, '}'), nil
}
