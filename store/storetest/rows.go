package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// hostileIDs are ids that a store may confuse: by case, by Unicode form, by
// blanks, by NUL and escape bytes, by being another's beginning. They are in the
// order of their bytes.
var hostileIDs = []string{
	"", "\x00", "\x00\x00", "\x00\x01", "\x00\xff", "\x01", " ", "%", "'; --", "A", "A ", "\\", "\\x00", "_", "a", "a\x00",
	"a\x00\x01", "a\x00a", "a\x01", "a ", "a  ", "a-", "aa", "ab", "ab\x00", "a\xff", "e\u0301", "z", "~",
	"\x80", "\xc3", "\u00c9", "\u00e9", "\ufffd", "\U0001F600", "\xff", "\xff\x00", "\xff\xff", "\xff\xff\xff",
}

func openAnswersCheck(e *env) {
	if err := e.s.Check(e.ctx); err != nil {
		e.Fatalf("Check: %v", err)
	}
	e.reopen()
	if err := e.s.Check(e.ctx); err != nil {
		e.Fatalf("Check after reopening: %v", err)
	}
}

func idsAreBytes(e *env) {
	for _, t := range []store.Table{store.Rollups, store.Dedup} {
		for i, id := range hostileIDs {
			for _, other := range hostileIDs[i:] {
				e.wantNone("t", t, other)
			}
			e.put("t", t, id, "value of "+id)
		}
		for _, id := range hostileIDs {
			e.want("t", t, id, "value of "+id)
		}
	}
	var want []store.Row
	for _, id := range hostileIDs {
		want = append(want, store.Row{ID: id, Value: []byte("value of " + id)})
	}
	e.wantRows("Load", e.load("t", all(store.Rollups)).Range(0), want)
	e.wantRows("Scan", e.scan("t", store.Range{Table: store.Rollups}), want)
	for i, id := range hostileIDs {
		e.must("t", store.Keys{}, func(r *store.Rows) { r.Delete(store.Rollups, id) })
		e.wantRows("after deletes", e.load("t", all(store.Rollups)).Range(0), want[i+1:])
	}
}

func emptyValue(e *env) {
	e.wantNone("t", store.Head, "a")
	e.put("t", store.Head, "a", "")
	e.want("t", store.Head, "a", "")
	e.must("t", store.Keys{}, func(r *store.Rows) { r.Put(store.Dedup, "b", nil) })
	e.want("t", store.Dedup, "b", "")
	e.wantRows("Range", e.load("t", all(store.Head)).Range(0), []store.Row{{ID: "a"}})
	e.put("t", store.Head, "a", "full")
	e.put("t", store.Head, "a", "")
	e.crash()
	e.want("t", store.Head, "a", "")
	e.want("t", store.Dedup, "b", "")
}

func ownChanges(e *env) {
	e.put("t", store.Head, "old", "1")
	e.must("t", rowKeys(store.Head, "old", "none"), func(r *store.Rows) {
		expect := func(id, want string) {
			if v, ok := r.Get(store.Head, id); !ok || string(v) != want {
				e.Errorf("%s: got %s, want %q", id, show(v, ok), want)
			}
		}
		expect("old", "1")
		r.Put(store.Head, "old", []byte("2"))
		expect("old", "2")
		r.Put(store.Head, "new", []byte("3"))
		expect("new", "3")
		r.Delete(store.Head, "old")
		if v, ok := r.Get(store.Head, "old"); ok {
			e.Errorf("deleted: got %s", show(v, ok))
		}
		r.Put(store.Head, "old", []byte("4"))
		expect("old", "4")
	})
	e.want("t", store.Head, "old", "4")
	e.want("t", store.Head, "new", "3")
}

func deletes(e *env) {
	for _, t := range []store.Table{store.Resources, store.Dedup} {
		e.put("t", t, "a", "1")
		e.put("t", t, "b", "2")
		e.must("t", store.Keys{}, func(r *store.Rows) {
			r.Delete(t, "a")
			r.Delete(t, "never was")
			r.Put(t, "c", []byte("3"))
			r.Delete(t, "c")
			r.Delete(t, "b")
			r.Put(t, "b", []byte("4"))
		})
		check := func() {
			e.Helper()
			e.wantNone("t", t, "a")
			e.wantNone("t", t, "c")
			e.wantNone("t", t, "never was")
			e.want("t", t, "b", "4")
		}
		check()
		e.crash()
		check()
		e.put("t", t, "a", "5")
		e.want("t", t, "a", "5")
	}
	e.wantRows("Scan", e.scan("t", store.Range{Table: store.Resources}),
		[]store.Row{{ID: "a", Value: []byte("5")}, {ID: "b", Value: []byte("4")}})
}

func repeatedKeys(e *env) {
	e.put("t", store.Head, "a", "1")
	e.put("t", store.Totals, "a", "2")
	keys := rowKeys(store.Totals, "z", "a", "m", "a", "z")
	keys.Rows = append(keys.Rows, rowKeys(store.Head, "b", "a", "b", "a").Rows...)
	keys.Ranges = append(keys.Ranges, all(store.Totals).Ranges[0], all(store.Head).Ranges[0], all(store.Totals).Ranges[0])
	check := func(r *store.Rows) {
		for _, k := range keys.Rows {
			v, ok := r.Get(k.Table, k.ID)
			if ok != (k.ID == "a") || ok && string(v) != map[store.Table]string{store.Head: "1", store.Totals: "2"}[k.Table] {
				e.Errorf("%d/%q: got %s", k.Table, k.ID, show(v, ok))
			}
		}
		e.wantRows("first", r.Range(0), []store.Row{{ID: "a", Value: []byte("2")}})
		e.wantRows("second", r.Range(1), []store.Row{{ID: "a", Value: []byte("1")}})
		e.wantRows("third", r.Range(2), []store.Row{{ID: "a", Value: []byte("2")}})
	}
	check(e.load("t", keys))
	e.must("t", keys, func(r *store.Rows) { check(r); r.Put(store.Head, "b", nil) })
	if got := keys.Rows[0]; got.ID != "z" {
		e.Errorf("the engine sorted its caller's keys: %v", keys.Rows)
	}
	many := store.Keys{}
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for i := range 5000 {
			id := fmt.Sprintf("%06d", i*7919%5000)
			many.Rows = append(many.Rows, store.Key{Table: store.Dedup, ID: id})
			if i%2 == 0 {
				r.Put(store.Dedup, id, []byte(id))
			}
		}
	})
	r := e.load("t", many)
	for i, k := range many.Rows {
		if v, ok := r.Get(k.Table, k.ID); ok != (i%2 == 0) || ok && string(v) != k.ID {
			e.Fatalf("%q: got %s", k.ID, show(v, ok))
		}
	}
}

func loadedBytesStay(e *env) {
	value := strings.Repeat("x", 3000)
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for i := range 50 {
			r.Put(store.Head, fmt.Sprint("a", i), []byte(value))
		}
	})
	keys := all(store.Head)
	keys.Rows = rowKeys(store.Head, "a7", "a8").Rows
	r := e.load("t", keys)
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for i := range 50 {
			r.Put(store.Head, fmt.Sprint("a", i), bytes.Repeat([]byte("y"), 3000))
		}
	})
	for i := range 100 { // enough to make an engine use its buffers again
		e.put("t", store.Blocks, fmt.Sprint(i%3), strings.Repeat("z", 150<<10))
		e.load("t", keys)
	}
	if v, _ := r.Get(store.Head, "a7"); string(v) != value {
		e.Error("a row's bytes changed after it was loaded")
	}
	if len(r.Range(0)) != 50 {
		e.Fatalf("got %d rows", len(r.Range(0)))
	}
	for _, row := range r.Range(0) {
		if string(row.Value) != value {
			e.Fatalf("the bytes of %q changed after they were loaded", row.ID)
		}
	}
}

func rollback(e *env) {
	e.put("t", store.Head, "kept", "0")
	e.put("t", store.Head, "gone", "0")
	e.must("t", rowKeys(store.Head, "kept", "gone", "later"), func(r *store.Rows) {
		r.Put(store.Head, "kept", []byte("1"))
		outer := r.Mark()
		r.Put(store.Head, "kept", []byte("2"))
		r.Delete(store.Head, "gone")
		inner := r.Mark()
		r.Put(store.Head, "later", []byte("3"))
		r.SetDue(usance.Earliest)
		r.Rollback(inner)
		if v, ok := r.Get(store.Head, "kept"); !ok || string(v) != "2" {
			e.Errorf("after the inner rollback: %s", show(v, ok))
		}
		r.Rollback(outer)
		if v, ok := r.Get(store.Head, "kept"); !ok || string(v) != "1" {
			e.Errorf("after the outer rollback: %s", show(v, ok))
		}
		r.Put(store.Head, "after", []byte("4"))
	})
	e.want("t", store.Head, "kept", "1")
	e.want("t", store.Head, "gone", "0")
	e.wantNone("t", store.Head, "later")
	e.want("t", store.Head, "after", "4")
	if got := e.due(usance.Latest); len(got) != 0 {
		e.Errorf("a due time that was rolled back is listed: %v", got)
	}
}

// One request of a shared step that asks for too much must not fail the others.
func rollbackFault(e *env) {
	for name, put := range map[string]func(*store.Rows){
		"an id":   func(r *store.Rows) { r.Put(store.Head, strings.Repeat("x", store.MaxID+1), nil) },
		"a value": func(r *store.Rows) { r.Put(store.Head, "b", make([]byte, store.MaxValue+1)) },
	} {
		e.must("t", rowKeys(store.Head, "a"), func(r *store.Rows) {
			r.Put(store.Head, "a", []byte(name))
			mark := r.Mark()
			r.Put(store.Head, "b", nil)
			put(r)
			r.Put(store.Head, "c", nil)
			if err := r.Fault(); usance.KindOf(err) != usance.KindTooLarge {
				e.Errorf("%s over the bound: Fault is %v", name, err)
			}
			r.Rollback(mark)
			if err := r.Fault(); err != nil {
				e.Errorf("%s over the bound, rolled back: Fault is %v", name, err)
			}
		})
		e.want("t", store.Head, "a", name)
		e.wantNone("t", store.Head, "b")
	}
	err := e.s.Step(e.ctx, "t", store.Keys{}, func(r *store.Rows) error {
		mark := r.Mark()
		r.Get(store.Head, "not named")
		r.Rollback(mark)
		r.Put(store.Head, "a", nil)
		return nil
	})
	if err == nil {
		e.Error("a row that was read but not named was forgiven by a rollback")
	}
	r := e.load("t", rowKeys(store.Head, "a"))
	if r.Get(store.Head, "a"); r.Fault() != nil {
		e.Errorf("after a lawful load: %v", r.Fault())
	}
	if r.Get(store.Head, "b"); r.Fault() == nil {
		e.Error("a load's reader asked for a row that was not named, and no fault tells")
	}
}

// neighbours are tenants that an engine may mix up: one's id begins another's,
// or sorts just beside it.
var neighbours = []usance.TenantID{
	"a", "a-", "a--", "a-b", "a0", "aa", "ab", "abc", "b", "-", "0", "z",
	usance.TenantID(strings.Repeat("a", usance.MaxTenantIDBytes)), usance.TenantID(strings.Repeat("z", usance.MaxTenantIDBytes)), usance.System,
}

func tenantsIsolated(e *env) {
	ids := []string{"", "a", "-", "b", "\x00", "\x01", "\x02a", "\xff", "-b", "c"}
	tables := []store.Table{'-', '0', 'a', 'b'} // of which a careless key makes part of the tenant's id
	for table := store.Head; table <= store.Balances; table++ {
		tables = append(tables, table)
	}
	for _, tenant := range neighbours {
		e.must(tenant, store.Keys{}, func(r *store.Rows) {
			for _, table := range tables {
				for _, id := range ids {
					r.Put(table, id, fmt.Appendf(nil, "%s %d %q", tenant, table, id))
				}
			}
		})
	}
	var every store.Keys
	for _, table := range tables {
		if !table.PointOnly() {
			every.Ranges = append(every.Ranges, store.Range{Table: table})
		}
		for _, id := range ids {
			every.Rows = append(every.Rows, store.Key{Table: table, ID: id})
		}
	}
	check := func(tenant usance.TenantID) {
		e.Helper()
		loaded := e.load(tenant, every)
		for _, k := range every.Rows {
			if v, ok := loaded.Get(k.Table, k.ID); !ok || string(v) != fmt.Sprintf("%s %d %q", tenant, k.Table, k.ID) {
				e.Fatalf("%q: row %d/%q is %s", tenant, k.Table, k.ID, show(v, ok))
			}
		}
		for i, r := range every.Ranges {
			if rows := loaded.Range(i); len(rows) != len(ids) {
				e.Fatalf("%q has %d rows in table %d, want %d: %s", tenant, len(rows), r.Table, len(ids), showIDs(rows))
			}
		}
	}
	for i, tenant := range neighbours {
		check(tenant)
		for _, table := range tables {
			for _, id := range ids {
				e.want(tenant, table, id, fmt.Sprintf("%s %d %q", tenant, table, id))
			}
			if table.PointOnly() {
				continue
			}
			if rows := e.scan(tenant, store.Range{Table: table, Reverse: true}); len(rows) != len(ids) {
				e.Fatalf("%q has %d rows in table %d backwards, want %d: %s", tenant, len(rows), table, len(ids), showIDs(rows))
			}
		}
		e.must(tenant, store.Keys{}, func(r *store.Rows) {
			for _, table := range tables {
				for _, id := range ids {
					r.Delete(table, id)
				}
			}
		})
		for _, other := range neighbours[i+1:] {
			check(other)
		}
		e.wantNone(tenant, store.Dedup, "a")
		e.wantRows("an emptied tenant", e.scan(tenant, store.Range{Table: store.Holds}), nil)
	}
}

func functionError(e *env) {
	e.put("t", store.Head, "a", "1")
	mine := errors.New("mine")
	err := e.s.Step(e.ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
		r.Put(store.Head, "a", []byte("2"))
		r.Put(store.Dedup, "b", nil)
		r.Delete(store.Head, "c")
		r.SetDue(usance.Earliest)
		return mine
	})
	if !same(err, mine) {
		e.Fatalf("got %v, want the function's own error", err)
	}
	e.want("t", store.Head, "a", "1")
	e.wantNone("t", store.Dedup, "b")
	if got := e.due(usance.Latest); len(got) != 0 {
		e.Errorf("a failed step's due time is listed: %v", got)
	}
	e.put("t", store.Head, "a", "3") // the tenant goes on
	e.want("t", store.Head, "a", "3")
}

func faults(e *env) {
	e.put("t", store.Head, "a", "1")
	for name, c := range map[string]struct {
		kind usance.Kind
		do   func(*store.Rows)
	}{
		"a row that was not named":   {usance.KindInternal, func(r *store.Rows) { r.Get(store.Head, "b") }},
		"a row of another table":     {usance.KindInternal, func(r *store.Rows) { r.Get(store.Totals, "a") }},
		"a range that was not named": {usance.KindInternal, func(r *store.Rows) { r.Range(0) }},
		"an id over the bound":       {usance.KindTooLarge, func(r *store.Rows) { r.Put(store.Head, strings.Repeat("x", store.MaxID+1), nil) }},
		"a value over the bound":     {usance.KindTooLarge, func(r *store.Rows) { r.Put(store.Head, "b", make([]byte, store.MaxValue+1)) }},
	} {
		err := e.s.Step(e.ctx, "t", rowKeys(store.Head, "a"), func(r *store.Rows) error {
			r.Put(store.Head, "a", []byte("2"))
			r.Put(store.Head, "c", []byte("2"))
			c.do(r)
			return nil
		})
		if err == nil || usance.KindOf(err) != c.kind {
			e.Errorf("%s: got %v, want an error of kind %s", name, err, c.kind)
		}
		e.want("t", store.Head, "a", "1")
		e.wantNone("t", store.Head, "c")
	}
}

func bounds(e *env) {
	long := make([]byte, store.MaxID)
	rnd := e.random()
	for i := range long { // an engine must not lean on compression
		long[i] = byte(rnd.Uint32())
	}
	long[store.MaxID-1] = 0xFF
	id := string(long)
	other := id[:store.MaxID-1] + "\xfe"
	longest := neighbours[12]
	e.put(longest, store.Dedup, id, "0")
	e.put("t", store.Dedup, id, "1")
	e.put("t", store.Totals, id, "2")
	e.put("t", store.Totals, other, "3")
	big := bytes.Repeat([]byte("0123456789abcdef"), store.MaxValue/16)
	e.must("t", store.Keys{}, func(r *store.Rows) { r.Put(store.Blocks, "max", big) })
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for i := range 4 {
			r.Put(store.Blocks, fmt.Sprint("some", i), big[i:i+3<<20])
		}
	})
	check := func() {
		e.Helper()
		e.want(longest, store.Dedup, id, "0")
		e.want("t", store.Dedup, id, "1")
		e.want("t", store.Totals, id, "2")
		e.wantRows("Range", e.load("t", store.Keys{Ranges: []store.Range{{Table: store.Totals, From: other, To: id}}}).Range(0),
			[]store.Row{{ID: other, Value: []byte("3")}})
		rows := e.load("t", all(store.Blocks)).Range(0)
		if len(rows) != 5 || !bytes.Equal(rows[0].Value, big) {
			e.Fatalf("got %d rows", len(rows))
		}
		for i, row := range rows[1:] {
			if !bytes.Equal(row.Value, big[i:i+3<<20]) {
				e.Errorf("%q came back otherwise", row.ID)
			}
		}
	}
	check()
	e.crash()
	check()
	e.wantNone("t", store.Totals, id+"x")
}
