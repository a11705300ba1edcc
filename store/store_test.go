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
