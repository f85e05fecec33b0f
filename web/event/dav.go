package event

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/caldav"
	"convene/directory"
	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// A refusal is a request of the calendars that was not done.
type refusal struct {
	*caldav.Reply
}

// Error returns the status and the condition.
func (r *refusal) Error() string {
	return fmt.Sprintf("calendars: %d %s %s", r.Status, r.Condition, r.Text)
}

// call makes a request of the calendars in the caller's name. Errors: *refusal, and
// *page.Error of what a page cannot help: who may not, what is not there, an outage.
func call(r *page.Request, c caldav.Call) (*caldav.Reply, error) {
	reply := r.Site.Calendars.Call(r.Context(), r.Caller, from(r, c))
	return reply, refused(reply)
}

// callAll makes requests that change objects, all of them or none. at is the one that was
// refused, and errors are call's of it.
func callAll(r *page.Request, calls []caldav.Call) (replies []*caldav.Reply, at int, err error) {
	for i := range calls {
		calls[i] = from(r, calls[i])
	}
	if replies, at = r.Site.Calendars.CallAll(r.Context(), r.Caller, calls); at >= 0 {
		err = refused(replies[at])
	}
	return replies, at, err
}

// from is a Call as the reader's browser makes it.
func from(r *page.Request, c caldav.Call) caldav.Call {
	c.From, c.Line = r.Request, r.Line
	if c.Header == nil {
		c.Header = http.Header{}
	}
	c.Header.Set("Accept-Language", r.Locale.Tag)
	return c
}

// refused is the error of a reply, nil if what was asked for was done.
func refused(reply *caldav.Reply) error {
	if reply.OK() {
		return nil
	}
	err := &refusal{reply}
	switch {
	case reply.Status == http.StatusNotFound:
		return &page.Error{Status: reply.Status, Key: "event.gone", Err: err}
	case reply.Status >= 500 && reply.Status != http.StatusInsufficientStorage:
		seconds, _ := strconv.Atoi(reply.Header.Get("Retry-After")) // 0 where there is none
		return &page.Error{Status: reply.Status, Retry: time.Duration(seconds) * time.Second, Err: err}
	}
	return err
}

// target is the path of an object that a request names; 404 if it is none.
func target(r *page.Request, name string) (string, error) {
	p := "/" + strings.TrimPrefix(name, "/")
	if !strings.HasPrefix(p, "/calendars/") || path.Clean(p) != p || strings.Count(p, "/") < 4 {
		return "", page.NotFound()
	}
	return p, nil
}

// link is the path of a page of an object.
func link(kind, p, at string) string {
	u := url.URL{Path: "/my/event" + kind + p}
	if at != "" {
		u.RawQuery = url.Values{"at": {at}}.Encode()
	}
	return u.String()
}

// A stored object, with what the caller may do with it.
type stored struct {
	Path, ETag string
	Body       []byte
	*ical.Object
	owner *directory.Principal // of the calendar that it is in
	write bool
}

// load reads an object.
func load(r *page.Request, name string) (*stored, error) {
	p, err := target(r, name)
	if err != nil {
		return nil, err
	}
	reply, err := call(r, caldav.Call{Method: http.MethodGet, Path: p})
	if err != nil {
		if refused, ok := errors.AsType[*refusal](err); ok {
			return nil, &page.Error{Status: refused.Status, Err: err}
		}
		return nil, err
	}
	s := &stored{Path: p, ETag: reply.ETag(), Body: reply.Body}
	if s.Object, err = edit.Parse(reply.Body); err != nil || s.Kind != "VEVENT" {
		return nil, page.Fail(http.StatusNotFound, "event.no-event")
	}
	about, err := properties(r, p, "0", "<D:owner/><D:current-user-privilege-set/>")
	if err != nil {
		return nil, err
	}
	if len(about) == 1 {
		s.write = about[0].may("write-content")
		s.owner, err = principal(r, about[0].Owner)
	}
	return s, err
}

// etagNow is the entity tag of an object after it was written, where the answer did not
// say it.
func etagNow(r *page.Request, p string, reply *caldav.Reply) (string, error) {
	if tag := reply.ETag(); tag != "" {
		return tag, nil
	}
	now, err := call(r, caldav.Call{Method: http.MethodGet, Path: p})
	if err != nil {
		return "", err
	}
	return now.ETag(), nil
}

// is reports whether an address is that of the owner of the calendar.
func (s *stored) is(address string) bool { return is(s.owner, address) }

func is(p *directory.Principal, address string) bool {
	return p != nil && slices.ContainsFunc(p.Addresses(), func(a string) bool { return strings.EqualFold(a, address) })
}

// principal is who is at the URL of a principal; nil if nobody is named.
func principal(r *page.Request, href string) (*directory.Principal, error) {
	guid, ok := strings.CutPrefix(strings.TrimSuffix(href, "/"), "/principals/__uids__/")
	if !ok {
		return nil, nil
	}
	guid, err := url.PathUnescape(guid)
	if err != nil {
		return nil, nil
	}
	return r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.GUID, Value: guid})
}

// home is where the calendars of a record are.
func home(p *directory.Principal) string { return "/calendars/__uids__/" + p.GUID + "/" }

// homeOf is the home that a path is in.
func homeOf(p string) string {
	parts := strings.SplitN(p, "/", 5)
	return strings.Join(parts[:4], "/") + "/"
}

// about is what is known of a resource: some of its properties (RFC 4918 §14.24).
type about struct {
	Href       string   `xml:"href"`
	Owner      string   `xml:"propstat>prop>owner>href"`
	Name       string   `xml:"propstat>prop>displayname"`
	Tag        string   `xml:"propstat>prop>getetag"`
	Calendar   *element `xml:"propstat>prop>resourcetype>calendar"`
	Privileges []struct {
		Any []element `xml:",any"`
	} `xml:"propstat>prop>current-user-privilege-set>privilege"`
	Components []struct {
		Name string `xml:"name,attr"`
	} `xml:"propstat>prop>supported-calendar-component-set>comp"`
	Data string `xml:"propstat>prop>calendar-data"`
}

type element struct{ XMLName xml.Name }

func (a *about) may(name string) bool {
	for _, p := range a.Privileges {
		for _, e := range p.Any {
			if e.XMLName.Local == name || e.XMLName.Local == "all" {
				return true
			}
		}
	}
	return false
}

// takesEvents reports whether a calendar is for events.
func (a *about) takesEvents() bool {
	for _, c := range a.Components {
		if c.Name == "VEVENT" {
			return true
		}
	}
	return len(a.Components) == 0
}

const davNames = ` xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"`

// properties asks for some properties of a resource and what is in it.
func properties(r *page.Request, p, depth, names string) ([]about, error) {
	return multistatus(r, caldav.Call{Method: "PROPFIND", Path: p, Header: http.Header{"Depth": {depth}},
		Body: []byte(`<D:propfind` + davNames + `><D:prop>` + names + `</D:prop></D:propfind>`)})
}

func multistatus(r *page.Request, c caldav.Call) ([]about, error) {
	reply, err := call(r, c)
	if refused, ok := errors.AsType[*refusal](err); ok {
		return nil, &page.Error{Status: refused.Status, Err: err}
	}
	if err != nil {
		return nil, err
	}
	var found struct {
		Responses []about `xml:"response"`
	}
	if err := xml.Unmarshal(reply.Body, &found); err != nil {
		return nil, err
	}
	for i := range found.Responses {
		u, err := url.Parse(found.Responses[i].Href)
		if err != nil {
			return nil, err
		}
		found.Responses[i].Href = u.Path
	}
	return found.Responses, nil
}

// A calendar in which events may be.
type calendar struct {
	Path, Name string
	Selected   bool
}

// writable are the calendars of a home in which the caller may make events.
func writable(r *page.Request, home string) (list []calendar, err error) {
	all, err := properties(r, home, "1", "<D:resourcetype/><D:displayname/><D:current-user-privilege-set/><C:supported-calendar-component-set/>")
	for _, a := range all {
		if a.Calendar == nil || !a.takesEvents() || !a.may("bind") {
			continue
		}
		c := calendar{Path: a.Href, Name: a.Name}
		if c.Name == "" {
			c.Name = path.Base(a.Href)
		}
		list = append(list, c)
	}
	return list, err
}
