package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/archive"
	"github.com/usance/usance/internal/transfer"
	"github.com/usance/usance/internal/wholefile"
)

// offlineFlags are those of commands that work on a store without a server.
type offlineFlags struct{ dir, store string }

func (o *offlineFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&o.dir, "data", "", "folder of a server that is stopped, instead of asking a server")
	cmd.Flags().StringVar(&o.store, "store", "", "database, postgres://…, instead of asking a server; with --data for the master key's folder")
}

func (o *offlineFlags) given() bool { return o.dir != "" || o.store != "" }

func (r *remote) exportCommand() *cobra.Command {
	var at offlineFlags
	var phrase string
	var resume bool
	cmd := &cobra.Command{Use: "export [FILE]", Short: "Write a whole tenant to one file", Args: strict(cobra.MaximumNArgs(1)),
		Long: "Write the whole ledger and all definitions of the tenant of --tenant to FILE (default TENANT.usance, - for standard output):\n" +
			"from a running server by an operator's token, or with --data or --store from the store of one that is stopped. The file is\n" +
			"FILE.part until it is whole; --resume goes on with one that broke off.\n\n" +
			"Password hashes and the digests of tokens are in the file, so passwords and tokens work where it is imported. The secrets of\n" +
			"signing keys are not, unless a passphrase (--passphrase-file or USANCE_PASSPHRASE) seals them. Sign-in sessions stay behind."}
	at.add(cmd)
	cmd.Flags().StringVar(&phrase, "passphrase-file", "", "file with the passphrase under which the signing keys' secrets travel (USANCE_PASSPHRASE)")
	cmd.Flags().BoolVar(&resume, "resume", false, "go on with FILE.part")
	cmd.RunE = runs(func(cmd *cobra.Command, args []string) error {
		tenant := usance.TenantID(r.tenant)
		if !cmd.Flags().Changed("tenant") {
			tenant = usance.TenantID(r.env["USANCE_TENANT"])
		}
		if err := tenant.Check(); err != nil {
			return usagef("--tenant: %s", detailOf(err))
		}
		secret, err := r.passphrase(phrase)
		if err != nil {
			return err
		}
		name := string(tenant) + ".usance"
		if len(args) == 1 {
			name = args[0]
		}
		export, done, err := r.exporter(cmd, at, tenant, secret)
		if err != nil {
			return err
		}
		defer func() { done() }()
		return r.exportTo(cmd, name, resume, export)
	})
	return cmd
}

// passphrase reads it from a file or the environment; "" when there is none.
func (r *remote) passphrase(file string) (string, error) {
	text := r.env["USANCE_PASSPHRASE"]
	if file != "" {
		b, err := r.readInput(file, 4<<10)
		if err != nil {
			return "", err
		}
		text = strings.TrimRight(string(b), "\r\n")
		if text == "" {
			return "", usagef("--passphrase-file: %s is empty", file)
		}
	}
	if text != "" && (len(text) < archive.MinPassphrase || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c == 0x7F }) || text != strings.TrimSpace(text)) {
		return "", usagef("a passphrase has at least %d bytes, no control characters, and no blank at either end", archive.MinPassphrase)
	}
	return text, nil
}

// exports writes an archive, going on with what half holds.
type exports func(ctx context.Context, to io.Writer, half io.Reader, progress func(done, of uint64)) (wire.Archived, error)

// exporter returns what writes the archive, from a server or from a store.
func (r *remote) exporter(cmd *cobra.Command, at offlineFlags, tenant usance.TenantID, phrase string) (exports, func(), error) {
	if !at.given() {
		c, err := r.client(cmd)
		if err != nil {
			return nil, nil, err
		}
		return func(ctx context.Context, to io.Writer, half io.Reader, progress func(done, of uint64)) (wire.Archived, error) {
			return c.Export(ctx, tenant, to, client.ExportOptions{Passphrase: phrase, Half: half, Progress: progress})
		}, func() {}, nil
	}
	o, err := r.openOffline(cmd, at, offlineNeeds{key: phrase != ""})
	if err != nil {
		return nil, nil, err
	}
	return func(ctx context.Context, to io.Writer, half io.Reader, progress func(done, of uint64)) (wire.Archived, error) {
		return wire.ArchivedOf(archive.Export(to, half, progress, func(part *archive.Header) (io.ReadCloser, error) {
			e := transfer.Export{Part: part}
			if part == nil {
				e.Passphrase = phrase // a part has no secrets, which stand before it
			}
			begun, err := o.mover.Export(ctx, tenant, e)
			if err != nil {
				return nil, err
			}
			return pipe(func(to io.Writer) error {
				_, err := begun.Write(ctx, unbuffered{to}, nil)
				return err
			}, func() error { return nil }), nil
		}))
	}, o.close, nil
}

type unbuffered struct{ io.Writer }

func (unbuffered) Flush() error { return nil }

// exportTo writes the file under another name until it is whole.
func (r *remote) exportTo(cmd *cobra.Command, name string, resume bool, export exports) error {
	ctx := cmd.Context()
	progress, finish := r.howFar("exporting")
	if name == "-" {
		_, err := export(ctx, r.stdout, nil, progress)
		finish()
		return err
	}
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("%s exists already", name)
	}
	part := name + ".part"
	var half *os.File
	if resume {
		var err error
		if half, err = os.Open(part); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	// What there is stays until what replaces it is at least as long.
	f, err := wholefile.Create(name)
	if err != nil {
		return err
	}
	defer f.Drop()
	var from io.Reader
	if half != nil {
		from = half
		defer func() { _ = half.Close() }() // it was only read
	}
	got, err := export(ctx, f, from, progress)
	finish()
	if err != nil {
		return errors.Join(err, keepPart(f, part))
	}
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if err := f.Commit(name); err != nil {
		return err
	}
	_ = os.Remove(part) // what it held is in the file
	return r.showExported(name, info.Size(), got)
}

// keepPart keeps a file that broke off for --resume, unless an earlier one holds
// more.
func keepPart(f *wholefile.File, part string) error {
	now, err := f.Stat()
	if err != nil {
		return err
	}
	if before, err := os.Stat(part); err == nil && before.Size() >= now.Size() || now.Size() == 0 {
		return nil
	}
	return f.Commit(part)
}

func (r *remote) showExported(name string, size int64, got wire.Archived) error {
	t := table{heads: []string{"TENANT", "SEQUENCE", "EVENTS", "BYTES", "SECRETS", "FILE"}}
	secrets := "none to carry"
	switch {
	case got.Secrets:
		secrets = "sealed"
	case len(got.Keys) > 0:
		secrets = "left out"
	}
	t.add(string(got.Tenant), fmt.Sprint(got.Sequence), fmt.Sprint(got.Events), fmt.Sprint(size), secrets, name)
	if err := r.show(got, t); err != nil || r.output == "json" || got.Secrets || len(got.Keys) == 0 {
		return err
	}
	fmt.Fprintf(r.stdout, "\nThe secrets of these signing keys are not in the file. Where it is imported they sign nothing until they are given a secret;\n"+
		"with --passphrase-file they travel:\n")
	return r.listKeys(got.Keys)
}

func (r *remote) listKeys(keys []wire.KeyRef) error {
	for _, k := range keys {
		if _, err := fmt.Fprintf(r.stdout, "  %s\n", printable(string(k.Kind)+" "+k.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (r *remote) importCommand() *cobra.Command {
	var at offlineFlags
	var phrase string
	var discard bool
	cmd := &cobra.Command{Use: "import FILE", Short: "Bring a tenant in from the file that export wrote", Args: strict(cobra.ExactArgs(1)),
		Long: "Bring a tenant in from FILE: to a running server by an operator's token, or with --data or --store to the store of one that\n" +
			"is stopped. The tenant must not exist there; it appears whole at the end. Its entries keep their numbers, times and authors, and\n" +
			"every number is folded from them again. Repeat the command after an interruption and it goes on; --discard throws away what an\n" +
			"import that shall not be finished has stored."}
	at.add(cmd)
	cmd.Flags().StringVar(&phrase, "passphrase-file", "", "file with the passphrase that opens the signing keys' secrets (USANCE_PASSPHRASE)")
	cmd.Flags().BoolVar(&discard, "discard", false, "throw away the unfinished import of FILE's tenant")
	cmd.RunE = runs(func(cmd *cobra.Command, args []string) error {
		secret, err := r.passphrase(phrase)
		if err != nil {
			return err
		}
		f, err := os.Open(args[0])
		if err != nil {
			return err
		}
		defer func() { _ = f.Close() }() // it was only read
		if discard {
			return r.discard(cmd, at, f)
		}
		got, err := r.bringIn(cmd, at, f, secret)
		if err != nil {
			return err
		}
		return r.showImported(got)
	})
	return cmd
}

func (r *remote) bringIn(cmd *cobra.Command, at offlineFlags, f io.Reader, phrase string) (wire.Imported, error) {
	progress, finish := r.stages()
	defer finish()
	if !at.given() {
		c, err := r.client(cmd)
		if err != nil {
			return wire.Imported{}, err
		}
		return c.Import(cmd.Context(), f, client.ImportOptions{Passphrase: phrase, Progress: progress})
	}
	from, err := archive.NewReader(f)
	if err != nil {
		return wire.Imported{}, err
	}
	defer from.Close()
	o, err := r.openOffline(cmd, at, offlineNeeds{key: true, create: true})
	if err != nil {
		return wire.Imported{}, err
	}
	defer o.close()
	got, err := o.mover.Import(cmd.Context(), from.Header.Tenant, from, transfer.Import{Actor: usance.Actor{Name: "operator"}, Passphrase: phrase, Progress: progress})
	if err != nil {
		return wire.Imported{}, err
	}
	out := wire.Imported{Tenant: got.Tenant, Archived: got.Archived, Sequence: got.Sequence, Events: got.Events, Sealed: got.Sealed, Lost: []wire.KeyRef{}, Already: got.Already}
	for _, k := range got.Lost {
		out.Lost = append(out.Lost, wire.KeyRef{Kind: k.Kind, ID: k.ID})
	}
	return out, nil
}

func (r *remote) discard(cmd *cobra.Command, at offlineFlags, f io.Reader) error {
	from, err := archive.NewReader(f)
	if err != nil {
		return err
	}
	tenant := from.Header.Tenant
	from.Close()
	if !at.given() {
		c, err := r.client(cmd)
		if err == nil {
			err = c.DiscardImport(cmd.Context(), tenant)
		}
		return err
	}
	o, err := r.openOffline(cmd, at, offlineNeeds{})
	if err != nil {
		return err
	}
	defer o.close()
	return o.mover.Discard(cmd.Context(), tenant)
}

func (r *remote) showImported(got wire.Imported) error {
	t := table{heads: []string{"TENANT", "ARCHIVED", "SEQUENCE", "EVENTS", "KEYS SEALED", "KEYS LOST"}}
	t.add(string(got.Tenant), fmt.Sprint(got.Archived), fmt.Sprint(got.Sequence), fmt.Sprint(got.Events), fmt.Sprint(got.Sealed), fmt.Sprint(len(got.Lost)))
	if err := r.show(got, t); err != nil || r.output == "json" {
		return err
	}
	if got.Already {
		fmt.Fprintln(r.stdout, "\nThis archive had been imported before; nothing was done.")
	}
	if len(got.Lost) == 0 {
		return nil
	}
	fmt.Fprintln(r.stdout, "\nThese signing keys came without their secrets and sign nothing until they are given one:")
	return r.listKeys(got.Lost)
}

// howFar shows on a person's screen how far something is.
func (r *remote) howFar(what string) (progress func(done, of uint64), finish func()) {
	if !terminal(r.stderr) {
		return nil, func() {}
	}
	bar := progressbar.NewOptions64(1, progressbar.OptionSetWriter(r.stderr), progressbar.OptionShowCount(),
		progressbar.OptionSetDescription(printable(what)), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	return func(done, of uint64) {
		bar.ChangeMax64(int64(max(of, done, 1)))
		_ = bar.Set64(int64(done)) // a screen that has gone is of no matter
	}, func() { _ = bar.Finish() }
}

// stages is howFar for work that has several parts.
func (r *remote) stages() (progress func(stage string, done, of uint64), finish func()) {
	if !terminal(r.stderr) {
		return nil, func() {}
	}
	var now string
	show, end := func(done, of uint64) {}, func() {}
	return func(stage string, done, of uint64) {
		if stage != now {
			end()
			now = stage
			show, end = r.howFar(stage)
		}
		show(done, of)
	}, func() { end() }
}
