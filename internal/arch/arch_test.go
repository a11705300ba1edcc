package arch

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/usance/usance"

// allowed says which packages of the module a package may import, by path within
// the module; "" is the root package. A prefix ending in "/" stands for every
// package below it. A package that is not listed fails the test, so that a new
// folder is placed on purpose.
var allowed = map[string][]string{
	"":                     {},
	"store":                {""},
	"internal/journal":     {"", "store"},
	"internal/mapping":     {""},
	"internal/figures":     {"", "internal/mapping", "registry", "ledger"},
	"store/storetest":      {"", "store"},
	"store/pebblestore":    {"", "store"},
	"registry/fuzz":        {},
	"registry":             {"", "store", "internal/journal", "internal/mapping"},
	"ledger":               {"", "store", "internal/journal", "registry"},
	"internal/archive":     {""},
	"internal/backup":      {"", "internal/wholefile"},
	"internal/wholefile":   {},
	"internal/transfer":    {"", "store", "internal/journal", "internal/archive", "registry", "ledger"},
	"internal/httpx":       {""},
	"internal/gate":        {""},
	"internal/refused":     {""},
	"internal/sdksign":     {""},
	"internal/inside":      {"", "internal/httpx"},
	"internal/gateway":     {"", "internal/httpx", "internal/inside", "internal/sdksign"},
	"store/pgstore/pgtest": {},

	"store/pgstore/citustest": {"", "store"},

	"internal/facadetest": {"", "store", "store/pebblestore", "store/pgstore", "store/pgstore/pgtest", "store/pgstore/citustest", "registry", "ledger", "internal/sdksign"},
	"api":                 {"", "registry", "ledger", "api/wire", "internal/gate", "internal/refused", "internal/httpx", "internal/inside", "internal/mapping", "internal/figures", "internal/archive", "internal/transfer", "internal/backup"},
	"api/wire":            {"", "internal/archive"},
	"client":              {"", "api/wire", "internal/archive"},
	"facade/iam":          facade,
	"facade/meeting":      facade,
	"facade/koodrive":     facade,
	"facade/zstack":       facade,
	"facade/cloudrtc":     facade,
	"facade/metastudio":   facade,
	"server":              {"", "store", "registry", "ledger", "api", "api/wire", "console", "facade/", "internal/gate", "internal/httpx", "internal/gateway", "internal/inside", "internal/mapping", "internal/figures", "internal/transfer", "internal/backup"},
	"internal/demo":       {"", "client", "api/wire"},
	"cmd/usance":          {"", "reporting", "store", "store/pebblestore", "store/pgstore", "registry", "ledger", "server", "client", "api/wire", "internal/"},
	"reporting":           {"", "store", "internal/journal", "registry", "ledger"},
	"internal/arch":       {},
	"internal/smalldisk":  {},
	"sim":                 {}, // tests alone: the whole house
	"bench":               {"", "store", "store/pebblestore", "store/pgstore", "registry", "ledger", "server", "client", "api/wire", "internal/"},
	"console":             {"", "registry", "internal/httpx"},
	"store/pgstore":       {"", "store"},
}

// A façade translates; it never reaches another façade or an engine.
var facade = []string{"", "registry", "ledger", "internal/httpx", "internal/gateway", "internal/inside", "internal/sdksign", "internal/mapping", "internal/figures"}

// standardOnly lists packages that import nothing outside the standard library
// and the module.
var standardOnly = []string{"", "store"}

type pkg struct {
	ImportPath string
	Dir        string
	Imports    []string
	GoFiles    []string
	Standard   bool
}

func packages(t *testing.T) []pkg {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,Imports,GoFiles", "./...")
	cmd.Dir = root
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); dec.More(); {
		var p pkg
		if err := dec.Decode(&p); err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("only %d packages found", len(all))
	}
	return all
}

func inModule(path string) (string, bool) {
	if path == module {
		return "", true
	}
	return strings.CutPrefix(path, module+"/")
}

func TestImportsRunOneWay(t *testing.T) {
	for _, p := range packages(t) {
		name, _ := inModule(p.ImportPath)
		may, listed := allowed[name]
		if !listed {
			t.Errorf("package %q has no place in the house: add it to allowed, or move it", name)
			continue
		}
		for _, imported := range p.Imports {
			inner, ok := inModule(imported)
			if !ok {
				if slices.Contains(standardOnly, name) && strings.Contains(strings.Split(imported, "/")[0], ".") {
					t.Errorf("%q imports %s; it is of the standard library only", name, imported)
				}
				continue
			}
			if !slices.ContainsFunc(may, func(m string) bool { return m == inner || strings.HasSuffix(m, "/") && strings.HasPrefix(inner, m) }) {
				t.Errorf("%q imports %q; the arrows of docs/architecture.md do not allow it", name, inner)
			}
		}
	}
}

func TestTestSupportStaysInTests(t *testing.T) {
	for _, p := range packages(t) {
		for _, support := range []string{"/internal/facadetest", "/internal/smalldisk"} {
			if slices.Contains(p.Imports, module+support) {
				t.Errorf("%s imports %s outside its tests", p.ImportPath, support)
			}
		}
	}
}

func TestEveryPackageSaysWhatItIs(t *testing.T) {
	for _, p := range packages(t) {
		if len(p.GoFiles) == 0 {
			continue
		}
		documented := slices.ContainsFunc(p.GoFiles, func(file string) bool {
			f, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.ParseComments|parser.PackageClauseOnly)
			if err != nil {
				t.Fatal(err)
			}
			return f.Doc != nil && len(f.Doc.Text()) > 40
		})
		if !documented {
			t.Errorf("%s has no package comment", p.ImportPath)
		}
	}
}

// TestTheClockAndHiddenWiringStayInCmd refuses time.Now outside cmd and bench, init
// functions and blank imports: wiring is plain calls.
func TestTheClockAndHiddenWiringStayInCmd(t *testing.T) {
	for _, p := range packages(t) {
		name, _ := inModule(p.ImportPath)
		for _, file := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, file))
			if err != nil {
				t.Fatal(err)
			}
			text := string(src)
			if strings.Contains(text, "time.Now") && !strings.HasPrefix(name, "cmd/") && name != "bench" {
				t.Errorf("%s/%s reads the clock; take it as an argument", name, file)
			}
			if strings.Contains(text, "\nfunc init()") {
				t.Errorf("%s/%s has an init function", name, file)
			}
			f, err := parser.ParseFile(token.NewFileSet(), file, src, parser.ImportsOnly)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range f.Imports {
				if i.Name != nil && i.Name.Name == "_" && i.Path.Value != `"embed"` {
					t.Errorf("%s/%s imports %s for its side effects", name, file, i.Path.Value)
				}
			}
		}
	}
}
