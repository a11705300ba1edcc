package pebblestore

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"

	"github.com/usance/usance"
)

// health remembers what went wrong. broken is for good: after the log could not
// be written, memory holds rows that the disk may not, so nothing may be read or
// written any more until the folder is opened anew. A corrupt file fails the
// reads that meet it and is reported from then on. A background failure may pass.
// One failure ends the process: when the log breaks just as the engine changes to
// a new one, the engine dies with its own mutex unlocked, which nothing can catch.
type health struct {
	log    *slog.Logger
	room   *room         // is told what the engine could not write for want of space
	broken chan struct{} // closed when the store is broken

	flushes atomic.Int64

	mu      sync.Mutex
	cause   error // why it is broken
	corrupt error
	ill     error // what failed last in the background
}

func newHealth(log *slog.Logger, room *room) *health {
	return &health{log: log, room: room, broken: make(chan struct{})}
}

func (h *health) fail(cause error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.cause != nil {
		return
	}
	h.cause = cause
	h.log.Error("the store is broken and serves nothing until it is opened anew", "error", cause)
	close(h.broken)
}

// check returns why the store is broken, or nil.
func (h *health) check() error {
	select {
	case <-h.broken:
	default:
		return nil
	}
	return &usance.Error{Kind: usance.KindUnavailable, Detail: "the store cannot serve", Err: h.why()}
}

func (h *health) why() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.cause
}

// trouble returns what goes wrong although the store still serves, or nil.
func (h *health) trouble() error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case h.corrupt != nil:
		return &usance.Error{Kind: usance.KindUnavailable, Detail: "a file of the store is corrupt", Err: h.corrupt}
	case h.ill != nil:
		return &usance.Error{Kind: usance.KindUnavailable, Detail: "the store cannot write in the background", Err: h.ill}
	}
	return nil
}

func (h *health) background(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err != nil && h.ill == nil:
		h.log.Error("the store cannot write in the background", "error", err)
	case err == nil && h.ill != nil:
		h.log.Info("the store writes in the background again")
	}
	h.ill = err
}

func (h *health) corruption(i pebble.DataCorruptionInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.corrupt == nil {
		h.corrupt = fmt.Errorf("%s: %w", i.Path, i.Details)
		h.log.Error("a file of the store is corrupt", "file", i.Path, "error", i.Details)
	}
}

func (h *health) events() *pebble.EventListener {
	ended := func(err error) {
		h.room.written(err)
		if err == nil {
			h.background(nil)
		}
	}
	return &pebble.EventListener{
		BackgroundError: h.background,
		DataCorruption:  h.corruption,
		FlushEnd:        func(i pebble.FlushInfo) { h.flushes.Add(1); ended(i.Err) },
		CompactionEnd:   func(i pebble.CompactionInfo) { ended(i.Err) },
		WriteStallBegin: func(i pebble.WriteStallBeginInfo) { h.log.Warn("writes wait for the store", "reason", i.Reason) },
		WriteStallEnd:   func() { h.log.Info("writes go on") },
		DiskSlow:        func(i pebble.DiskSlowInfo) { h.log.Warn("the disk is slow", "file", i.Path, "duration", i.Duration) },
	}
}

// pebbleLogger hands the engine's own log on. What the engine calls fatal ends
// the store, not the process.
type pebbleLogger struct{ *health }

func (l pebbleLogger) Infof(format string, args ...any) {
	l.log.Debug("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Errorf(format string, args ...any) {
	l.log.Error("pebble", "message", fmt.Sprintf(format, args...))
}

func (l pebbleLogger) Fatalf(format string, args ...any) { l.fail(fmt.Errorf(format, args...)) }
