package api

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

func TestTheDocumentHoldsEveryRouteAndNoOther(t *testing.T) {
	h := newHouse(t)
	served := h.do(call{method: "GET", path: "/openapi.json", token: "none"}).want(200)
	doc, err := openapi3.NewLoader().LoadFromData(served.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Fatalf("OpenAPI %s", doc.OpenAPI)
	}
	described := map[string]string{}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			described[op.OperationID] = method + " " + path
			var params []string
			for _, p := range op.Parameters {
				if p.Value.In == "query" {
					params = append(params, p.Value.Name)
				}
			}
			i := slices.IndexFunc(h.api.routes, func(r route) bool { return r.id == op.OperationID })
			if i < 0 {
				t.Errorf("%s %s is not served", method, path)
				continue
			}
			var taken []string
			for _, p := range h.api.routes[i].params {
				taken = append(taken, p.name)
			}
			if slices.Sort(params); !slices.Equal(params, slices.Sorted(slices.Values(taken))) {
				t.Errorf("%s: documented parameters %v, taken %v", op.OperationID, params, taken)
			}
			// The path must be answered by exactly this route.
			below := strings.TrimPrefix(strings.NewReplacer("{", "", "}", "").Replace(path), prefix+"/")
			if rt, _, _ := match(h.api.routes, method, below); rt == nil || rt.id != op.OperationID {
				t.Errorf("%s %s is answered by another route", method, path)
			}
		}
	}
	for _, rt := range h.api.routes {
		if described[rt.id] != rt.method+" "+prefix+rt.path {
			t.Errorf("%s is described as %q", rt.id, described[rt.id])
		}
	}
	if len(described) != len(h.api.routes) {
		t.Errorf("%d operations for %d routes", len(described), len(h.api.routes))
	}
}

func TestEverySchemaIsUsed(t *testing.T) {
	text := string(document(routes()))
	doc, err := openapi3.NewLoader().LoadFromData([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	for name := range maps.Keys(doc.Components.Schemas) {
		if !strings.Contains(text, `"#/components/schemas/`+name+`"`) {
			t.Errorf("schema %s is used nowhere", name)
		}
	}
}

func TestTheDocsPageComesFromTheBinaryAlone(t *testing.T) {
	h := newHouse(t)
	for _, path := range []string{"/docs", "/docs/"} {
		page := h.do(call{method: "GET", path: path, token: "none"}).want(200)
		for _, elsewhere := range []string{`src="http`, `href="http`, `url("http`} {
			if strings.Contains(page.Body.String(), elsewhere) {
				t.Errorf("%s refers to another server: %s", path, elsewhere)
			}
		}
		if !strings.Contains(page.Header().Get("Content-Security-Policy"), "default-src 'self'") {
			t.Errorf("policy %q", page.Header().Get("Content-Security-Policy"))
		}
		if !strings.Contains(page.Body.String(), "/openapi.json") {
			t.Error("the page does not read the document")
		}
	}
	script := h.do(call{method: "GET", path: "/docs/swagger-ui-bundle.js", token: "none", headers: map[string]string{"Accept-Encoding": "gzip"}}).want(200)
	if script.Body.Len() < 100_000 {
		t.Errorf("a script of %d bytes", script.Body.Len())
	}
	h.do(call{method: "POST", path: "/docs", token: "none"}).want(405)
}
