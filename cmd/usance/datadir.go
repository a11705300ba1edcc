package main

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usance/usance/internal/wholefile"
	"github.com/usance/usance/registry"
)

// The files of a data folder.
const (
	storeFolder  = "db"
	masterFile   = "master.key"
	nextFile     = "master.key.next" // the master key that a change is going over to
	operatorFile = "operator.token"
)

// masterKey returns the key that the store's secrets hang on: the one in
// USANCE_MASTER_KEY, or the one in the data folder. It is made, when there is
// none, for a store that is new; one that has been served is refused without its
// key, since a fresh key would leave every sealed secret lost without a word.
func (a *app) masterKey(dir string, served bool) ([32]byte, error) {
	if text := a.env["USANCE_MASTER_KEY"]; text != "" {
		key, err := parseMasterKey(text)
		if err != nil {
			err = usagef("USANCE_MASTER_KEY: %w", err)
		}
		return key, err
	}
	path := filepath.Join(dir, masterFile)
	key, err := readMasterKey(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if served {
		return key, fmt.Errorf("the store has been served before, but %s is not there: put its master key back, or set USANCE_MASTER_KEY", path)
	}
	return newMasterKey(path)
}

func readMasterKey(path string) ([32]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return [32]byte{}, err
	}
	key, err := parseMasterKey(string(data))
	if err != nil {
		err = fmt.Errorf("%s: %w", path, err)
	}
	return key, err
}

func newMasterKey(path string) (key [32]byte, err error) {
	rand.Read(key[:]) // never fails; see crypto/rand
	return key, wholefile.Write(path, []byte(hex.EncodeToString(key[:])+"\n"))
}

func parseMasterKey(text string) (key [32]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(key) {
		return key, errors.New("a master key is 64 hexadecimal digits")
	}
	return [32]byte(b), nil
}

// operatorToken returns the operator's token: the one in USANCE_OPERATOR_TOKEN,
// or the one of the data folder, made when there is none; fresh says so. A store
// that other processes serve has a token already, which a second one would end:
// then none is made, and none is returned.
func (a *app) operatorToken(dir string, others bool) (token, path string, fresh bool, err error) {
	if token := a.env["USANCE_OPERATOR_TOKEN"]; token != "" {
		return token, "", false, nil
	}
	path = filepath.Join(dir, operatorFile)
	data, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(data)), path, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", path, false, err
	}
	if others {
		return "", path, false, nil
	}
	token = registry.NewSecret("us_")
	return token, path, true, wholefile.Write(path, []byte(token+"\n"))
}
