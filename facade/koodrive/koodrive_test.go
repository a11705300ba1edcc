package koodrive_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/koodrive"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// exampleOfThePage defines the quotas and the usage behind the vendor's own
// example answer.
func exampleOfThePage(w *world) {
	const gb, kb = 1 << 30, 1 << 10
	w.Edit(acme, registry.Edit{Quotas: []usance.Quota{
		quota("/drive", 10240*gb), quota("/drive/dept", 6144*gb), quota("/drive/personal", 2048*gb), quota("/drive/group", 2048*gb),
		quota("/drive/dept/rd", 40*gb), quota("/drive/dept/hr", 2*gb), quota("/drive/personal/u1", 35*gb), quota("/drive/group/g1", 250*gb),
		{Node: "/drive", Meter: registry.DriveUsers, Limit: 100},
	}})
	events := []ledger.Incoming{
		w.filled("/drive/dept/rd", 1975000*kb), w.filled("/drive/dept/hr", 57*kb),
		w.filled("/drive/personal/u1", 3933426*kb), w.filled("/drive/group", 1844815*kb-1),
	}
	for i := range 21 {
		events = append(events, w.event("drive.user.created", fmt.Sprint("u", i), "/drive", ""))
	}
	events = append(events, w.event("drive.user.deleted", "u0", "/drive", ""))
	w.ingest(events...)
}

func TestTheVendorsExampleComesOutOfTheLedger(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	exampleOfThePage(w)
	out := w.Call(http.MethodGet, quotaUsed, "", "Authorization", "Bearer+us_reader_token")
	const want = `{"code":0,"msg":"success","data":{"spaceUsed":7753298,"spaceCapacity":10240,` +
		`"deptSpaceQuota":6144,"personalSpaceQuota":2048,"groupSpaceQuota":2048,"reservedSpaceQuota":0,` +
		`"spaceQuotaUsed":327,"deptSpaceUsed":1975057,"deptSpaceQuotaUsed":42,` +
		`"personalSpaceUsed":3933426,"personalSpaceQuotaUsed":35,"groupSpaceUsed":1844815,"groupSpaceQuotaUsed":250,` +
		`"userCount":20,"userMaxCount":100,"packageDownloadExpires":7,"productType":"1"}}`
	if out.Code != http.StatusOK || out.Body.String() != want {
		t.Fatalf("%d %s", out.Code, out.Body)
	}
	if got := out.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("Content-Type %q", got)
	}
	if out.Header().Get("X-Request-Id") == "" {
		t.Error("no X-Request-Id")
	}
}

// TestTheCapacityFollowsGrantsToTheSecond reads the capacity, a kind's share and the
// seats before and after the end of what a resource grants.
func TestTheCapacityFollowsGrantsToTheSecond(t *testing.T) {
	const gb = 1 << 30
	w := newWorld(t, koodrive.Options{})
	w.Edit(acme, registry.Edit{Quotas: []usance.Quota{quota("/drive", 100*gb), quota("/drive/dept", 60*gb), {Node: "/drive", Meter: registry.DriveUsers, Limit: 10}}})
	expires := w.Clock.Now().Add(time.Hour).Truncate(time.Second)
	_, err := w.Ledger.PutResource(t.Context(), facadetest.Tester(), acme, usance.Resource{ID: "pack", Node: "/drive", BusinessType: "X",
		ChargingMode: usance.Periodic, Source: usance.Purchased, Expires: expires, Grants: []usance.Grant{{Meter: registry.DriveSpace, Amount: 50 * gb},
			{Meter: registry.DriveSpace, Amount: 20 * gb, Node: "/drive/dept"}, {Meter: registry.DriveUsers, Amount: 5}}}, true)
	if err != nil {
		t.Fatal(err)
	}
	shows := func(parts ...string) {
		t.Helper()
		body := w.Call(http.MethodGet, quotaUsed, "", "Authorization", "Bearer+us_reader_token").Body.String()
		for _, part := range parts {
			if !strings.Contains(body, part) {
				t.Errorf("%s is not in %s", part, body)
			}
		}
	}
	shows(`"spaceCapacity":150,`, `"deptSpaceQuota":80,`, `"reservedSpaceQuota":70,`, `"userMaxCount":15,`)
	w.Clock.Move(expires.Sub(w.Clock.Now()) - time.Nanosecond)
	shows(`"spaceCapacity":150,`)
	w.Clock.Move(time.Nanosecond)
	shows(`"spaceCapacity":100,`, `"deptSpaceQuota":60,`, `"reservedSpaceQuota":40,`, `"userMaxCount":10,`)
}

func TestEveryBoundFieldIsInTheAnswer(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	var want []string
	for _, f := range koodrive.Mapping() {
		if f.Source.Kind == "" {
			t.Errorf("%s comes from nowhere", f.Name)
		}
		want = append(want, f.Name)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(w.read())); !slices.Equal(got, want) {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func TestSettingsAreShownWithTheirTypes(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, c := range []struct {
		settings map[string]string
		days     float64
		product  string
	}{
		{nil, 7, "1"},
		{map[string]string{koodrive.SettingDownloadExpires: "30", koodrive.SettingProductType: `a"b`}, 30, `a"b`},
		{map[string]string{koodrive.SettingDownloadExpires: "soon"}, 7, "1"},
		{map[string]string{koodrive.SettingDownloadExpires: "-1"}, 7, "1"},
	} {
		w.Edit(acme, registry.Edit{Tenant: &usance.Tenant{Name: "Acme Ltd", Timezone: "Asia/Shanghai", Settings: c.settings}})
		if got := w.read(); got["packageDownloadExpires"] != c.days || got["productType"] != c.product {
			t.Errorf("%v: %v %v", c.settings, got["packageDownloadExpires"], got["productType"])
		}
	}
}

func TestUsageAtTheDriveItselfBelongsToNoKind(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	exampleOfThePage(w)
	w.ingest(w.filled("/drive", 5<<30), w.filled("/drive/trash", 1<<30), w.filled("/elsewhere", 1<<30))
	got := w.read()
	if got["spaceUsed"] != 7753298.0 || got["deptSpaceUsed"] != 1975057.0 {
		t.Fatalf("%v", got)
	}
}

func TestSeatsAreNeverFewerThanUsers(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	if got := w.read(); got["userCount"] != 0.0 || got["userMaxCount"] != 2147483647.0 {
		t.Fatalf("without a quota: %v of %v", got["userCount"], got["userMaxCount"])
	}
	exampleOfThePage(w)
	w.Edit(acme, registry.Edit{Quotas: []usance.Quota{{Node: "/drive", Meter: registry.DriveUsers, Limit: 5}}})
	if got := w.read(); got["userCount"] != 20.0 || got["userMaxCount"] != 20.0 {
		t.Fatalf("%v of %v", got["userCount"], got["userMaxCount"])
	}
}

// answer is the data of quotaUsed with the vendor's types: everything a whole
// number but productType.
type answer struct {
	SpaceUsed, SpaceCapacity, DeptSpaceQuota, PersonalSpaceQuota, GroupSpaceQuota, ReservedSpaceQuota int64
	SpaceQuotaUsed, DeptSpaceUsed, DeptSpaceQuotaUsed, PersonalSpaceUsed, PersonalSpaceQuotaUsed      int64
	GroupSpaceUsed, GroupSpaceQuotaUsed, UserCount, UserMaxCount, PackageDownloadExpires              int64
	ProductType                                                                                       string
}

func TestTheSumsHoldInAnswersOverTheRealLedger(t *testing.T) {
	w := newWorld(t, koodrive.Options{Limits: gateway.Limits{"koodrive.user": gateway.Off()}})
	nodes := []usance.Path{"/drive", "/drive/dept", "/drive/personal", "/drive/group", "/drive/dept/a", "/drive/dept/a/b", "/drive/personal/c", "/drive/group/d"}
	rapid.Check(t, func(rt *rapid.T) {
		var e registry.Edit
		d, err := w.Registry.Definitions(w.Context(), acme)
		if err != nil {
			rt.Fatal(err)
		}
		for _, q := range d.Quotas(usance.Root, true) {
			e.DeleteQuotas = append(e.DeleteQuotas, registry.QuotaRef{Node: q.Node, Meter: q.Meter})
		}
		w.Edit(acme, e)
		e = registry.Edit{}
		var events []ledger.Incoming
		for _, node := range nodes {
			switch rapid.IntRange(0, 5).Draw(rt, "quota of "+string(node)) {
			case 0:
			case 1:
				e.Quotas = append(e.Quotas, quota(node, usance.Unlimited))
			default:
				e.Quotas = append(e.Quotas, quota(node, rapid.Int64Range(0, 20<<30).Draw(rt, "limit of "+string(node))))
			}
			events = append(events, w.filled(node, rapid.Int64Range(0, 30<<30).Draw(rt, "bytes at "+string(node))))
		}
		if seats := rapid.Int64Range(-1, 5).Draw(rt, "seats"); seats >= 0 {
			e.Quotas = append(e.Quotas, usance.Quota{Node: "/drive", Meter: registry.DriveUsers, Limit: seats})
		}
		kind := rapid.SampledFrom([]string{"drive.user.created", "drive.user.deleted"}).Draw(rt, "users")
		for i := range rapid.IntRange(0, 4).Draw(rt, "n") {
			events = append(events, w.event(kind, fmt.Sprint(i), "/drive", ""))
		}
		w.Edit(acme, e)
		w.ingest(events...)
		out := w.Call(http.MethodGet, quotaUsed, "", "Authorization", "us_reader_token")
		decoder := json.NewDecoder(strings.NewReader(out.Body.String()))
		decoder.DisallowUnknownFields()
		var got struct {
			Code int
			Msg  string
			Data answer
		}
		if err := decoder.Decode(&got); err != nil {
			rt.Fatalf("%s: %v", out.Body, err)
		}
		a := got.Data
		if a.SpaceUsed != a.DeptSpaceUsed+a.PersonalSpaceUsed+a.GroupSpaceUsed ||
			a.SpaceCapacity != a.DeptSpaceQuota+a.PersonalSpaceQuota+a.GroupSpaceQuota+a.ReservedSpaceQuota ||
			a.SpaceQuotaUsed != a.DeptSpaceQuotaUsed+a.PersonalSpaceQuotaUsed+a.GroupSpaceQuotaUsed ||
			a.DeptSpaceQuotaUsed > a.DeptSpaceQuota || a.PersonalSpaceQuotaUsed > a.PersonalSpaceQuota || a.GroupSpaceQuotaUsed > a.GroupSpaceQuota ||
			a.ReservedSpaceQuota < 0 || a.UserCount > a.UserMaxCount || a.UserCount < 0 {
			rt.Fatalf("%+v", a)
		}
	})
}

func TestOwnsItsOwnPathsOnly(t *testing.T) {
	f := koodrive.New(nil, nil, koodrive.Options{Now: facadetest.NewClock(signedAt).Now})
	for path, want := range map[string]bool{quotaUsed: true, "/koodrive/": true, "/koodrive/x": true, "/koodrive": false, "/v1/mmc/": false, "/": false, "/xkoodrive/": false} {
		if f.Owns(path) != want {
			t.Errorf("Owns(%q) is %v", path, !want)
		}
	}
}

func TestUnknownPathsAndMethodsAreRefusedInItsOwnForm(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	for _, c := range [][2]string{
		{"GET", "/koodrive/"}, {"GET", "/koodrive/ose/v1/service/quotaused"}, {"POST", quotaUsed}, {"DELETE", quotaUsed},
		{"GET", "/koodrive/ose/v1/session/"}, {"POST", "/koodrive/ose/v1/session/logoff"}, {"GET", quotaUsed + "//"}, {"GET", "/koodrive/../koodrive/ose/v1/service/quotaUsed"},
	} {
		w.refusedWith(w.Call(c[0], c[1], "", "Authorization", "us_reader_token"), 404, 13009404)
	}
}

func TestATraceIDHas58CharactersAndIsEchoed(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	id := strings.Repeat("a1", 29)
	for _, path := range []string{quotaUsed, "/koodrive/nothing"} {
		out := w.Call("GET", path, "", "Authorization", "us_reader_token", "X-Traceid", id)
		if got := out.Header().Get("X-Traceid"); got != id {
			t.Errorf("%s: echoed %q", path, got)
		}
	}
	for _, bad := range []string{"", id[1:], id + "a"} {
		out := w.Call("GET", quotaUsed, "", "Authorization", "us_reader_token", "X-Traceid", bad)
		w.refusedWith(out, 400, 13000102)
		if out.Header().Get("X-Traceid") != "" {
			t.Errorf("%q is echoed", bad)
		}
	}
	w.refusedWith(w.Call("GET", quotaUsed, "", "X-Traceid", id, "X-Traceid", id), 400, 13000102)
}

func TestMessagesSpeakTheCallersLanguage(t *testing.T) {
	w := newWorld(t, koodrive.Options{})
	english := w.Object(w.Call("GET", quotaUsed, ""))["msg"].(string)
	chinese := w.Object(w.Call("GET", quotaUsed, "", "language", "zh-CN"))["msg"].(string)
	if !strings.Contains(english, "Authentication failed") || !strings.Contains(chinese, "鉴权失败") {
		t.Fatalf("%q %q", english, chinese)
	}
}

func TestTooManyRequestsAreThrottledByPrincipal(t *testing.T) {
	w := newWorld(t, koodrive.Options{Limits: gateway.Limits{"koodrive.user": {Requests: 3, Per: time.Minute}}})
	for range 3 {
		w.read()
	}
	out := w.Call("GET", quotaUsed, "", "Authorization", "us_reader_token")
	w.refusedWith(out, 429, 13009429)
	if out.Header().Get("Retry-After") != "57" {
		t.Errorf("Retry-After %q", out.Header().Get("Retry-After"))
	}
	token := w.signIn("ops")["accessToken"].(string)
	if out := w.Call("GET", quotaUsed, "", "Authorization", token); out.Code != 200 {
		t.Errorf("another principal is refused: %d", out.Code)
	}
}

func BenchmarkQuotaUsed(b *testing.B) {
	w := newWorld(b, koodrive.Options{Limits: gateway.Limits{"koodrive.user": gateway.Off()}})
	exampleOfThePage(w)
	token := "Bearer+" + w.signIn("user-0001")["accessToken"].(string)
	b.ReportAllocs()
	for b.Loop() {
		if out := w.Call("GET", quotaUsed, "", "Authorization", token); out.Code != 200 {
			b.Fatal(out.Code)
		}
	}
}
