package transfer_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
)

// Under the same key nothing is added on arrival: every row of every table is the
// source's.
func TestATenantArrivesRowForRow(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 1))
	from := newPlace(t, noon(), 1)
	from.settle(t, r, 25)
	to := newPlace(t, from.clock, 1)
	got, err := to.bring(t, from.export(t, transfer.Export{}), transfer.Import{})
	if err != nil {
		t.Fatal(err)
	}
	sequence, err := from.Ledger.Sequence(t.Context(), acme)
	if err != nil || got.Sequence != sequence || got.Archived != sequence || len(got.Lost) != 0 || got.Sealed != 0 || got.Already {
		t.Errorf("%+v, %v; want sequence %d", got, err, sequence)
	}
	sameRows(t, from.rows(t), to.rows(t))
	to.verified(t)
	// Both live on alike: what is due, known and enforced is the same.
	seed := r.Uint64()
	at := from.clock.Now()
	from.live(t, rand.New(rand.NewPCG(seed, 1)), 100)
	to.clock.Set(at)
	to.live(t, rand.New(rand.NewPCG(seed, 1)), 100)
	sameRows(t, from.rows(t), to.rows(t))
}

func TestSecretsTravelUnderAPassphraseAlone(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 2)), 4)
	sequence, err := from.Ledger.Sequence(t.Context(), acme)
	if err != nil {
		t.Fatal(err)
	}
	const phrase = "correct horse battery"
	sealed, bare := from.export(t, transfer.Export{Passphrase: phrase}), from.export(t, transfer.Export{})
	for _, file := range [][]byte{sealed, bare} {
		if clear := unpacked(t, file); strings.Contains(clear, "the secret of") || strings.Contains(clear, "us_collector_token") || strings.Contains(clear, "a password") {
			t.Error("a secret stands in the archive as it is")
		}
	}
	if _, err := newPlace(t, from.clock, 2).bring(t, sealed, transfer.Import{Passphrase: "something else"}); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("with another passphrase: %v", err)
	}
	if _, err := newPlace(t, from.clock, 2).bring(t, bare, transfer.Import{Passphrase: phrase}); usance.KindOf(err) != usance.KindInvalid {
		t.Errorf("a passphrase for nothing: %v", err)
	}

	to := newPlace(t, from.clock, 2)
	got, err := to.bring(t, sealed, transfer.Import{Passphrase: phrase})
	if err != nil || got.Sealed != 3 || len(got.Lost) != 0 || got.Archived != sequence || got.Sequence != sequence+3 {
		t.Fatalf("%+v, %v", got, err)
	}
	for _, id := range []string{"AK1", "AK3"} {
		was, err := from.Registry.Key(t.Context(), "aksk", id)
		if err != nil {
			t.Fatal(err)
		}
		is, err := to.Registry.Key(t.Context(), "aksk", id)
		if err != nil || is.Secret != was.Secret || is.Secret == "" {
			t.Errorf("key %s: %v", id, err)
		}
	}
	if _, err := to.Registry.Bearer(t.Context(), "us_collector_token"); err != nil {
		t.Errorf("the token: %v", err)
	}
	if _, err := to.Registry.SignIn(t.Context(), "ops@acme", "a password"); err != nil {
		t.Errorf("the password: %v", err)
	}
	to.verified(t)

	poor := newPlace(t, from.clock, 2)
	got, err = poor.bring(t, sealed, transfer.Import{})
	want := []registry.KeyRef{{Kind: "aksk", ID: "AK1"}, {Kind: "aksk", ID: "AK3"}, {Kind: "app", ID: "app-0001"}}
	if err != nil || !slices.Equal(got.Lost, want) || got.Sequence != sequence {
		t.Errorf("without a passphrase: %+v, %v", got, err)
	}
	again, err := poor.bring(t, sealed, transfer.Import{})
	if err != nil || !again.Already || !slices.Equal(again.Lost, want) {
		t.Errorf("again: %+v, %v", again, err)
	}
	poor.verified(t)
}

// unpacked is all that a file says.
func unpacked(t testing.TB, file []byte) string {
	t.Helper()
	all, err := unpack(file)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func saysTheSame(file []byte, said string) bool {
	all, err := unpack(file)
	return err == nil && all == said
}

func unpack(file []byte) (string, error) {
	r, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		return "", err
	}
	defer r.Close()
	var all strings.Builder
	for _, d := range r.Definitions {
		all.WriteString(d.ID)
		all.Write(d.Value)
	}
	all.Write(r.Sealed)
	for {
		b, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all.String(), nil
		}
		if err != nil {
			return "", err
		}
		all.Write(b.Raw)
	}
}

// errCut stands for a connection that breaks.
var errCut = errors.New("cut off")

// cutAfter breaks off after n bytes.
type cutAfter struct {
	from io.Reader
	n    int
}

func (c *cutAfter) Read(b []byte) (int, error) {
	if c.n == 0 {
		return 0, errCut
	}
	n, err := c.from.Read(b[:min(len(b), c.n)])
	c.n -= n
	return n, err
}

// An import may break off at any byte, any number of times; until the last
// attempt ends the tenant does not exist, and then it is whole.
func TestAnInterruptedImportGoesOn(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 3))
	from := newPlace(t, noon(), 1)
	from.settle(t, r, 20)
	file := from.export(t, transfer.Export{Flush: 1000})
	to := newPlace(t, from.clock, 1)
	for cut := 0; cut < len(file); cut += 1 + r.IntN(len(file)/8) {
		reader, err := archive.NewReader(&cutAfter{bytes.NewReader(file), cut})
		if err == nil {
			_, err = to.Import(t.Context(), acme, reader, transfer.Import{Actor: tester})
			reader.Close()
		}
		if err == nil {
			t.Fatalf("an archive of %d bytes cut after %d was taken for whole", len(file), cut)
		}
		if _, err := to.Registry.Definitions(t.Context(), acme); usance.KindOf(err) != usance.KindNotFound {
			t.Fatalf("half a tenant exists: %v", err)
		}
	}
	if state, err := to.Arrival(t.Context(), acme); err != nil || state.Done {
		t.Fatalf("%+v, %v", state, err)
	}
	if _, err := to.Registry.Edit(t.Context(), tester, acme, definitions()); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("the tenant was made while it was arriving: %v", err)
	}
	if _, err := to.bring(t, file, transfer.Import{}); err != nil {
		t.Fatal(err)
	}
	sameRows(t, from.rows(t), to.rows(t))
}

// A part that begins where an attempt ended does for the rest.
func TestAnImportGoesOnWithAPart(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 4))
	from := newPlace(t, noon(), 1)
	from.settle(t, r, 20)
	file := from.export(t, transfer.Export{Flush: 1000})
	whole, err := archive.NewReader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	defer whole.Close()
	to := newPlace(t, from.clock, 1)
	reader, err := archive.NewReader(&cutAfter{bytes.NewReader(file), len(file) * 3 / 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Import(t.Context(), acme, reader, transfer.Import{Actor: tester}); err == nil {
		t.Fatal("a file cut off was taken for whole")
	}
	state, err := to.Arrival(t.Context(), acme)
	if err != nil || state.Stored == 0 {
		t.Fatalf("%+v, %v", state, err)
	}
	var part bytes.Buffer
	if _, err := archive.CopyFrom(&part, whole, state.Stored, nil); err != nil {
		t.Fatal(err)
	}
	if part.Len() >= len(file) {
		t.Errorf("the part has %d bytes, the whole %d", part.Len(), len(file))
	}
	if _, err := to.bring(t, part.Bytes(), transfer.Import{}); err != nil {
		t.Fatal(err)
	}
	sameRows(t, from.rows(t), to.rows(t))
	if _, err := newPlace(t, from.clock, 1).bring(t, part.Bytes(), transfer.Import{}); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("a part of nothing: %v", err)
	}
}

// An export that broke off is completed, though the ledger has gone on.
func TestAnExportGoesOnWhereItBrokeOff(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 5))
	from := newPlace(t, noon(), 1)
	from.settle(t, r, 20)
	const phrase = "correct horse battery"
	file := from.export(t, transfer.Export{Passphrase: phrase, Flush: 1000})
	for range 5 {
		from.live(t, r, 50+r.IntN(1000))
	}
	completed := 0
	for cut := len(file) - 1; cut > 0; cut -= 1 + r.IntN(len(file)/6) {
		var out bytes.Buffer
		half, err := archive.NewReader(bytes.NewReader(file[:cut]))
		if err != nil {
			continue // not even its definitions: it is begun anew
		}
		_, err = archive.Complete(&out, half, nil, func(part archive.Header) (io.ReadCloser, error) {
			rest := from.export(t, transfer.Export{Part: &part})
			return io.NopCloser(bytes.NewReader(rest)), nil
		})
		half.Close()
		if err != nil {
			t.Fatalf("cut after %d of %d: %v", cut, len(file), err)
		}
		completed++
		if unpacked(t, out.Bytes()) != unpacked(t, file) {
			t.Fatalf("cut after %d of %d, it was completed to something else", cut, len(file))
		}
	}
	if completed == 0 {
		t.Error("no cut left anything to complete")
	}
}

// A file that was cut or altered anywhere is refused, and what it brought is
// thrown away again. A frame of zstd has bits that mean nothing (the size of
// its window, padding): a file in which only those changed says what it said,
// and is no damaged one.
func TestADamagedArchiveBringsNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(facadetest.Seed(t), 6))
	from := newPlace(t, noon(), 1)
	from.settle(t, r, 6)
	file := from.export(t, transfer.Export{Passphrase: "correct horse battery"})
	said := unpacked(t, file)
	to := newPlace(t, from.clock, 1)
	for range 60 {
		broken := slices.Clone(file)
		at := r.IntN(len(file))
		if r.IntN(2) == 0 {
			broken = broken[:at]
		} else if broken[at] ^= 1 << r.IntN(8); saysTheSame(broken, said) {
			continue
		}
		if _, err := to.bring(t, broken, transfer.Import{}); usance.KindOf(err) != usance.KindInvalid {
			t.Fatalf("damaged at byte %d of %d: %v", at, len(file), err)
		}
	}
	if _, err := to.Arrival(t.Context(), acme); err == nil {
		if err := to.Discard(t.Context(), acme); err != nil {
			t.Fatal(err)
		}
	}
	if rows := to.rows(t); len(rows) != 0 {
		t.Errorf("%d rows are left", len(rows))
	}
	err := to.Store.Scan(t.Context(), usance.System, store.Range{Table: store.Directory}, func(row store.Row) error {
		t.Errorf("the directory still has %q", row.ID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := to.Discard(t.Context(), acme); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("discarded again: %v", err)
	}
	if _, err := to.bring(t, file, transfer.Import{}); err != nil {
		t.Fatal(err)
	}
	sameRows(t, from.rows(t), to.rows(t))
}

func TestNamesOfOthersAreRefusedBeforeAnythingIsStored(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 7)), 2)
	file := from.export(t, transfer.Export{})
	to := newPlace(t, from.clock, 1)
	other := registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{"huawei.project": "p-1"}},
		Nodes:  []usance.Node{{Path: "/x", Aliases: map[string]string{"rtc.app": "app-1"}}},
		Users:  definitions().Users, Keys: definitions().Keys[:1], Tokens: definitions().Tokens,
	}
	if _, err := to.Registry.Edit(t.Context(), tester, "other", other); err != nil {
		t.Fatal(err)
	}
	_, err := to.bring(t, file, transfer.Import{})
	refused, ok := errors.AsType[*usance.Error](err)
	if !ok || refused.Kind != usance.KindConflict || len(refused.Fields) != 4 {
		t.Fatalf("%v: %+v", err, refused)
	}
	if rows := to.rows(t); len(rows) != 0 {
		t.Errorf("%d rows were stored", len(rows))
	}
	if _, err := to.Arrival(t.Context(), acme); usance.KindOf(err) != usance.KindNotFound {
		t.Errorf("an import is under way: %v", err)
	}
	if _, err := from.bring(t, file, transfer.Import{}); usance.KindOf(err) != usance.KindConflict {
		t.Errorf("into a store that has the tenant: %v", err)
	}
}

// What is exported while events come is the ledger up to some entry, whole.
func TestAnExportWhileEventsComeIsAConsistentPrefix(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 8)), 3)
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for w := range 3 {
		wg.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
				}
				e := usance.Event{Source: fmt.Sprint("w", w), ID: fmt.Sprint(i), Type: "t.a", Subject: "u", Node: "/a", Time: from.clock.Now(), Data: []byte(`{"n":1}`)}
				if _, err := from.Ledger.Ingest(t.Context(), tester, acme, []ledger.Incoming{{Event: e, Stated: true}}); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	var files [][]byte
	for range 5 {
		files = append(files, from.export(t, transfer.Export{}))
	}
	close(stop)
	wg.Wait()
	for _, file := range files {
		to := newPlace(t, from.clock, 1)
		got, err := to.bring(t, file, transfer.Import{})
		if err != nil {
			t.Fatal(err)
		}
		to.verified(t)
		for key, value := range to.rows(t) {
			if key.Table == store.Blocks && from.rows(t)[key] != value {
				t.Errorf("a block of %d entries is not the source's", got.Sequence)
			}
		}
	}
}

func TestOnlyOneImportOfATenantWorks(t *testing.T) {
	from := newPlace(t, noon(), 1)
	from.settle(t, rand.New(rand.NewPCG(facadetest.Seed(t), 9)), 8)
	file := from.export(t, transfer.Export{})
	to := newPlace(t, from.clock, 1)
	var mu sync.Mutex
	done := 0
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			_, err := to.bring(t, file, transfer.Import{})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				done++
			} else if usance.KindOf(err) != usance.KindConflict {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if done == 0 {
		t.Error("none came through")
	}
	sameRows(t, from.rows(t), to.rows(t))
	to.verified(t)
}
