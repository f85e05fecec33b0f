package caldav

import (
	"encoding/xml"
	"errors"
	"net/http"
	"slices"

	"convene/acl"
	"convene/calendar"
	"convene/directory"
	"convene/internal/webdav"
	"convene/store"
)

// A property is one row of the property table: a live property, where it
// exists and how it is read and set. Properties without a row are dead: kept
// as they came.
type property struct {
	name xml.Name
	on   kind // the kinds that have it

	// need is what the caller needs to read it, besides DAV:read; without, its
	// status is 403 (RFC 3744 §3.6, §3.7).
	need acl.Privilege
	all  bool // DAV:allprop gives it (RFC 4918 §9.1, RFC 4791 §5.2: CalDAV's are given when asked for)

	// kept says that the store keeps the property's element as it was set; get
	// then gives the default.
	kept bool

	// personal says that each user of a calendar keeps their own value of it, and has
	// the owner's as long as they have none.
	personal bool

	// get writes the content of the property's element. It reports false if
	// this resource has no value for it.
	get func(s *scope, r *resource, w *webdav.Writer) (bool, error)

	// getAs, instead of get, writes the whole element, in the form that the
	// asking element wants.
	getAs func(s *scope, r *resource, asked *webdav.Element, w *webdav.Writer) (bool, error)

	// set checks a new value and stores it; nil: the property is protected.
	set func(s *scope, r *resource, value *webdav.Element) error

	// remove takes the value away; nil: the property cannot be removed.
	remove func(s *scope, r *resource) error
}

// A resource is what a property is read from.
type resource struct {
	kind   kind
	dir    string // URL path, decoded: up to and with the last slash …
	name   string // … and what follows it; "" for collections
	owner  *directory.Principal
	home   *store.Home
	col    *store.Collection
	object *store.Entry

	privileges acl.Privilege

	made bool // by this request: what it sets is for everybody
}

// propertyTable finds rows by name, and those of each kind of resource.
type propertyTable struct {
	byName map[xml.Name][]*property
	byKind map[kind][]*property
}

func newPropertyTable() *propertyTable {
	t := &propertyTable{byName: map[xml.Name][]*property{}, byKind: map[kind][]*property{}}
	for _, rows := range [][]property{davProperties(), collectionProperties(), calendarProperties(), homeProperties(), objectProperties(), schedulingProperties(), principalProperties(), roomProperties()} {
		for i := range rows {
			row := &rows[i]
			t.byName[row.name] = append(t.byName[row.name], row)
			for on := kind(1); on <= row.on && on != 0; on <<= 1 {
				if row.on&on != 0 {
					t.byKind[on] = append(t.byKind[on], row)
				}
			}
		}
	}
	return t
}

// row is the live property of that name on that kind of resource, or nil.
func (t *propertyTable) row(name xml.Name, on kind) *property {
	for _, row := range t.byName[name] {
		if row.on&on != 0 {
			return row
		}
	}
	return nil
}

// personal reports whether each user keeps their own value of that property.
func (t *propertyTable) personal(name xml.Name, on kind) bool {
	row := t.row(name, on)
	return row != nil && row.personal
}

// named lists the live properties of a kind of resource.
func (t *propertyTable) named(on kind) []*property { return t.byKind[on] }

// place is where the resource is among the calendar data. It reports false for
// resources that keep no properties.
func (r *resource) place() (calendar.Place, bool) {
	p := calendar.Place{Home: r.home, Collection: r.col}
	if r.object != nil {
		p.Name = r.object.Name
	}
	return p, r.home != nil || r.col != nil
}

// keepsOwn is the GUID of the caller, if they keep a value of their own of a property of
// r; "" where there is none but everybody's: of what is not personal, for the owner, and
// while the calendar is made.
func (s *scope) keepsOwn(r *resource, name xml.Name) string {
	guid := aclCaller(s.req.caller).GUID
	if r.kind != kindCalendar || r.made || guid == r.owner.GUID {
		return ""
	}
	if !s.h.props.personal(name, r.kind) {
		return ""
	}
	return guid
}

// stored is a property's element as it was set, nil if it was not: by the caller, if
// they have a value of their own, and else for everybody.
func (s *scope) stored(r *resource, name xml.Name) []byte {
	at, ok := r.place()
	if !ok {
		return nil
	}
	key := calendar.PropertyKey(name)
	if guid := s.keepsOwn(r, name); guid != "" {
		if value := s.tx.Property(store.OfUser(r.col, guid), key); value != nil {
			return value
		}
	}
	return s.tx.Property(at.Resource(), key)
}

// storedElement is stored, parsed; nil if there is no value.
func (s *scope) storedElement(r *resource, name xml.Name) (*webdav.Element, error) {
	raw := s.stored(r, name)
	if raw == nil {
		return nil, nil
	}
	return webdav.ParseXML(raw, webdav.DefaultXMLLimits)
}

// storedText is the text of a stored property; "" if there is none.
func (s *scope) storedText(r *resource, name xml.Name) (string, error) {
	e, err := s.storedElement(r, name)
	return e.Content(), err
}

// keep stores value as it came: the element with its attributes and content.
func (s *scope) keep(r *resource, value *webdav.Element) error {
	at, ok := r.place()
	if !ok {
		return precondition(webdav.CondCannotModifyProtected)
	}
	err := s.setAt(at, s.keepsOwn(r, value.Name), value)
	if errors.Is(err, store.ErrLimit) {
		return &webdav.Error{Status: http.StatusInsufficientStorage, Err: err}
	}
	return err
}

func (s *scope) setAt(at calendar.Place, own string, value *webdav.Element) error {
	if own != "" {
		return s.tx.SetOwn(at, own, value.Name, value.Append(nil))
	}
	return s.tx.Set(at, value.Name, value.Append(nil))
}

// drop removes a stored property; one that is not there is no error (RFC 4918
// §9.2: "specifying the removal of a property that does not exist is not an
// error").
func (s *scope) drop(r *resource, name xml.Name) error {
	at, ok := r.place()
	if !ok {
		return nil
	}
	if guid := s.keepsOwn(r, name); guid != "" {
		return s.tx.UnsetOwn(at, guid, name)
	}
	return s.tx.Unset(at, name)
}

func parsePropertyKey(key string) xml.Name {
	for i := 1; i < len(key); i++ {
		if key[i] == '}' {
			return xml.Name{Space: key[1:i], Local: key[i+1:]}
		}
	}
	return xml.Name{Local: key}
}

// keptProperty makes a row whose value is whatever was set, with the check that
// a value must pass; nil: any. Without a value the property is absent.
func keptProperty(name xml.Name, on kind, check func(*scope, *resource, *webdav.Element) error) property {
	return property{
		name: name, on: on, kept: true,
		set: func(s *scope, r *resource, value *webdav.Element) error {
			if check != nil {
				if err := check(s, r, value); err != nil {
					return err
				}
			}
			return s.keep(r, value)
		},
		remove: func(s *scope, r *resource) error { return s.drop(r, name) },
	}
}

// personal makes a row one of which each user of a calendar has their own value.
func personal(p property) property {
	p.personal = true
	return p
}

// inAllprop makes a row one that DAV:allprop gives.
func inAllprop(p property) property {
	p.all = true
	return p
}

// A propertyRequest is which properties a response shall hold, with the rows
// already found for one kind of resource after the other.
type propertyRequest struct {
	names   []*webdav.Element // as asked for: calendar-data has content
	all     bool              // DAV:allprop
	include []*webdav.Element // DAV:include with DAV:allprop
	only    bool              // DAV:propname
	minimal bool              // leave out what was not found (RFC 8144 §2.1)

	data *calendarData // CALDAV:calendar-data, in reports

	plans []kindPlan // one for each kind there was
}

// A kindPlan is what is planned for resources of one kind.
type kindPlan struct {
	on   kind
	plan []planned
}

// planned is one asked-for property with its row; a nil row is a dead property.
type planned struct {
	element *webdav.Element
	row     *property
	data    bool // CALDAV:calendar-data of a report
	implied bool // by DAV:allprop: left out where it has no value
}

// planFor finds the rows for resources of one kind, once for a response.
func (q *propertyRequest) planFor(h *Handler, on kind) []planned {
	for i := range q.plans {
		if q.plans[i].on == on {
			return q.plans[i].plan
		}
	}
	p := q.makePlan(h, on)
	q.plans = append(q.plans, kindPlan{on, p})
	return p
}

func (q *propertyRequest) makePlan(h *Handler, on kind) []planned {
	asked := q.names
	p := make([]planned, 0, len(asked))
	if q.all {
		for _, row := range h.props.named(on) {
			if row.all {
				p = append(p, planned{element: &webdav.Element{Name: row.name}, row: row, implied: true})
			}
		}
		asked = q.include
	}
	for _, e := range asked {
		if slices.ContainsFunc(p, func(have planned) bool { return have.element.Name == e.Name }) {
			continue
		}
		data := q.data != nil && e.Name == webdav.CalDAV("calendar-data")
		p = append(p, planned{element: e, row: h.props.row(e.Name, on), data: data})
	}
	return p
}

// write adds the response of one resource to a multistatus: what was found
// with 200, what was not with 404.
func (q *propertyRequest) write(s *scope, ms *webdav.Multistatus, r *resource) error {
	mark := ms.Mark()
	ms.ResponseStart(r.dir, r.name)
	if err := q.writePropstats(s, ms, r); err != nil {
		ms.Rewind(mark) // a query that becomes too long responds with what it had
		return err
	}
	ms.ResponseEnd()
	return s.fits(ms.Len())
}

// errTooLong refuses what asks for more than one response may hold.
var errTooLong = &webdav.Error{Status: http.StatusInsufficientStorage, Condition: webdav.CondNumberOfMatches,
	Description: "the response would be too long; ask for less at once"}

// fits reports errTooLong if a response of n bytes so far, which is in memory until
// it is sent, has become longer than it may, errNoMemory if there is none for it,
// and the request's error if nobody waits for it any more.
func (s *scope) fits(n int) error {
	if int64(n) > s.h.Limits.MaxResponseSize {
		return errTooLong
	}
	if n-s.waited < askEvery {
		return nil
	}
	s.waited = n
	if err := s.req.memory.fits(n); err != nil {
		return err
	}
	return s.req.Context().Err()
}

// askEvery is how many bytes of a response are written before it is asked again
// whether there is memory for it and anybody waits for it.
const askEvery = 16 << 10

func (q *propertyRequest) writePropstats(s *scope, ms *webdav.Multistatus, r *resource) error {
	if q.only {
		return q.writeNames(s, ms, r)
	}
	var missing []*webdav.Element
	var untold untoldProperties
	opened := false
	for _, p := range q.planFor(s.h, r.kind) {
		mark := ms.Mark()
		if !opened {
			ms.PropstatStart(http.StatusOK)
		}
		found, err := q.writeProperty(s, &ms.Writer, r, p)
		if err != nil {
			value, ok := errors.AsType[*unknownValue](err)
			if !ok {
				return err
			}
			ms.Rewind(mark)
			untold.add(p.element, value.why)
			continue
		}
		if !found {
			ms.Rewind(mark)
			if !p.implied {
				missing = append(missing, p.element)
			}
			continue
		}
		opened = true
	}
	if q.all {
		if !opened {
			ms.PropstatStart(http.StatusOK)
			opened = true
		}
		if err := q.writeDead(s, r, &ms.Writer); err != nil {
			return err
		}
	}
	if q.minimal {
		missing = nil
	}
	if !opened && len(missing)+len(untold) == 0 {
		ms.PropstatStart(http.StatusOK)
		opened = true
	}
	if opened {
		ms.PropstatEnd(nil)
	}
	if len(missing) > 0 {
		ms.Propstat(http.StatusNotFound, missing, nil)
	}
	untold.write(ms)
	return nil
}

// untoldProperties are those of a resource whose values the caller is not told, each
// reason with its properties.
type untoldProperties []struct {
	why   *webdav.Error
	names []*webdav.Element
}

func (u *untoldProperties) add(name *webdav.Element, why *webdav.Error) {
	for i := range *u {
		if same := &(*u)[i]; string(same.why.Body()) == string(why.Body()) && same.why.Code() == why.Code() {
			same.names = append(same.names, name)
			return
		}
	}
	*u = append(*u, struct {
		why   *webdav.Error
		names []*webdav.Element
	}{why, []*webdav.Element{name}})
}

func (u untoldProperties) write(ms *webdav.Multistatus) {
	for _, p := range u {
		ms.Propstat(p.why.Code(), p.names, p.why)
	}
}

// writeProperty writes one property's element: what is stored, if it is one
// that the store keeps, or what its row makes.
func (q *propertyRequest) writeProperty(s *scope, w *webdav.Writer, r *resource, p planned) (bool, error) {
	if p.row == nil && !p.data || p.row != nil && p.row.kept {
		if raw := s.stored(r, p.element.Name); raw != nil {
			w.Raw(raw)
			return true, nil
		}
		if p.row == nil || p.row.get == nil {
			return false, nil
		}
	}
	if p.data {
		return q.data.write(s, r, w)
	}
	if missing := p.row.need &^ r.privileges; missing != 0 {
		return false, &unknownValue{s.req.refusal(s.h, r.dir+r.name, missing)}
	}
	if p.row.getAs != nil {
		return p.row.getAs(s, r, p.element, w)
	}
	w.Start(p.element.Name)
	found, err := p.row.get(s, r, w)
	if found {
		w.End()
	}
	return found, err
}

// writeDead adds all dead properties, for DAV:allprop.
func (q *propertyRequest) writeDead(s *scope, r *resource, w *webdav.Writer) error {
	return s.eachStored(r, func(name xml.Name, raw []byte) {
		if s.h.props.row(name, r.kind) == nil {
			w.Raw(raw)
		}
	})
}

// eachStored calls fn for every property that the store keeps of r.
func (s *scope) eachStored(r *resource, fn func(xml.Name, []byte)) error {
	at, ok := r.place()
	if !ok {
		return nil
	}
	list, err := s.tx.Properties(at.Resource())
	for _, p := range list {
		fn(parsePropertyKey(p.Name), p.Value)
	}
	return err
}

// writeNames serves DAV:propname: the names of all that has a value.
func (q *propertyRequest) writeNames(s *scope, ms *webdav.Multistatus, r *resource) error {
	ms.PropstatStart(http.StatusOK)
	for _, row := range s.h.props.named(r.kind) {
		mark := ms.Mark()
		found, err := q.writeProperty(s, &ms.Writer, r, planned{element: &webdav.Element{Name: row.name}, row: row})
		_, unknown := errors.AsType[*unknownValue](err)
		if err != nil && !unknown {
			return err
		}
		ms.Rewind(mark)
		if found || unknown {
			ms.Empty(row.name)
		}
	}
	err := s.eachStored(r, func(name xml.Name, _ []byte) {
		if s.h.props.row(name, r.kind) == nil {
			ms.Empty(name)
		}
	})
	ms.PropstatEnd(nil)
	return err
}
