package sdksign

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"pgregory.net/rapid"
)

func reasonOf(err error) Reason {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f.Reason
	}
	return 0
}

// drawRequest makes a request that the scheme can sign.
func drawRequest(t *rapid.T, scheme Scheme) Request {
	text := rapid.StringMatching(`([a-zA-Z0-9._~-]|%[0-9A-F][0-9A-F]){0,8}`)
	req := Request{
		Method: rapid.SampledFrom([]string{"GET", "POST", "PUT", "DELETE"}).Draw(t, "method"),
		Host:   "host.example:8443",
		Path:   "/v1/" + text.Draw(t, "path") + "/" + text.Draw(t, "path"),
		Header: http.Header{},
		Body:   rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "body"),
	}
	var parts []string
	for range rapid.IntRange(0, 5).Draw(t, "pairs") {
		name := rapid.SampledFrom([]string{"a", "b", "c%7E", "~"}).Draw(t, "name")
		parts = append(parts, name+rapid.SampledFrom([]string{"", "="}).Draw(t, "equals")+text.Draw(t, "value"))
	}
	req.Query = strings.Join(parts, "&")
	req.Header.Set(scheme.DateHeader(), at.Format(DateFormat))
	req.Header.Set("X-User-Id", rapid.StringMatching(`[a-z0-9]{1,8}`).Draw(t, "user"))
	if rapid.Bool().Draw(t, "twice") {
		req.Header["X-Many"] = []string{rapid.StringMatching(`[ a-z]{0,5}`).Draw(t, "one"), rapid.StringMatching(`[ a-z]{0,5}`).Draw(t, "two")}
	}
	if name := scheme.bodyHeader(); name != "" && rapid.Bool().Draw(t, "unsigned") {
		req.Header.Set(name, UnsignedPayload)
	}
	return req
}

func drawAuthorization(t *rapid.T, schemes []Scheme) Authorization {
	a := Authorization{Scheme: rapid.SampledFrom(schemes).Draw(t, "scheme"), KeyID: rapid.StringMatching(`[A-Z0-9]{1,20}`).Draw(t, "key")}
	if a.Scheme == Derived {
		a.Region, a.Service = "cn-north-4", "rtc"
	}
	return a
}

func TestWhatIsSignedIsAccepted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAuthorization(t, []Scheme{HMACSHA256, HMACSM3, ECDSAP256, SM2SM3, Derived, AppHMAC})
		req := drawRequest(t, a.Scheme)
		secret := rapid.StringMatching(`.{1,40}`).Draw(t, "secret")
		if rapid.Bool().Draw(t, "host") {
			a.SignedHeaders = append(DefaultSignedHeaders(req.Header), "host")
		}
		signed, err := Sign(req, a, secret)
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := Parse(signed.String())
		if err != nil || parsed.String() != signed.String() {
			t.Fatalf("%s is read as %s, %v", signed, parsed, err)
		}
		if err := Verify(req, parsed, secret, at, a.Scheme.Window()); err != nil {
			t.Fatal(err)
		}
		if err := Verify(req, parsed, secret+"1", at, a.Scheme.Window()); reasonOf(err) != Mismatch {
			t.Fatalf("another secret: %v", err)
		}
	})
}

// change replaces one byte of s by another.
func change(t *rapid.T, s string) string {
	if s == "" {
		return "x"
	}
	i := rapid.IntRange(0, len(s)-1).Draw(t, "where")
	c := rapid.ByteRange(' ', '~').Filter(func(b byte) bool { return b != s[i] }).Draw(t, "byte")
	return s[:i] + string(c) + s[i+1:]
}

func TestAnyChangedByteIsRefused(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := drawAuthorization(t, []Scheme{HMACSHA256, HMACSM3, ECDSAP256, SM2SM3, Derived, AppHMAC})
		req := drawRequest(t, a.Scheme)
		a.SignedHeaders = append(DefaultSignedHeaders(req.Header), "host")
		signed, err := Sign(req, a, "secret")
		if err != nil {
			t.Fatal(err)
		}
		changed := req
		changed.Header = req.Header.Clone()
		switch part := rapid.SampledFrom([]string{"method", "path", "query", "host", "header", "body", "key"}).Draw(t, "part"); part {
		case "method":
			changed.Method = change(t, req.Method)
		case "path":
			changed.Path = change(t, req.Path)
			if CanonicalPath(changed.Path) == CanonicalPath(req.Path) {
				return // the same path in another spelling
			}
		case "query":
			changed.Query = change(t, req.Query)
			if CanonicalQuery(changed.Query) == CanonicalQuery(req.Query) {
				return // the same query in another spelling
			}
		case "host":
			changed.Host = strings.TrimSpace(change(t, req.Host))
		case "header":
			changed.Header.Set("X-User-Id", change(t, req.Header.Get("X-User-Id")))
			if strings.TrimSpace(changed.Header.Get("X-User-Id")) == req.Header.Get("X-User-Id") {
				return // blanks around a value are not signed
			}
		case "body":
			if name := a.Scheme.bodyHeader(); name != "" && req.Header.Get(name) != "" {
				return // the body was declared unsigned
			}
			changed.Body = []byte(change(t, string(req.Body)))
		case "key":
			if a.Scheme == HMACSHA256 || a.Scheme == HMACSM3 || a.Scheme == AppHMAC {
				return // the key id takes no part in these schemes: its secret does
			}
			signed.KeyID += "1"
		}
		if err := Verify(changed, signed, "secret", at, a.Scheme.Window()); reasonOf(err) != Mismatch {
			t.Fatalf("%+v\nfor %+v: %v", changed, req, err)
		}
	})
}

func TestASignedHeaderTakenAwayOrAddedIsRefused(t *testing.T) {
	req := simple()
	req.Header.Set("X-Project-Id", project)
	signed := mustSign(t, req, Authorization{Scheme: HMACSHA256, KeyID: "AK"})
	without := simple()
	if err := Verify(without, signed, "secret", at, signed.Scheme.Window()); reasonOf(err) != Mismatch {
		t.Errorf("taken away: %v", err)
	}
	req.Header.Add("X-Project-Id", "another")
	if err := Verify(req, signed, "secret", at, signed.Scheme.Window()); reasonOf(err) != Mismatch {
		t.Errorf("added: %v", err)
	}
}

// simple is a small request with an SDK date.
func simple() Request {
	return Request{Method: "POST", Host: "h", Path: "/v1/p", Header: http.Header{"X-Sdk-Date": {at.Format(DateFormat)}}}
}

func mustSign(t *testing.T, req Request, a Authorization) Authorization {
	t.Helper()
	signed, err := Sign(req, a, "secret")
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestTheWindowIncludesItsBoundsAndNothingMore(t *testing.T) {
	for _, scheme := range []Scheme{HMACSHA256, AppHMAC} {
		req := simple()
		req.Header.Set("X-Date", at.Format(DateFormat))
		req.Header.Set("X-User-Id", "u")
		signed := mustSign(t, req, Authorization{Scheme: scheme, KeyID: "AK"})
		w := scheme.Window()
		for _, c := range []struct {
			now  time.Time
			want Reason
		}{
			{at.Add(w.Past), 0}, {at.Add(w.Past + time.Nanosecond), Skewed},
			{at.Add(-w.Future), 0}, {at.Add(-w.Future - time.Nanosecond), Skewed},
			{at.AddDate(1000, 0, 0), Skewed}, {time.Time{}, Skewed},
		} {
			if err := Verify(req, signed, "secret", c.now, w); reasonOf(err) != c.want {
				t.Errorf("%v at %v: %v", scheme, c.now.Sub(at), err)
			}
		}
	}
}

func TestTheDateMustBeThereOnceAndSigned(t *testing.T) {
	cases := []struct {
		name    string
		dates   []string
		headers []string
		scheme  Scheme
		want    Reason
	}{
		{"absent", nil, []string{"x-sdk-date"}, HMACSHA256, NoDate},
		{"empty", []string{""}, []string{"x-sdk-date"}, HMACSHA256, NoDate},
		{"not signed", []string{"20260305T010203Z"}, []string{"host"}, HMACSHA256, NoDate},
		{"twice", []string{"20260305T010203Z", "20260305T010203Z"}, []string{"x-sdk-date"}, HMACSHA256, Malformed},
		{"another form", []string{"2026-03-05T01:02:03Z"}, []string{"x-sdk-date"}, HMACSHA256, Malformed},
		{"no such day", []string{"20260230T010203Z"}, []string{"x-sdk-date"}, HMACSHA256, Malformed},
		{"user not signed", []string{"20260305T010203Z"}, []string{"x-date"}, AppHMAC, Malformed},
	}
	for _, c := range cases {
		req := simple()
		req.Header = http.Header{}
		if c.dates != nil {
			req.Header[c.scheme.DateHeader()] = c.dates
		}
		a := Authorization{Scheme: c.scheme, KeyID: "AK", SignedHeaders: c.headers, Signature: "00"}
		if err := Verify(req, a, "secret", at, c.scheme.Window()); reasonOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
		if _, err := Sign(req, a, "secret"); reasonOf(err) != c.want {
			t.Errorf("%s: Sign: %v", c.name, err)
		}
	}
}

func TestADerivedKeyIsForItsDayRegionAndService(t *testing.T) {
	req := simple()
	signed := mustSign(t, req, Authorization{Scheme: Derived, KeyID: "AK", Region: "r", Service: "s"})
	for name, spoil := range map[string]func(*Authorization){
		"day":     func(a *Authorization) { a.Day = "20260304" },
		"region":  func(a *Authorization) { a.Region = "r2" },
		"service": func(a *Authorization) { a.Service = "s2" },
	} {
		other := signed
		spoil(&other)
		if err := Verify(req, other, "secret", at, Derived.Window()); err == nil {
			t.Errorf("another %s is accepted", name)
		}
	}
}

func TestADeclaredBodyHashCannotCarryAnotherBody(t *testing.T) {
	req := simple()
	req.Body = []byte("the signed body")
	signed := mustSign(t, req, Authorization{Scheme: HMACSHA256, KeyID: "AK"})
	hash := string(HMACSHA256.hexHash(nil, req.Body))
	for _, literal := range []string{hash, strings.ToUpper(hash), UnsignedPayload} {
		forged := req
		forged.Header = req.Header.Clone()
		forged.Header.Set("X-Sdk-Content-Sha256", literal)
		forged.Body = []byte("another body")
		if err := Verify(forged, signed, "secret", at, signed.Scheme.Window()); reasonOf(err) != Mismatch {
			t.Errorf("%s: %v", literal, err)
		}
	}
	req.Header.Set("X-Sdk-Content-Sha256", hash)
	signed = mustSign(t, req, Authorization{Scheme: HMACSHA256, KeyID: "AK"})
	if err := Verify(req, signed, "secret", at, signed.Scheme.Window()); err != nil {
		t.Errorf("a true declaration: %v", err)
	}
}

func TestAnEmptyBodyDeclaredUnsignedMayBeSignedEitherWay(t *testing.T) {
	for _, scheme := range []Scheme{HMACSHA256, HMACSM3} {
		req := simple()
		signed := mustSign(t, req, Authorization{Scheme: scheme, KeyID: "AK", SignedHeaders: []string{"x-sdk-date"}})
		req.Header.Set(scheme.bodyHeader(), UnsignedPayload)
		if err := Verify(req, signed, "secret", at, scheme.Window()); err != nil {
			t.Errorf("%v, hash of nothing: %v", scheme, err)
		}
		signed = mustSign(t, req, Authorization{Scheme: scheme, KeyID: "AK", SignedHeaders: []string{"x-sdk-date"}})
		if err := Verify(req, signed, "secret", at, scheme.Window()); err != nil {
			t.Errorf("%v, literal: %v", scheme, err)
		}
		req.Body = []byte("x")
		if err := Verify(req, signed, "secret", at, scheme.Window()); err != nil {
			t.Errorf("%v, unsigned body: %v", scheme, err)
		}
	}
}

// signVariant signs as an older client would.
func signVariant(t *testing.T, req Request, wire []pair, v variant) Authorization {
	t.Helper()
	a := Authorization{Scheme: HMACSHA256, KeyID: "AK", SignedHeaders: []string{"x-sdk-date"}}
	v.payload = string(a.Scheme.hexHash(nil, req.Body))
	key, err := newSigner(a, "secret")
	if err != nil {
		t.Fatal(err)
	}
	sig, err := key.sign(stringToSign(nil, a, at.Format(DateFormat), canonical(nil, req, a.SignedHeaders, wire, v)))
	if err != nil {
		t.Fatal(err)
	}
	a.Signature = strings.ToUpper(bytesToHex(sig))
	return a
}

func bytesToHex(b []byte) string {
	const digits = "0123456789abcdef"
	var s strings.Builder
	for _, c := range b {
		s.WriteByte(digits[c>>4])
		s.WriteByte(digits[c&15])
	}
	return s.String()
}

func TestOlderReadingsAreAccepted(t *testing.T) {
	cases := []struct {
		name, path, query string
		wire              []pair
		v                 variant
		want              Reason
	}{
		{"values in wire order", "/p", "k=2&a=0&k=1", []pair{{"a", "0"}, {"k", "2"}, {"k", "1"}}, variant{}, 0},
		{"some other order", "/p", "k=2&a=0&k=1&k=3", []pair{{"a", "0"}, {"k", "3"}, {"k", "1"}, {"k", "2"}}, variant{}, Mismatch},
		{"tilde in the path", "/~p", "a=1", []pair{{"a", "1"}}, variant{tilde: true}, 0},
		{"tilde encoded on the wire", "/p", "a=%7e1", []pair{{"a", "~1"}}, variant{tilde: true}, 0},
		{"both", "/p", "k=~2&k=1", []pair{{"k", "~2"}, {"k", "1"}}, variant{tilde: true}, 0},
	}
	for _, c := range cases {
		req := simple()
		req.Path, req.Query = c.path, c.query
		a := signVariant(t, req, c.wire, c.v)
		if err := Verify(req, a, "secret", at, a.Scheme.Window()); reasonOf(err) != c.want {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestSigningAgainGivesTheSameSignature(t *testing.T) {
	for _, scheme := range []Scheme{HMACSHA256, HMACSM3, ECDSAP256, Derived} {
		a := Authorization{Scheme: scheme, KeyID: "AK", Region: "r", Service: "s"}
		if one, two := mustSign(t, simple(), a), mustSign(t, simple(), a); one.Signature != two.Signature {
			t.Errorf("%v: %s, then %s", scheme, one, two)
		}
	}
}

func TestAnEmptySecretSignsNothing(t *testing.T) {
	req := simple()
	a := Authorization{Scheme: HMACSHA256, KeyID: "AK", SignedHeaders: []string{"x-sdk-date"}}
	if _, err := Sign(req, a, ""); err == nil {
		t.Error("Sign accepts an empty secret")
	}
	sum, err := macSigner{HMACSHA256.newHash, nil}.sign(stringToSign(nil, a, at.Format(DateFormat),
		canonical(nil, req, a.SignedHeaders, nil, variant{payload: string(a.Scheme.hexHash(nil, nil))})))
	if err != nil {
		t.Fatal(err)
	}
	a.Signature = bytesToHex(sum)
	if err := Verify(req, a, "", at, a.Scheme.Window()); reasonOf(err) != Mismatch {
		t.Errorf("Verify: %v", err)
	}
}

func TestFailuresAreOfKindUnauthorized(t *testing.T) {
	_, err := Parse("nonsense")
	if usance.KindOf(err) != usance.KindUnauthorized {
		t.Fatalf("kind %v", usance.KindOf(err))
	}
}

func TestSignaturesSurviveTheWire(t *testing.T) {
	for _, scheme := range []Scheme{HMACSHA256, HMACSM3, ECDSAP256, SM2SM3, Derived, AppHMAC} {
		var verdict error
		srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			body, err := io.ReadAll(r.Body)
			if err != nil {
				t.Error(err)
			}
			a, err := Parse(r.Header.Get("Authorization"))
			if err == nil {
				err = Verify(FromHTTP(r, body), a, "secret", at.Add(time.Minute), a.Scheme.Window())
			}
			verdict = err
		}))
		body := []byte(`{"a":1}`)
		r, err := http.NewRequestWithContext(t.Context(), "POST", srv.URL+"/a%20b/%E4%BD%A0//c?z=1+2&y=%2B&bare&r=b&r=a", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("X-User-Id", "u-1")
		a := Authorization{Scheme: scheme, KeyID: "AK", Region: "r", Service: "s"}
		a.SignedHeaders = []string{"content-length", "content-type", "host", strings.ToLower(scheme.DateHeader()), "x-user-id"}
		r.Header.Set("Content-Length", "7")
		if err := SignHTTP(r, body, a, "secret", at); err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		srv.Close()
		if verdict != nil {
			t.Errorf("%v: %v", scheme, verdict)
		}
	}
}
