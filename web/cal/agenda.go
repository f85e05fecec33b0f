package cal

import (
	"convene/caldav"
	"convene/web/markup"
	"convene/web/page"
	"convene/web/view"
)

// How many days a list is of, and how many events it has at most.
const (
	agendaDays = 30
	agendaMost = 500
)

type agendaView struct {
	frame
	Days []*dayView
	Rest string // path of where it goes on, if there is too much for a page
}

// A dayView is a day of a list.
type dayView struct {
	ID, Date, Name, Path string
	Today                bool
	Events               markup.Fragment
}

// agenda is the page of a list.
func agenda(r *request) (*page.Answer, error) {
	from, to := r.kind.span(r)
	d, err := r.read(from, to, nil)
	if err != nil {
		return nil, err
	}
	title := r.between(from, to-1)
	v := agendaView{frame: r.frame(d, title)}
	n := 0
	for _, l := range view.NewList(from, to, d.items, r.zone) {
		if n += len(l.Items); n > agendaMost && len(v.Days) > 0 {
			v.Rest = pathOf("agenda", l.Day)
			break
		}
		v.Days = append(v.Days, r.dayView(d, l))
	}
	return r.titled("cal/agenda", title, &v), nil
}

func (r *request) dayView(d *diary, l view.DayList) *dayView {
	v := &dayView{ID: "d" + l.Day.String(), Date: l.Day.String(), Name: r.Locale.FullDate(l.Day.Time()), Path: pathOf("day", l.Day), Today: l.Day == r.today}
	for _, n := range l.Items {
		r.line(&v.Events, d, d.Events[n])
	}
	return v
}

func timesOnly(q *caldav.AgendaQuery) { q.TimesOnly = true }

// A Next is what comes next today, for the page on which people begin.
type Next struct {
	Events  markup.Fragment
	Colours string
	Path    string // of today
	Failed  bool   // the calendars could not be read
	State   string // they are of; see page.Request.LiveState
}

// nextMost is how many of them there are.
const nextMost = 6

// NextEvents are the events of the reader that have not ended today. That they cannot be read
// is not an error: the page has other things.
func NextEvents(pr *page.Request) *Next {
	r := newRequest(pr, kindNamed("day"), today(pr))
	n := &Next{Path: pathOf("day", r.day)}
	d, err := r.read(r.day, r.day+1, func(q *caldav.AgendaQuery) { q.From = r.Time.Unix() })
	if err != nil {
		r.Log.Warn("today's events are not known", "user", r.Caller.Login, "err", err)
		n.Failed = true
		return n
	}
	n.State = pr.LiveState(d.State, pr.Time)
	_, n.Colours = r.choices(d)
	for _, e := range d.Events[:min(len(d.Events), nextMost)] {
		r.line(&n.Events, d, e)
	}
	return n
}
