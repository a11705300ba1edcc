package metastudio

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
)

// AliasProject is the alias of the root or a node that is a project's id.
const AliasProject = "huawei.project"

// The labels of a resource that its row shows. Other labels are not shown.
const (
	LabelSubResource   = "sub_resource_type"
	LabelIsSubResource = "is_sub_resource" // "true" or "false"
	LabelUsage         = "usage"           // how much of the amount is used up: a whole number
)

// BusinessTypes returns the business types that MetaStudio knows. Resources of
// other types are other services' and never appear here.
func BusinessTypes() []string {
	return []string{"VOICE_CLONE", "SYNTHETICS_SOUND", "ASSET_MANAGER", "MODELING_2D", "LIVE_2D", "VIDEO_2D", "CHAT_2D",
		"BUSINESS_CARD_2D", "PICTURE_2D", "MODELING_3D", "VDS_3D", "TTSA_3D", "FLEXUS_2D"}
}

func chargingModes() []string { return []string{usance.Periodic, usance.OneTime, usance.OnDemand} }

// countedModes are those that the count promises: what is paid for by use has no
// expiry.
func countedModes() []string { return []string{usance.Periodic, usance.OneTime} }

func sources() []string {
	return []string{usance.Purchased, usance.SPAllocated, usance.AdminAllocated}
}

// Name is the façade's among the mappings.
const Name = "metastudio"

const (
	callCount = "GET /v1/{project_id}/tenants/resources-count"
	callList  = "GET /v1/{project_id}/tenants/resources"
)

// Mapping says where each number of an answer comes from. Which label tells how
// much of a resource is used up is a tenant's to choose; the rest is what the
// resources are.
func Mapping() mapping.Table {
	number := func(name, call, value string) mapping.Field {
		return mapping.Field{Name: name, Call: call, Unit: "1", Fixed: true, Source: mapping.Source{Kind: mapping.Resources, Value: value}}
	}
	counted := number("resources_count.count", callCount, mapping.Count)
	counted.Most = math.MaxInt32
	counted.Source.Filter = map[string]string{"charging_mode": strings.Join(countedModes(), ",")}
	usage := number("resources.usage", callList, mapping.Label)
	usage.Fixed, usage.Source.Label = false, LabelUsage
	return mapping.Table{
		counted,
		number("count", callList, mapping.Count),
		number("resources.amount", callList, mapping.Amount),
		usage,
		number("resources.status", callList, mapping.Frozen),
	}
}

// number returns where a row of the list has the mapping's field.
func (o *resourceRow) number(name string) *int64 {
	switch name {
	case "resources.amount":
		return &o.Amount
	case "resources.usage":
		return &o.Usage
	case "resources.status":
		return &o.Status
	}
	return nil
}

// rowOf makes a resource's row: its texts as they are, its numbers as the mapping
// says.
func rowOf(r *usance.Resource, p *figures.Plan) resourceRow {
	o := resourceRow{ID: r.ID, OrderID: r.OrderID, Type: r.Type, BusinessType: r.BusinessType, SubType: r.Labels[LabelSubResource],
		IsSub: r.Labels[LabelIsSubResource] == "true", ChargingMode: r.ChargingMode, Source: r.Source, Unit: r.Unit}
	if !r.Expires.IsZero() {
		o.Expires = r.Expires.UTC().Format(time.RFC3339)
	}
	for i := range p.Figures {
		f := &p.Figures[i]
		if at := o.number(f.Name); at != nil {
			*at = f.Whole(f.OfResource(r))
		}
	}
	return o
}

func statusOf(r *usance.Resource) int {
	if r.Frozen {
		return 1
	}
	return 0
}

func oneOf(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
