package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/client"
)

// envOf reads a file of shell assignments.
func envOf(t *testing.T, path string) map[string]string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for line := range strings.Lines(string(data)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		if !ok || value == "" || strings.ContainsAny(value, " '\"$") {
			t.Errorf("%q is not a plain assignment", line)
		}
		out[name] = value
	}
	return out
}

func TestTheDemoAnswersAndCanBeStartedAgain(t *testing.T) {
	binary, dir := build(t), t.TempDir()
	file := filepath.Join(dir, "demo.env")
	var first map[string]string
	counts := map[string]int64{}
	for round := range 2 {
		p, err := start(exec.CommandContext(context.Background(), binary, "demo", "--listen", "127.0.0.1:0", "--data", filepath.Join(dir, "data"), "--env", file))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = p.cmd.Process.Kill() })
		out := p.out.String()
		if n := strings.Count(out, "\ncurl -s "); n != 5 {
			t.Errorf("%d commands are printed, want 5:\n%s", n, out)
		}
		if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the env file: %v, %v", info.Mode(), err)
		}
		env := envOf(t, file)
		if len(env) != 25 || env["USANCE_URL"] != p.url {
			t.Errorf("%d variables, address %s, want 25 and %s", len(env), env["USANCE_URL"], p.url)
		}
		c, err := client.New(client.Options{URL: env["USANCE_URL"], Token: env["USANCE_TOKEN"], Tenant: usance.TenantID(env["USANCE_TENANT"])})
		if err != nil {
			t.Fatal(err)
		}
		for _, meter := range []string{"meeting.conferences", "meeting.attendances", "drive.users", "rtc.duration", "meeting.recording", "drive.space"} {
			u, err := c.Usage(t.Context(), meter, client.UsageQuery{To: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)})
			if err != nil || len(u.Data) != 1 {
				t.Fatalf("%s: %+v, %v", meter, u, err)
			}
			n, _ := u.Data[0].Value.Amount()
			if n <= 0 || round > 0 && n < counts[meter] && meter != "meeting.recording" {
				t.Errorf("%s is %d, was %d", meter, n, counts[meter])
			}
			counts[meter] = n
		}
		checkDemoResources(t, c)
		if round == 0 {
			first = env
		}
		for name, value := range first {
			if env[name] != value && name != "USANCE_URL" {
				t.Errorf("%s changed over a restart", name)
			}
		}
		if err := p.stop(syscall.SIGTERM); err != nil {
			t.Fatalf("stopping: %v", err)
		}
	}
}

func checkDemoResources(t *testing.T, c *client.Client) {
	t.Helper()
	now := time.Now()
	all, err := c.CountResources(t.Context(), client.ResourceFilter{})
	if err != nil || all.Count < 90 || all.Count > 120 {
		t.Errorf("%d resources, %v", all.Count, err)
	}
	week, err := c.CountResources(t.Context(), client.ResourceFilter{ExpiresFrom: now, ExpiresTo: now.Add(7 * 24 * time.Hour)})
	if err != nil || week.Count < 3 || week.Count > 10 {
		t.Errorf("%d resources expire this week, %v", week.Count, err)
	}
}

func TestATemporaryDemoLeavesNothingBehind(t *testing.T) {
	binary, tmp := build(t), t.TempDir()
	cmd := exec.CommandContext(context.Background(), binary, "demo", "--listen", "127.0.0.1:0")
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	p, err := start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(tmp); err != nil || len(left) != 0 {
		t.Fatalf("left behind: %v, %v", left, err)
	}
}
