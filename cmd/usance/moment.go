package main

import (
	"github.com/spf13/cobra"

	"github.com/usance/usance/client"
)

// momentFlags are those of the readings that may be asked as of an earlier moment.
type momentFlags struct {
	sequence uint64
	time     string
}

func (m *momentFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.Uint64Var(&m.sequence, "at-sequence", 0, "as it was known when the ledger had just reached this sequence number")
	f.StringVar(&m.time, "known-at", "", "as it was known at this time")
}

func (m *momentFlags) moment(cmd *cobra.Command) (client.Moment, error) {
	told := cmd.Flags().Changed
	switch {
	case told("at-sequence") && told("known-at"):
		return client.Moment{}, usagef("--at-sequence and --known-at do not go together")
	case told("at-sequence") && m.sequence == 0:
		return client.Moment{}, usagef("--at-sequence is 1 or more")
	}
	at, err := timeFlag("known-at", m.time)
	if err == nil && told("known-at") && at.IsZero() {
		err = usagef("--known-at is empty")
	}
	return client.Moment{Sequence: m.sequence, Time: at}, err
}
