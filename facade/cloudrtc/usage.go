package cloudrtc

import (
	"context"
	"net/http"
	"net/url"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
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
	now := f.o.Now()
	about := ledger.Question{Tenant: c.Tenant, Node: c.Node, Text: r.URL.RawQuery}
	body, err := f.answers.Of(r.Context(), about, now, func(d *registry.Definitions) ([]byte, time.Time, error) {
		asked, err := f.readUsageQuery(r.URL.RawQuery, now)
		if err != nil {
			return nil, time.Time{}, err
		}
		got, err := f.days(r.Context(), f.figures.For(d), c, asked)
		if err != nil {
			return nil, time.Time{}, err
		}
		body, err := httpx.AppendJSON(make([]byte, 0, 1024), usageAnswer{Usage: got.rows})
		return body, (usance.DayOf(now) + 1).Start(), err // dates that are left out go by the day
	})
	return httpx.Encoded(body), err
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
func (f *Facade) readUsageQuery(raw string, now time.Time) (usageQuery, error) {
	var q usageQuery
	values, err := url.ParseQuery(raw)
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
	return q, f.readDates(&q, values, now)
}

// readDates fills in what is left out: the day before today for both; that or as
// many days as may be asked for behind a start; the start for an end.
func (f *Facade) readDates(q *usageQuery, values url.Values, now time.Time) error {
	start, hasStart, err := readDate(values, "start_date")
	if err != nil {
		return err
	}
	end, hasEnd, err := readDate(values, "end_date")
	if err != nil {
		return err
	}
	yesterday := usance.DayOf(now) - 1
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

// days reads the plan's fields. A day without traffic has a row of zeros.
func (f *Facade) days(ctx context.Context, p *figures.Plan, c gateway.Caller, asked usageQuery) (*days, error) {
	queries, out, used := readings(p, c.Node, asked), newDays(p, asked), false
	for _, r := range queries {
		answer, err := f.led.Query(ctx, c.Tenant, r.query)
		if err != nil {
			return nil, err
		}
		used = used || len(answer.Rows) > 0
		out.put(r, answer)
	}
	if !used {
		if known, err := f.known(ctx, c, p, queries, asked.app); err != nil || !known {
			if err == nil {
				err = wrong("app", "there is no such application")
			}
			return nil, err
		}
	}
	out.total()
	return out, nil
}

// known reports whether an application without usage to show exists all the same:
// a node of the project bears its id, or it was used some other day or in another
// way.
func (f *Facade) known(ctx context.Context, c gateway.Caller, p *figures.Plan, queries []*reading, app string) (bool, error) {
	at, err := f.reg.ResolveAlias(ctx, AliasApp, app)
	if err == nil && at.Tenant == c.Tenant && at.Node.Within(c.Node) {
		return true, nil
	}
	if err != nil && usance.KindOf(err) != usance.KindNotFound {
		return false, err
	}
	for _, r := range queries {
		q, ok := r.everywhere(p, app)
		if !ok {
			continue
		}
		if answer, err := f.led.Query(ctx, c.Tenant, q); err != nil || len(answer.Rows) > 0 {
			return err == nil, err
		}
	}
	return false, nil
}
