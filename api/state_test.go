package api

import (
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

func (h *house) get(path string, v any) {
	h.t.Helper()
	h.do(call{method: "GET", path: prefix + path}).want(200).json(v)
}

func quotaText(list []wire.Quota) string {
	var out []string
	amount := func(a wire.Amount) string {
		if usance.Amount(a) == usance.Unlimited {
			return "∞"
		}
		return fmt.Sprint(int64(a))
	}
	for _, q := range list {
		out = append(out, fmt.Sprintf("%s %s limit %s used %d allocated %s available %s", q.Node, q.Meter, amount(q.Limit), q.Used, amount(q.Allocated), amount(q.Available)))
	}
	return strings.Join(out, "\n")
}

func TestQuotasReadAsTheyStand(t *testing.T) {
	h := newHouse(t)
	h.send(`[{"specversion":"1.0","id":"1","source":"t","type":"drive.space.measured","subject":"u","node":"/a/x","data":{"bytes":60}},`+
		`{"specversion":"1.0","id":"2","source":"t","type":"drive.space.measured","subject":"v","node":"/a","data":{"bytes":300}}]`, "").want(204)
	var list wire.List[wire.Quota]
	h.get("/quotas?node=/&recursive=true&meter=drive.space", &list)
	want := "/ drive.space limit 1000 used 360 allocated 500 available 640\n" +
		"/a drive.space limit 500 used 360 allocated 100 available 140\n" +
		"/a/x drive.space limit 100 used 60 allocated 0 available 40"
	if got := quotaText(list.Items); got != want {
		t.Error(got)
	}
	h.get("/quotas?node=/a", &list)
	if len(list.Items) != 1 || list.Items[0].Node != "/a" || list.Items[0].ResetsAt != nil {
		t.Errorf("%+v", list.Items)
	}
	h.get("/quotas?node=/b", &list)
	if q := list.Items[0]; q.Window != usance.DayWindow || q.ResetsAt == nil || q.ResetsAt.Format("2006-01-02T15:04") != "2026-03-10T18:15" {
		t.Errorf("the day of Kathmandu ends: %+v", q)
	}
	h.do(call{method: "GET", path: prefix + "/quotas", token: "acme-viewer-a"}).want(200).json(&list)
	if len(list.Items) != 2 {
		t.Errorf("a token of /a sees %s", quotaText(list.Items))
	}
	seen := 0
	for cursor := ""; ; seen++ {
		h.do(call{method: "GET", path: prefix + "/quotas?limit=1&cursor=" + cursor}.withoutEmpty()).want(200).json(&list)
		if cursor = list.Next; cursor == "" {
			break
		}
	}
	if seen+1 != 4 || *list.Total != 4 {
		t.Errorf("%d pages", seen+1)
	}
}

func TestALimitIsReadInEveryFormAndWrittenInOne(t *testing.T) {
	h := newHouse(t)
	put := func(limit string) *reply {
		return h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"drive.space","limit":` + limit + `}`})
	}
	for limit, want := range map[string]string{
		"0": `"limit":0,`, "12": `"limit":12,`, `"10GiB"`: `"limit":10737418240,`, `"7"`: `"limit":7,`, `"unlimited"`: `"limit":null,`, "null": `"limit":null,`, "1e3": `"limit":1000,`,
		"9007199254740993": `"limit":9007199254740993,`,
	} {
		if got := put(limit).want(200).Body.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %s", limit, got)
		}
	}
	for _, limit := range []string{"-1", "1.5", `"ten"`, `"-5"`, "9223372036854775808", "true", "[]", "{}", `""`} {
		put(limit).want(400).problem()
	}
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"drive.space"}`}).want(400).problem()
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"no.such","limit":1}`}).want(400).problem()
	h.do(call{method: "PUT", path: prefix + "/quotas", body: `{"node":"/","meter":"drive.space","limit":1,"lmit":2}`}).want(400).problem()
	// What GET answers can be put back.
	got := put("5").want(200).Body.String()
	h.do(call{method: "PUT", path: prefix + "/quotas", body: got}).want(200)
	h.do(call{method: "DELETE", path: prefix + "/quotas?node=/&meter=drive.space"}).want(204)
	h.do(call{method: "DELETE", path: prefix + "/quotas?node=/&meter=drive.space"}).want(404).problem()
	h.do(call{method: "DELETE", path: prefix + "/quotas?node=/"}).want(400).problem()
}

func TestResourcesLiveFromCreationToRemoval(t *testing.T) {
	h := newHouse(t)
	body := `{"id":"lic/1 ü","business_type":"VOICE","charging_mode":"PERIODIC","source":"SP_ALLOCATED","amount":3,"expires":"2026-12-31T00:00:00Z","labels":{"k":"v"}}`
	made := h.do(call{method: "POST", path: prefix + "/resources", body: body}).want(201)
	where := made.Header().Get("Location")
	if where != prefix+"/resources/"+url.PathEscape("lic/1 ü") {
		t.Errorf("Location %s", where)
	}
	h.do(call{method: "POST", path: prefix + "/resources", body: body}).want(409).problem()
	var r usance.Resource
	h.do(call{method: "GET", path: where}).want(200).json(&r)
	if r.ID != "lic/1 ü" || r.Node != "/" || r.Amount != 3 || r.Created.IsZero() || r.Labels["k"] != "v" {
		t.Errorf("%+v", r)
	}
	h.do(call{method: "POST", path: where + "/renew", body: `{"expires":"2027-06-01T00:00:00+08:00"}`}).want(200).json(&r)
	if r.Expires.UTC().Format("2006-01-02T15:04") != "2027-05-31T16:00" {
		t.Errorf("renewed to %v", r.Expires)
	}
	h.do(call{method: "POST", path: where + "/renew", body: `{}`}).want(400).problem()
	h.do(call{method: "POST", path: where + "/renew", body: `{"expires":"0001-01-01T00:00:00Z"}`}).want(400).problem()
	h.do(call{method: "PUT", path: where, body: `{"id":"other","business_type":"VOICE","charging_mode":"PERIODIC","source":"SP_ALLOCATED"}`}).want(400).problem()
	h.do(call{method: "PUT", path: where, body: `{"business_type":"VOICE","charging_mode":"WEEKLY","source":"SP_ALLOCATED"}`}).want(400).problem()
	h.do(call{method: "DELETE", path: where}).want(204)
	h.do(call{method: "DELETE", path: where}).want(404).problem()
	h.do(call{method: "GET", path: where}).want(404).problem()
	h.do(call{method: "POST", path: where + "/renew", body: `{"expires":"2027-06-01T00:00:00Z"}`}).want(404).problem()
}

func TestResourcesAreCountedByAnyGroup(t *testing.T) {
	h := newHouse(t)
	for i := range 6 {
		body := fmt.Sprintf(`{"id":"v%d","business_type":"VOICE","charging_mode":"%s","source":"PURCHASED","expires":"2026-04-%02dT00:00:00Z"}`,
			i, []string{"PERIODIC", "ONE_TIME"}[i%2], i+1)
		h.do(call{method: "POST", path: prefix + "/resources", body: body}).want(201)
	}
	for query, want := range map[string]string{
		"":                        `{"count":8,"items":[]}`,
		"?group_by=business_type": `{"count":8,"items":[{"business_type":"LIVE_2D","count":2},{"business_type":"VOICE","count":6}]}`,
		"?business_type=VOICE&group_by=charging_mode,source":                 `{"count":6,"items":[{"charging_mode":"ONE_TIME","source":"PURCHASED","count":3},{"charging_mode":"PERIODIC","source":"PURCHASED","count":3}]}`,
		"?expires_from=2026-04-02T00:00:00Z&expires_to=2026-04-04T00:00:00Z": `{"count":3,"items":[]}`,
		"?business_type=VOICE,LIVE_2D&charging_mode=ONE_TIME":                `{"count":5,"items":[]}`,
	} {
		if got := h.do(call{method: "GET", path: prefix + "/resources/count" + query}).want(200).Body.String(); got != want {
			t.Errorf("%s: %s", query, got)
		}
	}
	h.do(call{method: "GET", path: prefix + "/resources/count?group_by=color"}).want(400).problem()
	var page wire.List[usance.Resource]
	ids := ""
	for cursor := ""; ; {
		h.do(call{method: "GET", path: prefix + "/resources?limit=3&cursor=" + cursor}.withoutEmpty()).want(200).json(&page)
		for _, r := range page.Items {
			ids += r.ID + " "
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if ids != "r-a r-b v0 v1 v2 v3 v4 v5 " || *page.Total != 8 {
		t.Errorf("walked %s of %d", ids, *page.Total)
	}
	h.do(call{method: "GET", path: prefix + "/resources", token: "acme-viewer-a"}).want(200).json(&page)
	if len(page.Items) != 1 || page.Items[0].ID != "r-a" {
		t.Errorf("a token of /a sees %+v", page.Items)
	}
}

// TestResourcesOfASubtreeAreListedAndCounted asks with a node, and with a token that
// is bound to one.
func TestResourcesOfASubtreeAreListedAndCounted(t *testing.T) {
	h := newHouse(t)
	for i, node := range []string{"/a/x", "/ab", "/a/x/y", "/", "/a"} {
		body := fmt.Sprintf(`{"id":"v%d","node":%q,"business_type":"VOICE","charging_mode":"PERIODIC","source":"PURCHASED","expires":"2026-04-0%dT00:00:00Z"}`, i, node, i+1)
		h.do(call{method: "POST", path: prefix + "/resources", body: body}).want(201)
	}
	for _, c := range []struct{ token, query, want string }{
		{"", "?node=/a", "r-a v4"},
		{"", "?node=/a&recursive=false", "r-a v4"},
		{"", "?node=/a&recursive=true", "r-a v0 v2 v4"},
		{"", "?node=/a&recursive=true&business_type=VOICE&expires_to=2026-04-03T00:00:00Z", "v0 v2"},
		{"", "?node=/", "v3"},
		{"", "?node=/&recursive=true", "r-a r-b v0 v1 v2 v3 v4"},
		{"", "?node=/nowhere&recursive=true", ""},
		{"acme-viewer-a", "", "r-a v0 v2 v4"},
		{"acme-viewer-a", "?recursive=false", "r-a v4"},
		{"acme-viewer-a", "?node=/a/x&recursive=true", "v0 v2"},
		{"acme-viewer-a", "?node=/a&recursive=true&expires_from=2026-04-02T00:00:00Z", "r-a v2 v4"},
	} {
		var page wire.List[usance.Resource]
		var counts wire.ResourceCounts
		h.do(call{method: "GET", path: prefix + "/resources" + c.query, token: c.token}).want(200).json(&page)
		h.do(call{method: "GET", path: prefix + "/resources/count" + c.query, token: c.token}).want(200).json(&counts)
		var ids []string
		for _, r := range page.Items {
			ids = append(ids, r.ID)
		}
		if got := strings.Join(ids, " "); got != c.want || counts.Count != int64(len(ids)) {
			t.Errorf("%s %s: %q and a count of %d, want %q", c.token, c.query, got, counts.Count, c.want)
		}
	}
	for _, path := range []string{"/resources", "/resources/count"} {
		h.do(call{method: "GET", path: prefix + path + "?node=/b", token: "acme-viewer-a"}).want(403)
		h.do(call{method: "GET", path: prefix + path + "?node=/ab&recursive=true", token: "acme-viewer-a"}).want(403)
		h.do(call{method: "GET", path: prefix + path + "?node=b"}).want(400)
	}
}

func TestSecretsAreShownOnce(t *testing.T) {
	h := newHouse(t)
	var made wire.Token
	r := h.do(call{method: "POST", path: prefix + "/tokens", body: `{"name":"new","role":"viewer","subtree":"/a"}`}).want(201)
	if r.json(&made); made.Secret == "" || r.Header().Get("Cache-Control") != "no-store" {
		t.Fatalf("%+v, Cache-Control %q", made, r.Header().Get("Cache-Control"))
	}
	for _, path := range []string{"/tokens", "/tokens/new"} {
		if got := h.do(call{method: "GET", path: prefix + path}).want(200).Body.String(); strings.Contains(got, made.Secret) || strings.Contains(got, "secret") || strings.Contains(got, "hash") {
			t.Errorf("%s shows %s", path, got)
		}
	}
	h.do(call{method: "POST", path: prefix + "/tokens", body: `{"name":"new","role":"viewer"}`}).want(409).problem()
	h.do(call{method: "POST", path: prefix + "/tokens", body: `{"name":"root","role":"operator"}`}).want(400).problem()
	as := func(secret string) int {
		return h.do(call{method: "GET", path: prefix + "/meters", token: "none", headers: map[string]string{"Authorization": "bearer " + secret}}).Code
	}
	if as(made.Secret) != 200 {
		t.Error("the token does not work")
	}
	h.do(call{method: "DELETE", path: prefix + "/tokens/new"}).want(204)
	if as(made.Secret) != 401 {
		t.Error("the token outlives its removal")
	}
	var key wire.Key
	h.do(call{method: "POST", path: prefix + "/keys", body: `{"kind":"aksk","id":"AK","user":"ann"}`}).want(201).json(&key)
	if stored, err := h.reg.Key(t.Context(), usance.KeyAKSK, "AK"); err != nil || stored.Secret != key.Secret || key.Secret == "" {
		t.Errorf("%+v, stored %v", key, err)
	}
	if got := h.do(call{method: "GET", path: prefix + "/keys"}).want(200).Body.String(); strings.Contains(got, key.Secret) || strings.Contains(got, "sealed") {
		t.Errorf("shows %s", got)
	}
	h.do(call{method: "PUT", path: prefix + "/users/ann", body: `{"role":"admin","password":"correct horse"}`}).want(200)
	if got := h.do(call{method: "GET", path: prefix + "/users/ann"}).want(200).Body.String(); strings.Contains(got, "argon") || strings.Contains(got, "hash") {
		t.Errorf("shows %s", got)
	}
	if _, err := h.reg.SignInTenant(t.Context(), acme, "ann", "correct horse"); err != nil {
		t.Error(err)
	}
}

func TestASignInCodeStandsForItsUserForFiveMinutes(t *testing.T) {
	h := newHouse(t)
	var code wire.LoginCode
	h.do(call{method: "POST", path: prefix + "/login-codes", body: `{"user":"ann"}`}).want(201).json(&code)
	s, who, err := h.reg.Session(t.Context(), LoginCodeKind, code.Code)
	if err != nil || who.User != "ann" || who.Tenant != acme || !s.Expires.Equal(code.Expires) || code.Expires.Sub(noon) != loginCodeLife {
		t.Errorf("%+v %+v %v", s, who, err)
	}
	h.time = noon.Add(loginCodeLife)
	if _, _, err := h.reg.Session(t.Context(), LoginCodeKind, code.Code); usance.KindOf(err) != usance.KindUnauthorized {
		t.Errorf("after its life: %v", err)
	}
	h.do(call{method: "POST", path: prefix + "/login-codes", body: `{"user":"nobody"}`}).want(404).problem()
}

func TestAManifestIsAppliedOnceAndWhole(t *testing.T) {
	h := newHouse(t)
	manifest := "tenants:\n- id: gamma\n  name: Gamma\n  tokens:\n  - {name: new, role: viewer}\n  resources:\n" +
		"  - {id: r-1, business_type: LIVE_2D, charging_mode: ONE_TIME, source: SP_ALLOCATED, expires: 2026-12-31T00:00:00Z}\n"
	apply := func(token, body, dry string) *reply {
		return h.do(call{method: "POST", path: prefix + "/apply?dry_run=" + dry, token: token, body: body, media: wire.TypeYAML})
	}
	kinds := func(r *reply) string {
		var a wire.Applied
		r.want(200).json(&a)
		out := ""
		for _, c := range a.Tenants[0].Changes {
			out += c.Op + " " + c.Type + ", "
			if c.Type == "token" && (c.Secret != "") == a.DryRun {
				t.Errorf("dry %v, secret %q", a.DryRun, c.Secret)
			}
		}
		return out
	}
	const all = "create tenant, create token, create resource, "
	if got := kinds(apply("operator", manifest, "true")); got != all {
		t.Errorf("a dry run: %s", got)
	}
	h.do(call{method: "GET", path: prefix + "/tenants/gamma", token: "operator"}).want(404)
	if got := kinds(apply("operator", manifest, "false")); got != all {
		t.Errorf("applied: %s", got)
	}
	if got := kinds(apply("operator", manifest, "false")); got != "" {
		t.Errorf("applied again: %s", got)
	}
	changed := strings.Replace(manifest, "2026-12-31", "2027-12-31", 1)
	if got := kinds(apply("operator", changed, "false")); got != "update resource, " {
		t.Errorf("a later expiry: %s", got)
	}
	if got := kinds(apply("", `{"tenants":[{"id":"acme","settings":{"a.b":"c"}}]}`, "false")); got != "update tenant, " {
		t.Errorf("by its admin: %s", got)
	}
	apply("", manifest, "false").want(403).problem()
	p := apply("operator", "tenants:\n- id: acme\n  colour: red\n- id: beta\n  timezone: Mars/Base\n", "false").want(400).problem()
	if len(p.Errors) != 2 || p.Errors[0].Line != 3 || p.Errors[1].Line != 5 {
		t.Errorf("%+v", p.Errors)
	}
	apply("operator", "{", "false").want(400).problem()
	apply("operator", manifest, "maybe").want(400).problem()
	h.do(call{method: "POST", path: prefix + "/apply", token: "operator", body: "x", media: "image/png"}).want(415).problem()
}

func TestDefinitionsAreCreatedChangedAndRemoved(t *testing.T) {
	h := newHouse(t)
	do := func(method, path, body string) *reply {
		return h.do(call{method: method, path: prefix + path, body: body})
	}
	do("POST", "/meters", `{"name":"m","unit":"1","aggregation":"sum","events":[{"type":"x","amount":"data.n"}]}`).want(201)
	do("POST", "/meters", `{"name":"m","unit":"1","aggregation":"sum","events":[{"type":"x","amount":"data.n"}]}`).want(409).problem()
	do("POST", "/meters", `{"name":"drive.space","unit":"B","aggregation":"gauge"}`).want(409).problem()
	do("PUT", "/meters/m", `{"unit":"1","aggregation":"max","events":[{"type":"x","amount":"data.n"}]}`).want(409).problem()
	do("PUT", "/meters/m", `{"unit":"u","aggregation":"sum","events":[{"type":"y","amount":"data.n"}]}`).want(200)
	do("PUT", "/meters/m", do("GET", "/meters/m", "").want(200).Body.String()).want(200)
	do("DELETE", "/meters/m", "").want(204)
	do("DELETE", "/meters/m", "").want(404).problem()
	do("DELETE", "/meters/drive.space", "").want(409).problem()
	var meters wire.List[usance.Meter]
	h.get("/meters?limit=1000", &meters)
	if *meters.Total != 41 || int64(len(meters.Items)) != *meters.Total {
		t.Errorf("%d meters", len(meters.Items))
	}
	do("POST", "/nodes", `{"path":"/c","aliases":{"rtc.app":"5fa6"}}`).want(201)
	do("POST", "/nodes", `{"path":"/c"}`).want(409).problem()
	do("POST", "/nodes", `{"path":"/"}`).want(409).problem()
	do("POST", "/nodes", `{"path":"c"}`).want(400).problem()
	do("PUT", "/nodes", `{"path":"/d","aliases":{"rtc.app":"5fa6"}}`).want(409).problem()
	do("DELETE", "/nodes?node=/", "").want(400).problem()
	do("DELETE", "/nodes", "").want(400).problem()
	do("DELETE", "/nodes?node=/c", "").want(204)
	do("DELETE", "/nodes?node=/c", "").want(404).problem()
	var nodes wire.List[usance.Node]
	h.get("/nodes", &nodes)
	if len(nodes.Items) != 4 || nodes.Items[0].Path != "/" || nodes.Items[2].Path != "/a/x" {
		t.Errorf("%+v", nodes.Items)
	}
	// A key id is one tenant's alone; which one is nobody's business.
	if p := do("POST", "/keys", `{"kind":"app","id":"app-beta","user":"ann"}`).want(409).problem(); strings.Contains(fmt.Sprint(p), "BETA") {
		t.Errorf("%+v", p)
	}
	do("POST", "/users", `{"name":"ann","role":"viewer"}`).want(409).problem()
	do("POST", "/users", `{"name":"a@b","role":"viewer"}`).want(400).problem()
	do("PUT", "/users/zoe", `{"name":"yan","role":"viewer"}`).want(400).problem()
	do("DELETE", "/users/ann", "").want(409).problem() // her key is still there
	do("DELETE", "/keys/app/app-acme", "").want(204)
	do("DELETE", "/users/ann", "").want(204)
	for _, path := range []string{"/users/ann", "/keys/app/app-acme", "/tokens/none", "/meters/none", "/resources/none"} {
		do("GET", path, "").want(404).problem()
	}
}

func TestTenantsAreTheOperatorsToList(t *testing.T) {
	h := newHouse(t)
	op := func(method, path, body string) *reply {
		return h.do(call{method: method, path: prefix + path, body: body, token: "operator"})
	}
	for i := range 3 {
		op("POST", "/tenants", fmt.Sprintf(`{"id":"t%d","timezone":"Asia/Shanghai"}`, i)).want(201)
	}
	op("POST", "/tenants", `{"id":"t1"}`).want(409).problem()
	op("POST", "/tenants", `{"id":"~system"}`).want(400).problem()
	op("POST", "/tenants", `{"id":"t9","timezone":"Nowhere"}`).want(400).problem()
	op("PUT", "/tenants/t7", `{"name":"Seven"}`).want(200)
	op("PUT", "/tenants/T7", `{"name":"Seven"}`).want(400).problem()
	op("GET", "/tenants/~system", "").want(404).problem()
	ids := ""
	var page wire.List[usance.Tenant]
	for cursor := ""; ; {
		op("GET", strings.TrimSuffix("/tenants?limit=2&cursor="+cursor, "&cursor="), "").want(200).json(&page)
		for _, x := range page.Items {
			ids += string(x.ID) + " "
		}
		if cursor = page.Next; cursor == "" {
			break
		}
	}
	if ids != "acme beta t0 t1 t2 t7 " {
		t.Errorf("walked %s", ids)
	}
	h.get("/tenants", &page)
	if len(page.Items) != 1 || page.Items[0].ID != acme {
		t.Errorf("acme's admin sees %+v", page.Items)
	}
}
