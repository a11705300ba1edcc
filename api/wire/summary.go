package wire

import (
	"time"

	"github.com/usance/usance"
)

// TenantSummary is what an overview says of a tenant.
type TenantSummary struct {
	ID       usance.TenantID `json:"id"`
	Name     string          `json:"name,omitzero"`
	Timezone string          `json:"timezone"`
	Quotas   int             `json:"quotas"`    // that it has
	Looked   int             `json:"looked_at"` // of which over, near and tightest tell
	Over     int             `json:"over"`      // over their limits
	Near     int             `json:"near"`      // not over, with 80% or more taken
	Tightest *TightQuota     `json:"tightest,omitzero"`
	Usage    *TodaysUsage    `json:"usage,omitzero"`
	Expiring int64           `json:"expiring"` // resources that expire within 7 days
	Next     *NextExpiry     `json:"next_expiry,omitzero"`
	// Unreadable says that the tenant's figures could not be read; then there are none.
	Unreadable bool `json:"unreadable,omitzero"`
}

// TightQuota is the quota of which the greatest share is taken.
type TightQuota struct {
	Node     usance.Path        `json:"node"`
	Meter    string             `json:"meter"`
	Unit     string             `json:"unit"`
	Limit    usance.Amount      `json:"limit"`
	Used     usance.Amount      `json:"used"`
	Reserved usance.Amount      `json:"reserved"`
	Share    *int64             `json:"share_ppm,omitzero"` // millionths of the limit, rounded down; absent when that is 0
	Window   usance.Window      `json:"window"`
	Enforce  usance.Enforcement `json:"enforce"`
}

// TodaysUsage is a meter's day so far beside the day before by the same time.
type TodaysUsage struct {
	Meter     string  `json:"meter"`
	Unit      string  `json:"unit"`
	Today     Integer `json:"today"`
	Yesterday Integer `json:"yesterday"`
}

// NextExpiry is the resource that expires next.
type NextExpiry struct {
	Resource string    `json:"resource"`
	Expires  time.Time `json:"expires"`
}
