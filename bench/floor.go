package main

import (
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// The floors: what the machine can do when next to nothing is asked of it.

// groupFile appends to a file. Writers that come while the disk is busy share
// the next fsync.
type groupFile struct {
	f    *os.File
	mu   sync.Mutex
	next *flush
	busy bool
}

type flush struct {
	data []byte
	done chan struct{}
	err  error
}

func newGroupFile(path string) (*groupFile, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	return &groupFile{f: f, next: &flush{done: make(chan struct{})}}, nil
}

// append returns once the bytes are on the disk.
func (g *groupFile) append(b []byte) error {
	g.mu.Lock()
	mine := g.next
	mine.data = append(mine.data, b...)
	if !g.busy {
		g.busy = true
		go g.drain()
	}
	g.mu.Unlock()
	<-mine.done
	return mine.err
}

func (g *groupFile) drain() {
	var spare []byte
	for {
		g.mu.Lock()
		now := g.next
		if len(now.data) == 0 {
			g.busy = false
			g.mu.Unlock()
			return
		}
		g.next = &flush{data: spare[:0], done: make(chan struct{})}
		g.mu.Unlock()
		if _, now.err = g.f.Write(now.data); now.err == nil {
			now.err = g.f.Sync()
		}
		spare = now.data
		close(now.done)
	}
}

// floorEvent is as much of an event as a reader of it needs.
type floorEvent struct {
	SpecVersion string         `json:"specversion"`
	ID          string         `json:"id"`
	Source      string         `json:"source"`
	Type        string         `json:"type"`
	Time        string         `json:"time"`
	Subject     string         `json:"subject"`
	Node        string         `json:"node"`
	Data        jsontext.Value `json:"data"`
}

// serveFloor takes events and keeps them in a file, and answers every other path
// with the bytes that answers has for it, charges after a hundred bytes for each
// are in a file of their own.
func serveFloor(dir string, answers map[string][]byte) (http.Handler, error) {
	file, err := newGroupFile(filepath.Join(dir, "floor.log"))
	if err != nil {
		return nil, err
	}
	charges, err := newGroupFile(filepath.Join(dir, floorCharges))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, ok := answers[r.URL.Path]; ok {
			if r.Method == http.MethodPost {
				if err := chargeFloor(charges, r); err != nil {
					http.Error(w, err.Error(), http.StatusInternalServerError)
					return
				}
			}
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set("Content-Length", strconv.Itoa(len(b)))
			_, _ = w.Write(b)
			return
		}
		body, events, err := readEvents(r)
		if err == nil {
			err = file.append(body)
		}
		answerIngest(w, len(events), len(events), err)
	}), nil
}

const floorCharges = "floor-charges.log"

// chargeFloor reads a charge and puts a hundred bytes on the disk for it.
func chargeFloor(file *groupFile, r *http.Request) error {
	var in struct {
		ID    string `json:"id"`
		Node  string `json:"node"`
		Items []struct {
			Meter  string `json:"meter"`
			Amount int64  `json:"amount"`
		} `json:"items"`
	}
	if err := json.UnmarshalRead(r.Body, &in); err != nil {
		return err
	}
	var record [100]byte
	copy(record[:], in.ID)
	return file.append(record[:])
}

func readEvents(r *http.Request) ([]byte, []floorEvent, error) {
	body := make([]byte, max(r.ContentLength, 0))
	if _, err := io.ReadFull(r.Body, body); err != nil {
		return nil, nil, err
	}
	events := make([]floorEvent, 0, len(body)/200+1)
	return body, events, json.Unmarshal(body, &events)
}
