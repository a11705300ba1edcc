package wire

import (
	"time"

	"github.com/usance/usance"
)

// The states of a tenant that was deleted.
const (
	DeletedGoing = "going" // it is no more; its rows are being removed
	DeletedGone  = "gone"  // nothing is left of it but this
)

// DeletedTenant is what stays of a tenant that was deleted.
type DeletedTenant struct {
	ID        usance.TenantID `json:"id"`
	DeletedAt time.Time       `json:"deleted_at"`
	By        usance.Actor    `json:"by"`
	Sequence  uint64          `json:"sequence"` // of its last entry
	State     string          `json:"state"`
}
