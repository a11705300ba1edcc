package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/jackc/pgx/v5"
)

// What a Go programmer would write over PostgreSQL for charges and for usage by
// day, beside the handler that records events.

// byHandSchema has a row for each level of a tree, and the ids of charges, so that
// a charge sent again counts once.
const byHandSchema = `
CREATE TABLE levels (tenant int4, node text, lim int8 NOT NULL, used int8 NOT NULL, PRIMARY KEY (tenant, node)) WITH (fillfactor = 50);
CREATE TABLE charges (tenant int4, id text, amount int8, PRIMARY KEY (tenant, id));
`

// byHandCharge takes the levels' locks in one order, so that two charges cannot
// lock each other out, and adds to all of them or, when one has no room, none.
const byHandCharge = `
WITH room AS MATERIALIZED (SELECT node, used + $3 <= lim AS fits FROM levels WHERE tenant = $1 ORDER BY node FOR UPDATE),
fresh AS (INSERT INTO charges SELECT $1, $2, $3 WHERE (SELECT bool_and(fits) FROM room) ON CONFLICT DO NOTHING RETURNING 1),
taken AS (UPDATE levels SET used = used + $3 WHERE tenant = $1 AND EXISTS (SELECT 1 FROM fresh) RETURNING 1)
SELECT (SELECT bool_and(fits) FROM room), (SELECT count(*) FROM taken)`

func (p *peer) charge(w http.ResponseWriter, r *http.Request, tenant int) {
	var in struct {
		ID    string `json:"id"`
		Items []struct {
			Amount int64 `json:"amount"`
		} `json:"items"`
	}
	err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 1<<20)).Decode(&in)
	if err == nil && len(in.Items) != 1 {
		err = errors.New("one item, please")
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var fits bool
	var levels int64
	if err := p.db.QueryRow(r.Context(), byHandCharge, tenant, in.ID, in.Items[0].Amount).Scan(&fits, &levels); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	if !fits {
		http.Error(w, "no room", http.StatusConflict)
		return
	}
	writeJSON(w, map[string]int64{"levels": levels})
}

const byHandUsage = `SELECT slot / 96 AS day, media, sum(seconds)::int8 FROM rollups
WHERE tenant = $1 AND app = $2 AND slot >= $3 AND slot < $4 GROUP BY 1, 2 ORDER BY 1, 2`

// usage is an app's seconds by day and medium: days are counted from 1970.
func (p *peer) usage(w http.ResponseWriter, r *http.Request, tenant int) {
	q := r.URL.Query()
	from, err1 := strconv.ParseInt(q.Get("from"), 10, 64)
	to, err2 := strconv.ParseInt(q.Get("to"), 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	type usage struct {
		Day     int64  `json:"day"`
		Media   string `json:"media"`
		Seconds int64  `json:"seconds"`
	}
	rows, err := p.db.Query(r.Context(), byHandUsage, tenant, q.Get("app"), from*96, to*96)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[usage])
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, map[string]any{"usage": list})
}

// startByHand starts the peer with the levels of every tenant that is charged.
func (b *bench) startByHand() error {
	if err := b.startPeer(); err != nil || b.byHand {
		return err
	}
	schema := byHandSchema
	for _, node := range chargeTree {
		schema += fmt.Sprintf("INSERT INTO levels SELECT tenant, '%s', 1000000000000, 0 FROM generate_series(0, %d) AS t(tenant);\n", node, chargedTenants-1)
	}
	b.byHand = true
	return b.pg.exec(schema)
}

// chargeByHand charges the peer, and holds every level against what was granted.
func (b *bench) chargeByHand(clients, tenants int, rate float64) (float64, *latency, error) {
	const used = `SELECT (CASE WHEN bool_and(least = most) THEN sum(least) ELSE -1 END)::int8
		FROM (SELECT min(used) AS least, max(used) AS most FROM levels GROUP BY tenant) AS t`
	return b.charge(chargeLoad{to: b.peer, path: "/charges", token: func(n int) string { return b.tenants[n].token }, clients: clients, tenants: tenants, rate: rate,
		used: func() (int64, error) { return b.pg.number(used) }})
}
