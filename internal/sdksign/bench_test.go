package sdksign

import (
	"net/http"
	"testing"
)

func BenchmarkParseAndVerify(b *testing.B) {
	req := Request{Method: "GET", Path: "/v1/" + project + "/rtc/history/usage",
		Query:  "app=5ecf0000&metric=CommunicationDuration&start_date=2026-03-01&end_date=2026-03-02",
		Header: http.Header{"X-Project-Id": {project}, "X-Sdk-Date": {"20260305T010203Z"}, "User-Agent": {"huaweicloud-usdk-go/3.0; linux/amd64 go/1.26"}}}
	for _, scheme := range []Scheme{HMACSHA256, Derived, ECDSAP256, HMACSM3, SM2SM3} {
		signed, err := Sign(req, Authorization{Scheme: scheme, KeyID: "AKEXAMPLE", Region: "r", Service: "s"}, "SKEXAMPLE")
		if err != nil {
			b.Fatal(err)
		}
		header := signed.String()
		b.Run(scheme.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				a, err := Parse(header)
				if err == nil {
					err = Verify(req, a, "SKEXAMPLE", at, a.Scheme.Window())
				}
				if err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
