package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheVersionThatMakeStampsIsTheOneTold builds with the linker flag that the
// Makefile and the script that compares builds pass: one that names no variable
// would be ignored in silence.
func TestTheVersionThatMakeStampsIsTheOneTold(t *testing.T) {
	flag := regexp.MustCompile(`-X (main\.\w+)=`)
	for _, file := range []string{"../../Makefile", "../../scripts/reproducible"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got := flag.FindSubmatch(text); got == nil || string(got[1]) != "main.stamped" {
			t.Errorf("%s stamps %q", file, got)
		}
	}
	binary := filepath.Join(t.TempDir(), "usance")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-ldflags", "-X main.stamped=v9.8.7-test", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), binary, "version").Output()
	if err != nil || !strings.HasPrefix(string(out), "usance v9.8.7-test (go") {
		t.Errorf("%q, %v", out, err)
	}
}
