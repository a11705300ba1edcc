package cloudrtc

import (
	"net/url"
	"testing"

	"github.com/usance/usance"
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
