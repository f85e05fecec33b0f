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

// A write is what is made of an object.
type write struct {
	path string
	was  []byte // what it was, …
	tag  string // … with its entity tag; "": it was not there
	body []byte // nil: it is deleted
}

// call is the request that does it.
func (w *write) call() caldav.Call {
	c := caldav.Call{Method: http.MethodDelete, Path: w.path, Header: http.Header{}, Body: w.body}
	if w.body != nil {
		c.Method = http.MethodPut
		c.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	}
	if w.tag == "" {
		c.Header.Set("If-None-Match", "*")
	} else {
		c.Header.Set("If-Match", w.tag)
	}
	return c
}

// do writes objects, all of them or none. It returns the path of the one that was refused.
func (d *deed) do(writes ...write) (string, error) {
	calls := make([]caldav.Call, len(writes))
	for i := range writes {
		calls[i] = writes[i].call()
	}
	replies, at, err := callAll(d.r, calls)
	if err != nil {
		return writes[at].path, err
	}
	for i, w := range writes {
		tag := ""
		if w.body != nil {
			if tag, err = etagNow(d.r, w.path, replies[i]); err != nil {
				return w.path, err
			}
		}
		d.note(w.path, tag, w.was)
	}
	return "", nil
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
	_, err = d.do(write{path: p, body: body})
	return p, err
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

// change makes of an object what a change says, all of it or nothing.
func (d *deed) change(s *stored, c edit.Change) error {
	if c.Same {
		return nil
	}
	writes := []write{{path: s.Path, was: s.Body, tag: s.ETag, body: c.Body}}
	if c.Next != nil {
		d.next = path.Dir(s.Path) + "/" + c.UID + ".ics"
		writes = append(writes, write{path: d.next, body: c.Next})
	}
	_, err := d.do(writes...)
	return err
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

// takeBack undoes what was written, the last first: all of it, or nothing. It returns the
// path of what could not be undone.
func takeBack(r *page.Request, f url.Values) (string, error) {
	paths, tags, bodies := f["path"], f["etag"], f["was"]
	if len(paths) == 0 || len(paths) > 4 || len(tags) != len(paths) || len(bodies) != len(paths) {
		return "", page.Fail(http.StatusBadRequest, "")
	}
	var writes []write
	for i := len(paths) - 1; i >= 0; i-- {
		p, err := target(r, paths[i])
		if err != nil {
			return paths[i], err
		}
		was, err := base64.StdEncoding.DecodeString(bodies[i])
		if err != nil || len(was) == 0 && tags[i] == "" {
			return paths[i], page.Fail(http.StatusBadRequest, "")
		}
		w := write{path: p, tag: tags[i]}
		if len(was) > 0 {
			w.body = was
		}
		writes = append(writes, w)
	}
	d := deed{r: r}
	p, err := d.do(writes...)
	if gone, ok := errors.AsType[*page.Error](err); ok && gone.Status == http.StatusNotFound { // it was changed by deleting it
		err = &refusal{&caldav.Reply{Status: http.StatusPreconditionFailed}}
	}
	return p, err
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
