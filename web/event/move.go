package event

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"convene/web/edit"
	"convene/web/page"
)

// moveView is what the form shows by which an event is moved.
type moveView struct {
	Title, When, Path, At, ETag, Next, Back string
	AllDay                                  bool
	StartDay, StartTime, EndDay, EndTime    string
	Times                                   []choice
	Scopes                                  []choice
	Guests                                  int
	Problem                                 string
}

// moveForm shows it.
func moveForm(r *page.Request) (*page.Answer, error) {
	s, e, err := movable(r)
	if err != nil {
		return nil, err
	}
	return showMove(r, s, e, "", http.StatusOK)
}

// movable is the event that a request is about, as the reader's clock shows it.
func movable(r *page.Request) (*stored, edit.Event, error) {
	s, err := load(r, r.FormValue("path"))
	if err != nil {
		return nil, edit.Event{}, err
	}
	e, err := edit.Form(s.Object, at(r))
	if err != nil {
		return nil, e, page.Fail(http.StatusNotFound, "event.gone")
	}
	if !s.write || e.Organizer != "" && !s.is(e.Organizer) {
		return nil, e, page.Fail(http.StatusForbidden, "event.may-not-change")
	}
	if from, to, ok := moments(r, s.Object, e); ok && !e.AllDay {
		const form = "2006-01-02T15:04"
		e.Start, e.End = from.Format(form), to.Format(form)
	}
	return s, e, nil
}

func showMove(r *page.Request, s *stored, e edit.Event, problem string, status int) (*page.Answer, error) {
	was, err := edit.Form(s.Object, at(r))
	if err != nil {
		return nil, page.Fail(http.StatusNotFound, "event.gone")
	}
	f := formView{}
	f.StartDay, f.StartTime, _ = strings.Cut(e.Start, "T")
	f.EndDay, f.EndTime, _ = strings.Cut(e.End, "T")
	v := moveView{
		Title: titled(r, e.Title), When: span(r, s.Object, was), Path: s.Path, At: at(r), ETag: s.ETag, Next: r.FormValue("next"), Back: link("", s.Path, at(r)),
		AllDay: e.AllDay, StartDay: f.StartDay, StartTime: f.StartTime, EndDay: f.EndDay, EndTime: f.EndTime, Problem: problem, Times: times(r, f.StartTime, f.EndTime),
	}
	if v.At != "" && edit.Repeats(s.Object) {
		v.Scopes = scopes(r, edit.Once)
	}
	for _, g := range e.Guests {
		if !strings.EqualFold(g.Address, e.Organizer) {
			v.Guests++
		}
	}
	a := r.Show("event/move", "event.move", v)
	if status != http.StatusOK {
		a.Status = status
	}
	return a, nil
}

// move puts an event at another time: the fields path, at, start, end and scope, and etag,
// the state in which it was seen. Of a series of which it is not said what is to move, and
// where something is wrong, it shows the form.
func move(r *page.Request) (*page.Answer, error) {
	s, e, err := movable(r)
	if err != nil {
		return nil, err
	}
	f := r.PostForm
	start, end := f.Get("start"), f.Get("end")
	if start == "" {
		start, end = f.Get("start-day"), f.Get("end-day")
		if !e.AllDay {
			start, end = start+"T"+f.Get("start-time"), end+"T"+f.Get("end-time")
		}
	}
	if tag := f.Get("etag"); tag != "" && tag != s.ETag {
		e.Start, e.End = start, end
		return showMove(r, s, e, r.Locale.T("event.changed-meanwhile"), http.StatusPreconditionFailed)
	}
	scope := edit.Scope(f.Get("scope"))
	if scope == "" && at(r) != "" && edit.Repeats(s.Object) {
		e.AllDay, e.Start, e.End = len(start) == len(time.DateOnly), start, end
		return showMove(r, s, e, "", http.StatusOK)
	}
	if scope == "" {
		scope = edit.All
	}
	c, err := maker(r).Move(s.Object, at(r), scope, start, end, r.Zone.String())
	d := deed{r: r}
	if err == nil {
		err = d.change(s, c)
	}
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Status == http.StatusPreconditionFailed {
		if s, e, err = movable(r); err != nil {
			return nil, err
		}
		e.Start, e.End = start, end
		return showMove(r, s, e, r.Locale.T("event.changed-meanwhile"), http.StatusPreconditionFailed)
	}
	if err != nil {
		wrong := faults(r, err)
		if wrong == nil {
			return nil, err
		}
		for _, text := range wrong {
			e.Start, e.End = start, end
			return showMove(r, s, e, text, http.StatusUnprocessableEntity)
		}
	}
	to := f.Get("next")
	if !strings.HasPrefix(to, "/my/") {
		if to = link("", s.Path, at(r)); scope != edit.Once {
			to = d.page(s, scope)
		}
	}
	return d.done(to, "event.moved"), nil
}
