package cloudrtc

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

type usageAnswer struct {
	Usage []usageRow `json:"usage"`
}

// usageRow is one UTC day, in seconds.
type usageRow struct {
	Date     string `json:"date"`
	VideoSD  int64  `json:"video_sd"`
	VideoHD  int64  `json:"video_hd"`
	VideoHDP int64  `json:"video_hdp"`
	Audio    int64  `json:"audio"`
	Total    int64  `json:"total_duration"`
}

func (f *Facade) historyUsage(w http.ResponseWriter, r *http.Request) (any, error) {
	c, err := f.projects.Admit(w, r, r.PathValue("project_id"), f.statistics)
	if err != nil {
		return nil, err
	}
	asked, err := f.readUsageQuery(r)
	if err != nil {
		return nil, err
	}
	return f.usage(r.Context(), c, asked)
}

// usageQuery is what is asked for: an application and whole UTC days, both
// included.
type usageQuery struct {
	app        string
	first, end usance.Day
}

const repeated = "it is given more than once"

// readUsageQuery checks the parameters in the order in which the vendor's errors
// name them. One that is absent, bare or empty counts as left out: the vendor's Go
// SDK sends dates that are not set as bare names.
func (f *Facade) readUsageQuery(r *http.Request) (usageQuery, error) {
	var q usageQuery
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return q, wrong("query", "the query string is malformed")
	}
	for _, name := range [...]string{"app", "metric"} {
		switch list := values[name]; {
		case len(list) > 1:
			return q, wrong(name, repeated)
		case len(list) == 0:
			return q, missing(name)
		case list[0] == "":
			return q, wrong(name, "it is empty")
		}
	}
	q.app = values.Get("app")
	if len(q.app) > usance.MaxGroupValue {
		return q, wrong("app", "it is too long")
	}
	if values.Get("metric") != metricDuration {
		return q, wrong("metric", "it must be "+metricDuration)
	}
	return q, f.readDates(&q, values)
}

// readDates fills in what is left out: the day before today for both; that or as
// many days as may be asked for behind a start; the start for an end.
func (f *Facade) readDates(q *usageQuery, values url.Values) error {
	start, hasStart, err := readDate(values, "start_date")
	if err != nil {
		return err
	}
	end, hasEnd, err := readDate(values, "end_date")
	if err != nil {
		return err
	}
	yesterday := usance.DayOf(f.o.Now()) - 1
	switch {
	case !hasStart && !hasEnd:
		start, end = yesterday, yesterday
	case !hasEnd:
		end = max(start, min(yesterday, start+usance.Day(f.o.MaxDays)-1))
	case !hasStart:
		start = end
	}
	if start > end {
		return wrong("start_date", "it is after end_date")
	}
	if int(end-start)+1 > f.o.MaxDays {
		return wrong("end_date", "the days asked for are too many")
	}
	q.first, q.end = start, end
	return nil
}

func readDate(values url.Values, name string) (usance.Day, bool, error) {
	if len(values[name]) > 1 {
		return 0, false, wrong(name, repeated)
	}
	text := values.Get(name)
	if text == "" {
		return 0, false, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil || len(text) != len(time.DateOnly) {
		return 0, false, wrong(name, "it must be a date such as 2020-04-23")
	}
	if t.Before(usance.Earliest) || !t.Before(usance.Latest) {
		return 0, false, wrong(name, "it is out of range")
	}
	return usance.DayOf(t), true, nil
}

// usage reads the days. A day without traffic has a row of zeros.
func (f *Facade) usage(ctx context.Context, c gateway.Caller, asked usageQuery) (usageAnswer, error) {
	fields := durations()
	query := ledger.Query{Meter: registry.RTCDuration, Node: c.Node, From: asked.first.Start(), To: (asked.end + 1).Start(),
		Window: usance.DayWindow, GroupBy: []string{"media"}, Filter: map[string][]string{"app": {asked.app}}}
	for _, b := range fields {
		query.Filter["media"] = append(query.Filter["media"], b.media)
	}
	answer, err := f.led.Query(ctx, c.Tenant, query)
	if err != nil {
		return usageAnswer{}, err
	}
	if len(answer.Rows) == 0 {
		if known, err := f.known(ctx, c, query); err != nil || !known {
			if err == nil {
				err = wrong("app", "there is no such application")
			}
			return usageAnswer{}, err
		}
	}
	out := usageAnswer{Usage: make([]usageRow, asked.end-asked.first+1)}
	totals := make([]usance.Sum, len(out.Usage))
	for i := range out.Usage {
		out.Usage[i].Date = (asked.first + usance.Day(i)).Start().Format(time.DateOnly)
	}
	for _, row := range answer.Rows {
		i := usance.DayOf(row.From) - asked.first
		for _, b := range fields {
			if row.Group["media"] == b.media {
				*b.at(&out.Usage[i]) = row.Value.Clamp()
				totals[i] = totals[i].Plus(row.Value)
			}
		}
	}
	for i := range out.Usage {
		out.Usage[i].Total = totals[i].Clamp()
	}
	return out, nil
}

// known reports whether an application without usage to show exists all the same:
// a node of the project bears its id, or it was used some other day or in another
// way.
func (f *Facade) known(ctx context.Context, c gateway.Caller, query ledger.Query) (bool, error) {
	at, err := f.reg.ResolveAlias(ctx, AliasApp, query.Filter["app"][0])
	if err == nil && at.Tenant == c.Tenant && at.Node.Within(c.Node) {
		return true, nil
	}
	if err != nil && usance.KindOf(err) != usance.KindNotFound {
		return false, err
	}
	query.From, query.To, query.Window = time.Time{}, time.Time{}, ""
	query.Filter = map[string][]string{"app": query.Filter["app"]}
	answer, err := f.led.Query(ctx, c.Tenant, query)
	return len(answer.Rows) > 0, err
}
