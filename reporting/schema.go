package reporting

import (
	"context"
	"embed"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
)

// A file that has been released is never changed. One that changes what is in the
// tables also empties the table progress, so that they are filled anew.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

const formatTable = "format"

// tables are all that the migrations make.
var tables = [...]string{"tenants", "events", "usage_daily", "quotas", "resources", "progress", formatTable}

// alone calls do while no other process is within alone on the same schema.
func (p *Publisher) alone(ctx context.Context, do func() error) error {
	return pgx.BeginFunc(ctx, p.pool, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `select pg_advisory_xact_lock(hashtextextended($1, 0))`, "usance sql "+p.Schema); err != nil {
			return err
		}
		return do()
	})
}

// migrate makes the tables, or brings them to this release's form.
func (p *Publisher) migrate(ctx context.Context) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	return p.alone(ctx, func() error {
		var exists bool
		if err := p.pool.QueryRow(ctx, `select exists (select from pg_namespace where nspname = $1)`, p.Schema).Scan(&exists); err != nil {
			return err
		}
		if !exists { // even "if not exists" needs the right to create one
			if _, err := p.pool.Exec(ctx, `create schema `+pgx.Identifier{p.Schema}.Sanitize()); err != nil {
				return err
			}
		}
		db := stdlib.OpenDBFromPool(p.pool)
		defer db.Close()
		provider, err := goose.NewProvider(goose.DialectPostgres, db, files, goose.WithTableName(formatTable), goose.WithDisableGlobalRegistry(true), goose.WithSlog(p.Logger))
		if err != nil {
			return err
		}
		_, err = provider.Up(ctx)
		return err
	})
}

// drop removes what is left of the tables where one is missing, or in any case.
// Somebody's views on them keep it from that: they are for their owner to drop.
func (p *Publisher) drop(ctx context.Context, anyway bool) error {
	return p.alone(ctx, func() error {
		there := 0
		err := p.pool.QueryRow(ctx, `select count(*) from pg_tables where schemaname = $1 and tablename = any($2)`, p.Schema, tables[:]).Scan(&there)
		if err != nil || there == len(tables) && !anyway { // another process has made them already
			return err
		}
		for _, name := range tables {
			if _, err := p.pool.Exec(ctx, `drop table if exists `+pgx.Identifier{p.Schema, name}.Sanitize()); err != nil {
				return err
			}
		}
		return nil
	})
}
