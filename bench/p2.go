package main

import (
	"bufio"
	"crypto/sha512"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/api/wire"
	"github.com/usance/usance/client"
	"github.com/usance/usance/internal/demo"
	"github.com/usance/usance/internal/sdksign"
)

// question is one façade's query with its credentials, ready to be sent.
type question struct {
	name string
	path string
	raw  func(addr string) ([]byte, error) // the request for a server there
	body []byte                            // the right answer
}

// project is the demo's, as its manifest has it.
const project = "0f1d3c5b7a9e4826b0c4d8e2f6a1357b"

// questions signs in at every façade and asks each once. Every answer is held
// against what the native API says.
func (c *child) questions(co *company) ([]question, error) {
	url := "http://" + c.addr
	meeting, err := meetingToken(url, co)
	if err != nil {
		return nil, err
	}
	drive, err := driveToken(c, co)
	if err != nil {
		return nil, err
	}
	zstack, err := zstackToken(url, co)
	if err != nil {
		return nil, err
	}
	day := func(n int) string { return co.now.UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	at := func(n int) string { return co.now.UTC().AddDate(0, 0, n).Format(time.RFC3339) }
	list := []question{
		{name: "Meeting orgRes, X-Access-Token", path: "/v1/mmc/management/orgRes", raw: plain("/v1/mmc/management/orgRes", "X-Access-Token", meeting)},
		{name: "KooDrive quotaUsed, bearer session", path: "/koodrive/ose/v1/service/quotaUsed",
			raw: plain("/koodrive/ose/v1/service/quotaUsed", "Authorization", "Bearer "+drive)},
		{name: "ZStack quota usages, OAuth session", path: "/zstack/v1/iam2/organizations/quota/4be1c0a7d2f94e5f8a6b1c3d5e7f9012/usages",
			raw: plain("/zstack/v1/iam2/organizations/quota/4be1c0a7d2f94e5f8a6b1c3d5e7f9012/usages", "Authorization", "OAuth "+zstack)},
		{name: "Cloud RTC history/usage of 7 days, AK/SK-signed", path: "/v1/" + project + "/rtc/history/usage",
			raw: co.signed("/v1/" + project + "/rtc/history/usage?app=" + demo.RTCApp + "&metric=CommunicationDuration&start_date=" + day(-7) + "&end_date=" + day(-1))},
		{name: "MetaStudio resources-count of 7 days, AK/SK-signed", path: "/v1/" + project + "/tenants/resources-count",
			raw: co.signed("/v1/" + project + "/tenants/resources-count?resource_expire_start_time=" + at(0) + "&resource_expire_end_time=" + at(7))},
	}
	for i := range list {
		q := &list[i]
		raw, err := q.raw(c.addr)
		if err != nil {
			return nil, err
		}
		if q.body, err = once(c.addr, raw); err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
	}
	return list, nil
}

// plain is a GET with one header.
func plain(path, name, value string) func(string) ([]byte, error) {
	return func(addr string) ([]byte, error) {
		return []byte("GET " + path + " HTTP/1.1\r\nHost: " + addr + "\r\nContent-Type: application/json\r\n" + name + ": " + value + "\r\n\r\n"), nil
	}
}

// signed is a GET signed as the vendor's SDK does.
func (co *company) signed(path string) func(string) ([]byte, error) {
	return signedFor(project, path, co.AccessKey, co.SecretKey)
}

func signedFor(project, path, key, secret string) func(string) ([]byte, error) {
	return func(addr string) ([]byte, error) {
		r := newRequest(http.MethodGet, "http://"+addr+path, "", "Content-Type", "application/json", "X-Project-Id", project)
		if err := sdksign.SignHTTP(r, nil, sdksign.Authorization{Scheme: sdksign.HMACSHA256, KeyID: key}, secret, time.Now()); err != nil {
			return nil, err
		}
		var b strings.Builder
		fmt.Fprintf(&b, "GET %s HTTP/1.1\r\nHost: %s\r\n", path, addr)
		if err := r.Header.Write(&b); err != nil {
			return nil, err
		}
		return []byte(b.String() + "\r\n"), nil
	}
}

func dialLoad(addr string) (*conn, error) {
	c, err := dial(addr)
	if err != nil {
		return nil, err
	}
	return &conn{net: c, in: bufio.NewReaderSize(c, 64<<10)}, nil
}

func sha512hex(s string) string {
	sum := sha512.Sum512([]byte(s))
	return hex.EncodeToString(sum[:])
}

// once sends a request as a load would and returns the body of its answer.
func once(addr string, raw []byte) ([]byte, error) {
	c, err := dialLoad(addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.net.Close() }() // the answer has been read
	if _, err := c.net.Write(raw); err != nil {
		return nil, err
	}
	err = c.answer.read(c.in)
	if err == nil && c.answer.status != http.StatusOK {
		err = fmt.Errorf("status %d: %.300s", c.answer.status, c.answer.body)
	}
	return c.answer.body, err
}

func meetingToken(url string, co *company) (string, error) {
	r := newRequest(http.MethodPost, url+"/v1/usg/acs/auth/account", `{"account":"ops","clientType":72}`, "Content-Type", "application/json")
	r.SetBasicAuth("ops", co.Password)
	return field(r, "accessToken")
}

func driveToken(c *child, co *company) (string, error) {
	to, err := client.New(client.Options{URL: "http://" + c.addr, Token: co.Token, Attempts: 1})
	if err != nil {
		return "", err
	}
	code, err := to.LoginCode(background(), "ops")
	if err != nil {
		return "", err
	}
	return field(newRequest(http.MethodPost, "http://"+c.addr+"/koodrive/ose/v1/session", `{"code":"`+code.Code+`"}`, "Content-Type", "application/json"), "accessToken")
}

func zstackToken(url string, co *company) (string, error) {
	return field(newRequest(http.MethodPut, url+"/zstack/v1/accounts/login",
		`{"logInByAccount":{"accountName":"ops","password":"`+sha512hex(co.Password)+`"}}`, "Content-Type", "application/json"), "inventory", "uuid")
}

// field asks and returns one text of the answer.
func field(r *http.Request, path ...string) (string, error) {
	body, _, err := fetch(r)
	if err != nil {
		return "", err
	}
	var v any
	if err := json.Unmarshal(body, &v); err != nil {
		return "", err
	}
	for _, name := range path {
		m, _ := v.(map[string]any)
		v = m[name]
	}
	s, ok := v.(string)
	if !ok {
		return "", fmt.Errorf("%s has no %v", body, path)
	}
	return s, nil
}

// agree holds the façades' answers against the native API's.
func (c *child) agree(co *company, list []question) error {
	to, err := client.New(client.Options{URL: "http://" + c.addr, Token: co.Token, Attempts: 1})
	if err != nil {
		return err
	}
	zone, err := usance.LoadZone("Asia/Shanghai")
	if err != nil {
		return err
	}
	y, m, d := co.now.In(zone).Date()
	today := time.Date(y, m, d, 0, 0, 0, 0, zone)
	var org struct{ ConfCount int64 }
	if err := json.Unmarshal(list[0].body, &org); err != nil {
		return err
	}
	conferences, err := sumOf(to.Usage(background(), "meeting.conferences", client.UsageQuery{From: today, To: co.now}))
	if err == nil && conferences != org.ConfCount {
		err = fmt.Errorf("the Meeting façade tells of %d conferences, the native API of %d", org.ConfCount, conferences)
	}
	if err != nil {
		return err
	}
	cpus, err := to.Quotas(background(), "/cloud/rd", "vm.cpuNum", false)
	if err != nil || len(cpus) != 1 {
		return errors.Join(err, fmt.Errorf("%d quotas", len(cpus)))
	}
	if want := fmt.Sprintf(`{"name":"vm.cpuNum","total":%d,"used":%d}`, 512, cpus[0].Used); !strings.Contains(string(list[2].body), want) {
		return fmt.Errorf("ZStack does not tell of %s", want)
	}
	return agreeMore(to, co, list)
}

// agreeMore is agree for KooDrive, Cloud RTC and MetaStudio.
func agreeMore(to *client.Client, co *company, list []question) error {
	space, err := to.Quotas(background(), "/drive", "drive.space", false)
	if err != nil || len(space) != 1 {
		return errors.Join(err, fmt.Errorf("%d quotas", len(space)))
	}
	var drive struct {
		Data struct{ SpaceUsed, SpaceCapacity int64 }
	}
	if err := json.Unmarshal(list[1].body, &drive); err != nil {
		return err
	}
	// Each of the three parts of the drive is rounded up to 1,024 bytes.
	if over := drive.Data.SpaceUsed - space[0].Used/1024; over < 0 || over > 3 || drive.Data.SpaceCapacity != 10240 {
		return fmt.Errorf("KooDrive tells of %+v where %d bytes are used", drive.Data, space[0].Used)
	}
	var rtc struct {
		Usage []struct {
			Total int64 `json:"total_duration"`
		} `json:"usage"`
	}
	var counts struct {
		Counts []struct{ Count int64 } `json:"resources_count"`
	}
	if err := errors.Join(json.Unmarshal(list[3].body, &rtc), json.Unmarshal(list[4].body, &counts)); err != nil {
		return err
	}
	end := co.now.UTC().Truncate(24 * time.Hour)
	seconds, err := sumOf(to.Usage(background(), "rtc.duration", client.UsageQuery{From: end.AddDate(0, 0, -7), To: end,
		Filter: map[string][]string{"app": {demo.RTCApp}}}))
	if err != nil {
		return err
	}
	for _, day := range rtc.Usage {
		seconds -= day.Total
	}
	expiring, err := to.CountResources(background(), client.ResourceFilter{ExpiresFrom: co.now.UTC().Truncate(time.Second),
		ExpiresTo: co.now.UTC().AddDate(0, 0, 7).Truncate(time.Second), ChargingModes: []string{usance.Periodic, usance.OneTime}})
	if err != nil {
		return err
	}
	for _, c := range counts.Counts {
		expiring.Count -= c.Count
	}
	if seconds != 0 || expiring.Count != 0 || len(rtc.Usage) != 7 {
		return fmt.Errorf("the RTC façade differs by %d seconds over %d days, MetaStudio by %d resources", seconds, len(rtc.Usage), expiring.Count)
	}
	return nil
}

func sumOf(u wire.Usage, err error) (int64, error) {
	sum := int64(0)
	for _, r := range u.Data {
		n, werr := whole(r.Value)
		sum, err = sum+n, errors.Join(err, werr)
	}
	return sum, err
}

// startAnswers starts a floor that writes the bytes of the answers.
func (b *bench) startAnswers(list []question) (*child, error) {
	spec := floorSpec{Dir: b.base, Answers: map[string][]byte{}}
	for _, q := range list {
		spec.Answers[q.path] = q.body
	}
	return startServer("floor", spec)
}

// asked asks a server for the same answer again and again, and profiles the main
// server meanwhile under a name, if there is one.
func (b *bench) asked(at *child, q question, profile string) measured {
	return func(pass int, rate float64) (float64, *latency, error) {
		var during func()
		if profile != "" {
			during = b.profiling(pass, profile)
		}
		out, err := b.askAgain(at, q, 32, rate, during)
		v, l := out.requests()
		return v, l, err
	}
}

// askAgain asks a server for the same answer, as fast as it comes or at a rate.
func (b *bench) askAgain(at *child, q question, conns int, rate float64, during func()) (loadResult, error) {
	raw, err := q.raw(at.addr)
	if err != nil {
		return loadResult{}, err
	}
	return load(loadSpec{Addr: at.addr, Connections: conns, Warm: b.seconds / 5, For: b.seconds, Rate: rate,
		Requests: []request{{Raw: raw, Status: http.StatusOK, Body: q.body}}}, during)
}

// p2 is every façade's query beside a handler that writes the same bytes: first
// as fast as answers come, then at half our rate, which tells the latency.
func (b *bench) p2() error {
	if err := b.filled(); err != nil {
		return err
	}
	list, err := b.companyQuestions()
	if err != nil {
		return err
	}
	floor, err := b.startAnswers(list)
	if err != nil {
		return err
	}
	defer floor.end()
	inSQL, noSQL := b.sqlQuestions(list)
	if noSQL != nil && !errors.Is(noSQL, errAbsent) {
		return noSQL
	}
	for n, q := range list {
		b.say("P2, %s", q.name)
		r := row{ID: "P2", Case: q.name, Unit: "requests/s", Ours: series{Name: "Usance"}, Floor: &series{Name: "net/http, same bytes"},
			Peers: []series{{Name: "PostgreSQL 15, SQL over the events"}, {Name: "Usance, worked out anew each time"}}}
		contestants := []contestant{{&r.Ours, b.asked(b.ours, q, fmt.Sprintf("P2-%d", n))}, {r.Floor, b.asked(floor, q, "")},
			{&r.Peers[1], b.ours.anew(b.asked(b.ours, q, fmt.Sprintf("P2-anew-%d", n)))}}
		if noSQL == nil {
			contestants = append(contestants, contestant{&r.Peers[0], b.asked(b.peer, inSQL[n], "")})
		} else {
			r.Peers[0].NotRun = noSQL.Error()
		}
		if err := b.inTurn(contestants...); err != nil {
			return err
		}
		if err := b.atHalf(&r, contestants...); err != nil {
			return err
		}
		p99 := r.Ours.latencies(func(l latency) float64 { return l.P99 })
		r.Goal = "≥ 0.7 × the floor, p99 < 1 ms at half load"
		r.Met = goalMet(median(r.Ours.Values) >= .7*median(r.Floor.Values) && p99 < 1000)
		r.Notes = append(r.Notes, "32 connections; the vendors' throttles are off and the access log is at warn. Latencies are at half of our own highest rate, or of the other's own "+
			"where that is lower, reckoned from when a request was due. Every answer is compared byte for byte, and once with the native API's.",
			"nothing is written meanwhile, so all but the first answer of each question are kept ones, whose credentials, rights and throttles are checked as ever. "+
				"Worked out anew: the store is made not to tell versions, as one that several processes share, so that each request loads and folds all it needs.",
			sqlNote)
		b.table.put(b, r)
	}
	return nil
}

// companyQuestions loads the demo's year into the main store, once.
func (b *bench) companyQuestions() ([]question, error) {
	if b.company == nil {
		var err error
		if b.company, err = b.ours.found(true); err != nil {
			return nil, err
		}
		b.stored += b.company.events
	}
	list, err := b.ours.questions(b.company)
	if err == nil {
		err = b.ours.agree(b.company, list)
	}
	return list, err
}
