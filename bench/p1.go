package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"
)

func (b *bench) ingest(to *child, batch int, blind bool, rate float64) loadSpec {
	conns, bodies := 16, 20
	switch {
	case batch == 1:
		conns, bodies = 64, 200
	case batch < 1000:
		bodies = 200
	}
	return loadSpec{Addr: to.addr, Connections: conns, Warm: b.seconds / 5, For: b.seconds, Rate: rate / float64(batch), Ingest: &ingestSpec{
		Path: "/api/v1/events", Tokens: tokensOf(b.tenants), Batch: batch, Bodies: bodies, Run: b.nextRun(),
		Time: time.Now().UTC().Add(-time.Minute).Truncate(time.Second).Format(time.RFC3339), Blind: blind}}
}

// events is a load's figure in events a second.
func (r *loadResult) events() (float64, *latency) {
	return float64(r.Events) / r.Seconds, &latency{r.P50, r.P99, r.P999, r.Max}
}

// requests is a load's figure in requests a second.
func (r *loadResult) requests() (float64, *latency) {
	return float64(r.Requests) / r.Seconds, &latency{r.P50, r.P99, r.P999, r.Max}
}

// ingestOurs writes to Usance and holds its totals against what was sent.
func (b *bench) ingestOurs(batch int, rate float64, during func()) (float64, *latency, error) {
	before, err := b.total()
	if err != nil {
		return 0, nil, err
	}
	busy := b.ours.busy()
	r, err := load(b.ingest(b.ours, batch, false, rate), during)
	if err != nil {
		return 0, nil, err
	}
	b.say("    the server took %.2f µs of processor time an event", (b.ours.busy()-busy)*1e6/float64(r.Accepted+r.Duplicates))
	b.stored += r.Accepted
	after, err := b.total()
	if err == nil && after-before != r.Amount {
		err = fmt.Errorf("the total grew by %d where %d was accepted", after-before, r.Amount)
	}
	v, l := r.events()
	return v, l, err
}

// ingestPeer writes to a peer whose sum of seconds total tells, and holds it
// against what was sent.
func (b *bench) ingestPeer(to *child, batch int, rate float64, total func() (int64, error)) (float64, *latency, error) {
	before, err := total()
	if err != nil {
		return 0, nil, err
	}
	r, err := load(b.ingest(to, batch, false, rate), nil)
	if err != nil {
		return 0, nil, err
	}
	after, err := total()
	if err == nil && after-before != r.Amount {
		err = fmt.Errorf("the total grew by %d where %d was accepted", after-before, r.Amount)
	}
	v, l := r.events()
	return v, l, err
}

// ingestSQL is ingestPeer for the handler over PostgreSQL.
func (b *bench) ingestSQL(batch int, rate float64) (float64, *latency, error) {
	return b.ingestPeer(b.peer, batch, rate, func() (int64, error) { return b.pg.number("SELECT coalesce(sum(seconds), 0)::int8 FROM rollups") })
}

func (b *bench) p1() error {
	if err := errors.Join(b.startOurs(), b.startFloor()); err != nil {
		return err
	}
	noSQL, noRedis := b.startPeer(), b.startOverRedis()
	for _, absent := range []error{noSQL, noRedis} {
		if absent != nil && !errors.Is(absent, errAbsent) {
			return absent
		}
	}
	for _, batch := range []int{1000, 100, 1} {
		if err := b.p1Batches(batch, noSQL, noRedis); err != nil {
			return err
		}
	}
	return b.onTop()
}

// p1Batches is P1 with batches of one size.
func (b *bench) p1Batches(batch int, noSQL, noRedis error) error {
	b.say("P1, batches of %d", batch)
	r := row{ID: "P1", Case: fmt.Sprintf("ingest over HTTP, batches of %d", batch), Unit: "events/s", Ours: series{Name: "Usance"},
		Floor: &series{Name: "decode, append, group fsync"}, Peers: []series{{Name: "PostgreSQL 15"}, {Name: "Redis (Lua, appendfsync always)"}}}
	list := []contestant{
		{&r.Ours, func(pass int, rate float64) (float64, *latency, error) {
			return b.ingestOurs(batch, rate, b.profiling(pass, fmt.Sprintf("P1-%d", batch)))
		}},
		{r.Floor, func(_ int, rate float64) (float64, *latency, error) {
			out, err := load(b.ingest(b.floor, batch, true, rate), nil)
			v, l := out.events()
			return v, l, err
		}},
	}
	if noSQL == nil {
		list = append(list, contestant{&r.Peers[0], func(_ int, rate float64) (float64, *latency, error) { return b.ingestSQL(batch, rate) }})
	} else {
		r.Peers[0].NotRun = noSQL.Error()
	}
	if noRedis == nil {
		list = append(list, contestant{&r.Peers[1], func(_ int, rate float64) (float64, *latency, error) {
			return b.ingestPeer(b.overRedis, batch, rate, func() (int64, error) { return b.redis.seconds(len(b.tenants)) })
		}})
	} else {
		r.Peers[1].NotRun = noRedis.Error()
	}
	if err := b.inTurn(list...); err != nil {
		return err
	}
	if batch == 1000 {
		ours := median(r.Ours.Values)
		r.Goal = "≥ 0.5 × the floor and ≥ 3 × PostgreSQL"
		r.Met = goalMet(ours >= .5*median(r.Floor.Values) && noSQL == nil && ours >= 3*median(r.Peers[0].Values))
	}
	r.Notes = []string{fmt.Sprintf("%d tenants by Zipf's law (1.1), 64 series a tenant, one event in %d repeats an earlier one; 16 connections, 64 for batches of 1. "+
		"The totals of every tenant are held against what was acknowledged, after each pass.", len(b.tenants), repeatEvery),
		"PostgreSQL: one handler in Go with pgx, two round trips a request: sorted keys by unnest with ON CONFLICT DO NOTHING RETURNING; then one rollup upsert, " +
			"the events as one compressed row, and the commit. synchronous_commit on, 1 GB of shared_buffers.",
		"Redis: one handler in Go, one script a request: SET NX of 16 bytes of hash an event, then one HINCRBY a series of the request. It keeps the ids and the sums; the events themselves it does not keep.",
		"the floor does not look for repeats."}
	if err := b.atHalf(&r, list...); err != nil {
		return err
	}
	b.table.put(b, r)
	return nil
}

// profiling returns what fetches a profile of the server beside a load, or nil.
func (b *bench) profiling(pass int, name string) func() {
	if b.profile == "" || pass > 0 {
		return nil
	}
	return func() {
		if err := b.ours.profile(max(1, int(b.seconds.Seconds())), filepath.Join(b.profile, name+".pb")); err != nil {
			b.say("profile: %v", err)
		}
	}
}

// filled makes sure that the main store has events to measure on.
func (b *bench) filled() error {
	if err := b.startOurs(); err != nil || b.stored > 0 {
		return err
	}
	_, _, err := b.ingestOurs(1000, 0, nil)
	return err
}

// grown makes sure that the main store has so many events: what it keeps of a
// tenant beside its events weighs little only when there are many of them.
func (b *bench) grown(events int64) error {
	if err := b.filled(); err != nil {
		return err
	}
	for b.stored < events {
		if _, _, err := b.ingestOurs(1000, 0, nil); err != nil {
			return err
		}
	}
	return nil
}

// compressed returns the bytes an event takes as JSON, and as compressed JSON.
func compressed() (plain, packed float64, err error) {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault))
	if err != nil {
		return 0, 0, err
	}
	spec := ingestSpec{Tokens: []string{""}, Batch: 1000, Bodies: 10, Run: "r0000", Time: time.Now().UTC().Format(time.RFC3339)}
	var all []byte
	events := 0
	for turn, t := range spec.templates(0) {
		t.turn(turn)
		all = append(all, t.Raw[len(t.Raw)-int(t.size):]...)
		events += t.accepted
	}
	return float64(len(all)) / float64(events), float64(len(enc.EncodeAll(all, nil))) / float64(events), nil
}
