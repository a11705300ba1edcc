package main

import (
	"context"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"github.com/usance/usance/reporting"
	"github.com/usance/usance/store/pgstore"
)

// examples returns the files of deploy by path.
func examples(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir("../../deploy", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(path)
		out[path] = string(data)
		return err
	})
	if err != nil || len(out) < 8 {
		t.Fatalf("%d examples, %v", len(out), err)
	}
	return out
}

func TestExamplesNameSettingsThatServeTakes(t *testing.T) {
	known := []string{"USANCE_MASTER_KEY", "USANCE_OPERATOR_TOKEN", "USANCE_URL", "USANCE_TOKEN"}
	for _, s := range serveSettings() {
		known = append(known, s.env(serveEnv))
	}
	names := regexp.MustCompile(`USANCE_[A-Z_]*[A-Z]`)
	found := 0
	for path, text := range examples(t) {
		for _, name := range names.FindAllString(text, -1) {
			found++
			if !slices.Contains(known, name) {
				t.Errorf("%s sets %s, which serve does not take", path, name)
			}
		}
	}
	if found < 15 {
		t.Errorf("only %d settings were found in the examples", found)
	}
}

func TestExamplesAreYAML(t *testing.T) {
	for path, text := range examples(t) {
		if filepath.Ext(path) != ".yaml" {
			continue
		}
		for i, document := range strings.Split(text, "\n---\n") {
			var v any
			if err := yaml.Unmarshal([]byte(document), &v); err != nil || v == nil {
				t.Errorf("%s, document %d: %v", path, i, err)
			}
		}
	}
}

func TestAlertsAskForMetricsThatServersShow(t *testing.T) {
	p, err := start(exec.CommandContext(context.Background(), build(t), "serve", "--listen", "127.0.0.1:0", "--data", t.TempDir()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.stop(os.Interrupt) }) // its end is of no matter here
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	ask(t, req) // the first answer counts itself, for the second to show
	status, shown := ask(t, req)
	if status != http.StatusOK {
		t.Fatalf("/metrics: %d", status)
	}
	// A process shows the metrics of the engine it runs on, and of what it was given.
	for _, r := range append(postgresReadings(pgstore.Metrics{}), sqlReadings(reporting.Metrics{})...) {
		shown += "\n" + r.name
	}
	names := regexp.MustCompile(`usance_[a-z_]+`)
	alerts := names.FindAllString(examples(t)["../../deploy/prometheus/alerts.yaml"], -1)
	if len(alerts) < 6 {
		t.Errorf("only %d metrics were found in the alerts", len(alerts))
	}
	for _, name := range alerts {
		if !strings.Contains(shown, "\n"+name) {
			t.Errorf("alerts ask for %s, which no server shows", name)
		}
	}
}
