package registry

import (
	"maps"
	"slices"

	"github.com/usance/usance"
)

// checkRepeats refuses what stands twice in one manifest: a thing defined twice
// in its tenant, and a name that must be unique across tenants claimed twice.
func (m *Manifest) checkRepeats() {
	across := repeats{m.read, map[string]int{}}
	for i, t := range m.Tenants {
		at := "tenants" + index(i)
		across.see("tenant "+string(t.ID), at+".id", "")
		within := repeats{m.read, map[string]int{}}
		across.aliases(t.aliases, at+".aliases")
		for j, n := range t.nodes {
			field := at + ".nodes" + index(j)
			within.see("node "+string(n.path), field+".path", "")
			across.aliases(n.aliases, field+".aliases")
		}
		for j, v := range t.meters {
			within.see("meter "+v.Name, at+".meters"+index(j)+".name", "")
		}
		for j, v := range t.quotas {
			within.see("quota "+string(v.Node)+" "+v.Meter, at+".quotas"+index(j), "")
		}
		for j, v := range t.users {
			within.see("user "+v.Name, at+".users"+index(j)+".name", "")
		}
		for j, v := range t.keys {
			across.see("key "+string(v.Kind)+" "+v.ID, at+".keys"+index(j)+".id", "")
		}
		for j, v := range t.tokens {
			field := at + ".tokens" + index(j)
			within.see("token "+v.Name, field+".name", "")
			if v.Secret != "" {
				across.see("secret "+v.Secret, field+".secret", "this token's secret")
			}
		}
		for j, v := range t.Resources {
			within.see("resource "+v.ID, at+".resources"+index(j)+".id", "")
		}
	}
}

type repeats struct {
	read  *reader
	first map[string]int // thing → line
}

// see refuses a thing that was seen before, naming it by its text or by shown.
func (r repeats) see(thing, field, shown string) {
	line := r.read.place(usance.FieldError{Field: field}).Line
	other, twice := r.first[thing]
	if !twice {
		r.first[thing] = line
		return
	}
	if shown == "" {
		shown = thing
	}
	r.read.fault(line, field, "%s stands twice, first on line %d", shown, other)
}

func (r repeats) aliases(aliases map[string]*string, field string) {
	for _, kind := range slices.Sorted(maps.Keys(aliases)) {
		if value := aliases[kind]; value != nil && !sharedAlias(kind) {
			r.see("alias "+kind+" "+*value, field+"."+kind, "")
		}
	}
}
