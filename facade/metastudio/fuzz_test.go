package metastudio

import (
	"errors"
	"math"
	"math/big"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

func FuzzATimeIsReadAsWritten(f *testing.F) {
	for _, s := range []string{"2026-03-05T01:02:03Z", "2026-03-05t01:02:03+08:00", "2026-03-05T01:02:03 08:00", "9999-12-31T23:59:59Z", "0000-01-01T00:00:00Z", "2026-02-30T00:00:00Z",
		"2026-03-05T01:02:03.999999999-23:59", "2026-03-05T24:00:00Z", "１０２６-01-01T00:00:00Z", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		const name = "resource_expire_start_time"
		q := query{name: {text}}
		at, err := q.time(name)
		if err != nil {
			return
		}
		if at.IsZero() != (text == "") {
			t.Fatalf("%q is %v", text, at)
		}
		if text != "" && (at.Before(usance.Earliest) || at.After(usance.Latest)) {
			t.Fatalf("%q is %v, which no resource can expire at", text, at)
		}
		q = query{name: {at.Format(time.RFC3339Nano)}}
		again, err := q.time(name)
		if text != "" && (err != nil || !again.Equal(at)) {
			t.Fatalf("%q is %v and then %v, %v", text, at, again, err)
		}
	})
}

// FuzzAListAsksForWhatItsQuerySays holds that a query that is taken stays in bounds,
// asks for known things only, and asks for the same when what was read is written
// again; and that every other is refused as the vendor would.
func FuzzAListAsksForWhatItsQuerySays(f *testing.F) {
	for _, s := range []string{"", "business=LIVE_2D,%20VOICE_CLONE,,&limit=100&offset=2147483647", "limit=101", "limit=+5", "offset=-1", "status=2", "resource_source=PURCHASED&charging_mode=ONE_TIME&resource=a,b&sub_resource=c",
		"resource_expire_start_time=2026-03-05T01:02:03+08:00&resource_expire_end_time=2026-03-05T01:02:03Z", "resource_expire_start_time=2027-01-01T00:00:00Z&resource_expire_end_time=2026-01-01T00:00:00Z", "limit=1&limit=1",
		"a=%zz", "a;b", "business=NONE", "resource_id=%00&order_id=x&status=1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		read := func(raw string) (listed, query, error) {
			q, err := parse(&http.Request{URL: &url.URL{RawQuery: raw}})
			if err != nil {
				return listed{}, nil, err
			}
			l, err := readList(q)
			return l, q, err
		}
		got, q, err := read(raw)
		if err != nil {
			if fault, ok := errors.AsType[*gateway.ServiceFault](err); !ok || fault.Status != http.StatusBadRequest {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		for name, n := range map[string]int{"limit": got.limit, "offset": got.offset} {
			if want, ok := new(big.Int).SetString(q.get(name), 10); q.get(name) != "" && (!ok || want.Cmp(big.NewInt(int64(n))) != 0) {
				t.Fatalf("%q has the %s %d", raw, name, n)
			}
		}
		from, to := got.filter.ExpiresFrom, got.filter.ExpiresTo
		if got.limit < 1 || got.limit > 100 || got.offset < 0 || got.offset > math.MaxInt32 || !from.IsZero() && !to.IsZero() && from.After(to) {
			t.Fatalf("%q asks for %+v", raw, got)
		}
		for _, business := range got.filter.BusinessTypes {
			if !slices.Contains(BusinessTypes(), business) {
				t.Fatalf("%q asks for %q", raw, business)
			}
		}
		written := url.Values{"limit": {strconv.Itoa(got.limit)}, "offset": {strconv.Itoa(got.offset)}, "status": {got.more.status}, "resource_id": {got.more.id}, "order_id": {got.more.order},
			"business": {strings.Join(got.filter.BusinessTypes, ",")}, "resource_source": {strings.Join(got.filter.Sources, ",")}, "charging_mode": {strings.Join(got.filter.ChargingModes, ",")},
			"resource": {strings.Join(got.more.types, ",")}, "sub_resource": {strings.Join(got.more.subTypes, ",")}}
		for name, at := range map[string]time.Time{"resource_expire_start_time": from, "resource_expire_end_time": to} {
			if !at.IsZero() {
				written.Set(name, at.UTC().Format(time.RFC3339Nano))
			}
		}
		got.filter.ExpiresFrom, got.filter.ExpiresTo = from.UTC(), to.UTC()
		if again, _, err := read(written.Encode()); err != nil || !reflect.DeepEqual(again, got) {
			t.Fatalf("%q is %+v, written %q and then %+v, %v", raw, got, written.Encode(), again, err)
		}
	})
}
