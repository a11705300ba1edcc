package metastudio_test

import (
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/facade/iam"
	"github.com/usance/usance/facade/metastudio"
	"github.com/usance/usance/internal/facadetest"
	"github.com/usance/usance/registry"
)

// signedAt is the time of the signatures in testdata.
var signedAt = time.Date(2026, 3, 5, 1, 2, 3, 0, time.UTC)

const (
	acme        = usance.TenantID("acme")
	rootProject = "0123456789abcdef0123456789abcdef"
	nodeProject = "fedcba9876543210fedcba9876543210"
	count       = "/v1/" + rootProject + "/tenants/resources-count"
	list        = "/v1/" + rootProject + "/tenants/resources"
)

// world is the façade on the real core and the real IAM. The tenant acme has a
// project at the root and one at /studio.
type world struct {
	*facadetest.World[*metastudio.Facade]
}

func newWorld(t testing.TB, o metastudio.Options) *world {
	t.Helper()
	w := &world{facadetest.NewWorld(t, signedAt, "http://metastudio.cn-north-4.myhuaweicloud.com", func(c *facadetest.Core) *metastudio.Facade {
		o.Now = c.Clock.Now
		o.Authenticate = iam.New(c.Registry, c.Ledger, iam.Options{Now: c.Clock.Now}).Authenticate
		return metastudio.New(c.Registry, c.Ledger, o)
	})}
	w.Edit(acme, facadetest.Signers(registry.Edit{
		Tenant: &usance.Tenant{Timezone: "Asia/Shanghai", Aliases: map[string]string{metastudio.AliasProject: rootProject}},
		Nodes:  []usance.Node{{Path: "/studio", Aliases: map[string]string{metastudio.AliasProject: nodeProject}}},
	}, "/studio"))
	w.Edit("other", facadetest.Stranger(registry.Edit{
		Tenant: &usance.Tenant{Timezone: "UTC", Aliases: map[string]string{metastudio.AliasProject: "othersproject"}},
	}))
	return w
}

// resource is one of /studio unless it says otherwise.
func resource(id, business, mode, source, expires string) usance.Resource {
	r := usance.Resource{ID: id, Node: "/studio", BusinessType: business, ChargingMode: mode, Source: source}
	if expires != "" {
		at, err := time.Parse(time.RFC3339, expires)
		if err != nil {
			panic(err)
		}
		r.Expires = at
	}
	return r
}

func (w *world) put(list ...usance.Resource) {
	w.Helper()
	for _, r := range list {
		if _, err := w.Ledger.PutResource(w.Context(), facadetest.Tester(), acme, r, true); err != nil {
			w.Fatal(err)
		}
	}
}
