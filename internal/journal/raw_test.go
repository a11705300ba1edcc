package journal

import (
	"errors"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
)

// An archive proves its chain by itself, so it has to reckon as the journal does.
func TestAnArchiveReckonsTheChainAsTheJournalDoes(t *testing.T) {
	raw := Raw{First: 7, Entries: 1, Bytes: appendEntry(nil, &Entry{Kind: Hold, At: time.Unix(1, 2).UTC()})}
	before := [32]byte{1, 2, 3}
	if got := (archive.Block{First: raw.First, Entries: raw.Entries, Raw: raw.Bytes}).Chain(before); got != archive.Hash(raw.Chain(before)) {
		t.Errorf("the archive says %s, the journal %x", got, raw.Chain(before))
	}
	row := raw.Row()
	n := 0
	if err := DecodeBlock(row.ID, row.Value, func(e *Entry) error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d entries, %v", n, err)
	}
	for _, broken := range []Raw{{7, 2, raw.Bytes}, {7, 1, raw.Bytes[:3]}, {7, 1, append([]byte{200}, raw.Bytes[1:]...)}} {
		if err := broken.Each(func(*Entry) error { return nil }); !errors.Is(err, usance.ErrCorrupt) {
			t.Errorf("%+v: %v", broken, err)
		}
	}
}
