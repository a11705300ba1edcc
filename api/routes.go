package api

import (
	"strings"

	"github.com/usance/usance"
)

// where says at which node a route's right is needed.
type where uint8

const (
	atRoot   where = iota // at the root, checked before the handler runs
	atNode                // at the nodes the request names; the handler checks
	anywhere              // the route needs no tenant; the handler checks
)

// route is one call of the API. Its table is what requests are matched and
// checked against, what the OpenAPI document is made of, and what the tests walk.
type route struct {
	id        string // operationId
	method    string
	path      string // below /api/v1
	right     usance.Right
	where     where
	tenantVar bool // the first variable of the path is the tenant
	past      bool // it may be asked as it was known at an earlier moment
	params    []param
	doc       doc
	handle    func(*request) error

	segments []string
	name     string // method and whole path, for the log and the metrics
}

// param is a query parameter.
type param struct {
	name    string
	doc     string
	format  string   // "", "int", "bool", "time" or "node"
	enum    []string // of a text
	repeats bool
	empty   bool // an empty value means something
}

// doc is what the OpenAPI document says of a route.
type doc struct {
	tag      string
	summary  string
	text     string
	in       string // schema of the request body
	optional bool   // the body may be left out
	out      string // schema of the answer; "" with status 204
	status   int
}

// Parameters that several routes have.
var (
	pTenant = param{name: "tenant", doc: "For an operator's token: the tenant it speaks for. A tenant's own token needs none."}
	pLeast  = param{name: "min_sequence", format: "int", doc: "Wait until the tenant's ledger has reached this sequence number, and answer 503 when it does not in time."}
	pLimit  = param{name: "limit", format: "int", doc: "Most rows of a page, 1 to 1000, which is the default."}
	pCursor = param{name: "cursor", doc: "The next member of the page before."}
)

const (
	filterPrefix = "filterGroupBy["
	filterName   = "filterGroupBy"
)

func withPage(more ...param) []param { return append(more, pLimit, pCursor) }

func nodeParam(doc string) param { return param{name: "node", format: "node", doc: doc} }

// routes returns the table.
func routes() []route {
	all := append(usageRoutes(), resourceRoutes()...)
	all = append(all, chargeRoutes()...)
	all = append(all, correctionRoutes()...)
	all = append(all, rangeRoutes()...)
	all = append(all, verifyRoutes()...)
	all = append(all, auditRoutes()...)
	all = append(all, explainRoutes()...)
	all = append(all, facadeRoutes()...)
	all = append(all, definitionRoutes()...)
	all = append(all, archiveRoutes()...)
	all = append(all, deletionRoutes()...)
	all = append(all, backupRoutes()...)
	all = append(all, principalRoutes()...)
	for i := range all {
		rt := &all[i]
		rt.segments = strings.Split(strings.TrimPrefix(rt.path, "/"), "/")
		rt.name = rt.method + " " + prefix + rt.path
		if rt.past {
			rt.params = append(rt.params, pastParams()...)
		}
		if rt.where != anywhere {
			rt.params = append(rt.params, pTenant)
		}
		if rt.method == "GET" && rt.where != anywhere && !rt.arrives() {
			rt.params = append(rt.params, pLeast)
		}
	}
	return all
}

func usageRoutes() []route {
	return []route{
		{id: "sendEvents", method: "POST", path: "/events", right: usance.RightRecord, where: anywhere, params: []param{pTenant}, handle: sendEvents,
			doc: doc{tag: "Events", summary: "Record usage events", in: "Events", status: 204, text: sendText}},
		{id: "listEvents", method: "GET", past: true, path: "/events", where: atNode, handle: listEvents,
			params: withPage(
				param{name: "from", format: "time", doc: "Events at or after this time."},
				param{name: "to", format: "time", doc: "Events before this time."},
				param{name: "type", doc: "Events of this type."},
				param{name: "subject", doc: "Events of this subject."},
				param{name: "source", doc: "Events of this source."},
				param{name: "id", doc: "Events with this id."},
				param{name: "meter", doc: "Events that count towards this meter."},
				param{name: filterName, repeats: true, empty: true, doc: "filterGroupBy[key]=value, with meter: only events whose group-by key has this value, or one of several separated by commas."},
				nodeParam("Events at and below this node. Default: all the token may see.")),
			doc: doc{tag: "Events", summary: "Browse events, newest first", out: "StoredEventList", status: 200}},
		refusedRoute(),
		{id: "queryMeter", method: "GET", past: true, path: "/meters/{meter}/query", where: atNode, handle: queryMeter,
			params: []param{
				{name: "from", format: "time", doc: "Usage at or after this time. Default: from the first event."},
				{name: "to", format: "time", doc: "Usage before this time. Default: to the last event."},
				{name: "windowSize", enum: []string{"MINUTE", "HOUR", "DAY", "MONTH"}, doc: "Split the answer into windows. Default: one row for all the time."},
				{name: "windowTimeZone", doc: "IANA zone whose days and months the windows are. Default: UTC."},
				{name: "subject", repeats: true, empty: true, doc: "Only these subjects, with a row for each."},
				{name: "groupBy", repeats: true, doc: "Group-by keys of the meter, and subject; repeated or separated by commas."},
				{name: filterName, repeats: true, empty: true, doc: "filterGroupBy[key]=value: only usage whose group-by key has this value, or one of several separated by commas."},
				nodeParam("Usage at and below this node. Default: all the token may see."),
				{name: "clientId", doc: "Accepted for OpenMeter's clients; it has no effect."}},
			doc: doc{tag: "Meters", summary: "Usage of a meter over time", out: "Usage", status: 200, text: queryText}},
		{id: "listQuotas", method: "GET", past: true, path: "/quotas", where: atNode, handle: listQuotas,
			params: withPage(
				nodeParam("Quotas at this node. Default: all that the token may see."),
				param{name: "meter", doc: "Quotas of this meter."},
				param{name: "recursive", format: "bool", doc: "Those below the node too."}),
			doc: doc{tag: "Quotas", summary: "Quotas as they stand", out: "QuotaList", status: 200, text: pastText}},
		forecastRoute(),
		{id: "putQuota", method: "PUT", path: "/quotas", right: usance.RightManage, where: atNode, handle: putQuota,
			doc: doc{tag: "Quotas", summary: "Set a quota", in: "PutQuota", out: "Quota", status: 200,
				text: "A token bound to a subtree sets the quotas below its top; the top's own come from above. " +
					"The limit is the quota's own: what resources grant comes on top while they live."}},
		{id: "deleteQuota", method: "DELETE", path: "/quotas", right: usance.RightManage, where: atNode, handle: deleteQuota,
			params: []param{nodeParam("The quota's node. Required."), {name: "meter", doc: "The quota's meter. Required."}},
			doc: doc{tag: "Quotas", summary: "Remove a quota", status: 204,
				text: deleteText + " On the quota of a carved node depend those that were handed out of it."}},
	}
}

func resourceRoutes() []route {
	filters := []param{
		{name: "business_type", repeats: true, doc: "Only these business types; repeated or separated by commas."},
		{name: "charging_mode", repeats: true, doc: "Only these charging modes."},
		{name: "source", repeats: true, doc: "Only these sources."},
		{name: "expires_from", format: "time", doc: "Only resources that expire at or after this time."},
		{name: "expires_to", format: "time", doc: "Only resources that expire at or before this time."},
		nodeParam("Resources at this node. Default: all that the token may see."),
		{name: "recursive", format: "bool", doc: "Those below the node too."},
	}
	count := append(append([]param(nil), filters...),
		param{name: "group_by", repeats: true, doc: "Count by business_type, charging_mode, source or several of them; repeated or separated by commas."})
	const tag = "Resources"
	return []route{
		{id: "listResources", method: "GET", past: true, path: "/resources", where: atNode, params: withPage(filters...), handle: listResources,
			doc: doc{tag: tag, summary: "Resources in the order of their ids", out: "ResourceList", status: 200,
				text: "Asked for the part of a node, or by a token bound to one, total is not told, and a page that has looked through 100000 resources of the tenant ends there: " +
					"it may hold fewer rows than its limit, or none, and has next."}},
		{id: "createResource", method: "POST", path: "/resources", right: usance.RightManage, where: atNode, handle: createResource,
			doc: doc{tag: tag, summary: "Create a resource", in: "Resource", out: "Resource", status: 201}},
		{id: "countResources", method: "GET", past: true, path: "/resources/count", where: atNode, params: count, handle: countResources,
			doc: doc{tag: tag, summary: "Count resources", out: "ResourceCounts", status: 200,
				text: "All of a tenant's are counted without being looked at. Those of a node are looked for among all, or among those that expire in the time asked for: " +
					"more than 1000000 to look at are refused with 413."}},
		{id: "getResource", method: "GET", path: "/resources/{id}", where: atNode, handle: getResource,
			doc: doc{tag: tag, summary: "One resource", out: "Resource", status: 200}},
		{id: "putResource", method: "PUT", path: "/resources/{id}", right: usance.RightManage, where: atNode, handle: putResource,
			doc: doc{tag: tag, summary: "Create or replace a resource", in: "Resource", out: "Resource", status: 200}},
		{id: "deleteResource", method: "DELETE", path: "/resources/{id}", right: usance.RightManage, where: atNode, handle: deleteResource,
			doc: doc{tag: tag, summary: "Remove a resource", status: 204}},
		{id: "renewResource", method: "POST", path: "/resources/{id}/renew", right: usance.RightManage, where: atNode, handle: renewResource,
			doc: doc{tag: tag, summary: "Move a resource's expiry", in: "Renew", out: "Resource", status: 200}},
	}
}

func definitionRoutes() []route {
	manage := usance.RightManage
	return []route{
		{id: "listTenants", method: "GET", path: "/tenants", where: anywhere, params: withPage(), handle: listTenants,
			doc: doc{tag: "Tenants", summary: "The tenants the token may see", out: "TenantList", status: 200}},
		summaryRoute(),
		{id: "createTenant", method: "POST", path: "/tenants", right: usance.RightOperate, where: anywhere, handle: createTenant,
			doc: doc{tag: "Tenants", summary: "Create a tenant", in: "Tenant", out: "Tenant", status: 201}},
		{id: "getTenant", method: "GET", path: "/tenants/{tenant}", where: atRoot, tenantVar: true, handle: getTenant,
			doc: doc{tag: "Tenants", summary: "One tenant", out: "Tenant", status: 200}},
		{id: "putTenant", method: "PUT", path: "/tenants/{tenant}", right: manage, where: atRoot, tenantVar: true, handle: putTenant,
			doc: doc{tag: "Tenants", summary: "Create or change a tenant", in: "Tenant", out: "Tenant", status: 200, text: "Only an operator's token creates one."}},
		{id: "listMeters", method: "GET", path: "/meters", where: atNode, params: withPage(), handle: listMeters,
			doc: doc{tag: "Meters", summary: "All meters, built-in ones included", out: "MeterList", status: 200}},
		{id: "createMeter", method: "POST", path: "/meters", right: manage, handle: createMeter,
			doc: doc{tag: "Meters", summary: "Define a meter", in: "Meter", out: "Meter", status: 201}},
		{id: "getMeter", method: "GET", path: "/meters/{meter}", where: atNode, handle: getMeter,
			doc: doc{tag: "Meters", summary: "One meter", out: "Meter", status: 200}},
		{id: "putMeter", method: "PUT", path: "/meters/{meter}", right: manage, handle: putMeter,
			doc: doc{tag: "Meters", summary: "Define or change a meter", in: "PutMeter", out: "Meter", status: 200,
				text: "Aggregation and group-by keys of a meter cannot change."}},
		{id: "deleteMeter", method: "DELETE", path: "/meters/{meter}", right: manage, handle: deleteMeter,
			doc: doc{tag: "Meters", summary: "Remove a meter that nothing depends on", status: 204, text: deleteText +
				" On a meter depend its quotas, the mappings that read it, event types that enforce.events names and that feed it, open holds, resources that grant it, and any usage ever recorded."}},
		{id: "listNodes", method: "GET", path: "/nodes", where: atNode, handle: listNodes,
			params: withPage(nodeParam("Nodes at and below this one. Default: all the token may see.")),
			doc:    doc{tag: "Nodes", summary: "Defined nodes in the order of their paths", out: "NodeList", status: 200}},
		{id: "createNode", method: "POST", path: "/nodes", right: manage, where: atNode, handle: createNode,
			doc: doc{tag: "Nodes", summary: "Define a node", in: "Node", out: "Node", status: 201}},
		{id: "putNode", method: "PUT", path: "/nodes", right: manage, where: atNode, handle: putNode,
			doc: doc{tag: "Nodes", summary: "Define or change a node", in: "Node", out: "Node", status: 200}},
		{id: "deleteNode", method: "DELETE", path: "/nodes", right: manage, where: atNode, handle: deleteNode,
			params: []param{nodeParam("The node. Required."),
				{name: "keep_usage", format: "bool", doc: "Remove it although usage is recorded at or below it, which stays and is read by the path."}},
			doc: doc{tag: "Nodes", summary: "Remove a node that nothing depends on", status: 204, text: deleteText +
				" On a node depend those below it, quotas, resources and open holds at and below it, users and tokens bound to it, and usage recorded there " +
				"unless its total is nothing."}},
		{id: "moveNode", method: "POST", path: "/nodes/move", right: manage, where: atNode, handle: moveNode,
			doc: doc{tag: "Nodes", summary: "Move a node with all that is below it", in: "MoveNode", out: "MovedNode", status: 200, text: moveText}},
		{id: "applyManifest", method: "POST", path: "/apply", right: manage, where: anywhere, handle: applyManifest,
			params: []param{{name: "dry_run", format: "bool", doc: "Only work out the changes."}, pTenant},
			doc:    doc{tag: "Tenants", summary: "Bring tenants to what a manifest says", in: "Manifest", out: "Applied", status: 200, text: applyText}},
	}
}

func principalRoutes() []route {
	manage := usance.RightManage
	return []route{
		{id: "listUsers", method: "GET", path: "/users", right: manage, params: withPage(), handle: listUsers,
			doc: doc{tag: "Users", summary: "Users by name", out: "UserList", status: 200}},
		{id: "createUser", method: "POST", path: "/users", right: manage, handle: createUser,
			doc: doc{tag: "Users", summary: "Create a user", in: "PutUser", out: "User", status: 201}},
		{id: "getUser", method: "GET", path: "/users/{name}", right: manage, handle: getUser,
			doc: doc{tag: "Users", summary: "One user", out: "User", status: 200}},
		{id: "putUser", method: "PUT", path: "/users/{name}", right: manage, handle: putUser,
			doc: doc{tag: "Users", summary: "Create or change a user", in: "PutUser", out: "User", status: 200}},
		{id: "deleteUser", method: "DELETE", path: "/users/{name}", right: manage, handle: deleteUser,
			doc: doc{tag: "Users", summary: "Remove a user that has no keys, and end its sessions", status: 204, text: deleteText}},
		{id: "listKeys", method: "GET", path: "/keys", right: manage, params: withPage(), handle: listKeys,
			doc: doc{tag: "Keys", summary: "Signing keys by kind and id", out: "KeyList", status: 200}},
		{id: "createKey", method: "POST", path: "/keys", right: manage, handle: createKey,
			doc: doc{tag: "Keys", summary: "Create a signing key", in: "PutKey", out: "Key", status: 201, text: secretText}},
		{id: "getKey", method: "GET", path: "/keys/{kind}/{id}", right: manage, handle: getKey,
			doc: doc{tag: "Keys", summary: "One signing key", out: "Key", status: 200}},
		{id: "putKey", method: "PUT", path: "/keys/{kind}/{id}", right: manage, handle: putKey,
			doc: doc{tag: "Keys", summary: "Create or change a signing key", in: "PutKey", out: "Key", status: 200, text: secretText}},
		{id: "deleteKey", method: "DELETE", path: "/keys/{kind}/{id}", right: manage, handle: deleteKey,
			doc: doc{tag: "Keys", summary: "Remove a signing key", status: 204}},
		{id: "listTokens", method: "GET", path: "/tokens", right: manage, params: withPage(), handle: listTokens,
			doc: doc{tag: "Tokens", summary: "Bearer tokens by name", out: "TokenList", status: 200}},
		{id: "createToken", method: "POST", path: "/tokens", right: manage, handle: createToken,
			doc: doc{tag: "Tokens", summary: "Create a bearer token", in: "PutToken", out: "Token", status: 201, text: secretText}},
		{id: "getToken", method: "GET", path: "/tokens/{name}", right: manage, handle: getToken,
			doc: doc{tag: "Tokens", summary: "One bearer token", out: "Token", status: 200}},
		{id: "putToken", method: "PUT", path: "/tokens/{name}", right: manage, handle: putToken,
			doc: doc{tag: "Tokens", summary: "Create or change a bearer token", in: "PutToken", out: "Token", status: 200, text: secretText}},
		{id: "deleteToken", method: "DELETE", path: "/tokens/{name}", right: manage, handle: deleteToken,
			doc: doc{tag: "Tokens", summary: "Remove a bearer token, which ends its use at once", status: 204}},
		{id: "createLoginCode", method: "POST", path: "/login-codes", right: manage, handle: createLoginCode,
			doc: doc{tag: "Users", summary: "A one-time code with which a user signs in at KooDrive", in: "LoginCodeRequest", out: "LoginCode", status: 201}},
	}
}

// The longer texts of the document.
const (
	deleteText = "A thing that others depend on is not removed: 409, with how many there are of each kind in detail and the first 100 in errors, " +
		"where field is the kind."
	sendText = "All of a request's events are stored or none. Every known event is counted once: sending it again is a duplicate and no error, " +
		"while other content under a known source and id is a conflict. 204 means that the events are on disk. " +
		"Usance-Accepted, Usance-Duplicates and Usance-Sequence say what became of them.\n\n" +
		"Bodies are CloudEvents 1.0 in structured, batch or binary mode, one event or an array as application/json, or one event a line as " +
		"application/x-ndjson; Content-Encoding may be gzip or zstd. Events of the types that the tenant's setting enforce.events lists, with commas between, " +
		"are checked against the quotas as charges are, and a refusal is that of a charge. A request has at most 10000 events of 64 KiB each. " +
		"An operator's token names the tenant in the tenant parameter or in every event's tenant attribute; one request has events of one tenant."
	queryText = "The parameters and the answer are those OpenMeter's clients know. Values are exact whole numbers of the meter's base unit and may pass 2^53. " +
		"With Accept: text/csv the rows come as comma-separated values with a heading line, without restated_at.\n\n" + pastText
	pastText = "With at_sequence or known_at the answer is what was known then: the entries up to that moment, under the definitions and by the clock of then. " +
		"It is folded again from the events, so it costs the history it stands on, and more than 10000000 entries of it are refused with 413."
	secretText = "Without a secret in the request one is made, for a new name only, and shown in this answer alone."
	applyText  = "The body is a manifest in YAML or JSON. It is applied whole or refused whole, with the line of each fault; applying it again changes nothing. " +
		"An operator's token may bring any tenant; an admin's token only its own."
)
