package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/usance/usance"
)

// The exit codes.
const (
	exitDone   = 0
	exitFailed = 1 // what was asked for did not happen, or not all of it
	exitUsage  = 2 // it was asked for wrongly; nothing was tried
)

// app is what a command has of the world.
type app struct {
	stdin  io.Reader
	stdout *output
	stderr io.Writer
	env    map[string]string
	now    func() time.Time
}

// usageError is a command line that makes no sense.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// failure marks an error of a command that ran, as opposed to one that could not
// be made out. reported says that it has been told already.
type failure struct {
	err      error
	reported bool
}

func (e *failure) Error() string { return e.err.Error() }
func (e *failure) Unwrap() error { return e.err }

// run runs one command line and returns the exit code. It ends early when ctx
// does; environ is in the form of os.Environ.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer, environ []string) int {
	out := &output{to: stdout}
	a := &app{stdin: stdin, stdout: out, stderr: stderr, env: map[string]string{}, now: time.Now}
	for _, pair := range environ {
		name, value, _ := strings.Cut(pair, "=")
		a.env[name] = value
	}
	root := a.root()
	root.SetArgs(slices.Clone(args))
	root.SetIn(stdin)
	root.SetOut(out)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		if err = out.failed(); err == nil {
			return exitDone
		}
		err = &failure{err: fmt.Errorf("not everything could be written to standard output: %w", err)}
	}
	failed, ran := errors.AsType[*failure](err)
	if _, misused := errors.AsType[*usageError](err); misused || !ran {
		fmt.Fprintf(stderr, "usance: %v\n", err)
		fmt.Fprintln(stderr, "Run 'usance --help', or any command with --help, for how to use it.")
		return exitUsage
	}
	if !failed.reported {
		a.report(err)
	}
	return exitFailed
}

// report tells an error to a person, one line for each of its faults.
func (a *app) report(err error) {
	e, ok := errors.AsType[*usance.Error](err)
	if !ok {
		fmt.Fprintf(a.stderr, "usance: %v\n", err)
		return
	}
	text := e.Detail
	if text == "" {
		text = e.Kind.String()
	}
	if e.Err != nil && len(e.Fields) == 0 {
		text += " (" + e.Err.Error() + ")"
	}
	fmt.Fprintf(a.stderr, "usance: %s\n", text)
	for _, f := range e.Fields {
		fmt.Fprintf(a.stderr, "  %s\n", describe(f))
	}
	for _, b := range e.Blocks {
		fmt.Fprintf(a.stderr, "  %s\n", describeBlock(b))
	}
}

// describe is one fault on one line.
func describe(f usance.FieldError) string {
	var at []string
	if f.Line > 0 {
		at = append(at, fmt.Sprintf("line %d", f.Line))
	}
	if f.Field != "" {
		at = append(at, f.Field)
	}
	text := strings.Join(append(at, f.Detail), ": ")
	if f.Stored != "" || f.Sent != "" {
		text += fmt.Sprintf(" (stored %s, sent %s)", f.Stored, f.Sent)
	}
	return text
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "usance",
		Short: "Who used how much of what, against which quota, and what is about to expire",
		Long: "Usance counts usage exactly, keeps it against quotas, and answers through the APIs of five vendors and its own.\n\n" +
			"serve and demo run a server; the other commands talk to one. They take its address and a bearer token from\n" +
			"--url and --token, or from USANCE_URL and USANCE_TOKEN.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.CompletionOptions.DisableDefaultCmd = true
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.AddCommand(a.serveCommand(), a.demoCommand(), a.migrateCommand(), a.migrateStoreCommand(), a.restoreCommand(), a.rotateCommand(), a.versionCommand())
	root.AddCommand(a.clientCommands()...)
	return root
}

// runs adapts a command's body, so that its errors are told from those of the
// command line.
func runs(body func(cmd *cobra.Command, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := body(cmd, args)
		if err == nil {
			return nil
		}
		if _, misused := errors.AsType[*usageError](err); misused {
			return err
		}
		if f, ok := errors.AsType[*failure](err); ok {
			return f
		}
		return &failure{err: err}
	}
}

// terminal reports whether a stream is a person's screen.
func terminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// readInput reads a whole file, or standard input for "-", up to a bound.
func (a *app) readInput(name string, limit int64) ([]byte, error) {
	in := a.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(bufio.NewReader(in), limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%s is larger than %d bytes", name, limit)
	}
	return data, err
}
