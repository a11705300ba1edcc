package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// certify writes a self-signed certificate of 127.0.0.1 with that serial number.
func certify(t *testing.T, certFile, keyFile string, serial int64) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "usance"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	write := func(file, kind string, der []byte) {
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(certFile, "CERTIFICATE", cert)
	write(keyFile, "PRIVATE KEY", private)
}

func TestARenewedCertificateIsServedAndABrokenOneIsNot(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	a := &app{now: func() time.Time { return now }}
	log := slog.New(slog.DiscardHandler)
	if _, err := a.certificates(certFile, keyFile, log); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files that are not there: %v", err)
	}
	if _, err := a.certificates(certFile, "", log); err == nil || !strings.Contains(err.Error(), "both or neither") {
		t.Errorf("a certificate without its key: %v", err)
	}
	if c, err := a.certificates("", "", log); c != nil || err != nil {
		t.Errorf("no files: %v, %v", c, err)
	}
	certify(t, certFile, keyFile, 1)
	config, err := a.certificates(certFile, keyFile, log)
	if err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := config.GetCertificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	renew := func(at time.Time) { // file systems' own times are too coarse to tell the states of a test apart
		t.Helper()
		for _, f := range []string{certFile, keyFile} {
			if err := os.Chtimes(f, at, at); err != nil {
				t.Fatal(err)
			}
		}
		now = now.Add(lookEvery)
	}
	if got := serial(); got != 1 {
		t.Fatalf("certificate %d is served, not the first", got)
	}
	certify(t, certFile, keyFile, 2)
	renew(now)
	if got := serial(); got != 2 {
		t.Errorf("certificate %d is served, not the renewed one", got)
	}
	if err := os.WriteFile(keyFile, []byte("half a file"), 0o600); err != nil {
		t.Fatal(err)
	}
	renew(now.Add(time.Minute))
	if got := serial(); got != 2 {
		t.Errorf("certificate %d is served while the files are broken", got)
	}
	certify(t, certFile, keyFile, 3)
	renew(now.Add(2 * time.Minute))
	if got := serial(); got != 3 {
		t.Errorf("certificate %d is served once the files fit again", got)
	}
}

func TestServeSpeaksHTTPSAndHTTP2(t *testing.T) {
	dir := t.TempDir()
	certFile, keyFile := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certify(t, certFile, keyFile, 1)
	cmd := exec.CommandContext(context.Background(), build(t), "serve", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"),
		"--tls-cert", certFile, "--tls-key", keyFile)
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.stop(os.Interrupt); err != nil {
			t.Error(err)
		}
	}()
	if !strings.HasPrefix(p.url, "https://127.0.0.1:") {
		t.Fatalf("it serves on %s", p.url)
	}
	roots := x509.NewCertPool()
	data, err := os.ReadFile(certFile)
	if err != nil || !roots.AppendCertsFromPEM(data) {
		t.Fatal(err)
	}
	for _, http2 := range []bool{true, false} {
		client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: http2}}
		answer, err := getURL(t, client, p.url+"/healthz")
		if err != nil {
			t.Fatal(err)
		}
		if err := answer.Body.Close(); err != nil {
			t.Error(err)
		}
		if answer.StatusCode != http.StatusOK || (answer.ProtoMajor == 2) != http2 {
			t.Errorf("HTTP/2 asked for %v: %s, %s", http2, answer.Status, answer.Proto)
		}
		client.CloseIdleConnections()
	}
}
