package main

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// remote is a command that talks to a server.
type remote struct {
	*app
	url, token, tenant, output string
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

// flags gives a command, and those below it, the flags of every remote command.
func (r *remote) flags(cmd *cobra.Command) {
	f := cmd.PersistentFlags()
	f.StringVar(&r.url, "url", "", "address of the server (USANCE_URL; default http://127.0.0.1:8080)")
	f.StringVar(&r.token, "token", "", "bearer token (USANCE_TOKEN)")
	f.StringVar(&r.tenant, "tenant", "", "tenant that an operator's token speaks for (USANCE_TENANT)")
	f.StringVarP(&r.output, "output", "o", "table", "table for people, json for scripts")
}

// client returns a client for the flags.
func (r *remote) client(cmd *cobra.Command) (*client.Client, error) {
	if r.output != "table" && r.output != "json" {
		return nil, usagef("-o: %q is neither table nor json", r.output)
	}
	told := func(flag, value, env, fallback string) string {
		if cmd.Flags().Changed(flag) {
			return value
		}
		if v := r.env[env]; v != "" {
			return v
		}
		return fallback
	}
	o := client.Options{
		URL:       told("url", r.url, "USANCE_URL", "http://127.0.0.1:8080"),
		Token:     told("token", r.token, "USANCE_TOKEN", ""),
		Tenant:    usance.TenantID(told("tenant", r.tenant, "USANCE_TENANT", "")),
		UserAgent: "usance-cli",
	}
	if o.Token == "" {
		return nil, usagef("a token is needed: --token or USANCE_TOKEN")
	}
	if o.Tenant != "" {
		if err := o.Tenant.Check(); err != nil {
			return nil, usagef("--tenant: %s", detailOf(err))
		}
	}
	c, err := client.New(o)
	if err != nil {
		return nil, usagef("%s", detailOf(err))
	}
	return c, nil
}

func detailOf(err error) string {
	if e, ok := errors.AsType[*usance.Error](err); ok {
		return e.Detail
	}
	return err.Error()
}

// show answers as JSON or as a table, whichever was asked for.
func (r *remote) show(v any, t table) error {
	if r.output == "json" {
		return writeJSON(r.stdout, v)
	}
	return t.write(r.stdout)
}

// command makes a remote command whose body has a client.
func (r *remote) command(use, short string, args cobra.PositionalArgs, body func(cmd *cobra.Command, c *client.Client, args []string) error) *cobra.Command {
	return &cobra.Command{Use: use, Short: short, Args: strict(args), RunE: runs(func(cmd *cobra.Command, args []string) error {
		c, err := r.client(cmd)
		if err != nil {
			return err
		}
		return body(cmd, c, args)
	})}
}

func strict(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if err := check(cmd, args); err != nil {
			return usagef("%s: %w", cmd.CommandPath(), err)
		}
		return nil
	}
}

// group makes a command that only holds others.
func (r *remote) group(use, short string, below ...*cobra.Command) *cobra.Command {
	cmd := &cobra.Command{Use: use, Short: short, Args: strict(cobra.NoArgs), RunE: func(cmd *cobra.Command, _ []string) error {
		return usagef("%s needs one of its commands; see %s --help", cmd.CommandPath(), cmd.CommandPath())
	}}
	cmd.AddCommand(below...)
	return cmd
}

func (a *app) clientCommands() []*cobra.Command {
	r := &remote{app: a}
	list := []*cobra.Command{
		r.applyCommand(), r.ingestCommand(), r.usageCommand(), r.quotasCommand(), r.resourcesCommand(),
		r.chargeCommand(), r.holdCommand(), r.voidCommand(), r.amendCommand(), r.correctionsCommand(), r.verifyCommand(), r.auditCommand(), r.explainCommand(),
		r.eventsCommand(), r.metersCommand(), r.tenantsCommand(), r.nodesCommand(), r.usersCommand(),
		r.keysCommand(), r.tokensCommand(), r.loginCodeCommand(), r.exportCommand(), r.importCommand(), r.backupCommand(),
	}
	for _, cmd := range list {
		r.flags(cmd)
	}
	return list
}

// paging walks a listing to its end, or to the most rows asked for.
func paging[T any](most int, fetch func(cursor string, limit int) (wire.List[T], error)) ([]T, error) {
	out := []T{}
	for cursor := ""; ; {
		limit := usance.MaxPageSize
		if most > 0 {
			limit = min(limit, most-len(out))
		}
		page, err := fetch(cursor, limit)
		if err != nil {
			return nil, err
		}
		out = append(out, page.Items...)
		if cursor = page.Next; cursor == "" || most > 0 && len(out) >= most {
			return out, nil
		}
	}
}

// timeFlag reads a flag that is a day or an instant; the empty text is the zero
// time.
func timeFlag(name, text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339Nano, time.DateOnly} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	return time.Time{}, usagef("--%s: %q is not a time such as 2026-03-05T01:02:03Z or 2026-03-05", name, text)
}

// pairsFlag reads name=value pairs.
func pairsFlag(name string, list []string) (map[string]string, error) {
	var out map[string]string
	for _, pair := range list {
		k, v, ok := strings.Cut(pair, "=")
		if !ok || k == "" {
			return nil, usagef("--%s: %q is not name=value", name, pair)
		}
		if out == nil {
			out = map[string]string{}
		}
		out[k] = v
	}
	return out, nil
}
