package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestMemoryIsFlatUnderAMixedLoad is `make soak` for half a minute: batches,
// charges, holds, the façades' questions and changes of definitions at half the
// rate that was measured first. It fails when resident memory grows past what is
// allowed, when an answer is wrong or refused, when a total is not what was
// acknowledged, and when verify finds a difference.
func TestMemoryIsFlatUnderAMixedLoad(t *testing.T) {
	harness := filepath.Join(t.TempDir(), "bench")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", harness, "../../bench").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.CommandContext(t.Context(), harness)
	cmd.Env = append(os.Environ(), "USANCE_BENCH_ROLE=soak", "BINARY="+build(t), "MINUTES=0.5", "SHARE=0.5", "MEMORY=256MiB", "GROWTH=25")
	out, err := cmd.CombinedOutput()
	t.Logf("%s", out)
	if err != nil {
		t.Fatal(err)
	}
}
