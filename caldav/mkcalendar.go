package caldav

import (
	"math/bits"
	"net/http"
	"slices"
	"strings"

	"convene/calendar"
	"convene/internal/header"
	"convene/internal/webdav"
	"convene/store"
)

// makeCalendar serves MKCALENDAR (RFC 4791 §5.3.1): 201. Its body sets
// properties; if one cannot be set, nothing is made.
func (h *Handler) makeCalendar(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	ask, err := webdav.ParseMkcalendar(body)
	if err != nil {
		return nil, err
	}
	return h.makeAction(r, store.KindCalendar, ask, refusedCalendar)
}

// makeCollection serves MKCOL: of a calendar if an extended body says so (RFC
// 5689), else of an ordinary collection.
func (h *Handler) makeCollection(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, unlessXML(r, err)
	}
	ask, err := webdav.ParseMkcol(body)
	if err != nil {
		return nil, err
	}
	kind, types := store.KindCollection, ask.ResourceType()
	if len(types) > 0 && !slices.Contains(types, webdav.NameCollection) {
		return nil, precondition(webdav.CondValidResourceType) // RFC 5689 §3
	}
	for _, typ := range types {
		switch typ {
		case webdav.NameCollection:
		case webdav.CalDAV("calendar"):
			kind = store.KindCalendar
		default:
			return nil, precondition(webdav.CondValidResourceType)
		}
	}
	return h.makeAction(r, kind, ask, refusedCollection)
}

// unlessXML is the answer to a body that could not be read: 415 if it does not
// even claim to be XML (RFC 4918 §9.3), else err.
func unlessXML(r *request, err error) error {
	media := header.Get(r.Header, "Content-Type")
	if davError(err).Code() != http.StatusBadRequest || media == "" || strings.Contains(media, "xml") {
		return err
	}
	return &webdav.Error{Status: http.StatusUnsupportedMediaType, Err: err}
}

func (h *Handler) makeAction(r *request, kind store.Kind, ask webdav.MkcolRequest, refused refusal) (action, error) {
	made := store.NewCollection{Name: r.target.collection, Kind: kind}
	if kind == store.KindCalendar {
		var err error
		if made.Components, err = h.askedComponents(ask); err != nil {
			return nil, err
		}
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		switch {
		case r.target.object != "" && s.col != nil:
			return nil, precondition(webdav.CondCalendarCollectionLocationOK)
		case r.target.object != "" || r.target.addMember:
			return nil, noParent()
		case s.col != nil:
			return h.occupiedBy(r, s.kind)
		}
		if _, file, err := s.tx.File(s.home, made.Name); err != nil {
			return nil, err
		} else if file != nil {
			return h.occupiedBy(r, kindObject)
		}
		col, err := s.tx.Create(s.home, made)
		if err != nil {
			return nil, changeError(&s.req.target, nil, err)
		}
		r := s.collectionResource(col)
		r.made = true
		var changes []webdav.PropUpdate
		for _, p := range ask.Props {
			if p.Name != webdav.NameResourceType && p.Name != webdav.CalDAV("supported-calendar-component-set") {
				changes = append(changes, webdav.PropUpdate{Prop: p})
			}
		}
		results, ok, err := s.applyProperties(r, changes)
		if err != nil {
			return nil, err
		}
		if err := h.checkSingle(made.Components); err != nil {
			name := webdav.CalDAV("supported-calendar-component-set")
			results, ok = append(failedDependency(results), webdav.PropResult{Name: name, Status: http.StatusForbidden, Err: davError(err)}), false
		}
		if !ok {
			return nil, refused(r, results)
		}
		return s.made(col.Name)
	}, nil
}

// made is the response to the making of a collection. A client that made it depend on
// the ctag of the home gets that of after, and the new collection's
// (calendarserver-bulk-change §6).
func (s *scope) made(name string) (*webdav.Response, error) {
	resp := &webdav.Response{Status: http.StatusCreated, Header: http.Header{"Cache-Control": {"no-cache"}}}
	if !s.req.conditionalOnCTag() {
		return resp, nil
	}
	home, err := s.tx.HomeByID(s.home.ID)
	if err != nil {
		return nil, err
	}
	col, err := s.tx.Collection(home.ID, name)
	if err != nil {
		return nil, err
	}
	resp.Header["Home-Ctag"], resp.Header["Ctag"] = []string{(&resource{home: home}).ctag()}, []string{(&resource{home: home, col: col}).ctag()}
	return resp, nil
}

// askedComponents is what a new calendar shall take. A set that names nothing
// the server stores is refused (RFC 4791 §5.2.3); nothing said is everything, or
// events where calendars hold one type each.
func (h *Handler) askedComponents(ask webdav.MkcolRequest) (store.Component, error) {
	p := ask.Prop(webdav.CalDAV("supported-calendar-component-set"))
	if p == nil {
		return h.Calendars.Rules.DefaultComponents(), nil
	}
	var set store.Component
	for comp := range p.ChildrenNamed(webdav.CalDAV("comp")) {
		name, _ := comp.Attr("name")
		set |= calendar.ComponentNamed(name)
	}
	if set == 0 {
		return 0, precondition(webdav.CondSupportedCalendarComponent)
	}
	return set, nil
}

// checkSingle refuses a set of several types where calendars hold one each.
func (h *Handler) checkSingle(set store.Component) error {
	if h.Calendars.Rules.SingleComponent && bits.OnesCount8(uint8(set)) > 1 {
		return precondition(webdav.CondSupportedCalendarComponent)
	}
	return nil
}

// A refusal makes the error that rolls back the making of a collection whose
// properties could not be set, and says which.
type refusal func(*resource, []webdav.PropResult) error

// refusedCalendar is MKCALENDAR's: 207 (RFC 4791 §5.3.1.1).
func refusedCalendar(r *resource, results []webdav.PropResult) error {
	return &patchError{self: r, results: results}
}

// refusedCollection is extended MKCOL's: 424 (RFC 5689 §3.5).
func refusedCollection(_ *resource, results []webdav.PropResult) error {
	return &makeError{results: results}
}

type makeError struct{ results []webdav.PropResult }

func (e *makeError) Error() string { return "collection properties refused" }

func (e *makeError) response() *webdav.Response {
	return webdav.XML(http.StatusFailedDependency, webdav.PropstatBody(webdav.NameMkcolResponse, e.results))
}
