package gateway

import (
	"errors"
	"log/slog"
	"net/http"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

// Refusals is how one service behind the gateway answers errors. F is the type of
// the refusals that are the service's own; what the gateway decides before the
// service is reached is a *Fault.
type Refusals[F error] struct {
	Service string // its name in the log
	Log     *slog.Logger

	// Kinds says what the service answers to errors of the core: an F or a *Fault
	// each. A body that is too large and a core that is unavailable are the gateway's
	// to answer; every kind that is named in neither place is Internal.
	Kinds    map[usance.Kind]error
	Internal func(r *http.Request) F
	Write    func(w http.ResponseWriter, r *http.Request, f F)
}

// Answer answers a request with an error: an F or a *Fault is itself, any other
// error goes by its kind. What the caller cannot help goes to the log in full, and
// nowhere else.
func (s *Refusals[F]) Answer(w http.ResponseWriter, r *http.Request, err error) {
	if s.write(w, r, err) {
		return
	}
	kind := usance.KindOf(err)
	out, known := s.Kinds[kind]
	switch {
	case kind == usance.KindTooLarge:
		out = BodyTooLarge()
	case kind == usance.KindUnavailable:
		s.LogError(r, err)
		out = Unavailable()
	case !known:
		s.LogError(r, err)
		out = s.Internal(r)
	}
	if !s.write(w, r, out) {
		s.Write(w, r, s.Internal(r))
	}
}

// write answers with what is a refusal already, and reports whether err is one.
func (s *Refusals[F]) write(w http.ResponseWriter, r *http.Request, err error) bool {
	if f, ok := errors.AsType[F](err); ok {
		s.Write(w, r, f)
		return true
	}
	f, ok := errors.AsType[*Fault](err)
	if ok {
		WriteFault(w, r, f)
	}
	return ok
}

// LogError logs an error that the caller cannot help, unless it comes of the
// caller's having gone.
func (s *Refusals[F]) LogError(r *http.Request, err error) {
	if r.Context().Err() == nil {
		s.Log.ErrorContext(r.Context(), s.Service, "error", err, "request_id", httpx.RequestIDFrom(r.Context()))
	}
}

// JSON makes a handler of a call that returns the body of a 200 or an error.
func (s *Refusals[F]) JSON(call func(http.ResponseWriter, *http.Request) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := call(w, r)
		if err == nil {
			err = httpx.WriteJSON(w, http.StatusOK, body)
		}
		if err != nil {
			s.Answer(w, r, err)
		}
	}
}

// ServiceFault is a refusal by a service whose error bodies are flat, as those of
// Cloud RTC and MetaStudio are.
type ServiceFault struct {
	Status        int
	Code, Message string
	Why           string // for the log alone: the caller is told no more than Message
}

func (f *ServiceFault) Error() string {
	if f.Why == "" {
		return f.Code + ": " + f.Message
	}
	return f.Code + ": " + f.Message + ": " + f.Why
}

// ServiceRefusals are the Refusals of a service that answers with ServiceFaults.
func ServiceRefusals(service string, log *slog.Logger, internal *ServiceFault, kinds map[usance.Kind]error) *Refusals[*ServiceFault] {
	return &Refusals[*ServiceFault]{Service: service, Log: log, Kinds: kinds,
		Internal: func(*http.Request) *ServiceFault { return internal },
		Write: func(w http.ResponseWriter, r *http.Request, f *ServiceFault) {
			if f.Why != "" {
				log.DebugContext(r.Context(), service, "refused", f.Why, "request_id", httpx.RequestIDFrom(r.Context()))
			}
			WriteServiceError(w, f.Status, f.Code, f.Message)
		}}
}
