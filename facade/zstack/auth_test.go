package zstack

import (
	"strings"
	"testing"
	"time"
)

func TestSignaturesMatchTheVectors(t *testing.T) {
	for _, c := range []struct{ date, path, want string }{
		{"Tue, 03 Mar 2026 08:15:30 UTC", "/v1/iam2/organizations/quota/4be1c0a7d2f94e5f8a6b1c3d5e7f9012/usages", "xLZSpInlsrvBkCmbt1gCE473CBw="},
		{"Tue, 03 Mar 2026 16:15:30 Asia/Shanghai", "/v1/iam2/organizations", "qqWHX3td8iSGfouYO5HpsYCsgvA="},
	} {
		if got := sign(keySecret, "GET", c.date, c.path); got != c.want {
			t.Errorf("%s: %s", c.date, got)
		}
	}
}

func TestAnAccessKeyActsForItsUserUnderBothPrefixes(t *testing.T) {
	f := newFixture(t, Options{})
	for _, base := range []string{"", "/zstack"} {
		for _, header := range []string{"Date", "date"} {
			a := f.do("GET", base+"/v1/iam2/organizations/quota/"+department+"/usages?systemTags=x", "",
				header+": Tue, 03 Mar 2026 08:15:30 UTC", "Authorization: ZStack "+keyID+":xLZSpInlsrvBkCmbt1gCE473CBw=")
			if a.status != 200 || a.body != departmentUsage {
				t.Errorf("%d %s", a.status, a.body)
			}
		}
	}
}

// signed sends a GET signed by a key.
func (f *fixture) signed(id, secret, date, path string) answer {
	f.Helper()
	return f.do("GET", "/zstack"+path, "", "Date: "+date, "Authorization: ZStack "+id+":"+sign(secret, "GET", date, path))
}

const orgs = "/v1/iam2/organizations"

func TestAnyZoneTextPassesWhenWallClocksAreCompared(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	f := newFixture(t, Options{Location: shanghai})
	for _, zone := range []string{"Asia/Shanghai", "CST", "UTC", "Etc/UTC", "+08:00", "GMT+8", "Wherever", "x y"} {
		f.signed(keyID, keySecret, "Tue, 03 Mar 2026 16:15:30 "+zone, orgs).ok()
	}
	f.signed(keyID, keySecret, "tue, 03 MAR 2026 16:15:30 CST", orgs).ok()
	f.signed(keyID, keySecret, "Tue, 03 Mar 2026 08:15:30 UTC", orgs).text(403, "requestTimeTooSkewed")
}

func TestCheckTimeZoneComparesInstants(t *testing.T) {
	shanghai, err := time.LoadLocation("Asia/Shanghai")
	must(t, err)
	f := newFixture(t, Options{Location: shanghai, CheckTimeZone: true})
	for _, date := range []string{"Tue, 03 Mar 2026 16:15:30 Asia/Shanghai", "Tue, 03 Mar 2026 16:15:30 CST", "Tue, 03 Mar 2026 08:15:30 UTC",
		"Tue, 03 Mar 2026 08:15:30 Etc/UTC", "Tue, 03 Mar 2026 08:15:30 Z", "Tue, 03 Mar 2026 16:15:30 +08:00", "Tue, 03 Mar 2026 16:15:30 +0800",
		"Tue, 03 Mar 2026 16:15:30 GMT+08", "Tue, 03 Mar 2026 03:15:30 America/New_York", "Mon, 02 Mar 2026 22:45:30 -09:30"} {
		f.signed(keyID, keySecret, date, orgs).ok()
	}
	for _, date := range []string{"Tue, 03 Mar 2026 16:15:30 UTC", "Tue, 03 Mar 2026 08:15:30 Asia/Shanghai"} {
		f.signed(keyID, keySecret, date, orgs).text(403, "requestTimeTooSkewed")
	}
	for _, zone := range []string{"PST", "Mars/Olympus", "../../etc/passwd", "/etc/localtime", "+8", "+99:00", "Local"} {
		f.signed(keyID, keySecret, "Tue, 03 Mar 2026 16:15:30 "+zone, orgs).text(400, "Date")
	}
}

func TestSkewIsFifteenMinutesEachWay(t *testing.T) {
	f := newFixture(t, Options{})
	date := start.Format("Mon, 02 Jan 2006 15:04:05 ") + "UTC"
	for shift, ok := range map[time.Duration]bool{15 * time.Minute: true, -15 * time.Minute: true, 15*time.Minute + 1: false, -15*time.Minute - 1: false} {
		f.Clock.Set(start.Add(shift))
		a := f.signed(keyID, keySecret, date, orgs)
		if ok {
			a.ok()
		} else {
			a.text(403, "requestTimeTooSkewed")
		}
	}
}

func TestBadAuthorizationsAreRefusedInText(t *testing.T) {
	f := newFixture(t, Options{})
	date := "Tue, 03 Mar 2026 08:15:30 UTC"
	good := sign(keySecret, "GET", date, orgs)
	get := func(headers ...string) answer { return f.do("GET", orgs, "", headers...) }
	get().text(400, "Authorization")
	get("Authorization: ").text(400, "Authorization")
	get("Authorization: Bearer x").text(400, "OAuth")
	get("Authorization: oauth x").text(400, "OAuth")
	get("Authorization: ZStack "+keyID+":"+good).text(400, "Date")
	for _, bad := range []string{"Tue, 03 Mar 2026 08:15:30", "Tue, 03 Mar 2026 08:15:30 ", "Wed, 03 Mar 2026 08:15:30 UTC", "Tue, 3 Mar 2026 08:15:30 UTC",
		"2026-03-03T08:15:30Z", "Tue, 03 Mar 2026 24:15:30 UTC", "Mon, 30 Feb 2026 08:15:30 UTC", "x", "Tue, 03 Mar 2026 08:15:30 " + strings.Repeat("Z", 80)} {
		get("Date: "+bad, "Authorization: ZStack "+keyID+":"+sign(keySecret, "GET", bad, orgs)).text(400, "Date")
	}
	for _, bad := range []string{"", keyID, keyID + ":", ":" + good, keyID + ":" + good + ":x"} {
		get("Date: "+date, "Authorization: ZStack "+bad).text(400, "AccessKeyID")
	}
	for _, id := range []string{"nobody", "ZKDISABLED", "AKOTHERKIND", strings.Repeat("k", 5000)} {
		a := get("Date: "+date, "Authorization: ZStack "+id+":"+good)
		a.text(403, "access key id")
		if !strings.HasPrefix(a.body, "access key id") || len(a.body) > 300 {
			t.Errorf("text is %q", a.body)
		}
	}
	for _, bad := range []string{"x", good[:len(good)-1], sign("other", "GET", date, orgs), sign(keySecret, "PUT", date, orgs),
		sign(keySecret, "GET", date, "/zstack"+orgs), sign(keySecret, "GET", date+" ", orgs)} {
		get("Date: "+date, "Authorization: ZStack "+keyID+":"+bad).text(403, "wrong accessKey signature")
	}
	get("Date: "+date, "Authorization:   ZStack  "+keyID+":"+good+"  ").ok()
}

func TestAForeignKeySeesNothingOfTheTenant(t *testing.T) {
	f := newFixture(t, Options{})
	date := "Tue, 03 Mar 2026 08:15:30 UTC"
	f.signed("ZKGLOBEX", keySecret, date, "/v1/iam2/organizations/quota/"+department+"/usages").refused(notFound)
	f.signed("ZKGLOBEX", keySecret, date, "/v1/iam2/organizations/quota/"+foreign+"/usages").ok()
	v := f.signed("ZKGLOBEX", keySecret, date, orgs).ok()
	if in := v["inventories"].([]any); len(in) != 1 || in[0].(map[string]any)["uuid"] != foreign {
		t.Errorf("%v", in)
	}
}

func FuzzASignedDateIsReadAsWritten(f *testing.F) {
	for _, seed := range []string{"Tue, 03 Mar 2026 08:15:30 UTC", "Tue, 03 Mar 2026 08:15:30 Asia/Shanghai", "tue, 03 mar 2026 08:15:30 CST", "", "Tue, 03 Mar 2026 08:15:30",
		"Thu, 29 Feb 2024 23:59:59 +0800", "Tue, 03 Mar 2026 08:15:60 UTC"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		wall, zone, ok := parseSignedDate(text)
		if !ok {
			return
		}
		head := wall.Format("Mon, 02 Jan 2006 15:04:05")
		if !strings.EqualFold(text[:len(head)], head) || strings.TrimSpace(text[len(head):]) != zone || zone == "" {
			t.Fatalf("%q was read as %s %q", text, head, zone)
		}
		for _, own := range []*time.Location{time.UTC, time.FixedZone("CST", 8*3600)} {
			if at, ok := instant(wall, zone, own); ok {
				if d := at.Sub(wall); d > 27*time.Hour || d < -27*time.Hour {
					t.Fatalf("%q is %v away from its wall clock", text, d)
				}
			}
		}
	})
}

func FuzzAQueryDateSurvivesWriting(f *testing.F) {
	for _, seed := range []string{"Jan 6, 2027 3:51:16 AM", "2027-01-06 03:51:16", "2027-01-06T03:51:16Z", "2027-01-06T03:51:16+08:00", "2027-01-06", "", "Dec 31, 9999 11:59:59 PM"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at, ok := parseQueryDate(text, time.UTC)
		if !ok || at.Year() < 0 || at.Year() > 9999 {
			return
		}
		again, ok := parseQueryDate(at.UTC().Format(wireDate), time.UTC)
		if !ok || !again.Equal(at.Truncate(time.Second)) {
			t.Fatalf("%q: %v, written and read %v", text, at, again)
		}
	})
}
