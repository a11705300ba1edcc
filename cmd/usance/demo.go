package main

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/demo"
	"github.com/usance/usance/internal/wholefile"
)

func demoSettings() []setting {
	return []setting{
		{"listen", "127.0.0.1:8080", "address to serve on; port 0 takes a spare one"},
		{"data", "", "folder to keep the demo in; default: a temporary one, removed at the end"},
		{"env", "", "file to write the demo's address and credentials to, as shell assignments"},
		{"throttle", "documented", "limits of vendor requests: documented (by each vendor), off, or a list such as rtc=60/1m,metastudio.system=40/1s,meeting=off"},
		{"log-level", "warn", "debug, info, warn or error"},
		{"log-format", "text", "text or json"},
	}
}

func (a *app) demoCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use: "demo", Short: "Run a server with a made-up company's year of usage", Args: strict(cobra.NoArgs),
		Long: "Run a server with the tenant acme and a year of believable usage that ends now, loaded through the ordinary API.\n" +
			"It prints a command for each vendor's API, ready to be pasted, and serves until it is interrupted.",
	}
	addSettings(cmd, demoEnv, demoSettings())
	cmd.RunE = runs(func(cmd *cobra.Command, _ []string) (err error) {
		s, err := a.settle(cmd, demoEnv, demoSettings())
		if err != nil {
			return err
		}
		if s["data"] == "" {
			dir, err := os.MkdirTemp("", "usance-demo-")
			if err != nil {
				return err
			}
			defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
			s["data"] = dir
		}
		s["drain"], s["memory"] = "8s", "1GiB"
		return a.serve(cmd.Context(), s, demo.Tenant, func(ctx context.Context, r running) error { return a.showDemo(ctx, s, r) })
	})
	return cmd
}

// showDemo makes the company, loads its year and says how to ask about it.
func (a *app) showDemo(ctx context.Context, s settings, r running) error {
	operator, err := client.New(client.Options{URL: r.url, Token: r.operatorToken, UserAgent: "usance-demo"})
	if err != nil {
		return err
	}
	now := a.now()
	company, zone, err := foundCompany(ctx, operator, now, func(name string, length int) string { return derived(r.key, name, length) })
	if err != nil {
		return err
	}
	anchor, err := time.ParseInLocation(time.DateOnly, company.Anchor, zone)
	if err != nil {
		return fmt.Errorf("the folder's demo began on %q: %w", company.Anchor, err)
	}
	plan := demo.Plan{Seed: 2026, Anchor: anchor, Now: now, Zone: zone}
	if err := a.loadYear(ctx, r.url, company.Token, plan); err != nil {
		return err
	}
	if file := s["env"]; file != "" {
		file, err := filepath.Abs(file)
		if err != nil {
			return err
		}
		if err := wholefile.Write(file, []byte(strings.Join(company.Env(r.url, r.operatorToken), "\n")+"\n")); err != nil {
			return err
		}
		fmt.Fprintf(a.stdout, "Address and credentials are in %s\n", file)
	}
	fmt.Fprintln(a.stdout)
	for i, c := range company.Commands(r.url, now) {
		fmt.Fprintf(a.stdout, "# %d. %s\n%s\n\n", i+1, c.Title, c.Shell)
	}
	fmt.Fprintf(a.stdout, "Console:   %s/  (sign in with the token %s, or as ops with the password above)\nReference: %s/docs\nServing on %s until you press Ctrl-C.\n", r.url, r.operatorToken, r.url, r.url)
	return nil
}

// derived makes a secret of letters and digits from the folder's own key: a demo
// that is started again on its folder keeps its credentials.
func derived(key [32]byte, name string, length int) string {
	const letters = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"
	var out strings.Builder
	for block := 0; ; block++ {
		mac := hmac.New(sha256.New, key[:])
		mac.Write(fmt.Appendf(nil, "demo %s %d", name, block))
		for _, b := range mac.Sum(nil) {
			if int(b) >= 256/len(letters)*len(letters) {
				continue // keeps every letter equally likely
			}
			if out.Len() == length {
				return out.String()
			}
			out.WriteByte(letters[int(b)%len(letters)])
		}
	}
}

// foundCompany applies the company's manifest. A folder that has one keeps the
// date on which it was founded.
func foundCompany(ctx context.Context, c *client.Client, now time.Time, secret func(string, int) string) (*demo.Company, *time.Location, error) {
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		return nil, nil, err
	}
	anchor := now.In(zone).Format(time.DateOnly)
	known, err := c.Tenant(ctx, demo.Tenant)
	if err != nil && usance.KindOf(err) != usance.KindNotFound {
		return nil, nil, err
	}
	if since := known.Settings["demo.anchor"]; since != "" {
		anchor = since
	} else {
		others, err := c.Tenants(ctx, "", 1)
		if err != nil {
			return nil, nil, err
		}
		if len(others.Items) > 0 {
			return nil, nil, errors.New("the folder holds tenants that are not the demo's; give the demo a folder of its own")
		}
	}
	company := demo.NewCompany(anchor, now, secret)
	manifest, err := company.Manifest()
	if err != nil {
		return nil, nil, err
	}
	_, err = c.Apply(ctx, manifest, false)
	return company, zone, err
}

const (
	demoBatch    = 2000 // events of one request
	demoParallel = 3    // requests at one time
)

// loadYear sends the plan's events through the API, as any sender would.
func (a *app) loadYear(ctx context.Context, url, token string, plan demo.Plan) error {
	c, err := client.New(client.Options{URL: url, Token: token, UserAgent: "usance-demo"})
	if err != nil {
		return err
	}
	days := plan.Days()
	bar := progressbar.DefaultSilent(int64(days))
	if terminal(a.stderr) {
		bar = progressbar.NewOptions(days, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription("A year of usage"),
			progressbar.OptionShowCount(), progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true))
	}
	begun, events := a.now(), 0
	g, within := errgroup.WithContext(ctx)
	g.SetLimit(demoParallel)
	var batch []wire.Event
	flush := func() {
		if len(batch) == 0 {
			return
		}
		full := batch
		batch, events = nil, events+len(full)
		g.Go(func() error {
			_, err := c.Send(within, full)
			return err
		})
	}
	for n := range days {
		for _, e := range plan.Day(n) {
			if batch = append(batch, e); len(batch) == demoBatch {
				flush()
			}
		}
		if within.Err() != nil {
			break
		}
		if err := bar.Add(1); err != nil {
			return errors.Join(err, g.Wait())
		}
	}
	flush()
	if err := g.Wait(); err != nil {
		return err
	}
	if err := errors.Join(ctx.Err(), bar.Close()); err != nil {
		return err
	}
	fmt.Fprintf(a.stdout, "Loaded %d events, %d days of usage, in %.1f s\n", events, days, a.now().Sub(begun).Seconds())
	return nil
}
