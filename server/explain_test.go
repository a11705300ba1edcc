package server

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
)

// numbers are what an answer says, as it says it, by field and row.
type numbers map[string]string

func (n numbers) put(t *testing.T, key string, v any) {
	t.Helper()
	if _, twice := n[key]; twice {
		t.Errorf("%s stands twice", key)
	}
	switch v := v.(type) {
	case json.Number:
		n[key] = v.String()
	case string:
		n[key] = `"` + v + `"`
	default:
		t.Errorf("%s is %v", key, v)
	}
}

// exact is ask for answers whose numbers are compared digit by digit.
func (a *agreement) exact(t *testing.T, path string, headers map[string]string) map[string]any {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, a.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	status, _, text := send(t, req)
	if status != 200 {
		t.Fatalf("%s: %d %s", path, status, text)
	}
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	var out map[string]any
	if err := dec.Decode(&out); err != nil {
		t.Fatal(err)
	}
	return out
}

// explained asks for every number of a façade's answer.
func (a *agreement) explained(t *testing.T, facade, query string) (numbers, []any) {
	t.Helper()
	got := a.exact(t, "/api/v1/explain?facade="+facade+query, map[string]string{"Authorization": "Bearer us_" + a.id + "_member"})
	out, fields := numbers{}, got["fields"].([]any)
	for _, f := range fields {
		f := f.(map[string]any)
		row, _ := f["row"].(map[string]any)
		key := f["field"].(string)
		for _, name := range slices.Sorted(maps.Keys(row)) {
			key += " " + row[name].(string)
		}
		out.put(t, key, f["value"])
	}
	return out, fields
}

func (a *agreement) same5(t *testing.T) {
	t.Helper()
	for facade, c := range a.answers(t) {
		got, _ := a.explained(t, facade, c.query)
		if len(c.numbers) == 0 {
			t.Errorf("%s answered nothing", facade)
		}
		for _, key := range slices.Sorted(maps.Keys(c.numbers)) {
			if got[key] != c.numbers[key] {
				t.Errorf("%s: %s is %s, explained as %q", facade, key, c.numbers[key], got[key])
			}
		}
		for key := range got {
			if _, ok := c.numbers[key]; !ok {
				t.Errorf("%s: %s is explained and not in the answer", facade, key)
			}
		}
	}
}

type answered struct {
	query string // of explain: the same question
	numbers
}

// answers asks every façade and takes down every number that it says.
func (a *agreement) answers(t *testing.T) map[string]answered {
	t.Helper()
	out := map[string]answered{"meeting": {numbers: numbers{}}, "koodrive": {numbers: numbers{}}}
	for name, v := range a.exact(t, "/v1/mmc/management/orgRes", map[string]string{"X-Access-Token": a.meetingToken(t)}) {
		out["meeting"].put(t, name, v)
	}
	drive := a.exact(t, "/koodrive/ose/v1/service/quotaUsed", map[string]string{"Authorization": "Bearer us_" + a.id + "_member"})
	for name, v := range drive["data"].(map[string]any) {
		out["koodrive"].put(t, name, v)
	}
	out["zstack"] = a.zstackNumbers(t)
	token := a.identityToken(t)
	first, last := a.now.AddDate(0, 0, -4).Format(time.DateOnly), a.now.AddDate(0, 0, -1).Format(time.DateOnly)
	rtc := answered{"&app=app-" + a.id + "&start_date=" + first + "&end_date=" + last, numbers{}}
	usage := a.exact(t, "/v1/"+a.project()+"/rtc/history/usage?metric=CommunicationDuration"+rtc.query, token)
	for _, row := range usage["usage"].([]any) {
		row := row.(map[string]any)
		for name, v := range row {
			if name != "date" {
				rtc.put(t, name+" "+row["date"].(string), v)
			}
		}
	}
	out["cloudrtc"] = rtc
	studio := answered{"&business=LIVE_2D&resource_expire_start_time=" + url.QueryEscape(a.now.AddDate(0, -1, 0).Format(time.RFC3339)), numbers{}}
	counts := a.exact(t, "/v1/"+a.project()+"/tenants/resources-count?"+studio.query, token)
	for _, row := range counts["resources_count"].([]any) {
		row := row.(map[string]any)
		studio.put(t, fmt.Sprint("resources_count.count ", row["business_type"], " ", row["charging_mode"], " ", row["resource_source"]), row["count"])
	}
	list := a.exact(t, "/v1/"+a.project()+"/tenants/resources?"+studio.query, token)
	studio.put(t, "count", list["count"])
	for _, row := range list["resources"].([]any) {
		row := row.(map[string]any)
		for name, v := range row {
			if _, number := v.(json.Number); number {
				studio.put(t, fmt.Sprint("resources.", name, " ", row["resource_id"]), v)
			}
		}
	}
	out["metastudio"] = studio
	return out
}

func (a *agreement) zstackNumbers(t *testing.T) answered {
	t.Helper()
	session := a.zstackSession(t)
	out := answered{"&uuid=" + a.project(), numbers{}}
	for _, u := range a.exact(t, "/zstack/v1/iam2/organizations/quota/"+a.project()+"/usages", session)["usages"].([]any) {
		u := u.(map[string]any)
		for name, v := range u {
			if name != "name" {
				out.put(t, u["name"].(string)+"."+name, v)
			}
		}
	}
	for _, q := range a.exact(t, "/zstack/v1/accounts/quotas?q="+url.QueryEscape("identityUuid="+a.project()), session)["inventories"].([]any) {
		q := q.(map[string]any)
		out.put(t, q["name"].(string)+".value", q["value"])
	}
	return out
}

func (a *agreement) zstackSession(t *testing.T) map[string]string {
	t.Helper()
	sum := sha512.Sum512([]byte(a.password))
	_, login := a.ask(t, "PUT", "/zstack/v1/accounts/login", fmt.Sprintf(`{"logInByAccount":{"accountName":"ops-%s","password":"%x"}}`, a.id, sum), nil)
	return map[string]string{"Authorization": "OAuth " + login["inventory"].(map[string]any)["uuid"].(string)}
}

func (a *agreement) meetingToken(t *testing.T) string {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("ops-" + a.id + ":" + a.password))
	_, token := a.ask(t, "POST", "/v1/usg/acs/auth/account", `{"account":"ops-`+a.id+`","clientType":72}`, map[string]string{"Authorization": "Basic " + basic, "Content-Type": "application/json"})
	return token["accessToken"].(string)
}

func (a *agreement) identityToken(t *testing.T) map[string]string {
	t.Helper()
	header, _ := a.ask(t, "POST", "/v3/auth/tokens", fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops-%[1]s","password":"%[2]s","domain":{"name":"%[1]s-domain"}}}},"scope":{"project":{"id":"%[3]s"}}}}`,
		a.id, a.password, a.project()), map[string]string{"Content-Type": "application/json"})
	return map[string]string{"X-Auth-Token": header.Get("X-Subject-Token")}
}

// overrides has every façade read something from elsewhere. The RTC's audio comes
// from a meter of minutes without applications.
const overrides = `
tenants:
- id: %[1]s
  settings: {seats: "4711", days.of.packages: "30"}
  meters:
  - {name: my.joins, unit: "1", aggregation: count, events: [{type: meeting.attendee.joined}]}
  - {name: my.length, unit: ms, aggregation: sum, events: [{type: meeting.conference.ended, amount: data.duration_seconds}]}
  - {name: my.space, unit: B, aggregation: level, events: [{type: meeting.recording.stored, amount: data.bytes}]}
  - {name: my.audio, unit: s, aggregation: sum, events: [{type: rtc.stream.received, amount: data.seconds}], group_by: {media: data.media}}
  quotas:
  - {node: /meet, meter: meeting.conferences, limit: 77, window: month}
  resources:
  - {id: due, business_type: LIVE_2D, charging_mode: PERIODIC, source: PURCHASED, expires: %[2]s, amount: 9, labels: {spent: "5", usage: "2"},
     grants: [{node: /cloud, meter: vm.cpuNum, amount: 8}]}
  mappings:
    meeting:
      confCount: {kind: quota, value: limit, node: /meet}
      confLength: {meter: my.length, divide: 7, round: up}
      activeAttendeeCount: {meter: my.joins, window: month}
      usedLiveCount: {kind: setting, setting: seats}
    koodrive:
      deptSpaceUsed: {meter: my.space, node: /}
      deptSpaceQuota: {node: /drive/group}
      userMaxCount: {kind: setting, setting: seats}
      packageDownloadExpires: {setting: days.of.packages}
    zstack:
      vm.cpuNum.used: {meter: my.space, node: /vms}
      vm.num.used: {kind: meter, meter: vm.cpuNum, window: now}
    cloudrtc:
      audio: {meter: my.audio, filter: {media: audio}, divide: 60, round: up, node: /rtc}
      video_sd: {filter: {app: $app, media: video_hd}}
    metastudio:
      resources.usage: {label: spent}
`

// TestEveryNumberIsExplainedAsItIsAnswered compares each number of each façade's
// answer with its explanation, by the tables and with fields read from elsewhere.
// A number without a mapping, or a mapping without a number, fails it.
func TestEveryNumberIsExplainedAsItIsAnswered(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	now := time.Date(2026, 3, 8, 15, 7, 11, 0, time.UTC)
	s, _ := newServer(t, func(c *Config) { c.Now, c.Unthrottled = func() time.Time { return now }, true })
	zone, err := usance.LoadZone("America/St_Johns")
	if err != nil {
		t.Fatal(err)
	}
	a := &agreement{running: run(t, s), id: "told", zone: zone, now: now, r: rand.New(rand.NewPCG(seed, 1)), password: "pw-told"}
	a.apply(t)
	a.make()
	a.send(t)
	a.same5(t)
	usual := a.answers(t)

	manifest := fmt.Sprintf(overrides, a.id, now.Add(time.Hour).Format(time.RFC3339))
	if status, _, body := a.call(t, "POST", "/api/v1/apply", operator, manifest); status != 200 {
		t.Fatal(status, body)
	}
	a.same5(t)
	told := a.answers(t)
	day := now.AddDate(0, 0, -1).Format(time.DateOnly)
	for _, c := range []struct{ facade, field, want string }{
		{"meeting", "confCount", "77"},
		{"meeting", "confLength", "0"}, // the new meters have counted nothing yet
		{"meeting", "usedLiveCount", "4711"},
		{"meeting", "totalAttendeeCount", usual["meeting"].numbers["totalAttendeeCount"]},
		{"koodrive", "deptSpaceUsed", "0"},
		{"koodrive", "deptSpaceQuota", "10"},
		{"koodrive", "reservedSpaceQuota", "50"},
		{"koodrive", "userMaxCount", "4711"},
		{"koodrive", "packageDownloadExpires", "30"},
		{"zstack", "vm.num.used", usual["zstack"].numbers["vm.cpuNum.used"]},
		{"zstack", "vm.cpuNum.used", "0"},
		{"zstack", "vm.cpuNum.total", "520"}, // with what the resource grants
		{"zstack", "vm.cpuNum.value", "520"},
		{"cloudrtc", "audio " + day, "0"},
		{"cloudrtc", "video_sd " + day, usual["cloudrtc"].numbers["video_hd "+day]},
		{"metastudio", "resources.usage due", "5"},
	} {
		if got := told[c.facade].numbers[c.field]; got != c.want {
			t.Errorf("%s: %s is %s, want %s", c.facade, c.field, got, c.want)
		}
	}

	// What happens from now on counts where it is read.
	a.event(now.Add(-time.Minute), "meeting.conference.ended", "", "", map[string]any{"duration_seconds": 701})
	a.event(now.Add(-time.Minute), "meeting.attendee.joined", "u", "", nil)
	a.event(now.Add(-time.Minute), "meeting.recording.stored", "", "/cloud/vms", map[string]any{"bytes": 2049})
	a.event(now.AddDate(0, 0, -1), "rtc.stream.received", "", "/rtc", map[string]any{"seconds": 61, "app": "another", "media": "audio"})
	a.send(t) // what was sent before is known and counts no more
	a.same5(t)
	told = a.answers(t)
	for _, c := range [][3]string{{"meeting", "confLength", "101"}, {"meeting", "activeAttendeeCount", "1"}, {"koodrive", "deptSpaceUsed", "3"},
		{"zstack", "vm.cpuNum.used", "2049"}, {"cloudrtc", "audio " + day, "2"}} {
		if got := told[c[0]].numbers[c[1]]; got != c[2] {
			t.Errorf("%s: %s is %s, want %s", c[0], c[1], got, c[2])
		}
	}
	// What overrides name may move: every answer stays what it was.
	for _, m := range [][2]string{{"/meet", "/site/meet"}, {"/cloud/vms", "/cloud/rack/vms"}, {"/rtc", "/media/rtc"}} {
		if status, _, body := a.call(t, "POST", "/api/v1/nodes/move?tenant="+a.id, operator, fmt.Sprintf(`{"from":%q,"to":%q}`, m[0], m[1])); status != 200 {
			t.Fatal(status, body)
		}
	}
	a.same5(t)
	for facade, now := range a.answers(t) {
		if was := told[facade]; !maps.Equal(now.numbers, was.numbers) {
			t.Errorf("%s after what its fields are read from has moved: %v, before: %v", facade, now.numbers, was.numbers)
		}
	}
	_, fields := a.explained(t, "meeting", "&field=confLength")
	f := fields[0].(map[string]any)
	if f["overridden"] != true || f["default"].(map[string]any)["meter"] != "meeting.duration" || f["native"].(json.Number) != "701" || f["base_unit"] != "ms" {
		t.Errorf("%v", f)
	}
}

// TestWhatAnExplanationReadsIsInTheTable holds that the tables are sound: names are
// unique, calls and meters there, and derived fields made of others.
func TestWhatAnExplanationReadsIsInTheTable(t *testing.T) {
	for facade, table := range mappings() {
		seen := map[string]bool{}
		for _, f := range table {
			if seen[f.Name] || f.Call == "" || f.Source.Kind == "" {
				t.Errorf("%s: %s stands twice or says too little: %+v", facade, f.Name, f)
			}
			seen[f.Name] = true
			for _, name := range append(slices.Clone(f.Source.Of), f.Within...) {
				if !slices.Contains(table.Names(), name) {
					t.Errorf("%s: %s is made from %s, which there is not", facade, f.Name, name)
				}
			}
			if (f.Source.Kind == mapping.Derived) != (len(f.Source.Of) > 0 && f.Source.Rule != "") || (f.Fits == "") != (len(f.Within) == 0) {
				t.Errorf("%s: %s does not say how it is made", facade, f.Name)
			}
		}
	}
}

// TestATokenOfASubtreeIsToldWhatIsReadThereAlone goes through KooDrive, whose
// fields are read in several places and made from each other.
func TestATokenOfASubtreeIsToldWhatIsReadThereAlone(t *testing.T) {
	s, _ := newServer(t, nil)
	a := &agreement{running: run(t, s), id: "told", zone: time.UTC, now: time.Date(2026, 3, 8, 15, 7, 11, 0, time.UTC)}
	a.apply(t)
	const tokens = `
tenants:
- id: told
  nodes: [{path: /drive/dept, aliases: {zstack.organization: dept, huawei.project: dept}}]
  tokens:
  - {name: dept, role: viewer, secret: us_dept_viewer, subtree: /drive/dept}
  - {name: drive, role: viewer, secret: us_drive_viewer, subtree: /drive}
  - {name: feed, role: ingester, secret: us_feed}`
	if status, _, body := a.call(t, "POST", "/api/v1/apply", operator, tokens); status != 200 {
		t.Fatal(status, body)
	}
	told := func(token, query string) (names []string) {
		t.Helper()
		got := a.exact(t, "/api/v1/explain?"+query, map[string]string{"Authorization": "Bearer " + token})
		for _, f := range got["fields"].([]any) {
			names = append(names, f.(map[string]any)["field"].(string))
		}
		return names
	}
	if got := told("us_dept_viewer", "facade=koodrive"); !slices.Equal(got, []string{"deptSpaceUsed"}) {
		t.Errorf("the department is told %v", got)
	}
	if got := told("us_drive_viewer", "facade=koodrive"); len(got) != 15 || slices.Contains(got, "productType") {
		t.Errorf("the drive is told %v", got)
	}
	if got := told("us_dept_viewer", "facade=zstack"); len(got) == 0 {
		t.Error("the department is not told its own quotas")
	}
	for query, want := range map[string]int{
		"facade=koodrive&field=spaceUsed": 403, "facade=koodrive&field=productType": 403, "facade=koodrive&node=/drive": 403, "facade=meeting&node=/": 403,
		"facade=zstack&uuid=" + a.project(): 404, "facade=metastudio&project_id=" + a.project(): 404, "facade=cloudrtc&project_id=" + a.project() + "&app=x": 404,
		"facade=cloudrtc": 400, "facade=cloudrtc&app=x": 400, "facade=metastudio&limit=0": 400, "facade=meeting": 200, "facade=metastudio&project_id=dept": 200,
	} {
		if status, _, body := a.call(t, "GET", "/api/v1/explain?"+query, "us_dept_viewer", ""); status != want {
			t.Errorf("%s: %d instead of %d: %s", query, status, want, body)
		}
	}
	if status, _, _ := a.call(t, "GET", "/api/v1/explain?facade=meeting", "us_feed", ""); status != 403 {
		t.Errorf("an ingester: %d", status)
	}
}

// TestTheDocumentedOverridesApply takes the example of docs/mappings.md as it is.
func TestTheDocumentedOverridesApply(t *testing.T) {
	page, err := os.ReadFile("../docs/mappings.md")
	if err != nil {
		t.Fatal(err)
	}
	_, example, _ := strings.Cut(string(page), "```yaml\n")
	example, _, ok := strings.Cut(example, "```")
	if !ok {
		t.Fatal("the page has no example")
	}
	s, _ := newServer(t, nil)
	r := run(t, s)
	manifest := `
tenants:
- id: acme
  meters:
  - {name: my.conferences, unit: "1", aggregation: count, events: [{type: a}]}
  - {name: my.milliseconds, unit: ms, aggregation: sum, events: [{type: b, amount: data.ms}]}
  - {name: seats, unit: "1", aggregation: level}
  ` + strings.ReplaceAll(strings.TrimSpace(example), "\n", "\n  ")
	if status, _, body := r.call(t, "POST", "/api/v1/apply", operator, manifest); status != 200 || strings.Count(body, `"type":"mapping"`) != 5 {
		t.Fatal(status, body)
	}
}
