package client

import (
	"context"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// All walks a listing page by page: fetch is called with the cursor of each page,
// the first time "". It ends at the first error.
func All[T any](fetch func(cursor string) (wire.List[T], error)) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		for cursor := ""; ; {
			page, err := fetch(cursor)
			if err != nil {
				var none T
				yield(none, err)
				return
			}
			for _, item := range page.Items {
				if !yield(item, nil) {
					return
				}
			}
			if cursor = page.Next; cursor == "" {
				return
			}
		}
	}
}

// values collects query parameters, leaving out empty ones.
type values url.Values

func (v values) text(name, s string) values {
	if s != "" {
		v[name] = append(v[name], s)
	}
	return v
}

func (v values) texts(name string, list []string) values {
	if len(list) > 0 {
		v[name] = append(v[name], list...)
	}
	return v
}

func (v values) time(name string, t time.Time) values {
	if !t.IsZero() {
		v[name] = []string{t.UTC().Format(time.RFC3339Nano)}
	}
	return v
}

func (v values) number(name string, n int) values {
	if n != 0 {
		v[name] = []string{strconv.Itoa(n)}
	}
	return v
}

// Moment is a point of a tenant's past that a reading is asked as of: what was
// known when the ledger had just reached Sequence, or else at Time. The zero
// Moment is the present.
type Moment struct {
	Sequence uint64
	Time     time.Time
}

func (v values) moment(m Moment) values {
	if m.Sequence != 0 {
		v["at_sequence"] = []string{strconv.FormatUint(m.Sequence, 10)}
	}
	return v.time("known_at", m.Time)
}

// Send records events, all or none, at most usance.MaxBatchEvents of them.
// KindInvalid lists each bad event by its index and KindConflict each whose id is
// known with other content; then nothing is stored. Sending events again counts
// nothing twice.
func (c *Client) Send(ctx context.Context, events []wire.Event) (wire.Receipt, error) {
	events = slices.Clone(events)
	for i := range events {
		events[i].SpecVersion = either(events[i].SpecVersion, "1.0")
	}
	body, err := json.Marshal(events)
	if err != nil {
		return wire.Receipt{}, &usance.Error{Kind: usance.KindInvalid, Detail: "the events cannot be written as JSON", Err: err}
	}
	return c.SendRaw(ctx, wire.TypeBatch, body)
}

// SendRaw is Send for events that are JSON already: media is wire.TypeBatch for
// an array, wire.TypeEvent for one event, wire.TypeNDJSON for one a line. The
// indexes of a refusal count events in the body's order, from 0.
func (c *Client) SendRaw(ctx context.Context, media string, body []byte) (wire.Receipt, error) {
	a, err := c.do(ctx, call{method: http.MethodPost, path: []string{"events"}, body: body, media: media})
	if err != nil {
		return wire.Receipt{}, err
	}
	var r wire.Receipt
	r.Sequence, _ = strconv.ParseUint(a.header.Get(wire.HeaderSequence), 10, 64)
	r.Accepted, _ = strconv.Atoi(a.header.Get(wire.HeaderAccepted))
	r.Duplicates, _ = strconv.Atoi(a.header.Get(wire.HeaderDuplicates))
	return r, nil
}

// EventFilter selects events to browse; zero members select all.
type EventFilter struct {
	From, To                  time.Time
	Type, Subject, Source, ID string
	Node                      usance.Path         // at and below
	Meter                     string              // those that count towards it
	Group                     map[string][]string // with Meter: group-by key to the values wanted
	Limit                     int                 // 1 to usance.MaxPageSize; 0 for the server's default
	Cursor                    string
	At                        Moment
}

// Events returns a page of events, newest first.
func (c *Client) Events(ctx context.Context, f EventFilter) (wire.List[wire.StoredEvent], error) {
	q := values{}.time("from", f.From).time("to", f.To).text("type", f.Type).text("subject", f.Subject).
		text("source", f.Source).text("id", f.ID).text("node", string(f.Node)).number("limit", f.Limit).text("cursor", f.Cursor).text("meter", f.Meter).moment(f.At)
	for key, wanted := range f.Group {
		q.texts("filterGroupBy["+key+"]", wanted)
	}
	return get[wire.List[wire.StoredEvent]](ctx, c, url.Values(q), "events")
}

// Refused returns the tenant's events that were lately refused, the newest first, as
// the server's process remembers them.
func (c *Client) Refused(ctx context.Context) (wire.RefusedEvents, error) {
	return get[wire.RefusedEvents](ctx, c, nil, "events", "refused")
}

// UsageQuery asks for a meter over time.
type UsageQuery struct {
	From, To time.Time           // zero: from the first event, to the last
	Window   string              // MINUTE, HOUR, DAY or MONTH; "" for one row
	Zone     string              // IANA zone of days and months; "" is UTC
	Node     usance.Path         // at and below; "" for all the token may see
	Subjects []string            // restricts to these subjects and groups by subject
	GroupBy  []string            // group-by keys, and "subject"
	Filter   map[string][]string // group-by key to the values wanted
	At       Moment
}

func (q UsageQuery) values() url.Values {
	v := values{}.time("from", q.From).time("to", q.To).text("windowSize", q.Window).text("windowTimeZone", q.Zone).
		text("node", string(q.Node)).texts("subject", q.Subjects).texts("groupBy", q.GroupBy).moment(q.At)
	for key, wanted := range q.Filter {
		v.texts("filterGroupBy["+key+"]", wanted)
	}
	return url.Values(v)
}

// Usage answers a meter over time.
func (c *Client) Usage(ctx context.Context, meter string, q UsageQuery) (wire.Usage, error) {
	return get[wire.Usage](ctx, c, q.values(), "meters", meter, "query")
}

// UsageCSV is Usage as comma-separated values with a heading line.
func (c *Client) UsageCSV(ctx context.Context, meter string, q UsageQuery) ([]byte, error) {
	a, err := c.do(ctx, call{method: http.MethodGet, path: []string{"meters", meter, "query"}, query: q.values(), accept: wire.TypeCSV, read: true})
	return a.body, err
}

// Quotas returns the quotas at a node, and with recursive those below it too, by
// node and meter. Node "" is all the token may see, meter "" every meter.
func (c *Client) Quotas(ctx context.Context, node usance.Path, meter string, recursive bool) ([]wire.Quota, error) {
	return c.QuotasAt(ctx, node, meter, recursive, Moment{})
}

// QuotasAt is Quotas as they stood at a moment.
func (c *Client) QuotasAt(ctx context.Context, node usance.Path, meter string, recursive bool, at Moment) ([]wire.Quota, error) {
	out := []wire.Quota{}
	for q, err := range All(func(cursor string) (wire.List[wire.Quota], error) {
		v := values{}.text("node", string(node)).text("meter", meter).text("cursor", cursor).moment(at)
		if recursive {
			v.text("recursive", "true")
		}
		return get[wire.List[wire.Quota]](ctx, c, url.Values(v), "quotas")
	}) {
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

// Forecast returns the quotas that will be over their limits at a time from now on,
// and by which grants' ends; node, meter and recursive are as in Quotas.
func (c *Client) Forecast(ctx context.Context, at time.Time, node usance.Path, meter string, recursive bool) ([]wire.QuotaForecast, error) {
	out := []wire.QuotaForecast{}
	for q, err := range All(func(cursor string) (wire.List[wire.QuotaForecast], error) {
		v := values{}.time("at", at).text("node", string(node)).text("meter", meter).text("cursor", cursor)
		if recursive {
			v.text("recursive", "true")
		}
		return get[wire.List[wire.QuotaForecast]](ctx, c, url.Values(v), "quotas", "forecast")
	}) {
		if err != nil {
			return nil, err
		}
		out = append(out, q)
	}
	return out, nil
}

// PutQuota sets a quota and returns it as it stands.
func (c *Client) PutQuota(ctx context.Context, q wire.PutQuota) (wire.Quota, error) {
	return put[wire.Quota](ctx, c, q, "quotas")
}

// DeleteQuota removes a quota, or KindNotFound.
func (c *Client) DeleteQuota(ctx context.Context, node usance.Path, meter string) error {
	return c.remove(ctx, url.Values(values{}.text("node", string(node)).text("meter", meter)), "quotas")
}

// ResourceFilter selects resources; zero members select all. Both bounds of the
// expiry are inclusive. With Recursive those below Node are meant too.
type ResourceFilter struct {
	BusinessTypes, ChargingModes, Sources []string
	ExpiresFrom, ExpiresTo                time.Time
	Node                                  usance.Path
	Recursive                             bool
	Limit                                 int
	Cursor                                string
	At                                    Moment
}

func (f ResourceFilter) values() values {
	v := values{}.text("node", string(f.Node))
	if f.Recursive {
		v.text("recursive", "true")
	}
	return v.texts("business_type", f.BusinessTypes).texts("charging_mode", f.ChargingModes).texts("source", f.Sources).
		time("expires_from", f.ExpiresFrom).time("expires_to", f.ExpiresTo).moment(f.At)
}

// Resources returns a page of resources in the order of their ids. A page of a
// node's part may hold fewer rows than were asked for, or none, and have a next one.
func (c *Client) Resources(ctx context.Context, f ResourceFilter) (wire.List[usance.Resource], error) {
	q := f.values().number("limit", f.Limit).text("cursor", f.Cursor)
	return get[wire.List[usance.Resource]](ctx, c, url.Values(q), "resources")
}

// CountResources counts the resources that match, in groups by any of
// business_type, charging_mode and source.
func (c *Client) CountResources(ctx context.Context, f ResourceFilter, groupBy ...string) (wire.ResourceCounts, error) {
	return get[wire.ResourceCounts](ctx, c, url.Values(f.values().texts("group_by", groupBy)), "resources", "count")
}

// Resource returns a resource, or KindNotFound.
func (c *Client) Resource(ctx context.Context, id string) (usance.Resource, error) {
	return get[usance.Resource](ctx, c, nil, "resources", id)
}

// CreateResource makes a resource; KindConflict when its id is taken.
func (c *Client) CreateResource(ctx context.Context, r usance.Resource) (usance.Resource, error) {
	return create[usance.Resource](ctx, c, r, "resources")
}

// PutResource creates or replaces a resource.
func (c *Client) PutResource(ctx context.Context, r usance.Resource) (usance.Resource, error) {
	return put[usance.Resource](ctx, c, r, "resources", r.ID)
}

// RenewResource moves a resource's expiry.
func (c *Client) RenewResource(ctx context.Context, id string, expires time.Time) (usance.Resource, error) {
	k := call{method: http.MethodPost, path: []string{"resources", id, "renew"}}
	return send[usance.Resource](ctx, c, k, wire.Renew{Expires: expires})
}

// DeleteResource removes a resource, or KindNotFound.
func (c *Client) DeleteResource(ctx context.Context, id string) error {
	return c.remove(ctx, nil, "resources", id)
}
