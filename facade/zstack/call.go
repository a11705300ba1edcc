package zstack

import (
	"context"
	"encoding/hex"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/registry"
)

// call is one request on its way through its route.
type call struct {
	f     *Facade
	r     *http.Request
	ctx   context.Context
	route *route
	path  string // without the context path: what access keys sign
	vars  map[string]string
	query map[string][]string
	body  map[string]jsontext.Value // the action's parameters
	jobID string                    // as the client chose it, or ""

	principal usance.Principal
	session   *registry.Session // nil when signed by an access key
	key       string            // the access key's id
}

// prepare does what comes before every API, in ZStack's order: Authorization,
// the body, X-Job-UUID.
func (c *call) prepare(w http.ResponseWriter) error {
	if len(c.r.URL.RawQuery) > maxBody {
		return plainf(http.StatusBadRequest, "the query is too long")
	}
	if !c.route.open {
		if err := c.authenticate(); err != nil {
			return err
		}
	}
	c.query = parseQuery(c.r.URL.RawQuery)
	for name := range c.vars {
		if len(c.query[name]) > 1 {
			return plainf(http.StatusBadRequest, "the query parameter %s may be given once only", name)
		}
	}
	if err := c.readBody(w); err != nil {
		return err
	}
	return c.checkJobID()
}

// checkJobID holds ZStack's rules on the API id that a client may choose: 32
// characters, and not the id of a job that is still kept. Queries ignore it.
func (c *call) checkJobID() error {
	id := c.r.Header.Get("X-Job-UUID")
	if id == "" {
		return nil
	}
	if len(id) != 32 || strings.ContainsFunc(id, notAlphanumeric) {
		return plainf(http.StatusBadRequest, "X-Job-UUID must be a uuid of 32 characters without dashes")
	}
	if c.r.Method != http.MethodGet && c.f.jobs.known(id) {
		return plainf(http.StatusBadRequest, "job %s exists already", id)
	}
	c.jobID = id
	return nil
}

func notAlphanumeric(r rune) bool {
	return (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
}

func (c *call) readBody(w http.ResponseWriter) error {
	if c.r.Method == http.MethodGet || c.r.Method == http.MethodDelete {
		return nil
	}
	raw, err := c.f.bodies.Raw(w, c.r)
	if usance.KindOf(err) == usance.KindTooLarge {
		return plainf(http.StatusRequestEntityTooLarge, "the request body is too large")
	}
	if err != nil {
		return plainf(http.StatusBadRequest, "the request body could not be read")
	}
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil
	}
	var body map[string]jsontext.Value
	if err := httpx.DecodeJSON(raw, &body, httpx.JSONRules{AllowUnknown: true}); err != nil {
		return plainf(http.StatusBadRequest, "the request body is not a JSON object")
	}
	if action := body[c.route.action]; isSet(action) {
		if action.Kind() != '{' || json.Unmarshal(action, &c.body) != nil {
			return plainf(http.StatusBadRequest, "%s is not a JSON object", c.route.action)
		}
	}
	return nil
}

func isSet(v jsontext.Value) bool { return len(v) > 0 && v.Kind() != 'n' }

// text returns a parameter of the action as text; ok is false when it is absent
// or null. Numbers and truth values are taken as their text, as ZStack does.
func (c *call) text(name string) (value string, ok bool, err error) {
	v := c.body[name]
	if !isSet(v) {
		return "", false, nil
	}
	switch v.Kind() {
	case '"':
		err = json.Unmarshal(v, &value)
		return value, err == nil, err
	case '{', '[':
		return "", false, plainf(http.StatusBadRequest, "%s is not a string", name)
	}
	return string(v), true, nil
}

// must returns a mandatory text parameter.
func (c *call) must(name string) (string, error) {
	v, ok, err := c.text(name)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", missing(name)
	}
	return v, nil
}

// whole returns a parameter that is a whole number of 64 bits, or a text of one.
func (c *call) whole(name string) (value int64, ok bool, err error) {
	text, ok, err := c.text(name)
	if err != nil || !ok {
		return 0, false, err
	}
	value, err = usance.WholeNumber(text)
	if err != nil {
		return 0, false, plainf(http.StatusBadRequest, "%s is not a whole number of 64 bits", name)
	}
	return value, true, nil
}

// definitions returns the caller's tenant as defined. Finding out who calls has
// just brought the process up to date, so what it knows is not older than the
// request.
func (c *call) definitions() (*view, error) {
	d, err := c.f.reg.Known(c.ctx, c.principal.Tenant)
	if err != nil {
		return nil, err
	}
	return c.f.views.of(d), nil
}

// mayRead refuses a role that reads nothing, before any uuid is looked at.
func (c *call) mayRead() error {
	if !c.principal.Role.Allows(usance.RightRead) {
		return refuse(operationFailed, "no policy allows %s to call this API", c.principal.User)
	}
	return nil
}

// readable is definitions for a role that may read.
func (c *call) readable() (*view, error) {
	if err := c.mayRead(); err != nil {
		return nil, err
	}
	return c.definitions()
}

// organization returns the one that the path names, if the caller may see it.
func (c *call) organization() (*view, *place, error) {
	v, err := c.readable()
	if err != nil {
		return nil, nil, err
	}
	o := v.byUUID[c.vars["uuid"]]
	if o == nil || !c.sees(o.path) {
		return nil, nil, unknown("uuid", c.vars["uuid"], organizationHolder().kind)
	}
	return v, o, nil
}

// sees reports whether the caller's rights reach a node.
func (c *call) sees(at usance.Path) bool {
	return c.principal.May(usance.RightRead, at) == nil
}

// actor names the caller in the audit trail.
func (c *call) actor() usance.Actor {
	origin, _, err := net.SplitHostPort(c.r.RemoteAddr)
	if err != nil {
		origin = c.r.RemoteAddr
	}
	name := "user:" + c.principal.User
	if c.key != "" {
		name = "key:" + c.key
	}
	return usance.Actor{Name: name, Origin: origin}
}

// parseQuery reads a query as leniently as ZStack's server does: only & divides,
// what is not percent-encoded properly is taken as it stands, nothing is refused.
// The Python SDK encodes nothing at all.
func parseQuery(raw string) map[string][]string {
	if raw == "" {
		return nil
	}
	out := map[string][]string{}
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name = unescape(name)
		out[name] = append(out[name], unescape(value))
	}
	return out
}

func unescape(s string) string {
	plain, err := url.QueryUnescape(s)
	if err != nil {
		return s
	}
	return plain
}

// newUUID returns 128 random bits as ZStack writes uuids.
func (f *Facade) newUUID() string {
	var b [16]byte
	if _, err := io.ReadFull(f.random, b[:]); err != nil {
		panic("zstack: the source of random numbers failed: " + strconv.Quote(err.Error()))
	}
	return hex.EncodeToString(b[:])
}

// reply encodes an answer's members.
func reply(members map[string]any) ([]byte, error) { return httpx.AppendJSON(nil, members) }
