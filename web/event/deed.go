package event

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/url"
	"path"
	"time"

	"convene/caldav"
	"convene/directory"
	"convene/web/edit"
	"convene/web/page"
)

// mostUndo is how many bytes of what was there before a page keeps for undoing.
const mostUndo = 200_000

// A deed is what one request changes, and how it is taken back: the objects it wrote, with
// what they were, and the entity tags that they have now.
type deed struct {
	r    *page.Request
	undo url.Values // the fields path, etag and was of the form that undoes it
	size int
	last bool // it cannot be undone
	next string
}

var calendarData = http.Header{"Content-Type": {"text/calendar; charset=utf-8"}}

// put writes an object. was is what it was, with its entity tag; nil: it was not there.
func (d *deed) put(p string, was []byte, tag string, body []byte) error {
	header := calendarData.Clone()
	if was == nil {
		header.Set("If-None-Match", "*")
	} else {
		header.Set("If-Match", tag)
	}
	reply, err := call(d.r, caldav.Call{Method: http.MethodPut, Path: p, Header: header, Body: body})
	if err != nil {
		return err
	}
	now, err := etagNow(d.r, p, reply)
	if err != nil {
		return err
	}
	d.note(p, now, was)
	return nil
}

// remove deletes an object.
func (d *deed) remove(p string, was []byte, tag string) error {
	_, err := call(d.r, caldav.Call{Method: http.MethodDelete, Path: p, Header: http.Header{"If-Match": {tag}}})
	if err == nil {
		d.note(p, "", was)
	}
	return err
}

func (d *deed) note(p, tag string, was []byte) {
	if d.undo == nil {
		d.undo = url.Values{}
	}
	d.size += len(was)
	d.undo.Add("path", p)
	d.undo.Add("etag", tag)
	d.undo.Add("was", base64.StdEncoding.EncodeToString(was))
}

// create makes an event in a calendar, and returns its path.
func (d *deed) create(e edit.Event, in string) (string, error) {
	in, err := createIn(d.r, in)
	if err != nil {
		return "", err
	}
	if len(e.Guests) > 0 {
		owner, err := ownerOf(d.r, in)
		if err != nil {
			return "", err
		}
		e.Organizer = organizer(owner)
	}
	m := maker(d.r)
	body, err := m.Create(e)
	if err != nil {
		return "", err
	}
	p := in + m.UID + ".ics"
	return p, d.put(p, nil, "", body)
}

// ownerOf is whose calendar is at a path.
func ownerOf(r *page.Request, p string) (*directory.Principal, error) {
	list, err := properties(r, p, "0", "<D:owner/>")
	if err != nil {
		return nil, err
	}
	if len(list) == 1 {
		owner, err := principal(r, list[0].Owner)
		if owner != nil || err != nil {
			return owner, err
		}
	}
	return nil, page.NotFound()
}

// change makes of an object what a change says. What cannot be done in whole is not done:
// a series that could not be split is put together again.
func (d *deed) change(s *stored, c edit.Change) error {
	switch {
	case c.Same:
		return nil
	case c.Body == nil && c.Next == nil:
		return d.remove(s.Path, s.Body, s.ETag)
	case c.Body == nil:
		if err := d.remove(s.Path, s.Body, s.ETag); err != nil {
			return err
		}
	default:
		if err := d.put(s.Path, s.Body, s.ETag, c.Body); err != nil {
			return err
		}
	}
	if c.Next == nil {
		return nil
	}
	d.next = path.Dir(s.Path) + "/" + c.UID + ".ics"
	err := d.put(d.next, nil, "", c.Next)
	if err == nil {
		return nil
	}
	_, undone := takeBack(d.r, d.undo)
	d.undo = nil
	return errors.Join(err, undone)
}

// transfer moves an object into another calendar.
func (d *deed) transfer(s *stored, in string) error {
	in, err := createIn(d.r, in)
	if err != nil {
		return err
	}
	to := in + path.Base(s.Path)
	u := url.URL{Path: to}
	_, err = call(d.r, caldav.Call{Method: "MOVE", Path: s.Path, Header: http.Header{"Destination": {u.String()}, "Overwrite": {"F"}}})
	if err == nil {
		s.Path, d.last = to, true
	}
	return err
}

// page is the path of the page of what a change has left: of the new series, if the
// instance is there now.
func (d *deed) page(s *stored, scope edit.Scope) string {
	if scope == edit.Following && d.next != "" {
		return link("", d.next, "")
	}
	return link("", s.Path, "")
}

// done is the answer after a deed: it leads to a page, and offers to take it back.
func (d *deed) done(to, key string) *page.Answer {
	a := d.r.Go(to, key)
	if d.undo != nil && !d.last && d.size <= mostUndo {
		a.Toast.Undo, a.Toast.Fields = "/my/event/undo", d.undo
	}
	return a
}

// undo takes a deed back, as long as nobody has changed anything of it meanwhile.
func undo(r *page.Request) (*page.Answer, error) {
	f := url.Values{"path": r.PostForm["path"], "etag": r.PostForm["etag"], "was": r.PostForm["was"]}
	p, err := takeBack(r, f)
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.Status == http.StatusPreconditionFailed {
			return late(r, f, p)
		}
		return nil, &page.Error{Status: refused.Status, Err: err}
	}
	if err != nil {
		return nil, err
	}
	to := "/my/"
	if len(f["was"]) > 0 && f["was"][0] != "" {
		to = link("", f["path"][0], "")
	}
	return r.Go(to, "event.undone"), nil
}

// takeBack undoes what was written, the last first. All of it is looked at before anything
// is changed. It returns the path of what could not be undone.
func takeBack(r *page.Request, f url.Values) (string, error) {
	paths, tags, bodies := f["path"], f["etag"], f["was"]
	if len(paths) == 0 || len(paths) > 4 || len(tags) != len(paths) || len(bodies) != len(paths) {
		return "", page.Fail(http.StatusBadRequest, "")
	}
	for i, name := range paths {
		p, err := target(r, name)
		if err != nil {
			return name, err
		}
		reply, err := call(r, caldav.Call{Method: http.MethodGet, Path: p})
		if err != nil && reply.Status != http.StatusNotFound {
			return p, err
		}
		if tag := reply.ETag(); tag != tags[i] {
			return p, &refusal{&caldav.Reply{Status: http.StatusPreconditionFailed}}
		}
	}
	for i := len(paths) - 1; i >= 0; i-- {
		was, err := base64.StdEncoding.DecodeString(bodies[i])
		if err != nil {
			return paths[i], page.Fail(http.StatusBadRequest, "")
		}
		d := deed{r: r}
		switch {
		case len(was) == 0:
			err = d.remove(paths[i], nil, tags[i])
		case tags[i] == "":
			err = d.put(paths[i], nil, "", was)
		default:
			err = d.put(paths[i], was, tags[i], was)
		}
		if err != nil {
			return paths[i], err
		}
	}
	return "", nil
}

// lateView is what is shown of an undoing that came too late.
type lateView struct {
	Rows []row
	Page string
}

// late shows what an event is now and what undoing would have made of it: 412.
func late(r *page.Request, f url.Values, p string) (*page.Answer, error) {
	v := lateView{}
	for i, name := range f["path"] {
		if name != p {
			continue
		}
		was, err := base64.StdEncoding.DecodeString(f["was"][i])
		if err != nil {
			return nil, page.Fail(http.StatusBadRequest, "")
		}
		var before, now edit.Event
		if o, err := edit.Parse(was); err == nil {
			before, _ = edit.Form(o, "") // shown as far as it can be read
		}
		s, err := load(r, p)
		if err == nil {
			now, _ = edit.Form(s.Object, "")
			v.Page = link("", p, "")
		} else {
			s = &stored{}
		}
		v.Rows = differences(r, s, now, before)
	}
	a := r.Show("event/late", "event.late", v)
	a.Status = http.StatusPreconditionFailed
	return a, nil
}

func unix(sec int64) time.Time { return time.Unix(sec, 0) }
