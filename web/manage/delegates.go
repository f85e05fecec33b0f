package manage

import (
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/directory"
	"convene/web/page"
)

// A delegateRow is a delegation in a list for administrators.
type delegateRow struct {
	Delegator, Delegate         string // GUIDs
	DelegatorName, DelegateName string
	Level, State, Limits        string
	Until                       time.Time
	Soon, Directory             bool
	Command                     string // that ends it
}

// soon is when an end is near.
const soon = 14 * 24 * time.Hour

func delegateRowOf(r *page.Request, names *page.Names, d admin.Delegate) delegateRow {
	t := r.Locale
	out := delegateRow{
		Delegator: d.Delegator, Delegate: d.Delegate, DelegatorName: names.Of(d.Delegator), DelegateName: names.Of(d.Delegate), Until: d.Until,
		Soon: d.State == "in force" && !d.Until.IsZero() && d.Until.Sub(r.Time) < soon, Directory: d.Attribute != "",
		Command: command("delegate", "remove", orGUID(d.DelegatorName, d.Delegator), orGUID(d.DelegateName, d.Delegate)),
	}
	out.Level = t.T("manage.read")
	if d.Level == delegation.LevelWrite {
		out.Level = t.T("manage.write")
	}
	switch d.State {
	case "in force":
		out.State = t.T("manage.in-force")
	case "ended":
		out.State = t.T("manage.ended")
	default:
		out.State = t.T("manage.not-begun")
	}
	var limits []string
	for _, l := range []struct {
		is  bool
		key string
	}{
		{!d.Scope.All, "manage.some-calendars"}, {d.SeePrivate, "manage.private"}, {d.Manage, "manage.deputy"}, {d.Substitute, "manage.substitute"},
		{d.NoSchedule, "manage.no-schedule"}, {d.Attribute != "", "manage.by-directory"},
	} {
		if l.is {
			limits = append(limits, t.T(l.key))
		}
	}
	if d.Through != "" {
		limits = append(limits, t.T("manage.through", "name", d.Through))
	}
	out.Limits = strings.Join(limits, ", ")
	return out
}

func orGUID(name, guid string) string {
	if name != "" {
		return name
	}
	return guid
}

type delegatesView struct {
	Query, Show string
	Shows       []option
	Rows        []delegateRow
	More        int
	Remarks     []string
	Problem     string
	Form        delegateForm
	Command     string
}

// A delegateForm is what was written into the form to add one.
type delegateForm struct{ Delegator, Delegate, Level, Until string }

// mostRows is how many delegations a page lists.
const mostRows = 200

func delegates(r *page.Request) (*page.Answer, error) { return delegatesPage(r, delegateForm{}, "") }

func delegatesPage(r *page.Request, form delegateForm, problem string) (*page.Answer, error) {
	q := r.URL.Query()
	v := delegatesView{Query: strings.TrimSpace(q.Get("q")), Show: q.Get("show"), Form: form, Problem: problem}
	keys := []option{{Value: "", Text: "manage.show-now"}, {Value: "soon", Text: "manage.show-soon"}, {Value: "all", Text: "manage.show-all"}}
	for _, o := range keys {
		v.Shows = append(v.Shows, option{o.Value, r.Locale.T(o.Text), o.Value == v.Show})
	}
	words := []string{"delegate", "list"}
	if v.Show == "all" {
		words = append(words, "--ended")
	}
	v.Command = command(words...)
	list, err := admin.ListDelegates(r.Context(), r.Site.Admin, admin.DelegatesRequest{Ended: v.Show == "all"})
	if err != nil {
		return nil, failed(err)
	}
	names := r.Names()
	for _, d := range list.Delegates {
		one := delegateRowOf(r, names, d)
		has := strings.Contains(strings.ToLower(one.DelegatorName+" "+one.DelegateName+" "+d.DelegatorName+" "+d.DelegateName), strings.ToLower(v.Query))
		if has && (v.Show != "soon" || one.Soon) {
			v.Rows = append(v.Rows, one)
		}
	}
	slices.SortStableFunc(v.Rows, func(a, b delegateRow) int {
		return strings.Compare(a.DelegatorName+" "+a.DelegateName, b.DelegatorName+" "+b.DelegateName)
	})
	if len(v.Rows) > mostRows {
		v.Rows, v.More = v.Rows[:mostRows], len(v.Rows)-mostRows
	}
	a := r.Show("manage/delegates", "manage.delegates", v)
	if problem != "" {
		a.Status = http.StatusUnprocessableEntity
	}
	return a, nil
}

func addDelegate(r *page.Request) (*page.Answer, error) {
	f := delegateForm{
		strings.TrimSpace(r.PostFormValue("delegator")), strings.TrimSpace(r.PostFormValue("delegate")), r.PostFormValue("level"), r.PostFormValue("until"),
	}
	change := admin.DelegateChange{Delegator: f.Delegator, Delegate: f.Delegate, Level: delegation.LevelRead, By: r.Caller.Login}
	if f.Level == "write" {
		change.Level = delegation.LevelWrite
	}
	if f.Until != "" {
		t, err := time.Parse(time.DateOnly, f.Until)
		if err != nil {
			return nil, page.Fail(http.StatusBadRequest, "")
		}
		change.Limits.Until = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, r.Zone)
	}
	_, err := admin.AddDelegate(r.Context(), r.Administrator(), change)
	for _, p := range []struct {
		err error
		key string
	}{
		{directory.ErrNotFound, "manage.err-unknown"}, {directory.ErrAmbiguous, "manage.err-unknown"}, {delegation.ErrSelf, "manage.err-self"},
		{delegation.ErrRoomDelegate, "manage.err-room"}, {delegation.ErrNoCalendars, "manage.err-calendars"}, {delegation.ErrEndBeforeBegin, "manage.err-times"},
	} {
		if errors.Is(err, p.err) {
			return delegatesPage(r, f, r.Locale.T(p.key))
		}
	}
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/admin/delegates", "manage.added"), nil
}

func removeDelegate(r *page.Request) (*page.Answer, error) {
	_, err := admin.RemoveDelegate(r.Context(), r.Administrator(), admin.DelegateChange{
		Delegator: r.PostFormValue("delegator"), Delegate: r.PostFormValue("delegate"), By: r.Caller.Login,
	})
	if err != nil {
		return nil, failed(err)
	}
	return r.Go("/admin/delegates", "manage.removed"), nil
}
