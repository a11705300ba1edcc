package sdksign

import (
	"strings"
	"testing"
	"time"
)

func TestParseToleratesBlanksCaseAndOrder(t *testing.T) {
	want := "SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=ab"
	for _, header := range []string{
		want,
		"SDK-HMAC-SHA256 Access=AK,SignedHeaders=host;x-sdk-date,Signature=ab",
		"  sdk-hmac-sha256   signature = ab ,, signedheaders=host;x-sdk-date , ACCESS=AK ,",
		"SDK-HMAC-SHA256 Access=AK, Future=x, SignedHeaders=host;x-sdk-date, Signature=ab",
	} {
		a, err := Parse(header)
		if err != nil || a.String() != want {
			t.Errorf("%q: %s, %v", header, a, err)
		}
	}
	a, err := Parse("HMAC-SHA256 AppId=id,SignedHeaders=host;x-date;x-user-id,Signature=ab")
	if err != nil || a.Scheme != AppHMAC || a.KeyID != "id" || len(a.SignedHeaders) != 3 {
		t.Errorf("app: %+v, %v", a, err)
	}
	a, err = Parse("V11-HMAC-SHA256 Credential=A/K/20260305/cn-north-4/rtc, SignedHeaders=x-sdk-date, Signature=ab")
	if err != nil || a.KeyID != "A/K" || a.Day != "20260305" || a.Region != "cn-north-4" || a.Service != "rtc" {
		t.Errorf("derived: %+v, %v", a, err)
	}
}

func TestParseRefusesTheRest(t *testing.T) {
	ok := ", SignedHeaders=x-sdk-date, Signature=ab"
	for header, want := range map[string]Reason{
		"":                                   UnknownScheme,
		"Basic dTpw":                         UnknownScheme,
		"SDK-HMAC-SHA512 ":                   UnknownScheme,
		"SDK-HMAC-SHA256":                    Malformed,
		"SDK-HMAC-SHA256 Access=" + ok:       Malformed,
		"SDK-HMAC-SHA256 Access=A B" + ok:    Malformed,
		"SDK-HMAC-SHA256 Credential=AK" + ok: Malformed,
		"SDK-HMAC-SHA256 Access=AK, Access=AK2" + ok:                                                      Malformed,
		"SDK-HMAC-SHA256 Access=AK, word" + ok:                                                            Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=, Signature=ab":                                         Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=a;;b, Signature=ab":                                     Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=a:b, Signature=ab":                                      Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=abc":                              Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=zz":                               Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date":                                             Malformed,
		"V11-HMAC-SHA256 Credential=AK/20260305/rtc" + ok:                                                 Malformed,
		"V11-HMAC-SHA256 Credential=/20260305/r/s" + ok:                                                   Malformed,
		"V11-HMAC-SHA256 Credential=AK/2026/r/s" + ok:                                                     Malformed,
		"HMAC-SHA256 signature=ab, access=YXBw":                                                           Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=" + strings.Repeat("a;", 200) + "x-sdk-date, Signature": Malformed,
		"SDK-HMAC-SHA256 Access=" + strings.Repeat("A", MaxAuthorization) + ok:                            Malformed,
		"SDK-HMAC-SHA256 Access=AK, SignedHeaders=" + strings.Repeat("a;", 200) + "b, Signature=ab":       Malformed,
	} {
		if _, err := Parse(header); reasonOf(err) != want {
			t.Errorf("%.120q: %v", header, err)
		}
	}
}

func TestCanonicalForms(t *testing.T) {
	for in, want := range map[string]string{
		"": "/", "/": "/", "/a": "/a/", "/a/": "/a/", "/a b": "/a%20b/", "/a%2fb": "/a/b/", "/%e4%bd%a0": "/%E4%BD%A0/",
		"/a+b": "/a%2Bb/", "/%7E~": "/~~/", "/%zz": "/%25zz/", "/%": "/%25/", "/a//b": "/a//b/", "/%2525": "/%2525/",
	} {
		if got := CanonicalPath(in); got != want {
			t.Errorf("path %q: %q, want %q", in, got, want)
		}
	}
	for in, want := range map[string]string{
		"": "", "b=1&a": "a=&b=1", "a=2&a=1": "a=1&a=2", "a=x+y&b=%2B": "a=x%20y&b=%2B", "&&a=1&": "a=1",
		"=v": "=v", "a=b=c": "a=b%3Dc", "a=%zz": "a=%25zz", "B=1&a=2": "B=1&a=2", "a;b=1": "a%3Bb=1",
	} {
		if got := CanonicalQuery(in); got != want {
			t.Errorf("query %q: %q, want %q", in, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("SDK-HMAC-SHA256 Access=AK, SignedHeaders=host;x-sdk-date, Signature=ab")
	f.Add("V11-HMAC-SHA256 Credential=AK/20260305/r/s, SignedHeaders=x-sdk-date, Signature=ab")
	f.Add("HMAC-SHA256 AppId=id,SignedHeaders=host;x-date;x-user-id,Signature=ab")
	f.Add("SDK-SM2-SM3 Access=a,,=,")
	f.Fuzz(func(t *testing.T, header string) {
		a, err := Parse(header)
		if err != nil {
			if reasonOf(err) == 0 {
				t.Fatalf("not a Failure: %v", err)
			}
			return
		}
		b, err := Parse(a.String())
		if err != nil || b.String() != a.String() {
			t.Fatalf("%q is written %q, which is read as %q, %v", header, a, b, err)
		}
		if Verify(simple(), a, "secret", at, a.Scheme.Window()) == nil {
			t.Fatalf("%q is a signature", header)
		}
	})
}

func FuzzCanonical(f *testing.F) {
	f.Add("/a b/%7e", "b=1&a=%zz&&=")
	f.Add("%2f%", "a=2&a=1&~=+")
	f.Fuzz(func(t *testing.T, path, query string) {
		p, q := CanonicalPath(path), CanonicalQuery(query)
		if CanonicalPath(p) != p {
			t.Fatalf("path %q: %q, then %q", path, p, CanonicalPath(p))
		}
		if CanonicalQuery(q) != q {
			t.Fatalf("query %q: %q, then %q", query, q, CanonicalQuery(q))
		}
		req := simple()
		req.Path, req.Query = path, query
		signed, err := Sign(req, Authorization{Scheme: HMACSHA256, KeyID: "AK"}, "secret")
		if err != nil {
			t.Fatal(err)
		}
		req.Path, req.Query = p, q
		if err := Verify(req, signed, "secret", at.Add(time.Second), signed.Scheme.Window()); err != nil {
			t.Fatalf("the canonical spelling of the same request: %v", err)
		}
	})
}
