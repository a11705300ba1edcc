package pgstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/usance/usance"
	"github.com/usance/usance/store"
)

// A call that failed for a reason that may pass is run again up to so many
// times, after pauses that double from the first to the longest, each made
// random by half: some five seconds in all, which a restarted server needs.
const (
	maxTries     = 10
	firstPause   = 20 * time.Millisecond
	longestPause = time.Second
)

// errNoConnection says that no connection of the pool became free in time.
var errNoConnection = errors.New("every connection of this process to PostgreSQL is in use")

// retry runs try until it succeeds or fails for good.
func (s *Store) retry(ctx context.Context, try func() error) error {
	return retry(ctx, func() error {
		err := try()
		if err != nil && again(err, s.server.citus()) {
			s.counts.retries.Add(1)
			s.opts.Logger.Debug("postgresql: again", "error", err)
		}
		return err
	}, s.server.citus())
}

func retry(ctx context.Context, try func() error, citus bool) error {
	pause := firstPause
	for n := 1; ; n++ {
		err := try()
		if err == nil || n == maxTries || !again(err, citus) {
			return err
		}
		timer := time.NewTimer(pause/2 + rand.N(pause))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
		pause = min(2*pause, longestPause)
	}
}

// again reports that err says: nothing happened, and it may go better in a
// moment. Citus tells of a shard that is just moving by the code of an internal
// error.
func again(err error, citus bool) bool {
	var outsideServer *serverError
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, store.ErrUnknown),
		errors.Is(err, errNoConnection), errors.As(err, &outsideServer) && !outsideServer.passes:
		return false
	case errors.Is(err, errMoved):
		return true
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	if !ok {
		return connectionLost(err)
	}
	switch e.Code {
	case "40001", "40P01", // serialization failure, deadlock
		"57P01", "57P02", "57P03", "57P05", // shut down, crashed, starting, idle session ended
		"25006", "25P03", // a primary that became a replica; a session ended because it kept the server waiting
		"53300": // too many connections
		return true
	case "XX000":
		return citus
	}
	return strings.HasPrefix(e.Code, "08")
}

// connectionLost reports that err, which is not the server's, comes from the
// connection.
func connectionLost(err error) bool {
	var connect *pgconn.ConnectError
	return errors.As(err, &connect) || pgconn.SafeToRetry(err) || isNetwork(err)
}

// unknown marks an error that came after a commit was sent.
func unknown(err error) error {
	return &usance.Error{
		Kind:   usance.KindUnavailable,
		Detail: "the connection to the database was lost while saving; the request may or may not have been carried out",
		Err:    fmt.Errorf("%w: %w", store.ErrUnknown, err),
	}
}

// explain turns a final error into the caller's: the context's own, or one of
// package usance whose cause is for the log.
func (s *Store) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil && !errors.Is(err, store.ErrUnknown) {
		return ctx.Err()
	}
	if errors.Is(err, store.ErrUnknown) {
		s.counts.unknown.Add(1)
	}
	if known, ok := errors.AsType[*usance.Error](err); ok {
		return known
	}
	kind, detail := diagnose(err)
	if code(err) == "XX000" && s.server.citus() || errors.Is(err, errMoved) { // a worker away, a shard on the move
		kind, detail = usance.KindUnavailable, "the database is not available"
	}
	out := &usance.Error{Kind: kind, Detail: detail, Err: fmt.Errorf("pgstore: %w", err)}
	if lasting(err) {
		s.ill.Store(out)
	}
	return out
}

func code(err error) string {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code
	}
	return ""
}

// lasting reports that the server takes no writes until somebody helps it.
func lasting(err error) bool {
	switch code(err) {
	case "53100", "25006", "58030":
		return true
	}
	return false
}

// diagnose says what err means, without internal text.
func diagnose(err error) (usance.Kind, string) {
	if e, ok := errors.AsType[*serverError](err); ok {
		return usance.KindUnavailable, e.detail
	}
	c := code(err)
	switch c {
	case "53100":
		return usance.KindUnavailable, "the database's disk is full"
	case "53200":
		return usance.KindUnavailable, "the database is out of memory"
	case "53300", "53400":
		return usance.KindUnavailable, "the database has no connection free"
	case "25006":
		return usance.KindUnavailable, "the database is read-only: it is a replica, or set to be read-only"
	case "57014":
		return usance.KindUnavailable, "the database took too long"
	case "58030":
		return usance.KindUnavailable, "the database cannot use its disk"
	case "42501":
		return usance.KindInternal, "the database's user lacks a right on the store's tables"
	case "42P01", "3F000":
		return usance.KindInternal, "the store's tables are gone from the database"
	case "XX001", "XX002":
		return usance.KindInternal, "the database found corrupt data"
	case "28000", "28P01":
		return usance.KindUnavailable, "the database refuses this user"
	case "3D000":
		return usance.KindUnavailable, "the database does not exist"
	}
	switch {
	case strings.HasPrefix(c, "57"), strings.HasPrefix(c, "08"), c == "25P03":
		return usance.KindUnavailable, "the database is not available"
	case c == "40001", c == "40P01":
		return usance.KindUnavailable, "the database is too busy; try again"
	case errors.Is(err, errNoConnection):
		return usance.KindUnavailable, "every connection to the database is in use; try again"
	case c == "" && errors.Is(err, context.DeadlineExceeded):
		return usance.KindUnavailable, "the database did not answer in time"
	case c == "" && connectionLost(err):
		return usance.KindUnavailable, "the database cannot be reached"
	}
	return usance.KindInternal, "the database failed"
}

// forPerson adds to an error of Open what to do about it.
func forPerson(err error) error {
	hint := ""
	switch code(err) {
	case "3D000":
		hint = "create the database first, for example with createdb"
	case "28P01", "28000":
		hint = "check the user, the password and the server's pg_hba.conf"
	case "42501":
		hint = "the user needs the rights to connect, to create a schema in the database (or to own the schema), and to use its tables"
	case "53100":
		hint = "the server's disk is full: make room"
	case "53300":
		hint = "the server allows no more connections: raise its max_connections or lower the pool of each process"
	case "25006":
		hint = readOnlyDetail
	case "":
		if connectionLost(err) {
			hint = "is the server running, and does it listen there?"
		}
	}
	if hint == "" || strings.Contains(err.Error(), hint) {
		return err
	}
	return fmt.Errorf("%s: %w", hint, err)
}

// acquire takes a connection from the pool, for as long as a call may wait.
func (s *Store) acquire(ctx context.Context) (*pgxpool.Conn, error) {
	waiting, cancel := context.WithTimeout(ctx, s.opts.Timeout)
	defer cancel()
	c, err := s.pool.Acquire(waiting)
	if err != nil && ctx.Err() == nil && waiting.Err() != nil {
		return nil, fmt.Errorf("%w: %w", errNoConnection, err)
	}
	return c, err
}

// trip bounds one exchange with the server. The server itself ends a statement
// at Timeout; when it does not even do that, the connection is given up.
func (s *Store) trip(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, s.opts.Timeout+s.opts.Timeout/4)
}
