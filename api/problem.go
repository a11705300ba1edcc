package api

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"

	"github.com/go-json-experiment/json"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/internal/gate"
	"github.com/usance/usance/internal/httpx"
)

// unsupportedMedia is the one refusal that HTTP has a status for and usance.Kind
// has not.
type unsupportedMedia struct{ detail string }

func (e *unsupportedMedia) Error() string { return e.detail }

// problemOf is the API's one error map. Of quotas outside the subtree it tells that
// they refuse and by how much, and no other figure.
func problemOf(err error, subtree usance.Path) wire.Problem {
	if m, ok := errors.AsType[*unsupportedMedia](err); ok {
		return wire.Problem{Type: wire.ProblemPrefix + wire.ProblemMedia, Title: "Unsupported media type",
			Status: http.StatusUnsupportedMediaType, Detail: m.detail}
	}
	kind := usance.KindOf(err)
	status, title := statusOf(kind)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		if kind == usance.KindInternal {
			kind, status, title = usance.KindUnavailable, http.StatusServiceUnavailable, "Try again later"
		}
	case errors.Is(err, gate.ErrShare):
		status = http.StatusTooManyRequests
	case errors.Is(err, httpx.ErrSlow):
		status = http.StatusRequestTimeout
	case errors.Is(err, httpx.ErrEncoding):
		return problemOf(&unsupportedMedia{"the Content-Encoding must be gzip, zstd or identity"}, subtree)
	}
	p := wire.Problem{Type: wire.ProblemPrefix + kind.String(), Title: title, Status: status}
	e, ok := errors.AsType[*usance.Error](err)
	if !ok || kind == usance.KindInternal {
		// Internal text is for the log; the request id leads there.
		return p
	}
	p.Detail, p.Errors = e.Detail, visible(e.Fields, subtree)
	for _, b := range e.Blocks {
		p.Blocks = append(p.Blocks, wire.BlockOf(b, !b.Node.Within(subtree)))
	}
	if len(p.Errors) > wire.MaxListedErrors {
		p.Errors, p.ErrorsOmitted = p.Errors[:wire.MaxListedErrors], len(p.Errors)-wire.MaxListedErrors
	}
	return p
}

// visible leaves out of conflicts what is stored outside the subtree.
func visible(fields []usance.FieldError, subtree usance.Path) []usance.FieldError {
	if subtree == usance.Root {
		return fields
	}
	fields = slices.Clone(fields)
	for i := range fields {
		var stored struct {
			Node usance.Path `json:"node"`
		}
		if json.Unmarshal([]byte(fields[i].Stored), &stored) != nil || !stored.Node.Within(subtree) {
			fields[i].Stored = ""
		}
	}
	return fields
}

func statusOf(kind usance.Kind) (int, string) {
	switch kind {
	case usance.KindInvalid:
		return http.StatusBadRequest, "The request is wrong"
	case usance.KindNotFound:
		return http.StatusNotFound, "Not found"
	case usance.KindConflict:
		return http.StatusConflict, "It contradicts what is stored"
	case usance.KindExceeded:
		return http.StatusConflict, "A quota has no room"
	case usance.KindUnauthorized:
		return http.StatusUnauthorized, "No valid credentials"
	case usance.KindForbidden:
		return http.StatusForbidden, "Not allowed"
	case usance.KindTooLarge:
		return http.StatusRequestEntityTooLarge, "Too large"
	case usance.KindUnavailable:
		return http.StatusServiceUnavailable, "Try again later"
	case usance.KindLocked:
		return http.StatusTooManyRequests, "Locked for a while"
	}
	return http.StatusInternalServerError, "Internal error"
}

// fail answers with a problem and logs what the caller must not see.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error, subtree usance.Path) {
	p := problemOf(err, subtree)
	if p.Status >= 500 {
		a.logFailure(r, err)
	}
	writeProblem(w, r, p)
}

func (a *API) logFailure(r *http.Request, err error) {
	a.log.LogAttrs(context.WithoutCancel(r.Context()), slog.LevelError, "request failed",
		slog.String("request_id", httpx.RequestIDFrom(r.Context())), slog.String("route", httpx.RouteFrom(r.Context())),
		slog.String("error", err.Error()))
}

func writeProblem(w http.ResponseWriter, r *http.Request, p wire.Problem) {
	p.RequestID = httpx.RequestIDFrom(r.Context())
	h := w.Header()
	switch p.Status {
	case http.StatusUnauthorized:
		if h.Get("WWW-Authenticate") == "" {
			h.Set("WWW-Authenticate", `Bearer realm="usance"`)
		}
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		h.Set("Retry-After", "1")
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Type", wire.TypeProblem)
	if err := httpx.WriteJSON(w, p.Status, p); err != nil {
		http.Error(w, "", http.StatusInternalServerError)
	}
}
