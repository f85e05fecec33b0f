package admin

import (
	"context"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"convene/delegation"
	"convene/delegation/appointed"
	"convene/directory"
	"convene/store"
)

// A Delegate is one delegation as it is shown.
type Delegate struct {
	delegation.Record
	// The names of the two, such as user:tom; "" of who is not in the directory.
	DelegatorName string `json:"delegatorName,omitempty"`
	DelegateName  string `json:"delegateName,omitempty"`
	CreatedByName string `json:"createdByName,omitempty"`
	// Through is the group by which it leads to who was asked about, "" directly.
	Through string `json:"through,omitempty"`
	State   string `json:"state"` // "in force", "not begun" or "ended"
	// Calendars are the names of those that it is about, where it is not about all. One
	// that is there no more has none.
	Calendars []string `json:"calendars,omitempty"`
}

// A StandIn is a stand-in as it is shown.
type StandIn struct {
	delegation.StandIn
	DelegateName string `json:"delegateName,omitempty"`
	StandInName  string `json:"standInName,omitempty"`
	State        string `json:"state"`
}

// Delegates are the delegations that were asked about.
type Delegates struct {
	Delegates []Delegate `json:"delegates"`
	StandIns  []StandIn  `json:"standIns"`
}

// DelegatesRequest asks for delegations. An empty Who is everybody.
type DelegatesRequest struct {
	Who   string `json:"who,omitempty"`
	For   bool   `json:"for,omitempty"`   // those in which Who is the delegate, also through groups
	Ended bool   `json:"ended,omitempty"` // those that have ended as well
}

// ListDelegates says who acts for whom. Errors: those of the directory,
// delegation.ErrRefused.
func ListDelegates(ctx context.Context, c Conn, r DelegatesRequest) (Delegates, error) {
	return call[Delegates](ctx, c, "delegate-list", r)
}

// DelegateReason is a record, and why it counts for somebody or not.
type DelegateReason struct {
	Delegate *Delegate        `json:"delegate,omitempty"` // nil: the stand-in leads to none
	StandIn  *StandIn         `json:"standIn,omitempty"`  // by whom, if not as the delegate
	Grant    delegation.Grant `json:"grant"`
	Counts   bool             `json:"counts"`
	Why      string           `json:"why"`
}

// DelegateExplanation says what somebody may do for another, and why.
type DelegateExplanation struct {
	Actor     string           `json:"actor"`
	Delegator string           `json:"delegator"`
	Calendar  string           `json:"calendar,omitempty"` // of the URL that was asked about
	Grant     delegation.Grant `json:"grant"`
	Reasons   []DelegateReason `json:"reasons"`
}

// DelegateQuestion asks what Actor may do for Delegator, and with the calendar that
// URL is or lies in, if it is not empty.
type DelegateQuestion struct {
	Actor     string `json:"actor"`
	Delegator string `json:"delegator"`
	URL       string `json:"url,omitempty"`
}

// ExplainDelegate says what somebody may do for another as a delegate, with every
// record and why it counts or does not. Errors: as ListDelegates.
func ExplainDelegate(ctx context.Context, c Conn, q DelegateQuestion) (DelegateExplanation, error) {
	return call[DelegateExplanation](ctx, c, "delegate-explain", q)
}

// DelegateRemarks is what a look at all delegations found.
type DelegateRemarks struct {
	Remarks []delegation.Remark `json:"remarks"`
	Strays  []appointed.Stray   `json:"strays"`
}

// CheckDelegates looks for delegations of who is not there any more, and the like, and
// for values in the directory that lead to nobody. Errors: as ListDelegates.
func CheckDelegates(ctx context.Context, c Conn) (DelegateRemarks, error) {
	return call[DelegateRemarks](ctx, c, "delegate-check", None{})
}

func (a *Admin) now() time.Time {
	if a.Now != nil {
		return a.Now()
	}
	return time.Now()
}

// names finds out what principals are called, each once.
type names struct {
	ctx   context.Context
	dir   directory.Directory
	known map[string]string
}

func (a *Admin) names(ctx context.Context) *names {
	return &names{ctx: ctx, dir: a.Directory, known: map[string]string{}}
}

// of returns a name by which Find finds a principal; "" if the directory does not say.
func (n *names) of(guid string) string {
	name, ok := n.known[guid]
	if !ok {
		if p, err := n.dir.Lookup(n.ctx, directory.Key{By: directory.GUID, Value: guid}); err == nil {
			name = directory.RefTo(p).String()
		}
		n.known[guid] = name
	}
	return name
}

// The states of a record.
const (
	stateInForce  = "in force"
	stateNotBegun = "not begun"
	stateEnded    = "ended"
)

func stateOf(inForce bool, until, now time.Time) string {
	switch {
	case inForce:
		return stateInForce
	case !until.IsZero() && !now.Before(until):
		return stateEnded
	}
	return stateNotBegun
}

func (n *names) delegate(r delegation.Record, through string, now time.Time) Delegate {
	d := Delegate{Record: r, DelegatorName: n.of(r.Delegator), DelegateName: n.of(r.Delegate), State: stateOf(r.InForce(now), r.Until, now)}
	if r.CreatedBy != "" {
		d.CreatedByName = n.of(r.CreatedBy)
	}
	if through != "" {
		if d.Through = n.of(through); d.Through == "" {
			d.Through = through
		}
	}
	return d
}

func (n *names) standIn(x delegation.StandIn, now time.Time) StandIn {
	return StandIn{StandIn: x, DelegateName: n.of(x.Delegate), StandInName: n.of(x.StandIn), State: stateOf(x.InForce(now), x.Until, now)}
}

func (a *Admin) delegateList(ctx context.Context, r DelegatesRequest) (out Delegates, err error) {
	set, err := a.Delegates.Read()
	if err != nil {
		return out, err
	}
	guid := ""
	if r.Who != "" {
		p, err := a.find(ctx, r.Who)
		if err != nil {
			return out, err
		}
		guid = p.GUID
	}
	appointees, err := a.Appointed.All(ctx)
	if err != nil {
		return out, err
	}
	now, names := a.now(), a.names(ctx)
	out = Delegates{[]Delegate{}, []StandIn{}}
	defer func() {
		if err == nil {
			err = a.nameCalendars(ctx, out.Delegates)
		}
	}()
	add := func(rec delegation.Record, through string) {
		if d := names.delegate(rec, through, now); r.Ended || d.State != stateEnded {
			out.Delegates = append(out.Delegates, d)
		}
	}
	if r.For && guid != "" {
		groups, err := a.Directory.Groups(ctx, guid)
		if err != nil {
			return out, err
		}
		recordsFor(set, appointees, guid, groups, add)
	} else {
		for _, rec := range set.Records(guid) {
			add(rec, "")
		}
		for _, rec := range appointees {
			if guid == "" || rec.Delegator == guid {
				add(rec, "")
			}
		}
	}
	for _, x := range set.StandIns(guid) {
		if s := names.standIn(x, now); r.Ended || s.State != stateEnded {
			out.StandIns = append(out.StandIns, s)
		}
	}
	return out, nil
}

// nameCalendars fills in the names of the calendars that delegations are about.
func (a *Admin) nameCalendars(ctx context.Context, list []Delegate) error {
	return a.Store.View(ctx, func(tx *store.Tx) error {
		for i := range list {
			d := &list[i]
			var err error
			if d.Calendars, err = scopeNames(tx, d.Scope); err != nil {
				return err
			}
		}
		return nil
	})
}

// scopeNames are the names of the calendars of a scope that are there.
func scopeNames(tx *store.Tx, s delegation.Scope) (names []string, err error) {
	for _, id := range s.Collections {
		switch c, err := tx.CollectionByID(store.CollectionID(id)); {
		case err == nil:
			names = append(names, c.Name)
		case !errors.Is(err, store.ErrNotFound):
			return nil, err
		}
	}
	return names, nil
}

// recordsFor visits the records that name a principal or one of their groups, and
// through which group.
func recordsFor(set *delegation.Set, appointees []delegation.Record, guid string, groups []string, visit func(delegation.Record, string)) {
	for _, name := range append([]string{guid}, groups...) {
		through := name
		if name == guid {
			through = ""
		}
		for _, rec := range set.RecordsFor(name) {
			visit(rec, through)
		}
		for _, rec := range appointees {
			if rec.Delegate == name {
				visit(rec, through)
			}
		}
	}
}

// delegateCaller is a principal with their groups, and those of whom they stand in
// for. Who is not in the directory has none.
func (a *Admin) delegateCaller(ctx context.Context, set *delegation.Set, guid string) (c delegation.Caller, err error) {
	c = delegation.Caller{GUID: guid, Replaces: map[string][]string{}}
	if c.Groups, err = a.Directory.Groups(ctx, guid); err != nil {
		return c, err
	}
	for _, other := range set.Replaced(guid, a.now()) {
		groups, err := a.Directory.Groups(ctx, other)
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return c, err
		}
		c.Replaces[other] = groups
	}
	return c, nil
}

func (a *Admin) delegateExplain(ctx context.Context, q DelegateQuestion) (e DelegateExplanation, err error) {
	set, err := a.Delegates.Read()
	if err != nil {
		return e, err
	}
	actor, err := a.find(ctx, q.Actor)
	if err != nil {
		return e, err
	}
	delegator, err := a.find(ctx, q.Delegator)
	if err != nil {
		return e, err
	}
	caller, err := a.delegateCaller(ctx, set, actor.GUID)
	if err != nil {
		return e, err
	}
	appointees, _, err := appointed.Of(delegator, appointed.Lookups(ctx, a.Directory))
	if err != nil {
		return e, err
	}
	now, names := a.now(), a.names(ctx)
	d := set.Delegation(caller, delegator.GUID, appointees, now)
	e = DelegateExplanation{Actor: names.of(actor.GUID), Delegator: names.of(delegator.GUID), Grant: d.Grant, Reasons: []DelegateReason{}}
	var collection *uint32
	if q.URL != "" {
		if e.Calendar, collection, err = a.calendarOf(ctx, delegator, q.URL); err != nil {
			return e, err
		}
		e.Grant = d.At(*collection)
	}
	for _, r := range set.Explain(caller, delegator.GUID, appointees, now) {
		e.Reasons = append(e.Reasons, names.reason(r, collection, now))
	}
	return e, nil
}

// reason shows a reason, with regard to a calendar if there is one.
func (n *names) reason(r delegation.Reason, collection *uint32, now time.Time) DelegateReason {
	out := DelegateReason{Grant: r.Grant, Counts: r.Not == "", Why: r.Not}
	if r.Record.Delegator != "" {
		d := n.delegate(r.Record, r.Group, now)
		out.Delegate = &d
	}
	if r.StandIn != nil {
		x := n.standIn(*r.StandIn, now)
		out.StandIn = &x
	}
	if out.Counts && collection != nil && !r.Record.Scope.Covers(*collection) {
		out.Counts, out.Why = false, "its scope does not have the calendar"
	}
	if out.Counts {
		out.Why = "names the caller"
		if r.Group != "" {
			out.Why = "names a group of the caller"
		}
		if r.StandIn != nil {
			out.Why = "names the one in whose place the caller acts"
		}
	}
	return out
}

// calendarOf finds the collection that a URL below a calendar home is or lies in.
func (a *Admin) calendarOf(ctx context.Context, owner *directory.Principal, url string) (name string, id *uint32, err error) {
	if at := strings.Index(url, "://"); at >= 0 {
		_, rest, _ := strings.Cut(url[at+3:], "/")
		url = "/" + rest
	}
	parts := strings.Split(strings.Trim(path.Clean("/"+url), "/"), "/")
	if len(parts) < 4 || parts[0] != "calendars" {
		return "", nil, fmt.Errorf("%s: %w: name a calendar, such as /calendars/users/ann/work/", url, ErrRequest)
	}
	ids, err := a.collections(ctx, owner, parts[3:4])
	if err != nil {
		return "", nil, err
	}
	return parts[3], &ids[0], nil
}

// collections are the numbers of the collections of some names in a home. Errors:
// store.ErrNotFound.
func (a *Admin) collections(ctx context.Context, owner *directory.Principal, names []string) (ids []uint32, err error) {
	err = a.Store.View(ctx, func(tx *store.Tx) error {
		ids = nil
		home, err := tx.Home(owner.GUID)
		if err != nil {
			return fmt.Errorf("%s has no calendars yet: %w", owner.Name, err)
		}
		for _, name := range names {
			c, err := tx.Collection(home.ID, name)
			if err != nil {
				return fmt.Errorf("calendar %q of %s: %w", name, owner.Name, err)
			}
			ids = append(ids, uint32(c.ID))
		}
		return nil
	})
	return ids, err
}

func (a *Admin) delegateCheck(ctx context.Context, _ None) (out DelegateRemarks, err error) {
	set, err := a.Delegates.Read()
	if err != nil {
		return out, err
	}
	out.Remarks, err = set.Check(a.now(), func(guid string) (delegation.Known, bool, error) {
		p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
		if errors.Is(err, directory.ErrNotFound) {
			return delegation.Known{}, false, nil
		}
		if err != nil {
			return delegation.Known{}, false, err
		}
		k := delegation.Known{Principal: appointed.Principal(p)}
		if k.Kind == delegation.Group {
			members, err := a.Directory.MemberGUIDs(ctx, guid, directory.Nested)
			if err != nil {
				return k, false, err
			}
			k.Members = len(members)
		}
		return k, true, nil
	})
	if err != nil {
		return out, err
	}
	out.Remarks = append([]delegation.Remark{}, out.Remarks...)
	if err := a.Appointed.Refresh(ctx); err != nil {
		return out, err
	}
	strays, err := a.Appointed.Strays(ctx)
	out.Strays = append([]appointed.Stray{}, strays...)
	return out, err
}
