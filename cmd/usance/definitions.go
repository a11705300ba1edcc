package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
)

// Listings of definitions are short enough to be shown whole.
func listing[T any](r *remote, use, short string, fetch func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[T], error), show func(v any, list ...T) error) *cobra.Command {
	return r.command(use, short, cobra.NoArgs, func(cmd *cobra.Command, c *client.Client, _ []string) error {
		all, err := paging(0, func(cursor string, limit int) (wire.List[T], error) { return fetch(cmd, c, cursor, limit) })
		if err != nil {
			return err
		}
		return show(all, all...)
	})
}

// one makes a command that answers with a single thing.
func one[T any](r *remote, use, short string, n int, do func(cmd *cobra.Command, c *client.Client, args []string) (T, error), show func(v any, list ...T) error) *cobra.Command {
	return r.command(use, short, cobra.ExactArgs(n), func(cmd *cobra.Command, c *client.Client, args []string) error {
		v, err := do(cmd, c, args)
		if err != nil {
			return err
		}
		return show(v, v)
	})
}

func (r *remote) tenantsCommand() *cobra.Command {
	cmd := listing(r, "tenants", "Tenants the token may see, and how to change them",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[usance.Tenant], error) {
			return c.ForTenant("").Tenants(cmd.Context(), cursor, limit)
		}, r.showTenants)
	cmd.AddCommand(
		one(r, "get ID", "One tenant", 1, func(cmd *cobra.Command, c *client.Client, args []string) (usance.Tenant, error) {
			return c.Tenant(cmd.Context(), usance.TenantID(args[0]))
		}, r.showTenants),
		r.summaryCommand(), r.tenantChange("create ID", "Create a tenant", true), r.tenantChange("put ID", "Create or change a tenant; what is not said stays", false),
		r.deleteTenantCommand(), r.deletedTenantsCommand())
	return cmd
}

func (r *remote) tenantChange(use, short string, create bool) *cobra.Command {
	var name, zone string
	var aliases, set []string
	cmd := one(r, use, short, 1, func(cmd *cobra.Command, c *client.Client, args []string) (t usance.Tenant, err error) {
		t.ID = usance.TenantID(args[0])
		if !create {
			t, err = c.Tenant(cmd.Context(), t.ID)
			if usance.KindOf(err) == usance.KindNotFound {
				t, err = usance.Tenant{ID: usance.TenantID(args[0])}, nil
			}
			if err != nil {
				return t, err
			}
		}
		if cmd.Flags().Changed("name") {
			t.Name = name
		}
		if cmd.Flags().Changed("timezone") || t.Timezone == "" {
			t.Timezone = zone
		}
		if err := lay(&t.Aliases, "alias", aliases); err != nil {
			return t, err
		}
		if err := lay(&t.Settings, "setting", set); err != nil {
			return t, err
		}
		if create {
			return c.CreateTenant(cmd.Context(), t)
		}
		return c.PutTenant(cmd.Context(), t)
	}, r.showTenants)
	f := cmd.Flags()
	f.StringVar(&name, "name", "", "name for people")
	f.StringVar(&zone, "timezone", "UTC", "IANA zone of its days")
	f.StringArrayVar(&aliases, "alias", nil, "kind=value")
	f.StringArrayVar(&set, "setting", nil, "name=value")
	return cmd
}

// lay puts name=value pairs over what is there.
func lay(into *map[string]string, flag string, list []string) error {
	said, err := pairsFlag(flag, list)
	for k, v := range said {
		if *into == nil {
			*into = map[string]string{}
		}
		(*into)[k] = v
	}
	return err
}

func (r *remote) showTenants(v any, list ...usance.Tenant) error {
	t := table{heads: []string{"ID", "NAME", "TIME ZONE", "ALIASES", "CREATED"}, empty: "No tenants."}
	for _, n := range list {
		t.add(string(n.ID), orDash(n.Name), n.Timezone, pairs(n.Aliases), when(n.Created))
	}
	return r.show(v, t)
}

func (r *remote) nodesCommand() *cobra.Command {
	cmd := listing(r, "nodes", "Defined nodes, and how to change them",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[usance.Node], error) {
			return c.Nodes(cmd.Context(), "", cursor, limit)
		}, r.showNodes)
	var n usance.Node
	var aliases []string
	put := one(r, "put PATH", "Define or replace a node", 1, func(cmd *cobra.Command, c *client.Client, args []string) (usance.Node, error) {
		n.Path = usance.Path(args[0])
		if err := lay(&n.Aliases, "alias", aliases); err != nil {
			return n, err
		}
		return c.PutNode(cmd.Context(), n)
	}, r.showNodes)
	put.Flags().StringVar(&n.Name, "name", "", "name for people")
	put.Flags().BoolVar(&n.Carved, "carved", false, "limits below must fit this node's")
	put.Flags().StringArrayVar(&aliases, "alias", nil, "kind=value")
	keepUsage := false
	remove := r.command("delete PATH", "Remove a node that nothing depends on", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteNode(cmd.Context(), usance.Path(args[0]), keepUsage)
		})
	remove.Flags().BoolVar(&keepUsage, "keep-usage", false, "remove it although usage is recorded at or below it, which stays")
	cmd.AddCommand(put, remove, r.moveNodeCommand())
	return cmd
}

func (r *remote) showNodes(v any, list ...usance.Node) error {
	t := table{heads: []string{"PATH", "NAME", "ALIASES", "CARVED"}, empty: "No nodes."}
	for _, n := range list {
		t.add(string(n.Path), orDash(n.Name), pairs(n.Aliases), yes(n.Carved))
	}
	return r.show(v, t)
}

func (r *remote) usersCommand() *cobra.Command {
	cmd := listing(r, "users", "Users, and how to change them",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[usance.User], error) {
			return c.Users(cmd.Context(), cursor, limit)
		}, r.showUsers)
	var u wire.PutUser
	var role, subtree, password string
	put := one(r, "put NAME", "Create or replace a user", 1, func(cmd *cobra.Command, c *client.Client, args []string) (usance.User, error) {
		u.Name, u.Role, u.Subtree = args[0], usance.Role(role), usance.Path(subtree)
		if password != "" {
			data, err := r.readInput(password, usance.MaxPasswordBytes+2)
			if err != nil {
				return usance.User{}, usagef("--password-file: %w", err)
			}
			clear := string(bytes.TrimRight(data, "\r\n"))
			u.Password = &clear
		}
		return c.PutUser(cmd.Context(), u)
	}, r.showUsers)
	f := put.Flags()
	f.StringVar(&role, "role", "", "admin, member, viewer or ingester")
	f.StringVar(&subtree, "subtree", "", "all it may see and touch; default: everything")
	f.BoolVar(&u.Disabled, "disabled", false, "it may not sign in")
	f.StringVar(&password, "password-file", "", "file with the password; - is standard input; left out: as it is")
	cmd.AddCommand(put, r.command("delete NAME", "Remove a user", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteUser(cmd.Context(), args[0])
		}))
	return cmd
}

func (r *remote) showUsers(v any, list ...usance.User) error {
	t := table{heads: []string{"NAME", "ROLE", "SUBTREE", "DISABLED", "CREATED"}, empty: "No users."}
	for _, u := range list {
		t.add(u.Name, string(u.Role), orDash(string(u.Subtree)), yes(u.Disabled), when(u.Created))
	}
	return r.show(v, t)
}

func (r *remote) keysCommand() *cobra.Command {
	cmd := listing(r, "keys", "Signing keys, and how to change them",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[wire.Key], error) {
			return c.Keys(cmd.Context(), cursor, limit)
		}, r.showKeys)
	var k wire.PutKey
	var secret string
	put := one(r, "put KIND ID", "Create or change a key; KIND is aksk, app or zstack", 2, func(cmd *cobra.Command, c *client.Client, args []string) (wire.Key, error) {
		k.Kind, k.ID = usance.KeyKind(args[0]), args[1]
		if secret != "" {
			data, err := r.readInput(secret, usance.MaxNameBytes+2)
			if err != nil {
				return wire.Key{}, usagef("--secret-file: %w", err)
			}
			k.Secret = string(bytes.TrimRight(data, "\r\n"))
		}
		return c.PutKey(cmd.Context(), k)
	}, r.showKeys)
	put.Flags().StringVar(&k.User, "user", "", "user it speaks for")
	put.Flags().BoolVar(&k.Disabled, "disabled", false, "it may not sign")
	put.Flags().StringVar(&secret, "secret-file", "", "file with the secret; - is standard input; left out: made for a new key, and shown once")
	cmd.AddCommand(put, r.command("delete KIND ID", "Remove a key", cobra.ExactArgs(2),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteKey(cmd.Context(), usance.KeyKind(args[0]), args[1])
		}))
	return cmd
}

func (r *remote) showKeys(v any, list ...wire.Key) error {
	t := table{heads: []string{"KIND", "ID", "USER", "DISABLED", "CREATED"}, empty: "No keys."}
	for _, k := range list {
		t.add(string(k.Kind), k.ID, k.User, yes(k.Disabled), when(k.Created))
	}
	if err := r.show(v, t); err != nil {
		return err
	}
	for _, k := range list {
		r.once(k.Secret)
	}
	return nil
}

// once tells people a secret that was made; JSON has it already.
func (r *remote) once(secret string) {
	if secret != "" && r.output == "table" {
		fmt.Fprintf(r.stdout, "Secret, shown this once: %s\n", secret)
	}
}

func (r *remote) tokensCommand() *cobra.Command {
	cmd := listing(r, "tokens", "Bearer tokens, and how to change them",
		func(cmd *cobra.Command, c *client.Client, cursor string, limit int) (wire.List[wire.Token], error) {
			return c.Tokens(cmd.Context(), cursor, limit)
		}, r.showTokens)
	var p wire.PutToken
	var role, subtree, expires string
	create := one(r, "create NAME", "Make a token; its secret is shown once", 1, func(cmd *cobra.Command, c *client.Client, args []string) (_ wire.Token, err error) {
		p.Name, p.Role, p.Subtree = args[0], usance.Role(role), usance.Path(subtree)
		if p.Expires, err = timeFlag("expires", expires); err != nil {
			return wire.Token{}, err
		}
		return c.CreateToken(cmd.Context(), p)
	}, r.showTokens)
	f := create.Flags()
	f.StringVar(&role, "role", string(usance.RoleViewer), "admin, member, viewer or ingester")
	f.StringVar(&subtree, "subtree", "", "all it may see and touch; default: everything")
	f.StringVar(&expires, "expires", "", "when it ends; left out: never")
	f.BoolVar(&p.Enforce, "enforce", false, "events sent with it are enforced as a charge is: all, or none where a quota has no room")
	cmd.AddCommand(create, r.command("delete NAME", "Remove a token, which ends its use at once", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			return c.DeleteToken(cmd.Context(), args[0])
		}))
	return cmd
}

func (r *remote) showTokens(v any, list ...wire.Token) error {
	t := table{heads: []string{"NAME", "ROLE", "SUBTREE", "EXPIRES", "CREATED", "ENFORCED"}, empty: "No tokens."}
	for _, k := range list {
		t.add(k.Name, string(k.Role), orDash(string(k.Subtree)), when(k.Expires), when(k.Created), yes(k.Enforce))
	}
	if err := r.show(v, t); err != nil {
		return err
	}
	for _, k := range list {
		r.once(k.Secret)
	}
	return nil
}

func (r *remote) loginCodeCommand() *cobra.Command {
	return r.command("login-code USER", "Make a one-time code with which a user signs in at KooDrive", cobra.ExactArgs(1),
		func(cmd *cobra.Command, c *client.Client, args []string) error {
			code, err := c.LoginCode(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			t := table{heads: []string{"CODE", "EXPIRES"}}
			t.add(strings.TrimSpace(code.Code), when(code.Expires))
			return r.show(code, t)
		})
}
