package ledger

import (
	"strings"
	"testing"
	"time"
)

// A cursor comes back from whoever holds it, and so may be anything.
func FuzzACursorIsTheOneAPageGaveOrRefused(f *testing.F) {
	at := position{time.Date(2026, 3, 5, 1, 2, 3, 4, time.UTC), 77}
	for _, s := range []string{at.cursor(), rangeCursor{"000000020517", 9}.text(), "", "AAAA", strings.Repeat("A", 27), strings.Repeat("_", 27), strings.Repeat("f", 40)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if p, err := parsePosition(text); err == nil {
			again, err := parsePosition(p.cursor())
			if err != nil || again.compare(p) != 0 {
				t.Fatalf("%q is %+v and then %+v, %v", text, p, again, err)
			}
		}
		if c, err := parseRangeCursor(text); err == nil && text != "" {
			again, err := parseRangeCursor(c.text())
			if err != nil || again.row != c.row {
				t.Fatalf("%q is %+v and then %+v, %v", text, c, again, err)
			}
		}
	})
}
