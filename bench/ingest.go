package main

import (
	"fmt"
	"math/rand/v2"
	"strconv"
)

// ingestSpec says which events a load process makes. Every request is of one
// tenant, whom Zipf's law picks: a few have most of the requests.
type ingestSpec struct {
	Path   string
	Tokens []string // of the tenants
	Batch  int      // events of a request
	Bodies int      // requests of a connection before their ids are made new
	Run    string   // sets the ids of this run apart from those of others
	Time   string   // of all events
	Blind  bool     // the server does not look for repeats: it takes every event
}

// repeatEvery is one in how many events repeats an earlier one: five per cent.
const repeatEvery = 20

// The series of a tenant: apps times kinds of stream.
const (
	benchApps   = 16
	benchMeters = 4
)

var streams = [benchMeters]string{"audio", "video_sd", "video_hd", "video_hdp"}

func (s *ingestSpec) templates(conn int) []template {
	rng := rand.New(rand.NewPCG(uint64(conn), 7))
	zipf := rand.NewZipf(rng, 1.1, 1, uint64(len(s.Tokens)-1))
	out := make([]template, s.Bodies)
	for b := range out {
		if s.Batch == 1 && b%repeatEvery == repeatEvery-1 {
			out[b] = s.again(out[b-1])
			continue
		}
		out[b] = s.body(rng, s.Tokens[zipf.Uint64()], conn, b)
	}
	return out
}

// again is a request whose events are all known.
func (s *ingestSpec) again(t template) template {
	t.Raw = append([]byte(nil), t.Raw...)
	if !s.Blind {
		t.duplicates, t.accepted, t.amount = t.accepted, 0, 0
	}
	return t
}

// one is an event's text and where in it the turn stands.
type one struct {
	text   string
	turn   int
	amount int64
}

func (s *ingestSpec) body(rng *rand.Rand, token string, conn, body int) template {
	t := template{request: request{Status: 204}}
	var events []one
	buf := []byte{'['}
	var patch []int
	for i := range s.Batch {
		if i > 0 {
			buf = append(buf, ',')
		}
		var e one
		if i%repeatEvery == repeatEvery-1 {
			e = events[rng.IntN(len(events))]
			t.duplicates++
		} else {
			e = s.event(rng, conn, body, i)
			events = append(events, e)
			t.accepted++
			t.amount += e.amount
		}
		patch = append(patch, len(buf)+e.turn)
		buf = append(buf, e.text...)
	}
	buf = append(buf, ']')
	if s.Blind {
		t.accepted, t.duplicates = s.Batch, 0
	}
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/cloudevents-batch+json\r\nContent-Length: %d\r\n\r\n", s.Path, token, len(buf))
	t.Raw = append([]byte(head), buf...)
	t.size = int64(len(buf))
	for _, at := range patch {
		t.patch = append(t.patch, len(head)+at)
	}
	return t
}

func (s *ingestSpec) event(rng *rand.Rand, conn, body, n int) one {
	before := `{"specversion":"1.0","id":"` + s.Run + "-"
	amount := int64(1 + rng.IntN(60))
	after := fmt.Sprintf(`-%03d-%03d-%04d","source":"/bench/rtc","type":"rtc.stream.received","time":"%s","subject":"user-%04d","node":"/rtc",`+
		`"data":{"seconds":%d,"app":"app-%02d","media":"%s"}}`, conn, body, n, s.Time, rng.IntN(5000), amount, rng.IntN(benchApps), streams[rng.IntN(benchMeters)])
	return one{text: before + "00000000" + after, turn: len(before), amount: amount}
}

// benchTenant is one of the tenants that the ingest rows write to.
type benchTenant struct{ id, token string }

func benchTenants(n int) []benchTenant {
	out := make([]benchTenant, n)
	for i := range out {
		out[i] = benchTenant{id: "bench-" + strconv.Itoa(i), token: fmt.Sprintf("us_bench_collector_%04d", i)}
	}
	return out
}

func tokensOf(list []benchTenant) []string {
	out := make([]string, len(list))
	for i, t := range list {
		out[i] = t.token
	}
	return out
}
