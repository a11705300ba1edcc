package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/demo"
)

// What a Go programmer would write over PostgreSQL for the façades' questions: SQL
// over the stored events, with the indexes that the questions want. The figures are
// of the demo's company, who is tenant 0 here.

const sqlNote = "SQL over the events: a handler in Go with pgx and 16 connections, over the company's year of events with what is asked of them in columns of their own, " +
	"an index by type and time that covers them, and one by subject for what stands; plain tokens in place of the façades' sessions and signatures, and only the numbers of an answer. " +
	"Each of its numbers is held against our answer's."

// factSchema has the events with what is asked of them in columns. What stands is
// the newest of a place's measurements, found place by place.
const factSchema = `
CREATE TABLE facts (tenant int4, source text, id text, type text NOT NULL, at timestamptz NOT NULL, subject text NOT NULL, node text NOT NULL,
	meter text, app text, media text, amount int8, data jsonb, PRIMARY KEY (tenant, source, id));
CREATE TABLE fact_quotas (tenant int4, node text, meter text, lim int8, PRIMARY KEY (tenant, node, meter));
CREATE TABLE fact_resources (tenant int4, id text, business_type text, charging_mode text, source text, expires timestamptz, PRIMARY KEY (tenant, id));`

const factIndexes = `
CREATE INDEX ON facts (tenant, type, at) INCLUDE (app, media, amount, subject);
CREATE INDEX ON facts (tenant, type, node, meter, at) INCLUDE (amount) WHERE type IN ('drive.space.measured', 'usance.gauge');
CREATE INDEX ON fact_resources (tenant, expires) INCLUDE (business_type, charging_mode, source);`

const (
	sqlMeetingNow = `SELECT type, count(*), coalesce(sum(amount), 0)::int8 FROM facts WHERE tenant = $1 AND type IN ('meeting.attendee.joined', 'meeting.attendee.left',
	'meeting.live.started', 'meeting.live.stopped', 'meeting.recording.stored', 'meeting.recording.deleted') AND at <= $2 GROUP BY type`
	sqlMeetingToday = `SELECT count(*) FILTER (WHERE type = 'meeting.conference.started'), coalesce(sum(amount) FILTER (WHERE type = 'meeting.conference.ended'), 0)::int8,
	count(*) FILTER (WHERE type = 'meeting.attendee.joined'), count(DISTINCT subject) FILTER (WHERE type = 'meeting.attendee.joined')
	FROM facts WHERE tenant = $1 AND type IN ('meeting.conference.started', 'meeting.conference.ended', 'meeting.attendee.joined') AND at >= $2 AND at <= $3`
	sqlDrive = `SELECT kind, max(own.lim)::int8, coalesce(sum(part.lim), 0)::int8, coalesce(sum(newest.amount), 0)::int8
	FROM unnest($2::text[]) AS k(kind) JOIN fact_quotas own ON own.tenant = $1 AND own.node = kind AND own.meter = 'drive.space'
	LEFT JOIN fact_quotas part ON part.tenant = $1 AND part.meter = 'drive.space' AND part.node LIKE kind || '/%'
	LEFT JOIN LATERAL (SELECT amount FROM facts f WHERE f.tenant = $1 AND f.type = 'drive.space.measured' AND f.node = part.node AND f.meter IS NULL
		AND f.at <= $3 ORDER BY f.at DESC LIMIT 1) newest ON true GROUP BY kind`
	sqlSeats = `SELECT (SELECT count(*) FROM facts WHERE tenant = $1 AND type = 'drive.user.created' AND at <= $2) -
	(SELECT count(*) FROM facts WHERE tenant = $1 AND type = 'drive.user.deleted' AND at <= $2)`
	sqlCloud = `SELECT q.meter, q.lim, coalesce(sum(newest.amount), 0)::int8 FROM fact_quotas q CROSS JOIN unnest($3::text[]) AS p(node)
	LEFT JOIN LATERAL (SELECT amount FROM facts f WHERE f.tenant = $1 AND f.type = 'usance.gauge' AND f.node = p.node AND f.meter = q.meter
		AND f.at <= $2 ORDER BY f.at DESC LIMIT 1) newest ON true
	WHERE q.tenant = $1 AND q.node = '/cloud/rd' GROUP BY q.meter, q.lim ORDER BY q.meter`
	sqlStreams = `SELECT (at AT TIME ZONE 'UTC')::date::text, media, sum(amount)::int8 FROM facts
	WHERE tenant = $1 AND type = 'rtc.stream.received' AND app = $2 AND at >= $3 AND at < $4 GROUP BY 1, 2 ORDER BY 1`
	sqlExpiring = `SELECT business_type, count(*), charging_mode, source FROM fact_resources WHERE tenant = $1 AND expires >= $2 AND expires <= $3
	AND charging_mode IN ('PERIODIC', 'ONE_TIME') GROUP BY 1, 3, 4 ORDER BY 1, 3, 4`
)

// sqlAnswer works an answer's numbers out.
type sqlAnswer func(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error)

// sqlPaths are the answers in the order of the façades' questions.
var sqlPaths = [...]string{"/sql/meeting", "/sql/drive", "/sql/cloud", "/sql/streams", "/sql/expiring"}

func sqlAnswerOf(path string) sqlAnswer {
	switch path {
	case sqlPaths[0]:
		return sqlMeeting
	case sqlPaths[1]:
		return sqlDriveUsed
	case sqlPaths[2]:
		return sqlCloudUsed
	case sqlPaths[3]:
		return sqlStreamsByDay
	case sqlPaths[4]:
		return sqlExpiringSoon
	}
	return nil
}

func (p *peer) sqlAnswer(w http.ResponseWriter, r *http.Request, tenant int, answer sqlAnswer) {
	out, err := answer(r.Context(), p.db, tenant, time.Now())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, out)
}

func sqlMeeting(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error) {
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		return nil, err
	}
	y, m, d := now.In(zone).Date()
	var conferences, seconds, attendances, users int64
	counts, bytes := map[string]int64{}, map[string]int64{}
	batch := &pgx.Batch{}
	batch.Queue(sqlMeetingToday, tenant, time.Date(y, m, d, 0, 0, 0, 0, zone), now).QueryRow(func(row pgx.Row) error {
		return row.Scan(&conferences, &seconds, &attendances, &users)
	})
	batch.Queue(sqlMeetingNow, tenant, now).Query(func(rows pgx.Rows) error {
		var name string
		var n, sum int64
		_, err := pgx.ForEachRow(rows, []any{&name, &n, &sum}, func() error {
			counts[name], bytes[name] = n, sum
			return nil
		})
		return err
	})
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	// Hundredths of a GB of 1024³, to the nearest.
	hundredths := ((bytes["meeting.recording.stored"]-bytes["meeting.recording.deleted"])*100 + 1<<29) >> 30
	return map[string]any{"usedRecStorage": json.RawMessage(fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)),
		"usedAccountsCount": counts["meeting.attendee.joined"] - counts["meeting.attendee.left"],
		"usedLiveCount":     counts["meeting.live.started"] - counts["meeting.live.stopped"],
		"confCount":         conferences, "confLength": seconds / 60, "activeAttendeeCount": users, "totalAttendeeCount": attendances}, nil
}

func sqlDriveUsed(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error) {
	out, used, quotas, users := map[string]int64{}, int64(0), int64(0), int64(0)
	batch := &pgx.Batch{}
	batch.Queue(sqlDrive, tenant, []string{"/drive/dept", "/drive/personal", "/drive/group"}, now).Query(func(rows pgx.Rows) error {
		var kind string
		var lim, handedOut, bytes int64
		_, err := pgx.ForEachRow(rows, []any{&kind, &lim, &handedOut, &bytes}, func() error {
			name := strings.TrimPrefix(kind, "/drive/")
			out[name+"SpaceQuota"], out[name+"SpaceQuotaUsed"], out[name+"SpaceUsed"] = lim>>30, handedOut>>30, (bytes+1023)/1024
			used, quotas = used+(bytes+1023)/1024, quotas+handedOut>>30
			return nil
		})
		return err
	})
	batch.Queue(sqlSeats, tenant, now).QueryRow(func(row pgx.Row) error { return row.Scan(&users) })
	if err := db.SendBatch(ctx, batch).Close(); err != nil {
		return nil, err
	}
	out["userCount"], out["spaceUsed"], out["spaceQuotaUsed"] = users, used, quotas
	return map[string]any{"data": out}, nil
}

func sqlCloudUsed(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error) {
	type usage struct {
		Name  string `json:"name"`
		Total int64  `json:"total"`
		Used  int64  `json:"used"`
	}
	rows, err := db.Query(ctx, sqlCloud, tenant, now, []string{"/cloud/rd/alpha", "/cloud/rd/beta", "/cloud/rd/gamma"})
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[usage])
	for i := range list {
		if list[i].Total == usance.Unlimited {
			list[i].Total = -1 // as the vendor writes it
		}
	}
	return map[string]any{"usages": list}, err
}

func sqlStreamsByDay(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error) {
	end := now.UTC().Truncate(24 * time.Hour)
	days, list := map[string]map[string]any{}, []map[string]any{}
	for n := -7; n < 0; n++ {
		day := end.AddDate(0, 0, n).Format(time.DateOnly)
		days[day] = map[string]any{"date": day, "total_duration": int64(0)}
		for _, media := range streams {
			days[day][media] = int64(0)
		}
		list = append(list, days[day])
	}
	rows, err := db.Query(ctx, sqlStreams, tenant, demo.RTCApp, end.AddDate(0, 0, -7), end)
	if err != nil {
		return nil, err
	}
	var day, media string
	var seconds int64
	_, err = pgx.ForEachRow(rows, []any{&day, &media, &seconds}, func() error {
		d := days[day]
		if d == nil {
			return fmt.Errorf("a day that was not asked for: %s", day)
		}
		d[media], d["total_duration"] = seconds, d["total_duration"].(int64)+seconds
		return nil
	})
	return map[string]any{"usage": list}, err
}

func sqlExpiringSoon(ctx context.Context, db *pgxpool.Pool, tenant int, now time.Time) (any, error) {
	type count struct {
		BusinessType string `json:"business_type"`
		Count        int64  `json:"count"`
		ChargingMode string `json:"charging_mode"`
		Source       string `json:"resource_source"`
	}
	rows, err := db.Query(ctx, sqlExpiring, tenant, now.UTC().Truncate(time.Second), now.UTC().AddDate(0, 0, 7).Truncate(time.Second))
	if err != nil {
		return nil, err
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[count])
	return map[string]any{"resources_count": list}, err
}

// sqlQuestions loads the company's events into the peer, and asks it what the
// façades were asked. Every number it tells must be in the façade's answer.
func (b *bench) sqlQuestions(ours []question) ([]question, error) {
	if err := b.startPeer(); err != nil {
		return nil, err
	}
	if err := b.pg.seedFacts(b.company); err != nil {
		return nil, err
	}
	var list []question
	for i, path := range sqlPaths {
		q := question{name: ours[i].name, path: path, raw: plain(path, "Authorization", "Bearer "+b.tenants[0].token)}
		raw, err := q.raw(b.peer.addr)
		if err != nil {
			return nil, err
		}
		if q.body, err = once(b.peer.addr, raw); err != nil {
			return nil, err
		}
		var theirs, own any
		if err := errors.Join(json.Unmarshal(q.body, &theirs), json.Unmarshal(ours[i].body, &own)); err != nil {
			return nil, err
		}
		if err := within(theirs, own); err != nil {
			return nil, fmt.Errorf("%s: SQL and we differ: %w", q.name, err)
		}
		list = append(list, q)
	}
	return list, nil
}

// within returns what of an answer is not so in another, or nil. Lists are as
// long, but for those of things with names, where the other may have more.
func within(a, of any) error {
	switch a := a.(type) {
	case map[string]any:
		other, _ := of.(map[string]any)
		for k, v := range a {
			if err := within(v, other[k]); err != nil {
				return fmt.Errorf("%s: %w", k, err)
			}
		}
		return nil
	case []any:
		other, _ := of.([]any)
		named := map[any]any{}
		for _, v := range other {
			if m, ok := v.(map[string]any); ok && m["name"] != nil {
				named[m["name"]] = v
			}
		}
		if len(named) == 0 && len(a) != len(other) || len(a) == 0 {
			return fmt.Errorf("%d and %d", len(a), len(other))
		}
		for i, v := range a {
			var match any
			if len(named) > 0 {
				m, _ := v.(map[string]any)
				match = named[m["name"]]
			} else {
				match = other[i]
			}
			if err := within(v, match); err != nil {
				return fmt.Errorf("%d: %w", i, err)
			}
		}
		return nil
	}
	if a != of {
		return fmt.Errorf("%v and %v", a, of)
	}
	return nil
}

// factRow is an event as a row of facts.
func factRow(e wire.Event) ([]any, error) {
	var data struct {
		Meter, App, Media     *string
		Bytes, Value, Seconds *int64
		DurationSeconds       *int64 `json:"duration_seconds"`
	}
	var raw any
	if len(e.Data) > 0 {
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return nil, err
		}
		raw = string(e.Data)
	}
	var amount *int64
	for _, n := range []*int64{data.Bytes, data.Value, data.Seconds, data.DurationSeconds} {
		if n != nil {
			amount = n
		}
	}
	return []any{0, e.Source, e.ID, e.Type, e.Time, e.Subject, string(e.Node), data.Meter, data.App, data.Media, amount, raw}, nil
}

// seedFacts loads the company.
func (c *cluster) seedFacts(co *company) error {
	if err := c.exec(factSchema); err != nil {
		return err
	}
	db, err := c.connect()
	if err != nil {
		return err
	}
	defer db.Close(background())
	plan, err := co.plan()
	if err != nil {
		return err
	}
	for n := range plan.Days() {
		events := plan.Day(n)
		columns := []string{"tenant", "source", "id", "type", "at", "subject", "node", "meter", "app", "media", "amount", "data"}
		if _, err := db.CopyFrom(background(), pgx.Identifier{"facts"}, columns, pgx.CopyFromSlice(len(events), func(i int) ([]any, error) { return factRow(events[i]) })); err != nil {
			return err
		}
	}
	list := co.Resources
	_, err1 := db.CopyFrom(background(), pgx.Identifier{"fact_resources"}, []string{"tenant", "id", "business_type", "charging_mode", "source", "expires"},
		pgx.CopyFromSlice(len(list), func(i int) ([]any, error) {
			r := list[i]
			var expires *time.Time
			if !r.Expires.IsZero() {
				expires = &r.Expires
			}
			return []any{0, r.ID, r.BusinessType, r.ChargingMode, r.Source, expires}, nil
		}))
	_, err2 := db.CopyFrom(background(), pgx.Identifier{"fact_quotas"}, []string{"tenant", "node", "meter", "lim"},
		pgx.CopyFromSlice(len(co.quotas), func(i int) ([]any, error) {
			q := co.quotas[i]
			return []any{0, string(q.Node), q.Meter, int64(q.Limit)}, nil
		}))
	return errors.Join(err1, err2, c.exec(factIndexes), c.exec("VACUUM ANALYZE"))
}
