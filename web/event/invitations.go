package event

import (
	"errors"
	"math"
	"net/http"
	"slices"
	"strings"

	"convene/caldav"
	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// An invitation waits for an answer.
type invitation struct {
	Path, At, Page, Answer string
	Title, When, Organizer string
	Repeat, Place          string
	start                  int64
}

type invitationsView struct {
	List []invitation
	Many bool
}

// mostInvitations is how many are shown at once.
const mostInvitations = 200

func invitations(r *page.Request) (*page.Answer, error) {
	list, err := waiting(r)
	if err != nil {
		return nil, err
	}
	v := invitationsView{List: list}
	if len(v.List) > mostInvitations {
		v.List, v.Many = v.List[:mostInvitations], true
	}
	return r.Show("event/invitations", "event.invitations", v), nil
}

// unanswered asks for the events of a calendar that end later than a moment and wait for
// an answer of somebody (RFC 4791 §7.8).
const unanswered = `<C:calendar-query` + davNames + `><D:prop><D:getetag/><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR">` +
	`<C:comp-filter name="VEVENT"><C:time-range start="NOW"/><C:prop-filter name="ATTENDEE"><C:param-filter name="PARTSTAT">` +
	`<C:text-match collation="i;ascii-casemap">NEEDS-ACTION</C:text-match></C:param-filter></C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`

// waiting are the invitations of the caller that have not been answered, the next first.
func waiting(r *page.Request) (list []invitation, err error) {
	calendars, err := writable(r, home(r.Caller.Principal))
	if err != nil {
		return nil, err
	}
	body := []byte(strings.Replace(unanswered, "NOW", r.Time.UTC().Format("20060102T150405Z"), 1))
	for _, c := range calendars {
		found, err := multistatus(r, caldav.Call{Method: "REPORT", Path: c.Path, Header: http.Header{"Depth": {"1"}}, Body: body})
		if err != nil {
			return nil, err
		}
		for _, one := range found {
			list = append(list, invited(r, &one)...)
		}
	}
	slices.SortStableFunc(list, func(a, b invitation) int { return int(a.start - b.start) })
	return list, nil
}

// invited are the invitations in an object: to all of it, or to single instances.
func invited(r *page.Request, a *about) (list []invitation) {
	o, err := edit.Parse([]byte(strings.TrimSpace(a.Data) + "\r\n"))
	if err != nil {
		r.Log.Warn("an invitation cannot be read", "path", a.Href, "err", err)
		return nil
	}
	whole := false
	for _, c := range append(slices.Clip(o.Overrides), o.Master) {
		if c == nil {
			continue
		}
		e, err := edit.Read(o, c)
		if err != nil || is(r.Caller.Principal, e.Organizer) || strings.EqualFold(propText(c, "STATUS"), "CANCELLED") {
			continue
		}
		mine := slices.IndexFunc(e.Guests, func(g edit.Guest) bool { return is(r.Caller.Principal, g.Address) && g.Answer == "NEEDS-ACTION" })
		if mine < 0 {
			continue
		}
		one := invitation{Path: a.Href, Title: titled(r, e.Title), When: span(r, o, e), Place: e.Place, Organizer: strings.TrimPrefix(e.Organizer, "mailto:"), Answer: link("/answer", a.Href, "")}
		if p := c.Prop("ORGANIZER"); p.Param("CN") != "" {
			one.Organizer = p.Param("CN")
		}
		if from, to, ok := moments(r, o, e); ok {
			one.start = from.Unix()
			if p := c.Prop("RECURRENCE-ID"); p != nil {
				if to.Before(r.Time) && !e.AllDay {
					continue
				}
				if t, err := p.DateTime(o.Zones); err == nil {
					if s, err := o.Series(); err == nil {
						one.At = s.RID(t).String()
					}
				}
			}
		}
		if c == o.Master {
			whole = true
			one.Repeat = words(r, e)
			one.When, one.start = next(r, o, one)
		}
		one.Page = link("", a.Href, one.At)
		list = append(list, one)
	}
	if whole { // an answer to all is one to each
		return list[len(list)-1:]
	}
	return list
}

// next is when a series comes next.
func next(r *page.Request, o *ical.Object, one invitation) (string, int64) {
	s, err := o.Series()
	if err != nil || !s.Recurring() {
		return one.When, one.start
	}
	for inst, err := range s.Instances(r.Time.Unix(), math.MaxInt64, nil, nil) {
		if err != nil {
			break
		}
		if c, err := edit.At(o, s.RID(inst.RecurrenceID).String()); err == nil {
			return when(r, o, c), inst.StartUnix
		}
		break
	}
	return one.When, one.start
}

var given = map[string]string{"accept": "ACCEPTED", "tentative": "TENTATIVE", "decline": "DECLINED"}

// reply answers an invitation.
func reply(r *page.Request, d *deed, name, at, what, comment string) error {
	answer := given[what]
	if answer == "" {
		return page.Fail(http.StatusBadRequest, "")
	}
	s, err := load(r, name)
	if err != nil {
		return err
	}
	if len(comment) > 2000 {
		comment = strings.ToValidUTF8(comment[:2000], "")
	}
	c, err := maker(r).Answer(s.Object, at, answer, comment, s.is)
	if errors.Is(err, edit.ErrNoInstance) {
		return page.Fail(http.StatusNotFound, "event.gone")
	}
	if err == nil {
		err = d.change(s, c)
	}
	if refused, ok := errors.AsType[*refusal](err); ok {
		key := ""
		if refused.Status == http.StatusPreconditionFailed {
			key = "event.changed-meanwhile"
		}
		return &page.Error{Status: refused.Status, Key: key, Err: err}
	}
	return err
}

// answer answers on the page of the event: to all instances, or to the one that is shown.
func answer(r *page.Request) (*page.Answer, error) {
	d := deed{r: r}
	instance := at(r)
	shown := instance
	if r.PostFormValue("scope") == string(edit.All) {
		instance = ""
	}
	if err := reply(r, &d, r.PathValue("path"), instance, r.PostFormValue("answer"), strings.TrimSpace(r.PostFormValue("comment"))); err != nil {
		return nil, err
	}
	p, err := target(r, r.PathValue("path"))
	if err != nil {
		return nil, err
	}
	to := link("", p, shown)
	if r.PostFormValue("next") == "/my/invitations" {
		to = "/my/invitations"
	}
	d.last = true // who has been told cannot be told otherwise but by another answer
	return d.done(to, "event.answered"), nil
}

// answerMany answers the invitations that are ticked.
func answerMany(r *page.Request) (*page.Answer, error) {
	ticked := r.PostForm["one"]
	if len(ticked) == 0 {
		return r.Go("/my/invitations", "event.none-ticked"), nil
	}
	if len(ticked) > mostInvitations {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	done := 0
	for _, one := range ticked {
		p, at, _ := strings.Cut(one, "?")
		d := deed{r: r}
		err := reply(r, &d, p, at, r.PostFormValue("answer"), strings.TrimSpace(r.PostFormValue("comment")))
		if e, ok := errors.AsType[*page.Error](err); ok && e.Status/100 == 4 && e.Status != http.StatusBadRequest {
			continue // it has gone, or another is made of it: it is in the list again if not
		}
		if err != nil {
			return nil, err
		}
		done++
	}
	a := r.Go("/my/invitations", "")
	a.Toast = &page.Toast{Text: r.Locale.N("event.answered-many", done)}
	return a, nil
}
