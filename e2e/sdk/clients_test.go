package sdk_test

import (
	"errors"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/httphandler"
	sdkregion "github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	rtc "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v1"
	rtcmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v1/model"
	rtcapps "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/cloudrtc/v2"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	studio "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/metastudio/v1"
	studiomodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/metastudio/v1/model"
)

// here is the region as users of a private address write it.
func here() *sdkregion.Region { return sdkregion.NewRegion(region, base) }

// credentials of a key, for the project.
func credentials(t testing.TB, ak, sk, project string) auth.ICredential {
	t.Helper()
	c, err := basic.NewCredentialsBuilder().WithAk(ak).WithSk(sk).WithProjectId(project).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// client builds a service's client at the server's address, as its builder has it.
func client(t testing.TB, builder *core.HcHttpClientBuilder, c auth.ICredential) *core.HcHttpClient {
	t.Helper()
	built, err := builder.WithEndpoint(base).WithCredential(c).SafeBuild()
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func rtcClient(t testing.TB, c auth.ICredential) *rtc.CloudRTCClient {
	return rtc.NewCloudRTCClient(client(t, rtc.CloudRTCClientBuilder(), c))
}

func appsClient(t testing.TB, c auth.ICredential) *rtcapps.CloudRTCClient {
	return rtcapps.NewCloudRTCClient(client(t, rtcapps.CloudRTCClientBuilder(), c))
}

func studioClient(t testing.TB, c auth.ICredential) *studio.MetaStudioClient {
	return studio.NewMetaStudioClient(client(t, studio.MetaStudioClientBuilder(), c))
}

func iamClient(t testing.TB, c auth.ICredential) *iam.IamClient {
	return iam.NewIamClient(client(t, iam.IamClientBuilder(), c))
}

// asked is a request for the days that facts tells of.
func asked() *rtcmodel.ListRtcHistoryUsageRequest {
	return &rtcmodel.ListRtcHistoryUsageRequest{App: app, Metric: "CommunicationDuration", StartDate: "2026-03-01", EndDate: "2026-03-03"}
}

func deref[T any](p *T) T {
	var zero T
	if p == nil {
		return zero
	}
	return *p
}

var hex32 = regexp.MustCompile(`^[0-9a-f]{32}$`)

// seesUsage checks that a client gets the numbers of facts.
func seesUsage(t *testing.T, c *rtc.CloudRTCClient) {
	t.Helper()
	answer, err := c.ListRtcHistoryUsage(asked())
	if err != nil {
		t.Fatal(err)
	}
	rightUsage(t, answer)
}

func rightUsage(t *testing.T, answer *rtcmodel.ListRtcHistoryUsageResponse) {
	t.Helper()
	type row struct {
		date                      string
		sd, hd, hdp, audio, total int64
	}
	want := []row{{"2026-03-01", 120, 600, 0, 300, 1020}, {"2026-03-02", 0, 0, 0, 0, 0}, {"2026-03-03", 0, 0, 9, 0, 9}}
	got := deref(answer.Usage)
	if answer.HttpStatusCode != http.StatusOK || len(got) != len(want) {
		t.Fatalf("%v", answer)
	}
	for i, r := range got {
		if have := (row{deref(r.Date), deref(r.VideoSd), deref(r.VideoHd), deref(r.VideoHdp), deref(r.Audio), deref(r.TotalDuration)}); have != want[i] {
			t.Errorf("%v, want %v", have, want[i])
		}
	}
	if !hex32.MatchString(deref(answer.XRequestId)) {
		t.Errorf("request id %q", deref(answer.XRequestId))
	}
}

// seesResources checks that a client gets the counts of companies.
func seesResources(t *testing.T, c *studio.MetaStudioClient) {
	t.Helper()
	answer, err := c.CountTenantResources(&studiomodel.CountTenantResourcesRequest{})
	if err != nil {
		t.Fatal(err)
	}
	got := deref(answer.ResourcesCount)
	if answer.HttpStatusCode != http.StatusOK || len(got) != 2 || !hex32.MatchString(deref(answer.XRequestId)) {
		t.Fatalf("%v", answer)
	}
	for i, want := range []string{"LIVE_2D ONE_TIME SP_ALLOCATED", "VIDEO_2D PERIODIC PURCHASED"} {
		if have := deref(got[i].BusinessType) + " " + deref(got[i].ChargingMode) + " " + deref(got[i].ResourceSource); have != want || got[i].Count != float32(i+1) {
			t.Errorf("%s %v, want %s %d", have, got[i].Count, want, i+1)
		}
	}
}

// refused checks what the SDK makes of a refusal. The message is a beginning.
func refused(t *testing.T, err error, status int, code, message string) {
	t.Helper()
	var e *sdkerr.ServiceResponseError
	if !errors.As(err, &e) {
		t.Fatalf("not a service's refusal: %v", err)
	}
	if e.StatusCode != status || e.ErrorCode != code || !strings.HasPrefix(e.ErrorMessage, message) || !hex32.MatchString(e.RequestId) {
		t.Errorf("%d %q %q, request id %q; want %d %q %q", e.StatusCode, e.ErrorCode, e.ErrorMessage, e.RequestId, status, code, message)
	}
}

// watch is a client's configuration that remembers one header of every request.
type watch struct {
	mu   sync.Mutex
	seen []string
}

func (w *watch) config(header string) *config.HttpConfig {
	return config.DefaultHttpConfig().WithHttpHandler(httphandler.NewHttpHandler().AddRequestHandler(func(r http.Request) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.seen = append(w.seen, r.Method+" "+r.URL.Path+" "+r.Header.Get(header))
	}))
}

func (w *watch) all() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.seen...)
}
