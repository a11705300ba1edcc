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
	at, err := parseDate(date)
	if err != nil {
		return fail(Malformed, a.Scheme.DateHeader()+" is not of the form YYYYMMDD'T'HHMMSS'Z'")
	}
	if age := now.Sub(at); age > w.Past || age < -w.Future {
		return fail(Skewed, a.Scheme.DateHeader()+" is outside the time window")
	}
	if a.Scheme == Derived && a.Day != date[:len("20060102")] {
		return fail(Malformed, "the Credential is for another day than X-Sdk-Date")
	}
	var room [2]string
	payloads, err := payloadsOf(&room, req, a.Scheme)
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
	sortPairs(pairs, false)
	orders := [2][]pair{pairs}
	count := 1
	older := a.Scheme != ECDSAP256 && a.Scheme != SM2SM3
	if older && repeats(pairs) {
		wire := parseQuery(req.Query)
		sortPairs(wire, true)
		if !slices.Equal(wire, pairs) {
			orders[1], count = wire, 2
		}
	}
	var first []byte
	buffer, text := make([]byte, 0, 1024), make([]byte, 0, 192)
	for _, payload := range payloads {
		for _, ordered := range orders[:count] {
			plain := canonical(buffer[:0], req, a.SignedHeaders, ordered, variant{payload: payload})
			if key.matches(stringToSign(text, a, date, plain), signature) {
				return nil
			}
			if first == nil {
				first = slices.Clone(plain)
			}
			if !older || !hasTilde(req.Path, ordered) {
				continue
			}
			tilde := canonical(buffer[:0], req, a.SignedHeaders, ordered, variant{tilde: true, payload: payload})
			if key.matches(stringToSign(text, a, date, tilde), signature) {
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

// parseDate is time.Parse for DateFormat, quicker for what every client sends.
func parseDate(s string) (time.Time, error) {
	if len(s) != len(DateFormat) || s[8] != 'T' || s[15] != 'Z' {
		return time.Parse(DateFormat, s)
	}
	var n [14]int
	for i, at := range [14]int{0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14} {
		if n[i] = int(s[at]) - '0'; n[i] < 0 || n[i] > 9 {
			return time.Parse(DateFormat, s)
		}
	}
	two := func(i int) int { return n[i]*10 + n[i+1] }
	month, day, hour, minute, second := two(4), two(6), two(8), two(10), two(12)
	t := time.Date(two(0)*100+two(2), time.Month(month), day, hour, minute, second, 0, time.UTC)
	if month < 1 || month > 12 || t.Day() != day || hour > 23 || minute > 59 || second > 59 {
		return time.Parse(DateFormat, s)
	}
	return t, nil
}

func signs(a Authorization, name string) bool {
	return slices.ContainsFunc(a.SignedHeaders, func(s string) bool { return strings.EqualFold(s, name) })
}

// emptyBody is the SHA-256 of nothing, which most requests have for a body.
const emptyBody = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func (s Scheme) bodyHash(body []byte) string {
	if len(body) == 0 && s != HMACSM3 && s != SM2SM3 {
		return emptyBody
	}
	return string(s.hexHash(nil, body))
}

// payloadsOf returns what the last line of the canonical request may be: one or
// two, in the memory given.
func payloadsOf(room *[2]string, req Request, s Scheme) ([]string, error) {
	one := func(payload string) []string { return append(room[:0], payload) }
	var literals []string
	if name := s.bodyHeader(); name != "" {
		literals = req.Header[http.CanonicalHeaderKey(name)]
	}
	if len(literals) == 0 {
		return one(s.bodyHash(req.Body)), nil
	}
	if len(literals) > 1 {
		return nil, fail(Malformed, "there is more than one "+s.bodyHeader()+" header")
	}
	literal := strings.TrimSpace(literals[0])
	if len(literal) == 64 && allHex(literal) {
		if actual := s.bodyHash(req.Body); !strings.EqualFold(literal, actual) {
			return one(actual), nil
		}
		return one(literal), nil
	}
	if len(req.Body) == 0 {
		return append(one(literal), s.bodyHash(req.Body)), nil
	}
	return one(literal), nil
}

// stringToSign appends to text. It follows each scheme's own number of lines: KooDrive's has no date,
// a derived one has the scope of its key.
func stringToSign(text []byte, a Authorization, date string, canonicalRequest []byte) []byte {
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
