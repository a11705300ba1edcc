// Package sdksign checks and makes the request signatures of the Huawei Cloud
// SDK family and of KooDrive's app authentication. Everything in it is a pure
// function of a parsed request, a secret and a time given by the caller; it
// keeps nothing, so a surface that must refuse replays inside the time window
// has to remember signatures itself.
//
// Checking is in two parts, so that the caller can look the key up in between:
//
//	auth, err := sdksign.Parse(r.Header.Get("Authorization"))
//	secret := …look up auth.KeyID…
//	err = sdksign.Verify(sdksign.FromHTTP(r, body), auth, secret, now, auth.Scheme.Window())
//
// The body given is the body as it travelled, before any Content-Encoding is
// undone: that is what clients sign.
package sdksign

import (
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
)

// Scheme is one way of signing. The zero Scheme is none.
type Scheme uint8

// The schemes, each named by the word that begins its Authorization header.
const (
	HMACSHA256 Scheme = iota + 1 // SDK-HMAC-SHA256, what every SDK uses unless told otherwise
	HMACSM3                      // SDK-HMAC-SM3
	ECDSAP256                    // SDK-ECDSA-P256-SHA256
	SM2SM3                       // SDK-SM2-SM3
	Derived                      // V11-HMAC-SHA256, with a key derived for one day, region and service
	AppHMAC                      // HMAC-SHA256, KooDrive app authentication
)

// String returns the word that begins the scheme's Authorization header.
func (s Scheme) String() string {
	switch s {
	case HMACSHA256:
		return "SDK-HMAC-SHA256"
	case HMACSM3:
		return "SDK-HMAC-SM3"
	case ECDSAP256:
		return "SDK-ECDSA-P256-SHA256"
	case SM2SM3:
		return "SDK-SM2-SM3"
	case Derived:
		return "V11-HMAC-SHA256"
	case AppHMAC:
		return "HMAC-SHA256"
	}
	return "none"
}

// SchemeOf returns the scheme whose word begins an Authorization header, and
// whether there is one. The word is compared without case, as RFC 9110 section
// 11.1 has it. A header with a known word may still be malformed: KooDrive and
// Meeting both begin theirs with HMAC-SHA256.
func SchemeOf(authorization string) (Scheme, bool) {
	word, _, _ := strings.Cut(strings.TrimSpace(authorization), " ")
	for s := HMACSHA256; s <= AppHMAC; s++ {
		if strings.EqualFold(word, s.String()) {
			return s, true
		}
	}
	return 0, false
}

// DateHeader names the header that holds the time of signing.
func (s Scheme) DateHeader() string {
	if s == AppHMAC {
		return "X-Date"
	}
	return "X-Sdk-Date"
}

// bodyHeader names the header by which the signer may put a literal in place of
// the body's hash, or is empty where a scheme has none.
func (s Scheme) bodyHeader() string {
	switch s {
	case AppHMAC:
		return ""
	case HMACSM3, SM2SM3:
		return "X-Sdk-Content-Sm3"
	}
	return "X-Sdk-Content-Sha256"
}

// Window returns the vendor's tolerance for the scheme: fifteen minutes either
// way for the SDK schemes; for KooDrive, which promises to refuse times that are
// still to come, fifteen minutes back and one minute of clock error forward.
func (s Scheme) Window() Window {
	if s == AppHMAC {
		return Window{Past: 15 * time.Minute, Future: time.Minute}
	}
	return Window{Past: 15 * time.Minute, Future: 15 * time.Minute}
}

// Window says how far a time of signing may lie from the server's clock, bounds
// included.
type Window struct {
	Past   time.Duration // how old a signature may be
	Future time.Duration // how far ahead the signer's clock may run
}

// DateFormat is the layout of X-Sdk-Date and X-Date; the time is in UTC.
const DateFormat = "20060102T150405Z"

// UnsignedPayload is the literal by which a signer leaves the body out.
const UnsignedPayload = "UNSIGNED-PAYLOAD"

// Request is what of a request takes part in signing, as it came off the wire.
type Request struct {
	Method string
	Host   string      // the Host header, with the port when it was sent
	Path   string      // percent-encoded, without the query
	Query  string      // raw, without the question mark
	Header http.Header // canonical names as net/http keeps them; Host is not in it
	Body   []byte      // as sent; nil and empty are the same
}

// FromHTTP describes a server's or a client's request. It reads nothing from
// r.Body: the caller gives the body it has read.
func FromHTTP(r *http.Request, body []byte) Request {
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	return Request{Method: r.Method, Host: host, Path: r.URL.EscapedPath(), Query: r.URL.RawQuery, Header: r.Header, Body: body}
}

// Reason says why a signature was refused.
type Reason uint8

// The reasons.
const (
	Malformed     Reason = iota + 1 // the Authorization header or a header it relies on cannot be read
	UnknownScheme                   // the Authorization header begins with no scheme known here
	NoDate                          // the date header is absent or not among the signed headers
	Skewed                          // signed too long ago or too far ahead
	Mismatch                        // the signature is not that of this request under this secret
)

func (r Reason) String() string {
	switch r {
	case Malformed:
		return "malformed"
	case UnknownScheme:
		return "unknown scheme"
	case NoDate:
		return "no date"
	case Skewed:
		return "outside the time window"
	case Mismatch:
		return "mismatch"
	}
	return "none"
}

// Failure is every error of Parse, Verify and Sign. It is of kind
// usance.KindUnauthorized for usance.KindOf.
type Failure struct {
	Reason    Reason
	Detail    string // for the caller; holds nothing that the caller did not send
	Canonical string // for Mismatch: the canonical request as computed here
}

func (f *Failure) Error() string {
	return "signature " + f.Reason.String() + ": " + f.Detail
}

// Unwrap gives the failure its kind.
func (f *Failure) Unwrap() error {
	return &usance.Error{Kind: usance.KindUnauthorized, Detail: f.Detail}
}

// Echo returns the canonical request the way the vendor's gateway reports it:
// on one line, with | for each line break. It repeats header values that the
// caller sent and signed, so it belongs in the answer to that caller and in no log.
func (f *Failure) Echo() string { return strings.ReplaceAll(f.Canonical, "\n", "|") }

func fail(reason Reason, detail string) *Failure {
	return &Failure{Reason: reason, Detail: detail}
}
