package journal

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/usance/usance"
)

func randomEntries(rnd *rand.Rand, n int) []Entry {
	pick := func(list ...string) string { return list[rnd.IntN(len(list))] }
	var out []Entry
	for i := range n {
		e := Entry{Sequence: uint64(i + 7), Kind: Event, Actor: usance.Actor{Name: pick("", "token:a", "token:ab", "user:\xff"), Origin: pick("127.0.0.1", "")},
			At: time.Unix(rnd.Int64N(3)+1_800_000_000, rnd.Int64N(2)*999_999_999).UTC()}
		if rnd.IntN(4) == 0 {
			e.Kind = []Kind{Definition, Resource, Hold, Correction, Move, Range}[rnd.IntN(6)]
			e.Change = Change{Type: pick("node", "meter"), Name: fmt.Sprint(rnd.IntN(3)), Before: own(pick("", "{}", `{"a":1}`)), After: own(pick("", "{}", `{"a":12}`))}
		} else {
			e.Stated = rnd.IntN(2) == 0
			e.Event = usance.Event{Source: pick("/a", "/ab", "/a/b"), ID: fmt.Sprintf("%04d", i/2), Type: pick("x", "y"), Subject: pick("", "s", "user-1", "user-12"), Node: usance.Path(pick("/", "/a", "/a/b")),
				Time: time.Unix(-5+rnd.Int64N(1<<33), rnd.Int64N(1_000_000_000)).UTC(), Data: own(pick("", "{}", `{"n":1}`, `{"n":22,"m":"\u0000"}`))}
		}
		out = append(out, e)
	}
	return out
}

// Whatever entries a block is made of, it holds them; and so do the raw bytes
// that the chain covers, packed anew.
func TestABlockHoldsItsEntries(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 0))
	for _, n := range []int{1, 2, minColumns - 1, minColumns, minColumns + 1, 100, 3000} {
		for range 20 {
			want := randomEntries(rnd, n)
			raw := new(scratch).rawOf(want)
			block := new(scratch).encodeBlock(raw, n)
			var got []Entry
			if err := DecodeBlock(BlockID(7), block, func(e *Entry) error { got = append(got, *e); return nil }); err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(got, want) {
				t.Fatalf("%d entries came back otherwise:\n%+v\n%+v", n, got, want)
			}
			again, entries, err := decompress(block)
			if err != nil || entries != uint64(n) || string(again) != string(raw) {
				t.Fatalf("the raw bytes came back otherwise: %v", err)
			}
			cut := rnd.IntN(len(raw))
			if err := decodeRaw(7, raw[:cut], uint64(n), func(*Entry) error { return nil }); !errors.Is(err, usance.ErrCorrupt) {
				t.Fatalf("%d of %d raw bytes: %v", cut, len(raw), err)
			}
			if err := decodeRaw(7, raw, uint64(n)+1, func(*Entry) error { return nil }); !errors.Is(err, usance.ErrCorrupt) {
				t.Fatalf("one entry more than there are: %v", err)
			}
		}
	}
}

// What a block's entries hand out is theirs: nothing changes with the block's own
// bytes or with another entry.
func TestTheBytesOfAnEntryAreItsOwn(t *testing.T) {
	for _, n := range []int{3, 50} {
		entries := make([]Entry, n)
		for i := range entries {
			entries[i] = Entry{Kind: Event, At: time.Unix(0, 0).UTC(), Event: usance.Event{ID: "a", Data: []byte(`{"n":1}`), Time: time.Unix(0, 0).UTC()}}
		}
		block := new(scratch).encodeBlock(new(scratch).rawOf(entries), n)
		var got [][]byte
		if err := DecodeBlock(BlockID(1), block, func(e *Entry) error { got = append(got, e.Event.Data); return nil }); err != nil {
			t.Fatal(err)
		}
		clear(block)
		clear(got[0])
		for _, data := range got[1:] {
			if string(data) != `{"n":1}` {
				t.Fatalf("%q", data)
			}
		}
	}
}

// FuzzRaw feeds raw bytes that may come from anywhere, such as an archive.
func FuzzRaw(f *testing.F) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{1, 3, 9, 40} {
		f.Add(new(scratch).rawOf(randomEntries(rnd, n)), uint64(n))
	}
	f.Fuzz(func(t *testing.T, raw []byte, n uint64) {
		var got []Entry
		err := decodeRaw(7, raw, n%1000, func(e *Entry) error { got = append(got, *e); return nil })
		if err != nil {
			return
		}
		again := new(scratch).rawOf(got)
		var same []Entry
		if err := decodeRaw(7, again, uint64(len(got)), func(e *Entry) error { same = append(same, *e); return nil }); err != nil || !reflect.DeepEqual(got, same) {
			t.Fatalf("entries that were read come back otherwise: %v", err)
		}
	})
}

// An event of a batch like the benchmark's, packed.
func BenchmarkPackBatch(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 2))
	entries := make([]Entry, 1000)
	at := time.Unix(1_800_000_000, 0).UTC()
	for i := range entries {
		entries[i] = Entry{Kind: Event, At: at, Actor: usance.Actor{Name: "token:collector", Origin: "127.0.0.1"}, Stated: true, Event: usance.Event{
			Source: "/bench/rtc", ID: fmt.Sprintf("r0001-%08x-%03d-%03d-%04d", 17, 3, 5, i), Type: "rtc.stream.received", Subject: fmt.Sprintf("user-%04d", rnd.IntN(5000)), Node: "/rtc", Time: at,
			Data: fmt.Appendf(nil, `{"seconds":%d,"app":"app-%02d","media":"%s"}`, rnd.IntN(60)+1, rnd.IntN(16), []string{"audio", "video_sd", "video_hd", "video_hdp"}[rnd.IntN(4)])}}
	}
	b.ReportAllocs()
	var raw, block []byte
	for b.Loop() {
		raw = new(scratch).rawOf(entries)
		_ = chain([32]byte{}, 1, raw)
		block = new(scratch).encodeBlock(raw, len(entries))
	}
	b.ReportMetric(float64(len(raw))/1000, "raw-B/event")
	b.ReportMetric(float64(len(block))/1000, "B/event")
}
