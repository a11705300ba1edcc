package sdksign

import (
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Verify returns nil when the authorization is a signature of the request under
// the secret, made within the window around now, and otherwise a *Failure:
// Malformed, NoDate, Skewed or Mismatch. Repeating it gives the same answer.
//
// Where the vendor's clients disagree, each reading is tried: values of a
// repeated query name sorted or in wire order, ~ plain or as %7E, and for a body
// declared unsigned but empty either the literal or the hash of nothing. A
// literal in the content header that is itself a hash must be that of the body,
// so that no header added on the way can exchange a signed body for another.
func Verify(req Request, a Authorization, secret string, now time.Time, w Window) error {
	date, err := signingDate(req, a)
	if err != nil {
		return err
	}
	at, err := time.Parse(DateFormat, date)
	if err != nil {
		return fail(Malformed, a.Scheme.DateHeader()+" is not of the form YYYYMMDD'T'HHMMSS'Z'")
	}
	if age := now.Sub(at); age > w.Past || age < -w.Future {
		return fail(Skewed, a.Scheme.DateHeader()+" is outside the time window")
	}
	if a.Scheme == Derived && a.Day != date[:len("20060102")] {
		return fail(Malformed, "the Credential is for another day than X-Sdk-Date")
	}
	payloads, err := payloadsOf(req, a.Scheme)
	if err != nil {
		return err
	}
	key, err := newSigner(a, secret)
	if err != nil {
		return err
	}
	signature, err := hex.DecodeString(a.Signature)
	if err != nil {
		return fail(Malformed, "the Signature is not hexadecimal")
	}
	return match(req, a, date, payloads, key, signature)
}

// match tries the variants, the usual one first, and fails with its canonical
// form. The older readings are left out for the elliptic-curve schemes: those
// clients never knew them, and each try costs up to a millisecond.
func match(req Request, a Authorization, date string, payloads []string, key signer, signature []byte) error {
	pairs := parseQuery(req.Query)
	wire := pairs
	pairs = slices.Clone(pairs)
	sortPairs(pairs, false)
	orders := [][]pair{pairs}
	older := a.Scheme != ECDSAP256 && a.Scheme != SM2SM3
	if older && repeats(pairs) {
		sortPairs(wire, true)
		if !slices.Equal(wire, pairs) {
			orders = append(orders, wire)
		}
	}
	var first []byte
	buffer := make([]byte, 0, 1024)
	for _, payload := range payloads {
		for _, ordered := range orders {
			plain := canonical(buffer[:0], req, a.SignedHeaders, ordered, variant{payload: payload})
			if key.matches(stringToSign(a, date, plain), signature) {
				return nil
			}
			if first == nil {
				first = slices.Clone(plain)
			}
			if !older || !hasTilde(req.Path, ordered) {
				continue
			}
			tilde := canonical(buffer[:0], req, a.SignedHeaders, ordered, variant{tilde: true, payload: payload})
			if key.matches(stringToSign(a, date, tilde), signature) {
				return nil
			}
		}
	}
	return &Failure{Reason: Mismatch, Detail: "the signature does not match the request", Canonical: string(first)}
}

// hasTilde reports whether a ~ is in the decoded path or query: sent plain or as %7E.
func hasTilde(path string, pairs []pair) bool {
	if strings.Contains(path, "~") || strings.Contains(path, "%7E") || strings.Contains(path, "%7e") {
		return true
	}
	return slices.ContainsFunc(pairs, func(p pair) bool { return strings.Contains(p.name, "~") || strings.Contains(p.value, "~") })
}

// signingDate returns the date header's value, which must be there once and be signed.
func signingDate(req Request, a Authorization) (string, error) {
	name := a.Scheme.DateHeader()
	values := req.Header[name]
	if len(values) == 0 || strings.TrimSpace(values[0]) == "" {
		return "", fail(NoDate, "there is no "+name+" header")
	}
	if len(values) > 1 {
		return "", fail(Malformed, "there is more than one "+name+" header")
	}
	if !signs(a, name) {
		return "", fail(NoDate, name+" is not among the signed headers")
	}
	if a.Scheme == AppHMAC && !signs(a, "X-User-Id") {
		return "", fail(Malformed, "X-User-Id is not among the signed headers")
	}
	return strings.TrimSpace(values[0]), nil
}

func signs(a Authorization, name string) bool {
	return slices.ContainsFunc(a.SignedHeaders, func(s string) bool { return strings.EqualFold(s, name) })
}

// payloadsOf returns what the last line of the canonical request may be.
func payloadsOf(req Request, s Scheme) ([]string, error) {
	hash := func() string { return string(s.hexHash(nil, req.Body)) }
	var literals []string
	if name := s.bodyHeader(); name != "" {
		literals = req.Header[http.CanonicalHeaderKey(name)]
	}
	if len(literals) == 0 {
		return []string{hash()}, nil
	}
	if len(literals) > 1 {
		return nil, fail(Malformed, "there is more than one "+s.bodyHeader()+" header")
	}
	literal := strings.TrimSpace(literals[0])
	if len(literal) == 64 && !strings.ContainsFunc(literal, func(r rune) bool { return !isHex(r) }) {
		if actual := hash(); !strings.EqualFold(literal, actual) {
			return []string{actual}, nil
		}
		return []string{literal}, nil
	}
	if len(req.Body) == 0 {
		return []string{literal, hash()}, nil
	}
	return []string{literal}, nil
}

// stringToSign follows each scheme's own number of lines: KooDrive's has no date,
// a derived one has the scope of its key.
func stringToSign(a Authorization, date string, canonicalRequest []byte) []byte {
	text := make([]byte, 0, 192)
	text = append(text, a.Scheme.String()...)
	text = append(text, '\n')
	if a.Scheme != AppHMAC {
		text = append(text, date...)
		text = append(text, '\n')
	}
	if a.Scheme == Derived {
		text = append(text, a.info()...)
		text = append(text, '\n')
	}
	return a.Scheme.hexHash(text, canonicalRequest)
}
