package meeting

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"
	"testing"
)

// FuzzASignedTextSaysOneRequest takes the text that an App ID's key signs apart
// again: what was put in must come out, or one signature would stand for two
// requests.
func FuzzASignedTextSaysOneRequest(f *testing.F) {
	nonce := "0123456789abcdef0123456789abcdef"
	f.Add("app-0001", "", "alice", int64(1790000000), nonce)
	f.Add("app-0001", "corp7", "a:b", int64(0), nonce)
	f.Add("app:1", "corp7", "alice", int64(5), nonce)
	f.Add("app-0001", "corp7:alice", "", int64(5), nonce)
	f.Add("app-0001", "", ":", int64(-5), nonce+":5")
	f.Fuzz(func(t *testing.T, app, corp, user string, expires int64, nonce string) {
		client := 72
		b := appBody{AppID: app, ClientType: &client, ExpireTime: &expires, Nonce: nonce, CorpID: corp, UserID: user}
		if b.check() != nil {
			return
		}
		for _, provider := range []bool{false, true} {
			if !provider && corp != "" {
				continue // refused before anything is signed
			}
			for i, text := range b.signedData(provider) {
				parts := strings.Split(text, ":")
				end := len(parts)
				heads := []string{app}
				if provider && i == 0 {
					heads = []string{app, corp}
				}
				at := len(heads)
				if end < at+3 || strings.Join(parts[:at], "\x00") != strings.Join(heads, "\x00") || strings.Join(parts[at:end-2], ":") != user ||
					parts[end-2] != strconv.FormatInt(expires, 10) || parts[end-1] != nonce {
					t.Fatalf("%+v signs %q, provider %v", b, text, provider)
				}
			}
		}
	})
}

// FuzzAnAppHeaderIsReadAsWritten holds that what is taken from a header stands in it,
// and that it reads the same when written as the vendor documents it.
func FuzzAnAppHeaderIsReadAsWritten(f *testing.F) {
	for _, s := range []string{"HMAC-SHA256 signature=00ff, access=YXBwLTAwMDE=", "hmac-sha256  ACCESS=YXBwLTAwMDE= , Signature=00FF", "HMAC-SHA256 signature=00,signature=01", "HMAC-SHA256 access=YQ==,access=Yg==", "HMAC-SHA256 signature=",
		"HMAC-SHA256 signature=0", "HMAC-SHA256", "", "Basic dTpw", "HMAC-SHA256 signature=00,access=", "HMAC-SHA256 signature=00,x", "HMAC-SHA256\tsignature=00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		signature, access, ok := appAuthorization(header)
		if !ok {
			return
		}
		if len(signature) == 0 || !strings.Contains(strings.ToLower(header), hex.EncodeToString(signature)) {
			t.Fatalf("%q is signed %x", header, signature)
		}
		written := "HMAC-SHA256 signature=" + hex.EncodeToString(signature)
		if access != "" {
			written += ",access=" + base64.StdEncoding.EncodeToString([]byte(access))
		}
		again, by, ok := appAuthorization(written)
		if !ok || !bytes.Equal(again, signature) || by != access {
			t.Fatalf("%q is %x by %q, and then %x by %q, %v", header, signature, access, again, by, ok)
		}
	})
}
