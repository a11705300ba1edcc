package cloudrtc

import (
	"github.com/usance/usance/internal/mapping"
	"github.com/usance/usance/registry"
)

// The aliases by which Cloud RTC knows nodes.
const (
	AliasProject    = "huawei.project" // of the root or a node: a project's id; usage is that at and below it
	AliasApp        = "rtc.app"        // of a node: an application's id
	aliasDomain     = "huawei.domain"  // of the root: the account's name
	metricDuration  = "CommunicationDuration"
	stateActivation = "ACTIVATION" // of every application: none can be stopped here
)

// Name is the façade's among the mappings.
const Name = "cloudrtc"

const (
	callUsage = "GET /v1/{project_id}/rtc/history/usage"
	paramApp  = "$app" // the application asked for
)

// Mapping says where each number of a usage row comes from.
func Mapping() mapping.Table {
	duration := func(media string) mapping.Field {
		return mapping.Field{Name: media, Call: callUsage, Unit: "s", Signed: true, Rooted: true, About: []string{AliasProject}, Source: mapping.Source{Kind: mapping.Meter,
			Meter: registry.RTCDuration, Window: mapping.UTCDays, Filter: map[string]string{"app": paramApp, "media": media}, Round: mapping.Down}}
	}
	return mapping.Table{
		duration("video_sd"), duration("video_hd"), duration("video_hdp"), duration("audio"),
		{Name: "total_duration", Call: callUsage, Unit: "s", Signed: true, Source: mapping.Source{Kind: mapping.Derived,
			Of: []string{"video_sd", "video_hd", "video_hdp", "audio"}, Rule: "the sum of the four"}},
	}
}

// at returns where a usage row has the field of that name.
func (r *usageRow) at(name string) *int64 {
	switch name {
	case "video_sd":
		return &r.VideoSD
	case "video_hd":
		return &r.VideoHD
	case "video_hdp":
		return &r.VideoHDP
	case "audio":
		return &r.Audio
	case "total_duration":
		return &r.Total
	}
	return nil
}
