package iam

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"

	"github.com/usance/usance/registry"
)

// A token is its expiry in microseconds, 32 random bytes, and a checksum of both.
// The checksum keeps a slip of the pen from being taken for an expired token; that
// a token is real follows only from its session, of which the store has the hash.
const (
	tokenRandom = 32
	tokenSum    = 4
	tokenBytes  = 8 + tokenRandom + tokenSum
)

func newToken(expires time.Time) string {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, tokenBytes), uint64(expires.UnixMicro()))
	b = b[:8+tokenRandom]
	_, _ = rand.Read(b[8:]) // crypto/rand.Read never fails
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(append(b, sum[:tokenSum]...))
}

// expiryOf reads the expiry out of a token, and reports whether it has the form of
// one.
func expiryOf(token string) (time.Time, bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != tokenBytes {
		return time.Time{}, false
	}
	sum := sha256.Sum256(b[:8+tokenRandom])
	if !bytes.Equal(sum[:tokenSum], b[8+tokenRandom:]) {
		return time.Time{}, false
	}
	return time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC(), true
}

// What a temporary key's session keeps beside its user.
const (
	dataAccess = "access" // the access key's id
	dataSalt   = "salt"   // hexadecimal; see temporarySecret
)

// temporarySecret works a temporary key's secret out of its security token and
// the salt in its session. The store has the salt and the token's hash; a request
// on its way has the token. Neither is enough to sign: the secret itself is
// nowhere but with its owner.
func temporarySecret(s registry.Session, token string) (string, bool) {
	salt := s.Data[dataSalt]
	if len(salt) < 32 {
		return "", false
	}
	mac := hmac.New(sha256.New, []byte(salt))
	mac.Write([]byte("usance iam temporary secret\x00" + token))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))[:40], true
}
