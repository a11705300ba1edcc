package sdksign

import "strings"

// The bounds of an Authorization header. Over them it is malformed.
const (
	MaxAuthorization = 16 << 10 // bytes of the whole header
	MaxSignedHeaders = 200      // names in SignedHeaders
)

// Authorization is a parsed Authorization header of one of the schemes.
type Authorization struct {
	Scheme        Scheme
	KeyID         string   // Access, AppId, or the first part of Credential
	SignedHeaders []string // as sent: order and case are part of what was signed
	Signature     string   // hexadecimal
	Day           string   // Derived only: yyyyMMdd
	Region        string   // Derived only
	Service       string   // Derived only
}

// info is what a derived key is bound to.
func (a Authorization) info() string { return a.Day + "/" + a.Region + "/" + a.Service }

// String writes the header in the spelling of the vendor's own clients.
func (a Authorization) String() string {
	headers := strings.Join(a.SignedHeaders, ";")
	switch a.Scheme {
	case AppHMAC:
		return a.Scheme.String() + " AppId=" + a.KeyID + ",SignedHeaders=" + headers + ",Signature=" + a.Signature
	case Derived:
		return a.Scheme.String() + " Credential=" + a.KeyID + "/" + a.info() + ", SignedHeaders=" + headers + ", Signature=" + a.Signature
	}
	return a.Scheme.String() + " Access=" + a.KeyID + ", SignedHeaders=" + headers + ", Signature=" + a.Signature
}

// Parse reads an Authorization header. It is lenient about blanks around the
// commas and equals signs, about the case and order of the parameter names and
// about parameters it does not know, and about nothing else: a parameter given
// twice, an empty one, or a signature that is not hexadecimal is Malformed. An
// empty header, or one of another scheme, is UnknownScheme.
func Parse(header string) (Authorization, error) {
	if len(header) > MaxAuthorization {
		return Authorization{}, fail(Malformed, "the Authorization header is too long")
	}
	header = strings.TrimSpace(header)
	scheme, ok := SchemeOf(header)
	if !ok {
		return Authorization{}, fail(UnknownScheme, "the Authorization header is of no known signing scheme")
	}
	_, rest, _ := strings.Cut(header, " ")
	a := Authorization{Scheme: scheme}
	var credential, headers string
	keyParameter := a.keyParameter()
	for part := range strings.SplitSeq(rest, ",") {
		name, value, ok := strings.Cut(part, "=")
		if !ok {
			if strings.TrimSpace(part) == "" {
				continue
			}
			return Authorization{}, fail(Malformed, "the Authorization header has a part without =")
		}
		var into *string
		switch name = strings.TrimSpace(name); {
		case strings.EqualFold(name, keyParameter):
			into = &credential
		case strings.EqualFold(name, "SignedHeaders"):
			into = &headers
		case strings.EqualFold(name, "Signature"):
			into = &a.Signature
		default:
			continue
		}
		if *into != "" {
			return Authorization{}, fail(Malformed, "the Authorization header has a parameter twice")
		}
		*into = strings.TrimSpace(value)
	}
	if credential == "" || headers == "" || a.Signature == "" {
		return Authorization{}, fail(Malformed, "the Authorization header lacks the key, SignedHeaders or Signature")
	}
	if err := a.setCredential(credential); err != nil {
		return Authorization{}, err
	}
	if err := a.setSignedHeaders(headers); err != nil {
		return Authorization{}, err
	}
	if !allHex(a.Signature) || len(a.Signature)%2 != 0 {
		return Authorization{}, fail(Malformed, "the Signature is not hexadecimal")
	}
	return a, nil
}

// keyParameter is the name of the parameter that names the key.
func (a *Authorization) keyParameter() string {
	switch a.Scheme {
	case AppHMAC:
		return "AppId"
	case Derived:
		return "Credential"
	}
	return "Access"
}

// setCredential takes the scope of a derived credential from its end, because
// nothing forbids a slash in a key id.
func (a *Authorization) setCredential(credential string) error {
	a.KeyID = credential
	if a.Scheme == Derived {
		parts := strings.Split(credential, "/")
		n := len(parts)
		if n < 4 || parts[n-1] == "" || parts[n-2] == "" || len(parts[n-3]) != len("20060102") {
			return fail(Malformed, "the Credential is not key/yyyyMMdd/region/service")
		}
		a.KeyID = strings.Join(parts[:n-3], "/")
		a.Day, a.Region, a.Service = parts[n-3], parts[n-2], parts[n-1]
	}
	if a.KeyID == "" || strings.ContainsFunc(a.KeyID, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return fail(Malformed, "the key id is empty or has a blank or control character")
	}
	return nil
}

func (a *Authorization) setSignedHeaders(list string) error {
	names := strings.Split(list, ";")
	if len(names) > MaxSignedHeaders {
		return fail(Malformed, "SignedHeaders has too many names")
	}
	for _, name := range names {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool { return !isToken(r) }) {
			return fail(Malformed, "SignedHeaders has something that is not a header name")
		}
	}
	a.SignedHeaders = names
	return nil
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}

func allHex(s string) bool {
	for i := range len(s) {
		if !isHex(s[i]) {
			return false
		}
	}
	return true
}

// isToken reports the characters of a field name: RFC 9110 section 5.6.2.
func isToken(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r)
}
