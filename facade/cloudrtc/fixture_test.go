package cloudrtc_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/cloudrtc"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

// signedAt is the time of the signatures in testdata; yesterday is 2026-03-04.
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)

const (
	acme        = usance.TenantID("acme")
	rootProject = "0123456789abcdef0123456789abcdef"
	nodeProject = "fedcba9876543210fedcba9876543210"
	webApp      = "5fa682b34a974f7ad24d223b" // alias of /rtc/web
	phoneApp    = "5fa682b34a974f7ad24d2241" // alias of /rtc/phone
	usedApp     = "5ecf0000"                 // no alias, known by its usage
)

// world is the façade on the real core and the real IAM. The tenant acme has a
// project at the root and one at /rtc/web.
type world struct {
	*facadetest.World[*cloudrtc.Facade]
}

func newWorld(t testing.TB, o cloudrtc.Options) *world {
	t.Helper()
	w := &world{facadetest.NewWorld(t, signedAt, "http://rtc-api.myhuaweicloud.com", func(c *facadetest.Core) *cloudrtc.Facade {
		o.Now = c.Clock.Now
		o.Authenticate = iam.New(c.Registry, c.Ledger, iam.Options{Now: c.Clock.Now}).Authenticate
		return cloudrtc.New(c.Registry, c.Ledger, o)
	})}
	w.Edit(acme, facadetest.Signers(registry.Edit{
		Tenant: &usance.Tenant{Timezone: "Asia/Shanghai", Aliases: map[string]string{
			cloudrtc.AliasProject: rootProject, "huawei.project_name": "cn-north-4", "huawei.domain": "acme-account"}},
		Nodes: []usance.Node{
			{Path: "/rtc/web", Name: "Web", Aliases: map[string]string{cloudrtc.AliasApp: webApp, cloudrtc.AliasProject: nodeProject}},
			{Path: "/rtc/phone", Aliases: map[string]string{cloudrtc.AliasApp: phoneApp}},
		},
	}, "/rtc/web"))
	w.Edit("other", facadetest.Stranger(registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{cloudrtc.AliasProject: "othersproject"}},
		Nodes:  []usance.Node{{Path: "/app", Aliases: map[string]string{cloudrtc.AliasApp: "othersapp"}}},
	}))
	return w
}

// received reports seconds of a stream.
func (w *world) received(node usance.Path, when, app, media string, seconds int64) {
	w.Helper()
	at, err := time.Parse(time.RFC3339, when)
	if err != nil {
		w.Fatal(err)
	}
	w.Ingest(acme, w.Event(at, "rtc.stream.received", "u-1", node, fmt.Sprintf(`{"app":%q,"media":%q,"seconds":%d}`, app, media, seconds)))
}

// contractDay is the usage that the vendor's page counts: 1,020 s on 2026-03-01.
func (w *world) contractDay(app string) {
	w.Helper()
	w.received("/rtc/web", "2026-03-01T00:00:00Z", app, "video_sd", 100)
	w.received("/rtc/web", "2026-03-01T23:59:59Z", app, "video_sd", 20)
	w.received("/", "2026-03-01T12:00:00Z", app, "video_hd", 600)
	w.received("/rtc/web", "2026-03-01T12:00:00Z", app, "audio", 300)
	w.received("/rtc/web", "2026-02-28T23:59:59Z", app, "audio", 7)
	w.received("/rtc/web", "2026-03-03T00:00:00Z", app, "video_hdp", 9)
	w.received("/rtc/web", "2026-03-01T12:00:00Z", "another", "audio", 11)
	w.received("/rtc/web", "2026-03-01T12:00:00Z", app, "hologram", 13)
}

const usage = "/v1/" + rootProject + "/rtc/history/usage"

func asked(app, start, end string) string {
	return usage + "?app=" + app + "&metric=CommunicationDuration&start_date=" + start + "&end_date=" + end
}
