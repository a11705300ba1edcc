package main

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// certificates returns how to serve HTTPS with the certificate in the files, or
// nil when none are named.
func (a *app) certificates(certFile, keyFile string, log *slog.Logger) (*tls.Config, error) {
	if certFile == "" && keyFile == "" {
		return nil, nil
	}
	if certFile == "" || keyFile == "" {
		return nil, usagef("--tls-cert and --tls-key: there are both or neither")
	}
	c := &certificate{certFile: certFile, keyFile: keyFile, now: a.now, log: log}
	if err := c.load(); err != nil {
		return nil, err
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}, GetCertificate: c.get}, nil
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = time.Second

// certificate is a pair of files that is renewed while the server runs: a new
// connection gets what is in them now. While they cannot be read, or do not fit
// together because only one has been replaced yet, the last good pair is served.
type certificate struct {
	certFile, keyFile string
	now               func() time.Time
	log               *slog.Logger

	mu     sync.Mutex
	pair   *tls.Certificate
	seen   [2]stamp
	looked time.Time
}

// stamp tells one state of a file from another.
type stamp struct {
	changed time.Time
	size    int64
}

func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked).Abs() >= lookEvery {
		c.looked = now
		if c.stamps() != c.seen {
			if err := c.load(); err != nil {
				c.log.Warn("the TLS certificate cannot be read again; the one before is served", "error", err)
			}
		}
	}
	return c.pair, nil
}

// load reads the files. Their state is noted first, so that a change while they
// are read is seen the next time.
func (c *certificate) load() error {
	seen := c.stamps()
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return err
	}
	c.pair, c.seen = &pair, seen
	return nil
}

func (c *certificate) stamps() (s [2]stamp) {
	for i, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil { // a missing file is an empty stamp
			s[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return s
}
