package registry

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"strings"

	"github.com/usance/usance"
)

// sealer keeps secrets that must be recoverable under the master key with
// AES-256-GCM. What a secret belongs to is bound to it as additional data, so a
// sealed secret moved to another key's row does not open.
type sealer struct{ aead cipher.AEAD }

func newSealer(key [32]byte) (sealer, error) {
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return sealer{}, err
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return sealer{aead}, err
}

func (s sealer) seal(secret, owner string) []byte {
	return s.aead.Seal(nil, nil, []byte(secret), []byte(owner))
}

func (s sealer) open(sealed []byte, owner string) (string, error) {
	b, err := s.aead.Open(nil, nil, sealed, []byte(owner))
	if err != nil {
		return "", &usance.Error{Kind: usance.KindInternal, Detail: "a stored secret cannot be opened; is this the right master key?", Err: err}
	}
	return string(b), nil
}

// NewSecret returns a fresh random secret of 160 bits behind a prefix.
func NewSecret(prefix string) string {
	var b [20]byte
	rand.Read(b[:]) // never fails; see crypto/rand
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b[:]))
}

// hashSecret is how bearer secrets are stored and found: they are random, so a
// plain digest is enough and lets them be looked up.
func hashSecret(secret string) string {
	sum := digestOf(secret)
	return hex.EncodeToString(sum[:])
}

// digestOf is what hashSecret writes.
func digestOf(secret string) [sha256.Size]byte {
	var room [128]byte
	return sha256.Sum256(append(room[:0], secret...))
}
