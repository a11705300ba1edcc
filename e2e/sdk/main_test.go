// Package sdk_test asks the built binary through the vendor's own Go SDK, unchanged
// and pointed at it by its ordinary settings. It is a module of its own, so that
// nobody who builds Usance needs the SDK.
//
// USANCE_BIN names the binary; without it, it is the one that `make build` makes.
package sdk_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// base is the address of the server under test.
var base string

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	bin := os.Getenv("USANCE_BIN")
	if bin == "" {
		bin = filepath.Join("..", "..", "bin", "usance")
	}
	if bin, err = filepath.Abs(bin); err != nil {
		return 1, err
	}
	if _, err := os.Stat(bin); err != nil {
		return 1, fmt.Errorf("there is no binary to test: run make build, or set USANCE_BIN: %w", err)
	}
	dir, err := os.MkdirTemp("", "usance-sdk-")
	if err != nil {
		return 1, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	stop, err := start(bin, filepath.Join(dir, "data"))
	if err != nil {
		return 1, err
	}
	defer func() {
		if stopped := stop(); err == nil && stopped != nil {
			code, err = 1, fmt.Errorf("the server did not stop as told: %w", stopped)
		}
	}()
	token, err := os.ReadFile(filepath.Join(dir, "data", "operator.token"))
	if err != nil {
		return 1, err
	}
	manifest := filepath.Join(dir, "manifest.yaml")
	if err := os.WriteFile(manifest, []byte(companies()), 0o600); err != nil {
		return 1, err
	}
	apply := exec.CommandContext(context.Background(), bin, "apply", "-f", manifest, "--url", base, "--token", strings.TrimSpace(string(token)))
	if out, err := apply.CombinedOutput(); err != nil {
		return 1, fmt.Errorf("apply: %w: %s", err, out)
	}
	if err := send(facts()); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

// start runs the server on a spare port, and returns what ends it.
func start(bin, data string) (stop func() error, err error) {
	cmd := exec.CommandContext(context.Background(), bin, "serve", "--listen", "127.0.0.1:0", "--data", data, "--log-level", "error")
	var complaints bytes.Buffer
	cmd.Stderr = &complaints
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewReader(out)
	for base == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			return nil, fmt.Errorf("the server did not start: %w: %s", cmd.Wait(), complaints.Bytes())
		}
		if rest, ok := strings.CutPrefix(line, "Serving on "); ok {
			base = strings.TrimSuffix(strings.Fields(rest)[0], "/")
		}
	}
	drained := make(chan struct{})
	go func() { _, _ = io.Copy(io.Discard, lines); close(drained) }() // Wait says what went wrong
	return func() error {
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			return err
		}
		<-drained
		return cmd.Wait()
	}, nil
}

// The company under test and its neighbours. Tests that use up a bound (a
// throttle, a lock) have a company of their own.
const (
	project  = "0123456789abcdef0123456789abcdef"
	foreign  = "fedcba9876543210fedcba9876543210"
	crowded  = "00000000000000000000000000000003"
	app      = "5fa682b34a974f7ad24d223b"
	region   = "cn-north-4"
	password = "S3cret-2026!"
	ingester = "us_sdk_test_collector_0001"
)

// noonZone is a zone in which it is about noon, so that no test sees a day change.
func noonZone() string {
	offset := 12 - time.Now().UTC().Hour()
	if offset == 0 {
		return "Etc/GMT"
	}
	return fmt.Sprintf("Etc/GMT%+d", -offset) // the sign of these names is the other way round
}

func companies() string {
	return `
tenants:
- id: acme
  name: Acme Ltd
  timezone: ` + noonZone() + `
  aliases: {huawei.project: ` + project + `, huawei.project_name: ` + region + `, huawei.domain: acme-account}
  nodes:
  - {path: /rtc/web, name: Web, aliases: {rtc.app: ` + app + `}}
  users:
  - {name: ops, password: "` + password + `", role: admin}
  - {name: feed, password: "` + password + `", role: ingester}
  keys:
  - {kind: aksk, id: AKACME, secret: SKACME, user: ops}
  - {kind: aksk, id: AKACMETWO, secret: SKACMETWO, user: ops}
  - {kind: aksk, id: AKFEED, secret: SKFEED, user: feed}
  tokens:
  - {name: collector, role: ingester, secret: ` + ingester + `}
  resources:
  - {id: r-1, business_type: LIVE_2D, charging_mode: ONE_TIME, source: SP_ALLOCATED, expires: 2026-06-01T00:00:00Z, amount: 5, unit: HOUR}
  - {id: r-2, business_type: VIDEO_2D, charging_mode: PERIODIC, source: PURCHASED, expires: 2026-01-10T08:43:17Z}
  - {id: r-3, business_type: VIDEO_2D, charging_mode: PERIODIC, source: PURCHASED, expires: 2026-01-10T08:43:18Z}
  - {id: r-4, business_type: VIDEO_2D, charging_mode: ON_DEMAND, source: PURCHASED}
- id: other
  timezone: UTC
  aliases: {huawei.project: ` + foreign + `, huawei.project_name: ` + region + `}
  users: [{name: ops, password: "` + password + `", role: admin}]
  keys:
  - {kind: aksk, id: AKOTHER, secret: SKOTHER, user: ops}
  - {kind: aksk, id: AKLOCKED, secret: SKLOCKED, user: ops}
- id: crowd
  timezone: UTC
  aliases: {huawei.project: ` + crowded + `}
  users: [{name: ops, password: "` + password + `", role: admin}]
  keys: [{kind: aksk, id: AKCROWD, secret: SKCROWD, user: ops}]
`
}

// facts are the events of the company, as NDJSON.
func facts() string {
	var b strings.Builder
	n := 0
	event := func(kind, subject, when, data string) {
		n++
		if when != "" {
			when = `,"time":"` + when + `"`
		}
		fmt.Fprintf(&b, `{"specversion":"1.0","source":"sdk-test","id":"%d","type":%q,"subject":%q%s,"data":%s}`+"\n", n, kind, subject, when, data)
	}
	stream := func(when, media string, seconds int) {
		event("rtc.stream.received", "u-1", when, fmt.Sprintf(`{"app":%q,"media":%q,"seconds":%d}`, app, media, seconds))
	}
	stream("2026-03-01T00:00:00Z", "video_sd", 120)
	stream("2026-03-01T23:59:59Z", "video_hd", 600)
	stream("2026-03-01T12:00:00Z", "audio", 300)
	stream("2026-03-03T08:00:00+08:00", "video_hdp", 9)
	for i, who := range []string{"u-1", "u-2", "u-1"} {
		event("meeting.attendee.joined", who, "", "{}")
		if i == 0 {
			event("meeting.attendee.left", who, "", "{}")
		}
	}
	event("meeting.conference.started", "c-1", "", "{}")
	event("meeting.conference.ended", "c-1", "", `{"duration_seconds":119}`)
	event("meeting.live.started", "l-1", "", "{}")
	event("meeting.recording.stored", "rec-1", "", `{"bytes":1610612736}`)
	return b.String()
}

func send(events string) error {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodPost, base+"/api/v1/events", strings.NewReader(events))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+ingester)
	r.Header.Set("Content-Type", "application/x-ndjson")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode >= 300 {
		return fmt.Errorf("events: %s %s", answer.Status, body)
	}
	return nil
}
