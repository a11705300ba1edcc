package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
)

// A log that is still written is longer, once it has been read, than it was when its
// size was asked for.
func TestAFileThatGrowsWhileItIsReadIsReadWhole(t *testing.T) {
	line := `{"id":"1","source":"s","type":"t"}` + "\n"
	for _, size := range []int64{0, int64(len(line))} {
		r := &remote{app: &app{stderr: io.Discard}}
		bar := r.bar(size, "events.ndjson")
		events, err := openEvents(io.TeeReader(strings.NewReader(strings.Repeat(line, 3)), passing{bar}))
		if err != nil {
			t.Fatalf("size %d: %v", size, err)
		}
		defer events.Close()
		for n := range 3 {
			e, err := events.Next()
			if err != nil || !bytes.Equal(e.json, []byte(strings.TrimSpace(line))) {
				t.Errorf("size %d, event %d: %q, %v", size, n, e.json, err)
			}
		}
		if _, err := events.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("size %d: %v behind the last event", size, err)
		}
	}
}
