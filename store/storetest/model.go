package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

var modelTables = []store.Table{store.Head, store.Blocks, store.Dedup, store.Definitions, store.Directory}

// twin is the store said plainly: maps. Ids that were ever used are remembered,
// so that rows that should be gone are asked for too.
type twin struct {
	rows map[usance.TenantID]map[store.Key]string
	due  map[usance.TenantID]time.Time
	used map[store.Key]bool
}

func (m *twin) table(tenant usance.TenantID, t store.Table) []store.Row {
	ids := map[string]string{}
	for k, v := range m.rows[tenant] {
		if k.Table == t {
			ids[k.ID] = v
		}
	}
	return sorted(ids)
}

// model runs random steps against the store and its twin, which must agree after
// every step, every crash and every reopening.
func model(e *env) {
	rnd := e.random()
	m := &twin{rows: map[usance.TenantID]map[store.Key]string{}, due: map[usance.TenantID]time.Time{}, used: map[store.Key]bool{}}
	tenants := []usance.TenantID{"a", "a-", "ab"}
	for _, tenant := range tenants {
		m.rows[tenant] = map[store.Key]string{}
	}
	for i := range 400 {
		tenant := tenants[rnd.IntN(len(tenants))]
		e.modelStep(rnd, m, tenant)
		switch {
		case i%80 == 79:
			e.crash()
		case i%80 == 39:
			e.reopen()
		case i%20 != 0:
			e.agree(rnd, m, tenant)
			continue
		}
		for _, tenant := range tenants {
			e.agree(rnd, m, tenant)
		}
	}
}

func randomKey(rnd *rand.Rand) store.Key {
	return store.Key{Table: modelTables[rnd.IntN(len(modelTables))], ID: randomID(rnd)}
}

var errModel = errors.New("a step that fails on purpose")

func (e *env) modelStep(rnd *rand.Rand, m *twin, tenant usance.TenantID) {
	e.Helper()
	var keys store.Keys
	for range rnd.IntN(20) {
		keys.Rows = append(keys.Rows, randomKey(rnd))
	}
	for range rnd.IntN(3) {
		keys.Ranges = append(keys.Ranges, randomRange(rnd, store.Blocks))
	}
	seed, fail := rnd.Uint64(), rnd.IntN(8) == 0
	var rows map[store.Key]string
	var due time.Time
	err := e.s.Step(e.ctx, tenant, keys, func(r *store.Rows) error {
		rows, due = clone(m.rows[tenant]), m.due[tenant]
		e.sameRows(m, tenant, keys, r)
		due = modelChanges(rand.New(rand.NewPCG(seed, 2)), m, r, rows, due, func(k store.Key) {
			for _, named := range keys.Rows {
				if v, ok := r.Get(k.Table, k.ID); named == k {
					if want, there := rows[k]; ok != there || string(v) != want {
						e.Errorf("within a step %v is %s, want %s", k, show(v, ok), show([]byte(want), there))
					}
					return
				}
			}
		})
		if fail {
			return errModel
		}
		return nil
	})
	switch {
	case fail && same(err, errModel):
	case fail || err != nil:
		e.Fatalf("Step: %v", err)
	default:
		m.rows[tenant], m.due[tenant] = rows, due
	}
}

// modelChanges changes r and its twin alike.
func modelChanges(rnd *rand.Rand, m *twin, r *store.Rows, rows map[store.Key]string, due time.Time, check func(store.Key)) time.Time {
	mark, rowsThen, dueThen := r.Mark(), clone(rows), due
	for range rnd.IntN(15) {
		k := randomKey(rnd)
		m.used[k] = true
		switch rnd.IntN(12) {
		case 0, 1, 2:
			r.Delete(k.Table, k.ID)
			delete(rows, k)
		case 3:
			due = noon.Add(time.Duration(rnd.Int64N(int64(time.Hour))))
			if rnd.IntN(3) == 0 {
				due = time.Time{}
			}
			r.SetDue(due)
		case 4:
			mark, rowsThen, dueThen = r.Mark(), clone(rows), due
		case 5:
			r.Rollback(mark)
			clear(rows)
			for k, v := range rowsThen {
				rows[k] = v
			}
			due = dueThen
		default:
			v := strings.Repeat(fmt.Sprint(rnd.IntN(100)), rnd.IntN(5)*rnd.IntN(200))
			r.Put(k.Table, k.ID, []byte(v))
			rows[k] = v
			check(k)
		}
	}
	return due
}

func clone(rows map[store.Key]string) map[store.Key]string {
	c := make(map[store.Key]string, len(rows))
	for k, v := range rows {
		c[k] = v
	}
	return c
}

// sameRows checks what was loaded for keys.
func (e *env) sameRows(m *twin, tenant usance.TenantID, keys store.Keys, r *store.Rows) {
	e.Helper()
	for _, k := range keys.Rows {
		v, ok := r.Get(k.Table, k.ID)
		if want, there := m.rows[tenant][k]; ok != there || string(v) != want {
			e.Fatalf("%s %d/%q: got %s, want %s", tenant, k.Table, k.ID, show(v, ok), show([]byte(want), there))
		}
	}
	for i, want := range keys.Ranges {
		e.wantRows(fmt.Sprintf("%s %+v", tenant, want), r.Range(i), pick(m.table(tenant, want.Table), want))
	}
}

// agree compares all of a tenant with its twin, and what is due.
func (e *env) agree(rnd *rand.Rand, m *twin, tenant usance.TenantID) {
	e.Helper()
	var keys store.Keys
	for k := range m.used {
		keys.Rows = append(keys.Rows, k)
	}
	for _, t := range modelTables {
		if !t.PointOnly() {
			keys.Ranges = append(keys.Ranges, store.Range{Table: t}, randomRange(rnd, t))
		}
	}
	e.sameRows(m, tenant, keys, e.load(tenant, keys))
	for _, r := range keys.Ranges {
		e.wantRows(fmt.Sprintf("scan %s %+v", tenant, r), e.scan(tenant, r), pick(m.table(tenant, r.Table), r))
	}
	now := noon.Add(time.Duration(rnd.Int64N(int64(time.Hour))))
	want := map[string]bool{}
	for tenant, due := range m.due {
		if !due.IsZero() && !due.After(now) {
			want[dueLine(tenant, due)] = true
		}
	}
	got := e.due(now)
	for _, line := range got {
		if !want[line] {
			e.Fatalf("due at %v: %q, want %v", now, got, want)
		}
	}
	if len(got) != len(want) {
		e.Fatalf("due at %v: %q, want %v", now, got, want)
	}
}
