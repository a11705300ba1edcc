package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func TestTwoProcessesKeepTheTablesForSQL(t *testing.T) {
	s := newShared(t)
	s.env = append(s.env, "USANCE_SQL=store", "USANCE_SQL_EVERY=1s")
	_, one := s.serve(t, "one", "127.0.0.1:0")
	second, two := s.serve(t, "two", "127.0.0.1:0")
	if _, err := one.ForTenant("").Apply(t.Context(), []byte(sharedManifest), false); err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), s.pg.URL("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close(t.Context()) }() // it only looks
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	for round := range 3 {
		to := one
		if round == 1 {
			to = two
		}
		r, err := to.Send(t.Context(), crashEvents(fmt.Sprint("sql-", round), 5))
		if err != nil {
			t.Fatal(err)
		}
		deadline := time.Now().Add(time.Minute)
		for reached := false; !reached; {
			if <-look.C; time.Now().After(deadline) {
				t.Fatal("the tables are not brought up to date")
			}
			// The tables are not there at first.
			err := db.QueryRow(t.Context(), `select exists (select from usance_sql.tenants where tenant = 'acme' and sequence >= $1)`, int64(r.Sequence)).Scan(&reached)
			if err != nil && round > 0 {
				t.Fatal(err)
			}
		}
		var events, sum int
		err = db.QueryRow(t.Context(), `select (select count(*) from usance_sql.events where tenant = 'acme'),
			(select sum(value) from usance_sql.usage_daily where tenant = 'acme' and meter = 'n' and node = '/' and group_by = '{}')`).Scan(&events, &sum)
		if err != nil || events != 5*(round+1) || sum != 15*(round+1) {
			t.Errorf("round %d: %d events, %d in sum, %v", round, events, sum, err)
		}
		if round == 1 { // the other one goes on alone
			if err := second.cmd.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
}
