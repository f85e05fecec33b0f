package caldav

import (
	"errors"
	"net/http"
	"time"

	"convene/acl"
	"convene/calendar"
	"convene/delegation"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
	"convene/store"
)

// A scope is a request inside its transaction: what the store holds at the
// target, and the means to respond.
type scope struct {
	h   *Handler
	req *request
	tx  *calendar.Tx

	viewer *viewer // shows the caller what is read

	kind   kind              // of what is at the target now
	home   *store.Home       // nil outside the calendar homes
	col    *store.Collection // nil above and beside collections
	object *store.Entry      // nil unless the target is an object

	own     acl.Privilege                // of the caller to the target, once judged
	judged  bool                         // see privileges
	last    grant                        // the one asked for last
	granted map[store.CollectionID]grant // to the caller, as far as asked for

	parties map[string]*scheduling.Party // by address, as far as asked for; see Party

	lack  lack  // what the action has found missing
	fault error // what makes all of it void

	set     *delegation.Set // of the moment at, once it was asked; see delegates
	at      time.Time
	refused error

	steps  *ical.Budget // see budget: what the request may still expand
	waited int          // length of the response when somebody was last known to wait for it

	departed map[string]*departed // by GUID; see remember

	written, expanded int // bytes of the response, and of the object being expanded for it
}

// budget is what the request may still expand. Most requests expand nothing.
func (s *scope) budget() *ical.Budget {
	if s.steps == nil {
		s.steps = ical.NewBudget(s.h.Limits.Instances * stepsPerInstance)
		s.steps.Text = s.expanding
	}
	return s.steps
}

// stepsPerInstance is what an instance costs of a budget: it is found and then
// written, and some candidates of its rule are not instances.
const stepsPerInstance = 4

// scope looks the target up again, inside the transaction that will act on it:
// what was there when the request was routed may have gone, or come, meanwhile.
func (h *Handler) scope(tx *calendar.Tx, req *request) (*scope, error) {
	t := &req.target
	s := &scope{h: h, req: req, tx: tx, kind: t.kind}
	clear(req.proxies)
	req.undecided, req.then, req.claimed = nil, nil, ""
	s.viewer = &viewer{scope: s}
	tx.ShowTo(s.viewer)
	if t.kind < kindHome || t.owner == nil || t.kind&(kindPrincipal|kindProxyGroup) != 0 {
		return s, nil
	}
	home, err := homeOf(tx, t.owner)
	if err != nil {
		return nil, err
	}
	s.home = home
	if err := s.presents(home, t.owner); err != nil {
		return nil, err
	}
	if t.collection == "" {
		return s, nil
	}
	s.col, err = tx.Collection(home.ID, t.collection)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	s.kind = kindMissing
	switch {
	case s.col == nil || t.object != "" && t.slash:
	case t.object == "":
		s.kind = kinds[s.col.Kind]
	default:
		if s.object, err = tx.Entry(s.col, t.object); s.object != nil {
			s.kind = kindObject
		}
		return s, err
	}
	return s, nil
}

// kinds maps the store's kinds of collection to ours.
var kinds = map[store.Kind]kind{
	store.KindCalendar: kindCalendar, store.KindCollection: kindCollection, store.KindInbox: kindInbox,
	store.KindOutbox: kindOutbox, store.KindNotification: kindNotifications, store.KindDropbox: kindDropbox,
	store.KindFreeBusyURL: kindFreeBusyURL,
}

// setKind finds out what the store holds at a place in a home. Errors: *lack.
func (h *Handler) setKind(tx *calendar.Tx, t *target) error {
	home, err := homeOf(tx, t.owner)
	if err != nil {
		return err
	}
	col, err := tx.Collection(home.ID, t.collection)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return t.setFile(tx, home)
	case err != nil:
		return err
	}
	t.ordinary = col.Kind == store.KindCollection
	switch {
	case t.object == "":
		t.kind = kinds[col.Kind]
		return nil
	case t.slash && !t.addMember:
		return nil // members of a collection are not collections
	}
	found, err := tx.Exists(col.ID, t.object)
	if found {
		t.kind = kindObject
	}
	return err
}

// setFile makes the target a file in the home itself, if there is one of that
// name.
func (t *target) setFile(tx *calendar.Tx, home *store.Home) error {
	if t.object != "" || t.slash {
		return nil
	}
	files, file, err := tx.File(home, t.collection)
	if file != nil {
		t.kind, t.collection, t.object = kindObject, files.Name, t.collection
	}
	return err
}

// mustExist is 404 unless the target's object or collection is there.
func (s *scope) mustExist() error {
	t := &s.req.target
	if t.object != "" && s.object == nil || t.collection != "" && s.col == nil && t.kind&(kindPrincipal|kindProxyGroup) == 0 {
		return &webdav.Error{Status: http.StatusNotFound}
	}
	return nil
}
