package main

import (
	"io"
	"sync"
)

// pipe gives what write writes, as it is read, and the error that write ends with.
// Its Close ends write, waits until it has returned, and then calls closed, whose
// error it returns.
func pipe(write func(to io.Writer) error, closed func() error) io.ReadCloser {
	from, to := io.Pipe()
	p := &piped{PipeReader: from, ended: make(chan struct{})}
	p.close = sync.OnceValue(func() error {
		_ = from.Close() // never fails
		<-p.ended
		return closed()
	})
	go func() {
		defer close(p.ended)
		_ = to.CloseWithError(write(to)) // never fails
	}()
	return p
}

type piped struct {
	*io.PipeReader
	ended chan struct{}
	close func() error
}

func (p *piped) Close() error { return p.close() }
