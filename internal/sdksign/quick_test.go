package sdksign

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestTheMACIsThatOfTheLibrary holds the MAC made here against crypto/hmac.
func TestTheMACIsThatOfTheLibrary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "key")
		text := rapid.SliceOfN(rapid.Byte(), 0, 500).Draw(t, "text")
		h := hmac.New(sha256.New, key)
		h.Write(text)
		got, err := sha256Signer(key).sign(text)
		if want := h.Sum(nil); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("%x, the library has %x", got, want)
		}
		if !sha256Signer(key).matches(text, got) {
			t.Fatal("a MAC does not match itself")
		}
		got[rapid.IntRange(0, len(got)-1).Draw(t, "at")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		if sha256Signer(key).matches(text, got) {
			t.Fatal("another MAC matches")
		}
	})
}

// TestADateIsReadAsTheLibraryReadsIt holds the dates read here against time.Parse.
func TestADateIsReadAsTheLibraryReadsIt(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, text string) {
		got, err := parseDate(text)
		want, wantErr := time.Parse(DateFormat, text)
		if (err == nil) != (wantErr == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%q is read as %v, %v; the library has %v, %v", text, got, err, want, wantErr)
		}
	}
	for _, text := range []string{"20260305T010203Z", "20240229T235959Z", "20230229T000000Z", "19000229T000000Z", "20000229T000000Z", "00000101T000000Z", "99991231T235959Z",
		"20260305T240000Z", "20260305T236000Z", "20260305T235960Z", "20261305T000000Z", "20260005T000000Z", "20260300T000000Z", "20260431T000000Z",
		"20260305T010203.5Z", "20260305T010203", "20260305t010203Z", "2026O305T010203Z", "", "20260305T010203Z ", "-0260305T010203Z"} {
		check(t, text)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(rapid.StringMatching(`[0-9]{4}[01][0-9][0-3][0-9]T[0-2][0-9][0-6][0-9][0-6][0-9]Z`).Draw(t, "date"))
		if rapid.IntRange(0, 4).Draw(t, "change") == 0 {
			text[rapid.IntRange(0, len(text)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		check(t, string(text))
	})
}

// TestTextIsEscapedByteByByte holds what is copied in stretches against the rule
// for one byte.
func TestTextIsEscapedByteByByte(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(rapid.StringMatching(`(/|%2[0-9a-fA-F]|%|~|[a-z]|%7[eE]| |é){0,20}`), rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) })).Draw(t, "s")
		tilde := rapid.Bool().Draw(t, "tilde")
		var text, path []byte
		for i := range len(s) {
			text = appendEscaped(text, s[i], tilde)
		}
		for i := 0; i < len(s); {
			c, n := unescapeAt(s, i)
			if i += n; c == '/' {
				path = append(path, c)
			} else {
				path = appendEscaped(path, c, tilde)
			}
		}
		if !bytes.HasSuffix(path, []byte("/")) {
			path = append(path, '/')
		}
		if got := appendText([]byte("x"), s, tilde); string(got[1:]) != string(text) {
			t.Fatalf("text %q is %q, want %q", s, got[1:], text)
		}
		if got := appendPath([]byte("x"), s, tilde); string(got[1:]) != string(path) {
			t.Fatalf("path %q is %q, want %q", s, got[1:], path)
		}
	})
}

func FuzzADateIsReadAsTheLibraryReadsIt(f *testing.F) {
	for _, s := range []string{"20260305T010203Z", "20260230T000000Z", "20240229T235959Z", "20260305T240000Z", "20260305T010260Z", "00000101T000000Z", "20260305T010203.5Z", "20260305t010203z", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseDate(text)
		want, wrong := time.Parse(DateFormat, text)
		if (err == nil) != (wrong == nil) || err == nil && !got.Equal(want) {
			t.Fatalf("%q is %v, %v; the library has %v, %v", text, got, err, want, wrong)
		}
	})
}

func TestLettersDigitsAndFourOthersStandForThemselves(t *testing.T) {
	for i := range 256 {
		c := byte(i)
		want := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.'
		if unreserved(c, true) != want || unreserved(c, false) != (want || c == '~') {
			t.Errorf("%q: %v, and %v where ~ is escaped", c, unreserved(c, false), unreserved(c, true))
		}
	}
}
