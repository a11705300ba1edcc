package demo

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func plan(t *testing.T, now time.Time) Plan {
	t.Helper()
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		t.Fatal(err)
	}
	return Plan{Seed: 7, Anchor: now, Now: now, Zone: zone}
}

// busy is a Tuesday, 15:20 in Shanghai.
var busy = time.Date(2026, 6, 9, 7, 20, 0, 0, time.UTC)

func TestTheYearIsTheSameWheneverItIsMade(t *testing.T) {
	early, late := plan(t, busy), plan(t, busy)
	late.Now = busy.AddDate(0, 0, 9)
	if late.Days() != early.Days()+9 {
		t.Fatalf("%d days, then %d", early.Days(), late.Days())
	}
	for n := range early.Days() {
		again := late.Day(n)
		known := map[string]bool{}
		for _, e := range again {
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			known[string(b)] = true
		}
		for _, e := range early.Day(n) {
			b, err := json.Marshal(e)
			if err != nil {
				t.Fatal(err)
			}
			if !known[string(b)] {
				t.Fatalf("day %d: made later, this is gone or other: %s", n, b)
			}
		}
	}
	if !reflect.DeepEqual(early.Day(100), early.Day(100)) {
		t.Fatal("one day made twice differs")
	}
}

func TestTheYearIsTrueToTheCalendar(t *testing.T) {
	p := plan(t, busy)
	ids, total := map[string]bool{}, 0
	inside, weekday, weekend, lunch, morning, night := map[string]int{}, 0, 0, 0, 0, 0
	recorded := map[string]bool{}
	var first, last int
	for n := range p.Days() {
		for _, e := range p.Day(n) {
			total++
			if ids[e.Source+e.ID] {
				t.Fatalf("id %s is given twice", e.ID)
			}
			ids[e.Source+e.ID] = true
			if e.Time.After(p.Now) {
				t.Fatalf("event %s is in the future: %s", e.ID, e.Time)
			}
			event := usance.Event{Source: e.Source, ID: e.ID, Type: e.Type, Subject: e.Subject, Node: e.Node, Time: e.Time, Data: e.Data}
			if err := event.Check(p.Now); err != nil {
				t.Fatalf("event %s: %v", e.ID, err)
			}
			local := e.Time.In(p.Zone)
			switch e.Type {
			case "meeting.attendee.joined":
				inside[e.Subject]++
			case "meeting.attendee.left":
				inside[e.Subject]--
			case "meeting.recording.stored":
				recorded[e.Subject] = true
			case "meeting.conference.started":
				if wd := local.Weekday(); wd == time.Saturday || wd == time.Sunday {
					weekend++
				} else {
					weekday++
				}
				switch local.Hour() {
				case 10:
					morning++
				case 12:
					lunch++
				case 3:
					night++
				}
				if n < 60 {
					first++
				} else if n >= p.Days()-60 {
					last++
				}
			}
		}
	}
	now := 0
	for _, n := range inside {
		now += n
	}
	if total < 150_000 || total > 320_000 {
		t.Errorf("%d events", total)
	}
	if now < 5 || now > 140 {
		t.Errorf("%d people are in a meeting on a Tuesday afternoon", now)
	}
	if weekday < 5*weekend || weekend == 0 {
		t.Errorf("%d meetings on weekdays, %d on weekends", weekday, weekend)
	}
	if lunch*4 > morning || night*10 > lunch {
		t.Errorf("%d meetings begin at ten, %d at noon, %d at three at night", morning, lunch, night)
	}
	if last*10 < first*12 {
		t.Errorf("no growth: %d meetings in the first two months, %d in the last", first, last)
	}
	if len(recorded) < 500 {
		t.Errorf("%d recordings", len(recorded))
	}
}

func TestHolidaysAreQuiet(t *testing.T) {
	p := plan(t, busy)
	count := func(date string) int {
		at, err := time.ParseInLocation(time.DateOnly, date, p.Zone)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range p.Day(p.index(at)) {
			if e.Type == "meeting.conference.started" {
				n++
			}
		}
		return n
	}
	if festival, ordinary := count("2026-02-17"), count("2026-03-17"); festival*4 > ordinary {
		t.Errorf("%d meetings at the spring festival, %d a month later", festival, ordinary)
	}
}

func secret(name string, length int) string {
	return strings.Repeat(strings.Map(func(r rune) rune {
		if r == '-' {
			return 'x'
		}
		return r
	}, name), length)[:length]
}

func TestTheCompanysManifestIsOne(t *testing.T) {
	c := NewCompany("2026-06-09", busy, secret)
	data, err := c.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	m, err := registry.ParseManifest(data)
	if err != nil {
		t.Fatalf("%v\n%s", err, data)
	}
	if len(m.Tenants) != 1 || m.Tenants[0].ID != Tenant {
		t.Fatalf("tenants: %+v", m.Tenants)
	}
	week, gone := 0, 0
	for _, r := range m.Tenants[0].Resources {
		if err := r.Check(); err != nil {
			t.Error(err)
		}
		switch {
		case r.Expires.IsZero():
		case r.Expires.Before(busy):
			gone++
		case r.Expires.Before(busy.AddDate(0, 0, 7)):
			week++
		}
	}
	if n := len(m.Tenants[0].Resources); n < 90 || week < 3 || week > 10 || gone == 0 {
		t.Errorf("%d resources, %d expire this week, %d have", n, week, gone)
	}
}

func TestTheEnvFileNamesWhatIsPromised(t *testing.T) {
	const promised = `USANCE_URL USANCE_TOKEN USANCE_TENANT MEETING_ACCOUNT MEETING_PASSWORD MEETING_APP_ID MEETING_APP_KEY MEETING_USER_ID HUAWEI_ACCESS_KEY
HUAWEI_SECRET_KEY HUAWEI_PROJECT_ID HUAWEI_REGION HUAWEI_DOMAIN HUAWEI_USER HUAWEI_PASSWORD RTC_APP KOODRIVE_APP_ID KOODRIVE_APP_SECRET
KOODRIVE_USER_ID KOODRIVE_TOKEN ZSTACK_ACCOUNT ZSTACK_PASSWORD ZSTACK_ACCESS_KEY_ID ZSTACK_ACCESS_KEY_SECRET ZSTACK_ORGANIZATION`
	var names []string
	for _, line := range NewCompany("2026-06-09", busy, secret).Env("http://127.0.0.1:8080", "us_token") {
		name, value, ok := strings.Cut(line, "=")
		if !ok || value == "" {
			t.Errorf("%q is no assignment", line)
		}
		names = append(names, name)
	}
	if got := fmt.Sprint(names); got != fmt.Sprint(strings.Fields(promised)) {
		t.Errorf("got %s", got)
	}
	if got := quote(`it's $HOME`); got != `'it'\''s $HOME'` {
		t.Errorf("quoted: %s", got)
	}
}
