package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"
	"unicode"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
)

// output is standard output. It keeps the first error of writing to it, of which
// nothing may come behind it either: a command whose words got lost has failed,
// for they may be what it was run for, such as a secret that is shown once.
type output struct {
	to  io.Writer
	mu  sync.Mutex
	err error
}

// Write implements io.Writer.
func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.to.Write(b)
	o.err = err
	return n, err
}

// failed returns the error that writing ended with, if it did.
func (o *output) failed() error {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.err
}

// table is what people see of an answer.
type table struct {
	heads []string
	rows  [][]string
	empty string // said instead of a table without rows
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) write(to io.Writer) error {
	if len(t.rows) == 0 && t.empty != "" {
		_, err := fmt.Fprintln(to, t.empty)
		return err
	}
	w := tabwriter.NewWriter(to, 2, 8, 2, ' ', 0)
	for _, row := range append([][]string{t.heads}, t.rows...) {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(w, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return w.Flush()
}

// printable keeps what senders chose (subjects, sources) from driving the
// terminal, and from breaking the table.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return '�'
		}
		return r
	}, s)
}

func writeJSON(to io.Writer, v any) error {
	if err := json.MarshalWrite(to, v, json.Deterministic(true), jsontext.WithIndent("  ")); err != nil {
		return err
	}
	_, err := fmt.Fprintln(to)
	return err
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// amountText writes an amount for a person: bytes with a binary unit beside the
// exact number, other units as they are.
func amountText(n usance.Amount, unit string) string {
	if unit == "B" && (n >= 1<<10 || n <= -1<<10) {
		size, i := float64(n), -1
		for ; i < 3 && (size >= 1<<10 || size <= -1<<10); i++ {
			size /= 1 << 10
		}
		return fmt.Sprintf("%d (%.2f %s)", n, size, [...]string{"KiB", "MiB", "GiB", "TiB"}[i])
	}
	return fmt.Sprint(n)
}

func limitText(n wire.Amount, unit string) string {
	if usance.Amount(n) == usance.Unlimited {
		return "unlimited"
	}
	return amountText(usance.Amount(n), unit)
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "-"
}

func pairs(m map[string]string) string {
	if len(m) == 0 {
		return "-"
	}
	var b strings.Builder
	for i, k := range sortedKeys(m) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(k + "=" + m[k])
	}
	return b.String()
}
