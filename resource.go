package usance

import "time"

// The charging modes and sources of resources.
const (
	Periodic = "PERIODIC"
	OneTime  = "ONE_TIME"
	OnDemand = "ON_DEMAND"

	Purchased      = "PURCHASED"
	SPAllocated    = "SP_ALLOCATED"
	AdminAllocated = "ADMIN_ALLOCATED"
)

// Resource is something bought or allotted. It exists from the entry that
// created it; its expiry only says until when it was bought, and until when it
// grants what it grants.
type Resource struct {
	ID           string            `json:"id"`
	Node         Path              `json:"node"`
	BusinessType string            `json:"business_type"`
	ChargingMode string            `json:"charging_mode"`
	Source       string            `json:"source"`
	Amount       Amount            `json:"amount,omitempty"`
	Unit         string            `json:"unit,omitempty"`
	OrderID      string            `json:"order_id,omitempty"`
	Type         string            `json:"resource_type,omitempty"`
	Frozen       bool              `json:"frozen,omitempty"`
	Starts       time.Time         `json:"starts,omitzero"`
	Expires      time.Time         `json:"expires,omitzero"` // zero: never
	Labels       map[string]string `json:"labels,omitempty"`
	Grants       []Grant           `json:"grants,omitempty"` // what it adds to quotas while it lives
	Created      time.Time         `json:"created,omitzero"`
}

// Check returns why r cannot be a resource, or nil. Business types are free
// text: which of them a vendor's page knows is for its façade.
func (r *Resource) Check() error {
	if err := CheckText("resource id", r.ID, MaxIDBytes); err != nil {
		return err
	}
	if err := r.Node.Check(); err != nil {
		return err
	}
	if err := CheckText("business_type", r.BusinessType, MaxMeterNameBytes); err != nil {
		return err
	}
	switch r.ChargingMode {
	case Periodic, OneTime, OnDemand:
	default:
		return Errorf(KindInvalid, "charging_mode %q: PERIODIC, ONE_TIME or ON_DEMAND", clip(r.ChargingMode))
	}
	switch r.Source {
	case Purchased, SPAllocated, AdminAllocated:
	default:
		return Errorf(KindInvalid, "source %q: PURCHASED, SP_ALLOCATED or ADMIN_ALLOCATED", clip(r.Source))
	}
	if r.Amount < 0 {
		return Errorf(KindInvalid, "amount cannot be negative")
	}
	if !r.Expires.IsZero() && (r.Expires.Before(Earliest) || !r.Expires.Before(Latest)) {
		return Errorf(KindInvalid, "expires is outside %d to %d", Earliest.Year(), Latest.Year()-1)
	}
	for _, f := range []struct{ name, value string }{{"unit", r.Unit}, {"order_id", r.OrderID}, {"resource_type", r.Type}} {
		if f.value == "" {
			continue
		}
		if err := CheckText(f.name, f.value, MaxNameBytes); err != nil {
			return err
		}
	}
	if len(r.Labels) > MaxSettings {
		return Errorf(KindInvalid, "a resource has at most %d labels", MaxSettings)
	}
	return r.checkGrants()
}
