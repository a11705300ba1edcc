package sim

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"time"

	"github.com/usance/usance/internal/sdksign"
)

// facades signs in at the five vendors' surfaces and asks each for its numbers.
func (p *probe) facades() {
	p.meeting()
	p.drive()
	p.zstack()
	p.huawei()
}

func (m *tenant) password() string { return "pw-" + m.id }

// open asks a façade and wants a 2xx.
func (p *probe) open(a ask) answer {
	got := p.send(a)
	if got.status/100 != 2 {
		p.differ("%s %s: %d %s", a.method, a.path, got.status, got.body)
	}
	return got
}

func (p *probe) number(what string, got any, want int64) {
	if whole(got) != want {
		p.differ("%s is %v, want %d", what, got, want)
	}
}

func (p *probe) meeting() {
	basic := base64.StdEncoding.EncodeToString([]byte("ops-" + p.m.id + ":" + p.m.password()))
	token := p.open(ask{method: "POST", path: "/v1/usg/acs/auth/account", body: `{"account":"ops-` + p.m.id + `","clientType":72}`,
		media: "application/json", header: map[string]string{"Authorization": "Basic " + basic}}).object()
	got := p.open(ask{method: "GET", path: "/v1/mmc/management/orgRes", header: map[string]string{"X-Access-Token": text(token, "accessToken")}}).object()
	today, sofar := day(p.now, p.m.zone), span{to: p.now.Add(1)}
	for field, want := range map[string]int64{
		"confCount": p.m.value("meeting.conferences", "/", today, nil), "confLength": p.m.value("meeting.duration", "/", today, nil) / 60,
		"totalAttendeeCount": p.m.value("meeting.attendances", "/", today, nil), "activeAttendeeCount": p.m.value("meeting.active_users", "/", today, nil),
		"usedAccountsCount": max(p.m.value("meeting.concurrent", "/", sofar, nil), 0), "usedLiveCount": max(p.m.value("meeting.live", "/", sofar, nil), 0),
	} {
		p.number("meeting "+field, got[field], want)
	}
	bytes := big.NewInt(max(p.m.value("meeting.recording", "/", sofar, nil), 0))
	hundredths := new(big.Int).Div(bytes.Add(bytes.Mul(bytes, big.NewInt(100)), big.NewInt(1<<29)), big.NewInt(1<<30))
	shown, ok := new(big.Rat).SetString(fmt.Sprint(got["usedRecStorage"]))
	if !ok || shown.Cmp(new(big.Rat).SetFrac(hundredths, big.NewInt(100))) != 0 {
		p.differ("meeting usedRecStorage is %v, want %s hundredths", got["usedRecStorage"], hundredths)
	}
}

func (p *probe) drive() {
	v := p.open(ask{method: "GET", path: "/koodrive/ose/v1/service/quotaUsed", header: map[string]string{"Authorization": "Bearer " + p.m.secret("member")}}).object()
	got, _ := v["data"].(map[string]any)
	total := int64(0)
	for _, branch := range []string{"dept", "personal", "group"} {
		kb := (max(p.m.value("drive.space", "/drive/"+branch, span{}, nil), 0) + 1023) / 1024
		total += kb
		p.number("drive "+branch, got[branch+"SpaceUsed"], kb)
	}
	users := max(p.m.value("drive.users", "/drive", span{}, nil), 0)
	p.number("drive used", got["spaceUsed"], total)
	p.number("drive capacity", got["spaceCapacity"], 100)
	p.number("drive users", got["userCount"], users)
	p.number("drive seats", got["userMaxCount"], max(users, p.m.quotas[quotaName{"/drive", "drive.users"}].limit))
}

func (p *probe) zstack() {
	login := p.open(ask{method: "PUT", path: "/zstack/v1/accounts/login",
		body: fmt.Sprintf(`{"logInByAccount":{"accountName":"ops-%s","password":"%x"}}`, p.m.id, hash(p.m.password()))}).object()
	inventory, _ := login["inventory"].(map[string]any)
	v := p.open(ask{method: "GET", path: "/zstack/v1/iam2/organizations/quota/" + p.m.project() + "/usages", header: map[string]string{"Authorization": "OAuth " + text(inventory, "uuid")}}).object()
	usages, _ := v["usages"].([]any)
	for _, u := range usages {
		if u, _ := u.(map[string]any); u["name"] == "vm.cpuNum" {
			p.number("zstack vm.cpuNum", u["used"], p.m.value("vm.cpuNum", "/cloud", span{}, nil))
			p.number("zstack limit", u["total"], p.m.limit(quotaName{"/cloud", "vm.cpuNum"}))
			return
		}
	}
	p.differ("zstack: no vm.cpuNum in %v", v)
}

func (p *probe) huawei() {
	a := p.open(ask{method: "POST", path: "/v3/auth/tokens", media: "application/json",
		body: fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops-%[1]s","password":"%[2]s","domain":{"name":"%[1]s-domain"}}}},"scope":{"project":{"id":"%[3]s"}}}}`,
			p.m.id, p.m.password(), p.m.project())})
	token := map[string]string{"X-Auth-Token": a.header.Get("X-Subject-Token")}
	first := p.now.UTC().AddDate(0, 0, -4)
	rtc := fmt.Sprintf("/v1/%s/rtc/history/usage?app=app-%s&metric=CommunicationDuration&start_date=%s&end_date=%s", p.m.project(), p.m.id,
		first.Format(time.DateOnly), p.now.UTC().AddDate(0, 0, -1).Format(time.DateOnly))
	p.rtc(first, p.open(ask{method: "GET", path: rtc, header: token}))
	if ids := keysOf(p.m.keys); len(ids) > 0 { // the same again, signed by a key
		id := ids[p.asking.IntN(len(ids))]
		p.rtc(first, p.openSigned(rtc, id, p.m.keys[id]))
	}
	v := p.open(ask{method: "GET", path: fmt.Sprintf("/v1/%s/tenants/resources-count?business=LIVE_2D&resource_expire_start_time=%s", p.m.project(),
		url.QueryEscape(p.now.UTC().Truncate(time.Second).Format(time.RFC3339))), header: token}).object()
	got, want := map[string]int64{}, map[string]int64{}
	rows, _ := v["resources_count"].([]any)
	for _, row := range rows {
		row, _ := row.(map[string]any)
		got[text(row, "charging_mode")+" "+text(row, "resource_source")] += whole(row["count"])
	}
	for _, r := range p.m.resources {
		if r.business == "LIVE_2D" && r.mode != "ON_DEMAND" && r.expires.Unix() >= p.now.Unix() && !r.expires.IsZero() {
			want[r.mode+" "+r.source]++
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		p.differ("metastudio counts %v, want %v", got, want)
	}
}

func (p *probe) rtc(first time.Time, a answer) {
	rows, _ := a.object()["usage"].([]any)
	if len(rows) != 4 {
		p.differ("rtc: %d days, want 4: %s", len(rows), a.body)
		return
	}
	for i, row := range rows {
		row, _ := row.(map[string]any)
		from := first.AddDate(0, 0, i).Truncate(24 * time.Hour)
		total := int64(0)
		for _, media := range []string{"video_sd", "video_hd", "video_hdp", "audio"} {
			n := p.m.value("rtc.duration", "/", span{from, from.Add(24 * time.Hour)}, map[string]string{"app": "app-" + p.m.id, "media": media})
			p.number("rtc "+media, row[media], n)
			total += n
		}
		p.number("rtc total", row["total_duration"], total)
	}
}

func (p *probe) openSigned(path, id, secret string) answer {
	r := request(ask{method: "GET", path: path})
	auth := sdksign.Authorization{Scheme: sdksign.HMACSHA256, KeyID: id}
	if err := sdksign.SignHTTP(r, nil, auth, secret, p.now); err != nil {
		p.differ("signing: %v", err)
	}
	got := p.serve(r)
	if got.status != 200 {
		p.differ("signed by %s: %d %s", id, got.status, got.body)
	}
	return got
}

// object reads an answer that is a JSON object; numbers keep their digits.
func (a answer) object() map[string]any {
	out := map[string]any{}
	dec := json.NewDecoder(bytesReader(a.body))
	dec.UseNumber()
	if err := dec.Decode(&out); err != nil {
		return map[string]any{"not JSON": string(a.body)}
	}
	return out
}
