package metastudio

import (
	"testing"
	"time"

	"github.com/usance/usance"
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
