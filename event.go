package usance

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
	"unicode/utf8"
)

// Event says that usage happened. It is a CloudEvent 1.0 with two extension
// attributes, tenant and node. Source and ID identify it within its tenant for
// the life of the data, byte by byte.
type Event struct {
	Tenant  TenantID // set by the surface that received it, never by an unprivileged sender
	Source  string
	ID      string
	Type    string
	Subject string
	Node    Path
	Time    time.Time // UTC; nanosecond precision is kept
	Data    []byte    // compact JSON object, or nil
}

// EventKey is the identity of an event within its tenant: a digest of source
// and id.
type EventKey [16]byte

// Key returns the event's identity.
func (e *Event) Key() EventKey { return KeyOf(e.Source, e.ID) }

// KeyOf returns the identity of the event with that source and id.
func KeyOf(source, id string) EventKey {
	buf := make([]byte, 0, 256)
	buf = binary.AppendUvarint(buf, uint64(len(source)))
	buf = append(buf, source...)
	buf = append(buf, id...)
	sum := sha256.Sum256(buf)
	return EventKey(sum[:16])
}

// ContentDigest is a digest of what an event says. It is kept for every event
// for good, so it is as short as it may be: of changed repeats, one in 2^48 is
// taken for a plain one.
type ContentDigest [6]byte

// Digest is a digest of an event's content: everything but its identity. Two
// events of one key and equal digests are repeats; with different digests they
// are a conflict. The time takes part only when the sender stated it, because a
// repeat of an event without one is stamped anew.
func (e *Event) Digest(timeStated bool) ContentDigest {
	buf := make([]byte, 0, 512)
	for _, s := range []string{e.Type, e.Subject, string(e.Node)} {
		buf = binary.AppendUvarint(buf, uint64(len(s)))
		buf = append(buf, s...)
	}
	if timeStated {
		buf = binary.BigEndian.AppendUint64(buf, uint64(e.Time.Unix()))
		buf = binary.BigEndian.AppendUint32(buf, uint32(e.Time.Nanosecond()))
	}
	buf = append(buf, e.Data...)
	sum := sha256.Sum256(buf)
	return ContentDigest(sum[:])
}

// Check returns why the event cannot be stored, or nil. It does not look at the
// meters it feeds; Meter.Amount does.
func (e *Event) Check(now time.Time) error {
	if err := checkRequired("id", e.ID, MaxIDBytes); err != nil {
		return err
	}
	if err := checkRequired("source", e.Source, MaxSourceBytes); err != nil {
		return err
	}
	if err := CheckText("type", e.Type, MaxTypeBytes); err != nil {
		return err
	}
	if len(e.Subject) > MaxSubjectBytes || !utf8.ValidString(e.Subject) {
		return Errorf(KindInvalid, "subject is UTF-8 text of at most %d bytes", MaxSubjectBytes)
	}
	if err := e.Node.Check(); err != nil {
		return err
	}
	return CheckTime(e.Time, now)
}

// checkRequired is CheckText without the ban on control characters: identities
// are taken byte for byte, whatever they hold.
func checkRequired(what, s string, max int) error {
	if s == "" {
		return Errorf(KindInvalid, "%s is required", what)
	}
	if len(s) > max {
		return Errorf(KindInvalid, "%s has more than %d bytes", what, max)
	}
	if !utf8.ValidString(s) {
		return Errorf(KindInvalid, "%s is not UTF-8", what)
	}
	return nil
}

// CheckTime returns why t cannot be the time of usage, or nil.
func CheckTime(t, now time.Time) error {
	if t.Before(Earliest) || !t.Before(Latest) {
		return Errorf(KindInvalid, "time %s is outside %d to %d", t.Format(time.RFC3339), Earliest.Year(), Latest.Year()-1)
	}
	if t.After(now.Add(MaxFuture)) {
		return Errorf(KindInvalid, "time %s is more than a year ahead", t.Format(time.RFC3339))
	}
	return nil
}
