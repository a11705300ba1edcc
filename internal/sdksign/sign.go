package sdksign

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Sign completes an authorization: the caller gives Scheme, KeyID and, for
// Derived, Region and Service; Sign fills in Day and Signature, and SignedHeaders
// when there are none (see DefaultSignedHeaders). The request must have the
// scheme's date header already. The signatures are deterministic but for SM2SM3.
// It fails with a *Failure: NoDate, Malformed, UnknownScheme, or Mismatch for an
// empty secret.
func Sign(req Request, a Authorization, secret string) (Authorization, error) {
	if a.SignedHeaders == nil {
		a.SignedHeaders = DefaultSignedHeaders(req.Header)
	}
	date, err := signingDate(req, a)
	if err != nil {
		return Authorization{}, err
	}
	if _, err := time.Parse(DateFormat, date); err != nil {
		return Authorization{}, fail(Malformed, a.Scheme.DateHeader()+" is not of the form YYYYMMDD'T'HHMMSS'Z'")
	}
	if a.Scheme == Derived {
		a.Day = date[:len("20060102")]
	}
	var room [2]string
	payloads, err := payloadsOf(&room, req, a.Scheme)
	if err != nil {
		return Authorization{}, err
	}
	key, err := newSigner(a, secret)
	if err != nil {
		return Authorization{}, err
	}
	pairs := parseQuery(req.Query)
	sortPairs(pairs, false)
	text := canonical(nil, req, a.SignedHeaders, pairs, variant{payload: payloads[0]})
	signature, err := key.sign(stringToSign(nil, a, date, text))
	if err != nil {
		return Authorization{}, fail(Malformed, "the request cannot be signed")
	}
	a.Signature = hex.EncodeToString(signature)
	return a, nil
}

// SignHTTP signs a client's request in place: it sets the scheme's date header to
// now and then Authorization, replacing both. The body is that which r will send.
func SignHTTP(r *http.Request, body []byte, a Authorization, secret string, now time.Time) error {
	r.Header.Del("Authorization")
	r.Header.Set(a.Scheme.DateHeader(), now.UTC().Format(DateFormat))
	signed, err := Sign(FromHTTP(r, body), a, secret)
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", signed.String())
	return nil
}

// DefaultSignedHeaders returns what the vendor's Go client signs: every header but
// those beginning with content-type and those with an underscore, in lower case,
// sorted. Authorization itself is left out too.
func DefaultSignedHeaders(h http.Header) []string {
	names := make([]string, 0, len(h))
	for name := range h {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "content-type") || strings.Contains(name, "_") || name == "authorization" {
			continue
		}
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
