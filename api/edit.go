package api

import (
	"errors"
	"slices"
	"strings"

	"github.com/usance/usance"
	"github.com/usance/usance/registry"
)

// edit makes one change of the tenant's definitions.
func (q *request) edit(e registry.Edit) error {
	_, err := q.editFrom(func(*registry.Definitions) (registry.Edit, error) { return e, nil })
	return err
}

// editFrom makes a change that depends on what is defined, such as one that is
// refused where something exists or where it does not.
func (q *request) editFrom(change func(now *registry.Definitions) (registry.Edit, error)) (registry.Edited, error) {
	out, err := q.api.reg.EditFrom(q.r.Context(), q.actor(), q.tenant, q.confirmed(change))
	if err == nil {
		q.sequence(out.Sequence)
	}
	return out, narrowed(err)
}

// confirmed refuses the change when the caller's credentials are by then others than
// those that were let in: who loses its rights makes no last change of them.
func (q *request) confirmed(change func(now *registry.Definitions) (registry.Edit, error)) func(now *registry.Definitions) (registry.Edit, error) {
	return func(now *registry.Definitions) (registry.Edit, error) {
		if err := now.Confirm(q.who); err != nil {
			return registry.Edit{}, err
		}
		return change(now)
	}
}

// remove makes e unless there is nothing to remove.
func (q *request) remove(what, name string, there func(*registry.Definitions) bool, e registry.Edit) error {
	_, err := q.editFrom(func(now *registry.Definitions) (registry.Edit, error) {
		if !there(now) {
			return e, missing(what, name)
		}
		return e, nil
	})
	if err != nil {
		return err
	}
	return q.gone()
}

// create makes e unless its name is taken.
func (q *request) create(what string, there func(*registry.Definitions) bool, e registry.Edit) (registry.Edited, error) {
	return q.editFrom(func(now *registry.Definitions) (registry.Edit, error) {
		if there(now) {
			return e, taken(what)
		}
		return e, nil
	})
}

// narrowed drops the list prefix that the registry puts before the fields of an
// edit's items: here there is one item, and it is the body.
func narrowed(err error) error {
	e, ok := errors.AsType[*usance.Error](err)
	if !ok {
		return err
	}
	out := *e
	out.Fields = slices.Clone(e.Fields)
	for i := range out.Fields {
		if _, rest, ok := strings.Cut(out.Fields[i].Field, "[0]"); ok {
			out.Fields[i].Field = strings.TrimPrefix(rest, ".")
		}
	}
	return &out
}

// madeSecret returns the secret that an edit made, if it made one.
func madeSecret(e registry.Edited) string {
	for _, d := range e.Differences {
		if d.Secret != "" {
			return d.Secret
		}
	}
	return ""
}

func fieldError(field, detail string) error {
	return &usance.Error{Kind: usance.KindInvalid, Detail: "the body is not what is expected here",
		Fields: []usance.FieldError{{Index: -1, Field: field, Detail: detail}}}
}

func detailOf(err error) string {
	if e, ok := errors.AsType[*usance.Error](err); ok {
		return e.Detail
	}
	return "is not acceptable"
}

// named settles the name of what a PUT puts: the path's, which the body may
// repeat.
func named[T ~string](field string, body *T, path string) error {
	if *body != "" && string(*body) != path {
		return fieldError(field, "is not the one in the path")
	}
	*body = T(path)
	return nil
}

func taken(what string) error {
	return usance.Errorf(usance.KindConflict, "there is %s of that name already; PUT changes it", what)
}

func missing(what, name string) error {
	return usance.Errorf(usance.KindNotFound, "there is no %s %q", what, clipped(name))
}
