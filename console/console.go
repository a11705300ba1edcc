// Package console serves the web console: one page and its assets, built by Vite
// into site/dist and embedded here, and the sign-in that lets a browser use the
// native API with a cookie. It shows nothing by itself; the page asks the native
// API as any client would.
package console

import (
	"embed"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance/internal/httpx"
	"github.com/usance/usance/registry"
)

// site always holds unbuilt.html, so that the package compiles from a clean
// clone; dist is there once the console was built.
//
//go:embed all:site
var site embed.FS

// Options are what a Console is built with. Now is required.
type Options struct {
	Now    func() time.Time
	Logger *slog.Logger // nil for none
	// Key seals the cookies of those who sign in with a token. All copies of a
	// server have the same, such as the master key; what is sealed here opens
	// nothing else.
	Key [32]byte
	// Lockout slows down the guessing of passwords; nil leaves that to the cost of
	// checking one.
	Lockout Lockout
	// Version is what the console says it is part of.
	Version string
}

// Lockout counts failures by key and locks a key after too many.
type Lockout interface {
	Locked(key string) (until time.Time, locked bool)
	Fail(key string) (until time.Time, locked bool)
	Succeed(key string)
}

// Console is the console's surface. It is safe for concurrent use.
type Console struct {
	reg    *registry.Registry
	o      Options
	seal   sealer
	bodies *httpx.Bodies
	pages  *pages
}

// New returns a Console that signs people in with the registry's users and tokens.
func New(reg *registry.Registry, o Options) (*Console, error) {
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	s, err := newSealer(o.Key)
	if err != nil {
		return nil, err
	}
	p, err := loadPages(site)
	if err != nil {
		return nil, err
	}
	return &Console{reg: reg, o: o, seal: s, pages: p,
		bodies: httpx.NewBodies(httpx.BodyConfig{Max: 8 << 10, Timeout: 10 * time.Second, Decoders: 1})}, nil
}

// The paths of the console.
const (
	root        = "/console/"
	pathSession = root + "session"
	pathAssets  = root + "assets/"
)

// Owns reports whether the console answers a path: /, and all below /console.
func (c *Console) Owns(path string) bool {
	return path == "/" || path == "/console" || strings.HasPrefix(path, root)
}

// ServeHTTP serves the page, its assets and the session.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == pathSession {
		c.session(w, r)
		return
	}
	c.pages.ServeHTTP(w, r)
}

// Handler returns the page and its assets without sign-in, for who serves the
// native API behind an authentication of their own.
func Handler() (http.Handler, error) { return loadPages(site) }

// Built reports whether this build holds the console, rather than the page that
// says how to get it.
func (c *Console) Built() bool { return c.pages.built }
