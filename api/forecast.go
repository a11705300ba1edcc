package api

import (
	"net/http"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/registry"
)

func forecastRoute() route {
	return route{id: "forecastQuotas", method: "GET", path: "/quotas/forecast", where: atNode, handle: forecastQuotas,
		params: withPage(
			param{name: "at", format: "time", doc: "The time to look at, from now on. Required."},
			nodeParam("Quotas at this node. Default: all that the token may see."),
			param{name: "meter", doc: "Quotas of this meter."},
			param{name: "recursive", format: "bool", doc: "Those below the node too."}),
		doc: doc{tag: "Quotas", summary: "Quotas that will be over their limits, and by which grants' ends", out: "QuotaForecastList", status: 200, text: forecastText}}
}

const forecastText = "What is used and reserved now is compared with the limits of then: the base, and the grants of resources that will be alive. " +
	"lapses are the grants that end by then, begins those that begin. A quota by day or month is looked at in the window that the time lies in. " +
	"A page may hold fewer rows than its limit and yet have a next one."

// quotasNamed returns the quotas that a listing's parameters name, and how the
// definitions order them.
func (q *request) quotasNamed(defs *registry.Definitions) ([]usance.Quota, error) {
	node, recursive, err := q.nodes()
	if err != nil {
		return nil, err
	}
	all := defs.Quotas(node, recursive)
	if meter := q.query.text("meter"); meter != "" {
		all = slices.DeleteFunc(all, func(x usance.Quota) bool { return x.Meter != meter })
	}
	return all, nil
}

// nodes reads the parameters node and recursive. Without either they stand for all
// that the token may see.
func (q *request) nodes() (node usance.Path, recursive bool, err error) {
	if node, err = q.node(usance.RightRead); err != nil {
		return "", false, err
	}
	if recursive, err = q.query.flag("recursive"); err != nil {
		return "", false, err
	}
	return node, recursive || !q.query.has("node") && !q.query.has("recursive"), nil
}

func forecastQuotas(q *request) error {
	at, err := q.query.time("at")
	if err != nil {
		return err
	}
	if at.IsZero() {
		return parameterError("at", "is required")
	}
	defs, err := q.definitions()
	if err != nil {
		return err
	}
	all, err := q.quotasNamed(defs)
	if err != nil {
		return err
	}
	page, err := slicePage(q, all, quotaName)
	if err != nil {
		return err
	}
	refs := make([]registry.QuotaRef, len(page.Items))
	for i, x := range page.Items {
		refs[i] = registry.QuotaRef{Node: x.Node, Meter: x.Meter}
	}
	list, sequence, err := q.api.led.Forecast(q.r.Context(), q.tenant, refs, at)
	if usance.KindOf(err) == usance.KindInvalid {
		return parameterError("at", detailOf(err))
	}
	if err != nil {
		return err
	}
	q.sequence(sequence)
	out := wire.List[wire.QuotaForecast]{Items: make([]wire.QuotaForecast, len(list)), Next: page.Next}
	for i, f := range list {
		out.Items[i] = wire.QuotaForecast{Node: f.Node, Meter: f.Meter, Limit: wire.Amount(f.Limit), LimitThen: wire.Amount(f.Then), Base: wire.Amount(f.Base),
			Used: f.Used, Reserved: f.Reserved, ShortBy: f.ShortBy, Window: f.Window, Enforce: f.Enforce,
			Lapses: wireGrants(f.Lapses), LapseCount: f.LapseCount, Begins: wireGrants(f.Begins), BeginCount: f.BeginCount}
	}
	return q.answer(http.StatusOK, out)
}
