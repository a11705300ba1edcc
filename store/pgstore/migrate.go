package pgstore

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
)

// The migrations are numbered from 1. The number of the last one that ran is the
// database's format; a file that has been released is never changed.
//
//go:embed migrations/*.sql
var migrationFiles embed.FS

// Migrated says what Migrate did.
type Migrated struct {
	From, To    int64 // formats; 0 is a database without the store
	Distributed bool  // the tables were distributed by Citus
}

// Migrate brings the database to this release's format, as Open does. Several
// processes may call it at once: one works and the others wait for it, and then
// find nothing to do. A migration that fails leaves the database at the format
// before it. Under Citus, call it on the coordinator.
func Migrate(ctx context.Context, url string, opts Options) (Migrated, error) {
	return administer(ctx, url, opts, migrate)
}

// Distribute spreads the tables of an existing store over the nodes of a Citus
// cluster, by tenant, in one transaction: steps wait meanwhile. It does nothing
// when they are distributed already. Processes that have the store open go on
// working, and should be restarted so that they know of Citus' transient errors.
func Distribute(ctx context.Context, url string, opts Options) (Migrated, error) {
	return administer(ctx, url, opts, func(ctx context.Context, cfg *pgxpool.Config, opts Options, info serverInfo) (Migrated, error) {
		if !info.citus() {
			return Migrated{}, &serverError{detail: "the database does not have the Citus extension: run create extension citus on every node first"}
		}
		done, err := migrate(ctx, cfg, opts, info)
		if err != nil || done.Distributed {
			return done, err
		}
		err = locked(ctx, cfg, opts, func(conn *pgx.Conn) error {
			return retry(ctx, func() (err error) {
				done.Distributed, err = distribute(ctx, conn, opts.Schema)
				return err
			}, true)
		})
		return done, err
	})
}

func administer(ctx context.Context, url string, opts Options, do func(context.Context, *pgxpool.Config, Options, serverInfo) (Migrated, error)) (Migrated, error) {
	opts = opts.filled()
	cfg, err := configure(url, opts)
	if err != nil {
		return Migrated{}, err
	}
	done, err := func() (Migrated, error) {
		conn, err := connect(ctx, cfg)
		if err != nil {
			return Migrated{}, err
		}
		defer conn.Close(context.WithoutCancel(ctx))
		info, err := inquire(ctx, conn)
		if err != nil {
			return Migrated{}, err
		}
		return do(ctx, cfg, opts, info)
	}()
	if err != nil {
		return done, fmt.Errorf("pgstore: migrate %s: %w", place(cfg), forPerson(err))
	}
	return done, nil
}

// migrate runs the migrations under the lock row, and distributes tables that
// are still empty where Citus is installed.
func migrate(ctx context.Context, cfg *pgxpool.Config, opts Options, info serverInfo) (done Migrated, err error) {
	newest, err := newestFormat()
	if err != nil {
		return done, err
	}
	err = locked(ctx, cfg, opts, func(conn *pgx.Conn) error {
		if done.From, err = formatOf(ctx, conn, opts.Schema); err != nil {
			return err
		}
		if done.From > newest {
			return tooNew(done.From, newest)
		}
		if done.From < newest {
			opts.Logger.Info("postgresql: migrating", "from", done.From, "to", newest)
			if err := runMigrations(ctx, cfg, opts); err != nil {
				return err
			}
		}
		done.To = newest
		if !info.citus() {
			return nil
		}
		var empty bool
		kv := pgx.Identifier{opts.Schema, "kv"}.Sanitize()
		if err := conn.QueryRow(ctx, `select not exists (select 1 from `+kv+` limit 1)`).Scan(&empty); err != nil {
			return err
		}
		if !empty {
			return nil
		}
		done.Distributed, err = distribute(ctx, conn, opts.Schema)
		return err
	})
	return done, err
}

// locked calls do while no other process is within locked. The lock is a row,
// which holds on every node of a cluster as advisory locks do not, and which the
// server frees when its holder dies.
func locked(ctx context.Context, cfg *pgxpool.Config, opts Options, do func(*pgx.Conn) error) error {
	holder, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer holder.Close(context.WithoutCancel(ctx))
	if err := onCoordinator(ctx, holder); err != nil {
		return err
	}
	name := pgx.Identifier{opts.Schema, "migration_lock"}.Sanitize()
	if err := ensureLock(ctx, holder, opts.Schema, name); err != nil {
		return err
	}
	tx, err := holder.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	if _, err := tx.Exec(ctx, `set local statement_timeout = 0; set local idle_in_transaction_session_timeout = 0`); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `select 1 from `+name+` where one = 1 for update`); err != nil {
		return err
	}
	worker, err := connect(ctx, cfg)
	if err != nil {
		return err
	}
	defer worker.Close(context.WithoutCancel(ctx))
	return do(worker)
}

// ensureLock makes the schema and the lock row. Of several processes that make
// them at once, all but one are refused by PostgreSQL and look again.
func ensureLock(ctx context.Context, conn *pgx.Conn, schema, lock string) error {
	for n := 1; ; n++ {
		err := makeLock(ctx, conn, schema, lock)
		switch c := code(err); {
		case n == maxTries:
			return err
		case c == "23505", c == "42P06", c == "42P07", c == "40001", c == "40P01":
			continue
		}
		return err
	}
}

func makeLock(ctx context.Context, conn *pgx.Conn, schema, lock string) error {
	var exists bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_namespace where nspname = $1)`, schema).Scan(&exists); err != nil {
		return err
	}
	if !exists { // even "if not exists" needs the right to create one
		if _, err := conn.Exec(ctx, `create schema `+pgx.Identifier{schema}.Sanitize()); err != nil {
			return err
		}
	}
	if err := conn.QueryRow(ctx, `select to_regclass($1) is not null`, lock).Scan(&exists); err != nil {
		return err
	}
	if !exists {
		if _, err := conn.Exec(ctx, `create table `+lock+` (one integer primary key)`); err != nil {
			return err
		}
	}
	_, err := conn.Exec(ctx, `insert into `+lock+` values (1) on conflict do nothing`)
	return err
}

func onCoordinator(ctx context.Context, conn *pgx.Conn) error {
	var group int
	err := conn.QueryRow(ctx, `select groupid from pg_dist_local_group`).Scan(&group)
	if code(err) == "42P01" { // no Citus here
		return nil
	}
	if err == nil && group != 0 {
		err = &serverError{detail: "this is a worker of a Citus cluster; migrate on the coordinator"}
	}
	return err
}

// formatOf returns the database's format, 0 when it has none.
func formatOf(ctx context.Context, conn *pgx.Conn, schema string) (format int64, err error) {
	name := pgx.Identifier{schema, "format"}.Sanitize()
	var exists bool
	if err := conn.QueryRow(ctx, `select to_regclass($1) is not null`, name).Scan(&exists); err != nil || !exists {
		return 0, err
	}
	err = conn.QueryRow(ctx, `select coalesce(max(version), 0) from `+name).Scan(&format)
	return format, err
}

// newestFormat returns the number of the last migration.
func newestFormat() (newest int64, err error) {
	names, err := fs.Glob(migrationFiles, "migrations/*.sql")
	for _, name := range names {
		number, _, _ := strings.Cut(strings.TrimPrefix(name, "migrations/"), "_")
		n, parseErr := strconv.ParseInt(number, 10, 64)
		newest, err = max(newest, n), errors.Join(err, parseErr)
	}
	return newest, err
}

func runMigrations(ctx context.Context, cfg *pgxpool.Config, opts Options) error {
	files, err := fs.Sub(migrationFiles, "migrations")
	if err != nil {
		return err
	}
	search := `set search_path to ` + pgx.Identifier{opts.Schema}.Sanitize() + `; set statement_timeout = 0`
	db := stdlib.OpenDB(*cfg.ConnConfig, stdlib.OptionAfterConnect(func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.PgConn().Exec(ctx, search).ReadAll()
		return err
	}))
	defer db.Close()
	provider, err := goose.NewProvider("", db, files, goose.WithStore(formats{}), goose.WithDisableGlobalRegistry(true), goose.WithSlog(opts.Logger))
	if err != nil {
		return err
	}
	_, err = provider.Up(ctx)
	return err
}

// distribute hands the tables over to Citus, all or none. It returns whether
// they are distributed now.
func distribute(ctx context.Context, conn *pgx.Conn, schema string) (bool, error) {
	kv, turn, format := pgx.Identifier{schema, "kv"}.Sanitize(), pgx.Identifier{schema, "turn"}.Sanitize(), pgx.Identifier{schema, "format"}.Sanitize()
	var already bool
	if err := conn.QueryRow(ctx, `select exists (select from pg_dist_partition where logicalrelid = to_regclass($1))`, kv).Scan(&already); err != nil || already {
		return already, err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return false, err
	}
	defer tx.Rollback(context.WithoutCancel(ctx))
	for _, sql := range []string{
		`set local statement_timeout = 0`,
		`set local citus.multi_shard_modify_mode to 'sequential'`,      // so that all three fit in one transaction
		`lock table ` + turn + `, ` + kv + ` in access exclusive mode`, // in the order in which steps lock them
	} {
		if _, err := tx.Exec(ctx, sql); err != nil {
			return false, err
		}
	}
	for _, call := range []struct {
		sql  string
		args []any
	}{
		{`select create_distributed_table($1::text::regclass, 'tenant', colocate_with => 'none')`, []any{kv}},
		{`select create_distributed_table($1::text::regclass, 'tenant', colocate_with => $2::text)`, []any{turn, kv}},
		{`select create_reference_table($1::text::regclass)`, []any{format}},
	} {
		if _, err := tx.Exec(ctx, call.sql, call.args...); err != nil {
			return false, err
		}
	}
	return true, tx.Commit(ctx)
}

// formats is goose's list of the migrations that ran, in a table without
// sequences and clocks so that Citus can keep it on every node.
type formats struct{}

var _ database.Store = formats{}

func (formats) Tablename() string { return "format" }

func (formats) CreateVersionTable(ctx context.Context, db database.DBTxConn) error {
	_, err := db.ExecContext(ctx, `create table format (version bigint primary key)`)
	return err
}

func (formats) Insert(ctx context.Context, db database.DBTxConn, req database.InsertRequest) error {
	_, err := db.ExecContext(ctx, `insert into format values ($1)`, req.Version)
	return err
}

func (formats) Delete(ctx context.Context, db database.DBTxConn, version int64) error {
	_, err := db.ExecContext(ctx, `delete from format where version = $1`, version)
	return err
}

func (formats) GetMigration(ctx context.Context, db database.DBTxConn, version int64) (*database.GetMigrationResult, error) {
	var found int64
	err := db.QueryRowContext(ctx, `select version from format where version = $1`, version).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, database.ErrVersionNotFound
	}
	return &database.GetMigrationResult{IsApplied: true}, err
}

func (formats) GetLatestVersion(ctx context.Context, db database.DBTxConn) (int64, error) {
	var newest sql.NullInt64
	err := db.QueryRowContext(ctx, `select max(version) from format`).Scan(&newest)
	if err == nil && !newest.Valid {
		err = database.ErrVersionNotFound
	}
	return newest.Int64, err
}

func (formats) ListMigrations(ctx context.Context, db database.DBTxConn) (list []*database.ListMigrationsResult, err error) {
	rows, err := db.QueryContext(ctx, `select version from format order by version desc`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		one := &database.ListMigrationsResult{IsApplied: true}
		if err := rows.Scan(&one.Version); err != nil {
			return nil, err
		}
		list = append(list, one)
	}
	return list, rows.Err()
}

// TableExists lets goose look before it creates.
func (formats) TableExists(ctx context.Context, db database.DBTxConn) (exists bool, err error) {
	err = db.QueryRowContext(ctx, `select to_regclass('format') is not null`).Scan(&exists)
	return exists, err
}
