package zstack

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAUnionHasWhatEitherHasOnceAndInOrder(t *testing.T) {
	sorted := rapid.Custom(func(t *rapid.T) []string {
		list := rapid.SliceOf(rapid.StringMatching(`[a-d]{1,2}`)).Draw(t, "list")
		slices.Sort(list)
		return slices.Compact(list)
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := sorted.Draw(t, "a"), sorted.Draw(t, "b")
		want := append(slices.Clone(a), b...)
		slices.Sort(want)
		if got := union(a, b); !slices.Equal(got, slices.Compact(want)) {
			t.Fatalf("%q and %q: %q", a, b, got)
		}
	})
}
