package api

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// summaryMeter is whose usage a summary tells when it is asked for no other.
const summaryMeter = "meeting.duration"

// maxSummed is how many quotas the tenants of one page have together, unless one
// tenant alone has more.
const maxSummed = 20_000

// summaryRoute is beside /tenants rather than below it, where any name may be a
// tenant's.
func summaryRoute() route {
	return route{id: "summarizeTenants", method: "GET", path: "/tenant-summaries", where: anywhere, handle: summarizeTenants,
		params: []param{
			{name: "meter", doc: "The meter whose usage is told. Default: " + summaryMeter + "."},
			{name: "limit", format: "int", doc: "Most rows of a page, 1 to " + strconv.Itoa(usance.MaxSummaries) + ", which is the default."},
			pCursor},
		doc: doc{tag: "Tenants", summary: "The tenants the token may see, each summed up", out: "TenantSummaryList", status: 200, text: summaryText}}
}

const summaryText = "Of each tenant, by id: its tightest quota, how many are over and near their limits, what expires next, and a meter's usage of today beside " +
	"that of yesterday by the same time, to the minute, in the tenant's zone. The figures of one tenant are of one moment and those that the calls for each of them would give; " +
	"only of a tenant with more than 1000 quotas the further ones are read after the first. " +
	"A page may hold fewer rows than its limit and yet have a next one."

func summarizeTenants(q *request) error {
	after, limit, err := q.pageOf(usance.MaxSummaries)
	if err != nil {
		return err
	}
	meter := q.query.text("meter")
	if meter == "" {
		meter = summaryMeter
	}
	if len(meter) > usance.MaxMeterNameBytes {
		return parameterError("meter", "has more than "+strconv.Itoa(usance.MaxMeterNameBytes)+" bytes")
	}
	all, next, err := q.tenantsAfter(after, limit)
	if err != nil {
		return err
	}
	quotas := 0
	for i, d := range all {
		if quotas += min(d.CountQuotas(), usance.MaxSummaryQuotas); quotas > maxSummed && i > 0 {
			all, next = all[:i], cursorOf(string(all[i-1].Tenant.ID))
			break
		}
	}
	out := wire.List[jsontext.Value]{Items: make([]jsontext.Value, len(all)), Next: next}
	err = q.api.aFew(len(all), func(i int) (err error) {
		out.Items[i], err = q.summary(&all[i].Tenant, meter)
		return err
	})
	if err != nil {
		return err
	}
	return q.answer(http.StatusOK, out)
}

// aFew calls fn with each number below n, a few at a time: at most as many as the
// process may run, for all requests together. It returns one of the errors; a panic
// of fn is one of the caller's.
func (a *API) aFew(n int, fn func(i int) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	next, failed, fault := 0, error(nil), any(nil)
	take := func() (int, bool) {
		mu.Lock()
		defer mu.Unlock()
		next++
		return next - 1, next <= n && failed == nil && fault == nil
	}
	for range min(n, cap(a.summing)) {
		wg.Go(func() {
			defer func() {
				if p := recover(); p != nil {
					mu.Lock()
					fault = p
					mu.Unlock()
				}
			}()
			for i, more := take(); more; i, more = take() {
				if err := a.inTurn(func() error { return fn(i) }); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	if fault != nil {
		panic(fault)
	}
	return failed
}

func (a *API) inTurn(fn func() error) error {
	a.summing <- struct{}{}
	defer func() { <-a.summing }()
	return fn()
}

// summary returns the row of one tenant. One that cannot be read does not hide the
// others, unless nothing can be read just now.
func (q *request) summary(tenant *usance.Tenant, meter string) (jsontext.Value, error) {
	ctx := q.r.Context()
	body, err := q.api.answers.Of(ctx, ledger.Question{Tenant: tenant.ID, Node: usance.Root, Text: "summary of " + meter}, q.api.now(),
		func(*registry.Definitions) ([]byte, time.Time, error) {
			s, err := q.api.led.Summary(ctx, tenant.ID, meter)
			if err != nil {
				return nil, time.Time{}, err
			}
			b, err := httpx.AppendJSON(nil, wireSummary(&s, meter))
			return b, s.Until, err
		})
	kind := usance.KindOf(err)
	if err == nil || kind == usance.KindUnavailable || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return body, err
	}
	if kind != usance.KindNotFound { // it has just gone
		q.api.logFailure(q.r, err)
	}
	return httpx.AppendJSON(nil, wire.TenantSummary{ID: tenant.ID, Name: tenant.Name, Timezone: tenant.Timezone, Unreadable: true})
}

func wireSummary(s *ledger.Summary, meter string) wire.TenantSummary {
	out := wire.TenantSummary{ID: s.Tenant.ID, Name: s.Tenant.Name, Timezone: s.Tenant.Timezone,
		Quotas: s.Quotas, Looked: s.Looked, Over: s.Over, Near: s.Near, Expiring: s.Expiring}
	if t := s.Tightest; t != nil {
		out.Tightest = &wire.TightQuota{Node: t.Node, Meter: t.Meter, Unit: t.Unit, Limit: t.Limit, Used: t.Used, Reserved: t.Reserved, Window: t.Window, Enforce: t.Enforce}
		if t.Limit > 0 {
			out.Tightest.Share = &t.Share
		}
	}
	if s.Measured {
		out.Usage = &wire.TodaysUsage{Meter: meter, Unit: s.Unit, Today: wire.Integer{Sum: s.Today}, Yesterday: wire.Integer{Sum: s.Yesterday}}
	}
	if s.Next != nil {
		out.Next = &wire.NextExpiry{Resource: s.Next.Resource, Expires: s.Next.Expires}
	}
	return out
}
