package metastudio_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
)

const (
	p, o, d         = usance.Periodic, usance.OneTime, usance.OnDemand
	bought, sp, adm = usance.Purchased, usance.SPAllocated, usance.AdminAllocated
)

// without has no throttles, for tests that are not about them.
func without() metastudio.Options {
	return metastudio.Options{Limits: gateway.Limits{"metastudio.tenant": gateway.Off(), "metastudio.system": gateway.Off()}}
}

// rows writes a count's rows on one line each.
func rows(v map[string]any) string {
	var out []string
	for _, row := range v["resources_count"].([]any) {
		m := row.(map[string]any)
		out = append(out, fmt.Sprintf("%v %v %v %v", m["business_type"], m["charging_mode"], m["resource_source"], m["count"]))
	}
	return strings.Join(out, "\n")
}

func TestTheAnswerHasTheVendorsForm(t *testing.T) {
	w := newWorld(t, metastudio.Options{})
	out := w.As("AKEXAMPLE", http.MethodGet, count)
	if out.Code != 200 || out.Body.String() != `{"resources_count":[]}` {
		t.Errorf("%d %s", out.Code, out.Body)
	}
	w.put(resource("r-1", "LIVE_2D", o, sp, "2026-12-31T00:00:00Z"))
	out = w.As("AKEXAMPLE", http.MethodGet, count, "X-Project-Id", rootProject)
	want := `{"resources_count":[{"business_type":"LIVE_2D","count":1,"charging_mode":"ONE_TIME","resource_source":"SP_ALLOCATED"}]}`
	if out.Code != 200 || out.Body.String() != want || out.Header().Get("Content-Type") != "application/json" {
		t.Errorf("%d %s\nwant %s", out.Code, out.Body, want)
	}
	if got := facadetest.Told(out, gateway.HeaderRatelimitAPI) + " " + facadetest.Told(out, gateway.HeaderRatelimitAllEnv); got != "remain:8,limit:10,time:1 second remain:18,limit:20,time:1 second" {
		t.Error(got)
	}
}

func TestWhatExpiresInTheWindowIsCounted(t *testing.T) {
	w := newWorld(t, without())
	w.put(
		resource("a", "VIDEO_2D", p, bought, "2026-01-10T08:43:17Z"), resource("b", "VIDEO_2D", p, bought, "2026-01-10T08:43:18Z"),
		resource("c", "VIDEO_2D", o, bought, "2026-01-20T00:00:00Z"), resource("d", "VIDEO_2D", p, sp, "2026-02-01T00:00:00Z"),
		resource("e", "LIVE_2D", o, adm, "2027-01-01T00:00:00Z"), resource("f", "LIVE_2D", o, adm, ""),
		resource("g", "LIVE_2D", d, bought, "2026-01-15T00:00:00Z"), resource("h", "OTHER", p, bought, "2026-01-15T00:00:00Z"),
	)
	all := "LIVE_2D ONE_TIME ADMIN_ALLOCATED 2\nVIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 2\nVIDEO_2D PERIODIC SP_ALLOCATED 1"
	video := "VIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 2\nVIDEO_2D PERIODIC SP_ALLOCATED 1"
	const start, end = "resource_expire_start_time=", "resource_expire_end_time="
	for query, want := range map[string]string{
		"":                              all,
		"business&" + start + "&" + end: all,
		"business=VIDEO_2D":             video,
		"business=VIDEO_2D%2CLIVE_2D":   all,
		"business=VIDEO_2D,+,LIVE_2D+,": all,
		"business=%2C":                  all,
		"business=CHAT_2D":              "",
		start + "2026-01-10T08:43:17Z&" + end + "2026-01-10T08:43:17Z":                  "VIDEO_2D PERIODIC PURCHASED 1",
		start + "2026-01-10T08:43:17Z&" + end + "2026-01-10T08:43:18Z":                  "VIDEO_2D PERIODIC PURCHASED 2",
		start + "2026-01-10T08:43:17.5Z&" + end + "2026-01-10T08:43:18.9Z":              "VIDEO_2D PERIODIC PURCHASED 1",
		start + "2026-01-10t08%3A43%3A18z":                                              "LIVE_2D ONE_TIME ADMIN_ALLOCATED 1\nVIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 1\nVIDEO_2D PERIODIC SP_ALLOCATED 1",
		end + "2026-01-20T08:00:00%2B08:00":                                             "VIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 2",
		end + "2026-01-20T08:00:00+08:00":                                               "VIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 2",
		end + "2026-01-20T07:59:59+08:00":                                               "VIDEO_2D PERIODIC PURCHASED 2",
		end + "2026-01-19T20:00:00-04:00":                                               "VIDEO_2D ONE_TIME PURCHASED 1\nVIDEO_2D PERIODIC PURCHASED 2",
		start + "0001-01-01T00:00:00Z":                                                  strings.Replace(all, "ALLOCATED 2", "ALLOCATED 1", 1), // bounded, so nothing endless
		end + "9999-12-31T23:59:59Z&business=LIVE_2D":                                   "LIVE_2D ONE_TIME ADMIN_ALLOCATED 1",
		start + "9999-12-31T23:59:59Z":                                                  "",
		start + "2026-01-01T00:00:00Z&" + end + "2026-01-31T23:59:59Z&business=LIVE_2D": "",
	} {
		if got := rows(w.Answered(w.As("AKLOOK", http.MethodGet, count+"?"+query), 200)); got != want {
			t.Errorf("%s:\n%s\nwant\n%s", query, got, want)
		}
	}
}

func TestEveryBusinessTypeOfTheVendorIsKnown(t *testing.T) {
	w := newWorld(t, without())
	for i, business := range metastudio.BusinessTypes() {
		w.put(resource(fmt.Sprint(i), business, p, bought, ""))
		if got := rows(w.Answered(w.As("AKLOOK", http.MethodGet, count+"?business="+business), 200)); got != business+" PERIODIC PURCHASED 1" {
			t.Error(got)
		}
	}
	if n := len(strings.Split(rows(w.Answered(w.As("AKLOOK", http.MethodGet, count), 200)), "\n")); n != 13 {
		t.Error(n)
	}
}

// TestBothProjectsAgreeWithAPlainCount compares counts and lists with counting by
// hand over resources drawn at random.
func TestBothProjectsAgreeWithAPlainCount(t *testing.T) {
	w := newWorld(t, without())
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	pick := func(list ...string) string { return list[random.IntN(len(list))] }
	first := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	var all []usance.Resource
	for i := range 200 {
		expires := first.Add(time.Duration(random.IntN(40*86400)) * time.Second).Format(time.RFC3339)
		r := resource(fmt.Sprintf("r-%03d", i), pick("VIDEO_2D", "LIVE_2D", "OTHER"), pick(p, o, d), pick(bought, sp, adm), pick(expires, expires, ""))
		r.Node = usance.Path(pick("/", "/studio", "/studio/a", "/elsewhere"))
		all = append(all, r)
	}
	w.put(all...)
	for range 40 {
		from := first.Add(time.Duration(random.IntN(40*86400)) * time.Second)
		to := from.Add(time.Duration(random.IntN(10*86400)) * time.Second)
		project, node := rootProject, usance.Root
		if random.IntN(2) == 0 {
			project, node = nodeProject, "/studio"
		}
		want, ids := map[string]int{}, []string{}
		for _, r := range all {
			if r.BusinessType == "OTHER" || !r.Node.Within(node) || r.Expires.IsZero() || r.Expires.Before(from) || r.Expires.After(to) {
				continue
			}
			ids = append(ids, r.ID)
			if r.ChargingMode != d {
				want[fmt.Sprintf("%s %s %s", r.BusinessType, r.ChargingMode, r.Source)]++
			}
		}
		var lines []string
		for kind, n := range want {
			lines = append(lines, fmt.Sprint(kind, " ", n))
		}
		slices.Sort(lines)
		window := "?resource_expire_start_time=" + from.Format(time.RFC3339) + "&resource_expire_end_time=" + to.Format(time.RFC3339)
		base := "/v1/" + project + "/tenants/resources"
		if got := rows(w.Answered(w.As("AKLOOK", http.MethodGet, base+"-count"+window), 200)); got != strings.Join(lines, "\n") {
			t.Errorf("%s %s:\n%s\nwant\n%s", project, window, got, strings.Join(lines, "\n"))
		}
		offset, limit := random.IntN(5), 1+random.IntN(20)
		v := w.Answered(w.As("AKLOOK", http.MethodGet, fmt.Sprintf("%s%s&offset=%d&limit=%d", base, window, offset, limit)), 200)
		page := ids[min(offset, len(ids)):min(offset+limit, len(ids))]
		if got := idsOf(v); v["count"] != float64(len(ids)) || fmt.Sprint(got) != fmt.Sprint(page) {
			t.Errorf("%s %s: %v of %v, want %v of %d", project, window, got, v["count"], page, len(ids))
		}
	}
}

func idsOf(v map[string]any) []string {
	out := []string{}
	for _, r := range v["resources"].([]any) {
		out = append(out, r.(map[string]any)["resource_id"].(string))
	}
	return out
}

func TestAResourcesRowShowsAllThatIsKnownOfIt(t *testing.T) {
	w := newWorld(t, without())
	r := resource("r-1", "FLEXUS_2D", o, sp, "2026-12-31T08:00:00+08:00")
	r.Amount, r.Unit, r.OrderID, r.Type, r.Frozen = 120, "MIN", "CS-1", "hws.resource.type.metastudio.flexus", true
	r.Labels = map[string]string{"sub_resource_type": "voice_clone_flexus", "is_sub_resource": "true", "usage": "7", "own": "x"}
	w.put(r, resource("r-2", "VIDEO_2D", d, bought, ""))
	out := w.As("AKLOOK", http.MethodGet, list)
	want := `{"count":2,"resources":[{"resource_id":"r-1","order_id":"CS-1","resource_expire_time":"2026-12-31T00:00:00Z",` +
		`"resource_type":"hws.resource.type.metastudio.flexus","business_type":"FLEXUS_2D","sub_resource_type":"voice_clone_flexus","is_sub_resource":true,` +
		`"charging_mode":"ONE_TIME","resource_source":"SP_ALLOCATED","amount":120,"usage":7,"status":1,"unit":"MIN"},` +
		`{"resource_id":"r-2","business_type":"VIDEO_2D","is_sub_resource":false,"charging_mode":"ON_DEMAND","resource_source":"PURCHASED","amount":0,"usage":0,"status":0}]}`
	if out.Code != 200 || out.Body.String() != want {
		t.Errorf("%d %s\nwant\n%s", out.Code, out.Body, want)
	}
	for name, value := range w.Answered(out, 200)["resources"].([]any)[0].(map[string]any) {
		if _, number := value.(float64); !number {
			continue
		}
		if f, ok := metastudio.Mapping().Find("resources." + name); !ok || f.Source.Kind == "" {
			t.Errorf("nothing says where %s comes from", name)
		}
	}
}

func TestTheListIsFilteredByEveryParameter(t *testing.T) {
	w := newWorld(t, without())
	a, b, c := resource("a", "VIDEO_2D", p, bought, "2026-05-01T00:00:00Z"), resource("b", "LIVE_2D", o, sp, "2026-06-01T00:00:00Z"), resource("c", "LIVE_2D", d, adm, "")
	a.Type, b.Type, a.OrderID, b.OrderID, c.Frozen = "t.a", "t.b", "o-1", "o-2", true
	b.Labels = map[string]string{"sub_resource_type": "sub"}
	w.put(a, b, c)
	for query, want := range map[string]string{
		"":                            "3 [a b c]",
		"limit=2":                     "3 [a b]",
		"limit=2&offset=2":            "3 [c]",
		"limit=100&offset=2147483647": "3 []",
		"resource_source=PURCHASED":   "1 [a]",
		"resource_source=PURCHASED%2C+ADMIN_ALLOCATED": "2 [a c]",
		"business=LIVE_2D":                              "2 [b c]",
		"charging_mode=ON_DEMAND":                       "1 [c]",
		"charging_mode=PERIODIC,ONE_TIME":               "2 [a b]",
		"resource_expire_end_time=2026-05-31T00:00:00Z": "1 [a]",
		"resource=t.a%2Ct.b":                            "2 [a b]",
		"resource=t.a,t.b&limit=1&offset=1":             "2 [b]",
		"resource_id=b":                                 "1 [b]",
		"resource_id=none":                              "0 []",
		"order_id=o-1":                                  "1 [a]",
		"sub_resource=sub":                              "1 [b]",
		"status=0":                                      "2 [a b]",
		"status=1":                                      "1 [c]",
		"status=1&business=VIDEO_2D":                    "0 []",
		"limit&offset&resource&business&resource_source&resource_id&order_id&charging_mode&sub_resource&status": "3 [a b c]",
	} {
		v := w.Answered(w.As("AKLOOK", http.MethodGet, list+"?"+query), 200)
		if got := fmt.Sprint(v["count"], " ", idsOf(v)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestInvalidParameters(t *testing.T) {
	w := newWorld(t, without())
	both := []string{"business=NONE", "business=VIDEO_2D,live_2d", "business=VIDEO_2D&business=LIVE_2D", "business=%zz",
		"resource_expire_start_time=yesterday", "resource_expire_end_time=2026-01-01", "resource_expire_end_time=2026-01-01T00:00:00",
		"resource_expire_end_time=2026-02-30T00:00:00Z", "resource_expire_start_time=1767225600",
		"resource_expire_start_time=2026-01-02T00:00:00Z&resource_expire_end_time=2026-01-01T23:59:59Z"}
	for _, path := range []string{count, list} {
		for _, query := range both {
			if got := w.Refused(w.As("AKLOOK", http.MethodGet, path+"?"+query), 400, "MSS.00000003"); got != "Invalid parameter" {
				t.Error(got)
			}
		}
	}
	for _, query := range []string{"limit=0", "limit=101", "limit=x", "offset=-1", "offset=2147483648", "status=2", "charging_mode=x", "resource_source=x", "limit=1&limit=1"} {
		w.Refused(w.As("AKLOOK", http.MethodGet, list+"?"+query), 400, "MSS.00000003")
	}
	if _, err := url.ParseQuery("business=%zz"); err == nil {
		t.Fatal("the malformed query is not malformed")
	}
}
