package sdk_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	rtcmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v1/model"
	appsmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v2/model"
	meeting "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1"
	meetingmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/meeting/v1/model"
	studiomodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/metastudio/v1/model"
)

func TestDatesThatAreNotSetMeanYesterday(t *testing.T) {
	before := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	answer, err := rtcClient(t, credentials(t, "AKACME", "SKACME", project)).ListRtcHistoryUsage(
		&rtcmodel.ListRtcHistoryUsageRequest{App: app, Metric: "CommunicationDuration"})
	if err != nil {
		t.Fatal(err)
	}
	after := time.Now().UTC().AddDate(0, 0, -1).Format(time.DateOnly)
	rows := deref(answer.Usage)
	if len(rows) != 1 || deref(rows[0].Date) != before && deref(rows[0].Date) != after || rows[0].TotalDuration == nil || *rows[0].TotalDuration != 0 {
		t.Errorf("%v", answer)
	}
}

func TestUsageRefusals(t *testing.T) {
	acme := credentials(t, "AKACME", "SKACME", project)
	for name, c := range map[string]struct {
		change        func(*rtcmodel.ListRtcHistoryUsageRequest)
		code, message string
	}{
		"no app":      {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.App = "" }, "DATA.100011001", "Invalid parameter 'app'"},
		"unknown app": {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.App = "nosuchapp" }, "DATA.100011001", "Invalid parameter 'app'"},
		"metric":      {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.Metric = "TranscodeDuration" }, "DATA.100011001", "Invalid parameter 'metric'"},
		"date":        {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.StartDate = "01/03/2026" }, "DATA.100011001", "Invalid parameter 'start_date'"},
		"order":       {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.EndDate = "2026-02-28" }, "DATA.100011001", "Invalid parameter 'start_date'"},
		"span":        {func(r *rtcmodel.ListRtcHistoryUsageRequest) { r.EndDate = "2026-04-01" }, "DATA.100011001", "Invalid parameter 'end_date'"},
	} {
		t.Run(name, func(t *testing.T) {
			r := asked()
			c.change(r)
			_, err := rtcClient(t, acme).ListRtcHistoryUsage(r)
			refused(t, err, 400, c.code, c.message)
		})
	}
	_, err := rtcClient(t, credentials(t, "AKACME", "SKACME", foreign)).ListRtcHistoryUsage(asked())
	refused(t, err, 403, "APIGW.0306", "API access denied.")
	_, err = rtcClient(t, credentials(t, "AKFEED", "SKFEED", project)).ListRtcHistoryUsage(asked())
	refused(t, err, 403, "APIGW.0302", "The IAM user is not authorized")
	_, err = rtcClient(t, credentials(t, "AKOTHER", "SKOTHER", foreign)).ListRtcHistoryUsage(asked())
	refused(t, err, 400, "DATA.100011001", "Invalid parameter 'app'") // another's application
}

func TestCallsThatAreNotOfferedAreUnknownToTheGateway(t *testing.T) {
	_, err := rtcClient(t, credentials(t, "AKACME", "SKACME", project)).ListRtcHistoryScale(
		&rtcmodel.ListRtcHistoryScaleRequest{App: app, Metric: []string{"UserCount"}})
	refused(t, err, 404, "APIGW.0101", "The API does not exist.")
}

func TestApplications(t *testing.T) {
	c := appsClient(t, credentials(t, "AKACME", "SKACME", project))
	answer, err := c.ListApps(&appsmodel.ListAppsRequest{})
	if err != nil {
		t.Fatal(err)
	}
	list := deref(answer.Apps)
	if deref(answer.Count) != 1 || len(list) != 1 || deref(list[0].AppId) != app || deref(list[0].AppName) != "Web" || list[0].State.State.Value() != "ACTIVATION" {
		t.Errorf("%v", answer)
	}
	one, err := c.ShowApp(&appsmodel.ShowAppRequest{AppId: app})
	if err != nil || deref(one.AppName) != "Web" || deref(one.TenantName) != "acme-account" {
		t.Errorf("%v %v", one, err)
	}
	_, err = c.ShowApp(&appsmodel.ShowAppRequest{AppId: "nosuchapp"})
	refused(t, err, 404, "RTC.00001003", "The application does not exist")
}

func TestStatisticsAreThrottledByTheMinute(t *testing.T) {
	c := rtcClient(t, credentials(t, "AKCROWD", "SKCROWD", crowded))
	ask := &rtcmodel.ListRtcHistoryUsageRequest{App: "x", Metric: "CommunicationDuration"}
	// Thirty fit in a minute, and at most one minute ends meanwhile.
	for i := range 61 {
		_, err := c.ListRtcHistoryUsage(ask)
		var e *sdkerr.ServiceResponseError
		if !errors.As(err, &e) {
			t.Fatal(err)
		}
		if e.StatusCode == http.StatusTooManyRequests {
			refused(t, err, 429, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,limit:30,time:1 minute")
			if i < 30 {
				t.Errorf("after %d requests", i)
			}
			return
		}
	}
	t.Error("61 requests were let in")
}

func TestResourcesInAWindow(t *testing.T) {
	c := studioClient(t, credentials(t, "AKACME", "SKACME", project))
	text := func(s string) *string { return &s }
	answer, err := c.CountTenantResources(&studiomodel.CountTenantResourcesRequest{Business: text("VIDEO_2D,LIVE_2D"),
		ResourceExpireStartTime: text("2026-01-10T16:43:18+08:00"), ResourceExpireEndTime: text("2026-05-31T23:59:59Z")})
	if err != nil {
		t.Fatal(err)
	}
	got := deref(answer.ResourcesCount)
	if len(got) != 1 || deref(got[0].BusinessType) != "VIDEO_2D" || got[0].Count != 1 {
		t.Errorf("%v", answer)
	}
	answer, err = c.CountTenantResources(&studiomodel.CountTenantResourcesRequest{Business: text("CHAT_2D")})
	if err != nil || answer.ResourcesCount == nil || len(*answer.ResourcesCount) != 0 {
		t.Errorf("%v %v", answer, err)
	}
	limit := int32(2)
	list, err := c.ListTenantResources(&studiomodel.ListTenantResourcesRequest{ResourceSource: "PURCHASED,SP_ALLOCATED", Limit: &limit})
	if err != nil {
		t.Fatal(err)
	}
	rows := deref(list.Resources)
	if list.Count != 4 || len(rows) != 2 || deref(rows[0].ResourceId) != "r-1" || deref(rows[0].Amount) != 5 || rows[0].Unit.Value() != "HOUR" ||
		deref(rows[0].ResourceExpireTime) != "2026-06-01T00:00:00Z" || rows[0].BusinessType.Value() != "LIVE_2D" || deref(rows[0].Status) != 0 {
		t.Errorf("%v", list)
	}
}

func TestResourcesRefusals(t *testing.T) {
	text := func(s string) *string { return &s }
	acme := studioClient(t, credentials(t, "AKACME", "SKACME", project))
	_, err := acme.CountTenantResources(&studiomodel.CountTenantResourcesRequest{Business: text("NONE")})
	refused(t, err, 400, "MSS.00000003", "Invalid parameter")
	_, err = acme.CountTenantResources(&studiomodel.CountTenantResourcesRequest{
		ResourceExpireStartTime: text("2026-01-02T00:00:00Z"), ResourceExpireEndTime: text("2026-01-01T00:00:00Z")})
	refused(t, err, 400, "MSS.00000003", "Invalid parameter")
	_, err = studioClient(t, credentials(t, "AKACME", "SKACME", foreign)).CountTenantResources(&studiomodel.CountTenantResourcesRequest{})
	refused(t, err, 400, "MSS.00010009", "The tenant in the URL")
	_, err = studioClient(t, credentials(t, "AKNOBODY", "x", project)).CountTenantResources(&studiomodel.CountTenantResourcesRequest{})
	refused(t, err, 401, "APIGW.0301", "Incorrect IAM authentication information: ak AKNOBODY not exist")
	_, err = studioClient(t, credentials(t, "AKFEED", "SKFEED", project)).CountTenantResources(&studiomodel.CountTenantResourcesRequest{})
	refused(t, err, 403, "APIGW.0302", "The IAM user is not authorized")
}

func TestResourcesAreThrottledByTheSecond(t *testing.T) {
	c := studioClient(t, credentials(t, "AKCROWD", "SKCROWD", crowded))
	for range 200 {
		_, err := c.CountTenantResources(&studiomodel.CountTenantResourcesRequest{})
		if err != nil {
			refused(t, err, 429, "APIGW.0308", "The throttling threshold has been reached: policy user over ratelimit,limit:10,time:1 second")
			return
		}
	}
	t.Error("200 requests in a row were let in")
}

func TestMeetingSignsInByItselfAndShowsTheEnterprise(t *testing.T) {
	c := meeting.NewMeetingClient(client(t, meeting.MeetingClientBuilder(),
		meeting.NewMeetingCredentialsBuilder().WithUserName("ops@acme").WithUserPassword(password).Build()))
	for range 2 { // the second time with the token of the first
		answer, err := c.ShowOrgRes(&meetingmodel.ShowOrgResRequest{})
		if err != nil {
			t.Fatal(err)
		}
		got := fmt.Sprint(deref(answer.UsedRecStorage), deref(answer.UsedAccountsCount), deref(answer.UsedLiveCount), deref(answer.ConfCount),
			deref(answer.ConfLength), deref(answer.ActiveAttendeeCount), deref(answer.TotalAttendeeCount))
		if want := fmt.Sprint(1.5, 2, 1, 1, 1, 2, 3); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
	wrong := meeting.NewMeetingClient(client(t, meeting.MeetingClientBuilder(),
		meeting.NewMeetingCredentialsBuilder().WithUserName("feed@acme").WithUserPassword("wrong").Build()))
	_, err := wrong.ShowOrgRes(&meetingmodel.ShowOrgResRequest{})
	refused(t, err, 401, "USG.206010000", "")
}
