package sharing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/publish"
	"convene/sacl"
	"convene/web/page"
)

// ahead is how many days the page of a published calendar shows.
const ahead = 28

// mostShown is how many events it shows.
const mostShown = 500

// A publication is a link that may be used now, with whose it is.
type publication struct {
	publish.Link
	owner *auth.Caller
}

// open finds the link of a request's token. Who has none, whose link is over, and whose
// owner may not use the calendar any more learns no more than that there is nothing.
func (p *pages) open(r *page.Request) (*publication, error) {
	token := r.PathValue("token")
	l, err := r.Links.Open(r.Context(), token)
	if errors.Is(err, publish.ErrNoLink) {
		if !p.rate.Allow("network "+r.Network(), r.Time) {
			return nil, &page.Error{Status: http.StatusTooManyRequests, Retry: time.Minute}
		}
		return nil, page.NotFound()
	}
	if err != nil {
		return nil, err
	}
	if !p.rate.Allow("link "+l.ID, r.Time) {
		return nil, &page.Error{Status: http.StatusTooManyRequests, Retry: time.Minute}
	}
	owner, err := owner(r.Context(), r, l.GUID)
	if err != nil {
		return nil, err
	}
	if err := r.Links.Hit(r.Context(), token); err != nil {
		r.Log.Error("how often a published calendar is asked for is not recorded", "link", l.ID, "err", err)
	}
	return &publication{l, owner}, nil
}

// owner is whose link it is, if they may use the calendar.
func owner(ctx context.Context, r *page.Request, guid string) (*auth.Caller, error) {
	d := r.Site.Directory
	rec, err := d.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if errors.Is(err, directory.ErrNotFound) || err == nil && (!rec.LoginEnabled || !rec.CalendarEnabled) {
		return nil, page.NotFound()
	}
	if err != nil {
		return nil, err
	}
	groups, err := d.Groups(ctx, guid)
	if err != nil {
		return nil, err
	}
	c := &auth.Caller{Principal: rec, Groups: groups, Login: rec.Name}
	decision, err := r.Site.SACL.Check(ctx, sacl.Calendar, c)
	if err != nil {
		return nil, err
	}
	if !decision.Allowed {
		return nil, page.NotFound()
	}
	return c, nil
}

// of is what the link shows, with texts in the reader's language.
func (l *publication) of(r *page.Request) *caldav.Publication {
	return &caldav.Publication{Calendars: l.Calendars, BusyOnly: l.BusyOnly, Title: l.Title, Busy: r.Locale.T("sharing.busy")}
}

// unlisted keeps what a link shows out of search engines, and its address out of what
// browsers tell others.
func unlisted() http.Header {
	return http.Header{"X-Robots-Tag": {"noindex, nofollow"}, "Referrer-Policy": {"no-referrer"}, "Cache-Control": {"private, no-cache"}}
}

// feed gives the calendars of a link to a program.
func (p *pages) feed(r *page.Request) (*page.Answer, error) {
	l, err := p.open(r)
	if err != nil {
		return nil, err
	}
	body, err := r.Site.Calendars.Publish(r.Context(), l.owner, l.of(r))
	if err != nil {
		return nil, failed(err)
	}
	sum := sha256.Sum256(body)
	a := &page.Answer{Type: "text/calendar; charset=utf-8", Body: body, Header: unlisted()}
	tag := `"` + hex.EncodeToString(sum[:12]) + `"`
	a.Header.Set("Etag", tag)
	a.Header.Set("Content-Disposition", `inline; filename="calendar.ics"`)
	if strings.Contains(r.Header.Get("If-None-Match"), tag) {
		a.Status, a.Body = http.StatusNotModified, nil
	}
	return a, nil
}

// publishedView is the page of a link.
type publishedView struct {
	Title, Owner string
	BusyOnly     bool
	Days         []day
	More         bool
	Feed         string // path
	Rest         string // of the feed's URL, without its scheme
	Expires      time.Time
}

type day struct {
	Name   string
	ISO    string
	Events []event
}

type event struct {
	When, Title, Place string
}

// show shows the next weeks of the calendars of a link to people.
func (p *pages) show(r *page.Request) (*page.Answer, error) {
	l, err := p.open(r)
	if err != nil {
		return nil, err
	}
	now := r.Local(r.Time)
	today := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, r.Zone)
	to := today.AddDate(0, 0, ahead)
	events, err := r.Site.Calendars.PublishedEvents(r.Context(), l.owner, l.of(r), today.Unix(), to.Unix(), r.Zone)
	if err != nil {
		return nil, failed(err)
	}
	path := "/publish/" + r.PathValue("token") + "/calendar.ics"
	v := publishedView{Title: l.Title, Owner: l.owner.Principal.FullName, BusyOnly: l.BusyOnly, Feed: path, Expires: l.Expires}
	_, v.Rest, _ = strings.Cut(page.Origin(r)+path, "://")
	if v.More = len(events) > mostShown; v.More {
		events = events[:mostShown]
	}
	v.Days = byDay(r, events, today)
	a := r.Show("sharing/published", "sharing.published", v)
	a.Title, a.Header = l.Title, unlisted()
	return a, nil
}

// byDay puts events under the days on which they begin, or under today if they have begun
// before.
func byDay(r *page.Request, events []caldav.PublishedEvent, today time.Time) (out []day) {
	out = make([]day, ahead)
	days := map[string]*day{}
	for i := range out {
		d := today.AddDate(0, 0, i)
		out[i] = day{Name: r.Locale.FullDate(d), ISO: d.Format(time.DateOnly)}
		days[out[i].ISO] = &out[i]
	}
	for _, e := range events {
		start, when := r.Local(time.Unix(e.Start, 0)), ""
		if e.AllDay {
			start = time.Unix(int64(e.FirstDay)*86400, 0).UTC()
			when = r.Locale.T("sharing.all-day")
			if e.LastDay > e.FirstDay {
				when = r.Locale.T("sharing.until", "day", r.Locale.DayDate(time.Unix(int64(e.LastDay)*86400, 0).UTC()))
			}
		} else {
			when = span(r, start, r.Local(time.Unix(e.End, 0)))
		}
		on := days[start.Format(time.DateOnly)]
		if on == nil {
			on = &out[0]
			if !e.AllDay {
				when = r.Locale.DayDate(start) + " " + when
			}
		}
		title := e.Title
		if title == "" {
			title = r.Locale.T("sharing.untitled")
		}
		on.Events = append(on.Events, event{when, title, e.Place})
	}
	kept := out[:0]
	for _, d := range out {
		if len(d.Events) > 0 {
			kept = append(kept, d)
		}
	}
	return kept
}

// span writes from when until when something is.
func span(r *page.Request, start, end time.Time) string {
	if start.Equal(end) {
		return r.Locale.Clock(start)
	}
	if start.Format(time.DateOnly) == end.Format(time.DateOnly) {
		return fmt.Sprintf("%s – %s", r.Locale.Clock(start), r.Locale.Clock(end))
	}
	return fmt.Sprintf("%s – %s", r.Locale.Clock(start), r.Locale.Moment(end))
}
