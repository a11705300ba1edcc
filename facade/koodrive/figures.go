package koodrive

import (
	"math"

	"github.com/usance/usance"
	"github.com/usance/usance/ledger"
	"github.com/usance/usance/registry"
)

// The capacity of a tenant is divided into three kinds of space and a reserve.
// Each kind is a node of the tenant's tree, below one node for all of them.
const (
	driveNode    usance.Path = "/drive"
	deptNode     usance.Path = "/drive/dept"
	personalNode usance.Path = "/drive/personal"
	groupNode    usance.Path = "/drive/group"
)

// The kinds of space, as indexes.
const (
	dept = iota
	personal
	group
	kinds
)

const (
	bytesPerGB = 1 << 30
	bytesPerKB = 1 << 10

	// most is the largest number of gigabytes and of seats shown, and what is
	// shown for a limit that has no bound: the fields are Integers, for which
	// callers may keep 32 bits.
	most = math.MaxInt32
)

// asked returns the readings that figuresOf needs, in its order.
func asked() []registry.QuotaRef {
	return []registry.QuotaRef{
		{Node: driveNode, Meter: registry.DriveSpace},
		{Node: deptNode, Meter: registry.DriveSpace},
		{Node: personalNode, Meter: registry.DriveSpace},
		{Node: groupNode, Meter: registry.DriveSpace},
		{Node: driveNode, Meter: registry.DriveUsers},
	}
}

// figures are the numbers of an answer. Whatever the quotas and the usage are,
//
//	capacity   = sum of granted + reserved, none of them negative
//	handedOut  ≤ granted, for each kind
//	users      ≤ seats
type figures struct {
	capacity  int64        // GB
	granted   [kinds]int64 // GB: the quota of each kind
	reserved  int64        // GB
	handedOut [kinds]int64 // GB: what each kind has given to its own children
	filled    [kinds]int64 // KB
	users     int64
	seats     int64
}

// limit is a quota's limit in whole gigabytes.
type limit struct {
	gb      int64
	defined bool // there is such a quota
	open    bool // it has no bound
}

func limitOf(q ledger.QuotaReading) limit {
	l := limit{defined: q.Defined, open: q.Defined && q.Limit == usance.Unlimited}
	if q.Defined && !l.open {
		l.gb = gigabytes(q.Limit)
	}
	return l
}

// gigabytes rounds down: a part of a gigabyte cannot be handed out as one.
func gigabytes(bytes usance.Amount) int64 { return min(max(bytes, 0)/bytesPerGB, most) }

// kilobytes rounds up: a file of one byte fills something.
func kilobytes(bytes usance.Amount) int64 {
	bytes = max(bytes, 0)
	kb := bytes / bytesPerKB
	if bytes%bytesPerKB != 0 {
		kb++
	}
	return kb
}

// figuresOf works the answer out from the readings that asked names.
func figuresOf(r []ledger.QuotaReading) figures {
	var f figures
	var limits [kinds]limit
	for i := range limits {
		limits[i] = limitOf(r[1+i])
	}
	f.capacity, f.granted, f.reserved = divide(limitOf(r[0]), limits)
	for i := range f.granted {
		f.handedOut[i] = min(gigabytes(r[1+i].Allocated), f.granted[i])
		f.filled[i] = kilobytes(r[1+i].Used)
	}
	f.users = min(max(r[4].Used, 0), most)
	f.seats = max(f.users, seats(r[4]))
	return f
}

func seats(q ledger.QuotaReading) int64 {
	if !q.Defined {
		return most
	}
	return min(q.Limit, most)
}

// divide returns how the capacity is shown as divided. What was bought stands;
// limits that sum past it are shown smaller, each in proportion. A kind without a
// bound may take all that the bounded ones leave, so that is its share; several
// such kinds share it evenly. A kind without a quota has no share. Without a quota
// of its own the whole is the sum of its parts.
func divide(whole limit, parts [kinds]limit) (capacity int64, granted [kinds]int64, reserved int64) {
	var total, open int64
	var bounded, unbounded [kinds]int64
	for i, p := range parts {
		if p.open {
			open++
			unbounded[i] = 1
		} else {
			bounded[i] = p.gb
			total += p.gb
		}
	}
	switch {
	case whole.open, !whole.defined && open > 0:
		capacity = most
	case !whole.defined:
		capacity = min(total, most)
	default:
		capacity = whole.gb
	}
	granted = bounded
	if total > capacity {
		granted = share(capacity, bounded)
	}
	rest := capacity - sum(granted)
	if open == 0 {
		return capacity, granted, rest
	}
	for i, extra := range share(rest, unbounded) {
		granted[i] += extra
	}
	return capacity, granted, 0
}

// share divides amount by weights so that nothing is lost in rounding: a part
// lies between two marks on a line of that length, and the marks are rounded. No
// part is larger than its weight when the amount is less than all weights.
func share(amount int64, weights [kinds]int64) (parts [kinds]int64) {
	total, passed, mark := uint64(sum(weights)), uint64(0), int64(0)
	for i, w := range weights {
		passed += uint64(w)
		next := int64(uint64(amount) * passed / total) // at most 3·(2^31)^2, which is less than 2^64
		parts[i], mark = next-mark, next
	}
	return parts
}

func sum(a [kinds]int64) int64 { return a[dept] + a[personal] + a[group] }
