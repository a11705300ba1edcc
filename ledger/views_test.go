package ledger_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// views is every row of the tenant's views that must not depend on the order of
// events, as text.
func (f *fixture) views(t *testing.T, tenant usance.TenantID) string {
	t.Helper()
	var b strings.Builder
	for _, table := range []store.Table{store.Rollups, store.Totals, store.Samples, store.Members} {
		err := f.st.Scan(t.Context(), tenant, store.Range{Table: table}, func(r store.Row) error {
			fmt.Fprintf(&b, "%d %q %x\n", table, r.ID, r.Value)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return b.String()
}
