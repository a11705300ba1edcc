package api

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/inside"
)

func facadeRoutes() []route {
	return []route{
		{id: "callFacade", method: "POST", path: "/facades/{facade}/call", where: atNode, handle: callFacade, params: []param{pLeast},
			doc: doc{tag: "Integrity", summary: "What a vendor's client would be answered", in: "FacadeCall", out: "FacadeAnswer", status: 200, text: facadeText}},
	}
}

const facadeText = "Has the façade answer one of its reads now, and tells the answer as it is: status, headers and body, a refusal too. It is the façade's own answer to a client " +
	"of the vendor's with the rights of the token; only the vendor's way to sign in is left out, and its limits of requests, of which none is used up. Nothing is written. " +
	"The façades and their operations:\n\n" +
	"- meeting: ShowOrgRes, for administrators alone\n" +
	"- koodrive: GetQuotaUsed, for tokens that see /drive\n" +
	"- zstack: GetOrganizationQuotaUsage (path: uuid), QueryIAM2Organization, QueryIAM2Project, QueryQuota\n" +
	"- cloudrtc: ListRtcHistoryUsage (path: project_id)\n" +
	"- metastudio: CountTenantResources, ListTenantResources (path: project_id)"

// callFacade has a façade answer the caller as it would a client of the vendor's.
func callFacade(q *request) error {
	surface, ok := q.api.facades[q.vars[0]]
	if !ok {
		return usance.Errorf(usance.KindNotFound, "there is no such façade")
	}
	var in wire.FacadeCall
	if err := q.decode(&in); err != nil {
		return err
	}
	if in.Operation == "" {
		return &usance.Error{Kind: usance.KindInvalid, Detail: "the call is wrong", Fields: []usance.FieldError{{Index: -1, Field: "operation", Detail: "is required"}}}
	}
	ctx := q.r.Context()
	// A façade takes the definitions that finding out who calls has brought up to date.
	if _, err := q.api.reg.Definitions(ctx, q.tenant); err != nil {
		return err
	}
	sequence, err := q.api.led.Sequence(ctx, q.tenant)
	if err != nil {
		return err
	}
	who := q.who
	who.Tenant, who.Subtree = q.tenant, q.subtree()
	got, err := surface.Ask(ctx, who, inside.Question{Call: in.Operation, Path: in.Path, Query: in.Query,
		Language: q.r.Header.Get("Accept-Language"), Host: q.r.Host, Remote: q.r.RemoteAddr}, q.api.now)
	if err != nil {
		return err
	}
	out := wire.FacadeAnswer{Method: http.MethodGet, Target: got.Target, Status: got.Status, Headers: make(map[string]string, len(got.Header)), Micros: got.Took.Microseconds()}
	for name, values := range got.Header {
		out.Headers[name] = strings.Join(values, ", ")
	}
	if utf8.Valid(got.Body) {
		text := string(got.Body)
		out.Body = &text
	} else {
		out.Bytes = got.Body
	}
	q.sequence(sequence)
	return q.answer(http.StatusOK, out)
}
