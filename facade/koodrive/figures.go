package koodrive

import (
	"math"
	"slices"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/figures"
	"github.com/usance/usance/internal/mapping"
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

// most is the largest number of gigabytes and of seats shown, and what is shown
// for a limit that has no bound: the fields are Integers, for which callers may
// keep 32 bits.
const most = math.MaxInt32

// numbers are those of an answer. Whatever the quotas and the usage are,
//
//	capacity   = sum of granted + reserved, none of them negative
//	handedOut  ≤ granted, for each kind
//	users      ≤ seats
type numbers struct {
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

// limitOf reads a field as a limit. One that is not read from a quota's limit is
// always there.
func limitOf(f *figures.Figure, n figures.Native) limit {
	if f.Source.Kind != mapping.Quota || f.Source.Value != mapping.Limit {
		return limit{gb: f.Whole(n), defined: true}
	}
	l := limit{defined: n.Quota.Defined, open: n.Quota.Defined && n.Quota.Limit == usance.Unlimited}
	if l.defined && !l.open {
		l.gb = f.Whole(n)
	}
	return l
}

// The fields that the answer is worked out of, as indexes.
const (
	capacityField = iota
	grantedFields
	handedOutFields = grantedFields + kinds
	filledFields    = handedOutFields + kinds
	usersField      = filledFields + kinds
	seatsField      = usersField + 1
	readFields      = seatsField + 1
)

// places returns where a mapping has the fields that are read.
func places(t mapping.Table) (at [readFields]int) {
	for i, name := range [readFields]string{"spaceCapacity",
		"deptSpaceQuota", "personalSpaceQuota", "groupSpaceQuota",
		"deptSpaceQuotaUsed", "personalSpaceQuotaUsed", "groupSpaceQuotaUsed",
		"deptSpaceUsed", "personalSpaceUsed", "groupSpaceUsed", "userCount", "userMaxCount"} {
		at[i] = slices.Index(t.Names(), name)
	}
	return at
}

// numbersOf works the answer out from what the plan's fields were read as.
func numbersOf(list []figures.Figure, read []figures.Native, at [readFields]int) numbers {
	whole := func(field int) int64 { return list[at[field]].Whole(read[at[field]]) }
	limitAt := func(field int) limit { return limitOf(&list[at[field]], read[at[field]]) }
	var f numbers
	var limits [kinds]limit
	for i := range limits {
		limits[i] = limitAt(grantedFields + i)
	}
	f.capacity, f.granted, f.reserved = divide(limitAt(capacityField), limits)
	for i := range f.granted {
		f.handedOut[i] = min(whole(handedOutFields+i), f.granted[i])
		f.filled[i] = whole(filledFields + i)
	}
	f.users = whole(usersField)
	f.seats = max(f.users, whole(seatsField))
	return f
}

// shown returns how each field of the mapping that is a number of the answer is
// taken from it.
func shown() map[string]func(numbers) int64 {
	return map[string]func(numbers) int64{
		"spaceUsed":              func(f numbers) int64 { return sum(f.filled) },
		"spaceCapacity":          func(f numbers) int64 { return f.capacity },
		"deptSpaceQuota":         func(f numbers) int64 { return f.granted[dept] },
		"personalSpaceQuota":     func(f numbers) int64 { return f.granted[personal] },
		"groupSpaceQuota":        func(f numbers) int64 { return f.granted[group] },
		"reservedSpaceQuota":     func(f numbers) int64 { return f.reserved },
		"spaceQuotaUsed":         func(f numbers) int64 { return sum(f.handedOut) },
		"deptSpaceUsed":          func(f numbers) int64 { return f.filled[dept] },
		"deptSpaceQuotaUsed":     func(f numbers) int64 { return f.handedOut[dept] },
		"personalSpaceUsed":      func(f numbers) int64 { return f.filled[personal] },
		"personalSpaceQuotaUsed": func(f numbers) int64 { return f.handedOut[personal] },
		"groupSpaceUsed":         func(f numbers) int64 { return f.filled[group] },
		"groupSpaceQuotaUsed":    func(f numbers) int64 { return f.handedOut[group] },
		"userCount":              func(f numbers) int64 { return f.users },
		"userMaxCount":           func(f numbers) int64 { return f.seats },
	}
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
