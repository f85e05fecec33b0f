package caldav

import (
	"fmt"
	"net/http"
	"slices"

	"convene/acl"
	"convene/internal/webdav"
)

// proppatch serves PROPPATCH (RFC 4918 §9.2): all changes or none. A property
// that cannot be set is told with its reason, the others with 424.
func (h *Handler) proppatch(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	changes, err := webdav.ParsePropertyUpdate(body)
	if err != nil {
		return nil, err
	}
	prefer := webdav.ParsePrefer(r.Header)
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		self := s.resource()
		may := func(c webdav.PropUpdate) bool { return s.mayChange(self, s.h.props.row(c.Prop.Name, self.kind)) }
		if len(changes) > 0 && !slices.ContainsFunc(changes, may) {
			return nil, r.refusal(h, self.dir+self.name, acl.WriteProperties)
		}
		if err := s.checkConditions(self); err != nil {
			return nil, err
		}
		results, ok, err := s.applyProperties(self, changes)
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, &patchError{self: self, results: results}
		}
		if prefer.Return == webdav.ReturnMinimal {
			return applied(&webdav.Response{Status: http.StatusOK}, prefer), nil
		}
		return patched(self, results), nil
	}, nil
}

// A patchError rolls the transaction back and carries what its response says.
type patchError struct {
	self    *resource
	results []webdav.PropResult
}

func (e *patchError) Error() string { return "property update refused" }

// response is 207, though nothing was changed: each property that failed with
// its reason, the others with 424 (RFC 4918 §9.2.1).
func (e *patchError) response() *webdav.Response { return patched(e.self, e.results) }

func patched(r *resource, results []webdav.PropResult) *webdav.Response {
	ms := webdav.NewMultistatus(nil)
	ms.ResponseStart(r.dir, r.name)
	ms.PropResults(results)
	ms.ResponseEnd()
	return ms.Response()
}

// applyProperties carries out the changes in order. ok is false if one was
// refused; the others then have the status 424. err is what is no refusal.
func (s *scope) applyProperties(r *resource, changes []webdav.PropUpdate) (results []webdav.PropResult, ok bool, err error) {
	ok = true
	results = make([]webdav.PropResult, len(changes))
	for i, c := range changes {
		results[i] = webdav.PropResult{Name: c.Prop.Name, Status: http.StatusOK}
		if err := s.applyProperty(r, c); err != nil {
			e := davError(err)
			if e.Code() == http.StatusInternalServerError {
				return nil, false, fmt.Errorf("property %s: %w", c.Prop.Name.Local, err)
			}
			results[i].Status, results[i].Err = e.Code(), e
			ok = false
		}
	}
	if ok {
		return results, true, nil
	}
	return failedDependency(results), false, nil
}

// failedDependency gives 424 to what would have been set if the rest had been.
func failedDependency(results []webdav.PropResult) []webdav.PropResult {
	for i := range results {
		if results[i].Err == nil {
			results[i].Status = http.StatusFailedDependency
		}
	}
	return results
}

func (s *scope) applyProperty(r *resource, c webdav.PropUpdate) error {
	row := s.h.props.row(c.Prop.Name, r.kind)
	switch {
	case !s.mayChange(r, row):
		return s.req.refusal(s.h, r.dir+r.name, acl.WriteProperties)
	case row == nil && c.Remove:
		return s.drop(r, c.Prop.Name)
	case row == nil:
		return s.keep(r, c.Prop)
	case !row.takes(c):
		return precondition(webdav.CondCannotModifyProtected)
	case c.Remove:
		return row.remove(s, r)
	}
	return row.set(s, r, c.Prop)
}

// mayChange reports whether the caller, who may ask for PROPPATCH, may change a property of
// r; row is nil for dead ones. Delegates who only read a calendar change what is personal,
// and dead properties, as on Apple's server: clients that keep a note of theirs with a
// calendar do so for whoever uses it. What the server says of a calendar is the owner's to
// set, and theirs who write for them.
func (s *scope) mayChange(r *resource, row *property) bool {
	return row == nil || row.personal || r.kind != kindCalendar || r.made || s.rights(r).Has(acl.WriteProperties)
}

// takes reports whether a live property can be set, or removed, as c says.
func (p *property) takes(c webdav.PropUpdate) bool {
	if c.Remove {
		return p.remove != nil
	}
	return p.set != nil
}
