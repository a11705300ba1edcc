package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
	"github.com/usance/usance/store"
	"github.com/usance/usance/store/pebblestore"
)

// The store of P7 and P8: many resources, a year of usage in twenty groups, a
// month of many people.
const (
	libraryTenant    = usance.TenantID("library")
	libraryProject   = "1111111111111111111111111111111a"
	libraryKey       = "AKBENCHLIBRARY"
	librarySecret    = "SK-of-the-bench-library"
	libraryResources = 1_000_000
	libraryUsers     = 1_000_000
	libraryApps      = 20
	libraryPerDay    = 8 // events of an app in a day
)

// libraryYear is when the library's year begins: midnight in Kathmandu.
var libraryYear = time.Date(2025, 1, 1, 0, 0, 0, 0, time.FixedZone("+0545", 5*3600+45*60))

// seedSpec says where the library is made.
type seedSpec struct {
	Dir              string
	Resources, Users int
}

// seeded says how long it took.
type seeded struct{ Resources, Usage, Users float64 } // seconds

// libraryResource is the n-th resource. Expiries lie evenly over two years.
func libraryResource(n int) usance.Resource {
	types := []string{"LIVE_2D", "VIDEO_2D", "CHAT_2D", "VOICE_CLONE", "PICTURE_2D"}
	modes := []string{usance.Periodic, usance.OneTime}
	sources := []string{usance.Purchased, usance.SPAllocated, usance.AdminAllocated}
	seconds := int64(n) * 7919 % (730 * 86400)
	return usance.Resource{ID: "r-" + strconv.Itoa(n), BusinessType: types[n%5], ChargingMode: modes[n/5%2], Source: sources[n/10%3],
		Amount: 1, Unit: "NUM", Expires: libraryYear.UTC().Add(time.Duration(seconds*977%(730*86400)) * time.Second)}
}

func runSeed() error {
	spec, err := told[seedSpec]()
	if err != nil {
		return err
	}
	st, err := pebblestore.Open(spec.Dir, pebblestore.Options{})
	if err != nil {
		return err
	}
	reg, err := registryOn(st)
	if err != nil {
		return err
	}
	password := librarySecret
	_, err = reg.Edit(background(), benchActor, libraryTenant, registry.Edit{
		Tenant: &usance.Tenant{Name: "Library", Timezone: "Asia/Kathmandu", Aliases: map[string]string{"huawei.project": libraryProject}},
		Users:  []registry.UserSpec{{User: usance.User{Name: "ops", Role: usance.RoleAdmin}, Password: &password}},
		Keys:   []registry.KeySpec{{Key: usance.Key{Kind: usance.KeyAKSK, ID: libraryKey, User: "ops"}, Secret: librarySecret}},
	})
	if err != nil {
		return err
	}
	led := ledger.New(st, reg, ledger.Options{Now: time.Now})
	stop, err := profiled("seed")
	if err != nil {
		return err
	}
	defer stop()
	var out seeded
	for _, part := range []struct {
		took *float64
		run  func() error
	}{
		{&out.Resources, func() error {
			return parallel(256, spec.Resources, func(n int) error {
				_, err := led.PutResource(background(), benchActor, libraryTenant, libraryResource(n), true)
				return err
			})
		}},
		{&out.Usage, func() error { return seedYear(led) }},
		{&out.Users, func() error { return seedUsers(led, spec.Users) }},
	} {
		begun := time.Now()
		if err := part.run(); err != nil {
			return err
		}
		*part.took = time.Since(begun).Seconds()
	}
	return errors.Join(st.Close(), json.NewEncoder(os.Stdout).Encode(out))
}

// parallel calls fn for 0 to n-1 from several sides, until one fails.
func parallel(sides, n int, fn func(int) error) error {
	var next atomic.Int64
	var failure atomic.Pointer[error]
	var wg sync.WaitGroup
	for range sides {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n && failure.Load() == nil; i = int(next.Add(1)) - 1 {
				if err := fn(i); err != nil {
					failure.Store(&err)
				}
			}
		})
	}
	wg.Wait()
	if err := failure.Load(); err != nil {
		return *err
	}
	return nil
}

// yearAmount is what an event of the year adds.
func yearAmount(day, app, n int) int64 { return int64(1 + (day*31+app*7+n)%100) }

// seedYear records some events of each app on each day, at hours that differ.
func seedYear(led *ledger.Ledger) error {
	return parallel(4, 365, func(day int) error {
		var events []ledger.Incoming
		for app := range libraryApps {
			for n := range libraryPerDay {
				at := libraryYear.AddDate(0, 0, day).Add(time.Duration(n) * 24 * time.Hour / libraryPerDay).Add(time.Duration(app) * time.Minute)
				events = append(events, ledger.Incoming{Stated: true, Event: usance.Event{Source: "year", ID: fmt.Sprintf("%d-%d-%d", day, app, n),
					Type: "rtc.stream.received", Subject: "s", Node: usance.Root, Time: at.UTC(),
					Data: fmt.Appendf(nil, `{"seconds":%d,"app":"app-%02d","media":"audio"}`, yearAmount(day, app, n), app)}})
			}
		}
		_, err := led.Ingest(background(), benchActor, libraryTenant, events)
		return err
	})
}

// seedUsers records that each of many people joined once in the year's March.
func seedUsers(led *ledger.Ledger, users int) error {
	const batch = 2000
	march := libraryYear.AddDate(0, 2, 0)
	return parallel(4, (users+batch-1)/batch, func(n int) error {
		var events []ledger.Incoming
		for u := n * batch; u < min(users, (n+1)*batch); u++ {
			events = append(events, ledger.Incoming{Stated: true, Event: usance.Event{Source: "people", ID: strconv.Itoa(u), Type: "meeting.attendee.joined",
				Subject: "user-" + strconv.Itoa(u), Node: usance.Root, Time: march.Add(time.Duration(u%(31*86400)) * time.Second).UTC()}})
		}
		_, err := led.Ingest(background(), benchActor, libraryTenant, events)
		return err
	})
}

// p7p8 asks the library's three questions.
func (b *bench) p7p8() error {
	dir := b.base + "/library"
	b.say("P7 and P8: making %d resources and %d people", libraryResources, libraryUsers)
	took, err := ask[seeded]("seed", seedSpec{dir, libraryResources, libraryUsers})
	if err != nil {
		return err
	}
	b.say("  resources %.1f s, year %.1f s, people %.1f s", took.Resources, took.Usage, took.Users)
	at, err := startServer("usance", usanceSpec{Dir: dir})
	if err != nil {
		return err
	}
	defer at.end()
	pg, absent := b.postgres()
	if absent == nil {
		err = pg.seedLibrary()
	} else if !errors.Is(absent, errAbsent) {
		err = absent
	}
	if err != nil {
		return err
	}
	month := libraryYear.AddDate(0, 2, 0)
	for _, q := range []libraryQuestion{
		b.expiringQuestion(libraryYear.AddDate(0, 6, 0), libraryYear.AddDate(0, 7, 0)),
		{id: "P8", name: "daily values over a year in Asia/Kathmandu, 20 groups", goal: 20,
			path: "/api/v1/meters/rtc.duration/query?" + url.Values{"from": {libraryYear.Format(time.RFC3339)}, "to": {libraryYear.AddDate(1, 0, 0).Format(time.RFC3339)},
				"windowSize": {"DAY"}, "windowTimeZone": {"Asia/Kathmandu"}, "groupBy": {"app"}, "tenant": {string(libraryTenant)}}.Encode(),
			check: checkYear, sql: `SELECT app, date_trunc('day', to_timestamp(slot * 900) AT TIME ZONE 'Asia/Kathmandu'), sum(seconds)::int8 FROM lib_rollups
				WHERE tenant = 1 AND slot >= $1 AND slot < $2 GROUP BY 1, 2 ORDER BY 2, 1`,
			args: []any{libraryYear.Unix() / 900, libraryYear.AddDate(1, 0, 0).Unix() / 900}, rows: 365 * libraryApps, want: yearTotal()},
		{id: "P8", name: fmt.Sprintf("unique users over a month of %d", libraryUsers),
			path: "/api/v1/meters/meeting.active_users/query?" + url.Values{"from": {month.Format(time.RFC3339)}, "to": {month.AddDate(0, 1, 0).Format(time.RFC3339)},
				"tenant": {string(libraryTenant)}}.Encode(),
			check: checkUsers, sql: `SELECT count(DISTINCT person) FROM lib_people WHERE tenant = 1 AND day >= $1 AND day <= $2`,
			args: []any{month.AddDate(0, 0, -1), month.AddDate(0, 1, 0)}, rows: 1, want: libraryUsers},
	} {
		if err := b.askLibrary(at, pg, absent, q, took); err != nil {
			return err
		}
	}
	return nil
}

// libraryQuestion is a question to the library and to a table in PostgreSQL.
type libraryQuestion struct {
	id, name string
	goal     float64 // milliseconds; 0: none is stated
	path     string
	signed   bool
	check    func(body []byte) error
	sql      string
	args     []any
	rows     int
	want     int64 // sum of the rows' last column
}

func (b *bench) expiringQuestion(from, to time.Time) libraryQuestion {
	want := int64(0)
	for n := range libraryResources {
		if e := libraryResource(n).Expires; !e.Before(from) && !e.After(to) {
			want++
		}
	}
	return libraryQuestion{id: "P7", name: fmt.Sprintf("MetaStudio resources-count, a month's expiries among %d resources", libraryResources), goal: 10, signed: true,
		path: "/v1/" + libraryProject + "/tenants/resources-count?resource_expire_start_time=" + from.UTC().Format(time.RFC3339) + "&resource_expire_end_time=" + to.UTC().Format(time.RFC3339),
		check: func(body []byte) error {
			var a struct {
				Counts []struct{ Count int64 } `json:"resources_count"`
			}
			if err := json.Unmarshal(body, &a); err != nil {
				return err
			}
			got := int64(0)
			for _, c := range a.Counts {
				got += c.Count
			}
			if got != want || len(a.Counts) != 30 {
				return fmt.Errorf("%d resources of %d kinds, not %d of 30", got, len(a.Counts), want)
			}
			return nil
		},
		sql:  `SELECT business_type, charging_mode, source, count(*) FROM lib_resources WHERE tenant = 1 AND expires >= $1 AND expires <= $2 GROUP BY 1, 2, 3`,
		args: []any{from, to}, rows: 30, want: want}
}

func yearTotal() int64 {
	want := int64(0)
	for day := range 365 {
		for app := range libraryApps {
			for n := range libraryPerDay {
				want += yearAmount(day, app, n)
			}
		}
	}
	return want
}

func checkYear(body []byte) error {
	var u struct{ Data []struct{ Value int64 } }
	if err := json.Unmarshal(body, &u); err != nil {
		return err
	}
	got, want := int64(0), yearTotal()
	for _, r := range u.Data {
		got += r.Value
	}
	if got != want || len(u.Data) != 365*libraryApps {
		return fmt.Errorf("%d in %d rows, not %d in %d", got, len(u.Data), want, 365*libraryApps)
	}
	return nil
}

func checkUsers(body []byte) error {
	var u struct{ Data []struct{ Value int64 } }
	err := json.Unmarshal(body, &u)
	if err == nil && (len(u.Data) != 1 || u.Data[0].Value != libraryUsers) {
		err = fmt.Errorf("%.200s where there were %d people", body, libraryUsers)
	}
	return err
}

func (b *bench) askLibrary(at *child, pg *cluster, absent error, q libraryQuestion, took seeded) error {
	b.say("%s, %s", q.id, q.name)
	r := row{ID: q.id, Case: q.name, Unit: "ms", Ours: series{Name: "Usance"}, Peers: []series{{Name: "PostgreSQL 15, SQL"}}}
	asked := question{name: q.name, raw: plain(q.path, "Authorization", "Bearer "+operatorToken)}
	if q.signed {
		asked.raw = signedFor(libraryProject, q.path, libraryKey, librarySecret)
	}
	raw, err := asked.raw(at.addr)
	if err != nil {
		return err
	}
	if asked.body, err = once(at.addr, raw); err == nil {
		err = q.check(asked.body)
	}
	if err != nil {
		return err
	}
	list := []contestant{{&r.Ours, func(int, float64) (float64, *latency, error) {
		out, err := b.askAgain(at, asked, 1, 0, nil)
		return out.P50 / 1000, &latency{out.P50, out.P99, out.P999, out.Max}, err
	}}}
	if absent != nil {
		r.Peers[0].NotRun = absent.Error()
	} else {
		list = append(list, contestant{&r.Peers[0], func(int, float64) (float64, *latency, error) { return pg.time(b.seconds, q) }})
	}
	if err := b.inTurn(list...); err != nil {
		return err
	}
	if q.goal > 0 {
		r.Goal, r.Met = fmt.Sprintf("< %.0f ms", q.goal), goalMet(median(r.Ours.Values) < q.goal)
	}
	r.Notes = []string{"the median of one client that asks again and again, over HTTP for Usance and by a prepared statement for PostgreSQL.",
		fmt.Sprintf("made at the ledger beforehand: %d resources in %.1f s, %d people in %.1f s.", libraryResources, took.Resources, libraryUsers, took.Users)}
	b.table.put(b, r)
	return nil
}

// The peer's tables for the library, filled from the same arithmetic.
const librarySchema = `
CREATE TABLE lib_resources (tenant int4, id text, business_type text, charging_mode text, source text, expires timestamptz, PRIMARY KEY (tenant, id));
CREATE TABLE lib_rollups (tenant int4, app text, media text, slot int8, seconds int8, PRIMARY KEY (tenant, app, media, slot));
CREATE TABLE lib_people (tenant int4, day date, person text, PRIMARY KEY (tenant, day, person));`

func (c *cluster) seedLibrary() error {
	if err := c.exec(librarySchema); err != nil {
		return err
	}
	db, err := c.connect()
	if err != nil {
		return err
	}
	defer db.Close(background())
	march := libraryYear.AddDate(0, 2, 0)
	_, err1 := db.CopyFrom(background(), pgx.Identifier{"lib_resources"}, []string{"tenant", "id", "business_type", "charging_mode", "source", "expires"},
		pgx.CopyFromSlice(libraryResources, func(n int) ([]any, error) {
			r := libraryResource(n)
			return []any{1, r.ID, r.BusinessType, r.ChargingMode, r.Source, r.Expires}, nil
		}))
	_, err2 := db.CopyFrom(background(), pgx.Identifier{"lib_rollups"}, []string{"tenant", "app", "media", "slot", "seconds"},
		pgx.CopyFromSlice(365*libraryApps*libraryPerDay, func(i int) ([]any, error) {
			n, app, day := i%libraryPerDay, i/libraryPerDay%libraryApps, i/libraryPerDay/libraryApps
			at := libraryYear.AddDate(0, 0, day).Add(time.Duration(n) * 24 * time.Hour / libraryPerDay).Add(time.Duration(app) * time.Minute)
			return []any{1, fmt.Sprintf("app-%02d", app), "audio", at.Unix() / 900, yearAmount(day, app, n)}, nil
		}))
	_, err3 := db.CopyFrom(background(), pgx.Identifier{"lib_people"}, []string{"tenant", "day", "person"},
		pgx.CopyFromSlice(libraryUsers, func(u int) ([]any, error) {
			return []any{1, march.Add(time.Duration(u%(31*86400)) * time.Second).UTC(), "user-" + strconv.Itoa(u)}, nil
		}))
	return errors.Join(err1, err2, err3, c.exec(`CREATE INDEX ON lib_resources (tenant, expires)
		INCLUDE (business_type, charging_mode, source)`), c.exec("VACUUM ANALYZE"))
}

// time asks again and again and returns the median in milliseconds.
func (c *cluster) time(during time.Duration, q libraryQuestion) (float64, *latency, error) {
	db, err := c.connect()
	if err != nil {
		return 0, nil, err
	}
	defer db.Close(background())
	var times histogram
	var most time.Duration
	for begun := time.Now(); time.Since(begun) < during; {
		sent := time.Now()
		rows, err := db.Query(background(), q.sql, q.args...)
		if err != nil {
			return 0, nil, err
		}
		n, sum := 0, int64(0)
		for rows.Next() {
			values, err := rows.Values()
			if err != nil {
				return 0, nil, err
			}
			last, _ := values[len(values)-1].(int64)
			sum, n = sum+last, n+1
		}
		if err := rows.Err(); err != nil {
			return 0, nil, err
		}
		if n != q.rows || sum != q.want {
			return 0, nil, fmt.Errorf("%d in %d rows, not %d in %d", sum, n, q.want, q.rows)
		}
		took := time.Since(sent)
		times.add(took)
		most = max(most, took)
	}
	return times.quantile(.5) / 1000, &latency{times.quantile(.5), times.quantile(.99), times.quantile(.999), float64(most.Microseconds())}, nil
}

func decode(body []byte, v any) error { return json.Unmarshal(body, v) }

// registryOn returns the registry of a store that bin/usance will serve.
func registryOn(st store.Store) (*registry.Registry, error) {
	key, err := registry.DataKey(background(), st, masterKey)
	if err != nil {
		return nil, err
	}
	return registry.New(st, registry.Options{Now: time.Now, MasterKey: key})
}
