package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestProfilesAreServedUntilTheServerStops(t *testing.T) {
	url, stop, err := serveProfiles(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"": "goroutine", "goroutine?debug=1": "serveProfiles", "heap?debug=1": "heap profile"} {
		resp, err := getURL(t, http.DefaultClient, url+path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		if err := resp.Body.Close(); err != nil {
			t.Error(err)
		}
		if err != nil || resp.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s %v, without %q", path, resp.Status, err, want)
		}
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
	if resp, err := getURL(t, http.DefaultClient, url); err == nil {
		_ = resp.Body.Close()
		t.Error("profiles are still served")
	}
}

// getURL asks for an address; the caller closes the answer's body.
func getURL(t *testing.T, c *http.Client, url string) (*http.Response, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return c.Do(r)
}
