package meeting

import (
	"math"

	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

// Name is the façade's among the mappings.
const Name = "meeting"

const callOrgRes = "GET /v1/mmc/management/orgRes"

// Mapping says where each field of an orgRes answer comes from, in the order in
// which they are written. Counts are the 32-bit Integers that clients keep.
func Mapping() mapping.Table {
	number := func(name, unit string, most int64, meter string, w mapping.Window) mapping.Field {
		return mapping.Field{Name: name, Call: callOrgRes, Unit: unit, Most: most, Rooted: true, About: []string{aliasCorp},
			Source: mapping.Source{Kind: mapping.Meter, Meter: meter, Window: w, Round: mapping.Down}}
	}
	storage := number("usedRecStorage", "GB", 0, registry.MeetingRecording, mapping.Now)
	storage.Decimals, storage.Source.Round = 2, mapping.Nearest
	return mapping.Table{
		storage,
		number("usedAccountsCount", "1", math.MaxInt32, registry.MeetingConcurrent, mapping.Now),
		number("usedLiveCount", "1", math.MaxInt32, registry.MeetingLive, mapping.Now),
		number("confCount", "1", math.MaxInt32, registry.MeetingConferences, mapping.Today),
		number("confLength", "min", math.MaxInt64/60, registry.MeetingDuration, mapping.Today),
		number("activeAttendeeCount", "1", math.MaxInt32, registry.MeetingActiveUsers, mapping.Today),
		number("totalAttendeeCount", "1", math.MaxInt32, registry.MeetingAttendances, mapping.Today),
	}
}
