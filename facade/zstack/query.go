package zstack

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// record is one element of a query's answer before it is written. A member that
// is absent is null. Joined has what dotted fields reach and answers leave out.
type record struct {
	at     usance.Path // who may see this node may see the record
	values map[string]any
	joined map[string]map[string]any
	quota  registry.QuotaRef // whose limit in force the value is; none for other records
}

// get returns the value of a plain or dotted field, or nil.
func (r record) get(field string) any {
	if head, rest, dotted := strings.Cut(field, "."); dotted {
		return r.joined[head][rest]
	}
	return r.values[field]
}

// inventory is a sort of record that can be queried.
type inventory struct {
	class  string
	fields map[string]fieldKind // dotted ones too
	load   func(*call, *view) []record
}

// query is what the query parameters of a QueryXxx ask for.
type query struct {
	conditions     []condition
	limit, start   int
	count, replies bool // only the total; the total beside the elements
	sort           string
	descending     bool
	fields         []string
}

// defaultLimit is how many elements a query answers with unless it says.
const defaultLimit = 1000

// maxConditions bounds what one query costs: each is tried on every record.
const maxConditions = 64

// parseQueryAPI reads the parameters of a query. Unknown ones are ignored, and so
// are groupBy and filterName. Of names that differ by blanks alone the last in
// their order counts.
func parseQueryAPI(params map[string][]string) (query, error) {
	q := query{limit: defaultLimit}
	for _, name := range slices.Sorted(maps.Keys(params)) {
		values, err := params[name], error(nil)
		first := strings.TrimSpace(values[0])
		switch strings.TrimSpace(name) {
		case "limit":
			q.limit, err = pageNumber("limit", first)
		case "start":
			q.start, err = pageNumber("start", first)
		case "count":
			q.count = strings.EqualFold(first, "true")
		case "replyWithCount":
			q.replies = strings.EqualFold(first, "true")
		case "sort":
			q.sort = strings.TrimLeft(first, "+")
			if strings.HasPrefix(first, "-") {
				q.sort, q.descending = strings.TrimLeft(first, "-"), true
			}
		case "fields":
			for field := range strings.SplitSeq(first, ",") {
				if field = strings.TrimSpace(field); field != "" {
					q.fields = append(q.fields, field)
				}
			}
		case "q":
			if len(values) > maxConditions {
				return q, plainf(http.StatusBadRequest, "invalid query parameter: at most %d conditions", maxConditions)
			}
			for _, text := range values {
				var cond condition
				if cond, err = parseCondition(text); err != nil {
					return q, err
				}
				q.conditions = append(q.conditions, cond)
			}
		}
		if err != nil {
			return q, err
		}
	}
	return q, nil
}

func pageNumber(name, text string) (int, error) {
	n, err := strconv.ParseInt(text, 10, 32)
	if err != nil || n < 0 {
		return 0, plainf(http.StatusBadRequest, "invalid query parameter: %s must be a whole number", name)
	}
	return min(int(n), usance.MaxQueryRows), nil
}

// list answers a query with conditions.
func (in inventory) list(c *call) ([]byte, error) {
	q, err := parseQueryAPI(c.query)
	if err != nil {
		return nil, err
	}
	return in.answer(c, q)
}

// one answers a query by uuid: a list of one, or of none.
func (in inventory) one(c *call) ([]byte, error) {
	return in.answer(c, query{limit: defaultLimit, conditions: []condition{{"uuid", "=", c.vars["uuid"]}}})
}

func (in inventory) answer(c *call, q query) ([]byte, error) {
	if err := c.mayRead(); err != nil {
		return nil, err
	}
	keep, err := in.filter(q, c.f.o.Location)
	if err != nil {
		return nil, err
	}
	v, err := c.definitions()
	if err != nil {
		return nil, err
	}
	records := in.load(c, v)
	if err := c.limits(records); err != nil {
		return nil, err
	}
	found := slices.DeleteFunc(records, func(r record) bool { return !c.sees(r.at) || !keep(r) })
	members := map[string]any{}
	if q.count || q.replies {
		members["total"] = len(found)
	}
	schema := map[string]string{}
	if !q.count {
		page := q.page(found)
		elements := make([]map[string]any, len(page))
		for i, r := range page {
			elements[i] = c.f.element(r, q.fields)
			schema["inventories["+strconv.Itoa(i)+"]"] = in.class
		}
		members["inventories"] = elements
	}
	members["schema"] = schema
	return reply(members)
}

// filter compiles the conditions, and checks every field that is named.
func (in inventory) filter(q query, zone *time.Location) (func(record) bool, error) {
	for _, field := range append(slices.Clone(q.fields), q.sort) {
		if _, ok := in.fields[field]; field != "" && (!ok || strings.Contains(field, ".")) {
			return nil, refuse(invalidArgument, "the inventory has no field %s", clip(field))
		}
	}
	type ready struct {
		field string
		test  test
	}
	var tests []ready
	for _, cond := range q.conditions {
		kind, ok := in.fields[cond.field]
		if !ok && cond.field != "__systemTag__" && cond.field != "__userTag__" { // nothing has tags here
			return nil, refuse(invalidArgument, "the inventory has no field %s", clip(cond.field))
		}
		t, err := cond.ready(kind, zone)
		if err != nil {
			return nil, err
		}
		if !ok && strings.HasPrefix(cond.op, "!") {
			t = func(any) bool { return true }
		}
		tests = append(tests, ready{cond.field, t})
	}
	return func(r record) bool {
		for _, t := range tests {
			if !t.test(r.get(t.field)) {
				return false
			}
		}
		return true
	}, nil
}

// page sorts what was found and cuts out what was asked for. The order is stable,
// so that pages do not overlap.
func (q query) page(found []record) []record {
	if q.sort != "" {
		slices.SortStableFunc(found, func(a, b record) int {
			if q.descending {
				a, b = b, a
			}
			return compare(a.get(q.sort), b.get(q.sort))
		})
	}
	from := min(q.start, len(found))
	return found[from:min(from+q.limit, len(found))]
}

// element writes a record's members, or the ones asked for; nulls are left out.
func (f *Facade) element(r record, fields []string) map[string]any {
	out := make(map[string]any, len(r.values))
	for name, v := range r.values {
		if len(fields) > 0 && !slices.Contains(fields, name) {
			continue
		}
		if t, ok := v.(time.Time); ok {
			v = f.date(t)
		}
		out[name] = v
	}
	return out
}
