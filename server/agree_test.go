package server

import (
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
)

// agreement is a tenant, the facts that were sent about it, and what follows from
// them, reckoned as plainly as can be.
type agreement struct {
	*running
	id       string
	zone     *time.Location
	now      time.Time
	r        *rand.Rand
	events   []map[string]any
	facts    facts
	password string
}

type facts struct {
	conferences, duration, attendances int64
	users                              map[string]bool
	concurrent, live, recording        int64
	space                              map[string]map[string]int64 // branch, subject: newest
	driveUsers, cpu                    int64
	rtc                                map[string]map[string]int64 // UTC day, media
}

const agreementManifest = `
tenants:
- id: %[1]s
  timezone: %[2]s
  aliases: {huawei.project: %[3]s, huawei.domain: %[1]s-domain}
  users: [{name: ops-%[1]s, password: "pw-%[1]s", role: admin}]
  nodes:
  - {path: /cloud, aliases: {zstack.organization: %[3]s}}
  - {path: /rtc, aliases: {rtc.app: app-%[1]s}}
  tokens: [{name: all, role: member, secret: us_%[1]s_member}]
  quotas:
  - {node: /drive, meter: drive.space, limit: 100GiB}
  - {node: /drive/dept, meter: drive.space, limit: 50GiB}
  - {node: /drive/personal, meter: drive.space, limit: 30GiB}
  - {node: /drive/group, meter: drive.space, limit: 10GiB}
  - {node: /drive, meter: drive.users, limit: 500}
  - {node: /cloud, meter: vm.cpuNum, limit: 512}
  resources:
  - {id: due, business_type: LIVE_2D, charging_mode: PERIODIC, source: PURCHASED, expires: %[4]s}
  - {id: past, business_type: LIVE_2D, charging_mode: PERIODIC, source: PURCHASED, expires: %[5]s}
  - {id: use, business_type: LIVE_2D, charging_mode: ON_DEMAND, source: PURCHASED, expires: %[4]s}
`

// TestEverySurfaceTellsTheSameFacts sends one set of facts, late, repeated,
// shuffled and on the edges of midnight, and asks for them through the five
// façades and the native API.
func TestEverySurfaceTellsTheSameFacts(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for n, name := range []string{"Asia/Kathmandu", "America/St_Johns", "Asia/Shanghai"} {
		t.Run(strings.ReplaceAll(name, "/", "-"), func(t *testing.T) {
			zone, err := usance.LoadZone(name)
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 3, 8, 15, 7, 11, 0, time.UTC) // the day clocks change in St. John's
			s, _ := newServer(t, func(c *Config) { c.Now = func() time.Time { return now } })
			a := &agreement{running: run(t, s), id: fmt.Sprintf("t%d", n), zone: zone, now: now, r: rand.New(rand.NewPCG(seed, uint64(n)))}
			a.password = "pw-" + a.id
			a.apply(t)
			a.make()
			a.send(t)
			a.meeting(t)
			a.drive(t)
			a.zstack(t)
			a.huawei(t)
			a.native(t)
		})
	}
}

func (a *agreement) project() string {
	sum := sha512.Sum512([]byte(a.id))
	return hex.EncodeToString(sum[:16])
}

func (a *agreement) apply(t *testing.T) {
	t.Helper()
	manifest := fmt.Sprintf(agreementManifest, a.id, a.zone, a.project(), a.now.Add(time.Hour).Format(time.RFC3339), a.now.Add(-time.Hour).Format(time.RFC3339))
	if status, _, body := a.call(t, "POST", "/api/v1/apply", operator, manifest); status != 200 {
		t.Fatal(status, body)
	}
}

func (a *agreement) event(at time.Time, eventType, subject, node string, data map[string]any) {
	e := map[string]any{"specversion": "1.0", "id": fmt.Sprint("e", len(a.events)), "source": "test", "type": eventType, "time": at.UTC().Format(time.RFC3339Nano)}
	if subject != "" {
		e["subject"] = subject
	}
	if node != "" {
		e["node"] = node
	}
	if data != nil {
		e["data"] = data
	}
	a.events = append(a.events, e)
}

// instant is within the last days, often just beside a midnight of the zone or
// of UTC, and never ahead.
func (a *agreement) instant() time.Time {
	y, m, d := a.now.In(a.zone).Date()
	midnight, _ := usance.DayWindow.Bounds(time.Date(y, m, d, 12, 0, 0, 0, a.zone), a.zone)
	utc := a.now.Truncate(24 * time.Hour)
	edges := []time.Time{midnight, midnight.Add(-time.Nanosecond), midnight.Add(time.Second), utc, utc.Add(-time.Nanosecond), utc.Add(-24 * time.Hour), a.now, a.now.Add(-time.Minute)}
	if a.r.IntN(2) == 0 {
		return edges[a.r.IntN(len(edges))]
	}
	return a.now.Add(-time.Duration(a.r.Int64N(int64(60 * time.Hour))))
}

func (a *agreement) make() {
	f := &a.facts
	f.users, f.space, f.rtc = map[string]bool{}, map[string]map[string]int64{}, map[string]map[string]int64{}
	from, to := usance.DayWindow.Bounds(a.now, a.zone)
	today := func(at time.Time) bool { return !at.Before(from) && at.Before(to) }
	newest := map[string]time.Time{}
	for i := range 400 {
		at := a.instant()
		switch a.r.IntN(7) {
		case 0:
			a.event(at, "meeting.conference.started", "", "/meet", nil)
			if today(at) {
				f.conferences++
			}
		case 1:
			n := a.r.Int64N(5000)
			a.event(at, "meeting.conference.ended", "", "", map[string]any{"duration_seconds": n})
			if today(at) {
				f.duration += n
			}
		case 2:
			user := fmt.Sprint("u", a.r.IntN(40))
			a.event(at, "meeting.attendee.joined", user, "", nil)
			f.concurrent++
			if today(at) {
				f.attendances++
				f.users[user] = true
			}
			if a.r.IntN(3) > 0 {
				a.event(at, "meeting.attendee.left", user, "", nil)
				f.concurrent--
			}
		case 3:
			n := a.r.Int64N(1 << 33)
			a.event(at, "meeting.recording.stored", "", "", map[string]any{"bytes": n})
			a.event(at, "meeting.live.started", "", "", nil)
			f.recording, f.live = f.recording+n, f.live+1
		case 4:
			branch := []string{"dept", "personal", "group"}[a.r.IntN(3)]
			subject := fmt.Sprint("s", a.r.IntN(4))
			n := a.r.Int64N(1 << 31)
			at = at.Add(-time.Duration(i) * time.Microsecond) // no two at one instant
			a.event(at, "drive.space.measured", subject, "/drive/"+branch, map[string]any{"bytes": n})
			if f.space[branch] == nil {
				f.space[branch] = map[string]int64{}
			}
			if at.After(newest[branch+subject]) {
				newest[branch+subject], f.space[branch][subject] = at, n
			}
			a.event(at, "drive.user.created", "", "/drive", nil)
			f.driveUsers++
		case 5:
			a.event(at, "usance.gauge", fmt.Sprint("vm", i), "/cloud", map[string]any{"meter": "vm.cpuNum", "value": 2})
			f.cpu += 2
		case 6:
			media := []string{"video_sd", "video_hd", "video_hdp", "audio"}[a.r.IntN(4)]
			n := a.r.Int64N(3600)
			a.event(at, "rtc.stream.received", "", "/rtc", map[string]any{"seconds": n, "app": "app-" + a.id, "media": media})
			day := at.UTC().Format(time.DateOnly)
			if f.rtc[day] == nil {
				f.rtc[day] = map[string]int64{}
			}
			f.rtc[day][media] += n
		}
	}
}

// send delivers the events shuffled, in batches, some of them twice.
func (a *agreement) send(t *testing.T) {
	t.Helper()
	all := append([]map[string]any(nil), a.events...)
	for range 60 {
		all = append(all, a.events[a.r.IntN(len(a.events))])
	}
	a.r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for len(all) > 0 {
		n := min(1+a.r.IntN(80), len(all))
		b, err := json.Marshal(all[:n])
		if err != nil {
			t.Fatal(err)
		}
		if status, _, body := a.call(t, "POST", "/api/v1/events", "us_"+a.id+"_member", string(b)); status != 204 {
			t.Fatal(status, body)
		}
		all = all[n:]
	}
}

// ask sends a request and decodes its JSON answer.
func (a *agreement) ask(t *testing.T, method, path, body string, headers map[string]string) (http.Header, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, a.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	status, header, text := send(t, req)
	if status/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, status, text)
	}
	var out map[string]any
	if err := json.Unmarshal([]byte(text), &out); err != nil {
		t.Fatal(err)
	}
	return header, out
}

func (a *agreement) same(t *testing.T, what string, got any, want int64) {
	t.Helper()
	if n, ok := got.(float64); !ok || int64(n) != want {
		t.Errorf("%s is %v, want %d", what, got, want)
	}
}

func (a *agreement) meeting(t *testing.T) {
	t.Helper()
	basic := base64.StdEncoding.EncodeToString([]byte("ops-" + a.id + ":" + a.password))
	_, token := a.ask(t, "POST", "/v1/usg/acs/auth/account", `{"account":"ops-`+a.id+`","clientType":72}`, map[string]string{"Authorization": "Basic " + basic, "Content-Type": "application/json"})
	_, got := a.ask(t, "GET", "/v1/mmc/management/orgRes", "", map[string]string{"X-Access-Token": token["accessToken"].(string)})
	f := a.facts
	a.same(t, "confCount", got["confCount"], f.conferences)
	a.same(t, "confLength", got["confLength"], f.duration/60)
	a.same(t, "totalAttendeeCount", got["totalAttendeeCount"], f.attendances)
	a.same(t, "activeAttendeeCount", got["activeAttendeeCount"], int64(len(f.users)))
	a.same(t, "usedAccountsCount", got["usedAccountsCount"], f.concurrent)
	a.same(t, "usedLiveCount", got["usedLiveCount"], f.live)
	hundredths := (f.recording*100*2 + 1<<30) / (2 << 30)
	if gb := got["usedRecStorage"].(float64); int64(gb*100+0.5) != hundredths {
		t.Errorf("usedRecStorage is %v for %d bytes", gb, f.recording)
	}
}

func (a *agreement) drive(t *testing.T) {
	t.Helper()
	_, got := a.ask(t, "GET", "/koodrive/ose/v1/service/quotaUsed", "", map[string]string{"Authorization": "Bearer us_" + a.id + "_member"})
	data := got["data"].(map[string]any)
	total := int64(0)
	for _, branch := range []string{"dept", "personal", "group"} {
		kb := (a.branch(branch) + 1023) / 1024
		total += kb
		a.same(t, branch+"SpaceUsed", data[branch+"SpaceUsed"], kb)
	}
	a.same(t, "spaceUsed", data["spaceUsed"], total)
	a.same(t, "spaceCapacity", data["spaceCapacity"], 100)
	a.same(t, "reservedSpaceQuota", data["reservedSpaceQuota"], 10)
	a.same(t, "userCount", data["userCount"], a.facts.driveUsers)
	a.same(t, "userMaxCount", data["userMaxCount"], 500)
}

func (a *agreement) branch(name string) (bytes int64) {
	for _, n := range a.facts.space[name] {
		bytes += n
	}
	return bytes
}

func (a *agreement) zstack(t *testing.T) {
	t.Helper()
	sum := sha512.Sum512([]byte(a.password))
	_, login := a.ask(t, "PUT", "/zstack/v1/accounts/login", fmt.Sprintf(`{"logInByAccount":{"accountName":"ops-%s","password":"%x"}}`, a.id, sum), nil)
	session := login["inventory"].(map[string]any)["uuid"].(string)
	_, got := a.ask(t, "GET", "/zstack/v1/iam2/organizations/quota/"+a.project()+"/usages", "", map[string]string{"Authorization": "OAuth " + session})
	for _, u := range got["usages"].([]any) {
		if u := u.(map[string]any); u["name"] == "vm.cpuNum" {
			a.same(t, "vm.cpuNum", u["used"], a.facts.cpu)
			a.same(t, "vm.cpuNum's limit", u["total"], 512)
			return
		}
	}
	t.Error("vm.cpuNum is missing")
}

func (a *agreement) huawei(t *testing.T) {
	t.Helper()
	header, _ := a.ask(t, "POST", "/v3/auth/tokens", fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops-%[1]s","password":"%[2]s","domain":{"name":"%[1]s-domain"}}}},"scope":{"project":{"id":"%[3]s"}}}}`,
		a.id, a.password, a.project()), map[string]string{"Content-Type": "application/json"})
	token := map[string]string{"X-Auth-Token": header.Get("X-Subject-Token")}
	first := a.now.AddDate(0, 0, -4)
	_, got := a.ask(t, "GET", fmt.Sprintf("/v1/%s/rtc/history/usage?app=app-%s&metric=CommunicationDuration&start_date=%s&end_date=%s", a.project(), a.id, first.Format(time.DateOnly), a.now.AddDate(0, 0, -1).Format(time.DateOnly)), "", token)
	rows := got["usage"].([]any)
	if len(rows) != 4 {
		t.Fatalf("%d days, want 4", len(rows))
	}
	for i, row := range rows {
		row, day := row.(map[string]any), first.AddDate(0, 0, i).Format(time.DateOnly)
		total := int64(0)
		for _, media := range []string{"video_sd", "video_hd", "video_hdp", "audio"} {
			a.same(t, day+" "+media, row[media], a.facts.rtc[day][media])
			total += a.facts.rtc[day][media]
		}
		a.same(t, day, row["total_duration"], total)
	}
	_, got = a.ask(t, "GET", fmt.Sprintf("/v1/%s/tenants/resources-count?business=LIVE_2D&resource_expire_start_time=%s", a.project(), a.now.Format(time.RFC3339)), "", token)
	if counts := got["resources_count"].([]any); len(counts) != 1 || counts[0].(map[string]any)["count"] != 1.0 {
		t.Errorf("resources: %v", counts)
	}
}

func (a *agreement) native(t *testing.T) {
	t.Helper()
	bearer := map[string]string{"Authorization": "Bearer us_" + a.id + "_member"}
	from, to := usance.DayWindow.Bounds(a.now, a.zone)
	today := "from=" + from.Format(time.RFC3339) + "&to=" + to.Format(time.RFC3339)
	f := a.facts
	for meter, want := range map[string]int64{
		"meeting.conferences": f.conferences, "meeting.duration": f.duration, "meeting.attendances": f.attendances, "meeting.active_users": int64(len(f.users)),
		"meeting.concurrent": f.concurrent, "meeting.recording": f.recording, "drive.space": a.branch("dept") + a.branch("personal") + a.branch("group"), "vm.cpuNum": f.cpu,
	} {
		for _, zone := range []string{"", "&windowSize=DAY&windowTimeZone=" + a.zone.String()} {
			_, got := a.ask(t, "GET", "/api/v1/meters/"+meter+"/query?"+today+zone, "", bearer)
			rows := got["data"].([]any)
			if len(rows) == 0 && want == 0 {
				continue
			}
			if len(rows) != 1 {
				t.Fatalf("%s: %v", meter, rows)
			}
			a.same(t, meter, rows[0].(map[string]any)["value"], want)
		}
	}
}
