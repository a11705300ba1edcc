package registry

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/internal/mapping"
)

// A tenant may have single fields of the façades' answers read from elsewhere
// than their mapping says. What it overrides is kept as definitions, as it was
// given: the rest of a field follows the mapping.

// MappingRef names a field of a façade.
type MappingRef struct {
	Facade, Field string
}

// MappingSpec is an override to put.
type MappingSpec struct {
	MappingRef
	Source mapping.Source
}

func (m MappingRef) name() string  { return m.Facade + "\x00" + m.Field }
func (m MappingRef) shown() string { return m.Facade + " " + m.Field }
func (m MappingRef) field() string { return "mappings." + m.Facade + "." + m.Field }

func mappingNamed(name string) MappingRef {
	facade, field, _ := strings.Cut(name, "\x00")
	return MappingRef{facade, field}
}

// Mappings returns the tenant's overrides of a façade's mapping, by field; it is
// not to be changed.
func (d *Definitions) Mappings(facade string) map[string]mapping.Source { return d.byFacade[facade] }

func (d *Definitions) indexMappings() {
	d.byFacade = nil
	for ref, s := range d.mappings {
		if d.byFacade == nil {
			d.byFacade = map[string]map[string]mapping.Source{}
		}
		if d.byFacade[ref.Facade] == nil {
			d.byFacade[ref.Facade] = map[string]mapping.Source{}
		}
		d.byFacade[ref.Facade][ref.Field] = s
	}
}

func (p *plan) putMapping(m MappingSpec) {
	// A meter that is faulty in the same edit is not there, and is told of itself.
	if err := p.reg.maps.Check(m.Facade, m.Field, m.Source, p.meter); err != nil {
		p.fault(m.field(), err)
		return
	}
	p.write(m.field(), "mapping", m.name(), m.shown(), m.Source)
}

func (p *plan) meter(name string) (*usance.Meter, bool) {
	m, ok := p.after.meters[name]
	return m, ok
}

// checkMappings refuses that a meter goes away, or changes, under an override
// that reads it. An override of a field that is no longer there reads nothing.
func (p *plan) checkMappings() {
	if len(p.after.mappings) > usance.MaxMappings {
		p.fault("mappings", usance.Errorf(usance.KindTooLarge, "a tenant has at most %d mappings", usance.MaxMappings))
	}
	for _, ref := range p.overridden() {
		s := p.after.mappings[ref]
		f, ok := p.reg.maps[ref.Facade].Find(ref.Field)
		if !ok {
			continue
		}
		meter := f.Over(s).Meter
		before, now := p.before.meters[meter], p.after.meters[meter]
		if before == nil || now != nil && now.Unit == before.Unit {
			continue
		}
		if err := p.reg.maps.Check(ref.Facade, ref.Field, s, p.meter); err != nil {
			p.fault(p.fieldOf("meter", meter, "meters"), usance.Errorf(usance.KindConflict, "meter %s is what %s of %s is read from", meter, ref.Field, ref.Facade))
		}
	}
}

// relocateMappings lets overrides that name a node follow its move. They name it by
// its place below the node that a call is about, which one façade may have several
// of: an override follows where the same place below each of them has what it had
// before. Where there is none, as when what is below one of several moves, it stays.
func (p *plan) relocateMappings(from, to usance.Path) {
	about := map[string][]usance.Path{}
	for _, ref := range p.overridden() {
		s := p.before.mappings[ref]
		f, ok := p.reg.maps[ref.Facade].Find(ref.Field)
		if !ok || s.Node == "" || s.Node == usance.Root {
			continue
		}
		by := fmt.Sprint(f.Rooted, f.About)
		if _, known := about[by]; !known {
			about[by] = p.about(&f)
		}
		if next := follow(about[by], s.Node, from, to); next != "" && next != s.Node && p.fits(next) {
			s.Node = next
			p.write("", "mapping", ref.name(), ref.shown(), s)
		}
	}
}

// follow returns the place below some nodes at which, after a move, is what was at
// one before; "" when they have none in common.
func follow(bases []usance.Path, place, from, to usance.Path) (next usance.Path) {
	for i, base := range bases {
		at, now := mapping.Join(base, place).Rebase(from, to), base.Rebase(from, to)
		switch {
		case now == usance.Root:
		case at == now || !at.Within(now):
			return ""
		default:
			at = at[len(now):]
		}
		if i > 0 && at != next {
			return ""
		}
		next = at
	}
	return next
}

// about lists the nodes that calls of a field may be about; those that go by aliases
// are about the root where no node has one.
func (p *plan) about(f *mapping.Field) (out []usance.Path) {
	if f.Rooted {
		out = append(out, usance.Root)
	}
	for _, n := range p.before.Nodes(usance.Root) {
		if slices.ContainsFunc(f.About, func(kind string) bool { return n.Aliases[kind] != "" }) && !slices.Contains(out, n.Path) {
			out = append(out, n.Path)
		}
	}
	if len(out) == 0 && len(f.About) > 0 {
		out = append(out, usance.Root)
	}
	return out
}

// overridden lists the fields that are overridden, in their order.
func (p *plan) overridden() []MappingRef {
	return slices.SortedFunc(maps.Keys(p.after.mappings), func(a, b MappingRef) int { return cmp.Compare(a.name(), b.name()) })
}

// manifestMapping is what a manifest says of one field; a nil source takes an
// override away.
type manifestMapping struct {
	MappingRef
	source *mapping.Source
}

// mappings reads overrides by façade and field. A null in place of one takes it
// away.
func (r *reader) mappings(into *[]manifestMapping) func(string, *tree) {
	return func(field string, t *tree) {
		r.eachMember(field, t, func(facade, at string, t *tree) {
			r.eachMember(at, t, func(name, at string, t *tree) {
				m, faults := manifestMapping{MappingRef: MappingRef{facade, name}}, len(r.faults)
				if t.kind != 'n' {
					m.source = r.source(at, t)
				}
				if len(r.faults) == faults {
					*into = append(*into, m)
				}
			})
		})
	}
}

// eachMember calls read on the members of an object, whatever their names, and
// refuses repeated ones.
func (r *reader) eachMember(field string, t *tree, read func(name, at string, t *tree)) {
	if t.kind != '{' {
		r.fault(t.line, field, "a mapping is needed here, not %s", t.what())
		return
	}
	first := map[string]int{}
	for _, m := range t.members {
		at := join(field, m.name)
		if line, twice := first[m.name]; twice {
			r.fault(m.line, at, "%s stands twice, first on line %d", clipName(m.name), line)
			continue
		}
		first[m.name], r.lines[at] = m.line, m.line
		read(m.name, at, m.value)
	}
}

func (r *reader) source(field string, t *tree) *mapping.Source {
	var s mapping.Source
	var filter map[string]*string
	line := r.lines[field] // object gives the place of the value, a line below
	r.object(field, t, fields{
		"kind":    text(r, &s.Kind),
		"meter":   text(r, &s.Meter),
		"node":    text(r, &s.Node),
		"window":  text(r, &s.Window),
		"value":   text(r, &s.Value),
		"setting": text(r, &s.Setting),
		"label":   text(r, &s.Label),
		"divide":  r.amount(&s.Divide),
		"round":   text(r, &s.Round),
		"filter":  r.texts(&filter),
	})
	r.lines[field] = line
	for key, value := range filter {
		if value == nil {
			continue
		}
		if s.Filter == nil {
			s.Filter = map[string]string{}
		}
		s.Filter[key] = *value
	}
	return &s
}

func (t *ManifestTenant) editMappings(e *Edit, now *Definitions) {
	for _, m := range t.mappings {
		if m.source != nil {
			e.Mappings = append(e.Mappings, MappingSpec{m.MappingRef, *m.source})
		} else if _, there := now.mappings[m.MappingRef]; there {
			e.DeleteMappings = append(e.DeleteMappings, m.MappingRef)
		}
	}
}
