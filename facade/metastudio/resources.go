package metastudio

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

type countAnswer struct {
	Counts []countRow `json:"resources_count"`
}

type countRow struct {
	BusinessType string `json:"business_type"`
	Count        int64  `json:"count"`
	ChargingMode string `json:"charging_mode"`
	Source       string `json:"resource_source"`
}

type listAnswer struct {
	Count     int64         `json:"count"`
	Resources []resourceRow `json:"resources"`
}

type resourceRow struct {
	ID           string `json:"resource_id"`
	OrderID      string `json:"order_id,omitzero"`
	Expires      string `json:"resource_expire_time,omitzero"`
	Type         string `json:"resource_type,omitzero"`
	BusinessType string `json:"business_type"`
	SubType      string `json:"sub_resource_type,omitzero"`
	IsSub        bool   `json:"is_sub_resource"`
	ChargingMode string `json:"charging_mode"`
	Source       string `json:"resource_source"`
	Amount       int64  `json:"amount"`
	Usage        int64  `json:"usage"`
	Status       int64  `json:"status"`
	Unit         string `json:"unit,omitzero"`
}

// countResources counts what expires within the window asked for, by business
// type, charging mode and source.
func (f *Facade) countResources(r *http.Request, c gateway.Caller) (any, error) {
	about := ledger.Question{Tenant: c.Tenant, Node: c.Node, Text: r.URL.RawQuery}
	body, err := f.answers.Of(r.Context(), about, f.now(), func(*registry.Definitions) ([]byte, time.Time, error) {
		out, err := f.counted(r, c)
		if err != nil {
			return nil, time.Time{}, err
		}
		body, err := httpx.AppendJSON(make([]byte, 0, 1024), out)
		return body, ledger.Always(), err
	})
	return httpx.Encoded(body), err
}

func (f *Facade) counted(r *http.Request, c gateway.Caller) (out countAnswer, err error) {
	q, err := parse(r)
	if err != nil {
		return out, err
	}
	filter, err := readFilter(q)
	if err != nil {
		return out, err
	}
	filter.ChargingModes = countedModes()
	counts, err := f.count(r.Context(), c, filter)
	if err != nil {
		return out, err
	}
	out.Counts = make([]countRow, 0, len(counts))
	for _, n := range counts {
		out.Counts = append(out.Counts, countRow{n.BusinessType, min(n.Count, math.MaxInt32), n.ChargingMode, n.Source})
	}
	return out, nil
}

// count asks the ledger, which keeps counts of the whole tenant; for a project at
// a node below the root it looks at the resources one by one.
func (f *Facade) count(ctx context.Context, c gateway.Caller, filter ledger.ResourceFilter) ([]ledger.ResourceCount, error) {
	if c.Node == usance.Root {
		counts, _, err := f.led.CountResources(ctx, c.Tenant, filter)
		return counts, err
	}
	var out []ledger.ResourceCount
	err := f.each(ctx, c, filter, func(r *usance.Resource) {
		i := slices.IndexFunc(out, func(n ledger.ResourceCount) bool {
			return n.BusinessType == r.BusinessType && n.ChargingMode == r.ChargingMode && n.Source == r.Source
		})
		if i < 0 {
			i = len(out)
			out = append(out, ledger.ResourceCount{BusinessType: r.BusinessType, ChargingMode: r.ChargingMode, Source: r.Source})
		}
		out[i].Count++
	})
	slices.SortFunc(out, func(a, b ledger.ResourceCount) int {
		return slices.Compare([]string{a.BusinessType, a.ChargingMode, a.Source}, []string{b.BusinessType, b.ChargingMode, b.Source})
	})
	return out, err
}

// each calls fn on the resources of the caller's project that match, in the order
// of their ids.
func (f *Facade) each(ctx context.Context, c gateway.Caller, filter ledger.ResourceFilter, fn func(*usance.Resource)) error {
	cursor := ""
	for {
		page, err := f.led.Resources(ctx, c.Tenant, filter, cursor, 0, usance.MaxPageSize)
		if err != nil {
			return err
		}
		for i := range page.Resources {
			if page.Resources[i].Node.Within(c.Node) {
				fn(&page.Resources[i])
			}
		}
		if cursor = page.Next; cursor == "" {
			return nil
		}
	}
}

// narrow is what the list filters by and no view of the ledger does.
type narrow struct {
	types, subTypes []string
	id, order       string
	status          string
}

func (n *narrow) empty() bool {
	return len(n.types)+len(n.subTypes) == 0 && n.id+n.order+n.status == ""
}

func (n *narrow) matches(r *usance.Resource) bool {
	return oneOf(n.types, r.Type) && oneOf(n.subTypes, r.Labels[LabelSubResource]) && (n.id == "" || n.id == r.ID) &&
		(n.order == "" || n.order == r.OrderID) && (n.status == "" || n.status == strconv.Itoa(statusOf(r)))
}

// listed is what a request for the list asks for.
type listed struct {
	filter        ledger.ResourceFilter
	more          narrow
	limit, offset int
}

func readList(q query) (l listed, err error) {
	if l.filter, err = readFilter(q); err != nil {
		return l, err
	}
	if l.filter.Sources, err = q.list("resource_source", sources()); err != nil {
		return l, err
	}
	if l.filter.ChargingModes, err = q.list("charging_mode", chargingModes()); err != nil {
		return l, err
	}
	if l.more, err = readNarrow(q); err != nil {
		return l, err
	}
	if l.limit, err = q.number("limit", 10, 1, 100); err != nil {
		return l, err
	}
	l.offset, err = q.number("offset", 0, 0, math.MaxInt32)
	return l, err
}

// listResources answers one page of the resources that match.
func (f *Facade) listResources(r *http.Request, c gateway.Caller) (any, error) {
	q, err := parse(r)
	if err != nil {
		return nil, err
	}
	asked, err := readList(q)
	if err != nil {
		return nil, err
	}
	page, total, err := f.page(r.Context(), c, asked.filter, asked.more, asked.offset, asked.limit)
	if err != nil {
		return nil, err
	}
	out := listAnswer{Count: total, Resources: make([]resourceRow, len(page))}
	d, err := f.reg.Known(r.Context(), c.Tenant) // authentication has just looked whether it is the newest
	if err != nil {
		return nil, err
	}
	plan := f.figures.For(d)
	for i := range page {
		out.Resources[i] = rowOf(&page[i], plan)
	}
	return out, nil
}

func (f *Facade) page(ctx context.Context, c gateway.Caller, filter ledger.ResourceFilter, more narrow, offset, limit int) ([]usance.Resource, int64, error) {
	if c.Node == usance.Root && more.empty() {
		page, err := f.led.Resources(ctx, c.Tenant, filter, "", offset, limit)
		return page.Resources, page.Total, err
	}
	var out []usance.Resource
	total := int64(0)
	err := f.each(ctx, c, filter, func(r *usance.Resource) {
		if !more.matches(r) {
			return
		}
		if total++; total > int64(offset) && len(out) < limit {
			out = append(out, *r)
		}
	})
	return out, total, err
}

// query is a request's parameters. One that is absent, bare or empty is as if left
// out; one that is given twice is refused.
type query url.Values

func parse(r *http.Request) (query, error) {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, wrong("query", "is malformed")
	}
	for _, list := range values {
		if len(list) > 1 {
			return nil, wrong("a parameter", "is given more than once")
		}
	}
	return query(values), nil
}

func (q query) get(name string) string { return url.Values(q).Get(name) }

// list reads values joined by commas. Blanks around them and empty ones are
// dropped; nothing left is as if left out. known nil lets any value pass.
func (q query) list(name string, known []string) ([]string, error) {
	var out []string
	for value := range strings.SplitSeq(q.get(name), ",") {
		if value = strings.TrimSpace(value); value == "" {
			continue
		}
		if known != nil && !slices.Contains(known, value) {
			return nil, wrong(name, "has an unknown value")
		}
		out = append(out, value)
	}
	return out, nil
}

func (q query) number(name string, fallback, least, most int) (int, error) {
	text := q.get(name)
	if text == "" {
		return fallback, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, wrong(name, "is not a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	return n, nil
}

// time reads an RFC 3339 time; the zero time is none. A plus sign that came
// undecoded, and so as a blank, is read as a plus sign. Times that no resource can
// expire at are taken for the nearest at which one could.
func (q query) time(name string) (time.Time, error) {
	text := q.get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, strings.ToUpper(strings.Replace(text, " ", "+", 1)))
	if err != nil {
		return t, wrong(name, "is not an RFC 3339 time")
	}
	if t.Before(usance.Earliest) {
		return usance.Earliest, nil
	}
	if t.After(usance.Latest) {
		return usance.Latest, nil
	}
	return t, nil
}

// readFilter reads what both calls filter by.
func readFilter(q query) (filter ledger.ResourceFilter, err error) {
	if filter.BusinessTypes, err = q.list("business", BusinessTypes()); err != nil {
		return filter, err
	}
	if len(filter.BusinessTypes) == 0 {
		filter.BusinessTypes = BusinessTypes()
	}
	if filter.ExpiresFrom, err = q.time("resource_expire_start_time"); err != nil {
		return filter, err
	}
	if filter.ExpiresTo, err = q.time("resource_expire_end_time"); err != nil {
		return filter, err
	}
	if !filter.ExpiresFrom.IsZero() && !filter.ExpiresTo.IsZero() && filter.ExpiresFrom.After(filter.ExpiresTo) {
		return filter, wrong("resource_expire_start_time", "is after resource_expire_end_time")
	}
	return filter, nil
}

func readNarrow(q query) (n narrow, err error) {
	n.id, n.order, n.status = q.get("resource_id"), q.get("order_id"), q.get("status")
	if n.status != "" && n.status != "0" && n.status != "1" {
		return n, wrong("status", "is 0 or 1")
	}
	if n.types, err = q.list("resource", nil); err != nil {
		return n, err
	}
	n.subTypes, err = q.list("sub_resource", nil)
	return n, err
}
