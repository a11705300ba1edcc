package pgstore

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// statements are the texts for one schema. The texts are few and fixed, so each
// connection prepares each of them once.
type statements struct {
	ping, probe  string
	enrol, lock  string
	hold, seat   string
	rows         string
	save, remove string
	saveOne      string
	peek         string
	due, dues    string
	ranges       map[shape]string
	pages        map[shape]string
}

// shape is what decides the text of a range: whether it ends before its table
// does, and its direction.
type shape struct{ bounded, reverse bool }

func shapeOf(r store.Range) shape { return shape{r.To != "", r.Reverse} }

const (
	beginStep = "begin isolation level read committed read write"
	beginLoad = "begin isolation level repeatable read read only"
	commit    = "commit"
	rollback  = "rollback"
)

// probeTenant is no tenant: Check writes its row when writes have failed.
const probeTenant usance.TenantID = "~probe"

func newStatements(schema string) statements {
	kv, turn := pgx.Identifier{schema, "kv"}.Sanitize(), pgx.Identifier{schema, "turn"}.Sanitize()
	s := statements{
		ping:  `select 1`,
		probe: `insert into ` + turn + ` (tenant) values ('` + string(probeTenant) + `') on conflict (tenant) do update set due = excluded.due`,
		enrol: `insert into ` + turn + ` (tenant) values ($1) on conflict (tenant) do nothing`,
		lock:  `select 1 from ` + turn + ` where tenant = $1 for update`,
		// The lock under Citus, where locking a row is a read to the cluster: a shard
		// moves away under it, and the next one to lock the row finds it free elsewhere.
		// A move waits for what writes.
		hold: `update ` + turn + ` set due = due where tenant = $1`,
		// Which transaction of which worker reads, as the worker says it.
		seat: `select pg_postmaster_start_time()::text || ' ' || pg_backend_pid()::text || ' ' || pg_current_snapshot()::text
			from ` + turn + ` where tenant = $1`,
		// The offset keeps the planner from making a join of it: it has no statistics
		// of the arrays and would hash all rows of the tenant.
		rows: `select k.n, v.value from unnest($2::smallint[], $3::bytea[]) with ordinality as k(tbl, id, n)
			cross join lateral (select value from ` + kv + ` as r where r.tenant = $1 and r.tbl = k.tbl and r.id = k.id offset 0) as v`,
		save: `insert into ` + kv + ` (tenant, tbl, id, value) select $1::text, n.tbl, n.id, n.value
			from unnest($2::smallint[], $3::bytea[], $4::bytea[]) as n(tbl, id, value)
			on conflict (tenant, tbl, id) do update set value = excluded.value`,
		saveOne: `insert into ` + kv + ` (tenant, tbl, id, value) values ($1, $2, $3, $4)
			on conflict (tenant, tbl, id) do update set value = excluded.value`,
		remove: `delete from ` + kv + ` as r using unnest($2::smallint[], $3::bytea[]) as k(tbl, id)
			where r.tenant = $1 and r.tbl = k.tbl and r.id = k.id`,
		peek: `select tenant, value from ` + kv + ` where tenant = any($1::text[]) and tbl = $2 and id = $3`,
		due:  `update ` + turn + ` set due = $2 where tenant = $1`,
		dues: `select due, tenant from ` + turn + ` where due <= $1 and (due, tenant) > ($2, $3)
			order by due, tenant limit $4`,
		ranges: map[shape]string{},
		pages:  map[shape]string{},
	}
	for _, h := range []shape{{}, {true, false}, {false, true}, {true, true}} {
		text := `select id, value from ` + kv + ` where tenant = $1 and tbl = $2 and id >= $3`
		if h.bounded {
			text += ` and id < $5`
		}
		order := ` order by id`
		if h.reverse {
			order += ` desc`
		}
		s.ranges[h] = text + order + ` limit $4`
		// A page ends before the row that takes it past $6 bytes, but for its first.
		room := "$5"
		if h.bounded {
			room = "$6"
		}
		s.pages[h] = `select id, value from (select id, value, sum(octet_length(value)) over (` + order + ` rows unbounded preceding)
			- octet_length(value) as before from (` + s.ranges[h] + `) as page) as sized where before < ` + room + `::bigint` + order
	}
	return s
}

// ranged returns the text's arguments for a range of at most limit rows; 0 is
// all of them.
func ranged(tenant usance.TenantID, r store.Range, limit int) []any {
	args := []any{string(tenant), int16(r.Table), []byte(r.From), nil}
	if limit > 0 {
		args[3] = int64(limit)
	}
	if r.To != "" {
		args = append(args, []byte(r.To))
	}
	return args
}

// request is what a step or a load reads, put in order once however often it
// runs.
type request struct {
	keys   store.Keys
	sorted []store.Key
	tables []int16
	ids    [][]byte
}

func newRequest(keys store.Keys) *request {
	q := &request{keys: keys, sorted: slices.Clone(keys.Rows)}
	slices.SortFunc(q.sorted, store.Key.Compare)
	q.sorted = slices.Compact(q.sorted)
	q.tables, q.ids = make([]int16, len(q.sorted)), make([][]byte, len(q.sorted))
	for i, k := range q.sorted {
		q.tables[i], q.ids[i] = int16(k.Table), []byte(k.ID)
	}
	return q
}

// statements says how many queue adds.
func (q *request) statements() int { return min(len(q.sorted), 1) + len(q.keys.Ranges) }

// queue adds the reading statements.
func (q *request) queue(b *pgx.Batch, s *statements, tenant usance.TenantID) {
	if len(q.sorted) > 0 {
		b.Queue(s.rows, string(tenant), q.tables, q.ids)
	}
	for _, r := range q.keys.Ranges {
		b.Queue(s.ranges[shapeOf(r)], ranged(tenant, r, r.Limit)...)
	}
}

// collect reads the answers to queue's statements.
func (q *request) collect(results pgx.BatchResults) (*store.Rows, error) {
	out := store.NewRows(q.keys)
	if len(q.sorted) > 0 {
		rows, err := results.Query()
		if err != nil {
			return nil, err
		}
		var n int64
		var value []byte
		_, err = pgx.ForEachRow(rows, []any{&n, &value}, func() error {
			out.Found(q.sorted[n-1], value)
			value = nil
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	for i := range q.keys.Ranges {
		rows, err := results.Query()
		if err != nil {
			return nil, err
		}
		list, err := collectRange(rows)
		if err != nil {
			return nil, err
		}
		out.FoundRange(i, list)
	}
	return out, nil
}

func collectRange(rows pgx.Rows) ([]store.Row, error) {
	var list []store.Row
	var id, value []byte
	_, err := pgx.ForEachRow(rows, []any{&id, &value}, func() error {
		list = append(list, store.Row{ID: string(id), Value: value})
		value = nil
		return nil
	})
	return list, err
}
