package sim

import (
	"bytes"
	"context"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/alexedwards/argon2id"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/usance/usance/server"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

const operatorToken = "us_operator_of_the_simulator"

// world is one process after another on one disk, and the clock they read.
type world struct {
	disk   *disk
	st     *pebblestore.Store
	srv    *server.Server
	now    time.Time
	asking *rand.Rand // which of the possible questions a check asks
	log    bytes.Buffer
	count  counts

	thorough bool // checks ask everything
}

// counts are the figures of a run.
type counts struct {
	requests, crashes, restarts, landed, lost, refused, recovered int
	recalled                                                      int // moments of the past that were asked about
	faults                                                        map[faultKind]int
	acknowledged, found                                           int
}

func (c *counts) add(o counts) {
	c.requests, c.crashes, c.restarts, c.landed = c.requests+o.requests, c.crashes+o.crashes, c.restarts+o.restarts, c.landed+o.landed
	c.lost, c.refused, c.recovered = c.lost+o.lost, c.refused+o.refused, c.recovered+o.recovered
	c.recalled += o.recalled
	c.acknowledged, c.found = c.acknowledged+o.acknowledged, c.found+o.found
	if c.faults == nil {
		c.faults = map[faultKind]int{}
	}
	for k, n := range o.faults {
		c.faults[k] += n
	}
}

func (c *counts) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d requests, %d crashes, %d restarts; of the requests cut off %d had happened and %d had not; %d answered 5xx; %d full disks recovered from; %d moments of the past asked about; events acknowledged %d, found %d",
		c.requests, c.crashes, c.restarts, c.landed, c.lost, c.refused, c.recovered, c.recalled, c.acknowledged, c.found)
	for _, k := range slices.Sorted(maps.Keys(c.faults)) {
		fmt.Fprintf(&b, "\n  %s: %d", k, c.faults[k])
	}
	return b.String()
}

// start opens the store and builds the server on it. MemTableBytes is small, so
// that tables are written, merged and read back all the time.
func (w *world) start(memTable uint64) error {
	st, err := pebblestore.Open("data/store", pebblestore.Options{FS: w.disk.fs, CacheBytes: 1 << 16, MemTableBytes: memTable})
	if err != nil {
		return err
	}
	srv, err := server.New(server.Config{Store: st, MasterKey: [32]byte{7}, OperatorToken: operatorToken, Now: func() time.Time { return w.now },
		Unthrottled: true, Logger: slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelError})), Scratch: scratch,
		PasswordCost: &argon2id.Params{Memory: 64, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 16}})
	if err == nil {
		err = srv.Registry().PutOperatorToken(context.Background(), "operator", operatorToken)
	}
	if err != nil {
		_ = st.Close() // the disk failed; what it says about that is of no use
		return err
	}
	w.st, w.srv = st, srv
	return nil
}

// settle waits until all ids have been read after opening, where a fault must not
// meet that.
func (w *world) settle() {
	for w.st.Metrics().FilterPending && !w.disk.dead() {
		runtime.Gosched()
	}
}

// scratch is where verifications fold.
func scratch() (store.Store, error) {
	return pebblestore.Open("scratch", pebblestore.Options{FS: vfs.NewMem(), CacheBytes: 1 << 20, MemTableBytes: 1 << 20})
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func bytesReader(b []byte) io.Reader { return bytes.NewReader(b) }

func request(a ask) *http.Request {
	var body io.Reader
	if a.body != "" {
		body = strings.NewReader(a.body)
	}
	r := httptest.NewRequestWithContext(context.Background(), a.method, "http://usance.test"+a.path, body)
	if a.media != "" {
		r.Header.Set("Content-Type", a.media)
	}
	for k, v := range a.header {
		r.Header.Set(k, v)
	}
	return r
}

func (w *world) serve(r *http.Request) answer {
	out := httptest.NewRecorder()
	w.srv.Handler().ServeHTTP(out, r)
	return answer{out.Code, out.Header(), out.Body.Bytes()}
}

func (w *world) send(a ask) answer { return w.serve(request(a)) }

// secret is that of one of a tenant's four tokens.
func (m *tenant) secret(role string) string { return "us_" + m.id + "_" + role }

// call sends a request with one of the tenant's tokens.
func (w *world) call(m *tenant, a ask) answer {
	a.header = map[string]string{"Authorization": "Bearer " + m.secret(a.as)}
	return w.send(a)
}

func hash(s string) []byte {
	sum := sha512.Sum512([]byte(s))
	return sum[:]
}

func (m *tenant) project() string { return hex.EncodeToString(hash(m.id)[:16]) }

const manifest = `
- id: %[1]s
  timezone: %[2]s
  aliases: {huawei.project: %[3]s, huawei.domain: %[1]s-domain}
  users: [{name: ops-%[1]s, password: "pw-%[1]s", role: admin}]
  nodes:
  - {path: /cloud, aliases: {zstack.organization: %[3]s}}
  - {path: /rtc, aliases: {rtc.app: app-%[1]s}}
  tokens:
  - {name: admin, role: admin, secret: us_%[1]s_admin}
  - {name: member, role: member, secret: us_%[1]s_member}
  - {name: ingester, role: ingester, secret: us_%[1]s_ingester}
  - {name: strict, role: ingester, secret: us_%[1]s_strict, enforce: true}
  meters:
  - {name: m.count, unit: "1", aggregation: count, group_by: {region: data.region}, events: [{type: t.a}]}
  - {name: m.sum, unit: "1", aggregation: sum, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}]}
  - {name: m.min, unit: "1", aggregation: min, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}]}
  - {name: m.max, unit: "1", aggregation: max, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}]}
  - {name: m.average, unit: "1", aggregation: average, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}]}
  - {name: m.level, unit: "1", aggregation: level, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}, {type: t.b, amount: -data.n}]}
  - {name: m.gauge, unit: "1", aggregation: gauge, group_by: {region: data.region}, events: [{type: t.a, amount: data.n}]}
  - {name: m.unique, unit: "1", aggregation: unique, group_by: {region: data.region}, events: [{type: t.a}]}
  - {name: seats, unit: "1", aggregation: level}
  - {name: tokens, unit: "1", aggregation: sum, events: [{type: llm, amount: data.n}]}
  quotas:
  - {node: /drive, meter: drive.space, limit: 107374182400}
  - {node: /drive/dept, meter: drive.space, limit: 53687091200}
  - {node: /drive/personal, meter: drive.space, limit: 32212254720}
  - {node: /drive/group, meter: drive.space, limit: 10737418240}
  - {node: /drive, meter: drive.users, limit: 500}
  - {node: /cloud, meter: vm.cpuNum, limit: 512}
  - {node: /, meter: seats, limit: 900}
  - {node: /a, meter: seats, limit: 150}
  - {node: /a/b, meter: seats, limit: 90}
  - {node: /, meter: tokens, limit: 400, window: day}
  - {node: /a, meter: m.sum, limit: 2000, window: month}
`

// newTenant is the model of a tenant as the manifest makes it.
func newTenant(id string, zone *time.Location) *tenant {
	region := []string{"region"}
	on := func(kind, from string) map[string]string { return map[string]string{kind: from} }
	hard := func(limit int64, window string) quota { return quota{limit: limit, window: window, enforce: "hard"} }
	return &tenant{
		id: id, zone: zone, known: map[string]string{}, granted: map[string][]item{}, holds: map[string]hold{}, resources: map[string]resource{},
		nodes: map[string]string{}, tokens: map[string]string{}, users: map[string]string{}, keys: map[string]string{},
		places: nodes,
		meters: map[string]measure{
			"m.count": {"count", region, false, on("t.a", "1")}, "m.sum": {"sum", region, false, on("t.a", "n")}, "m.min": {"min", region, false, on("t.a", "n")},
			"m.max": {"max", region, false, on("t.a", "n")}, "m.average": {"average", region, false, on("t.a", "n")},
			"m.level": {"level", region, false, map[string]string{"t.a": "n", "t.b": "-n"}}, "m.gauge": {"gauge", region, false, on("t.a", "n")},
			"m.unique": {"unique", region, false, on("t.a", "")}, "seats": {"level", nil, false, nil}, "tokens": {"sum", nil, false, on("llm", "n")},
			"meeting.conferences":  {"count", nil, true, on("meeting.conference.started", "1")},
			"meeting.duration":     {"sum", nil, true, on("meeting.conference.ended", "duration_seconds")},
			"meeting.attendances":  {"count", nil, true, on("meeting.attendee.joined", "1")},
			"meeting.active_users": {"unique", nil, true, on("meeting.attendee.joined", "")},
			"meeting.concurrent":   {"level", nil, true, map[string]string{"meeting.attendee.joined": "1", "meeting.attendee.left": "-1"}},
			"meeting.live":         {"level", nil, true, map[string]string{"meeting.live.started": "1", "meeting.live.stopped": "-1"}},
			"meeting.recording":    {"level", nil, true, map[string]string{"meeting.recording.stored": "bytes", "meeting.recording.deleted": "-bytes"}},
			"drive.space":          {"gauge", nil, true, on("drive.space.measured", "bytes")},
			"drive.users":          {"level", nil, true, map[string]string{"drive.user.created": "1", "drive.user.deleted": "-1"}},
			"rtc.duration":         {"sum", []string{"app", "media"}, true, on("rtc.stream.received", "seconds")},
			"vm.cpuNum":            {"gauge", nil, true, nil},
		},
		quotas: map[quotaName]quota{
			{"/drive", "drive.space"}: hard(100<<30, "lifetime"), {"/drive/dept", "drive.space"}: hard(50<<30, "lifetime"),
			{"/drive/personal", "drive.space"}: hard(30<<30, "lifetime"), {"/drive/group", "drive.space"}: hard(10<<30, "lifetime"),
			{"/drive", "drive.users"}: hard(500, "lifetime"), {"/cloud", "vm.cpuNum"}: hard(512, "lifetime"),
			{"/", "seats"}: hard(900, "lifetime"), {"/a", "seats"}: hard(150, "lifetime"), {"/a/b", "seats"}: hard(90, "lifetime"),
			{"/", "tokens"}: hard(400, "day"), {"/a", "m.sum"}: hard(2000, "month"),
		},
	}
}

// metersToAsk is every meter where everything is to be looked at, and some otherwise.
func (w *world) metersToAsk(m *tenant) []string {
	all := keysOf(m.meters)
	if w.thorough {
		return all
	}
	w.asking.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all[:min(len(all), 10)]
}
