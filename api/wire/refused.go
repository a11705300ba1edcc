package wire

import (
	"time"

	"github.com/usance/usance"
)

// RefusedEvents is what of a tenant was lately refused, the newest first.
type RefusedEvents struct {
	Items []RefusedEvent `json:"items"`
	Total *int64         `json:"total,omitzero"`
	Since time.Time      `json:"since"`
}

// RefusedEvent is an event that was refused, or a request of several of which none
// has a fault of its own.
type RefusedEvent struct {
	ID      string      `json:"id"`
	Source  string      `json:"source"`
	Type    string      `json:"type"`
	Time    *time.Time  `json:"time,omitzero"`
	Node    usance.Path `json:"node"`
	Problem string      `json:"problem"`
	Why     string      `json:"why"`
	By      string      `json:"by"`
	Events  int         `json:"events"`
	First   time.Time   `json:"first"`
	Last    time.Time   `json:"last"`
	Times   int64       `json:"times"`
}
