package server

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"convene/delegation"
	"convene/directory"
	"convene/imip"
)

// news gathers what each person is told of one act.
type news struct {
	h     *herald
	g     *generation
	ctx   context.Context // of the pass
	set   *delegation.Set
	actor string // who knows already

	known map[string]*directory.Principal
	err   error // of the directory: then nobody is told now
	parts map[string][]imip.NewsPart
}

func (h *herald) newsOf(ctx context.Context, g *generation, set *delegation.Set) *news {
	return &news{h: h, g: g, ctx: ctx, set: set, known: map[string]*directory.Principal{}, parts: map[string][]imip.NewsPart{}}
}

// find is the record of a GUID; nil: there is none, or it is not known now.
func (n *news) find(guid string) *directory.Principal {
	p, asked := n.known[guid]
	if asked || n.err != nil {
		return p
	}
	p, err := n.g.directory.Lookup(n.ctx, directory.Key{By: directory.GUID, Value: guid})
	if err != nil && !errors.Is(err, directory.ErrNotFound) {
		n.err = err
		return nil
	}
	n.known[guid] = p
	return p
}

// name is how people call a principal.
func (n *news) name(guid string) string {
	if p := n.find(guid); p != nil {
		return cmp.Or(p.FullName, p.Name, guid)
	}
	return guid
}

// record tells of one delegation those whom it concerns.
func (n *news) record(what string, r *delegation.Record) {
	line := imip.NewsLine{What: what, Who: n.name(r.Delegate), Write: r.Level == delegation.LevelWrite, NoSchedule: r.NoSchedule && r.Level == delegation.LevelWrite,
		Some: !r.Scope.All, Private: r.SeePrivate, Manage: r.Manage, From: seconds(r.From), Until: seconds(r.Until)}
	n.delegator(r.Delegator, line)
	if r.Notify == delegation.NotifyMail {
		line.Who = ""
		n.tell(r.Delegate, n.name(r.Delegator), line)
	}
}

// standIn tells those for whom somebody acts in the place of their delegate.
func (n *news) standIn(what string, x *delegation.StandIn) {
	line := imip.NewsLine{What: what, Who: n.name(x.StandIn), For: n.name(x.Delegate), From: seconds(x.From), Until: seconds(x.Until)}
	delegators := x.For
	if len(delegators) == 0 {
		for _, r := range n.set.RecordsFor(x.Delegate) {
			delegators = append(delegators, r.Delegator)
		}
	}
	for _, guid := range delegators {
		n.delegator(guid, line)
	}
}

// delegator tells a delegator, or those who look after a location or resource.
func (n *news) delegator(guid string, line imip.NewsLine) {
	p := n.find(guid)
	if !n.g.config.Delegates.Tell || p == nil {
		return
	}
	if p.Type != directory.Location && p.Type != directory.Resource {
		n.tell(guid, "", line)
		return
	}
	keepers := map[string]bool{}
	for _, r := range n.set.Delegates(guid, n.h.s.now()) {
		keepers[r.Delegate] = keepers[r.Delegate] || r.Manage
	}
	all, err := n.g.appointed.All(n.ctx)
	if err != nil {
		n.err = err
	}
	for _, r := range all {
		if r.Delegator == guid {
			keepers[r.Delegate] = keepers[r.Delegate] || r.Manage
		}
	}
	for keeper, keeps := range keepers {
		if keeps {
			n.tell(keeper, n.name(guid), line)
		}
	}
}

// tell adds a line to the letter of somebody who has not done it themselves.
func (n *news) tell(guid, whose string, line imip.NewsLine) {
	if guid == n.actor {
		return
	}
	parts := n.parts[guid]
	i := slices.IndexFunc(parts, func(p imip.NewsPart) bool { return p.Whose == whose })
	if i < 0 {
		i = len(parts)
		parts = append(parts, imip.NewsPart{Whose: whose})
	}
	if parts[i].Changes = append(parts[i].Changes, line); whose == "" && i > 0 { // what is one's own comes first
		parts[0], parts[i] = parts[i], parts[0]
	}
	n.parts[guid] = parts
}

// letter is the letter to somebody, and the owner of the home in whose queue it waits;
// nil: they have no mail address, or no calendars.
func (n *news) letter(ctx context.Context, guid string, about imip.News) (home string, l *imip.Letter, err error) {
	p := n.find(guid)
	if n.err != nil || p == nil || !p.CalendarEnabled || len(p.Emails) == 0 {
		return "", nil, n.err
	}
	about.About = n.parts[guid]
	l, err = imip.NewNews(p.GUID, p.FullName, p.Emails[0], p.Language, about)
	if errors.Is(err, imip.ErrNoMailbox) {
		return "", nil, nil
	}
	if err == nil {
		err = n.g.calendarData.Provision(ctx, p)
	}
	return p.GUID, l, err
}

// seconds is a time in Unix seconds; 0: none.
func seconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}
