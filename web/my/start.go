package my

import (
	"convene/sacl"
	"convene/web/cal"
	"convene/web/page"
)

// startView is what the start page shows: who is reading, and where there is more.
type startView struct {
	Name   string
	Emails []string
	Today  string
	Admin  bool
	Home   string // path of their calendars for programs
	Next   *cal.Next
	State  string // of the calendars; see page.Request.LiveState
}

func start(r *page.Request) (*page.Answer, error) {
	p := r.Caller.Principal
	next := cal.NextEvents(r)
	a := r.Show("my/start", "my.start", startView{
		Name: p.FullName, Emails: p.Emails, Today: r.Locale.FullDate(r.Local(r.Time)), Admin: r.May(sacl.Admin),
		Home: page.Origin(r) + "/", Next: next, State: next.State,
	})
	a.Scripts = []string{"live.js"}
	return a, nil
}

func help(r *page.Request) (*page.Answer, error) {
	return r.Show("my/help", "my.help", struct{ Address string }{page.Origin(r) + "/"}), nil
}
