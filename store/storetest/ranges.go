package storetest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// pick is what a range must answer, said plainly: rows are sorted by id.
func pick(rows []store.Row, r store.Range) []store.Row {
	var in []store.Row
	for _, row := range rows {
		if row.ID >= r.From && (r.To == "" || row.ID < r.To) {
			in = append(in, row)
		}
	}
	if r.Reverse {
		slices.Reverse(in)
	}
	if r.Limit > 0 && len(in) > r.Limit {
		in = in[:r.Limit]
	}
	return in
}

func sorted(ids map[string]string) []store.Row {
	rows := make([]store.Row, 0, len(ids))
	for id, v := range ids {
		rows = append(rows, store.Row{ID: id, Value: []byte(v)})
	}
	slices.SortFunc(rows, func(a, b store.Row) int { return strings.Compare(a.ID, b.ID) })
	return rows
}

func randomID(rnd *rand.Rand) string {
	if rnd.IntN(3) == 0 {
		return hostileIDs[rnd.IntN(len(hostileIDs))]
	}
	id := make([]byte, rnd.IntN(4))
	for i := range id {
		id[i] = []byte{0, 1, 'a', 'b', 0xFE, 0xFF}[rnd.IntN(6)]
	}
	return string(id)
}

func randomRange(rnd *rand.Rand, t store.Table) store.Range {
	r := store.Range{Table: t, Reverse: rnd.IntN(2) == 0}
	if rnd.IntN(4) > 0 {
		r.From = randomID(rnd)
	}
	if rnd.IntN(4) > 0 {
		r.To = randomID(rnd)
	}
	if rnd.IntN(2) == 0 {
		r.Limit = rnd.IntN(6)
	}
	return r
}

func ranges(e *env) {
	rnd := e.random()
	kept := map[string]string{}
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for i := range 200 {
			id := randomID(rnd)
			kept[id] = fmt.Sprint(i)
			r.Put(store.Samples, id, []byte(kept[id]))
		}
	})
	rows := sorted(kept)
	for range 60 {
		var keys store.Keys
		for range 1 + rnd.IntN(10) {
			keys.Ranges = append(keys.Ranges, randomRange(rnd, store.Samples))
		}
		check := func(r *store.Rows) {
			for i, want := range keys.Ranges {
				e.wantRows(fmt.Sprintf("%+v", want), r.Range(i), pick(rows, want))
			}
		}
		check(e.load("t", keys))
		e.must("t", keys, check)
		for _, r := range keys.Ranges {
			e.wantRows(fmt.Sprintf("scan %+v", r), e.scan("t", r), pick(rows, r))
		}
	}
	var paged []store.Row
	page := store.Range{Table: store.Samples, Limit: 7}
	for {
		got := e.load("t", store.Keys{Ranges: []store.Range{page}}).Range(0)
		paged = append(paged, got...)
		if len(got) < page.Limit {
			break
		}
		page.From = got[len(got)-1].ID + "\x00"
	}
	e.wantRows("page by page", paged, rows)
}

func tableEdges(e *env) {
	ids := []string{"", "\x00", "a", "\xff", "\xff\xff", strings.Repeat("\xff", 100)}
	tables := []store.Table{store.Samples, store.Members, store.Definitions, store.Balances, 254, 255}
	e.must("t", store.Keys{}, func(r *store.Rows) {
		for _, t := range tables {
			for _, id := range ids {
				r.Put(t, id, []byte{byte(t)})
			}
		}
	})
	for _, t := range tables {
		var want []store.Row
		for _, id := range ids {
			want = append(want, store.Row{ID: id, Value: []byte{byte(t)}})
		}
		for _, r := range []store.Range{
			{Table: t}, {Table: t, Reverse: true}, {Table: t, Limit: 1}, {Table: t, Limit: 1, Reverse: true},
			{Table: t, From: "\xff"}, {Table: t, From: "\xff", Reverse: true}, {Table: t, To: "\x00"},
			{Table: t, To: strings.Repeat("\xff", 100), Reverse: true}, {Table: t, From: "b", To: "b"}, {Table: t, From: "a", To: "a"},
			{Table: t, From: "b", To: "a"}, {Table: t, From: "\xff\xff", To: "\xff", Reverse: true}, {Table: t, From: strings.Repeat("\xff", 101)},
			{Table: t, Limit: len(ids)}, {Table: t, Limit: 1 << 30},
		} {
			e.wantRows(fmt.Sprintf("%+v", r), e.load("t", store.Keys{Ranges: []store.Range{r}}).Range(0), pick(want, r))
			e.wantRows(fmt.Sprintf("scan %+v", r), e.scan("t", r), pick(want, r))
		}
	}
	e.wantRows("a table without rows", e.scan("t", store.Range{Table: store.Holds, Reverse: true}), nil)
}

func rangesAsLoaded(e *env) {
	e.put("t", store.Expiries, "a", "1")
	e.put("t", store.Expiries, "b", "2")
	e.must("t", all(store.Expiries), func(r *store.Rows) {
		before := []store.Row{{ID: "a", Value: []byte("1")}, {ID: "b", Value: []byte("2")}}
		e.wantRows("before", r.Range(0), before)
		r.Put(store.Expiries, "a", []byte("3"))
		r.Delete(store.Expiries, "b")
		r.Put(store.Expiries, "c", nil)
		e.wantRows("after changes", r.Range(0), before)
	})
	e.wantRows("afterwards", e.load("t", all(store.Expiries)).Range(0), []store.Row{{ID: "a", Value: []byte("3")}, {ID: "c"}})
}

// fill writes n rows of some size, named 000000 and up.
func (e *env) fill(tenant usance.TenantID, t store.Table, n int) []store.Row {
	e.Helper()
	var rows []store.Row
	for i := range n {
		id := fmt.Sprintf("%06d", i)
		rows = append(rows, store.Row{ID: id, Value: []byte(strings.Repeat(id, 20))})
	}
	for part := range slices.Chunk(rows, 1000) {
		e.must(tenant, store.Keys{}, func(r *store.Rows) { // which may run again
			for _, row := range part {
				r.Put(t, row.ID, row.Value)
			}
		})
	}
	return rows
}

func scanOrder(e *env) {
	rows := e.fill("t", store.Members, 7000)
	e.fill("t-", store.Members, 10)
	for _, r := range []store.Range{
		{}, {Reverse: true}, {Limit: 5000}, {Limit: 5000, Reverse: true},
		{From: "001000", To: "006001"}, {From: "001000", To: "006001", Reverse: true, Limit: 4500},
	} {
		r.Table = store.Members
		e.wantRows(fmt.Sprintf("%+v", r), e.scan("t", r), pick(rows, r))
	}
}

func scanError(e *env) {
	e.fill("t", store.Members, 3000)
	for _, stop := range []int{1, 2, 2999, 3000} {
		mine, calls := errors.New("mine"), 0
		err := e.s.Scan(e.ctx, "t", store.Range{Table: store.Members}, func(store.Row) error {
			if calls++; calls == stop {
				return mine
			}
			return nil
		})
		if !same(err, mine) || calls != stop {
			e.Errorf("stop at %d: %d calls, error %v", stop, calls, err)
		}
	}
	ctx, cancel := context.WithCancel(e.ctx)
	defer cancel()
	calls := 0
	err := e.s.Scan(ctx, "t", store.Range{Table: store.Members}, func(store.Row) error {
		if calls++; calls == 10 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || calls == 3000 {
		e.Errorf("a scan whose context ended: %d calls, error %v", calls, err)
	}
}

// A scan runs while its own function and another goroutine write and delete;
// rows that stay must be seen once, in order.
func scanWrites(e *env) {
	e.fill("t", store.Members, 6000)
	done := make(chan error, 1)
	stop := make(chan struct{})
	go func() {
		var err error
		for i := 0; err == nil; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			err = e.s.Step(e.ctx, "t", store.Keys{}, func(r *store.Rows) error {
				r.Put(store.Members, fmt.Sprintf("%06d+", i%6000), []byte("new"))
				r.Delete(store.Members, fmt.Sprintf("%06d", (i*6+5)%6000))
				return nil
			})
		}
		done <- err
	}()
	for _, reverse := range []bool{false, true} {
		seen, last := map[string]int{}, ""
		err := e.s.Scan(e.ctx, "t", store.Range{Table: store.Members, Reverse: reverse}, func(row store.Row) error {
			if len(seen) > 0 && (row.ID <= last) != reverse {
				return fmt.Errorf("%q after %q", row.ID, last)
			}
			last = row.ID
			seen[row.ID]++
			if len(seen)%500 != 0 {
				return nil
			}
			id := fmt.Sprintf("%06d-", len(seen))
			return e.s.Step(e.ctx, "t", store.Keys{}, func(r *store.Rows) error {
				r.Put(store.Members, id, nil)
				return nil
			})
		})
		if err != nil {
			e.Fatalf("Scan: %v", err)
		}
		for i := range 6000 {
			if id := fmt.Sprintf("%06d", i); i%6 != 5 && seen[id] != 1 {
				e.Fatalf("%q was there all the time and seen %d times", id, seen[id])
			}
		}
	}
	close(stop)
	if err := <-done; err != nil {
		e.Fatalf("writing meanwhile: %v", err)
	}
}

func peeks(e *env) {
	key := store.Key{Table: store.Head, ID: "h\x00"}
	want := map[usance.TenantID]string{}
	for i, tenant := range neighbours {
		e.put(tenant, store.Balances, key.ID, "of another table")
		e.put(tenant, store.Head, "h", "another row")
		if i%3 > 0 {
			want[tenant] = fmt.Sprint(i)[:i%3-1] // empty values among them
			e.put(tenant, key.Table, key.ID, want[tenant])
		}
	}
	asked := append(slices.Clone(neighbours), "nobody")
	for _, tenants := range [][]usance.TenantID{asked, asked[4:5], nil} {
		got, err := store.Peek(e.ctx, e.s, tenants, key)
		if err != nil {
			e.Fatal(err)
		}
		for _, tenant := range tenants {
			v, ok := got[tenant]
			if w, there := want[tenant]; ok != there || string(v) != w {
				e.Errorf("%q has %s, want %s", tenant, show(v, ok), show([]byte(w), there))
			}
			delete(got, tenant)
		}
		if len(got) > 0 {
			e.Errorf("rows of tenants that were not asked for: %v", got)
		}
	}
}
