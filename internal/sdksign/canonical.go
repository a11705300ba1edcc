package sdksign

import (
	"net/textproto"
	"slices"
	"strings"
)

// CanonicalPath returns the path as it is signed: percent-decoded once, encoded
// again segment by segment with everything but A-Z a-z 0-9 - _ . ~ as upper-case
// %XX, and ending in a slash. A % that begins no escape stands for itself. The
// canonical form of a canonical path is itself.
func CanonicalPath(escaped string) string {
	return string(appendPath(nil, escaped, false))
}

// CanonicalQuery returns the query as it is signed: pairs of encoded name and
// value, always with the equals sign, sorted by decoded name and then value. A +
// is a blank. The canonical form of a canonical query is itself.
func CanonicalQuery(raw string) string {
	pairs := parseQuery(raw)
	sortPairs(pairs, false)
	return string(appendPairs(nil, pairs, false))
}

// variant is one reading of the canonical form where the vendor's clients
// disagree. The zero variant is that of the current ones.
type variant struct {
	tilde   bool   // ~ as %7E (older Java)
	payload string // the last line
}

// canonical builds the canonical request. pairs are sorted in place.
func canonical(dst []byte, req Request, signed []string, pairs []pair, v variant) []byte {
	dst = append(dst, req.Method...)
	dst = append(dst, '\n')
	dst = appendPath(dst, req.Path, v.tilde)
	dst = append(dst, '\n')
	dst = appendPairs(dst, pairs, v.tilde)
	dst = append(dst, '\n')
	for _, name := range signed {
		dst = appendHeader(dst, req, name)
	}
	dst = append(dst, '\n')
	for i, name := range signed {
		if i > 0 {
			dst = append(dst, ';')
		}
		dst = append(dst, name...)
	}
	dst = append(dst, '\n')
	return append(dst, v.payload...)
}

// appendHeader writes one line for each value of the header, sorted, as the Go
// client does. A header that is not there has no line, so taking one away from a
// signed request breaks the signature.
func appendHeader(dst []byte, req Request, name string) []byte {
	values := headerValues(req, name)
	if len(values) > 1 {
		values = slices.Sorted(slices.Values(values))
	}
	for _, value := range values {
		for i := range len(name) {
			dst = append(dst, lower(name[i]))
		}
		dst = append(dst, ':')
		dst = append(dst, strings.TrimSpace(value)...)
		dst = append(dst, '\n')
	}
	return dst
}

func headerValues(req Request, name string) []string {
	if strings.EqualFold(name, "host") {
		return []string{req.Host}
	}
	var room [64]byte
	if len(name) > len(room) {
		return req.Header[textproto.CanonicalMIMEHeaderKey(name)]
	}
	// The canonical form of a token, which names are, in memory of our own: the
	// library's makes new memory of every name it does not know.
	canonical, upper := append(room[:0], name...), true
	for i, c := range canonical {
		switch {
		case upper && 'a' <= c && c <= 'z':
			canonical[i] = c - 'a' + 'A'
		case !upper:
			canonical[i] = lower(c)
		}
		upper = c == '-'
	}
	return req.Header[string(canonical)]
}

func appendPath(dst []byte, escaped string, tilde bool) []byte {
	start, from := len(dst), 0
	for i := 0; i < len(escaped); {
		if c := escaped[i]; c == '/' || unreserved(c, tilde) {
			i++
			continue
		}
		c, n := unescapeAt(escaped, i)
		dst = append(dst, escaped[from:i]...)
		if i += n; c == '/' {
			dst = append(dst, c)
		} else {
			dst = appendEscaped(dst, c, tilde)
		}
		from = i
	}
	dst = append(dst, escaped[from:]...)
	if len(dst) == start || dst[len(dst)-1] != '/' {
		dst = append(dst, '/')
	}
	return dst
}

// pair is one decoded name and value of a query.
type pair struct{ name, value string }

// parseQuery splits at & only and keeps every byte: unlike net/url it has no
// malformed queries, since one that a client could sign must have one reading.
func parseQuery(raw string) []pair {
	if raw == "" {
		return nil
	}
	pairs := make([]pair, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		pairs = append(pairs, pair{unescape(name), unescape(value)})
	}
	return pairs
}

// sortPairs sorts by name and, unless the values of a repeated name stay as sent
// (older Java), by value.
func sortPairs(pairs []pair, wireOrder bool) {
	slices.SortStableFunc(pairs, func(a, b pair) int {
		if c := strings.Compare(a.name, b.name); c != 0 || wireOrder {
			return c
		}
		return strings.Compare(a.value, b.value)
	})
}

// repeats reports whether a name occurs twice in pairs sorted by name.
func repeats(pairs []pair) bool {
	for i := 1; i < len(pairs); i++ {
		if pairs[i].name == pairs[i-1].name {
			return true
		}
	}
	return false
}

func appendPairs(dst []byte, pairs []pair, tilde bool) []byte {
	for i, p := range pairs {
		if i > 0 {
			dst = append(dst, '&')
		}
		dst = appendText(dst, p.name, tilde)
		dst = append(dst, '=')
		dst = appendText(dst, p.value, tilde)
	}
	return dst
}

func appendText(dst []byte, s string, tilde bool) []byte {
	from := 0
	for i := range len(s) {
		if !unreserved(s[i], tilde) {
			dst = appendEscaped(append(dst, s[from:i]...), s[i], tilde)
			from = i + 1
		}
	}
	return append(dst, s[from:]...)
}

// unreserved reports the characters that stand for themselves.
func unreserved(c byte, tilde bool) bool {
	const (
		letters = 1<<26 - 1
		low     = (1<<10-1)<<'0' | 1<<'-' | 1<<'.'
		high    = letters<<('A'-64) | letters<<('a'-64) | 1<<('_'-64) | 1<<('~'-64)
	)
	switch c >> 6 {
	case 0:
		return uint64(low)>>c&1 != 0
	case 1:
		return uint64(high)>>(c-64)&1 != 0 && (c != '~' || !tilde)
	}
	return false
}

func appendEscaped(dst []byte, c byte, tilde bool) []byte {
	const digits = "0123456789ABCDEF"
	if unreserved(c, tilde) {
		return append(dst, c)
	}
	return append(dst, '%', digits[c>>4], digits[c&15])
}

// unescape decodes a part of a query.
func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); {
		c, n := unescapeAt(s, i)
		if n == 1 && c == '+' {
			c = ' '
		}
		out = append(out, c)
		i += n
	}
	return string(out)
}

// unescapeAt returns the byte that s has at i, once decoded, and how many bytes
// of s it took.
func unescapeAt(s string, i int) (byte, int) {
	if s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]) {
		return nibble(s[i+1])<<4 | nibble(s[i+2]), 3
	}
	return s[i], 1
}

func nibble(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	}
	return c - 'a' + 10
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
