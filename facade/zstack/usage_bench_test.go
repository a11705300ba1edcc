package zstack

import (
	"net/http/httptest"
	"testing"
)

func BenchmarkOrganizationUsage(b *testing.B) {
	f := newFixture(b, Options{})
	s := f.login("ops@acme")
	for _, c := range []struct{ name, uuid string }{{"department", department}, {"company", company}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r := httptest.NewRequestWithContext(b.Context(), "GET", "/zstack/v1/iam2/organizations/quota/"+c.uuid+"/usages", nil)
				r.Header.Set("Authorization", "OAuth "+s)
				w := httptest.NewRecorder()
				f.ServeHTTP(w, r)
				if w.Code != 200 {
					b.Fatal(w.Body)
				}
			}
		})
	}
}
