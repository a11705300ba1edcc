package ledger

import (
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// Incoming is an event to be recorded. Stated says that the sender gave its
// time; an event without one is stamped by the surface that received it, and a
// repeat of it is a repeat whatever the stamp.
type Incoming struct {
	usance.Event
	Stated  bool
	Enforce bool // hard quotas refuse it, whatever its type
}

// Receipt says what became of a request's events.
type Receipt struct {
	Sequence   uint64 // of the newest entry written, or the tenant's newest when all were repeats
	Accepted   int
	Duplicates int
}

// Measure asks for one number of one meter.
type Measure struct {
	Meter string
	Node  usance.Path // at and below
	// Group restricts to events with these values of group-by keys; nil for all.
	Group map[string]string
	// From and To bound what happened, [From, To); the zero time leaves that side
	// open. A level or gauge is read as it stood at To, whatever From is.
	From, To time.Time
	// Now has To be the moment the numbers are read at: what happened by then, and at
	// that instant, counts.
	Now bool
}

// Ask is a set of questions answered together, as of one moment.
type Ask struct {
	Measures []Measure
	Quotas   []registry.QuotaRef
}

// QuotaReading is a quota as it stands, or the use of its meter at its node when
// there is no such quota: then Defined is false and Limit is Unlimited.
type QuotaReading struct {
	usance.Reading
	Defined bool
}

// Report answers an Ask, in its order.
type Report struct {
	Sequence uint64
	Measures []usance.Sum
	Quotas   []QuotaReading

	// At is the moment the numbers were read at, by the ledger's clock.
	At time.Time
	// Newest is the latest time of any event. A bound of a measure that lies behind
	// it may move on without changing the number.
	Newest time.Time
	// Until is when the quotas' readings change by the clock alone, as windows end
	// and holds expire; Always when they do not.
	Until time.Time
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// Query asks for a meter over time, in windows and groups.
type Query struct {
	Meter    string
	Node     usance.Path // at and below; "" is the root
	From, To time.Time   // [From, To); zero: from the first event, to the last
	// Window splits the answer: usance.Minute, Hour, DayWindow or MonthWindow.
	// Empty gives one row a group for the whole time.
	Window usance.Window
	Zone   *time.Location // of days and months; nil is UTC
	// Subjects restricts to events with one of these subjects.
	Subjects []string
	// GroupBy names group-by keys, and "subject".
	GroupBy []string
	// Filter restricts group-by keys to one of the values given.
	Filter map[string][]string
	// Zeros adds a row of 0 for every window without usage, for answers that are
	// not grouped.
	Zeros bool
	// Unmarked leaves Row.Restated out, which costs a range.
	Unmarked bool
	// AsOf answers what would have been said when this was the newest entry; 0 for
	// now. Such an answer is folded from the events, under the definitions of then.
	AsOf uint64
	// Clock is what the clock said then; zero for now. A level or gauge asked for
	// without an end stands up to it.
	Clock time.Time
}

// Row is one row of an answer: a number for a window and group.
type Row struct {
	From, To time.Time
	Value    usance.Sum
	Subject  *string           // set when grouped by subject
	Group    map[string]string // the group-by keys asked for
	Restated time.Time         // when it was last corrected after it was over; zero for not
}

// Answer is the rows of a query, by window, then group.
type Answer struct {
	Sequence uint64
	Rows     []Row
}

// ResourceFilter selects resources. Empty lists select all.
type ResourceFilter struct {
	BusinessTypes, ChargingModes, Sources []string
	// ExpiresFrom and ExpiresTo bound the expiry, both inclusive; the zero time
	// leaves that side open. Resources that never expire match only when both are
	// open.
	ExpiresFrom, ExpiresTo time.Time
	// Node restricts to the resources at a node, with Recursive to those at and below
	// it. "" is for all.
	Node      usance.Path
	Recursive bool
}

// ResourceCount is how many resources there are of one kind.
type ResourceCount struct {
	BusinessType string `json:"business_type"`
	ChargingMode string `json:"charging_mode"`
	Source       string `json:"source"`
	Count        int64  `json:"count"`
}

// EventFilter selects events to browse.
type EventFilter struct {
	From, To                  time.Time // [From, To); zero leaves that side open
	Type, Subject, Source, ID string    // "" for any
	Node                      usance.Path
	Cursor                    string // of the page before
	Limit                     int    // 1 to usance.MaxPageSize
	AsOf                      uint64 // as the events counted when this was the newest entry; 0 for now
	// Meter restricts to the events that count towards the meter, and Group to those
	// with one of these values of its group-by keys.
	Meter string
	Group map[string][]string
	// Look bounds the events that are looked at; 0 for no bound. A page that meets it
	// ends there, Partial, and has no next one.
	Look int
}

// StoredEvent is an event as recorded.
type StoredEvent struct {
	usance.Event
	Sequence uint64
	Recorded time.Time
	Actor    usance.Actor
	Voided   bool   // it counts no more
	Amended  bool   // it counts as shown here, not as its sender gave it
	Reason   string // of the last correction, if it was of this event alone
	// Correction is the id of the correction of a range that voided the event, or
	// brought it back; "" when the last was another.
	Correction string
}

// EventPage is one page of events, newest first.
type EventPage struct {
	Sequence uint64
	Events   []StoredEvent
	Next     string // cursor of the next page; empty at the end
	Looked   int    // events looked at
	Partial  bool   // the filter's Look ended it: there may be more
}

// ResourcePage is one page of resources in the order of their ids.
type ResourcePage struct {
	Sequence  uint64
	Resources []usance.Resource
	Total     int64  // all that match, over all pages; -1 where the filter names a node: nothing counts those
	Next      string // cursor of the next page; empty at the end
}
