package sim

import (
	"fmt"
	"strconv"
)

// moment is a point of a tenant's past: the model as it was, at the time of the
// newest entry, and the sequence of that.
type moment struct {
	sequence uint64
	m        *tenant
}

// moments are kept of each tenant.
const moments = 4

// head asks for the sequence of a tenant's newest entry; 0 while the disk fails.
func (w *world) head(m *tenant) uint64 {
	n, err := strconv.ParseUint(w.call(m, ask{method: "GET", path: "/api/v1/holds?limit=1", as: "admin"}).header.Get("Usance-Sequence"), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// remember keeps what a tenant is like now, if its newest entry was made just now.
func (s *simulation) remember(i int, before uint64) {
	now := s.head(s.tenants[i])
	if before == 0 || now <= before || s.disk.dead() {
		return
	}
	s.moments[i] = append(s.moments[i], moment{now, s.tenants[i].clone()})
	if len(s.moments[i]) > moments {
		s.moments[i] = s.moments[i][1+s.r.IntN(2):]
	}
}

// recall asks one of the moments that are kept what was known then.
func (s *simulation) recall(i int) []string {
	if len(s.moments[i]) == 0 {
		return nil
	}
	then := s.moments[i][s.r.IntN(len(s.moments[i]))]
	m := then.m.clone()
	p := &probe{world: s.world, i: i, m: m, past: fmt.Sprintf("at_sequence=%d", then.sequence)}
	p.quotas()
	p.events()
	p.resources()
	for _, name := range s.metersToAsk(m)[:3] {
		p.meter(name)
	}
	s.count.recalled++
	return p.wrong
}
