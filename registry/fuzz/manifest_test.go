// Package fuzz_test has the fuzz targets of package registry that need no store. They
// are apart because what a test binary links decides what each input costs while
// fuzzing: with an engine in it, an input kept earlier takes seven times as long to be
// tried again.
package fuzz_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

func FuzzParseManifest(f *testing.F) {
	files, err := filepath.Glob("../testdata/manifest/*.yaml")
	if err != nil || len(files) == 0 {
		f.Fatalf("no manifests to begin with: %v", err)
	}
	for _, file := range append(files, "../testdata/example.yaml") {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"tenants":[{"id":"acme","quotas":[{"node":"/x","meter":"vm.num","limit":"5 apples"}]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := registry.ParseManifest(data)
		if (m == nil) && err == nil {
			t.Fatal("neither a manifest nor an error")
		}
		e, refused := errors.AsType[*usance.Error](err)
		if err != nil && (!refused || e.Kind == usance.KindInternal) {
			t.Fatalf("not a refusal: %v", err)
		}
		lines := strings.Count(string(data), "\n") + strings.Count(string(data), "\r") + 1
		if refused {
			for _, f := range e.Fields {
				if f.Line < 0 || f.Line > lines+1 || f.Detail == "" {
					t.Fatalf("a fault at line %d of %d: %+v", f.Line, lines, f)
				}
			}
		}
	})
}
