package iam

import (
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"testing"
)

// FuzzAProjectQueryAsksForWhatItSays holds that a list's query is read within its
// bounds and reads the same when written again, and that any other is refused in the
// same words each time.
func FuzzAProjectQueryAsksForWhatItSays(f *testing.F) {
	for _, s := range []string{"", "name=cn-north-4", "name=&enabled=true&is_domain=false", "page=2&per_page=10", "page=1", "per_page=5000", "per_page=5001", "page=0&per_page=1", "page=1048577&per_page=1",
		"enabled=yes", "enabled=T", "name=a&name=b", "domain_id=x&parent_id=y", "%zz", "a;b", "page=+1&per_page=%2B1", "enabled=x&is_domain=y&page=z"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		read := func(raw string) (projectQuery, error) {
			return readProjectQuery(&http.Request{URL: &url.URL{RawQuery: raw}})
		}
		q, err := read(raw)
		for range 3 {
			if _, again := read(raw); fmt.Sprint(again) != fmt.Sprint(err) {
				t.Fatalf("%q: %v and then %v", raw, err, again)
			}
		}
		if err != nil {
			if refusal, ok := errors.AsType[*fault](err); !ok || refusal.status != http.StatusBadRequest {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		values, _ := url.ParseQuery(raw)
		if q.name != values.Get("name") || q.domain != values.Get("domain_id") || q.parent != values.Get("parent_id") || q.page < 1 || q.page > 1<<20 || q.perPage < 0 || q.perPage > maxPerPage ||
			values.Get("page") != "" && q.perPage == 0 {
			t.Fatalf("%q asks for %+v", raw, q)
		}
		for name, n := range map[string]int{"page": q.page, "per_page": q.perPage} {
			if want, ok := new(big.Int).SetString(values.Get(name), 10); values.Get(name) != "" && (!ok || want.Cmp(big.NewInt(int64(n))) != 0) {
				t.Fatalf("%q has the %s %d", raw, name, n)
			}
		}
		written := url.Values{"name": {q.name}, "domain_id": {q.domain}, "parent_id": {q.parent}, "enabled": {strconv.FormatBool(q.enabled)}, "is_domain": {strconv.FormatBool(q.isDomain)}}
		if q.perPage > 0 {
			written.Set("page", strconv.Itoa(q.page))
			written.Set("per_page", strconv.Itoa(q.perPage))
		}
		if again, err := read(written.Encode()); err != nil || again != q {
			t.Fatalf("%q is %+v, written %q and then %+v, %v", raw, q, written.Encode(), again, err)
		}
	})
}
