package api

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/ledger"
)

// The bounds of what one explanation shows of the events behind its numbers.
const (
	maxExplained    = 50     // events of one number
	usualExplained  = 5      // and when one field is asked for
	maxExplainLooks = 50_000 // events looked at for all of them
)

// passedOn are the parameters that the façades' calls take, with the names that
// they have there.
func passedOn() []param {
	return []param{
		{name: "uuid", doc: "zstack: the uuid of the organization or account. Default: the topmost organization at and below the node."},
		{name: "name", doc: "zstack: the one quota of this name."},
		{name: "project_id", doc: "cloudrtc, metastudio: the project's id. Default: all at and below the node."},
		{name: "app", doc: "cloudrtc: the application's id. It need not be named where there is one alone."},
		{name: "metric", doc: "cloudrtc: CommunicationDuration."},
		{name: "start_date", doc: "cloudrtc: the first UTC day. Default: yesterday."},
		{name: "end_date", doc: "cloudrtc: the last UTC day."},
		{name: "business", doc: "metastudio: business types, separated by commas."},
		{name: "resource_expire_start_time", doc: "metastudio: resources that expire at or after this time."},
		{name: "resource_expire_end_time", doc: "metastudio: resources that expire at or before this time."},
		{name: "resource_source", doc: "metastudio: sources, separated by commas."},
		{name: "charging_mode", doc: "metastudio: charging modes, separated by commas."},
		{name: "resource", doc: "metastudio: resource types, separated by commas."},
		{name: "sub_resource", doc: "metastudio: sub-resource types, separated by commas."},
		{name: "resource_id", doc: "metastudio: one resource."},
		{name: "order_id", doc: "metastudio: the resources of one order."},
		{name: "status", doc: "metastudio: 0, or 1 for frozen ones."},
		{name: "limit", doc: "metastudio: most rows of the list, 1 to 100. Default: 10."},
		{name: "offset", doc: "metastudio: rows of the list to skip."},
	}
}

func explainRoutes() []route {
	return []route{
		{id: "explain", method: "GET", path: "/explain", where: atNode, handle: explain,
			params: append([]param{
				{name: "facade", enum: []string{"cloudrtc", "koodrive", "meeting", "metastudio", "zstack"}, doc: "The façade. Required."},
				{name: "field", doc: "The field of its answer, such as confCount, deptSpaceUsed, vm.cpuNum.used, audio or resources.usage. Default: all."},
				nodeParam("The node that the façade's call is about, for those whose calls are about one. Default: all the token may see."),
				{name: "events", format: "int", doc: "How many of the newest events behind each number to show, 0 to 50. Default: 5 for a field, 0 for all."},
			}, passedOn()...),
			doc: doc{tag: "Integrity", summary: "Where the numbers of a façade's answer come from", out: "Explanation", status: 200, text: explainText}},
	}
}

const explainText = "For each number of the façade's answer: the value as the façade gives it, the mapping in force and the tenant's override of it, the meter, quota, " +
	"resources or setting that was read, at which node and for which time, what was read before conversion, and the calls of this API that show it and the events behind it. " +
	"The parameters of the façade's own call may be given under their names. A tenant overrides fields with the mappings of its manifest. " +
	"To a token bound to a subtree only numbers read there are told, and none that are made from others."

func explain(q *request) error {
	name := q.query.text("facade")
	if name == "" {
		return parameterError("facade", "is required")
	}
	explainer, ok := q.api.explain[name]
	if !ok {
		return parameterError("facade", "is one of "+strings.Join(slices.Sorted(maps.Keys(q.api.explain)), ", "))
	}
	most, err := q.explainedEvents()
	if err != nil {
		return err
	}
	ask := figures.Question{Tenant: q.tenant, Who: q.who, Field: q.query.text("field"), Params: url.Values{}}
	if q.query.has("node") {
		if ask.Node, err = q.node(usance.RightRead); err != nil {
			return err
		}
	}
	for _, p := range passedOn() {
		if q.query.has(p.name) {
			ask.Params[p.name] = q.query[p.name]
		}
	}
	got, err := explainer(q.r.Context(), ask)
	if err != nil {
		return err
	}
	shown, err := q.chosen(name, ask.Field, got.Figures)
	if err != nil {
		return err
	}
	out := wire.Explanation{Facade: name, Sequence: got.Sequence, At: got.At.UTC(), Timezone: got.Zone.String(), About: got.About, Fields: make([]wire.ExplainedField, len(shown))}
	looks := maxExplainLooks
	for i := range shown {
		out.Fields[i] = q.explained(&shown[i], got.Sequence)
		if err := q.addEvents(&out.Fields[i], &shown[i], got.Sequence, most, &looks); err != nil {
			return err
		}
	}
	q.sequence(got.Sequence)
	return q.answer(http.StatusOK, out)
}

func (q *request) explainedEvents() (int, error) {
	n, err := q.query.uint("events")
	if err == nil && n > maxExplained {
		err = parameterError("events", "is 0 to "+strconv.Itoa(maxExplained))
	}
	if !q.query.has("events") && q.query.has("field") {
		n = usualExplained
	}
	return int(n), err
}

// chosen returns the figures asked for, without those that the token may not see.
func (q *request) chosen(facade, field string, all []figures.Explained) ([]figures.Explained, error) {
	visible := figures.Visible(all, func(at usance.Path) bool { return q.may(usance.RightRead, at) == nil })
	named := func(list []figures.Explained) []figures.Explained {
		if field == "" {
			return list
		}
		return slices.DeleteFunc(slices.Clone(list), func(e figures.Explained) bool { return e.Name != field })
	}
	out := named(visible)
	switch {
	case len(out) > 0:
		return out, nil
	case len(named(all)) > 0:
		return nil, usance.Errorf(usance.KindForbidden, "the token may not see what is behind this")
	case field != "":
		return nil, usance.Errorf(usance.KindNotFound, "the answer of %s has no field %q", facade, clipped(field))
	}
	return out, nil
}

func (q *request) explained(e *figures.Explained, sequence uint64) wire.ExplainedField {
	out := wire.ExplainedField{Field: e.Name, Row: e.Row, Value: jsontext.Value(e.Value), Unit: e.Unit, Call: e.Call,
		Mapping: wireSource(e.Source), Overridden: e.Overridden, Within: e.Within, Fits: e.Fits,
		Conversion: wire.Conversion{Divide: max(e.Conversion.Divide, 1), Round: string(e.Conversion.Round), Decimals: e.Conversion.Decimals},
		Node:       e.At, From: instant(e.From), To: instant(e.To), Filter: e.Filter, BaseUnit: e.BaseUnit, Resource: e.Resource, Links: q.links(e, sequence)}
	if e.Unit == "" {
		out.Unit = e.BaseUnit
	}
	if e.Overridden {
		table := wireSource(e.Table)
		out.Default = &table
	}
	if e.Conversion.Most > 0 {
		out.Conversion.Most = &e.Conversion.Most
	}
	if e.Native != nil {
		out.Native = &wire.Integer{Sum: *e.Native}
	}
	if e.Source.Kind == mapping.Setting || e.Source.Value == mapping.Label {
		out.Text = &e.Text
	}
	if e.Quota != nil && e.Quota.Defined {
		reading := wireQuota(e.Quota.Reading)
		out.Quota = &reading
	}
	return out
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func wireSource(s mapping.Source) wire.MappingSource {
	return wire.MappingSource{Kind: string(s.Kind), Meter: s.Meter, Node: s.Node, Window: string(s.Window), Value: s.Value, Filter: s.Filter,
		Setting: s.Setting, Label: s.Label, Divide: s.Divide, Round: string(s.Round), Of: s.Of, Rule: s.Rule}
}

// counted reports whether events stand behind the number: limits have none.
func counted(e *figures.Explained) bool {
	return e.Source.Kind == mapping.Meter || e.Source.Kind == mapping.Quota && (e.Source.Value == mapping.Used || e.Source.Value == mapping.Available)
}

// link writes a call of the native API; the operator's names the tenant.
func (q *request) link(path string, values url.Values) string {
	if q.who.Role == usance.RoleOperator {
		values.Set("tenant", string(q.tenant))
	}
	if len(values) == 0 {
		return prefix + path
	}
	return prefix + path + "?" + values.Encode()
}

func (q *request) links(e *figures.Explained, sequence uint64) (out wire.Links) {
	span := func() url.Values {
		v := url.Values{"node": {string(e.At)}}
		for name, t := range map[string]time.Time{"from": e.From, "to": e.To} {
			if !t.IsZero() {
				v.Set(name, t.UTC().Format(time.RFC3339Nano))
			}
		}
		for key, value := range e.Filter {
			v.Set(filterPrefix+key+"]", value)
		}
		return v
	}
	if counted(e) {
		out.Usage = q.link("/meters/"+url.PathEscape(e.Source.Meter)+"/query", span())
		events := span()
		events.Set("meter", e.Source.Meter)
		events.Set("at_sequence", strconv.FormatUint(sequence, 10))
		out.Events = q.link("/events", events)
	}
	switch e.Source.Kind {
	case mapping.Quota:
		out.Quota = q.link("/quotas", url.Values{"node": {string(e.At)}, "meter": {e.Source.Meter}})
	case mapping.Setting:
		out.Setting = q.link("/tenants/"+url.PathEscape(string(q.tenant)), url.Values{})
	case mapping.Resources:
		out.Resources = q.resourcesLink(e)
	}
	return out
}

func (q *request) resourcesLink(e *figures.Explained) string {
	if e.Resource != "" {
		return q.link("/resources/"+url.PathEscape(e.Resource), url.Values{})
	}
	if e.Resources == nil {
		return ""
	}
	v := url.Values{}
	for name, list := range map[string][]string{"business_type": e.Resources.BusinessTypes, "charging_mode": e.Resources.ChargingModes, "source": e.Resources.Sources} {
		if len(list) > 0 {
			v[name] = list
		}
	}
	for name, t := range map[string]time.Time{"expires_from": e.Resources.ExpiresFrom, "expires_to": e.Resources.ExpiresTo} {
		if !t.IsZero() {
			v.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	return q.link("/resources", v)
}

// addEvents shows the newest events behind a number. All numbers of an answer
// share the events that may be looked at for them.
func (q *request) addEvents(out *wire.ExplainedField, e *figures.Explained, sequence uint64, most int, looks *int) error {
	if most == 0 || sequence == 0 || !counted(e) {
		return nil
	}
	if *looks <= 0 {
		out.EventsPartial = true
		return nil
	}
	f := ledger.EventFilter{Meter: e.Source.Meter, Node: e.At, From: e.From, To: e.To, Limit: most, Look: *looks, AsOf: sequence}
	for key, value := range e.Filter {
		if f.Group == nil {
			f.Group = map[string][]string{}
		}
		f.Group[key] = []string{value}
	}
	page, err := q.api.led.Events(q.r.Context(), q.tenant, f)
	if err != nil {
		return err
	}
	*looks -= page.Looked
	out.EventsPartial = page.Partial
	for i := range page.Events {
		out.Events = append(out.Events, wireStored(&page.Events[i]))
	}
	return nil
}
