package store_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"testing"

	"github.com/usance/usance/store"
)

// Whoever removes everything of a tenant goes by the list.
func TestTheListOfTablesHasEveryTable(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "store.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var declared []store.Table
	ast.Inspect(file, func(n ast.Node) bool {
		v, ok := n.(*ast.ValueSpec)
		if !ok {
			return true
		}
		if kind, ok := v.Type.(*ast.Ident); !ok || kind.Name != "Table" {
			return true
		}
		value, ok := v.Values[0].(*ast.BasicLit)
		if !ok {
			t.Fatalf("%s has no number of its own", v.Names[0])
		}
		number, err := strconv.ParseUint(value.Value, 10, 8)
		if err != nil {
			t.Fatal(err)
		}
		declared = append(declared, store.Table(number))
		return true
	})
	slices.Sort(declared)
	if list := store.Tables(); len(declared) == 0 || !slices.Equal(declared, list) {
		t.Errorf("the list is %v, and declared are %v", list, declared)
	}
}

func TestWhatIsBehindARowIsAllThatWasNotSeen(t *testing.T) {
	for _, c := range []struct {
		r    store.Range
		id   string
		n    int
		want store.Range
		more bool
	}{
		{store.Range{From: "a", To: "d"}, "b", 2, store.Range{From: "b\x00", To: "d"}, true},
		{store.Range{From: "a", To: "d", Reverse: true}, "b", 2, store.Range{From: "a", To: "b", Reverse: true}, true},
		{store.Range{Limit: 5}, "", 2, store.Range{From: "\x00", Limit: 3}, true},
		{store.Range{Limit: 5}, "x", 5, store.Range{}, false},
		{store.Range{Limit: 5, Reverse: true}, "x", 5, store.Range{}, false},
		{store.Range{Reverse: true}, "", 1, store.Range{Reverse: true}, false}, // nothing lies before the empty id
	} {
		if rest, more := c.r.Behind(c.id, c.n); rest != c.want || more != c.more {
			t.Errorf("%+v behind %q: %+v, %v", c.r, c.id, rest, more)
		}
	}
}
