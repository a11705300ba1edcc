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

	"github.com/usance/usance/registry"
)

// The files of a data folder.
const (
	storeFolder  = "db"
	masterFile   = "master.key"
	operatorFile = "operator.token"
)

// masterKey returns the key that seals secrets: the one in USANCE_MASTER_KEY, or
// the one in the data folder, made when the folder is new. A store without its
// key is refused: a fresh key would leave every sealed secret lost without a word.
func (a *app) masterKey(dir string) ([32]byte, error) {
	if text := a.env["USANCE_MASTER_KEY"]; text != "" {
		key, err := parseMasterKey(text)
		if err != nil {
			err = usagef("USANCE_MASTER_KEY: %w", err)
		}
		return key, err
	}
	path := filepath.Join(dir, masterFile)
	data, err := os.ReadFile(path)
	if err == nil {
		key, err := parseMasterKey(string(data))
		if err != nil {
			err = fmt.Errorf("%s: %w", path, err)
		}
		return key, err
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return [32]byte{}, err
	}
	if _, err := os.Stat(filepath.Join(dir, storeFolder)); err == nil {
		return [32]byte{}, fmt.Errorf("%s holds a store but no %s: put the key back, or set USANCE_MASTER_KEY", dir, masterFile)
	}
	var key [32]byte
	if _, err := rand.Read(key[:]); err != nil {
		return key, err
	}
	return key, writeFile(path, []byte(hex.EncodeToString(key[:])+"\n"))
}

func parseMasterKey(text string) (key [32]byte, err error) {
	b, err := hex.DecodeString(strings.TrimSpace(text))
	if err != nil || len(b) != len(key) {
		return key, errors.New("a master key is 64 hexadecimal digits")
	}
	return [32]byte(b), nil
}

// operatorToken returns the operator's token of the data folder, made when there
// is none; fresh says so.
func operatorToken(dir string) (token, path string, fresh bool, err error) {
	path = filepath.Join(dir, operatorFile)
	data, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(data)), path, false, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", path, false, err
	}
	token = registry.NewSecret("us_")
	return token, path, true, writeFile(path, []byte(token+"\n"))
}

// writeFile writes a file for its owner's eyes alone, whole or not at all, and
// durably.
func writeFile(path string, data []byte) error {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // a no-op once renamed
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
