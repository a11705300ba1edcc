package demo

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strconv"

	"github.com/usance/usance"
)

// The sources of the events.
const (
	fromMeeting = "https://meeting.acme.example"
	fromDrive   = "https://drive.acme.example"
	fromRTC     = "https://rtc.acme.example"
	fromCloud   = "https://cloud.acme.example"
)

// people is how many the company has.
const people = 140

func person(n int) string { return fmt.Sprintf("user-%03d", n+1) }

const meetingNode usance.Path = "/meeting"

// conferences makes up the day's meetings. Whoever joins leaves, unless the
// meeting is still going on.
func (d *day) conferences() {
	for n := range int(44*d.bustle() + .5) {
		d.conference(n)
	}
}

func (d *day) conference(n int) {
	begins := d.moment()
	if d.rng.Float64() < .8 {
		begins -= begins % 900 // most meetings begin on the quarter
	}
	lengths := [...]int{15, 30, 30, 45, 60, 60, 90}
	ends := begins + lengths[d.rng.IntN(len(lengths))]*60 + d.rng.IntN(360) - 120
	name := d.id("conf", n)
	d.emit(d.at(begins), fromMeeting, name, "meeting.conference.started", name, meetingNode, "")
	guests := 2 + min(int(d.rng.ExpFloat64()*4.5), 38)
	for i, who := range d.rng.Perm(people)[:guests] {
		d.attend(name, i, person(who), begins, ends)
	}
	seconds := strconv.Itoa(ends - begins)
	d.emit(d.at(ends), fromMeeting, name+"-end", "meeting.conference.ended", name, meetingNode, `{"duration_seconds":`+seconds+`}`)
	if d.rng.Float64() < .04 {
		d.emit(d.at(begins+120), fromMeeting, name+"-live", "meeting.live.started", name, meetingNode, "")
		d.emit(d.at(ends), fromMeeting, name+"-live-end", "meeting.live.stopped", name, meetingNode, "")
	}
	recorded, kept := d.rng.Float64() < .25, d.rng.Float64() < .4
	rate, after := 50_000+d.rng.IntN(60_000), 20+d.rng.IntN(80)
	if !recorded {
		return
	}
	data := `{"bytes":` + strconv.Itoa((ends-begins)*rate) + `}`
	d.emit(d.at(ends+300), fromMeeting, name+"-rec", "meeting.recording.stored", name, meetingNode, data)
	if !kept {
		d.emit(d.at(ends+300).AddDate(0, 0, after), fromMeeting, name+"-rec-del", "meeting.recording.deleted", name, meetingNode, data)
	}
}

// attend is one person's part in a meeting: in by a few minutes late, out by the
// end, some of them dropping out and coming back.
func (d *day) attend(name string, n int, who string, begins, ends int) {
	in := min(begins+int(d.rng.ExpFloat64()*90), ends-60)
	out := ends - d.rng.IntN(30)
	if d.rng.Float64() < .15 {
		out = in + 30 + d.rng.IntN(ends-in)
	}
	turn := 0
	pass := func(in, out int) {
		id := name + "-" + strconv.Itoa(n) + string(rune('a'+turn))
		turn++
		d.emit(d.at(in), fromMeeting, id+"-in", "meeting.attendee.joined", who, meetingNode, "")
		d.emit(d.at(out), fromMeeting, id+"-out", "meeting.attendee.left", who, meetingNode, "")
	}
	if d.rng.Float64() < .07 && out-in > 600 {
		middle := in + (out-in)/3
		pass(in, middle)
		in = middle + 20 + d.rng.IntN(90)
	}
	pass(in, out)
}

// space is one place of the drive.
type space struct {
	node  usance.Path
	final float64 // bytes at the end of the year
}

const gib = float64(1 << 30)

// departments and groups that have spaces; the quotas of demo.yaml fit them.
func departments() []string {
	return []string{"rd", "design", "sales", "support", "finance", "hr", "legal", "it", "marketing", "operations"}
}

func groups() []string {
	return []string{"launch", "rebrand", "audit", "migration", "summit", "beta", "onboarding", "forum"}
}

func spaces() []space {
	var all []space
	for i, name := range departments() {
		all = append(all, space{usance.Path("/drive/dept/" + name), gib * float64(90+31*i%140)})
	}
	for i, name := range groups() {
		all = append(all, space{usance.Path("/drive/group/" + name), gib * float64(12+17*i%40)})
	}
	for i := range driveUsers {
		all = append(all, space{usance.Path("/drive/personal/" + person(i)), gib * float64(2+7*i%11)})
	}
	return all
}

// driveUsers is how many of the people use the drive.
const driveUsers = 64

// drive measures every space once a night, and notes who got and gave up a seat.
func (d *day) drive() {
	for i, s := range spaces() {
		filled := s.final * (.3 + .7*d.age()) * (.985 + .03*d.rng.Float64())
		name := string(s.node)
		d.emit(d.at(2*3600+i), fromDrive, d.id("space"+name, i), "drive.space.measured", name, s.node, `{"bytes":`+strconv.FormatInt(int64(filled), 10)+`}`)
	}
	// Half of the seats from the first day, the others as the year goes on.
	for i := range driveUsers + 6 {
		since := max(0, (i-driveUsers/2)*10)
		if since == d.n {
			d.emit(d.at(9*3600+i), fromDrive, "seat-"+strconv.Itoa(i), "drive.user.created", person(i), "/drive", "")
		}
		if i >= driveUsers && since+12 == d.n {
			d.emit(d.at(18*3600+i), fromDrive, "seat-"+strconv.Itoa(i)+"-end", "drive.user.deleted", person(i), "/drive", "")
		}
	}
}

// streams makes up what was received over RTC, by app and kind of stream.
func (d *day) streams() {
	media := [...]string{"video_hd", "video_hd", "video_hd", "video_sd", "video_sd", "video_hdp", "audio", "audio", "audio"}
	busy := max(d.bustle(), .35*(.6+.4*d.age()))
	for n := range int(110*busy + .5) {
		app, node := RTCApp, usance.Path("/rtc/web")
		if d.rng.Float64() < .2 {
			app, node = rtcMobile, "/rtc/mobile"
		}
		begins, kind := d.moment(), media[d.rng.IntN(len(media))]
		seconds := 60 + int(min(d.rng.ExpFloat64(), 5)*1100)
		data := fmt.Sprintf(`{"app":%q,"media":%q,"seconds":%d}`, app, kind, seconds)
		d.emit(d.at(begins+seconds), fromRTC, d.id("stream", n), "rtc.stream.received", person(d.rng.IntN(people)), node, data)
	}
}

// measure is a number that the cloud reports of each project.
type measure struct {
	meter string
	final float64
	unit  float64
}

func measures() []measure {
	return []measure{
		{"vm.num", 22, 1}, {"vm.totalNum", 27, 1}, {"vm.cpuNum", 96, 1}, {"vm.memorySize", 384, gib}, {"volume.data.num", 34, 1},
		{"volume.capacity", 5120, gib}, {"volume.backup.num", 12, 1}, {"volume.backup.size", 900, gib}, {"image.num", 9, 1},
		{"image.size", 160, gib}, {"snapshot.volume.num", 60, 1}, {"eip.num", 5, 1}, {"vip.num", 7, 1}, {"l3.num", 4, 1},
		{"securityGroup.num", 6, 1}, {"loadBalancer.num", 3, 1}, {"listener.num", 8, 1}, {"gpu.num", 2, 1},
	}
}

// cloud reports every project's standing numbers once a night.
func (d *day) cloud() {
	for i, project := range []struct {
		name  string
		share float64
	}{{"alpha", .5}, {"beta", .3}, {"gamma", .2}} {
		node := usance.Path("/cloud/rd/" + project.name)
		for j, m := range measures() {
			// A number moves now and then, not every day: it is drawn anew each week.
			h := fnv.New64a()
			fmt.Fprint(h, project.name, m.meter, d.date.Unix()/(7*86400))
			jitter := .92 + .16*rand.New(rand.NewPCG(d.plan.Seed, h.Sum64())).Float64()
			value := int64(m.final*project.share*(.5+.5*d.age())*jitter+.5) * int64(m.unit)
			d.emit(d.at(3*3600+i*60+j), fromCloud, d.id(project.name+"-"+m.meter, i), "usance.gauge", "project-"+project.name, node,
				fmt.Sprintf(`{"meter":%q,"value":%d}`, m.meter, value))
		}
	}
}
