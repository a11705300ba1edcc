package cloudrtc

import "github.com/usance/usance/registry"

// The aliases by which Cloud RTC knows nodes.
const (
	AliasProject    = "huawei.project" // of the root or a node: a project's id; usage is that at and below it
	AliasApp        = "rtc.app"        // of a node: an application's id
	aliasDomain     = "huawei.domain"  // of the root: the account's name
	metricDuration  = "CommunicationDuration"
	stateActivation = "ACTIVATION" // of every application: none can be stopped here
)

// Binding says where a field of an answer comes from.
type Binding struct {
	Field  string
	Source string // what is read
	Unit   string // of the field
	media  string // of rtc.duration; "" for other fields
	at     func(*usageRow) *int64
}

// Bindings returns the fields of a usage row and of an application.
func Bindings() []Binding {
	duration := func(field, media string, at func(*usageRow) *int64) Binding {
		return Binding{field, registry.RTCDuration + " with media " + media, "s", media, at}
	}
	return []Binding{
		{Field: "usage.date", Source: "the UTC day", Unit: "date"},
		duration("usage.video_sd", "video_sd", func(r *usageRow) *int64 { return &r.VideoSD }),
		duration("usage.video_hd", "video_hd", func(r *usageRow) *int64 { return &r.VideoHD }),
		duration("usage.video_hdp", "video_hdp", func(r *usageRow) *int64 { return &r.VideoHDP }),
		duration("usage.audio", "audio", func(r *usageRow) *int64 { return &r.Audio }),
		{Field: "usage.total_duration", Source: "the sum of the four", Unit: "s"},
		{Field: "apps.app_id", Source: "alias " + AliasApp + " of a node"},
		{Field: "apps.app_name", Source: "the node's name, or the last segment of its path"},
		{Field: "apps.state.state", Source: stateActivation},
		{Field: "apps.tenant_name", Source: "alias " + aliasDomain + " of the tenant, or its id"},
	}
}

// durations returns the bindings that are read from the ledger.
func durations() []Binding {
	var out []Binding
	for _, b := range Bindings() {
		if b.media != "" {
			out = append(out, b)
		}
	}
	return out
}
