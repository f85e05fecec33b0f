package event

import (
	"encoding/xml"
	"errors"
	"net/http"
	"net/mail"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"convene/caldav"
	"convene/directory"
	"convene/internal/ical"
	"convene/web/edit"
	"convene/web/page"
)

// A found record may be invited.
type found struct{ Address, Name, What string }

const (
	shortest  = 3  // characters that are searched for
	mostFound = 12 // records that are shown
)

var kinds = map[directory.Type]string{
	directory.User: "INDIVIDUAL", directory.Group: "GROUP", directory.Location: "ROOM", directory.Resource: "RESOURCE",
}

var kindTexts = map[string]string{
	"INDIVIDUAL": "event.person", "GROUP": "event.group", "ROOM": "event.room", "RESOURCE": "event.resource",
}

// find looks for whom a form names.
func find(r *page.Request, v *formView) {
	v.Looked = true
	if utf8.RuneCountInString(v.Query) < shortest {
		v.Short = true
		return
	}
	fields := []directory.Field{directory.FieldFullName, directory.FieldName, directory.FieldEmail}
	list, err := r.Site.Directory.Search(r.Context(), directory.Query{
		Types: []directory.Type{directory.User, directory.Group, directory.Location, directory.Resource},
		Terms: []directory.Term{{Fields: fields, Value: v.Query, How: directory.StartsWord}}, Limit: mostFound,
	})
	if err != nil && !errors.Is(err, directory.ErrTooMany) {
		r.Log.Warn("nobody can be searched for", "err", err)
		v.Away = true
		return
	}
	for _, p := range list {
		if len(v.Found) < mostFound && p.CalendarEnabled || p.Type == directory.Group {
			v.Found = append(v.Found, found{p.Addresses()[0], p.FullName, r.Locale.T(kindTexts[kinds[p.Type]])})
		}
	}
	if a, err := mail.ParseAddress(v.Query); err == nil && len(v.Found) == 0 {
		v.Found = append(v.Found, found{"mailto:" + a.Address, a.Address, r.Locale.T("event.by-mail")})
	}
}

// known is the guest of an address: as the directory has them, or by mail.
func known(r *page.Request, address string) (edit.Guest, bool) {
	p, err := r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.Address, Value: address})
	if err == nil {
		return edit.Guest{Address: p.Addresses()[0], Name: p.FullName, Kind: kinds[p.Type], Answer: "NEEDS-ACTION"}, true
	}
	mailto, isMail := strings.CutPrefix(address, "mailto:")
	if a, err := mail.ParseAddress(mailto); isMail && err == nil {
		return edit.Guest{Address: "mailto:" + a.Address, Kind: "INDIVIDUAL", Answer: "NEEDS-ACTION"}, true
	}
	return edit.Guest{}, false
}

// organizer is the address by which a record organizes meetings.
func organizer(p *directory.Principal) string { return p.Addresses()[0] }

// check finds out what the guests do at the time of the form, and what rooms would answer.
// What cannot be found out is left out: saving says it.
func check(r *page.Request, v *formView, o *ical.Object) {
	start, end, err := v.Event.Times(zonesOf(o))
	if err != nil || len(v.Guests) == 0 {
		return
	}
	from, to := start.Unix(nil), end.Unix(nil)
	if v.AllDay || v.Zone == "" {
		from, to = inZone(r, start), inZone(r, end)
	}
	uid := ""
	if o != nil {
		uid = o.UID
	}
	if to > from {
		v.Busy = busy(r, v.Guests, from, to, uid)
		v.Rooms = roomAnswers(r, v, from, to, o)
	}
}

// inZone is the moment at which the reader's clock shows t.
func inZone(r *page.Request, t ical.DateTime) int64 {
	if z, err := ical.LoadZone(r.Zone.String()); err == nil {
		return z.Unix(t.Wall)
	}
	return t.Wall
}

// busy asks, by the outbox of the caller, when guests have no time (RFC 6638 §5). The
// texts are by address.
func busy(r *page.Request, all []edit.Guest, from, to int64, uid string) map[string]string {
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(ical.NewProperty("VERSION", "2.0"), ical.NewProperty("PRODID", product), ical.NewProperty("METHOD", "REQUEST"))
	c := ical.NewComponent("VFREEBUSY")
	utc := func(unix int64) ical.DateTime { return ical.DateTime{Wall: unix, Kind: ical.UTC} }
	c.Add(ical.NewProperty("UID", "busy"), ical.DateTimeProperty("DTSTAMP", utc(r.Time.Unix())), ical.DateTimeProperty("DTSTART", utc(from)), ical.DateTimeProperty("DTEND", utc(to)),
		ical.NewProperty("ORGANIZER", organizer(r.Caller.Principal)))
	if uid != "" {
		c.Add(ical.TextProperty("X-CALENDARSERVER-MASK-UID", uid))
	}
	for _, g := range all {
		c.Add(ical.NewProperty("ATTENDEE", g.Address))
	}
	cal.Children = []*ical.Component{c}
	reply, err := call(r, caldav.Call{Method: http.MethodPost, Path: home(r.Caller.Principal) + "outbox/", Body: cal.Append(nil),
		Header: http.Header{"Content-Type": {"text/calendar; charset=utf-8"}}})
	if err != nil {
		r.Log.Info("it is not known when guests have time", "user", r.Caller.Login, "err", err)
		return nil
	}
	var told struct {
		Responses []struct {
			Recipient string `xml:"recipient>href"`
			Status    string `xml:"request-status"`
			Data      string `xml:"calendar-data"`
		} `xml:"response"`
	}
	if err := xml.Unmarshal(reply.Body, &told); err != nil {
		return nil
	}
	out := map[string]string{}
	for i, one := range told.Responses {
		text := r.Locale.T("event.not-known")
		if strings.HasPrefix(one.Status, "2.") {
			text = busyText(r, one.Data, from, to)
		}
		out[one.Recipient] = text
		if i < len(all) {
			out[all[i].Address] = text
		}
	}
	return out
}

// busyText says what a VFREEBUSY says of a time.
func busyText(r *page.Request, data string, from, to int64) string {
	cal, err := ical.Decode([]byte(strings.TrimSpace(data)+"\r\n"), ical.DefaultLimits)
	if err != nil || cal.Child("VFREEBUSY") == nil {
		return r.Locale.T("event.not-known")
	}
	var times []string
	for _, p := range cal.Child("VFREEBUSY").AllProps("FREEBUSY") {
		if strings.EqualFold(p.Param("FBTYPE"), "FREE") {
			continue
		}
		all, err := p.Periods(nil)
		if err != nil {
			return r.Locale.T("event.not-known")
		}
		for _, period := range all {
			if a, b := period.Start.Unix(nil), period.End.Unix(nil); a < to && b > from && len(times) < 3 {
				times = append(times, r.Locale.Clock(r.Local(time.Unix(a, 0)))+"–"+r.Locale.Clock(r.Local(time.Unix(b, 0))))
			}
		}
	}
	if len(times) == 0 {
		return r.Locale.T("event.has-time")
	}
	return r.Locale.T("event.busy-at", "times", strings.Join(times, ", "))
}

// A roomAnswer is what a room would answer.
type roomAnswer struct {
	Name, Text, Mark string
	Others           []found // rooms in its place
}

var roomTexts = map[string]struct{ key, mark string }{
	"accepted": {"event.room-accepts", "good"}, "declined": {"event.room-declines", "bad"}, "partly": {"event.room-partly", "warn"},
	"pending": {"event.room-asks", "warn"}, "needs-action": {"event.room-asks", "warn"}, "stored": {"event.room-asks", "warn"},
}

// roomValues are the parameters of a search for rooms about the time of a form.
func roomValues(r *page.Request, v *formView, from, to int64) url.Values {
	q := url.Values{
		"from": {time.Unix(from, 0).UTC().Format(time.RFC3339)}, "duration": {ical.Duration{Seconds: to - from}.String()}, "timezone": {r.Zone.String()},
	}
	if v.Zone != "" && !v.AllDay {
		q.Set("timezone", v.Zone)
	}
	heads := 1
	for _, g := range v.Guests {
		if g.Kind == "INDIVIDUAL" && !is(r.Caller.Principal, g.Address) {
			heads++
		}
	}
	q.Set("heads", itoa(heads))
	if rule, err := v.Event.Rule(); err == nil && rule != "" {
		q.Set("rrule", rule)
	}
	return q
}

// roomAnswers asks the rooms among the guests. One that has this event at this time already
// is not asked: it would find itself taken.
func roomAnswers(r *page.Request, v *formView, from, to int64, o *ical.Object) (list []roomAnswer) {
	var was edit.Event
	if o != nil {
		was, _ = edit.Form(o, v.At)
	}
	for _, g := range v.Guests {
		if g.Kind != "ROOM" && g.Kind != "RESOURCE" || len(list) == 10 {
			continue
		}
		has := was.Start == v.Start && was.End == v.End && was.Zone == v.Zone && was.Repeat == v.Repeat
		if has && g.Answer != "NEEDS-ACTION" {
			continue
		}
		p, err := r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.Address, Value: g.Address})
		if err != nil {
			continue
		}
		e, err := r.Site.Calendars.ExplainRoom(r.Context(), r.Caller, p, roomValues(r, v, from, to))
		if err != nil {
			r.Log.Info("it is not known what a room answers", "room", p.Name, "err", err)
			continue
		}
		a, ok := roomTexts[e.Answer]
		if !ok {
			a = roomTexts["needs-action"]
		}
		one := roomAnswer{Name: p.FullName, Text: r.Locale.T(a.key), Mark: a.mark}
		if e.Answer != "accepted" && e.Text != "" {
			one.Text += ": " + strings.ReplaceAll(e.Text, "\n", " ")
		}
		if e.Answer == "declined" || e.Answer == "partly" {
			one.Others = freeRooms(r, v, o)
		}
		list = append(list, one)
	}
	return list
}

// freeRooms are rooms that are free at the time of a form, the best first.
func freeRooms(r *page.Request, v *formView, o *ical.Object) (list []found) {
	start, end, err := v.Event.Times(zonesOf(o))
	if err != nil {
		return nil
	}
	from, to := start.Unix(nil), end.Unix(nil)
	if v.AllDay || v.Zone == "" {
		from, to = inZone(r, start), inZone(r, end)
	}
	all, err := r.Site.Calendars.FindRooms(r.Context(), r.Caller, roomValues(r, v, from, to))
	if err != nil {
		r.Log.Info("rooms cannot be found", "user", r.Caller.Login, "err", err)
		return nil
	}
	for _, room := range all.Rooms {
		if len(room.Rooms) > 0 || room.Free == nil || *room.Free < max(1, all.Dates) || room.May == "no" || len(list) == 6 {
			continue
		}
		what := []string{}
		if room.Capacity > 0 {
			what = append(what, r.Locale.N("event.seats", room.Capacity))
		}
		if room.Building != "" {
			what = append(what, room.Building)
		}
		if room.Floor != "" {
			what = append(what, r.Locale.T("event.floor", "floor", room.Floor))
		}
		list = append(list, found{room.Address, room.FullName, strings.Join(what, ", ")})
	}
	return list
}
