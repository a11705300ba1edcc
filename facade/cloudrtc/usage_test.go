package cloudrtc_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/internal/gateway"
)

func TestUsageIsCountedByUTCDayAndMedia(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	w.contractDay(usedApp)
	out := w.As("AKEXAMPLE", http.MethodGet, asked(usedApp, "2026-03-01", "2026-03-03"), "X-Project-Id", rootProject)
	want := `{"usage":[` +
		`{"date":"2026-03-01","video_sd":120,"video_hd":600,"video_hdp":0,"audio":300,"total_duration":1020},` +
		`{"date":"2026-03-02","video_sd":0,"video_hd":0,"video_hdp":0,"audio":0,"total_duration":0},` +
		`{"date":"2026-03-03","video_sd":0,"video_hd":0,"video_hdp":9,"audio":0,"total_duration":9}]}`
	if out.Code != 200 || out.Body.String() != want {
		t.Errorf("%d %s\nwant\n%s", out.Code, out.Body, want)
	}
	if out.Header().Get("Content-Type") != "application/json" || len(out.Header().Get("X-Request-Id")) != 32 ||
		facadetest.Told(out, gateway.HeaderRatelimitAPI) != "remain:29,limit:30,time:1 minute" {
		t.Error(out.Header())
	}
}

// TestUsageAgreesWithAPlainCount compares answers with sums made by hand over
// events drawn at random.
func TestUsageAgreesWithAPlainCount(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.statistics": gateway.Off()}})
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	media := []string{"video_sd", "video_hd", "video_hdp", "audio", "other"}
	sums := map[string]int64{} // by app, date, field
	first := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for range 300 {
		at := first.Add(time.Duration(random.IntN(20*86400)) * time.Second)
		app, medium, seconds := fmt.Sprintf("app-%d", random.IntN(3)), media[random.IntN(len(media))], random.Int64N(1000)
		w.received("/", at.Format(time.RFC3339), app, medium, seconds)
		sums[app+at.Format(time.DateOnly)+medium] += seconds
	}
	for range 30 {
		app, from, days := fmt.Sprintf("app-%d", random.IntN(3)), first.AddDate(0, 0, random.IntN(20)), random.IntN(31)
		to := from.AddDate(0, 0, days)
		v := w.Answered(w.As("AKLOOK", http.MethodGet, asked(app, from.Format(time.DateOnly), to.Format(time.DateOnly))), 200)
		rows := v["usage"].([]any)
		if len(rows) != days+1 {
			t.Fatalf("%d rows for %d days", len(rows), days+1)
		}
		for i, row := range rows {
			date, total := from.AddDate(0, 0, i).Format(time.DateOnly), int64(0)
			for _, medium := range media[:4] {
				n := sums[app+date+medium]
				total += n
				if got := row.(map[string]any)[medium]; got != float64(n) {
					t.Errorf("%s %s %s: %v, want %d", app, date, medium, got, n)
				}
			}
			if got := row.(map[string]any); got["date"] != date || got["total_duration"] != float64(total) {
				t.Errorf("%v, want %s and %d", got, date, total)
			}
		}
	}
}

// dates returns the first and last date of an answer and how many there are.
func dates(v map[string]any) string {
	rows := v["usage"].([]any)
	date := func(i int) any { return rows[i].(map[string]any)["date"] }
	return fmt.Sprint(date(0), " ", date(len(rows)-1), " ", len(rows))
}

func TestDatesThatAreLeftOut(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.statistics": gateway.Off()}})
	for query, want := range map[string]string{
		"":                                           "2026-03-04 2026-03-04 1",
		"&start_date&end_date":                       "2026-03-04 2026-03-04 1",
		"&start_date=&end_date=":                     "2026-03-04 2026-03-04 1",
		"&start_date":                                "2026-03-04 2026-03-04 1",
		"&end_date=2026-01-15":                       "2026-01-15 2026-01-15 1",
		"&start_date&end_date=2026-01-15":            "2026-01-15 2026-01-15 1",
		"&start_date=2026-03-01":                     "2026-03-01 2026-03-04 4",
		"&start_date=2026-03-01&end_date=":           "2026-03-01 2026-03-04 4",
		"&start_date=2026-01-01":                     "2026-01-01 2026-01-31 31",
		"&start_date=2026-03-05":                     "2026-03-05 2026-03-05 1",
		"&start_date=2026-03-09":                     "2026-03-09 2026-03-09 1",
		"&start_date=2024-02-29&end_date=2024-03-01": "2024-02-29 2024-03-01 2",
		"&start_date=2026-02-01&end_date=2026-03-03": "2026-02-01 2026-03-03 31",
	} {
		out := w.As("AKLOOK", http.MethodGet, usage+"?app="+webApp+"&metric=CommunicationDuration"+query)
		if got := dates(w.Answered(out, 200)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	w.Clock.Move(23 * time.Hour) // past midnight
	out := w.As("AKLOOK", http.MethodGet, usage+"?app="+webApp+"&metric=CommunicationDuration")
	if got := dates(w.Answered(out, 200)); got != "2026-03-05 2026-03-05 1" {
		t.Error(got)
	}
}

func TestParametersAreCheckedInOrder(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.statistics": gateway.Off()}})
	const metric = "&metric=CommunicationDuration"
	for _, c := range []struct{ query, want string }{
		{"", "Required String parameter 'app' is not present"},
		{"metric=x&start_date=y", "Required String parameter 'app' is not present"},
		{"app=" + webApp, "Required String parameter 'metric' is not present"},
		{"app=" + webApp + "&start_date=y", "Required String parameter 'metric' is not present"},
		{"app" + metric, "Invalid parameter 'app': it is empty"},
		{"app=" + metric, "Invalid parameter 'app': it is empty"},
		{"app=" + webApp + "&app=" + webApp + metric, "Invalid parameter 'app': it is given more than once"},
		{"app=" + strings.Repeat("x", 257) + metric, "Invalid parameter 'app': it is too long"},
		{"app=" + webApp + "&metric", "Invalid parameter 'metric': it is empty"},
		{"app=" + webApp + metric + metric, "Invalid parameter 'metric': it is given more than once"},
		{"app=" + webApp + "&metric=TranscodeDuration&start_date=y", "Invalid parameter 'metric': it must be CommunicationDuration"},
		{"app=" + webApp + "&metric=communicationduration", "Invalid parameter 'metric': it must be CommunicationDuration"},
		{"app=" + webApp + metric + "&start_date=y&end_date=z", "Invalid parameter 'start_date': it must be a date such as 2020-04-23"},
		{"app=" + webApp + metric + "&end_date=2026-02-30", "Invalid parameter 'end_date': it must be a date such as 2020-04-23"},
		{"app=" + webApp + metric + "&end_date=2026-2-3", "Invalid parameter 'end_date': it must be a date such as 2020-04-23"},
		{"app=" + webApp + metric + "&end_date=2026-02-03T00:00:00Z", "Invalid parameter 'end_date': it must be a date such as 2020-04-23"},
		{"app=" + webApp + metric + "&start_date=1989-12-31", "Invalid parameter 'start_date': it is out of range"},
		{"app=" + webApp + metric + "&start_date=2200-01-01", "Invalid parameter 'start_date': it is out of range"},
		{"app=" + webApp + metric + "&start_date=2026-03-01&start_date=2026-03-01", "Invalid parameter 'start_date': it is given more than once"},
		{"app=" + webApp + metric + "&start_date=2026-03-02&end_date=2026-03-01", "Invalid parameter 'start_date': it is after end_date"},
		{"app=" + webApp + metric + "&start_date=2026-02-01&end_date=2026-03-04", "Invalid parameter 'end_date': the days asked for are too many"},
		{"app=nowhere" + metric + "&start_date=2026-03-02&end_date=2026-03-01", "Invalid parameter 'start_date': it is after end_date"},
		{"app=nowhere" + metric, "Invalid parameter 'app': there is no such application"},
		{"app=othersapp" + metric, "Invalid parameter 'app': there is no such application"},
		{"app=%zz" + metric, "Invalid parameter 'query': the query string is malformed"},
	} {
		out := w.As("AKLOOK", http.MethodGet, usage+"?"+c.query)
		if got := w.Refused(out, 400, "DATA.100011001"); got != c.want {
			t.Errorf("%s: %s\nwant %s", c.query, got, c.want)
		}
	}
}

func TestTheSpanIsConfigurable(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{MaxDays: 2})
	w.Answered(w.As("AKLOOK", http.MethodGet, asked(webApp, "2026-03-01", "2026-03-02")), 200)
	w.Refused(w.As("AKLOOK", http.MethodGet, asked(webApp, "2026-03-01", "2026-03-03")), 400, "DATA.100011001")
}

func TestAnAppIsKnownByItsAliasOrByItsUsage(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{})
	yesterday := asked(usedApp, "", "")
	w.Refused(w.As("AKLOOK", http.MethodGet, yesterday), 400, "DATA.100011001")
	w.received("/rtc/phone", "2020-01-01T00:00:00Z", usedApp, "hologram", 1)
	if rows := w.Answered(w.As("AKLOOK", http.MethodGet, yesterday), 200)["usage"].([]any); len(rows) != 1 {
		t.Error(rows)
	}
	if rows := w.Answered(w.As("AKLOOK", http.MethodGet, asked(phoneApp, "", "")), 200)["usage"].([]any); len(rows) != 1 {
		t.Error(rows)
	}
}

func TestANodesProjectSeesItsSubtreeAlone(t *testing.T) {
	w := newWorld(t, cloudrtc.Options{Limits: gateway.Limits{"rtc.statistics": gateway.Off()}})
	w.contractDay(webApp)
	query := strings.TrimPrefix(asked(webApp, "2026-03-01", "2026-03-01"), usage)
	for _, key := range []string{"AKLOOK", "AKWEB"} {
		v := w.Answered(w.As(key, http.MethodGet, "/v1/"+nodeProject+"/rtc/history/usage"+query, "X-Project-Id", nodeProject), 200)
		if got := fmt.Sprint(v["usage"]); got != "[map[audio:300 date:2026-03-01 total_duration:420 video_hd:0 video_hdp:0 video_sd:120]]" {
			t.Error(key, got)
		}
	}
	// The phone's application is of the tenant, but not of this project.
	w.Refused(w.As("AKLOOK", http.MethodGet, "/v1/"+nodeProject+"/rtc/history/usage"+strings.Replace(query, webApp, phoneApp, 1)), 400, "DATA.100011001")
}
