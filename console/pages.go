package console

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"

	"github.com/usance/usance/internal/httpx"
)

// policy allows what comes from this server and nothing else: no inline script,
// no inline style, no frame around it. Charts are exported through blob: and
// data: images.
const policy = "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; " +
	"object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

// pages are the files of the console, in memory.
type pages struct {
	built bool
	index *file
	files map[string]*file // by path below /console/
}

// file is one file, and its gzip form, made when first asked for.
type file struct {
	media  string
	etag   string
	body   []byte
	hashed bool // the name changes with the content
	packed func() []byte
}

func loadPages(from fs.FS) (*pages, error) {
	p := &pages{files: map[string]*file{}}
	unbuilt, err := loadFile(from, "site/unbuilt.html")
	if err != nil {
		return nil, err
	}
	p.index = unbuilt
	if _, err := fs.Stat(from, "site/dist/index.html"); errors.Is(err, fs.ErrNotExist) {
		return p, nil
	}
	err = fs.WalkDir(from, "site/dist", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		f, err := loadFile(from, name)
		if err != nil {
			return err
		}
		below := strings.TrimPrefix(name, "site/dist/")
		f.hashed = strings.HasPrefix(below, "assets/")
		p.files[below] = f
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.built, p.index = true, p.files["index.html"]
	return p, nil
}

func loadFile(from fs.FS, name string) (*file, error) {
	body, err := fs.ReadFile(from, name)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(body)
	f := &file{media: mediaOf(name), body: body, etag: `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`}
	f.packed = sync.OnceValue(func() []byte { return pack(f) })
	return f, nil
}

// pack returns the gzip form, or nil where it does not pay.
func pack(f *file) []byte {
	if len(f.body) < 1<<10 || f.media == "font/woff2" || f.media == "image/png" {
		return nil
	}
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := w.Write(f.body); err != nil || w.Close() != nil || out.Len() >= len(f.body) {
		return nil
	}
	return out.Bytes()
}

// mediaOf does not ask the machine's own tables, so that a page is served alike
// everywhere.
func mediaOf(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".png":
		return "image/png"
	case ".woff2":
		return "font/woff2"
	case ".json", ".webmanifest":
		return "application/json"
	case ".txt":
		return "text/plain; charset=utf-8"
	}
	return "application/octet-stream"
}

// ServeHTTP serves a file, and the page itself at every other path: its router
// knows what to show there. A missing asset is a 404, so that an old page learns
// that it is old.
func (p *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		httpx.SetRoute(r.Context(), "console")
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, root)
	if f, ok := p.files[name]; ok && name != "index.html" {
		httpx.SetRoute(r.Context(), "GET /console/assets")
		f.serve(w, r)
		return
	}
	if strings.HasPrefix(r.URL.Path, pathAssets) {
		httpx.SetRoute(r.Context(), "GET /console/assets")
		h.Set("Cache-Control", "no-store")
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	httpx.SetRoute(r.Context(), "GET /console")
	h.Set("Content-Security-Policy", policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	p.index.serve(w, r)
}

func (f *file) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", f.media)
	h.Set("ETag", f.etag)
	if f.hashed {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "no-cache")
	}
	h.Set("Vary", "Accept-Encoding")
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	body := f.body
	if takesGzip(r.Header.Values("Accept-Encoding")) {
		if packed := f.packed(); packed != nil {
			h.Set("Content-Encoding", "gzip")
			body = packed
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller may have gone
	}
}

// takesGzip reads an Accept-Encoding header (RFC 9110, section 12.5.3).
func takesGzip(values []string) bool {
	for part := range strings.SplitSeq(strings.Join(values, ","), ",") {
		coding, options, _ := strings.Cut(part, ";")
		if !strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			continue
		}
		q, weighed := strings.CutPrefix(strings.TrimSpace(options), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !weighed || err == nil && weight > 0
	}
	return false
}
