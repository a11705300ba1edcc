package archive

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/usance/usance"
)

// sample is a file of a few blocks, and its header.
func sample(t testing.TB, blocks int) (file []byte, h Header) {
	t.Helper()
	h = Header{Tenant: "acme", Definitions: 1}
	var list []Block
	for i := range blocks {
		b := Block{First: h.Sequence + 1, Entries: uint64(1 + i%3), Raw: fmt.Appendf(nil, "block %d of some length", i)}
		h.Sequence, h.Chain = b.Last(), b.Chain(h.Chain)
		list = append(list, b)
	}
	var out bytes.Buffer
	w, err := NewWriter(&out, h)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := Seal("correct horse battery", h, []Secret{{"key\x00a", "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	err = errors.Join(w.Definition(Row{"tenant\x00", []byte("{}")}), w.Definition(Row{"node\x00/a", nil}), w.Secrets(sealed))
	for _, b := range list {
		err = errors.Join(err, w.Block(b))
	}
	_, closing := w.Close()
	if err := errors.Join(err, closing); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), h
}

func readAll(file []byte) (blocks int, sum Hash, err error) {
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		return 0, sum, err
	}
	defer r.Close()
	for {
		if _, err := r.Next(); errors.Is(err, io.EOF) {
			return blocks, r.Sum(), nil
		} else if err != nil {
			return blocks, sum, err
		}
		blocks++
	}
}

func TestWhatIsWrittenIsRead(t *testing.T) {
	for _, n := range []int{1, 2, 17} {
		file, h := sample(t, n)
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		h.Format = Format
		if r.Header != h || len(r.Definitions) != 2 || r.Definitions[0].ID != "tenant\x00" || string(r.Definitions[0].Value) != "{}" {
			t.Errorf("%+v, %+v", r.Header, r.Definitions)
		}
		secrets, err := Open("correct horse battery", r.Header, r.Sealed)
		if err != nil || len(secrets) != 1 || secrets[0].Secret != "secret" {
			t.Errorf("%v, %v", secrets, err)
		}
		other := r.Header
		other.Tenant = "other"
		for _, wrong := range []func() ([]Secret, error){
			func() ([]Secret, error) { return Open("another passphrase", r.Header, r.Sealed) },
			func() ([]Secret, error) { return Open("correct horse battery", other, r.Sealed) },
			func() ([]Secret, error) { return Open("correct horse battery", r.Header, nil) },
		} {
			if got, err := wrong(); usance.KindOf(err) != usance.KindInvalid {
				t.Errorf("opened to %v, %v", got, err)
			}
		}
		if blocks, _, err := readAll(file); blocks != n || err != nil {
			t.Errorf("%d of %d blocks, %v", blocks, n, err)
		}
	}
	if _, err := Seal("short", Header{}, nil); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a short passphrase: %v", err)
	}
}

// frames takes a file apart. What is put together again is compressed anew, so
// that only the frames' own hashes stand in the way.
func frames(t testing.TB, file []byte) [][]byte {
	t.Helper()
	dec, err := zstd.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer dec.Close()
	clear, err := io.ReadAll(dec)
	if err != nil {
		t.Fatal(err)
	}
	var out [][]byte
	for rest := clear[len(magic):]; len(rest) > 0; {
		n, used := binary.Uvarint(rest[1:])
		size := 1 + used + int(n) + len(Hash{})
		out = append(out, rest[:size:size])
		rest = rest[size:]
	}
	return out
}

func packed(t testing.TB, list [][]byte) []byte {
	t.Helper()
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	return enc.EncodeAll(append([]byte(magic), bytes.Join(list, nil)...), nil)
}

func TestNoFrameCanBeCutAlteredRepeatedMovedOrLeftOut(t *testing.T) {
	file, _ := sample(t, 9)
	whole := frames(t, file)
	if _, _, err := readAll(packed(t, whole)); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, list [][]byte) {
		t.Helper()
		if _, _, err := readAll(packed(t, list)); !errors.Is(err, ErrDamaged) || usance.KindOf(err) != usance.KindInvalid {
			t.Errorf("%s: %v", what, err)
		}
	}
	for i, f := range whole {
		refused(fmt.Sprint("cut before frame ", i), whole[:i])
		for _, at := range []int{0, 1, len(f) / 2, len(f) - 33, len(f) - 1} {
			broken := slices.Clone(f)
			broken[at] ^= 4
			list := slices.Clone(whole)
			list[i] = broken
			refused(fmt.Sprintf("byte %d of frame %d altered", at, i), list)
			refused(fmt.Sprintf("cut in frame %d", i), append(slices.Clone(whole[:i]), f[:max(at, 1)]))
		}
		refused(fmt.Sprintf("frame %d repeated", i), slices.Insert(slices.Clone(whole), i, f))
		refused(fmt.Sprintf("frame %d left out", i), slices.Delete(slices.Clone(whole), i, i+1))
		if i > 0 {
			list := slices.Clone(whole)
			list[i], list[i-1] = list[i-1], list[i]
			refused(fmt.Sprintf("frame %d moved", i), list)
		}
	}
	refused("something behind the trailer", append(slices.Clone(whole), []byte{0}))
}

func TestANewerArchiveIsRefused(t *testing.T) {
	enc, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	content := fmt.Appendf(nil, `{"format":%d,"chain":"in other words"}`, Format+1)
	l := newLink()
	sum := l.over(frameHead(kindHeader, len(content)), content)
	file := slices.Concat([]byte(magic), frameHead(kindHeader, len(content)), content, sum[:])
	if _, err := NewReader(bytes.NewReader(enc.EncodeAll(file, nil))); err == nil || !strings.Contains(err.Error(), "newer release") {
		t.Errorf("%v", err)
	}
}

func TestAnyPartDoesForWhoHasTheRest(t *testing.T) {
	file, h := sample(t, 9)
	r, err := NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ends := []uint64{0}
	for b, err := r.Next(); err == nil; b, err = r.Next() {
		ends = append(ends, b.Last())
	}
	for _, after := range ends {
		from, err := NewReader(bytes.NewReader(file))
		if err != nil {
			t.Fatal(err)
		}
		var part bytes.Buffer
		if _, err := CopyFrom(&part, from, after, nil); err != nil {
			t.Fatal(err)
		}
		from.Close()
		p, err := NewReader(bytes.NewReader(part.Bytes()))
		if err != nil || !p.Header.Same(h) || p.Header.After != after || len(p.Definitions) != 2 || p.Sealed == nil {
			t.Errorf("after %d: %+v, %v", after, p, err)
		}
		if _, _, err := readAll(part.Bytes()); err != nil {
			t.Errorf("after %d: %v", after, err)
		}
	}
}

// FuzzReader: whatever comes, reading ends, in an error or in a file whose blocks
// follow each other.
func FuzzReader(f *testing.F) {
	file, _ := sample(f, 3)
	f.Add(file)
	f.Add(packed(f, frames(f, file)[:3]))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, file []byte) {
		r, err := NewReader(bytes.NewReader(file))
		if err != nil {
			return
		}
		defer r.Close()
		last := r.Header.After
		for {
			b, err := r.Next()
			if errors.Is(err, io.EOF) && last != r.Header.Sequence {
				t.Fatalf("ends with %d, and says %d", last, r.Header.Sequence)
			}
			if err != nil {
				return
			}
			if b.First != last+1 || b.Entries == 0 {
				t.Fatalf("%d follows %d", b.First, last)
			}
			last = b.Last()
		}
	})
}
