package main

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/go-json-experiment/json"
)

// What a Go programmer would write over Redis for events, beside the handler over
// PostgreSQL.

// redisRecord knows an event by the bytes of its hash. KEYS[1] is the tenant's sums;
// ARGV has three values an event: its hash, its series, and its amount.
const redisRecord = `
local sums, fresh = {}, 0
for i = 1, #ARGV, 3 do
  if redis.call('SET', ARGV[i], '', 'NX') then
    fresh = fresh + 1
    sums[ARGV[i + 1]] = (sums[ARGV[i + 1]] or 0) + tonumber(ARGV[i + 2])
  end
end
for series, amount in pairs(sums) do redis.call('HINCRBY', KEYS[1], series, amount) end
return fresh`

// redisSeconds adds up every tenant's sums.
const redisSeconds = `
local all = 0
for i = 0, tonumber(ARGV[1]) - 1 do
  for _, v in ipairs(redis.call('HVALS', 'sums:' .. i)) do all = all + tonumber(v) end
end
return string.format('%.0f', all)`

// overRedisSpec says how that handler is set up.
type overRedisSpec struct {
	Addr   string
	Tokens []string // the tenant's number is the place of its token
}

// overRedis is the handler. A connection is of one request at a time.
type overRedis struct {
	tenants bearers
	conns   chan *redisConn
	script  string
}

func runOverRedis() error {
	spec, err := told[overRedisSpec]()
	if err != nil {
		return err
	}
	const conns = 64
	p := &overRedis{tenants: bearersOf(spec.Tokens), conns: make(chan *redisConn, conns)}
	for range conns {
		c, err := dialRedis(spec.Addr)
		if err != nil {
			return err
		}
		if p.script, err = c.call("SCRIPT", "LOAD", redisRecord); err != nil {
			return err
		}
		p.conns <- c
	}
	return serve(p)
}

func (p *overRedis) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant, ok := p.tenants.of(w, r)
	if !ok {
		return
	}
	_, events, err := readEvents(r)
	var accepted int
	if err == nil {
		accepted, err = p.record(tenant, events)
	}
	answerIngest(w, len(events), accepted, err)
}

func (p *overRedis) record(tenant int, events []floorEvent) (int, error) {
	args := append(make([]string, 0, 4+3*len(events)), "EVALSHA", p.script, "1", "sums:"+strconv.Itoa(tenant))
	for i := range events {
		e := &events[i]
		var data struct {
			Seconds int64  `json:"seconds"`
			App     string `json:"app"`
			Media   string `json:"media"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			return 0, err
		}
		at, err := time.Parse(time.RFC3339, e.Time)
		if err != nil {
			return 0, err
		}
		sum := sha256.Sum256([]byte(strconv.Itoa(tenant) + "\x00" + e.Source + "\x00" + e.ID))
		args = append(args, string(sum[:16]), data.App+"|"+data.Media+"|"+strconv.FormatInt(at.Unix()/900, 10), strconv.FormatInt(data.Seconds, 10))
	}
	c := <-p.conns
	defer func() { p.conns <- c }()
	text, err := c.call(args...)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(text)
}

// startOverRedis starts the handler; errAbsent without a Redis.
func (b *bench) startOverRedis() error {
	if b.overRedis != nil {
		return nil
	}
	s, err := b.startRedis()
	if err != nil {
		return err
	}
	b.overRedis, err = startServer("redis", overRedisSpec{Addr: s.addr, Tokens: tokensOf(b.tenants)})
	return err
}

// seconds is the sum of every tenant's.
func (s *redisServer) seconds(tenants int) (int64, error) {
	c, err := dialRedis(s.addr)
	if err != nil {
		return 0, err
	}
	defer func() { _ = c.net.Close() }() // the answer has been read
	text, err := c.call("EVAL", redisSeconds, "0", strconv.Itoa(tenants))
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		err = fmt.Errorf("redis answered %q: %w", text, err)
	}
	return n, err
}
