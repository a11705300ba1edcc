package archive

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"

	"github.com/go-json-experiment/json"
	"golang.org/x/crypto/argon2"

	"github.com/usance/usance"
)

// MinPassphrase is the least that a passphrase has, in bytes.
const MinPassphrase = 12

// Secret is a signing key's secret, by the name of the key's row.
type Secret struct {
	Name   string `json:"name"`
	Secret string `json:"secret"`
}

const saltBytes = 16

// Seal hides secrets under a passphrase: AES-256-GCM with a key that argon2id
// makes of it. They open only with the tenant and the entries they belong to.
func Seal(passphrase string, of Header, secrets []Secret) ([]byte, error) {
	if len(passphrase) < MinPassphrase {
		return nil, usance.Errorf(usance.KindInvalid, "a passphrase has at least %d bytes", MinPassphrase)
	}
	clear, err := json.Marshal(secrets)
	if err != nil {
		return nil, err
	}
	sealed := make([]byte, saltBytes)
	rand.Read(sealed) // never fails; see crypto/rand
	aead, err := underPassphrase(passphrase, sealed)
	if err != nil {
		return nil, err
	}
	return append(sealed, aead.Seal(nil, nil, clear, owner(of))...), nil
}

// Open returns what Seal hid. A wrong passphrase is KindInvalid.
func Open(passphrase string, of Header, sealed []byte) ([]Secret, error) {
	if len(sealed) < saltBytes {
		return nil, damaged("its secrets cannot be read")
	}
	aead, err := underPassphrase(passphrase, sealed[:saltBytes])
	if err != nil {
		return nil, err
	}
	clear, err := aead.Open(nil, nil, sealed[saltBytes:], owner(of))
	if err != nil {
		return nil, usance.Errorf(usance.KindInvalid, "the passphrase does not open the archive's secrets")
	}
	var out []Secret
	if err := json.Unmarshal(clear, &out); err != nil {
		return nil, damaged("its secrets cannot be read")
	}
	return out, nil
}

func owner(of Header) []byte {
	return append(append([]byte("usance archive\x00"), of.Tenant...), of.Chain[:]...)
}

func underPassphrase(passphrase string, salt []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(argon2.IDKey([]byte(passphrase), salt, 3, 64<<10, 1, 32))
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}
