package api

import (
	"encoding/base64"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/registry"
)

// request is one call on its way through a handler.
type request struct {
	api    *API
	w      http.ResponseWriter
	r      *http.Request
	route  *route
	vars   []string // of the path, in order
	query  params
	who    usance.Principal
	tenant usance.TenantID // whom the call is about; "" where the route needs none
	lines  []byte          // the body, when it is events one a line
}

func (q *request) actor() usance.Actor {
	host, _, err := net.SplitHostPort(q.r.RemoteAddr)
	if err != nil {
		host = ""
	}
	kind := "token:"
	if q.who.Via == "password" {
		kind = "user:"
	}
	return usance.Actor{Name: kind + q.who.User, Origin: host}
}

// authenticate finds who the bearer token speaks for.
func (q *request) authenticate() error {
	values := q.r.Header["Authorization"]
	if len(values) == 0 && q.api.session != nil {
		who, known, err := q.api.session(q.r)
		if known {
			q.who = who
			return err
		}
	}
	scheme, token, _ := strings.Cut(strings.Join(values, ","), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return usance.Errorf(usance.KindUnauthorized, "a bearer token is needed: Authorization: Bearer …")
	}
	who, err := q.api.reg.Bearer(q.r.Context(), strings.TrimSpace(token))
	if usance.KindOf(err) == usance.KindUnauthorized {
		q.w.Header().Set("WWW-Authenticate", `Bearer realm="usance", error="invalid_token"`)
	}
	q.who = who
	return err
}

// nameTenant works out which tenant the call is about. A tenant's token speaks
// for its own; to it every other tenant is as if it did not exist.
func (q *request) nameTenant() error {
	named := usance.TenantID(q.query.text("tenant"))
	if q.route.tenantVar {
		named = usance.TenantID(q.vars[0])
	}
	operator := q.who.Role == usance.RoleOperator
	if operator && named == "" && q.route.where != anywhere {
		named = q.api.home
	}
	switch {
	case !operator && named != "" && named != q.who.Tenant:
		return usance.Errorf(usance.KindNotFound, "there is no such tenant")
	case !operator:
		q.tenant = q.who.Tenant
		return nil
	case named == "" && q.route.where != anywhere:
		return usance.Errorf(usance.KindInvalid, "an operator's token names the tenant: ?tenant=…")
	case named == "":
		return nil
	}
	return q.setTenant(named)
}

// setTenant is for operators: the tenant they name, if there is one.
func (q *request) setTenant(named usance.TenantID) error {
	if q.route.id == "putTenant" || (q.route.arrives() || q.route.id == "deleteTenant") && named.Check() == nil {
		q.tenant = named // it may be about to exist, or be no more
		return nil
	}
	if named.Check() != nil {
		return usance.Errorf(usance.KindNotFound, "there is no such tenant")
	}
	if _, err := q.api.reg.Definitions(q.r.Context(), named); err != nil {
		if usance.KindOf(err) == usance.KindNotFound {
			return usance.Errorf(usance.KindNotFound, "there is no such tenant")
		}
		return err
	}
	q.tenant = named
	return nil
}

func (q *request) may(right usance.Right, at usance.Path) error { return q.who.May(right, at) }

// subtree is what the token may see.
func (q *request) subtree() usance.Path {
	if q.who.Subtree == "" {
		return usance.Root
	}
	return q.who.Subtree
}

// node reads the node parameter, by default all that the token may see, and
// checks the right to it.
func (q *request) node(right usance.Right) (usance.Path, error) {
	at := usance.Path(q.query.text("node"))
	if at == "" {
		return q.subtree(), nil
	}
	if err := at.Check(); err != nil {
		return "", parameterError("node", detailOf(err))
	}
	return at, q.may(right, at)
}

func (q *request) definitions() (*registry.Definitions, error) {
	d, err := q.api.reg.Definitions(q.r.Context(), q.tenant)
	if err == nil {
		q.sequence(d.Version)
	}
	return d, err
}

func (q *request) sequence(seq uint64) {
	httpx.SetHeader(q.w, wire.HeaderSequence, strconv.FormatUint(seq, 10))
}

// json reads the body, which must not say that it is something else than JSON.
func (q *request) json() ([]byte, error) {
	if err := checkMedia(q.r, wire.TypeJSON); err != nil {
		return nil, err
	}
	return q.api.bodies.Read(q.w, q.r)
}

// decode reads the body as one JSON value, strictly.
func (q *request) decode(v any) error {
	body, err := q.json()
	if err != nil {
		return err
	}
	return httpx.DecodeJSON(body, v, httpx.JSONRules{})
}

func (q *request) answer(status int, v any) error { return httpx.WriteJSON(q.w, status, v) }

// created answers with what was made and where it is.
func (q *request) created(v any, path ...string) error {
	where := prefix
	for _, segment := range path {
		where += "/" + url.PathEscape(segment)
	}
	if q.who.Role == usance.RoleOperator && q.route.where != anywhere {
		where += "?tenant=" + url.QueryEscape(string(q.tenant))
	}
	q.w.Header().Set("Location", where)
	return q.answer(http.StatusCreated, v)
}

func (q *request) gone() error {
	q.w.WriteHeader(http.StatusNoContent)
	return nil
}

// page reads the limit and cursor parameters.
func (q *request) page() (cursor string, limit int, err error) { return q.pageOf(usance.MaxPageSize) }

// pageOf is page for rows that are fewer at most, which is the default too.
func (q *request) pageOf(most uint64) (cursor string, limit int, err error) {
	n, err := q.query.uint("limit")
	if err != nil {
		return "", 0, err
	}
	if n > most || n == 0 && q.query.has("limit") {
		return "", 0, parameterError("limit", "is 1 to "+strconv.FormatUint(most, 10))
	}
	if n == 0 {
		n = most
	}
	given := q.query.text("cursor")
	b, err := base64.RawURLEncoding.DecodeString(given)
	if err != nil || cursorOf(string(b)) != given {
		return "", 0, parameterError("cursor", "is not one that this server gave")
	}
	return string(b), int(n), nil
}

func cursorOf(place string) string { return base64.RawURLEncoding.EncodeToString([]byte(place)) }

// slicePage cuts one page out of a list in the order of its names.
func slicePage[T any](q *request, all []T, name func(T) string) (wire.List[T], error) {
	after, limit, err := q.page()
	if err != nil {
		return wire.List[T]{}, err
	}
	total := int64(len(all))
	if after != "" {
		i, found := slices.BinarySearchFunc(all, after, func(item T, after string) int { return strings.Compare(name(item), after) })
		if found {
			i++
		}
		all = all[i:]
	}
	out := wire.List[T]{Items: all, Total: &total}
	if len(all) > limit {
		out.Items, out.Next = all[:limit], cursorOf(name(all[limit-1]))
	}
	return out, nil
}

// params are the query parameters, already checked against the route's list.
type params url.Values

// maxParam bounds one value, maxQuery the whole query string.
const (
	maxParam = 4 << 10
	maxQuery = 64 << 10
)

func parameterError(name, detail string) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "a query parameter is wrong",
		Fields: []usance.FieldError{{Index: -1, Field: name, Detail: detail}}}
}

// parseQuery reads the query string and refuses, all at once, parameters the
// route does not have, repeats of those that stand once, and empty, overlong or
// ill-encoded values.
func (q *request) parseQuery() error {
	if q.r.URL.RawQuery == "" {
		return nil
	}
	if len(q.r.URL.RawQuery) > maxQuery {
		return usance.Errorf(usance.KindInvalid, "the query string has more than %d bytes", maxQuery)
	}
	values, err := url.ParseQuery(q.r.URL.RawQuery)
	if err != nil {
		return usance.Errorf(usance.KindInvalid, "the query string is not well formed")
	}
	refused := &usance.Error{Kind: usance.KindInvalid, Detail: "the query parameters are wrong"}
	for name, list := range values {
		if detail := q.route.checkParam(name, list); detail != "" {
			refused.Fields = append(refused.Fields, usance.FieldError{Index: -1, Field: clipped(name), Detail: detail})
		}
	}
	if len(refused.Fields) > 0 {
		slices.SortFunc(refused.Fields, func(a, b usance.FieldError) int { return strings.Compare(a.Field, b.Field) })
		return refused
	}
	q.query = params(values)
	return nil
}

func clipped(s string) string {
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}

func (rt *route) checkParam(name string, values []string) string {
	p, ok := rt.param(name)
	if !ok {
		return "there is no such parameter here"
	}
	if len(values) > 1 && !p.repeats {
		return "is given more than once"
	}
	for _, v := range values {
		switch {
		case v == "" && !p.empty:
			return "is empty"
		case len(v) > maxParam:
			return "has more than " + strconv.Itoa(maxParam) + " bytes"
		case !utf8.ValidString(v):
			return "is not UTF-8"
		}
	}
	return ""
}

// param finds a parameter of the route. filterGroupBy[key] stands for any key.
func (rt *route) param(name string) (param, bool) {
	if key, ok := strings.CutPrefix(name, filterPrefix); ok && strings.HasSuffix(key, "]") && len(key) > 1 {
		name = filterName
	}
	i := slices.IndexFunc(rt.params, func(p param) bool { return p.name == name })
	if i < 0 {
		return param{}, false
	}
	return rt.params[i], true
}

func (p params) has(name string) bool { return len(p[name]) > 0 }

func (p params) text(name string) string {
	if !p.has(name) {
		return ""
	}
	return p[name][0]
}

// list returns the values of a parameter that may be repeated, split at commas:
// each once, in the order in which they first stand.
func (p params) list(name string) []string {
	var out []string
	seen := map[string]bool{} // a query has room for thousands
	for _, v := range p[name] {
		for part := range strings.SplitSeq(v, ",") {
			if !seen[part] {
				seen[part] = true
				out = append(out, part)
			}
		}
	}
	return out
}

func (p params) uint(name string) (uint64, error) {
	if !p.has(name) {
		return 0, nil
	}
	n, err := strconv.ParseUint(p.text(name), 10, 64)
	if err != nil {
		return 0, parameterError(name, "is not a whole number from 0")
	}
	return n, nil
}

func (p params) flag(name string) (bool, error) {
	switch p.text(name) {
	case "", "false":
		return false, nil
	case "true":
		return true, nil
	}
	return false, parameterError(name, "is true or false")
}

func (p params) time(name string) (time.Time, error) {
	if !p.has(name) {
		return time.Time{}, nil
	}
	t, ok := parseTime(p.text(name))
	if !ok {
		return t, parameterError(name, "is not a time such as 2026-01-31T00:00:00Z; the + of an offset is written %2B")
	}
	if t.Before(usance.Earliest) || t.After(usance.Latest) {
		return t, parameterError(name, "is outside "+strconv.Itoa(usance.Earliest.Year())+" to "+strconv.Itoa(usance.Latest.Year()))
	}
	return t, nil
}

// span reads two times that bound a stretch.
func (p params) span(fromName, toName string, mayMeet bool) (from, to time.Time, err error) {
	if from, err = p.time(fromName); err != nil {
		return from, to, err
	}
	if to, err = p.time(toName); err != nil {
		return from, to, err
	}
	if !from.IsZero() && !to.IsZero() && (to.Before(from) || to.Equal(from) && !mayMeet) {
		return from, to, parameterError(toName, "is not after "+fromName)
	}
	return from, to, nil
}
