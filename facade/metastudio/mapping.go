package metastudio

import (
	"slices"
	"strconv"
	"time"

	"github.com/usance/usance"
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

// Binding says where a field of an answer comes from.
type Binding struct {
	Field  string
	Source string // what is read
	set    func(*resourceRow, *usance.Resource)
}

// Bindings returns the fields of a row of the list; the count's rows are the
// ledger's counts as they are.
func Bindings() []Binding {
	return []Binding{
		{"resource_id", "the resource's id", func(o *resourceRow, r *usance.Resource) { o.ID = r.ID }},
		{"order_id", "its order_id", func(o *resourceRow, r *usance.Resource) { o.OrderID = r.OrderID }},
		{"resource_expire_time", "its expiry, absent when it has none", func(o *resourceRow, r *usance.Resource) {
			if !r.Expires.IsZero() {
				o.Expires = r.Expires.UTC().Format(time.RFC3339)
			}
		}},
		{"resource_type", "its resource_type", func(o *resourceRow, r *usance.Resource) { o.Type = r.Type }},
		{"business_type", "its business_type", func(o *resourceRow, r *usance.Resource) { o.BusinessType = r.BusinessType }},
		{"sub_resource_type", "label " + LabelSubResource, func(o *resourceRow, r *usance.Resource) { o.SubType = r.Labels[LabelSubResource] }},
		{"is_sub_resource", "label " + LabelIsSubResource, func(o *resourceRow, r *usance.Resource) { o.IsSub = r.Labels[LabelIsSubResource] == "true" }},
		{"charging_mode", "its charging_mode", func(o *resourceRow, r *usance.Resource) { o.ChargingMode = r.ChargingMode }},
		{"resource_source", "its source", func(o *resourceRow, r *usance.Resource) { o.Source = r.Source }},
		{"amount", "its amount", func(o *resourceRow, r *usance.Resource) { o.Amount = r.Amount }},
		{"usage", "label " + LabelUsage + ", or 0", func(o *resourceRow, r *usance.Resource) {
			if n, err := strconv.ParseInt(r.Labels[LabelUsage], 10, 64); err == nil && n >= 0 {
				o.Usage = n
			}
		}},
		{"status", "1 when it is frozen, else 0", func(o *resourceRow, r *usance.Resource) { o.Status = statusOf(r) }},
		{"unit", "its unit", func(o *resourceRow, r *usance.Resource) { o.Unit = r.Unit }},
	}
}

func statusOf(r *usance.Resource) int {
	if r.Frozen {
		return 1
	}
	return 0
}

func oneOf(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
