package iam_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/sdksign"
	"github.com/usance/usance/registry"
)

// ids returns the ids of a list of projects.
func ids(v map[string]any) []string {
	out := []string{}
	for _, p := range v["projects"].([]any) {
		out = append(out, at(p, "id").(string))
	}
	return out
}

func TestTheSDKsLookUpFindsOneProjectByItsRegion(t *testing.T) {
	w := newWorld(t, iam.Options{})
	// As the vendor's Go SDK sends it: nothing signed but the date.
	r := w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, "/v3/projects?name=cn-north-4", "")
	v := w.Answered(w.Serve(r), 200)
	want := map[string]any{"id": rootProject, "name": "cn-north-4", "domain_id": iam.DomainID(acme), "parent_id": iam.DomainID(acme),
		"is_domain": false, "enabled": true, "description": "", "links": map[string]any{"self": "http://iam.myhuaweicloud.com/v3/projects/" + rootProject}}
	if got := v["projects"].([]any); len(got) != 1 || fmt.Sprint(got[0]) != fmt.Sprint(want) {
		t.Errorf("%v\nwant\n%v", got, want)
	}
	links := v["links"].(map[string]any)
	if links["self"] != "http://iam.myhuaweicloud.com/v3/projects?name=cn-north-4" || links["next"] != nil || links["previous"] != nil || len(links) != 3 {
		t.Error(links)
	}
	r = w.Signed(sdksign.HMACSHA256, "AKOTHER", "SKOTHER", http.MethodGet, "/v3/projects?name=cn-north-4", "")
	if got := ids(w.Answered(w.Serve(r), 200)); fmt.Sprint(got) != "[othersproject]" {
		t.Error(got)
	}
	// A list that is empty is there all the same: the SDK fails without one.
	r = w.Signed(sdksign.HMACSHA256, "AKPLAIN", "SKPLAIN", http.MethodGet, "/v3/projects?name=cn-north-4", "")
	if out := w.Serve(r); !strings.Contains(out.Body.String(), `"projects":[]`) {
		t.Error(out.Body)
	}
}

func TestProjectsAreFilteredAndPaged(t *testing.T) {
	w := newWorld(t, iam.Options{})
	w.Edit(acme, registry.Edit{Nodes: []usance.Node{{Path: "/rtc/web/deep", Aliases: map[string]string{iam.AliasProject: "deep"}}}})
	token := w.signIn("acme", "ops", "")
	for query, want := range map[string]string{
		"":                                  "[" + rootProject + " " + nodeProject + " deep]",
		"name":                              "[" + rootProject + " " + nodeProject + " deep]",
		"name=cn-east-3":                    "[" + nodeProject + "]",
		"name=deep":                         "[deep]",
		"name=CN-EAST-3":                    "[]",
		"domain_id=" + iam.DomainID(acme):   "[" + rootProject + " " + nodeProject + " deep]",
		"domain_id=other":                   "[]",
		"parent_id=" + nodeProject:          "[deep]",
		"parent_id=" + rootProject:          "[" + nodeProject + "]",
		"parent_id=" + iam.DomainID(acme):   "[" + rootProject + "]",
		"enabled=true":                      "[" + rootProject + " " + nodeProject + " deep]",
		"enabled=false":                     "[]",
		"is_domain=true":                    "[]",
		"page=1&per_page=2":                 "[" + rootProject + " " + nodeProject + "]",
		"page=2&per_page=2":                 "[deep]",
		"page=3&per_page=2":                 "[]",
		"per_page=5000":                     "[" + rootProject + " " + nodeProject + " deep]",
		"page=1&per_page=1&name=deep&other": "[deep]",
	} {
		v := w.Answered(w.Call(http.MethodGet, "/v3/projects?"+query, "", "X-Auth-Token", token), 200)
		if got := fmt.Sprint(ids(v)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"page=1", "page=0&per_page=1", "per_page=0", "per_page=5001", "per_page=x", "enabled=2", "is_domain=x",
		"name=a&name=b", "name=%zz", "page=99999999&per_page=5000"} {
		w.refused(w.Call(http.MethodGet, "/v3/projects?"+query, "", "X-Auth-Token", token), 400)
	}
	// The links lead through all pages and back.
	next, seen := "http://iam.myhuaweicloud.com/v3/projects?page=1&per_page=1", []string{}
	var last map[string]any
	for next != "" {
		u, err := url.Parse(next)
		if err != nil {
			t.Fatal(err)
		}
		last = w.Answered(w.Call(http.MethodGet, u.RequestURI(), "", "X-Auth-Token", token), 200)
		seen = append(seen, ids(last)...)
		next, _ = at(last, "links", "next").(string)
	}
	if len(seen) != 3 || at(last, "links", "previous") != "http://iam.myhuaweicloud.com/v3/projects?page=2&per_page=1" {
		t.Error(seen, last)
	}
}

func TestProjectsOutsideAUsersSubtreeAreHidden(t *testing.T) {
	w := newWorld(t, iam.Options{})
	token := w.signIn("acme", "web", "")
	if got := ids(w.Answered(w.Call(http.MethodGet, "/v3/auth/projects", "", "X-Auth-Token", token), 200)); fmt.Sprint(got) != "["+nodeProject+"]" {
		t.Error(got)
	}
	if got := ids(w.Answered(w.Call(http.MethodGet, "/v3/projects", "", "X-Auth-Token", w.signIn("acme", "feed", "")), 200)); len(got) != 0 {
		t.Error("a user that may not read sees", got)
	}
	v := w.Answered(w.Call(http.MethodGet, "/v3/projects/"+nodeProject, "", "X-Auth-Token", token), 200)
	if at(v, "project", "name") != "cn-east-3" || at(v, "project", "parent_id") != rootProject {
		t.Error(v)
	}
	w.refused(w.Call(http.MethodGet, "/v3/projects/"+rootProject, "", "X-Auth-Token", token), 404)
	w.refused(w.Call(http.MethodGet, "/v3/projects/othersproject", "", "X-Auth-Token", token), 404)
}

func TestTheAccountIsToldByBothLookUps(t *testing.T) {
	w := newWorld(t, iam.Options{})
	v := w.Answered(w.Serve(w.Signed(sdksign.HMACSHA256, "AKEXAMPLE", "SKEXAMPLE", http.MethodGet, "/v3/auth/domains", "")), 200)
	domains := v["domains"].([]any)
	if len(domains) != 1 || at(domains[0], "id") != iam.DomainID(acme) || at(domains[0], "name") != "acme" || at(domains[0], "enabled") != true {
		t.Error(v)
	}
	v = w.Answered(w.Serve(w.Signed(sdksign.HMACSHA256, "AKPLAIN", "SKPLAIN", http.MethodGet, "/v5/caller-identity", "")), 200)
	if v["account_id"] != iam.DomainID("plain") || v["principal_id"] != iam.UserID("plain", "ops") {
		t.Error(v)
	}
}

func TestLookUpsWithoutCredentials(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for _, path := range []string{"/v3/projects", "/v3/projects/x", "/v3/auth/projects", "/v3/auth/domains"} {
		w.refused(w.Call(http.MethodGet, path, ""), 401)
		w.refused(w.Call(http.MethodGet, path, "", "X-Auth-Token", "nonsense"), 401)
		wrong := w.Signed(sdksign.HMACSHA256, "AKOTHER", "wrong", http.MethodGet, path, "")
		w.Refused(w.Serve(wrong), 401, "APIGW.0301")
		good := w.Signed(sdksign.HMACSHA256, "AKOTHER", "SKOTHER", http.MethodGet, "/v3/auth/domains", "")
		w.Answered(w.Serve(good), 200) // so that the wrong ones do not add up
	}
	w.Refused(w.Call(http.MethodGet, "/v5/caller-identity", ""), 401, "APIGW.0301")
	w.Refused(w.Call(http.MethodGet, "/v3/projects", strings.Repeat("x", 65<<10)), 413, "APIGW.0201")
}

func TestTheSurfaceIsIAMsAlone(t *testing.T) {
	w := newWorld(t, iam.Options{})
	for path, want := range map[string]bool{"/v3/auth/tokens": true, "/v3.0/OS-CREDENTIAL/securitytokens": true, "/v5/caller-identity": true,
		"/v3": false, "/v30/x": false, "/v1/x/rtc/y": false, "/": false} {
		if w.Facade.Owns(path) != want {
			t.Errorf("%s: %v", path, !want)
		}
	}
}
