package zstack

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"strings"
	"testing"

	"github.com/usance/usance"
)

// FuzzAQueryIsReadLenientlyAndOneWay holds what ZStack's clients rely on: nothing of
// a query is lost or refused for its encoding, a properly encoded one is read as it
// was meant, and the query that the parameters make keeps its bounds and is the same
// each time it is read.
func FuzzAQueryIsReadLenientlyAndOneWay(f *testing.F) {
	for _, s := range []string{"", "q=name=x&q=uuid!=y&limit=10&start=5&count=true&sort=-name&fields=uuid,name", "limit=-1", "limit=2147483648", "start=x", "q", "q==", "%zz=%", "a;b=c", "&&=&", " limit=1&limit=2",
		"limit=1&%20limit=2&limit%20=3", "sort=%2B-name", "sort=-+-", "replyWithCount=TRUE", strings.Repeat("q=a=b&", 65)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		params := parseQuery(raw)
		pieces := 0
		for _, values := range params {
			pieces += len(values)
		}
		if raw != "" && pieces != strings.Count(raw, "&")+1 || raw == "" && pieces != 0 {
			t.Fatalf("%q has %d parameters", raw, pieces)
		}
		if len(params) > 0 && !reflect.DeepEqual(parseQuery(url.Values(params).Encode()), params) {
			t.Fatalf("%q is %q, which is not read again", raw, params)
		}
		if strict, err := url.ParseQuery(raw); err == nil && !strings.Contains("&"+raw+"&", "&&") && len(raw) > 0 && !reflect.DeepEqual(map[string][]string(strict), params) {
			t.Fatalf("%q is %q instead of %q", raw, params, strict)
		}
		q, err := parseQueryAPI(params)
		for range 3 {
			if again, same := parseQueryAPI(params); fmt.Sprint(same) != fmt.Sprint(err) || err == nil && !reflect.DeepEqual(again, q) {
				t.Fatalf("%q is %+v, %v and then %+v, %v", raw, q, err, again, same)
			}
		}
		if err != nil {
			if p, ok := errors.AsType[*plain](err); !ok || p.status != http.StatusBadRequest {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if q.limit < 0 || q.limit > usance.MaxQueryRows || q.start < 0 || q.start > usance.MaxQueryRows || len(q.conditions) > maxConditions {
			t.Fatalf("%q asks for %+v", raw, q)
		}
	})
}
