package server

import (
	"net/http"
	"strings"
	"testing"
)

// TestThrottlesAreThoseThatWereTold asks the Meeting and IAM façades twice under
// limits of one request, and under none: the second is refused in the vendor's way,
// with the limit that is in force in its headers.
func TestThrottlesAreThoseThatWereTold(t *testing.T) {
	const (
		meeting = `{"account":"nobody","clientType":72}`
		iam     = `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"nobody","password":"x","domain":{"name":"x"}}}}}}`
	)
	for told, limited := range map[string]bool{"meeting.user=1/90s,iam=1/2m": true, "off": false, "documented": false, "meeting=off,iam.signin=3/1h": false} {
		limits, err := ParseThrottles(told)
		if err != nil {
			t.Fatal(err)
		}
		s, _ := newServer(t, func(c *Config) { c.Limits = limits })
		r := run(t, s)
		for _, c := range []struct{ path, body, header, limit string }{
			{"/v1/usg/acs/auth/account", meeting, "X-Apig-Ratelimit-Api", "limit:1,time:90 second"},
			{"/v3/auth/tokens", iam, "X-Apig-Ratelimit-Api", "limit:1,time:2 minute"},
		} {
			first, _, _ := r.call(t, http.MethodPost, c.path, "", c.body)
			status, header, body := r.call(t, http.MethodPost, c.path, "", c.body)
			if first == http.StatusTooManyRequests || limited != (status == http.StatusTooManyRequests) {
				t.Errorf("%s: %s is answered %d, then %d %s", told, c.path, first, status, body)
			}
			if limited && (header.Get(c.header) != "remain:0,"+c.limit || header.Get("Retry-After") == "" || !strings.Contains(body, "APIGW.0308") || !strings.Contains(body, c.limit)) {
				t.Errorf("%s: %s is refused with %v %s", told, c.path, header, body)
			}
		}
	}
}

// TestEveryThrottleBelongsToASurface holds the form of the names, by which one name
// stands for all of a façade.
func TestEveryThrottleBelongsToASurface(t *testing.T) {
	for name, l := range Throttles() {
		if surface, of, ok := strings.Cut(name, "."); !ok || surface == "" || of == "" || l.Requests <= 0 || l.Per <= 0 {
			t.Errorf("%s: %v", name, l)
		}
	}
}
