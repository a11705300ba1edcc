package wire

import "github.com/usance/usance"

// MoveNode asks for a node to be moved, with all that is below it.
type MoveNode struct {
	From usance.Path `json:"from"`
	To   usance.Path `json:"to"`

	DryRun bool `json:"dry_run,omitzero"` // only say what the move would do
}

// MovedNode says what a move took along, or what it would after a dry run.
type MovedNode struct {
	Sequence  uint64      `json:"sequence"` // of its entry; of a dry run, of the last entry that it looked at
	DryRun    bool        `json:"dry_run,omitzero"`
	From      usance.Path `json:"from"`
	To        usance.Path `json:"to"`
	Nodes     int         `json:"nodes"`
	Quotas    int         `json:"quotas"`
	Users     int         `json:"users"`  // bound to the subtree
	Tokens    int         `json:"tokens"` // bound to the subtree
	Resources int         `json:"resources"`
	Holds     int         `json:"holds"`           // open ones
	Flagged   []Block     `json:"flagged"`         // soft and shadow quotas that it passes
	Blocks    []Block     `json:"blocks,omitzero"` // of a dry run alone: hard quotas that refuse the move
}
