package console

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"time"
)

// sealer makes and opens the cookies of those who signed in with a bearer token.
// Such a cookie is the token and the time at which the cookie ends, encrypted and
// authenticated (AES-256-GCM): a token names no user, so there is no session to
// store, and any copy of the server can read it.
type sealer struct{ aead cipher.AEAD }

func newSealer(master [32]byte) (sealer, error) {
	key, err := hkdf.Key(sha256.New, master[:], nil, "usance console cookie 1", 32)
	if err != nil {
		return sealer{}, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCM(block)
	return sealer{aead}, err
}

func (s sealer) seal(token string, expires time.Time) string {
	nonce := make([]byte, s.aead.NonceSize())
	_, _ = rand.Read(nonce) // crypto/rand.Read never fails
	plain := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	return base64.RawURLEncoding.EncodeToString(s.aead.Seal(nonce, nonce, append(plain, token...), nil))
}

// open returns the token and when its cookie ends, or false for anything that
// seal did not make.
func (s sealer) open(text string) (token string, expires time.Time, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	size := s.aead.NonceSize()
	if err != nil || len(b) < size {
		return "", time.Time{}, false
	}
	plain, err := s.aead.Open(nil, b[:size], b[size:], nil)
	if err != nil || len(plain) < 8 {
		return "", time.Time{}, false
	}
	return string(plain[8:]), time.Unix(int64(binary.BigEndian.Uint64(plain)), 0), true
}
