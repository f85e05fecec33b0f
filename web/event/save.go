package event

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// product is the PRODID of what is made here.
const product = "-//convene//pages//EN"

func itoa(n int) string { return strconv.Itoa(n) }

func maker(r *page.Request) edit.Maker {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return edit.Maker{Now: r.Time.UTC(), UID: hex.EncodeToString(b[:]), Prefix: product}
}

// reasons are what is told of a field that is wrong.
var reasons = map[string]string{
	"missing": "event.wrong-missing", "order": "event.wrong-order", "unknown": "event.wrong-unknown", "range": "event.wrong-range",
	"never": "event.wrong-never", "rule": "event.wrong-rule",
}

// conditions are the fields that preconditions are about, and what is told of them.
var conditions = map[string]struct{ field, key string }{
	"max-attendees-per-instance": {"guests", "event.too-many-guests"}, "max-resource-size": {"notes", "event.too-large"},
	"quota-not-exceeded": {"", "event.quota"}, "sufficient-disk-space": {"", "event.quota"}, "need-privileges": {"calendar", "event.may-not"},
	"min-date-time": {"start", "event.wrong-range"}, "max-date-time": {"start", "event.wrong-range"}, "max-instances": {"repeat", "event.too-many-dates"},
	"organizer-allowed": {"guests", "event.may-not-invite"}, "valid-organizer": {"guests", "event.may-not-invite"},
	"attendee-allowed": {"guests", "event.may-not-invite"}, "unique-scheduling-object-resource": {"", "event.twice"}, "no-uid-conflict": {"", "event.twice"},
}

// faults are what is wrong with a form, by field; nil: it is another error.
func faults(r *page.Request, err error) map[string]string {
	if f, ok := errors.AsType[*edit.FieldError](err); ok {
		key := reasons[f.Reason]
		if key == "" {
			key = reasons["missing"]
		}
		return map[string]string{f.Field: r.Locale.T(key)}
	}
	if invalid, ok := errors.AsType[*ical.InvalidError](err); ok {
		return map[string]string{"": r.Locale.T("event.refused", "reason", invalid.Reason)}
	}
	refused, ok := errors.AsType[*refusal](err)
	if !ok {
		return nil
	}
	c, ok := conditions[refused.Condition]
	if ok {
		return map[string]string{c.field: r.Locale.T(c.key)}
	}
	reason := refused.Text
	if reason == "" {
		reason = itoa(refused.Status) + " " + refused.Condition
	}
	return map[string]string{"": r.Locale.T("event.refused", "reason", reason)}
}

// saveNew makes the event of a form.
func saveNew(r *page.Request) (*page.Answer, error) {
	v := &formView{Action: "/my/event/new", Back: "/my/", New: true, Event: readForm(r, edit.Event{})}
	in := r.PostFormValue("calendar")
	if step(r, v, nil) {
		return showForm(r, v, in, http.StatusOK)
	}
	d := deed{r: r}
	p, err := d.create(v.Event, in)
	if err != nil {
		if v.Fault = faults(r, err); v.Fault == nil {
			return nil, err
		}
		check(r, v, nil)
		return showForm(r, v, in, http.StatusUnprocessableEntity)
	}
	return d.done(link("", p, ""), "event.saved"), nil
}

// editForm shows the form of an event that there is.
func editForm(r *page.Request) (*page.Answer, error) {
	s, v, err := formOf(r)
	if err != nil {
		return nil, err
	}
	check(r, v, s.Object)
	return showForm(r, v, s.Path, http.StatusOK)
}

// formOf loads the event of a form. Who may not change it has none.
func formOf(r *page.Request) (*stored, *formView, error) {
	s, err := load(r, r.PathValue("path"))
	if err != nil {
		return nil, nil, err
	}
	e, err := edit.Form(s.Object, at(r))
	if errors.Is(err, edit.ErrNoInstance) {
		return nil, nil, page.Fail(http.StatusNotFound, "event.gone")
	}
	if err != nil {
		return nil, nil, page.Fail(http.StatusNotFound, "event.no-event")
	}
	if !s.write || e.Organizer != "" && !s.is(e.Organizer) {
		return nil, nil, page.Fail(http.StatusForbidden, "event.may-not-change")
	}
	v := &formView{Action: link("/edit", s.Path, ""), Back: link("", s.Path, at(r)), Event: e, ETag: s.ETag, Seen: fingerprint(e)}
	if edit.Repeats(s.Object) {
		v.At = at(r)
	}
	return s, v, nil
}

// saveEdit makes of an event what its form says. What has changed since the form was shown
// is shown beside it, and nothing is lost.
func saveEdit(r *page.Request) (*page.Answer, error) {
	s, v, err := formOf(r)
	if err != nil {
		return nil, err
	}
	now, seen := v.Event, r.PostFormValue("seen")
	v.Event = readForm(r, now)
	scope := edit.Scope(r.PostFormValue("scope"))
	if v.At != "" {
		v.Scopes = scopes(r, scope)
	}
	in := r.PostFormValue("calendar")
	if in == "" {
		in = s.Path
	}
	if step(r, v, s.Object) {
		v.Seen = seen // what was read then is what is changed
		return showForm(r, v, in, http.StatusOK)
	}
	if seen != v.Seen {
		return clashed(r, s, v, now, in)
	}
	if v.Organizer == "" && len(v.Guests) > 0 {
		v.Organizer = organizer(s.owner)
	}
	c, err := maker(r).Save(s.Object, v.At, scope, v.Event)
	d := deed{r: r}
	if err == nil {
		err = d.change(s, c)
	}
	if err == nil && !strings.HasPrefix(s.Path, in) && in != s.Path {
		err = d.transfer(s, in)
	}
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Status == http.StatusPreconditionFailed {
		if s, err = load(r, s.Path); err != nil {
			return nil, err
		}
		if now, err = edit.Form(s.Object, v.At); err != nil {
			return nil, page.Fail(http.StatusNotFound, "event.gone")
		}
		return clashed(r, s, v, now, in)
	}
	if err != nil {
		if v.Fault = faults(r, err); v.Fault == nil {
			return nil, err
		}
		check(r, v, s.Object)
		return showForm(r, v, in, http.StatusUnprocessableEntity)
	}
	to := link("", s.Path, v.At)
	if _, err := edit.At(s.Object, v.At); scope != edit.Once || err != nil {
		to = d.page(s, scope)
	}
	return d.done(to, "event.saved"), nil
}

// clashed shows what an event has become meanwhile beside what a form says: 412.
func clashed(r *page.Request, s *stored, v *formView, now edit.Event, in string) (*page.Answer, error) {
	v.ETag, v.Seen = s.ETag, fingerprint(now)
	v.Clash = &clash{Rows: differences(r, s, now, v.Event)}
	if c, err := edit.At(s.Object, v.At); err == nil {
		if p := c.Prop("LAST-MODIFIED"); p != nil {
			if t, err := p.DateTime(s.Zones); err == nil {
				v.Clash.When = r.Locale.Moment(r.Local(unix(t.Unix(nil))))
			}
		}
	}
	return showForm(r, v, in, http.StatusPreconditionFailed)
}

// differences are the fields in which two events differ.
func differences(r *page.Request, s *stored, theirs, yours edit.Event) (rows []row) {
	t := r.Locale
	add := func(key, theirs, yours string) {
		if theirs != yours {
			rows = append(rows, row{t.T(key), theirs, yours})
		}
	}
	names := func(all []edit.Guest) string {
		var list []string
		for _, g := range guests(r, all) {
			list = append(list, g.Shown)
		}
		slices.Sort(list)
		return strings.Join(list, ", ")
	}
	add("event.title", theirs.Title, yours.Title)
	add("event.when", span(r, s.Object, theirs), span(r, s.Object, yours))
	add("event.repeat", words(r, theirs), words(r, yours))
	add("event.place", theirs.Place, yours.Place)
	add("event.notes", theirs.Notes, yours.Notes)
	add("event.guests", names(theirs.Guests), names(yours.Guests))
	return rows
}

// askView is what the page before deleting shows.
type askView struct {
	Action, Back, Title, When, ETag, At string
	Scopes                              []choice
	Guests                              int
}

func askDelete(r *page.Request) (*page.Answer, error) {
	s, err := load(r, r.PathValue("path"))
	if err != nil {
		return nil, err
	}
	c, err := edit.At(s.Object, at(r))
	if err != nil {
		return nil, page.Fail(http.StatusNotFound, "event.gone")
	}
	e, err := edit.Read(s.Object, c)
	if err != nil {
		return nil, page.Fail(http.StatusNotFound, "event.no-event")
	}
	v := askView{Action: link("/delete", s.Path, ""), Back: link("", s.Path, at(r)), Title: titled(r, e.Title), When: span(r, s.Object, e), ETag: s.ETag, At: at(r)}
	if edit.Repeats(s.Object) && v.At != "" {
		v.Scopes = scopes(r, edit.Once)
	}
	for _, g := range e.Guests {
		if !strings.EqualFold(g.Address, e.Organizer) && s.is(e.Organizer) {
			v.Guests++
		}
	}
	return r.Show("event/delete", "event.delete", v), nil
}

// remove deletes an event, or some instances of it.
func remove(r *page.Request) (*page.Answer, error) {
	s, err := load(r, r.PathValue("path"))
	if err != nil {
		return nil, err
	}
	if tag := r.PostFormValue("etag"); tag != "" && tag != s.ETag {
		return askDeleteAgain(r)
	}
	scope := edit.Scope(r.PostFormValue("scope"))
	if scope == "" {
		scope = edit.All
	}
	c, err := maker(r).Delete(s.Object, at(r), scope)
	if errors.Is(err, edit.ErrNoInstance) {
		return nil, page.Fail(http.StatusNotFound, "event.gone")
	}
	d := deed{r: r}
	if err == nil {
		err = d.change(s, c)
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.Status == http.StatusPreconditionFailed {
			return askDeleteAgain(r)
		}
		return nil, &page.Error{Status: refused.Status, Err: err}
	}
	if err != nil {
		return nil, err
	}
	return d.done("/my/", "event.deleted"), nil
}

// askDeleteAgain shows an event that has changed since somebody wanted to delete it.
func askDeleteAgain(r *page.Request) (*page.Answer, error) {
	a, err := askDelete(r)
	if err == nil {
		a.Status = http.StatusPreconditionFailed
	}
	return a, err
}

// createIn is the calendar of a form: the first that takes events, if it names none.
func createIn(r *page.Request, in string) (string, error) {
	base := home(r.Caller.Principal)
	if in != "" {
		p, err := target(r, in+"x")
		if err != nil || !strings.HasSuffix(in, "/") {
			return "", page.NotFound()
		}
		base = homeOf(p)
	}
	all, err := writable(r, base)
	if err != nil {
		return "", err
	}
	for _, c := range all {
		if in == "" || c.Path == in {
			return c.Path, nil
		}
	}
	return "", &edit.FieldError{Field: "calendar", Reason: "unknown"}
}
