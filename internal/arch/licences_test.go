package arch

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// permitted are the licences under which code may become part of the binary: they
// ask for their text to be kept, and for nothing of whoever uses Usance.
var permitted = []string{"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "OFL-1.1", "0BSD"}

// inTheBundle are npm packages that are needed to build the console, of which parts
// are in what is built.
var inTheBundle = []string{"svelte"}

// TestTheLicenceOfEverythingInTheBinaryIsListedAndPermitted reads the licence file of
// every module that the binary is linked from, and the lock file of the console, and
// holds them against docs/licences.md. USANCE_LICENCES=print prints what belongs there.
func TestTheLicenceOfEverythingInTheBinaryIsListedAndPermitted(t *testing.T) {
	found := map[string]string{}
	root := filepath.Join("..", "..")
	for name, dir := range linkedModules(t, root) {
		found[name] = licenceIn(t, dir)
	}
	for name, licence := range consolePackages(t, root) {
		found["npm "+name] = licence
	}
	var rows []string
	for name, licence := range found {
		rows = append(rows, fmt.Sprintf("| %s | %s |", name, licence))
		if !slices.Contains(permitted, licence) {
			t.Errorf("%s: %q is no licence that may go into the binary", name, licence)
		}
	}
	slices.Sort(rows)
	if os.Getenv("USANCE_LICENCES") == "print" {
		t.Log("\n" + strings.Join(rows, "\n"))
	}
	text, err := os.ReadFile(filepath.Join(root, "docs", "licences.md"))
	if err != nil {
		t.Fatal(err)
	}
	var listed []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| part") {
			listed = append(listed, strings.TrimSpace(line))
		}
	}
	for _, row := range rows {
		if !slices.Contains(listed, row) {
			t.Errorf("docs/licences.md lacks the row %s", row)
		}
	}
	for _, row := range listed {
		if !slices.Contains(rows, row) {
			t.Errorf("docs/licences.md lists what is not in the binary, or not so: %s", row)
		}
	}
}

// linkedModules returns the folder of every module that the released binary, for
// Linux, is linked from.
func linkedModules(t *testing.T, root string) map[string]string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-deps", "-tags", "timetzdata", "-f", "{{with .Module}}{{if not .Main}}{{.Path}}\t{{.Dir}}{{end}}{{end}}", "./cmd/usance")
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	modules := map[string]string{}
	for line := range strings.Lines(string(out)) {
		if name, dir, ok := strings.Cut(strings.TrimSpace(line), "\t"); ok {
			modules[name] = dir
		}
	}
	if len(modules) < 10 {
		t.Fatalf("only %d modules", len(modules))
	}
	return modules
}

// licenceIn names the licence in a module's folder, "" when it is none of those
// known here.
func licenceIn(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		name := strings.ToLower(e.Name())
		if e.IsDir() || !strings.HasPrefix(name, "licen") && !strings.HasPrefix(name, "copying") {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		return licenceOf(string(text))
	}
	return ""
}

// licenceOf tells licences by the sentences that are in one and in no other.
func licenceOf(text string) string {
	text = strings.ToLower(strings.Join(strings.Fields(text), " "))
	has := func(part string) bool { return strings.Contains(text, part) }
	switch {
	case has("general public license") || has("mozilla public license"):
		return "copyleft"
	case has("apache license version 2.0"):
		return "Apache-2.0"
	case has("redistribution and use in source and binary forms") && (has("neither the name") || has("be used to endorse or promote")):
		return "BSD-3-Clause"
	case has("redistribution and use in source and binary forms"):
		return "BSD-2-Clause"
	case has("permission is hereby granted, free of charge, to any person obtaining a copy"):
		return "MIT"
	case has("permission to use, copy, modify, and/or distribute this software"), has("permission to use, copy, modify, and distribute this software"):
		return "ISC"
	}
	return ""
}

func TestALicenceIsToldByItsText(t *testing.T) {
	for text, want := range map[string]string{
		"GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3":                                 "copyleft",
		"Mozilla Public\nLicense Version 2.0":                                           "copyleft",
		"                 Apache License\n       Version 2.0, January 2004":             "Apache-2.0",
		"All rights reserved.":                                                          "",
		"Permission is hereby granted, free of charge, to any person\nobtaining a copy": "MIT",
	} {
		if got := licenceOf(text); got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

// consolePackages returns the licence of every npm package of which something is in
// the built console, as its lock file states it.
func consolePackages(t *testing.T, root string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "console", "package-lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Packages map[string]struct {
			Dev     bool
			License string
		}
	}
	if err := json.Unmarshal(text, &lock); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for path, p := range lock.Packages {
		if path == "" {
			continue
		}
		name := strings.TrimPrefix(path, "node_modules/")
		if !p.Dev || slices.Contains(inTheBundle, name) {
			out[name] = p.License
		}
	}
	if len(out) < 3 {
		t.Fatalf("only %d packages", len(out))
	}
	return out
}
