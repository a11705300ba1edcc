package sdksign

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/hex"
	"hash"
	"math/big"

	"github.com/tjfoc/gmsm/sm2"
	"github.com/tjfoc/gmsm/sm3"
)

// signer holds a secret made ready for one scheme.
type signer interface {
	// matches reports whether signature (decoded from hexadecimal) is one of text.
	matches(text, signature []byte) bool
	// sign returns a signature of text.
	sign(text []byte) ([]byte, error)
}

// newHash returns the scheme's hash.
func (s Scheme) newHash() hash.Hash {
	if s == HMACSM3 || s == SM2SM3 {
		return sm3.New()
	}
	return sha256.New()
}

// hexHash appends the lower-case hexadecimal hash of data.
func (s Scheme) hexHash(dst, data []byte) []byte {
	if s != HMACSM3 && s != SM2SM3 {
		sum := sha256.Sum256(data)
		return hex.AppendEncode(dst, sum[:])
	}
	h := s.newHash()
	h.Write(bytes.Clone(data)) // so that the common hash's data needs no memory of its own
	return hex.AppendEncode(dst, h.Sum(nil))
}

// newSigner makes a secret ready. An empty secret is never one: everybody knows it.
func newSigner(a Authorization, secret string) (signer, error) {
	if secret == "" {
		return nil, fail(Mismatch, "the key has no secret")
	}
	switch a.Scheme {
	case HMACSHA256, AppHMAC:
		return sha256Signer(secret), nil
	case HMACSM3:
		return macSigner{sm3.New, []byte(secret)}, nil
	case Derived:
		key, err := hkdf.Key(sha256.New, []byte(secret), []byte(a.KeyID), a.info(), sha256.Size)
		if err != nil {
			return nil, fail(Mismatch, "no key can be derived")
		}
		return sha256Signer(hex.EncodeToString(key)), nil
	case ECDSAP256:
		scalar, err := deriveScalar(a, secret, elliptic.P256().Params().N)
		if err != nil {
			return nil, err
		}
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err != nil {
			return nil, fail(Mismatch, "no key can be derived")
		}
		return ecdsaSigner{key}, nil
	case SM2SM3:
		curve := sm2.P256Sm2()
		scalar, err := deriveScalar(a, secret, curve.Params().N)
		if err != nil {
			return nil, err
		}
		key := &sm2.PrivateKey{D: new(big.Int).SetBytes(scalar)}
		key.Curve = curve
		key.X, key.Y = curve.ScalarBaseMult(scalar) //nolint:staticcheck // crypto/ecdh, which replaces it, does not know this curve
		return sm2Signer{key}, nil
	}
	return nil, fail(UnknownScheme, "no such signing scheme")
}

// deriveScalar makes the private scalar that both sides derive from key id and
// secret: NIST SP 800-108 in counter mode, one block, repeated under another
// context byte until the candidate fits below the order of the curve.
func deriveScalar(a Authorization, secret string, order *big.Int) ([]byte, error) {
	limit := new(big.Int).Sub(order, big.NewInt(2))
	mac := hmac.New(a.Scheme.newHash, []byte(secret))
	for counter := range 256 {
		data := []byte{0, 0, 0, 1}
		data = append(data, a.Scheme.String()...)
		data = append(data, 0)
		data = append(data, a.KeyID...)
		data = append(data, byte(counter), 0, 0, 1, 0)
		mac.Reset()
		mac.Write(data)
		candidate := new(big.Int).SetBytes(mac.Sum(nil))
		if candidate.Cmp(limit) <= 0 {
			return candidate.Add(candidate, big.NewInt(1)).FillBytes(make([]byte, 32)), nil
		}
	}
	return nil, fail(Mismatch, "no key can be derived")
}

type macSigner struct {
	hash func() hash.Hash
	key  []byte
}

func (m macSigner) sign(text []byte) ([]byte, error) {
	mac := hmac.New(m.hash, m.key)
	mac.Write(text)
	return mac.Sum(nil), nil
}

func (m macSigner) matches(text, signature []byte) bool {
	want, err := m.sign(text)
	return err == nil && hmac.Equal(want, signature)
}

// sha256Signer is the key of an HMAC-SHA-256.
type sha256Signer string

// mac is HMAC as RFC 2104 has it. What crypto/hmac makes for each key would be
// thrown away after one signature.
func (key sha256Signer) mac(text []byte) [sha256.Size]byte {
	var pad [sha256.BlockSize]byte
	if len(key) > len(pad) {
		sum := sha256.Sum256([]byte(key))
		copy(pad[:], sum[:])
	} else {
		copy(pad[:], key)
	}
	var room [sha256.BlockSize + 192]byte
	inner, outer := append(room[:0], pad[:]...), [sha256.BlockSize + sha256.Size]byte{}
	for i, c := range pad {
		inner[i], outer[i] = c^0x36, c^0x5c
	}
	sum := sha256.Sum256(append(inner, text...))
	copy(outer[len(pad):], sum[:])
	return sha256.Sum256(outer[:])
}

func (key sha256Signer) sign(text []byte) ([]byte, error) {
	sum := key.mac(text)
	return sum[:], nil
}

func (key sha256Signer) matches(text, signature []byte) bool {
	sum := key.mac(text)
	return hmac.Equal(sum[:], signature)
}

type ecdsaSigner struct{ key *ecdsa.PrivateKey }

// sign is deterministic (RFC 6979), which crypto/ecdsa does when no source of
// randomness is given.
func (e ecdsaSigner) sign(text []byte) ([]byte, error) {
	sum := sha256.Sum256(text)
	return e.key.Sign(nil, sum[:], crypto.SHA256)
}

func (e ecdsaSigner) matches(text, signature []byte) bool {
	sum := sha256.Sum256(text)
	return ecdsa.VerifyASN1(&e.key.PublicKey, sum[:], signature)
}

type sm2Signer struct{ key *sm2.PrivateKey }

type sm2Signature struct{ R, S *big.Int }

func (s sm2Signer) sign(text []byte) ([]byte, error) {
	r, sig, err := sm2.Sm2Sign(s.key, text, nil, rand.Reader)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(sm2Signature{r, sig})
}

func (s sm2Signer) matches(text, signature []byte) bool {
	var sig sm2Signature
	rest, err := asn1.Unmarshal(signature, &sig)
	return err == nil && len(rest) == 0 && sm2.Sm2Verify(&s.key.PublicKey, text, nil, sig.R, sig.S)
}
