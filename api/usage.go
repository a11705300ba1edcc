package api

import (
	"encoding/csv"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
)

func listEvents(q *request) error {
	node, err := q.node(usance.RightRead)
	if err != nil {
		return err
	}
	f := ledger.EventFilter{Type: q.query.text("type"), Subject: q.query.text("subject"),
		Source: q.query.text("source"), ID: q.query.text("id"), Node: node}
	if f.From, f.To, err = q.query.span("from", "to", false); err != nil {
		return err
	}
	if f.Cursor, f.Limit, err = q.page(); err != nil {
		return err
	}
	if err := q.towards(&f); err != nil {
		return err
	}
	then, err := q.moment()
	if err != nil {
		return err
	}
	f.AsOf = then.Sequence
	page, err := q.api.led.Events(q.r.Context(), q.tenant, f)
	if err != nil {
		return err
	}
	out := wire.List[wire.StoredEvent]{Items: make([]wire.StoredEvent, len(page.Events))}
	if page.Next != "" {
		out.Next = cursorOf(page.Next)
	}
	for i, e := range page.Events {
		out.Items[i] = wireStored(&e)
	}
	q.sequence(page.Sequence)
	return q.answer(http.StatusOK, out)
}

// towards reads which meter's events are asked for.
func (q *request) towards(f *ledger.EventFilter) error {
	f.Meter = q.query.text("meter")
	m := &usance.Meter{}
	if f.Meter != "" {
		defs, err := q.definitions()
		if err != nil {
			return err
		}
		var ok bool
		if m, ok = defs.Meter(f.Meter); !ok {
			return usance.Errorf(usance.KindNotFound, "there is no meter %q", clipped(f.Meter))
		}
	}
	group, err := q.groupFilter(m)
	if len(group) > 0 {
		f.Group = group
	}
	return err
}

func wireStored(e *ledger.StoredEvent) wire.StoredEvent {
	return wire.StoredEvent{Sequence: e.Sequence, Recorded: e.Recorded.UTC(), Actor: e.Actor, Event: wireEvent(&e.Event),
		Voided: e.Voided, Amended: e.Amended, Reason: e.Reason, Correction: e.Correction}
}

func wireEvent(e *usance.Event) wire.Event {
	out := wire.Event{SpecVersion: "1.0", ID: e.ID, Source: e.Source, Type: e.Type, Time: e.Time.UTC(), Subject: e.Subject, Node: e.Node}
	if len(e.Data) > 0 {
		out.DataContentType, out.Data = wire.TypeJSON, jsontext.Value(e.Data)
	}
	return out
}

// windows maps the names on the wire.
func windowOf(name string) (usance.Window, bool) {
	switch name {
	case "":
		return "", true
	case "MINUTE":
		return usance.Minute, true
	case "HOUR":
		return usance.Hour, true
	case "DAY":
		return usance.DayWindow, true
	case "MONTH":
		return usance.MonthWindow, true
	}
	return "", false
}

func queryMeter(q *request) error {
	ask, err := q.usageQuery()
	if err != nil {
		return err
	}
	got, err := q.api.led.Query(q.r.Context(), q.tenant, ask)
	if err != nil {
		return err
	}
	q.sequence(got.Sequence)
	q.w.Header().Set("Vary", "Accept")
	if prefersCSV(q.r) {
		return q.answerCSV(ask, got.Rows)
	}
	out := wire.Usage{Meter: ask.Meter, From: ask.From, To: ask.To, WindowSize: q.query.text("windowSize"), Data: make([]wire.UsageRow, len(got.Rows))}
	for i, row := range got.Rows {
		out.Data[i] = wire.UsageRow{Value: wire.Integer{Sum: row.Value}, WindowStart: row.From.UTC(), WindowEnd: row.To.UTC(), Subject: row.Subject, GroupBy: row.Group}
		if !row.Restated.IsZero() {
			out.Data[i].RestatedAt = &row.Restated
		}
	}
	return q.answer(http.StatusOK, out)
}

// usageQuery reads the parameters. As OpenMeter has it, subject both restricts
// to subjects and groups by them.
func (q *request) usageQuery() (ledger.Query, error) {
	ask := ledger.Query{Meter: q.vars[0], Subjects: slices.Compact(slices.Sorted(slices.Values(q.query["subject"]))), GroupBy: q.query.list("groupBy")}
	then, err := q.moment()
	if err != nil {
		return ask, err
	}
	ask.AsOf, ask.Clock = then.Sequence, then.Time
	defs, err := q.definitionsAt(then)
	if err != nil {
		return ask, err
	}
	m, ok := defs.Meter(ask.Meter)
	if !ok {
		return ask, usance.Errorf(usance.KindNotFound, "there is no meter %q", clipped(ask.Meter))
	}
	if ask.Node, err = q.node(usance.RightRead); err != nil {
		return ask, err
	}
	if ask.From, ask.To, err = q.query.span("from", "to", false); err != nil {
		return ask, err
	}
	var known bool
	if ask.Window, known = windowOf(q.query.text("windowSize")); !known {
		return ask, parameterError("windowSize", "is MINUTE, HOUR, DAY or MONTH")
	}
	ask.Zone = time.UTC
	if name := q.query.text("windowTimeZone"); name != "" {
		if ask.Zone, err = usance.LoadZone(name); err != nil {
			return ask, parameterError("windowTimeZone", detailOf(err))
		}
	}
	if len(ask.Subjects) > 0 && !slices.Contains(ask.GroupBy, "subject") {
		ask.GroupBy = append(ask.GroupBy, "subject")
	}
	for _, key := range ask.GroupBy {
		if _, ok := m.GroupBy[key]; !ok && key != "subject" {
			return ask, parameterError("groupBy", "meter "+m.Name+" has no group-by key "+strconv.Quote(clipped(key)))
		}
	}
	if ask.Filter, err = q.groupFilter(m); err != nil {
		return ask, err
	}
	ask.Zeros = ask.Window == "" && len(ask.GroupBy) == 0
	return ask, nil
}

// groupFilter reads the filterGroupBy[key] parameters.
func (q *request) groupFilter(m *usance.Meter) (map[string][]string, error) {
	filter := map[string][]string{}
	for name := range q.query {
		if name == filterName {
			return nil, parameterError(filterName, "is written filterGroupBy[key]=value")
		}
		key, ok := strings.CutPrefix(name, filterPrefix)
		if !ok {
			continue
		}
		key = strings.TrimSuffix(key, "]")
		if key == "subject" {
			return nil, parameterError(name, "is written subject=value")
		}
		if _, ok := m.GroupBy[key]; !ok {
			if m.Name == "" {
				return nil, parameterError(filterName, "goes with meter")
			}
			return nil, parameterError(filterName, "meter "+m.Name+" has no group-by key "+strconv.Quote(clipped(key)))
		}
		filter[key] = q.query.list(name)
	}
	return filter, nil
}

// prefersCSV reports whether the Accept header ranks text/csv above JSON.
func prefersCSV(r *http.Request) bool {
	csvRank, jsonRank := 0.0, 0.0
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		media, options, _ := strings.Cut(part, ";")
		rank := 1.0
		for o := range strings.SplitSeq(options, ";") {
			if v, ok := strings.CutPrefix(strings.TrimSpace(o), "q="); ok {
				if f, err := strconv.ParseFloat(v, 64); err == nil {
					rank = f
				}
			}
		}
		switch strings.ToLower(strings.TrimSpace(media)) {
		case wire.TypeCSV, "text/*":
			csvRank = max(csvRank, rank)
		case wire.TypeJSON, "application/*", "*/*":
			jsonRank = max(jsonRank, rank)
		}
	}
	return csvRank > jsonRank || csvRank > 0 && csvRank == jsonRank && strings.HasPrefix(r.Header.Get("Accept"), wire.TypeCSV)
}

// answerCSV writes the rows with a heading line (RFC 4180): the window, the
// subject and group-by keys grouped by, the value.
func (q *request) answerCSV(ask ledger.Query, rows []ledger.Row) error {
	keys := slices.Sorted(slices.Values(ask.GroupBy))
	keys = slices.DeleteFunc(keys, func(k string) bool { return k == "subject" })
	bySubject := slices.Contains(ask.GroupBy, "subject")
	heading := []string{"window_start", "window_end"}
	if bySubject {
		heading = append(heading, "subject")
	}
	var b strings.Builder
	out := csv.NewWriter(&b)
	if err := out.Write(append(append(heading, keys...), "value")); err != nil {
		return err
	}
	line := make([]string, 0, len(heading)+len(keys)+1)
	for _, row := range rows {
		line = append(line[:0], stamp(row.From), stamp(row.To))
		if bySubject {
			subject := ""
			if row.Subject != nil {
				subject = *row.Subject
			}
			line = append(line, subject)
		}
		for _, k := range keys {
			line = append(line, row.Group[k])
		}
		if err := out.Write(append(line, row.Value.String())); err != nil {
			return err
		}
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return err
	}
	q.w.Header().Set("Content-Type", wire.TypeCSV+"; charset=utf-8")
	httpx.WriteBytes(q.w, http.StatusOK, []byte(b.String()))
	return nil
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
