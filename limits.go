package usance

import "time"

// The bounds of every input. A request over a bound is refused with KindTooLarge
// or KindInvalid naming the bound; nothing of it is stored.
const (
	MaxBodyBytes      = 16 << 20 // a request body as sent and as decompressed
	MaxBatchEvents    = 10_000   // events in one request
	MaxEventBytes     = 64 << 10 // one event's JSON
	MaxDataDepth      = 32       // nesting of JSON values
	MaxIDBytes        = 256      // an event's id, a resource's id, a hold's id
	MaxSourceBytes    = 512      // an event's source
	MaxTypeBytes      = 256      // an event's type
	MaxSubjectBytes   = 512      // an event's subject
	MaxNameBytes      = 256      // display names, user names, alias values
	MaxGroupKeys      = 8        // group-by keys of one meter
	MaxGroupValue     = 256      // bytes of one group-by value
	MaxGroups         = 100_000  // distinct groups of one meter at one node
	MaxPathBytes      = 512      // a node path
	MaxPathDepth      = 16       // segments of a node path
	MaxSegmentBytes   = 128      // one segment of a node path
	MaxNodes          = 200_000  // defined nodes of one tenant
	MaxMeters         = 1_000    // custom meters of one tenant
	MaxMeterSources   = 16       // event types feeding one meter
	MaxQuotas         = 400_000  // quotas of one tenant
	MaxGrants         = 16       // grants of one resource
	MaxQuotaGrants    = 1_000    // grants to one quota that are alive or will be
	MaxGuarantees     = 256      // quotas with a guarantee nearest below one quota
	MaxUsers          = 100_000  // users of one tenant
	MaxKeys           = 100_000  // keys and tokens of one tenant, each
	MaxAliases        = 16       // aliases of one node
	MaxSettings       = 256      // settings of one tenant
	MaxSettingBytes   = 4 << 10  // one setting's value
	MaxMappings       = 1_000    // overridden fields of one tenant
	MaxPageSize       = 1_000    // rows of one page
	MaxSummaries      = 200      // tenants of one page of summaries
	MaxSummaryQuotas  = 10_000   // quotas looked at for the summary of one tenant
	MaxQueryRows      = 100_000  // rows of one usage answer
	MaxManifestBytes  = 64 << 20 // one manifest
	MaxPasswordBytes  = 1 << 10
	MaxTenantIDBytes  = 63
	MaxUnitBytes      = 32
	MaxMeterNameBytes = 64
)

// MaxFuture is how far ahead of the server's clock an event's time may lie.
// It is wide because a sender may lawfully report what is booked for later in
// the current period, and finite because a wrong unit (milliseconds taken for
// seconds) lands centuries away.
const MaxFuture = 366 * 24 * time.Hour

// MaxPastEntries is how many entries are folded again for one answer as known at
// an earlier moment.
const MaxPastEntries = 10_000_000

// The bounds of asking for the resources of a subtree, which are found among all of
// the tenant's, or among those that expire when the question says.
const (
	MaxResourceScan  = 100_000   // looked through for one page, which ends there with a cursor
	MaxResourceCount = 1_000_000 // looked through for one count
)

// MaxRangeEvents is how many events one correction of a range voids.
const MaxRangeEvents = 1_000_000

// Earliest and Latest bound every time the ledger accepts. Since Earliest every
// zone of the IANA database is offset from UTC by a multiple of a Slot, which is
// what makes rollups exact in all of them.
var (
	Earliest = time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC)
	Latest   = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// The bounds of moving a node. It happens in one step, whatever the subtree has,
// so a subtree that has more is refused and moved piece by piece.
const (
	MaxMoveRows = 400_000   // rows read in order to be written anew, the subtree's and those above it
	MaxMoveScan = 1_000_000 // events, resources and open holds looked through
)
