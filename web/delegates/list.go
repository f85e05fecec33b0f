package delegates

import (
	"cmp"
	"net/url"
	"strings"
	"time"

	"convene/admin"
	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/web/page"
)

// listView is the delegates of somebody.
type listView struct {
	Owner     string
	Delegates []delegate
	StandIns  []standInView
	Journal   []entry
	More      int  // entries of the journal that are not shown
	Own       bool // it is the reader's own list: Acts are told
	Acts      []act
	MoreActs  int
	Finder    finder
}

// A delegate is one of them, in the words of the page.
type delegate struct {
	GUID, Name, Says string
	Group            bool
	Directory        bool   // the directory names them: they are changed there
	State            string // text, "" if in force
	Note             string
	Soon             bool // it ends within two weeks
	Edit             string
}

// soon is when an end is near.
const soon = 14 * 24 * time.Hour

func list(r *page.Request) (*page.Answer, error) {
	owner := r.Owner()
	found, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: owner.GUID})
	if err != nil {
		return nil, failed(err)
	}
	names, titles := r.Names(), calendarTitles(r)
	v := listView{Owner: owner.FullName}
	for _, d := range found.Delegates {
		v.Delegates = append(v.Delegates, shown(r, names, titles, d))
	}
	if v.StandIns, err = standInsOf(r, names, found.Delegates); err != nil {
		return nil, failed(err)
	}
	if v.Journal, v.More, err = journal(r, names); err != nil {
		return nil, failed(err)
	}
	if v.Own = r.For == nil; v.Own {
		if v.Acts, v.MoreActs, err = acts(r, names); err != nil {
			return nil, err
		}
	}
	if v.Finder, err = search(r, r.Link("/my/delegates"), directory.User, directory.Group); err != nil {
		return nil, err
	}
	a := r.Show("delegates/list", "delegates.title", v)
	a.Scripts = []string{"finder.js"}
	return a, nil
}

func shown(r *page.Request, names *page.Names, titles map[string]string, d admin.Delegate) delegate {
	out := delegate{
		GUID: d.Delegate, Name: names.Of(d.Delegate), Group: d.Kind == delegation.Group, Directory: d.Attribute != "", Note: d.Note,
		Says: sentence(r, rightOf(d, titles)), Soon: !d.Until.IsZero() && d.Until.Sub(r.Time) < soon,
		Edit: r.Link("/my/delegates/edit") + "?who=" + d.Delegate,
	}
	if !d.InForce(r.Time) {
		out.State = r.Locale.T("delegates.not-begun")
	}
	return out
}

// rightOf is what a delegation gives. titles are what calendars are called, by their names.
func rightOf(d admin.Delegate, titles map[string]string) right {
	x := right{
		level: d.Level, all: d.Scope.All, schedule: !d.NoSchedule, private: d.SeePrivate, manage: d.Manage, substitute: d.Substitute, from: d.From, until: d.Until,
	}
	for _, name := range d.Calendars {
		if t := titles[name]; t != "" {
			name = t
		}
		x.calendars = append(x.calendars, name)
	}
	return x
}

// standInsOf are those who stand in for delegates of the owner.
func standInsOf(r *page.Request, names *page.Names, list []admin.Delegate) (out []standInView, err error) {
	owner := r.Owner().GUID
	seen := map[uint64]bool{}
	for _, d := range list {
		if !d.Substitute {
			continue
		}
		found, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: d.Delegate})
		if err != nil {
			return nil, err
		}
		for _, x := range found.StandIns {
			if x.Delegate == d.Delegate && !seen[x.ID] && (len(x.For) == 0 || contains(x.For, owner)) {
				seen[x.ID] = true
				out = append(out, standInShown(r, names, x))
			}
		}
	}
	return out, nil
}

func contains(list []string, s string) bool {
	for _, one := range list {
		if one == s {
			return true
		}
	}
	return false
}

// An entry is a line of the journal.
type entry struct {
	At   time.Time
	Text string
	Via  string
}

// mostEntries is how many lines of the journal a page shows.
const mostEntries = 50

// journal is what was done about the delegates of the owner, the newest first: also what
// ended by itself, at its moment.
func journal(r *page.Request, names *page.Names) (out []entry, more int, err error) {
	owner := r.Owner().GUID
	events, err := admin.DelegateHistory(r.Context(), r.Site.Admin, admin.DelegateHistoryRequest{Who: owner})
	if err != nil {
		return nil, 0, err
	}
	t := r.Locale
	last := map[uint64]*delegation.Record{} // of each record, what it was last
	ended := func(rec *delegation.Record, by time.Time) {
		if !rec.Until.IsZero() && !by.Before(rec.Until) {
			out = append(out, entry{At: rec.Until, Text: t.T("delegates.j-ended", "name", names.Of(rec.Delegate))})
		}
	}
	for i := range events {
		e := &events[i]
		var text string
		switch {
		case e.StandInBefore != nil || e.StandInAfter != nil:
			text = standInText(r, names, e)
		case e.After != nil && e.After.Delegator == owner:
			key := "delegates.j-changed"
			if e.Before == nil {
				key = "delegates.j-added"
			} else {
				ended(e.Before, e.Time)
			}
			last[e.After.ID] = e.After
			x := e.After
			says := sentence(r, right{
				level: x.Level, all: x.Scope.All, calendars: []string{t.N("delegates.calendars-count", len(x.Scope.Collections))}, schedule: !x.NoSchedule,
				private: x.SeePrivate, manage: x.Manage, substitute: x.Substitute, from: x.From, until: x.Until,
			})
			text = t.T(key, "actor", actorName(r, names, e), "name", names.Of(x.Delegate)) + " " + says
		case e.Before != nil && e.Before.Delegator == owner:
			ended(e.Before, e.Time)
			delete(last, e.Before.ID)
			if e.Verb != "expire" {
				text = t.T("delegates.j-removed", "actor", actorName(r, names, e), "name", names.Of(e.Before.Delegate))
			}
		}
		if text != "" {
			out = append(out, entry{At: e.Time, Text: text, Via: via(r, e.Via)})
		}
	}
	for _, rec := range last {
		ended(rec, r.Time)
	}
	sortEntries(out)
	if len(out) > mostEntries {
		out, more = out[:mostEntries], len(out)-mostEntries
	}
	return out, more, nil
}

// An act is what somebody else did last with an event of the reader.
type act struct {
	At   time.Time
	Text string
	Path string // of the event's page; "": it is not there any more
}

var actKeys = map[calendar.Did]string{calendar.Created: "delegates.act-created", calendar.Changed: "delegates.act-changed", calendar.Deleted: "delegates.act-deleted"}

// acts are what others did in the reader's calendars, the newest first.
func acts(r *page.Request, names *page.Names) (out []act, more int, err error) {
	list, err := r.Site.Calendars.ActsFor(r.Context(), r.Caller)
	if len(list) > mostEntries {
		list, more = list[:mostEntries], len(list)-mostEntries
	}
	for _, a := range list {
		one := act{At: a.At, Text: r.Locale.T(actKeys[a.Did], "name", names.Of(a.By), "title", cmp.Or(a.Title, r.Locale.T("delegates.untitled")))}
		if a.Did != calendar.Deleted {
			u := url.URL{Path: "/my/event/calendars/__uids__/" + r.GUID() + "/" + a.Collection + "/" + a.Object}
			one.Path = u.String()
		}
		out = append(out, one)
	}
	return out, more, err
}

// actorName is who made a change.
func actorName(r *page.Request, names *page.Names, e *admin.DelegateEvent) string {
	if account, ok := strings.CutPrefix(e.Actor, "account:"); ok {
		return r.Locale.T("delegates.operator", "name", account)
	}
	if e.Actor == r.GUID() {
		return r.Locale.T("delegates.you")
	}
	return names.Of(e.Actor)
}

// via says by what means it was made: pages and commands in words, programs as they call
// themselves.
func via(r *page.Request, name string) string {
	switch name {
	case "web":
		return r.Locale.T("delegates.via-pages")
	case "socket", "command":
		return r.Locale.T("delegates.via-command")
	}
	return name
}
