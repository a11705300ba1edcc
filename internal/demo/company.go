package demo

import (
	"bytes"
	"crypto/sha512"
	_ "embed" // for the company's manifest
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"text/template"
	"time"

	"github.com/usance/usance"
)

//go:embed company.yaml
var companyText string

// Tenant is the company's.
const Tenant usance.TenantID = "acme"

// What else the manifest names and the commands ask for.
const (
	project      = "0f1d3c5b7a9e4826b0c4d8e2f6a1357b"
	region       = "cn-north-4"
	domain       = "acme"
	organization = "4be1c0a7d2f94e5f8a6b1c3d5e7f9012"
	RTCApp       = "5fa682b34a974f7ad24d223b"
	rtcMobile    = "61c3d09e5b8a4f2e97d1640c"
)

// Company is the demo's tenant with its credentials.
type Company struct {
	Anchor string // local date on which the demo was first started

	Password, AlicePassword, BobPassword string
	AccessKey, SecretKey                 string
	MeetingApp, MeetingKey               string
	DriveApp, DriveSecret                string
	ZStackKey, ZStackSecret              string
	Token, DriveToken                    string

	Departments, People, Groups []string
	Resources                   []usance.Resource
}

// NewCompany makes the company. secret returns a text of that many letters and
// digits for a name, always the same for one name; resources expire around now.
func NewCompany(anchor string, now time.Time, secret func(name string, length int) string) *Company {
	c := &Company{
		Anchor:   anchor,
		Password: "Ops-" + secret("ops", 14), AlicePassword: "Alice-" + secret("alice", 14), BobPassword: "Bob-" + secret("bob", 14),
		AccessKey: "AK" + strings.ToUpper(secret("access", 18)), SecretKey: secret("secret", 40),
		MeetingApp: "meeting-" + secret("meeting-app", 12), MeetingKey: secret("meeting-key", 32),
		DriveApp: "drive-" + secret("drive-app", 12), DriveSecret: secret("drive-secret", 32),
		ZStackKey: secret("zstack-key", 20), ZStackSecret: secret("zstack-secret", 40),
		Token: "us_" + secret("token", 32), DriveToken: "us_" + secret("drive-token", 32),
		Departments: departments(), Groups: groups(), Resources: resources(now),
	}
	for i := range driveUsers {
		c.People = append(c.People, person(i))
	}
	return c
}

// Manifest returns what to apply.
func (c *Company) Manifest() ([]byte, error) {
	t, err := template.New("company").Option("missingkey=error").Parse(companyText)
	if err != nil {
		return nil, err
	}
	var out bytes.Buffer
	err = t.Execute(&out, c)
	return out.Bytes(), err
}

// resources makes up what was bought: about a hundred things, some of them gone,
// five that expire within the week.
func resources(now time.Time) []usance.Resource {
	kinds := []struct{ business, unit, resource string }{
		{"LIVE_2D", "HOUR", "live"}, {"VIDEO_2D", "MIN", "video"}, {"CHAT_2D", "CHANNEL", "chat"}, {"VOICE_CLONE", "NUM", "voice"},
		{"MODELING_2D", "NUM", "modeling"}, {"PICTURE_2D", "MIN", "picture"}, {"ASSET_MANAGER", "GB", "asset"}, {"BUSINESS_CARD_2D", "NUM", "card"},
		{"SYNTHETICS_SOUND", "TEN_THOUSAND_WORDS", "sound"}, {"FLEXUS_2D", "NUM", "flexus"},
	}
	sources := []string{usance.Purchased, usance.Purchased, usance.Purchased, usance.SPAllocated, usance.AdminAllocated}
	rng := rand.New(rand.NewPCG(2, 3))
	today := now.UTC().Truncate(24 * time.Hour)
	var out []usance.Resource
	for i := range 104 {
		k := kinds[rng.IntN(len(kinds))]
		days := rng.IntN(420) - 20
		if days >= 0 && days <= 7 {
			days += 8
		}
		if i < 5 {
			days = 1 + i
		}
		r := usance.Resource{ID: fmt.Sprintf("ms-%03d", i+1), Node: usance.Root, BusinessType: k.business, ChargingMode: usance.Periodic,
			Source: sources[rng.IntN(len(sources))], Amount: int64(1 + rng.IntN(50)), Unit: k.unit, OrderID: fmt.Sprintf("CS%08d", 26000000+i*37),
			Type: "hws.resource.type.metastudio." + k.resource, Starts: today.AddDate(0, 0, days-365), Expires: today.AddDate(0, 0, days).Add(16 * time.Hour)}
		switch {
		case i >= 98:
			r.ChargingMode, r.Expires = usance.OnDemand, time.Time{}
		case i%4 == 3:
			r.ChargingMode = usance.OneTime
		}
		out = append(out, r)
	}
	return out
}

// Env returns the assignments of the demo's environment file, in its order. The
// token is the one that clients of the native API get.
func (c *Company) Env(url, token string) []string {
	var out []string
	for _, v := range [][2]string{
		{"USANCE_URL", url}, {"USANCE_TOKEN", token}, {"USANCE_TENANT", string(Tenant)},
		{"MEETING_ACCOUNT", "ops"}, {"MEETING_PASSWORD", c.Password}, {"MEETING_APP_ID", c.MeetingApp}, {"MEETING_APP_KEY", c.MeetingKey}, {"MEETING_USER_ID", "alice"},
		{"HUAWEI_ACCESS_KEY", c.AccessKey}, {"HUAWEI_SECRET_KEY", c.SecretKey}, {"HUAWEI_PROJECT_ID", project}, {"HUAWEI_REGION", region},
		{"HUAWEI_DOMAIN", domain}, {"HUAWEI_USER", "ops"}, {"HUAWEI_PASSWORD", c.Password}, {"RTC_APP", RTCApp},
		{"KOODRIVE_APP_ID", c.DriveApp}, {"KOODRIVE_APP_SECRET", c.DriveSecret}, {"KOODRIVE_USER_ID", "bob"}, {"KOODRIVE_TOKEN", c.DriveToken},
		{"ZSTACK_ACCOUNT", "ops"}, {"ZSTACK_PASSWORD", c.Password}, {"ZSTACK_ACCESS_KEY_ID", c.ZStackKey}, {"ZSTACK_ACCESS_KEY_SECRET", c.ZStackSecret},
		{"ZSTACK_ORGANIZATION", organization},
	} {
		out = append(out, v[0]+"="+quote(v[1]))
	}
	return out
}

// quote makes a value safe for a shell, and leaves one that is so already.
func quote(s string) string {
	safe := func(r rune) bool {
		return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("-_./:@", r)
	}
	if strings.TrimFunc(s, safe) == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Command is one question for a terminal, complete with signing in.
type Command struct{ Title, Shell string }

// Commands returns the five questions, one for each vendor's API.
func (c *Company) Commands(url string, now time.Time) []Command {
	sum := sha512.Sum512([]byte(c.Password))
	field := func(name string) string { return ` | grep -o '"` + name + `":"[^"]*"' | head -n 1 | cut -d '"' -f 4` }
	iam := `$(curl -s -D - -o /dev/null ` + url + `/v3/auth/tokens -H 'Content-Type: application/json;charset=utf8' -d '` +
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"ops","password":"` + c.Password + `","domain":{"name":"` + domain + `"}}}},` +
		`"scope":{"project":{"name":"` + region + `"}}}}' | tr -d '\r' | awk 'tolower($1) == "x-subject-token:" {print $2}')`
	from, to := now.UTC().AddDate(0, 0, -7).Format(time.DateOnly), now.UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	until := now.UTC().AddDate(0, 0, 7).Format(time.RFC3339)
	return []Command{
		{"Meeting: today's conferences, who is in one now, recordings kept",
			`curl -s ` + url + `/v1/mmc/management/orgRes -H "X-Access-Token: $(curl -s -u 'ops:` + c.Password + `' ` + url + `/v1/usg/acs/auth/account -H 'Content-Type: application/json; charset=UTF-8' -d '{"account":"ops","clientType":72}'` + field("accessToken") + `)"`},
		{"KooDrive: how the drive is divided and filled",
			`curl -s ` + url + `/koodrive/ose/v1/service/quotaUsed -H 'Authorization: Bearer ` + c.DriveToken + `'`},
		{"ZStack: what an organization uses of its quotas",
			`curl -s ` + url + `/zstack/v1/iam2/organizations/quota/` + organization + `/usages -H "Authorization: OAuth $(curl -s -X PUT ` + url + `/zstack/v1/accounts/login -H 'Content-Type: application/json' -d '{"logInByAccount":{"accountName":"ops","password":"` + hex.EncodeToString(sum[:]) + `"}}'` + field("uuid") + `)"`},
		{"Cloud RTC: seconds received, by day and kind of stream",
			`curl -s '` + url + `/v1/` + project + `/rtc/history/usage?app=` + RTCApp + `&metric=CommunicationDuration&start_date=` + from + `&end_date=` + to + `' -H "X-Auth-Token: ` + iam + `"`},
		{"MetaStudio: what expires within a week",
			`curl -s '` + url + `/v1/` + project + `/tenants/resources-count?resource_expire_start_time=` + now.UTC().Format(time.RFC3339) + `&resource_expire_end_time=` + until + `' -H "X-Auth-Token: ` + iam + `"`},
	}
}
