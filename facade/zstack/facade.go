// Package zstack answers ZStack's GetOrganizationQuotaUsage, and around it what
// ZStack's Java, Python and Go SDKs need to get there: sign-in, sessions, access
// keys, queries of organizations, quotas, projects and accounts, quota updates
// and their jobs.
//
// It only translates. Organizations, projects and accounts are nodes of the
// tenant's tree, known by their aliases (zstack.organization, zstack.project,
// zstack.account); limits are the quotas at those nodes; what is used is what is
// consumed at and below them. Places where ZStack's documents are silent or
// contradict each other are listed in DIVERGENCES.md with what is done here.
package zstack

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// Options are what a Facade is built with. Zero values take the defaults named.
type Options struct {
	Now      func() time.Time // required
	Location *time.Location   // the server's own zone: of dates in answers and of wall-clock skew; default UTC
	Logger   *slog.Logger     // default: none

	SessionTimeout time.Duration // of an idle session; default 7200 s
	MaxSessions    int           // live sessions of one user; default 500
	UniqueSession  bool          // a sign-in ends the user's earlier sessions
	CheckTimeZone  bool          // honour the zone in the Date of signed requests instead of comparing wall clocks
	MaxSkew        time.Duration // between a signed request's Date and the clock; default 15 min

	MaxFailures int           // failed sign-ins in a row that lock a name out; default 6, negative: never
	LockFor     time.Duration // how long it stays locked; default 10 min

	WithoutSeeds bool          // report only the quotas that are set, not the names every root organization has at -1
	JobsKept     time.Duration // how long an asynchronous call's result can be polled; default 10,800 s
	MaxJobs      int           // results this process keeps; default 10,000, of which one tenant may have an eighth
	BodyTimeout  time.Duration // for a request's body to arrive; default 30 s
	Version      string        // answered by GetVersion; default 5.2.1
}

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	orDefault(&o.SessionTimeout, 7200*time.Second)
	orDefault(&o.MaxSessions, 500)
	orDefault(&o.MaxSkew, 15*time.Minute)
	orDefault(&o.MaxFailures, 6)
	orDefault(&o.LockFor, 10*time.Minute)
	orDefault(&o.JobsKept, 10800*time.Second)
	orDefault(&o.MaxJobs, 10_000)
	orDefault(&o.BodyTimeout, 30*time.Second)
	orDefault(&o.Version, "5.2.1")
	return o
}

func orDefault[T comparable](v *T, fallback T) {
	var zero T
	if *v == zero {
		*v = fallback
	}
}

// Facade serves ZStack's API. It is safe for concurrent use. Jobs and lock-outs
// live in the process; sessions live in the store.
type Facade struct {
	reg     *registry.Registry
	led     *ledger.Ledger
	answers *ledger.Answers // of usages, by kind of holder
	o       Options
	routes  []route
	jobs    *jobs
	views   *views
	figures *figures.Set
	locks   *gateway.Lockout
	bodies  *httpx.Bodies
	seeded  []string
	random  io.Reader // of session and job ids
}

// New returns a Facade over the registry and the ledger.
func New(reg *registry.Registry, led *ledger.Ledger, o Options) *Facade {
	o = o.withDefaults()
	f := &Facade{reg: reg, led: led, answers: led.NewAnswers(), o: o, random: rand.Reader}
	f.routes = f.table()
	f.jobs = newJobs(o.Now, o.JobsKept, o.MaxJobs)
	f.views = newViews()
	f.figures = figures.NewSet(Name, Mapping())
	f.seeded = seeds()
	f.locks = gateway.NewLockout(gateway.LockoutConfig{Now: o.Now, Failures: o.MaxFailures, For: o.LockFor})
	f.bodies = httpx.NewBodies(httpx.BodyConfig{Max: maxBody, Timeout: o.BodyTimeout})
	return f
}

// contextPath is what most clients put before /v1. Both spellings are served.
const contextPath = "/zstack"

// maxBody bounds request bodies, and queries as well: the largest that a client has reason to send is
// a sign-in with its client information.
const maxBody = 64 << 10

// Owns reports whether a request path is this façade's: everything below
// /zstack/, and those parts of /v1/ that SDKs without a context path call.
func (f *Facade) Owns(path string) bool {
	if strings.HasPrefix(path, contextPath+"/") {
		return true
	}
	rest, ok := strings.CutPrefix(path, "/v1/")
	if !ok {
		return false
	}
	first, _, _ := strings.Cut(rest, "/")
	switch first {
	case "iam2", "accounts", "accesskeys", "login", "ldap", "management-nodes", "api-jobs":
		return true
	}
	return false
}

// ServeHTTP answers one request.
func (f *Facade) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := strings.TrimPrefix(r.URL.Path, contextPath)
	if id, ok := strings.CutPrefix(path, jobsPath); ok {
		f.poll(w, r, id)
		return
	}
	rt, vars, err := f.match(r.Method, path)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	httpx.SetRoute(r.Context(), rt.name)
	c := &call{f: f, r: r, ctx: r.Context(), route: rt, path: path, vars: vars}
	if err := c.prepare(w); err != nil {
		f.fail(w, r, err)
		return
	}
	if rt.async && r.Header.Get("X-Web-Hook") == "" {
		f.serveAsync(w, c)
		return
	}
	body, err := rt.serve(c)
	if err != nil {
		f.fail(w, r, err)
		return
	}
	write(w, http.StatusOK, body)
}

// serveAsync does the work, keeps its outcome as a job and answers where to poll
// for it. Once begun the work is finished, whether the client waits or not.
func (f *Facade) serveAsync(w http.ResponseWriter, c *call) {
	id := c.jobID
	if id == "" {
		id = f.newUUID()
	}
	if !f.jobs.begin(id, c.principal.Tenant) {
		f.fail(w, c.r, plainf(http.StatusBadRequest, "job %s exists already", id))
		return
	}
	c.ctx = context.WithoutCancel(c.ctx)
	body, err := c.route.serve(c)
	var p *plain
	if errors.As(err, &p) {
		f.jobs.drop(id)
		f.fail(w, c.r, err)
		return
	}
	if err != nil {
		f.jobs.finish(id, http.StatusServiceUnavailable, f.failure(c.r, err))
	} else {
		f.jobs.finish(id, http.StatusOK, body)
	}
	write(w, http.StatusAccepted, c.accepted(id))
}

// write sends a JSON body. No answer of this API may be empty: SDKs fail on
// empty bodies and on 204.
func write(w http.ResponseWriter, status int, body []byte) {
	h := w.Header()
	h["Content-Type"] = []string{"application/json;charset=UTF-8"}
	h["Cache-Control"] = []string{"no-store"}
	httpx.WriteBytes(w, status, body)
}
