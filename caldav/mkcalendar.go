package caldav

import (
	"encoding/xml"
	"net/http"

	"convene/store"
	"convene/webdav"
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
	return h.makeAction(r, store.KindCalendar, ask, webdav.NameMkcalResponse)
}

// makeCollection serves MKCOL: of a calendar if an extended body says so (RFC
// 5689), else of an ordinary collection.
func (h *Handler) makeCollection(r *request) (action, error) {
	body, err := h.readXML(r)
	if err != nil {
		return nil, err
	}
	ask, err := webdav.ParseMkcol(body)
	if err != nil {
		return nil, err
	}
	kind := store.KindCollection
	for _, typ := range ask.ResourceType() {
		switch typ {
		case webdav.NameCollection:
		case webdav.CalDAV("calendar"):
			kind = store.KindCalendar
		default:
			return nil, precondition(webdav.CondValidResourceType)
		}
	}
	return h.makeAction(r, kind, ask, webdav.NameMkcolResponse)
}

func (h *Handler) makeAction(r *request, kind store.Kind, ask webdav.MkcolRequest, root xml.Name) (action, error) {
	if r.target.object != "" || r.target.addMember {
		return nil, precondition(webdav.CondCalendarCollectionLocationOK)
	}
	made := store.NewCollection{Name: r.target.collection, Kind: kind}
	if kind == store.KindCalendar {
		var err error
		if made.Components, err = askedComponents(ask); err != nil {
			return nil, err
		}
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.checkConditions(s.resource()); err != nil {
			return nil, err
		}
		if s.col != nil {
			return nil, precondition(webdav.CondResourceMustBeNull)
		}
		col, err := s.tx.CreateCollection(s.home.ID, made)
		if err != nil {
			return nil, s.putAnswer(err)
		}
		r := s.collectionResource(col)
		var changes []webdav.PropUpdate
		for _, p := range ask.Props {
			if p.Name != webdav.NameResourceType && p.Name != webdav.CalDAV("supported-calendar-component-set") {
				changes = append(changes, webdav.PropUpdate{Prop: p})
			}
		}
		if results, ok := s.applyProperties(r, changes); !ok {
			return nil, &makeError{root: root, results: results}
		}
		return &webdav.Response{Status: http.StatusCreated, Header: http.Header{"Cache-Control": {"no-cache"}}}, nil
	}, nil
}

// askedComponents is what a new calendar shall take: events, if nothing is said.
// A set that names nothing the server stores is refused (RFC 4791 §5.2.3).
func askedComponents(ask webdav.MkcolRequest) (store.Component, error) {
	p := ask.Prop(webdav.CalDAV("supported-calendar-component-set"))
	if p == nil {
		return store.VEVENT | store.VTODO | store.VJOURNAL | store.VFREEBUSY, nil
	}
	var set store.Component
	for comp := range p.ChildrenNamed(webdav.CalDAV("comp")) {
		name, _ := comp.Attr("name")
		set |= componentBit(name)
	}
	if set == 0 {
		return 0, precondition(webdav.CondSupportedCalendarComponent)
	}
	return set, nil
}

// A makeError rolls back the making of a collection whose properties could not
// be set, and carries the answer: which (RFC 5689 §3.2, RFC 4791 §5.3.1.2).
type makeError struct {
	root    xml.Name
	results []webdav.PropResult
}

func (e *makeError) Error() string { return "collection properties refused" }

func (e *makeError) response() *webdav.Response {
	return webdav.XML(http.StatusMultiStatus, webdav.PropstatBody(e.root, e.results))
}
