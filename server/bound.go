package server

import (
	"net"
	"sync"
)

// tooMany is what a connection past the bound is told.
const tooMany = "HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain; charset=utf-8\r\nRetry-After: 1\r\nConnection: close\r\nContent-Length: 26\r\n\r\n" +
	"too many connections open\n"

// Bound returns a listener that holds at most so many connections open. One past
// them is told 503 at once and closed, or only closed when plain is false, as it is
// where the peer expects TLS. So connections never take the files that the store
// needs, and whoever comes when there is room again is served.
func Bound(on net.Listener, most int, plain bool) net.Listener {
	return &bounded{Listener: on, places: make(chan struct{}, most), plain: plain}
}

type bounded struct {
	net.Listener
	places chan struct{} // one token for each open connection
	plain  bool
}

func (b *bounded) Accept() (net.Conn, error) {
	for {
		conn, err := b.Listener.Accept()
		if err != nil {
			return nil, err
		}
		select {
		case b.places <- struct{}{}:
			return &placed{Conn: conn, leave: sync.OnceFunc(func() { <-b.places })}, nil
		default:
			if b.plain {
				_, _ = conn.Write([]byte(tooMany)) // it fits what the kernel keeps for a new connection
			}
			_ = conn.Close() // there is nobody to tell
		}
	}
}

// placed is a connection that gives its place back when it is closed.
type placed struct {
	net.Conn
	leave func()
}

func (p *placed) Close() error {
	defer p.leave()
	return p.Conn.Close()
}
