package api

import (
	_ "embed" // for schemas.json
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/httpx"
)

// The document is made of the route table, which is what is served, and of the
// schemas in schemas.json, which the tests hold against live answers.

//go:embed schemas.json
var schemas []byte

type object = map[string]any

func ref(kind, name string) object { return object{"$ref": "#/components/" + kind + "/" + name} }

// document assembles the OpenAPI document.
func document(table []route) []byte {
	paths := object{}
	for i := range table {
		rt := &table[i]
		at := prefix + rt.path
		item, ok := paths[at].(object)
		if !ok {
			item = object{}
			paths[at] = item
		}
		item[strings.ToLower(rt.method)] = operation(rt)
	}
	doc := object{
		"openapi": "3.1.0",
		"info": object{"title": "Usance", "version": "1", "license": object{"name": "Apache-2.0", "identifier": "Apache-2.0"},
			"description": "Who used how much of what, against which quota, and what is about to expire."},
		"servers":  []object{{"url": "/"}},
		"security": []object{{"bearer": []string{}}},
		"tags":     tags("Events", "Meters", "Quotas", "Charges and holds", "Resources", "Tenants", "Nodes", "Users", "Keys", "Tokens", "Integrity"),
		"paths":    paths,
		"components": object{
			"schemas":   jsontext.Value(schemas),
			"responses": refusals(),
			"headers":   answerHeaders(),
			"securitySchemes": object{"bearer": object{"type": "http", "scheme": "bearer",
				"description": "A tenant's token speaks for its tenant, an operator's for the one it names."}},
		},
	}
	b, err := json.Marshal(doc, json.Deterministic(true), jsontext.WithIndent(" "))
	if err != nil {
		return nil // schemas.json is not JSON; the tests see that it is
	}
	return b
}

func tags(names ...string) []object {
	out := make([]object, len(names))
	for i, n := range names {
		out[i] = object{"name": n}
	}
	return out
}

func operation(rt *route) object {
	op := object{"operationId": rt.id, "summary": rt.doc.summary, "tags": []string{rt.doc.tag},
		"parameters": parameters(rt), "responses": responses(rt)}
	if text := strings.TrimSpace(rt.doc.text + "\n\n" + rightText(rt)); text != "" {
		op["description"] = text
	}
	if rt.doc.in != "" {
		op["requestBody"] = object{"required": !rt.doc.optional, "content": requestContent(rt)}
	}
	return op
}

// rightText says who may make the call.
func rightText(rt *route) string {
	var roles []string
	for _, r := range []usance.Role{usance.RoleOperator, usance.RoleAdmin, usance.RoleMember, usance.RoleIngester, usance.RoleViewer} {
		if r.Allows(rt.right) {
			roles = append(roles, string(r))
		}
	}
	text := "Roles: " + strings.Join(roles, ", ") + "."
	if rt.where == atRoot {
		text += " Tokens bound to a subtree may not make this call."
	}
	return text
}

func requestContent(rt *route) object {
	body := func(name string) object { return object{"schema": ref("schemas", name)} }
	switch rt.doc.in {
	case "Events":
		lines := object{"schema": object{"type": "string"}}
		return object{wire.TypeEvent: body("Event"), wire.TypeBatch: body("EventBatch"), wire.TypeJSON: body("Events"), wire.TypeNDJSON: lines}
	case "Manifest":
		return object{wire.TypeYAML: object{"schema": object{"type": "string"}}, wire.TypeJSON: body("Manifest")}
	case "Archive":
		return object{wire.TypeArchive: body("Archive")}
	}
	return object{wire.TypeJSON: body(rt.doc.in)}
}

func parameters(rt *route) []object {
	out := []object{}
	for _, segment := range rt.segments {
		if name, ok := strings.CutPrefix(segment, "{"); ok {
			out = append(out, object{"name": strings.TrimSuffix(name, "}"), "in": "path", "required": true, "schema": object{"type": "string", "minLength": 1}})
		}
	}
	for _, p := range rt.params {
		o := object{"name": p.name, "in": "query", "description": p.doc, "schema": p.schema()}
		if strings.Contains(p.doc, "Required.") {
			o["required"] = true
		}
		if p.name == filterName {
			o["style"], o["explode"] = "deepObject", true
		}
		out = append(out, o)
	}
	return out
}

func (p param) schema() object {
	var s object
	switch p.format {
	case "int":
		s = object{"type": "integer", "minimum": 0}
	case "bool":
		s = object{"type": "boolean"}
	case "time":
		s = object{"type": "string", "format": "date-time"}
	case "node":
		s = ref("schemas", "Path")
	default:
		s = object{"type": "string", "maxLength": maxParam}
	}
	if p.enum != nil {
		s["enum"] = p.enum
	}
	if p.name == filterName {
		return object{"type": "object", "additionalProperties": s}
	}
	if p.repeats {
		return object{"type": "array", "items": s}
	}
	return s
}

func responses(rt *route) object {
	done := object{"description": http.StatusText(rt.doc.status)}
	headers := object{}
	if rt.where != anywhere || rt.id == "sendEvents" {
		headers[wire.HeaderSequence] = ref("headers", wire.HeaderSequence)
	}
	if rt.id == "sendEvents" {
		headers[wire.HeaderAccepted] = ref("headers", wire.HeaderAccepted)
		headers[wire.HeaderDuplicates] = ref("headers", wire.HeaderDuplicates)
	}
	if len(headers) > 0 {
		done["headers"] = headers
	}
	if rt.doc.out != "" {
		content := object{wire.TypeJSON: object{"schema": ref("schemas", rt.doc.out)}}
		if rt.id == "queryMeter" {
			content[wire.TypeCSV] = object{"schema": object{"type": "string"}}
		}
		if rt.id == "verify" || rt.id == "importTenant" {
			content[wire.TypeNDJSON] = object{"schema": object{"type": "string"}}
		}
		switch rt.doc.out {
		case "Backup":
			content = object{wire.TypeTar: object{"schema": ref("schemas", "Backup")}}
		case "Archive":
			content = object{wire.TypeArchive: object{"schema": ref("schemas", "Archive")}}
		}
		done["content"] = content
	}
	out := object{strconv.Itoa(rt.doc.status): done}
	for status := range refusalTexts() {
		out[status] = ref("responses", "Refusal"+status)
	}
	return out
}

func refusalTexts() map[string]string {
	return map[string]string{
		"400": "The request is wrong; errors says where.",
		"401": "There is no valid bearer token.",
		"403": "The token's role or subtree does not allow it.",
		"404": "There is no such thing, or none that the token may know of.",
		"408": "The body came too slowly.",
		"409": "It contradicts what is stored; errors says where. Or a quota has no room; blocks lists every one that refuses.",
		"413": "The body, or a list in it, is over a bound.",
		"415": "The Content-Type or Content-Encoding is not one of those taken.",
		"500": "A defect; the request id leads to its cause in the log.",
		"503": "Try again later.",
	}
}

func refusals() object {
	out := object{}
	for status, text := range refusalTexts() {
		out["Refusal"+status] = object{"description": text, "content": object{wire.TypeProblem: object{"schema": ref("schemas", "Problem")}}}
	}
	return out
}

func answerHeaders() object {
	count := func(text string) object {
		return object{"description": text, "schema": object{"type": "integer", "minimum": 0}}
	}
	return object{
		wire.HeaderSequence:   count("The newest entry of the tenant's ledger that the call wrote or read."),
		wire.HeaderAccepted:   count("Events counted by this request."),
		wire.HeaderDuplicates: count("Events that were known already."),
	}
}

func (a *API) serveDocument(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", wire.TypeJSON)
	h.Set("Access-Control-Allow-Origin", "*") // it is public, and tools in browsers read it
	httpx.WriteBytes(w, http.StatusOK, a.document)
}

// newDocs returns the page that shows the document: Swagger UI out of this
// binary. It loads nothing from elsewhere, and its policy forbids it to.
func newDocs() http.Handler {
	ui := v5emb.NewWithConfig(swgui.Config{SettingsUI: map[string]string{"validatorUrl": "null"}})("Usance API", "/openapi.json", "/docs")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", "default-src 'self'; img-src 'self' data:; style-src 'self' 'unsafe-inline'; script-src 'self' 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
		h.Set("Referrer-Policy", "no-referrer")
		ui.ServeHTTP(w, r)
	})
}
