// Package inside lets a caller that this process has authenticated already ask a
// façade, and get what a vendor's client would: the request goes to the façade's
// own handler and through all of it but the check of the vendor's credentials and
// the vendor's throttles. The caller keeps its own rights.
//
// Who asks stands in the request's context, where Surface.Ask alone can put it: no
// request from the network can bring it along.
package inside

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

// MaxAnswer bounds the body of an answer.
const MaxAnswer = 4 << 20

// maxTarget bounds what is asked: what the vendors take is less.
const maxTarget = 64 << 10

// Call is a read of a façade that may be asked for from inside. All are GETs.
type Call struct {
	Name string // the vendor's own
	Path string // variables are in braces
}

// Surface is a façade as it is asked from inside.
type Surface struct {
	Handler http.Handler
	Calls   []Call
}

// Question is one call, as a client would make it.
type Question struct {
	Call     string            // its name
	Path     map[string]string // the variables of its path, as they stand before they are escaped
	Query    url.Values
	Language string // Accept-Language, for façades that speak several; "" for none
	Host     string // of the server, as clients name it
	Remote   string // the network address that asks
}

// Answer is what a client would get.
type Answer struct {
	Target string // what was asked: the path and the query, as sent
	Status int
	Header http.Header
	Body   []byte
	Took   time.Duration
}

type whoKey struct{}

// Who returns who asks, when a request comes from inside. A façade that is told so
// checks no credentials and counts nothing, but holds the rights as for anybody.
func Who(ctx context.Context) (usance.Principal, bool) {
	p, ok := ctx.Value(whoKey{}).(usance.Principal)
	return p, ok
}

// Ask makes the call as the principal, whose tenant must be set. It fails with
// KindInvalid naming what the call lacks or does not have, and with KindTooLarge
// for an answer over MaxAnswer; a refusal by the façade is an Answer.
func (s *Surface) Ask(ctx context.Context, who usance.Principal, q Question, now func() time.Time) (Answer, error) {
	i := slices.IndexFunc(s.Calls, func(c Call) bool { return c.Name == q.Call })
	if i < 0 {
		names := make([]string, len(s.Calls))
		for i, c := range s.Calls {
			names[i] = c.Name
		}
		return Answer{}, wrong("operation", "is one of "+strings.Join(names, ", "))
	}
	target, err := s.Calls[i].target(q.Path)
	if err != nil {
		return Answer{}, err
	}
	if len(q.Query) > 0 {
		target += "?" + q.Query.Encode()
	}
	if len(target) > maxTarget {
		return Answer{}, usance.Errorf(usance.KindTooLarge, "a call's path and query have at most %d bytes", maxTarget)
	}
	ctx = context.WithValue(httpx.Inner(ctx), whoKey{}, who)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return Answer{}, wrong("path", "is malformed")
	}
	r.RequestURI, r.Host, r.RemoteAddr = target, q.Host, q.Remote
	if q.Language != "" {
		r.Header.Set("Accept-Language", q.Language)
		r.Header.Set("Language", q.Language) // as KooDrive's clients say it
	}
	w := &answering{header: http.Header{}}
	begun := now()
	s.Handler.ServeHTTP(w, r)
	took := now().Sub(begun)
	if w.over {
		return Answer{}, usance.Errorf(usance.KindTooLarge, "the answer has more than %d bytes: ask for less", MaxAnswer)
	}
	w.WriteHeader(http.StatusOK)
	return Answer{Target: target, Status: w.status, Header: w.header, Body: w.body, Took: took}, nil
}

// target puts the variables into the call's path.
func (c *Call) target(vars map[string]string) (string, error) {
	out, used := "", 0
	for segment := range strings.SplitSeq(strings.TrimPrefix(c.Path, "/"), "/") {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			name = strings.TrimSuffix(name, "}")
			value := vars[name]
			switch {
			case value == "":
				return "", wrong("path."+name, "is required")
			case value == "." || value == ".." || strings.ContainsAny(value, "/"):
				return "", wrong("path."+name, "is no id") // it would be another path
			}
			segment = url.PathEscape(value)
			used++
		}
		out += "/" + segment
	}
	if used < len(vars) {
		return "", wrong("path", "has a variable that the call does not have")
	}
	return out, nil
}

func wrong(field, detail string) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "the call is wrong", Fields: []usance.FieldError{{Index: -1, Field: field, Detail: detail}}}
}

// answering keeps an answer, up to the bound.
type answering struct {
	header http.Header
	status int
	body   []byte
	over   bool
}

func (a *answering) Header() http.Header { return a.header }

func (a *answering) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

func (a *answering) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	if a.over = a.over || len(a.body)+len(p) > MaxAnswer; !a.over {
		a.body = append(a.body, p...)
	}
	return len(p), nil
}
