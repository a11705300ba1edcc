package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// ingestion is one run of ingest.
type ingestion struct {
	client *client.Client
	size   int // events of a batch

	mu         sync.Mutex
	accepted   int
	duplicates int
	refused    []refusedLine
	refusals   int
}

// refusedLine is an event that was not stored, and why.
type refusedLine struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Detail string `json:"detail"`
}

// ingested is what ingest tells scripts.
type ingested struct {
	Accepted   int           `json:"accepted"`
	Duplicates int           `json:"duplicates"`
	Refused    int           `json:"refused"`
	Lines      []refusedLine `json:"lines"` // the first of the refused
}

// maxRefusedLines bounds the refused lines that are told one by one.
const maxRefusedLines = 10_000

func (r *remote) ingestCommand() *cobra.Command {
	var size, parallel int
	cmd := r.command("ingest FILE…", "Send events from files", cobra.MinimumNArgs(1),
		func(cmd *cobra.Command, c *client.Client, files []string) error {
			if size < 1 || size > usance.MaxBatchEvents || parallel < 1 || parallel > 64 {
				return usagef("--batch is 1 to %d and --parallel 1 to 64", usance.MaxBatchEvents)
			}
			in := &ingestion{client: c, size: size}
			err := r.ingest(cmd.Context(), in, files, parallel)
			return r.showIngested(in, err)
		})
	cmd.Long = "Send events from files: one JSON event a line (NDJSON), or a JSON array of them; compressed by gzip or zstd too; - is\n" +
		"standard input. Sending the same file again counts nothing twice, so a run that was interrupted is simply repeated.\n" +
		"A bad event does not stop the others: it is reported with its line, and the exit code is 1."
	cmd.Flags().IntVar(&size, "batch", 1000, "events of one request, all of which are stored together")
	cmd.Flags().IntVar(&parallel, "parallel", 2, "requests at one time")
	return cmd
}

func (r *remote) ingest(ctx context.Context, in *ingestion, files []string, parallel int) error {
	for _, name := range files { // a misspelt name is told before anything is sent
		if name == "-" {
			continue
		}
		if _, err := os.Stat(name); err != nil {
			return usagef("%w", err)
		}
	}
	for _, name := range files {
		if err := r.ingestFile(ctx, in, name, parallel); err != nil {
			return err
		}
	}
	return nil
}

func (r *remote) ingestFile(ctx context.Context, in *ingestion, name string, parallel int) error {
	source, size := r.stdin, int64(-1)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			size = info.Size()
		}
		source = f
	}
	bar := r.bar(size, name)
	defer func() { _ = bar.Finish() }()
	events, err := openEvents(io.TeeReader(source, passing{bar}))
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	defer events.Close()
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(parallel)
	for within.Err() == nil {
		batch, err := in.fill(name, events)
		if len(batch) > 0 {
			g.Go(func() error { return in.send(within, name, batch) })
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return errors.Join(fmt.Errorf("%s: %w", name, err), g.Wait())
		}
	}
	return cmp.Or(g.Wait(), ctx.Err())
}

// passing shows on a bar how much has been read. A bar that fails, as it does when
// the file has grown since its size was asked for, is no reason to stop reading.
type passing struct{ bar *progressbar.ProgressBar }

func (p passing) Write(b []byte) (int, error) {
	_ = p.bar.Add(len(b))
	return len(b), nil
}

// bar is a progress bar on a person's screen, by the bytes of the file, and
// nothing elsewhere.
func (r *remote) bar(size int64, name string) *progressbar.ProgressBar {
	if !terminal(r.stderr) {
		return progressbar.DefaultBytesSilent(size)
	}
	return progressbar.NewOptions64(size, progressbar.OptionSetWriter(r.stderr), progressbar.OptionShowBytes(true),
		progressbar.OptionSetDescription(printable(name)), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
}

// maxBatchBytes keeps a batch of large events within what a request may have.
const maxBatchBytes = usance.MaxBodyBytes / 2

// fill reads the next batch. What cannot be read as an event is refused here.
func (in *ingestion) fill(file string, events *eventReader) ([]rawEvent, error) {
	var batch []rawEvent
	bytes := 0
	for len(batch) < in.size && bytes < maxBatchBytes {
		e, err := events.Next()
		if bad, ok := errors.AsType[*badEvent](err); ok {
			in.refuse(file, bad.line, bad.Error())
			continue
		}
		if err != nil {
			return batch, err
		}
		batch = append(batch, e)
		bytes += len(e.json)
	}
	return batch, nil
}

func (in *ingestion) refuse(file string, line int, detail string) {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.refusals++
	if len(in.refused) < maxRefusedLines {
		in.refused = append(in.refused, refusedLine{file, line, detail})
	}
}

// send sends a batch, again without the events that are refused until the rest
// is stored.
func (in *ingestion) send(ctx context.Context, file string, batch []rawEvent) error {
	for len(batch) > 0 {
		var body bytes.Buffer
		for _, e := range batch {
			body.Write(e.json)
			body.WriteByte('\n')
		}
		receipt, err := in.client.SendRaw(ctx, wire.TypeNDJSON, body.Bytes())
		if err == nil {
			in.mu.Lock()
			defer in.mu.Unlock()
			in.accepted += receipt.Accepted
			in.duplicates += receipt.Duplicates
			return nil
		}
		e, ok := errors.AsType[*usance.Error](err)
		if !ok || e.Kind != usance.KindInvalid && e.Kind != usance.KindConflict && e.Kind != usance.KindTooLarge {
			return err
		}
		rest := in.without(file, batch, e)
		if len(rest) < len(batch) {
			batch = rest
			continue
		}
		// The refusal names no event: halve the batch until it is one alone.
		if len(batch) == 1 {
			in.refuse(file, batch[0].line, e.Detail)
			return nil
		}
		if err := in.send(ctx, file, batch[:len(batch)/2]); err != nil {
			return err
		}
		batch = batch[len(batch)/2:]
	}
	return nil
}

// without refuses the events that e names and returns the others.
func (in *ingestion) without(file string, batch []rawEvent, e *usance.Error) []rawEvent {
	bad := map[int]bool{}
	for _, f := range e.Fields {
		if f.Index < 0 || f.Index >= len(batch) {
			continue
		}
		if !bad[f.Index] {
			f.Line = 0 // of the request; the file's is told beside it
			in.refuse(file, batch[f.Index].line, describe(f))
		}
		bad[f.Index] = true
	}
	rest := make([]rawEvent, 0, len(batch))
	for i, e := range batch {
		if !bad[i] {
			rest = append(rest, e)
		}
	}
	return rest
}

func (r *remote) showIngested(in *ingestion, err error) error {
	if _, misused := errors.AsType[*usageError](err); misused {
		return err
	}
	slices.SortFunc(in.refused, func(a, b refusedLine) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	for _, l := range in.refused {
		fmt.Fprintf(r.stderr, "%s:%d: %s\n", printable(l.File), l.Line, printable(l.Detail))
	}
	if more := in.refusals - len(in.refused); more > 0 {
		fmt.Fprintf(r.stderr, "and %d more\n", more)
	}
	if r.output == "json" {
		if in.refused == nil {
			in.refused = []refusedLine{}
		}
		if werr := writeJSON(r.stdout, ingested{in.accepted, in.duplicates, in.refusals, in.refused}); werr != nil {
			return werr
		}
	} else {
		fmt.Fprintf(r.stdout, "accepted %d, duplicates %d, refused %d\n", in.accepted, in.duplicates, in.refusals)
	}
	if err != nil {
		fmt.Fprintln(r.stderr, "Not everything was sent; sending it again counts nothing twice.")
		return err
	}
	if in.refusals > 0 {
		return &failure{err: fmt.Errorf("%d events were refused", in.refusals), reported: true}
	}
	return nil
}
