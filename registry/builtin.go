package registry

import "github.com/usance/usance"

// The built-in meters, which every tenant has and none can redefine. What the
// five façades read comes from these.
const (
	MeetingConferences = "meeting.conferences"
	MeetingDuration    = "meeting.duration"
	MeetingAttendances = "meeting.attendances"
	MeetingActiveUsers = "meeting.active_users"
	MeetingConcurrent  = "meeting.concurrent"
	MeetingLive        = "meeting.live"
	MeetingRecording   = "meeting.recording"
	DriveSpace         = "drive.space"
	DriveUsers         = "drive.users"
	RTCDuration        = "rtc.duration"
)

// The event types that feed any level or gauge meter by its name.
const (
	LevelEvent = "usance.level" // data: meter, delta
	GaugeEvent = "usance.gauge" // data: meter, value
)

// ZStackMeters returns the names of ZStack's quotas, each a gauge meter; true
// marks those counted in bytes.
func ZStackMeters() map[string]bool {
	names := map[string]bool{
		"vm.memorySize": true, "volume.capacity": true, "volume.backup.size": true, "image.size": true,
	}
	for _, n := range []string{
		"vm.num", "vm.totalNum", "vm.cpuNum", "volume.data.num", "volume.backup.num", "image.num",
		"snapshot.volume.num", "eip.num", "vip.num", "l3.num", "portForwarding.num", "securityGroup.num",
		"loadBalancer.num", "listener.num", "vxlan.num", "ssh_key_pair.num", "gpu.num", "pci.num",
		"baremetal2.num", "affinitygroup.num", "scheduler.num", "scheduler.trigger.num", "sns.endpoint.num",
		"zwatch.alarm.num", "zwatch.event.num", "tag2.tag.num",
	} {
		names[n] = false
	}
	return names
}

// BuiltInMeters returns a fresh copy of the built-in meters.
func BuiltInMeters() []usance.Meter {
	on := func(eventType, amount string) usance.Source { return usance.Source{Type: eventType, Amount: amount} }
	meters := []usance.Meter{
		{Name: MeetingConferences, Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{on("meeting.conference.started", "")}},
		{Name: MeetingDuration, Unit: "s", Aggregation: usance.AggSum, Events: []usance.Source{on("meeting.conference.ended", "data.duration_seconds")}},
		{Name: MeetingAttendances, Unit: "1", Aggregation: usance.AggCount, Events: []usance.Source{on("meeting.attendee.joined", "")}},
		{Name: MeetingActiveUsers, Unit: "1", Aggregation: usance.AggUnique, Events: []usance.Source{on("meeting.attendee.joined", "subject")}},
		{Name: MeetingConcurrent, Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{on("meeting.attendee.joined", "1"), on("meeting.attendee.left", "-1")}},
		{Name: MeetingLive, Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{on("meeting.live.started", "1"), on("meeting.live.stopped", "-1")}},
		{Name: MeetingRecording, Unit: "B", Aggregation: usance.AggLevel, Events: []usance.Source{on("meeting.recording.stored", "data.bytes"), on("meeting.recording.deleted", "-data.bytes")}},
		{Name: DriveSpace, Unit: "B", Aggregation: usance.AggGauge, Events: []usance.Source{on("drive.space.measured", "data.bytes")}},
		{Name: DriveUsers, Unit: "1", Aggregation: usance.AggLevel, Events: []usance.Source{on("drive.user.created", "1"), on("drive.user.deleted", "-1")}},
		{Name: RTCDuration, Unit: "s", Aggregation: usance.AggSum, Events: []usance.Source{on("rtc.stream.received", "data.seconds")},
			GroupBy: map[string]string{"app": "data.app", "media": "data.media"}},
	}
	for name, bytes := range ZStackMeters() {
		unit := "1"
		if bytes {
			unit = "B"
		}
		meters = append(meters, usance.Meter{Name: name, Unit: unit, Aggregation: usance.AggGauge})
	}
	for i := range meters {
		meters[i].BuiltIn = true
	}
	return meters
}
