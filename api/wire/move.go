package wire

import "github.com/usance/usance"

// MoveNode asks for a node to be moved, with all that is below it.
type MoveNode struct {
	From usance.Path `json:"from"`
	To   usance.Path `json:"to"`
}

// MovedNode says what a move took along.
type MovedNode struct {
	Sequence  uint64      `json:"sequence"` // of its entry
	From      usance.Path `json:"from"`
	To        usance.Path `json:"to"`
	Nodes     int         `json:"nodes"`
	Quotas    int         `json:"quotas"`
	Users     int         `json:"users"`  // bound to the subtree
	Tokens    int         `json:"tokens"` // bound to the subtree
	Resources int         `json:"resources"`
	Holds     int         `json:"holds"`   // open ones
	Flagged   []Block     `json:"flagged"` // soft and shadow quotas that it passes
}
