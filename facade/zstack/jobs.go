package zstack

import (
	"container/list"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/httpx"
)

const jobsPath = "/v1/api-jobs/"

// defaultTimeout is what a job's answer promises as its longest life, in ms.
const defaultTimeout = 30 * 60 * 1000

// jobs keeps the outcomes of asynchronous calls for a while. It lives in the
// process: a client polls the copy of the server that took its call. Past its
// bounds the oldest outcome is forgotten, first of the tenant that has too many.
type jobs struct {
	now  func() time.Time
	keep time.Duration
	max  int
	own  int // most of one tenant

	mu       sync.Mutex
	byID     map[string]*job
	order    *list.List // of *job, oldest in front
	ofTenant map[usance.TenantID]*list.List
}

type job struct {
	id     string
	tenant usance.TenantID
	made   time.Time
	status int // 0 while it runs
	body   []byte

	inAll, inTenant *list.Element
}

func newJobs(now func() time.Time, keep time.Duration, most int) *jobs {
	return &jobs{now: now, keep: keep, max: most, own: max(1, most/8),
		byID: map[string]*job{}, order: list.New(), ofTenant: map[usance.TenantID]*list.List{}}
}

// begin enters a running job and reports whether its id was free.
func (j *jobs) begin(id string, tenant usance.TenantID) bool {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire()
	if j.byID[id] != nil {
		return false
	}
	mine := j.ofTenant[tenant]
	if mine != nil && mine.Len() >= j.own {
		j.remove(mine.Front().Value.(*job))
	}
	for j.order.Len() >= j.max {
		j.remove(j.order.Front().Value.(*job))
	}
	if mine = j.ofTenant[tenant]; mine == nil {
		mine = list.New()
		j.ofTenant[tenant] = mine
	}
	b := &job{id: id, tenant: tenant, made: j.now()}
	b.inAll, b.inTenant = j.order.PushBack(b), mine.PushBack(b)
	j.byID[id] = b
	return true
}

// known reports whether a job of that id is kept.
func (j *jobs) known(id string) bool {
	_, ok := j.get(id)
	return ok
}

func (j *jobs) get(id string) (job, bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.expire()
	b := j.byID[id]
	if b == nil {
		return job{}, false
	}
	return *b, true
}

// finish sets a job's outcome.
func (j *jobs) finish(id string, status int, body []byte) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b := j.byID[id]; b != nil {
		b.status, b.body = status, body
	}
}

// drop forgets a job whose call failed before there was anything to poll for.
func (j *jobs) drop(id string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b := j.byID[id]; b != nil {
		j.remove(b)
	}
}

func (j *jobs) expire() {
	for e := j.order.Front(); e != nil && j.now().Sub(e.Value.(*job).made) >= j.keep; e = j.order.Front() {
		j.remove(e.Value.(*job))
	}
}

func (j *jobs) remove(b *job) {
	delete(j.byID, b.id)
	j.order.Remove(b.inAll)
	mine := j.ofTenant[b.tenant]
	mine.Remove(b.inTenant)
	if mine.Len() == 0 {
		delete(j.ofTenant, b.tenant)
	}
}

// poll answers GET /v1/api-jobs/{id}. The id is the right to read the outcome:
// SDKs that sign with access keys poll without a usable Authorization. One that
// does carry a live session of another tenant is told that there is no such job.
func (f *Facade) poll(w http.ResponseWriter, r *http.Request, id string) {
	httpx.SetRoute(r.Context(), "zstack GET "+jobsPath+":uuid")
	if r.Method != http.MethodGet {
		f.fail(w, r, plainf(http.StatusMethodNotAllowed, "a job's state can only be read with GET"))
		return
	}
	b, ok := f.jobs.get(id)
	if ok {
		token, oauth := strings.CutPrefix(strings.TrimSpace(r.Header.Get("Authorization")), "OAuth")
		if oauth {
			_, p, err := f.reg.PeekSession(r.Context(), sessionKind, strings.TrimSpace(token))
			ok = err != nil || p.Tenant == b.tenant
		}
	}
	switch {
	case !ok:
		f.fail(w, r, plainf(http.StatusNotFound, "the job does not exist or has expired"))
	case b.status == 0:
		write(w, http.StatusAccepted, []byte("{}"))
	default:
		write(w, b.status, b.body)
	}
}

// accepted is the body of a 202: where to poll, and for how long at most.
func (c *call) accepted(id string) []byte {
	scheme := "http"
	if c.r.TLS != nil {
		scheme = "https"
	}
	host := c.r.Host
	if host == "" {
		host = "localhost"
	}
	timeout := int64(defaultTimeout)
	if s, err := strconv.ParseUint(c.r.Header.Get("X-API-Timeout"), 10, 31); err == nil && s > 0 {
		timeout = int64(s) * 1000
	}
	location := url.URL{Scheme: scheme, Host: host, Path: contextPath + jobsPath + id}
	body, err := httpx.AppendJSON(nil, struct {
		Location   string `json:"location"`
		APITimeout int64  `json:"apiTimeout"`
	}{location.String(), timeout})
	if err != nil { // a string and a number always encode
		return []byte("{}")
	}
	return body
}
