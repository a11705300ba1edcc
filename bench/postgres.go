package main

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	fast "github.com/go-json-experiment/json"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/klauspost/compress/zstd"
)

// cluster is a PostgreSQL of our own, thrown away at the end.
type cluster struct {
	cmd *exec.Cmd
	dir string
	dsn string
}

const postgresBin = "/usr/lib/postgresql/15/bin"

// errAbsent says why a peer is not run.
var errAbsent = errors.New("not run")

// asPostgres makes the command run as the user postgres where this process may
// choose: PostgreSQL refuses to run as root.
func asPostgres(cmd *exec.Cmd) error {
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TZ=UTC")
	if os.Geteuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return fmt.Errorf("%w: there is no user postgres to run it as", errAbsent)
	}
	uid, err1 := strconv.Atoi(u.Uid)
	gid, err2 := strconv.Atoi(u.Gid)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	return errors.Join(err1, err2)
}

// startCluster makes a cluster with settings fit for the work and waits for it.
// The error is errAbsent where PostgreSQL 15 is not installed.
func startCluster(base string) (*cluster, error) {
	if _, err := os.Stat(filepath.Join(postgresBin, "initdb")); err != nil {
		return nil, fmt.Errorf("%w: PostgreSQL 15 is not installed in %s", errAbsent, postgresBin)
	}
	dir, err := os.MkdirTemp(base, "pg-")
	if err != nil {
		return nil, err
	}
	if u, err := user.Lookup("postgres"); err == nil && os.Geteuid() == 0 {
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		if err := os.Chown(dir, uid, gid); err != nil {
			return nil, err
		}
	}
	data := filepath.Join(dir, "data")
	initdb := exec.CommandContext(background(), filepath.Join(postgresBin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8")
	initdb.Dir = dir
	if err := asPostgres(initdb); err != nil {
		return nil, err
	}
	if out, err := initdb.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("initdb: %w: %s", err, out)
	}
	port, err := sparePort()
	if err != nil {
		return nil, err
	}
	args := []string{"-D", data, "-k", dir, "-p", strconv.Itoa(port)}
	for _, s := range []string{"listen_addresses=127.0.0.1", "shared_buffers=1GB", "max_wal_size=8GB", "checkpoint_timeout=30min", "synchronous_commit=on",
		"fsync=on", "wal_level=minimal", "max_wal_senders=0", "max_connections=200", "log_min_messages=fatal", "jit=off"} {
		args = append(args, "-c", s)
	}
	c := &cluster{cmd: exec.CommandContext(background(), filepath.Join(postgresBin, "postgres"), args...), dir: dir,
		dsn: fmt.Sprintf("host=%s port=%d user=postgres dbname=postgres", dir, port)}
	c.cmd.Dir = dir
	if err := asPostgres(c.cmd); err != nil {
		return nil, err
	}
	var log bytes.Buffer
	c.cmd.Stderr = &log
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	for range 200 {
		db, err := pgx.Connect(context.Background(), c.dsn)
		if err == nil {
			return c, db.Close(context.Background())
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.stop()
	return nil, fmt.Errorf("PostgreSQL did not start: %s", log.String())
}

func (c *cluster) stop() {
	_ = c.cmd.Process.Signal(os.Interrupt)
	_ = c.cmd.Wait()
}

func sparePort() (int, error) {
	on, err := listen()
	if err != nil {
		return 0, err
	}
	return on.Addr().(*net.TCPAddr).Port, on.Close()
}

// The peer's tables: a narrow table of keys for the dedup, the events of a
// request in one compressed row, and a rollup by quarter of an hour.
const peerSchema = `
CREATE TABLE seen (tenant int4, h1 int8, h2 int8, PRIMARY KEY (tenant, h1, h2));
CREATE TABLE blocks (id int8 GENERATED ALWAYS AS IDENTITY PRIMARY KEY, tenant int4, events bytea);
ALTER TABLE blocks ALTER events SET STORAGE EXTERNAL;
CREATE TABLE rollups (tenant int4, app text, media text, slot int8, seconds int8, events int8, PRIMARY KEY (tenant, app, media, slot)) WITH (fillfactor = 50);`

const (
	peerKeys = `INSERT INTO seen SELECT $1, h1, h2 FROM unnest($2::int8[], $3::int8[]) AS k(h1, h2)
ON CONFLICT DO NOTHING RETURNING h1, h2`
	peerRollup = `INSERT INTO rollups SELECT $1, * FROM unnest($2::text[], $3::text[], $4::int8[], $5::int8[], $6::int8[])
ON CONFLICT (tenant, app, media, slot) DO UPDATE SET seconds = rollups.seconds + excluded.seconds, events = rollups.events + excluded.events`
	peerBlock = `INSERT INTO blocks (tenant, events) VALUES ($1, $2)`
)

// peerSpec says how the peer's handler is set up.
type peerSpec struct {
	DSN    string
	Tokens []string // the tenant's number is the place of its token
}

type peer struct {
	db      *pgxpool.Pool
	tenants bearers
	zstd    *zstd.Encoder
}

// bearers are the tenants of a peer by the Authorization of their requests.
type bearers map[string]int

func bearersOf(tokens []string) bearers {
	out := bearers{}
	for i, token := range tokens {
		out["Bearer "+token] = i
	}
	return out
}

// of returns whose request it is, or refuses it.
func (b bearers) of(w http.ResponseWriter, r *http.Request) (tenant int, ok bool) {
	if tenant, ok = b[r.Header.Get("Authorization")]; !ok {
		http.Error(w, "unknown token", http.StatusUnauthorized)
	}
	return tenant, ok
}

// answerIngest tells what came of so many events.
func answerIngest(w http.ResponseWriter, events, accepted int, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Usance-Accepted", strconv.Itoa(accepted))
	w.Header().Set("Usance-Duplicates", strconv.Itoa(events-accepted))
	w.WriteHeader(http.StatusNoContent)
}

// runPeer serves what a Go programmer would write over PostgreSQL.
func runPeer() error {
	spec, err := told[peerSpec]()
	if err != nil {
		return err
	}
	config, err := pgxpool.ParseConfig(spec.DSN)
	if err != nil {
		return err
	}
	config.MaxConns = 16
	p := &peer{tenants: bearersOf(spec.Tokens)}
	if p.db, err = pgxpool.NewWithConfig(background(), config); err != nil {
		return err
	}
	defer p.db.Close()
	if p.zstd, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest)); err != nil {
		return err
	}
	return serve(p)
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant, ok := p.tenants.of(w, r)
	if !ok {
		return
	}
	switch r.URL.Path {
	case "/charges":
		p.charge(w, r, tenant)
		return
	case "/usage":
		p.usage(w, r, tenant)
		return
	}
	if answer := sqlAnswerOf(r.URL.Path); answer != nil {
		p.sqlAnswer(w, r, tenant, answer)
		return
	}
	body, events, err := readEvents(r)
	var accepted int
	if err == nil {
		accepted, err = p.record(r.Context(), tenant, body, events)
	}
	answerIngest(w, len(events), accepted, err)
}

// keyed is an event with the key it is known by.
type keyed struct {
	h1, h2 int64
	event  *floorEvent
}

type line struct {
	app, media string
	slot       int64
}

// record stores the events in two round trips: the keys first, sorted, so that
// two requests cannot lock each other out; then what the new ones add.
func (p *peer) record(ctx context.Context, tenant int, body []byte, events []floorEvent) (int, error) {
	list := make([]keyed, len(events))
	for i := range events {
		sum := sha256.Sum256([]byte(events[i].Source + "\x00" + events[i].ID))
		list[i] = keyed{int64(binary.BigEndian.Uint64(sum[:])), int64(binary.BigEndian.Uint64(sum[8:])), &events[i]}
	}
	slices.SortFunc(list, func(a, b keyed) int { return cmp.Or(cmp.Compare(a.h1, b.h1), cmp.Compare(a.h2, b.h2)) })
	list = slices.CompactFunc(list, func(a, b keyed) bool { return a.h1 == b.h1 && a.h2 == b.h2 })
	h1, h2 := make([]int64, len(list)), make([]int64, len(list))
	for i, k := range list {
		h1[i], h2[i] = k.h1, k.h2
	}
	db, err := p.db.Acquire(ctx)
	if err != nil {
		return 0, err
	}
	defer db.Release()
	first := &pgx.Batch{}
	first.Queue("BEGIN")
	first.Queue(peerKeys, tenant, h1, h2)
	fresh, err := newKeys(db.SendBatch(ctx, first), len(list))
	if err != nil {
		_, _ = db.Exec(ctx, "ROLLBACK")
		return 0, err
	}
	second := &pgx.Batch{}
	if len(fresh) > 0 {
		if err := queueRollup(second, tenant, list, fresh); err != nil {
			_, _ = db.Exec(ctx, "ROLLBACK")
			return 0, err
		}
		second.Queue(peerBlock, tenant, p.zstd.EncodeAll(body, nil))
	}
	second.Queue("COMMIT")
	return len(fresh), db.SendBatch(ctx, second).Close()
}

// newKeys reads which of the keys were not known. They come in the order of the
// insert, which is not promised, so they are looked up.
func newKeys(results pgx.BatchResults, size int) (fresh map[[2]int64]struct{}, err error) {
	defer func() { err = errors.Join(err, results.Close()) }()
	if _, err := results.Exec(); err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		return nil, err
	}
	fresh = make(map[[2]int64]struct{}, size)
	var k [2]int64
	_, err = pgx.ForEachRow(rows, []any{&k[0], &k[1]}, func() error {
		fresh[k] = struct{}{}
		return nil
	})
	return fresh, err
}

func queueRollup(b *pgx.Batch, tenant int, list []keyed, fresh map[[2]int64]struct{}) error {
	type sum struct{ seconds, events int64 }
	sums := map[line]sum{}
	for _, k := range list {
		if _, ok := fresh[[2]int64{k.h1, k.h2}]; !ok {
			continue
		}
		var data struct {
			Seconds int64  `json:"seconds"`
			App     string `json:"app"`
			Media   string `json:"media"`
		}
		if err := fast.Unmarshal(k.event.Data, &data); err != nil {
			return err
		}
		at, err := time.Parse(time.RFC3339, k.event.Time)
		if err != nil {
			return err
		}
		l := line{data.App, data.Media, at.Unix() / 900}
		s := sums[l]
		sums[l] = sum{s.seconds + data.Seconds, s.events + 1}
	}
	lines := make([]line, 0, len(sums))
	for l := range sums {
		lines = append(lines, l)
	}
	slices.SortFunc(lines, func(a, b line) int {
		return cmp.Or(strings.Compare(a.app, b.app), strings.Compare(a.media, b.media), cmp.Compare(a.slot, b.slot))
	})
	apps, media := make([]string, len(lines)), make([]string, len(lines))
	slots, seconds, events := make([]int64, len(lines)), make([]int64, len(lines)), make([]int64, len(lines))
	for i, l := range lines {
		apps[i], media[i], slots[i], seconds[i], events[i] = l.app, l.media, l.slot, sums[l].seconds, sums[l].events
	}
	b.Queue(peerRollup, tenant, apps, media, slots, seconds, events)
	return nil
}
