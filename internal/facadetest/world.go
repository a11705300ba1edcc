package facadetest

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

// World is one façade on a core of its own.
type World[F http.Handler] struct {
	*Core
	Facade F
	origin string
}

// NewWorld opens a core at a time and puts the façade on it. Requests go to the
// origin, such as "http://iam.myhuaweicloud.com".
func NewWorld[F http.Handler](t testing.TB, at time.Time, origin string, facade func(*Core) F) *World[F] {
	t.Helper()
	core := Open(t, at)
	return &World[F]{Core: core, Facade: facade(core), origin: origin}
}

// For returns the façade for a subtest: what fails there fails the subtest.
func (w *World[F]) For(t testing.TB) *World[F] {
	core := &Core{TB: t, Clock: w.Clock, Store: w.Store, Registry: w.Registry, Ledger: w.Ledger, events: w.events}
	return &World[F]{Core: core, Facade: w.Facade, origin: w.origin}
}

// Request returns a request; header is names and values in turn. One without a
// body has none at all.
func Request(method, url, body string, header ...string) *http.Request {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(context.Background(), method, url, in)
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return r
}

// Request is Request for a path of the origin.
func (w *World[F]) Request(method, path, body string, header ...string) *http.Request {
	return Request(method, w.origin+path, body, header...)
}

// Serve serves one request.
func (w *World[F]) Serve(r *http.Request) *httptest.ResponseRecorder {
	out := httptest.NewRecorder()
	w.Facade.ServeHTTP(out, r)
	return out
}

// Call serves the Request of its arguments.
func (w *World[F]) Call(method, path, body string, header ...string) *httptest.ResponseRecorder {
	return w.Serve(w.Request(method, path, body, header...))
}

// Object reads an answer that is a JSON object.
func (w *World[F]) Object(out *httptest.ResponseRecorder) map[string]any {
	w.Helper()
	var v map[string]any
	if err := json.Unmarshal(out.Body.Bytes(), &v); err != nil {
		w.Fatalf("%d %s: %v", out.Code, out.Body, err)
	}
	return v
}

// Told returns a header by its name as written, which may not be Go's own form.
func Told(out *httptest.ResponseRecorder, name string) string {
	return strings.Join(out.Header()[name], " and ")
}

// Answered is Object for an answer of the status from behind the gateway, which
// names the request.
func (w *World[F]) Answered(out *httptest.ResponseRecorder, status int) map[string]any {
	w.Helper()
	if out.Code != status {
		w.Fatalf("status %d, want %d: %s", out.Code, status, out.Body)
	}
	if id := out.Header().Get("X-Request-Id"); len(id) != 32 {
		w.Fatalf("request id %q", id)
	}
	return w.Object(out)
}

// Refused checks a flat refusal from behind the gateway and returns its message.
// The services' refusals have two members, the gateway's a request id too.
func (w *World[F]) Refused(out *httptest.ResponseRecorder, status int, code string) string {
	w.Helper()
	v := w.Answered(out, status)
	message, _ := v["error_msg"].(string)
	members := 2
	if strings.HasPrefix(code, "APIGW.") {
		members = 3
	}
	if v["error_code"] != code || message == "" || len(v) != members {
		w.Fatalf("want %s: %s", code, out.Body)
	}
	if members == 3 && v["request_id"] != out.Header().Get("X-Request-Id") {
		w.Fatalf("the body names another request: %s", out.Body)
	}
	return message
}

// Signed returns a request signed at the clock's time as the vendor's SDKs sign.
func (w *World[F]) Signed(scheme sdksign.Scheme, id, secret, method, path, body string, header ...string) *http.Request {
	w.Helper()
	r := w.Request(method, path, body, header...)
	auth := sdksign.Authorization{Scheme: scheme, KeyID: id}
	if scheme == sdksign.Derived {
		auth.Region, auth.Service = "cn-north-4", "cloudrtc"
	}
	if err := sdksign.SignHTTP(r, []byte(body), auth, secret, w.Clock.Now()); err != nil {
		w.Fatal(err)
	}
	return r
}

// As serves a request signed with one of Signers' access keys.
func (w *World[F]) As(key, method, path string, header ...string) *httptest.ResponseRecorder {
	w.Helper()
	return w.Serve(w.Signed(sdksign.HMACSHA256, key, SecretOf(key), method, path, "", header...))
}

// SecretOf is the secret of an access key in tests: SKX of the key AKX.
func SecretOf(key string) string { return "SK" + strings.TrimPrefix(key, "AK") }

// AccessKey is an access key of the user, with the secret of SecretOf.
func AccessKey(id, user string) registry.KeySpec {
	return Key(usance.KeyAKSK, id, SecretOf(id), user)
}

// Signers gives an edit users with access keys: the administrator ops with
// AKEXAMPLE, the viewers look with AKLOOK and, at and below the node, web with AKWEB,
// and the ingester feed with AKFEED.
func Signers(e registry.Edit, node usance.Path) registry.Edit {
	e.Users = append(e.Users, User("ops", "", usance.RoleAdmin, ""), User("look", "", usance.RoleViewer, ""),
		User("web", "", usance.RoleViewer, node), User("feed", "", usance.RoleIngester, ""))
	e.Keys = append(e.Keys, AccessKey("AKEXAMPLE", "ops"), AccessKey("AKLOOK", "look"), AccessKey("AKWEB", "web"), AccessKey("AKFEED", "feed"))
	return e
}

// Stranger gives an edit of another tenant its administrator ops with AKOTHER.
func Stranger(e registry.Edit) registry.Edit {
	e.Users = append(e.Users, User("ops", "", usance.RoleAdmin, ""))
	e.Keys = append(e.Keys, AccessKey("AKOTHER", "ops"))
	return e
}
