package cloudrtc

import (
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
)

func FuzzADayIsReadAsWritten(f *testing.F) {
	for _, s := range []string{"2026-03-05", "2024-02-29", "2023-02-29", "0001-01-01", "9999-12-31", "2026-3-5", "２026-03-05", "2026-03-05 ", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		day, given, err := readDate(url.Values{"start_date": {text}}, "start_date")
		if err != nil {
			return
		}
		if given != (text != "") {
			t.Fatalf("%q is given: %v", text, given)
		}
		if !given {
			return
		}
		if day.Start().Format("2006-01-02") != text {
			t.Fatalf("%q is %v", text, day.Start())
		}
		if day.Start().Before(usance.Earliest) || !day.Start().Before(usance.Latest) {
			t.Fatalf("%q is out of range and was taken", text)
		}
	})
}

// FuzzAUsageQueryAsksForWhatItSays holds that a query that is taken names its
// application and its days, within the bounds, and that one that is refused is
// refused as the vendor would, with the same words each time.
func FuzzAUsageQueryAsksForWhatItSays(f *testing.F) {
	for _, s := range []string{"app=a&metric=duration", "app=a&metric=duration&start_date=2026-03-01&end_date=2026-03-05", "metric=duration&app=a&start_date=2026-03-09", "app=a&metric=duration&end_date=2026-01-01",
		"app=a&app=b&metric=duration", "app=&metric=duration", "metric=duration", "app=a&metric=traffic", "app=%zz", "app=a&metric=duration&start_date&end_date=", "app=a&metric=duration&start_date=2026-03-05&end_date=2026-03-01",
		"app=a&metric=duration&start_date=2025-01-01&end_date=2026-01-01", "app=a&metric=duration&start_date=1990-01-01", "app=a;metric=duration", "app=%00&metric=duration", "offset=3&limit=100", "offset=-1", "limit=+5", "limit=101"} {
		f.Add(s)
	}
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	facade := &Facade{o: Options{MaxDays: 31}}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := facade.readUsageQuery(raw, now)
		if again, same := facade.readUsageQuery(raw, now); again != q || fmt.Sprint(same) != fmt.Sprint(err) {
			t.Fatalf("%q is %+v, %v and then %+v, %v", raw, q, err, again, same)
		}
		values, malformed := url.ParseQuery(raw)
		if err != nil {
			refusedAsTheVendor(t, raw, err)
		} else if malformed != nil || len(values["app"]) != 1 || q.app != values["app"][0] || q.app == "" || len(q.app) > usance.MaxGroupValue || q.first > q.end || int(q.end-q.first)+1 > 31 {
			t.Fatalf("%q asks for %+v", raw, q)
		} else {
			for name, day := range map[string]usance.Day{"start_date": q.first, "end_date": q.end} {
				if text := values.Get(name); text != "" && day.Start().Format(time.DateOnly) != text {
					t.Fatalf("%q begins or ends at %v", raw, day.Start())
				}
			}
			written := url.Values{"app": {q.app}, "metric": {metricDuration}, "start_date": {q.first.Start().Format(time.DateOnly)}, "end_date": {q.end.Start().Format(time.DateOnly)}}
			if again, err := facade.readUsageQuery(written.Encode(), now); err != nil || again != q {
				t.Fatalf("%q is %+v, written %q and then %+v, %v", raw, q, written.Encode(), again, err)
			}
		}
		for name, most := range map[string]int{"offset": 1<<31 - 1, "limit": maxApps} {
			n, err := number(values, name, 1, 0, most)
			if err != nil {
				refusedAsTheVendor(t, raw, err)
				continue
			}
			want, ok := new(big.Int).SetString(values.Get(name), 10)
			if n < 0 || n > most || values.Get(name) != "" && (!ok || want.Cmp(big.NewInt(int64(n))) != 0 || len(values[name]) != 1) {
				t.Fatalf("%q has the %s %d", raw, name, n)
			}
		}
	})
}

func refusedAsTheVendor(t *testing.T, raw string, err error) {
	t.Helper()
	if fault, ok := errors.AsType[*gateway.ServiceFault](err); !ok || fault.Status != http.StatusBadRequest {
		t.Fatalf("%q: %v", raw, err)
	}
}
