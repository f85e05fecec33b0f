package delegates

import (
	"errors"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/caldav"
	"convene/delegation"
	"convene/directory"
	"convene/web/page"
)

// editView is the form for one delegate.
type editView struct {
	Who, Name string
	Group     bool
	New       bool
	Problem   string
	Action    string
	Back      string

	Write, Schedule, Private, Manage, Substitute bool
	From, Until, Note                            string
	Notify                                       string
	Only                                         bool // the calendars below, and no others
	Calendars                                    []choice
	Deputy                                       bool // who asks is no more than a deputy: what these cannot give is not offered
}

// A choice is a calendar in a form.
type choice struct {
	Name, Title string
	Chosen      bool
}

// calendarTitles are what the calendars of the owner are called, by their names in URLs.
// Those that cannot be looked at go by their names.
func calendarTitles(r *page.Request) map[string]string {
	out := map[string]string{}
	for _, c := range calendarsOf(r) {
		out[c.Name] = c.Title
	}
	return out
}

func calendarsOf(r *page.Request) (out []choice) {
	guid := r.Owner().GUID
	a, err := r.Site.Calendars.Agenda(r.Context(), r.Caller, &caldav.AgendaQuery{
		From: r.Time.Unix(), To: r.Time.Unix() + 1, People: []string{guid}, Skip: func(string) bool { return true }, By: r.By(),
	})
	if err != nil {
		r.Log.Warn("calendars are not known", "user", r.Caller.Login, "err", err)
		return nil
	}
	for _, c := range a.Calendars {
		out = append(out, choice{Name: path.Base(c.Path), Title: c.Name})
	}
	return out
}

// existing is the delegation that there is, nil if there is none, and who it would be.
func existing(r *page.Request, who string) (*admin.Delegate, *directory.Principal, error) {
	p, err := r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.GUID, Value: who})
	if err != nil {
		return nil, nil, err
	}
	if p.Type != directory.User && p.Type != directory.Group || p.GUID == r.Owner().GUID {
		return nil, nil, page.NotFound()
	}
	list, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Who: r.Owner().GUID})
	if err != nil {
		return nil, nil, failed(err)
	}
	for i, d := range list.Delegates {
		if d.Delegate == p.GUID && d.Attribute == "" {
			return &list.Delegates[i], p, nil
		}
	}
	return nil, p, nil
}

func edit(r *page.Request) (*page.Answer, error) {
	was, p, err := existing(r, r.URL.Query().Get("who"))
	if err != nil {
		return nil, err
	}
	v := editView{Who: p.GUID, Name: p.FullName, New: was == nil, Schedule: true, Notify: "inbox"}
	if was != nil {
		v.Write, v.Schedule, v.Private, v.Manage, v.Substitute = was.Level == delegation.LevelWrite, !was.NoSchedule, was.SeePrivate, was.Manage, was.Substitute
		v.From, v.Until, v.Note, v.Only = firstDay(r, was.From), lastDay(r, was.Until), was.Note, !was.Scope.All
		text, err := was.Notify.MarshalText()
		if err != nil {
			return nil, err
		}
		v.Notify = string(text)
	}
	var chosen []string
	if was != nil {
		chosen = was.Calendars
	}
	return form(r, v, p, chosen), nil
}

// form is the page of the form.
func form(r *page.Request, v editView, p *directory.Principal, chosen []string) *page.Answer {
	v.Group, v.Action, v.Back = p.Type == directory.Group, r.Link("/my/delegates/save"), r.Link("/my/delegates")
	v.Deputy = r.For != nil
	v.Calendars = calendarsOf(r)
	for i := range v.Calendars {
		v.Calendars[i].Chosen = slices.Contains(chosen, v.Calendars[i].Name)
	}
	return r.Show("delegates/edit", "delegates.edit", v)
}

// save makes or changes a delegate, as the form says.
func save(r *page.Request) (*page.Answer, error) {
	was, p, err := existing(r, r.PostFormValue("who"))
	if err != nil {
		return nil, err
	}
	on := func(name string) bool { return r.PostFormValue(name) != "" }
	v := editView{
		Who: p.GUID, Name: p.FullName, New: was == nil, Write: r.PostFormValue("level") == "write", Schedule: on("schedule"), Private: on("private"),
		Manage: on("manage"), Substitute: on("substitute"), From: r.PostFormValue("from"), Until: r.PostFormValue("until"), Note: strings.TrimSpace(r.PostFormValue("note")),
		Notify: r.PostFormValue("notify"), Only: r.PostFormValue("scope") == "only",
	}
	change := admin.DelegateChange{Delegator: r.Owner().GUID, Delegate: p.GUID, Level: delegation.LevelRead, Notify: new(delegation.Notify), By: r.Caller.Login}
	if v.Write {
		change.Level = delegation.LevelWrite
	}
	var from, until time.Time
	if was != nil {
		from, until = was.From, was.Until
	}
	if from, err = dayFrom(r, v.From, from); err != nil {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	if until, err = dayUntil(r, v.Until, until); err != nil || change.Notify.UnmarshalText([]byte(v.Notify)) != nil {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	change.Limits = delegation.Limits{
		NoSchedule: v.Write && !v.Schedule, SeePrivate: v.Private, Manage: v.Manage, Substitute: v.Substitute, From: from, Until: until, Note: v.Note,
	}
	if v.Only {
		change.Calendars = r.PostForm["calendar"]
	}
	if r.For != nil && was != nil { // not offered to deputies, and so not taken away
		change.Limits.Manage, change.Limits.Substitute = was.Manage, was.Substitute
	}
	if v.Only && len(change.Calendars) == 0 {
		v.Problem = r.Locale.T("delegates.err-no-calendar")
	} else if _, err = admin.AddDelegate(r.Context(), r.Mine(), change); err != nil {
		if v.Problem = problem(r, err); v.Problem == "" {
			return nil, failed(err)
		}
	}
	if v.Problem != "" {
		a := form(r, v, p, change.Calendars)
		a.Status = http.StatusUnprocessableEntity
		if errors.Is(err, delegation.ErrDenied) {
			a.Status = http.StatusForbidden
		}
		return a, nil
	}
	return r.Go(r.Link("/my/delegates"), "delegates.saved", "name", p.FullName), nil
}

// remove ends a delegation. Who has left the directory is removed by GUID too.
func remove(r *page.Request) (*page.Answer, error) {
	who := r.PostFormValue("who")
	_, err := admin.RemoveDelegate(r.Context(), r.Mine(), admin.DelegateChange{Delegator: r.Owner().GUID, Delegate: who, By: r.Caller.Login})
	if err != nil {
		return nil, failed(err)
	}
	return r.Go(r.Link("/my/delegates"), "delegates.removed", "name", r.Names().Of(who)), nil
}
