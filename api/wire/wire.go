// Package wire holds the JSON shapes of the native API, shared by the server
// (package api) and the Go client (package client). It holds no behaviour but
// how single values are written and read.
//
// Definitions are exchanged as the root package's own nouns: usance.Tenant,
// usance.Node, usance.Meter, usance.User, usance.Key, usance.Token and
// usance.Resource. The types here are what those do not cover.
package wire

import (
	"time"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
)

// The headers of answers.
const (
	HeaderSequence   = "Usance-Sequence"   // newest entry the answer wrote or read
	HeaderAccepted   = "Usance-Accepted"   // events counted by this request
	HeaderDuplicates = "Usance-Duplicates" // events that were known already
)

// The media types of the API.
const (
	TypeJSON      = "application/json"
	TypeEvent     = "application/cloudevents+json"
	TypeBatch     = "application/cloudevents-batch+json"
	TypeNDJSON    = "application/x-ndjson"
	TypeCSV       = "text/csv"
	TypeYAML      = "application/yaml"
	TypeProblem   = "application/problem+json"
	ProblemPrefix = "urn:usance:problem:" // and the name of a usance.Kind, or one of the names below
)

// Problem types that are no usance.Kind: they concern HTTP alone.
const (
	ProblemMethod = "method-not-allowed"
	ProblemMedia  = "unsupported-media-type"
)

// MaxListedErrors bounds Problem.Errors; Problem.ErrorsOmitted counts the rest.
const MaxListedErrors = 1_000

// Problem is every error answer (RFC 9457). Type is stable and meant for
// programs, Title and Detail are for people.
type Problem struct {
	Type          string              `json:"type"`
	Title         string              `json:"title"`
	Status        int                 `json:"status"`
	Detail        string              `json:"detail,omitempty"`
	RequestID     string              `json:"request_id,omitempty"`
	Errors        []usance.FieldError `json:"errors,omitempty"`
	ErrorsOmitted int                 `json:"errors_omitted,omitzero"`
	Blocks        []Block             `json:"blocks,omitempty"` // of type quota-exceeded: every quota that refuses
}

// List is one page of a listing. Next is the cursor of the page behind it, and
// empty at the end. Total, where the listing knows it, counts all pages.
type List[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next,omitempty"`
	Total *int64 `json:"total,omitempty"`
}

// Event is a CloudEvent 1.0 in its JSON form, with the extension attributes node
// and tenant. An event sent without a time happens when it is received.
type Event struct {
	SpecVersion     string          `json:"specversion"`
	ID              string          `json:"id"`
	Source          string          `json:"source"`
	Type            string          `json:"type"`
	Time            time.Time       `json:"time,omitzero"`
	Subject         string          `json:"subject,omitempty"`
	Node            usance.Path     `json:"node,omitempty"`   // "" is the root
	Tenant          usance.TenantID `json:"tenant,omitempty"` // for operator tokens only
	DataContentType string          `json:"datacontenttype,omitempty"`
	Data            jsontext.Value  `json:"data,omitempty"` // a JSON object
}

// StoredEvent is an event as recorded, and as it counts now.
type StoredEvent struct {
	Event    Event        `json:"event"`
	Sequence uint64       `json:"sequence"`
	Recorded time.Time    `json:"recorded"`
	Actor    usance.Actor `json:"actor"`
	Voided   bool         `json:"voided,omitzero"`  // it counts no more
	Amended  bool         `json:"amended,omitzero"` // it counts as shown, not as its sender gave it
	Reason   string       `json:"reason,omitempty"` // of the last correction
	// Correction is the id of the correction of a range that voided it, or brought
	// it back, when that was the last.
	Correction string `json:"correction,omitempty"`
}

// Receipt says what became of a request's events. The server sends it as headers.
type Receipt struct {
	Sequence   uint64 `json:"sequence"`
	Accepted   int    `json:"accepted"`
	Duplicates int    `json:"duplicates"`
}

// Usage answers a query of a meter over time.
type Usage struct {
	Meter      string     `json:"meter"`
	From       time.Time  `json:"from,omitzero"`
	To         time.Time  `json:"to,omitzero"`
	WindowSize string     `json:"windowSize,omitempty"`
	Data       []UsageRow `json:"data"`
}

// UsageRow is one number of a Usage: for a window, and for a group when the
// query asked for groups.
type UsageRow struct {
	Value       Integer           `json:"value"`
	WindowStart time.Time         `json:"windowStart"`
	WindowEnd   time.Time         `json:"windowEnd"`
	Subject     *string           `json:"subject"`
	GroupBy     map[string]string `json:"groupBy"`
	// RestatedAt is when an event of the window was last corrected after the window
	// was over; absent when none was.
	RestatedAt *time.Time `json:"restated_at,omitempty"`
}

// Quota is a quota as it stands.
type Quota struct {
	Node       usance.Path        `json:"node"`
	Meter      string             `json:"meter"`
	Limit      Amount             `json:"limit"`                // in force now: base and grants; null: unlimited
	Base       Amount             `json:"base"`                 // the quota's own limit; null: unlimited
	Grants     []QuotaGrant       `json:"grants,omitempty"`     // those alive, the soonest to expire first; at most usance.MaxGrantsListed
	GrantCount int                `json:"grant_count,omitzero"` // how many are alive
	Guarantee  usance.Amount      `json:"guarantee,omitzero"`   // so much of the nearest quota above is kept for this one
	Used       usance.Amount      `json:"used"`
	Reserved   usance.Amount      `json:"reserved"`
	Allocated  Amount             `json:"allocated"`     // null: one of the quotas below is unlimited
	Available  Amount             `json:"available"`     // null: unlimited
	Over       usance.Amount      `json:"over,omitzero"` // by how much used and reserved pass the limit
	Window     usance.Window      `json:"window"`
	Enforce    usance.Enforcement `json:"enforce"`
	ResetsAt   *time.Time         `json:"resets_at"` // null for lifetime
}

// QuotaGrant is what a resource adds to a quota's limit while it lives.
type QuotaGrant struct {
	Resource string        `json:"resource"`
	Amount   usance.Amount `json:"amount"`
	Starts   *time.Time    `json:"starts"`  // null: it always was
	Expires  *time.Time    `json:"expires"` // null: never
}

// QuotaForecast is a quota that will be over its limit at a later time.
type QuotaForecast struct {
	Node       usance.Path        `json:"node"`
	Meter      string             `json:"meter"`
	Limit      Amount             `json:"limit"`      // in force now
	LimitThen  Amount             `json:"limit_then"` // in force at the time asked about
	Base       Amount             `json:"base"`
	Used       usance.Amount      `json:"used"` // known now of the window that the time lies in
	Reserved   usance.Amount      `json:"reserved"`
	ShortBy    usance.Amount      `json:"short_by"` // by how much used and reserved pass limit_then
	Window     usance.Window      `json:"window"`
	Enforce    usance.Enforcement `json:"enforce"`
	Lapses     []QuotaGrant       `json:"lapses"` // alive now and not then; at most usance.MaxGrantsListed
	LapseCount int                `json:"lapse_count"`
	Begins     []QuotaGrant       `json:"begins"` // alive then and not now; at most usance.MaxGrantsListed
	BeginCount int                `json:"begin_count"`
}

// PutQuota sets a quota. Window and Enforce default to lifetime and hard. The
// server lets the other members of Quota pass, so that a Quota can be sent back:
// where Base stands beside Limit, Base is the limit that is set.
type PutQuota struct {
	Node      usance.Path        `json:"node"`
	Meter     string             `json:"meter"`
	Limit     Amount             `json:"limit"` // the quota's own, without grants
	Window    usance.Window      `json:"window,omitempty"`
	Enforce   usance.Enforcement `json:"enforce,omitempty"`
	Guarantee Quantity           `json:"guarantee,omitzero"`
}

// Renew moves a resource's expiry.
type Renew struct {
	Expires time.Time `json:"expires"`
}

// ResourceCounts answers a count of resources. Items has one row for each group
// that has any, and none when no grouping was asked for.
type ResourceCounts struct {
	Count int64           `json:"count"`
	Items []ResourceCount `json:"items"`
}

// ResourceCount is how many resources one group has; only the members grouped by
// are there.
type ResourceCount struct {
	BusinessType string `json:"business_type,omitempty"`
	ChargingMode string `json:"charging_mode,omitempty"`
	Source       string `json:"source,omitempty"`
	Count        int64  `json:"count"`
}

// PutUser puts a user. Password nil keeps the one there is.
type PutUser struct {
	usance.User
	Password *string `json:"password,omitempty"`
}

// PutKey puts a signing key. Secret "" keeps the one there is, or has one made
// for a new key.
type PutKey struct {
	usance.Key
	Secret string `json:"secret,omitempty"`
}

// Key is a signing key. Secret is there only in the answer that made it.
type Key struct {
	usance.Key
	Secret string `json:"secret,omitempty"`
}

// PutToken puts a bearer token. Secret "" keeps the one there is, or has one
// made for a new token.
type PutToken struct {
	usance.Token
	Secret string `json:"secret,omitempty"`
}

// Token is a bearer token. Secret is there only in the answer that made it.
type Token struct {
	usance.Token
	Secret string `json:"secret,omitempty"`
}

// Applied is the outcome of a manifest, one entry for each tenant in it.
type Applied struct {
	DryRun  bool            `json:"dry_run"`
	Tenants []AppliedTenant `json:"tenants"`
}

// AppliedTenant is what a manifest changed, or with a dry run would change, in
// one tenant; Changes is empty when everything was so already.
type AppliedTenant struct {
	Tenant   usance.TenantID `json:"tenant"`
	Sequence uint64          `json:"sequence,omitzero"`
	Changes  []Change        `json:"changes"`
}

// Change is one definition created, updated or deleted. Secret is one that was
// made here and is shown this once.
type Change struct {
	Op     string `json:"op"`
	Type   string `json:"type"`
	Name   string `json:"name"`
	Detail string `json:"detail,omitempty"`
	Secret string `json:"secret,omitempty"`
}

// Verification is what folding a tenant's ledger again found.
type Verification struct {
	Tenant   usance.TenantID `json:"tenant"`
	Sequence uint64          `json:"sequence"` // up to which the ledger was folded
	Events   uint64          `json:"events"`
	Rows     uint64          `json:"rows"`  // of the views, compared
	Fault    string          `json:"fault"` // the first difference; "" when there is none
}

// AuditEntry is one control change. Before is absent for what was new, After for
// what was deleted; what rows hold of secrets is shown as "…".
type AuditEntry struct {
	Sequence uint64         `json:"sequence"`
	Time     time.Time      `json:"time"`
	Actor    usance.Actor   `json:"actor"`
	Op       string         `json:"op"`   // create, update, delete; reserve, settle, extend, release, expire; void, amend; propose, approve, void, revert, restore, discard
	Type     string         `json:"type"` // of what was changed
	Name     string         `json:"name"` // a quota's has its node and meter, an event's its source and id, with a blank between
	Before   jsontext.Value `json:"before,omitempty"`
	After    jsontext.Value `json:"after,omitempty"`
}

// VerifyProgress is one line of a verification that tells how far it is. The last
// line has a Result or a Problem.
type VerifyProgress struct {
	Done    uint64        `json:"done"` // entries
	Of      uint64        `json:"of"`
	Result  *Verification `json:"result,omitempty"`
	Problem *Problem      `json:"problem,omitempty"`
}

// LoginCodeRequest asks for a one-time sign-in code.
type LoginCodeRequest struct {
	User string `json:"user"`
}

// LoginCode is a one-time sign-in code and until when it is good.
type LoginCode struct {
	Code    string    `json:"code"`
	Expires time.Time `json:"expires"`
}
