package room

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/rooms"
	"convene/rooms/policy"
	"convene/web/page"
)

// A query is what somebody looks for, as the form has it.
type query struct {
	Date, Time            string // on the reader's clock
	Minutes               int
	People, Title         string
	Heads                 string
	Building, Floor, Name string
	Needs                 []string
	Repeat, Until         string
	Instead, UID          string // a booking whose room is to be another, with …
	Start                 int64  // … when it begins
	day                   time.Time
	minute                int
	first                 bool // the first time that all have is wanted
	Asked                 bool // somebody has searched, or comes from a link that does
}

// lengths are how long meetings are, in minutes.
var lengths = []int{15, 30, 45, 60, 90, 120, 180, 240, 480}

// repeats are the rules of series, with the keys of their texts.
var repeats = []struct{ value, key, rule string }{
	{"", "room.once", ""}, {"daily", "room.workdays", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR"}, {"weekly", "room.weekly", "FREQ=WEEKLY"},
	{"fortnight", "room.fortnightly", "FREQ=WEEKLY;INTERVAL=2"}, {"monthly", "room.monthly", "FREQ=MONTHLY"},
}

// read reads a form; what it does not say is an hour, at the next half hour.
func read(r *page.Request, v url.Values) *query {
	c := clockOf(r)
	next := r.Local(r.Time).Add(29 * time.Minute).Truncate(30 * time.Minute)
	q := &query{
		Date: v.Get("date"), Time: v.Get("time"), People: strings.TrimSpace(v.Get("people")), Title: strings.TrimSpace(v.Get("title")), Heads: strings.TrimSpace(v.Get("heads")),
		Building: v.Get("building"), Floor: v.Get("floor"), Name: strings.TrimSpace(v.Get("q")), Needs: v["needs"], Repeat: v.Get("repeat"), Until: v.Get("until"),
		Instead: v.Get("instead"), UID: v.Get("uid"), first: v.Get("first") != "", Asked: v.Has("date"),
	}
	q.Start, _ = strconv.ParseInt(v.Get("start"), 10, 64)
	q.Minutes, _ = strconv.Atoi(v.Get("for"))
	if q.Minutes <= 0 || q.Minutes > 31*24*60 {
		q.Minutes = 60
	}
	if _, err := time.Parse(time.DateOnly, q.Date); err != nil {
		q.Date = next.Format(time.DateOnly)
	}
	minute, ok := minuteOf(q.Time)
	if !ok {
		q.Time = next.Format("15:04")
		minute, _ = minuteOf(q.Time)
	}
	q.day, q.minute = c.day(q.Date, r.Time), minute
	return q
}

// values are the parameters of a search that are about the time and the people.
func (q *query) values(r *page.Request) url.Values {
	c := clockOf(r)
	v := url.Values{
		"from": {unix(c.at(q.day, q.minute)).Format(time.RFC3339)}, "duration": {strconv.Itoa(q.Minutes)},
		"for": {q.People}, "heads": {q.Heads},
	}
	if name := c.name(); name != "" {
		v.Set("timezone", name)
	}
	for _, rule := range repeats {
		if rule.value != q.Repeat || rule.rule == "" {
			continue
		}
		until, err := time.Parse(time.DateOnly, q.Until)
		if err != nil {
			until = q.day.AddDate(0, 3, 0)
		}
		v.Set("rrule", rule.rule+";UNTIL="+unix(c.at(until, 24*60-1)).Format("20060102T150405Z"))
	}
	return v
}

// Link is the path of the finder with another time.
func (q *query) link(date, clock string) string {
	v := url.Values{"date": {date}, "time": {clock}, "for": {strconv.Itoa(q.Minutes)}, "needs": q.Needs}
	for name, value := range map[string]string{
		"people": q.People, "title": q.Title, "heads": q.Heads, "building": q.Building, "floor": q.Floor, "q": q.Name, "repeat": q.Repeat, "until": q.Until,
		"instead": q.Instead, "uid": q.UID,
	} {
		if value != "" {
			v.Set(name, value)
		}
	}
	if q.Start != 0 {
		v.Set("start", strconv.FormatInt(q.Start, 10))
	}
	return "/my/rooms?" + v.Encode()
}

type finderView struct {
	*query
	Times, Lengths, Repeats     []option
	Buildings, Floors, Features []option
	When                        string // for which time this is
	Dates                       int
	Groups                      []group
	Total                       int
	More                        bool
	Problem                     string  // with what was asked for, or why it was not booked
	Field                       string  // of the form at which it is wrong
	Offers                      []offer // what could be booked in its place
	Note                        string
	Earlier, Later              string // paths: the same a day before and after
	Change                      string // the room that is to be another
	Scale                       []string
}

// A group is rooms with the same answer.
type group struct {
	Title string
	Kind  string // "good", "later", "none"
	Rooms []row
}

type row struct {
	Name, Path, FullName, Place string
	Of                          []member // of a pool, which has no page of its own
	Seats                       int
	Features                    []string
	State, Reason               string
	Strip                       *strip
	Book                        *offer // nil: not now
	Other                       string // path of the finder at the time when it is free
}

// A member is a room of a pool.
type member struct{ Path, FullName string }

// An offer is a room and a time that can be booked by pressing a button.
type offer struct {
	Room, Text, Label string
	From              string // RFC 3339
	*query
}

func finder(r *page.Request) (*page.Answer, error) {
	return show(r, read(r, r.URL.Query()), http.StatusOK, nil)
}

// show is the finder; with says what was not booked, and what could be.
func show(r *page.Request, q *query, status int, with *finderView) (*page.Answer, error) {
	v := &finderView{query: q}
	if with != nil {
		v.Problem, v.Offers = with.Problem, with.Offers
	}
	if err := v.choices(r); err != nil {
		return nil, err
	}
	err := v.find(r)
	var wrong *rooms.FieldError
	if errors.As(err, &wrong) {
		v.Problem, v.Field, err = wrongField(r, wrong), wrong.Field, nil
		status = http.StatusBadRequest
	}
	if err != nil {
		return nil, err
	}
	a := r.Show("room/finder", "room.find", v)
	if status != http.StatusOK {
		a.Status = status
	}
	return a, nil
}

// wrongField says what is wrong with a form.
func wrongField(r *page.Request, e *rooms.FieldError) string {
	switch e.Field {
	case "for":
		return r.Locale.T("room.bad-people", "people", e.Reason)
	case "heads":
		return r.Locale.T("room.bad-heads")
	case "rrule":
		return r.Locale.T("room.bad-repeat")
	case "features":
		return r.Locale.T("room.bad-features")
	}
	return r.Locale.T("room.bad-time")
}

// choices fills in what there is to choose from.
func (v *finderView) choices(r *page.Request) error {
	known, err := r.Site.Calendars.RoomIndex.All(r.Context())
	if err != nil {
		return err
	}
	buildings, floors, features := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for _, k := range known {
		place := &k.Policy.Place
		buildings[place.Building], floors[place.Floor] = true, true
		for _, f := range place.Features {
			features[f] = true
		}
		if k.Record.Type.String()+"/"+k.Record.Name == v.Instead {
			v.Change = k.Record.FullName
		}
	}
	v.Buildings, v.Floors = options(buildings, []string{v.Building}), options(floors, []string{v.Floor})
	v.Features = options(features, v.Needs)
	v.Times = clockTimes(r, v.Time)
	for _, n := range lengths {
		v.Lengths = append(v.Lengths, option{strconv.Itoa(n), length(r, n), n == v.Minutes})
	}
	if !slices.Contains(lengths, v.Minutes) {
		v.Lengths = append(v.Lengths, option{strconv.Itoa(v.Minutes), length(r, v.Minutes), true})
	}
	for _, rule := range repeats {
		v.Repeats = append(v.Repeats, option{rule.value, r.Locale.T(rule.key), rule.value == v.Repeat})
	}
	v.Earlier, v.Later = v.link(v.day.AddDate(0, 0, -1).Format(time.DateOnly), v.Time), v.link(v.day.AddDate(0, 0, 1).Format(time.DateOnly), v.Time)
	return nil
}

func options(set map[string]bool, chosen []string) (list []option) {
	delete(set, "")
	for _, value := range slices.Sorted(maps.Keys(set)) {
		list = append(list, option{value, value, slices.Contains(chosen, value)})
	}
	return list
}

// find asks how the rooms stand.
func (v *finderView) find(r *page.Request) error {
	if v.first {
		if err := v.firstTime(r); err != nil {
			return err
		}
	}
	want := v.values(r)
	for name, value := range map[string]string{"building": v.Building, "floor": v.Floor, "name": v.Name, "features": strings.Join(v.Needs, ","), "type": "room", "limit": "100"} {
		want.Set(name, value)
	}
	day := v.window(r)
	b, err := r.Site.Calendars.RoomBoard(r.Context(), r.Caller, want, day)
	if err != nil {
		return err
	}
	if v.Instead != "" { // a booking moves to a room that somebody has chosen
		b.Rooms = slices.DeleteFunc(b.Rooms, func(s rooms.Standing) bool { return len(s.Rooms) > 0 })
	}
	v.Dates, v.Total, v.More = len(b.Dates), len(b.Rooms), b.More
	v.When = moment(r, b.Dates[0])
	for at := day.Start; at <= day.End; at += 2 * 3600 {
		v.Scale = append(v.Scale, r.Locale.Clock(r.Local(unix(at))))
	}
	titles := []struct{ key, kind string }{
		{"room.free", "good"}, {"room.free-later", "later"}, {"room.taken", "none"}, {"room.too-small", "none"}, {"room.not-yours", "none"},
	}
	for i := range b.Rooms {
		s := &b.Rooms[i]
		t := titles[s.Rank(len(b.Dates))]
		title := r.Locale.T(t.key)
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Title != title {
			v.Groups = append(v.Groups, group{Title: title, Kind: t.kind})
		}
		g := &v.Groups[len(v.Groups)-1]
		g.Rooms = append(g.Rooms, v.row(r, b, s))
	}
	return nil
}

// window is the time that the strips show: ten hours of the day, around what is wanted.
func (v *finderView) window(r *page.Request) policy.Span {
	from := 8 * 60
	if v.minute < from {
		from = v.minute / 60 * 60
	}
	if end := v.minute + v.Minutes; end > from+600 {
		from = min((end+59)/60*60-600, v.minute/60*60)
	}
	c := clockOf(r)
	return policy.Span{Start: c.at(v.day, from), End: c.at(v.day, from+600)}
}

// firstTime moves the query to the first time that the people and a room have.
func (v *finderView) firstTime(r *page.Request) error {
	want := v.values(r)
	want.Del("rrule")
	want.Set("to", unix(clockOf(r).at(v.day.AddDate(0, 0, 14), 0)).Format(time.RFC3339))
	for name, value := range map[string]string{"building": v.Building, "floor": v.Floor, "name": v.Name, "features": strings.Join(v.Needs, ",")} {
		want.Set(name, value)
	}
	found, err := r.Site.Calendars.FindRooms(r.Context(), r.Caller, want)
	if err != nil {
		return err
	}
	if len(found.Unknown) > 0 {
		v.Note = r.Locale.T("room.not-known", "names", strings.Join(found.Unknown, ", "))
	}
	if found.Slot == nil {
		v.Problem = r.Locale.T("room.no-slot")
		return nil
	}
	at, err := time.Parse(time.RFC3339, found.Slot.From)
	if err != nil {
		return fmt.Errorf("first time: %w", err)
	}
	at = r.Local(at)
	v.Date, v.Time = at.Format(time.DateOnly), at.Format("15:04")
	v.day = clockOf(r).day(v.Date, r.Time)
	v.minute, _ = minuteOf(v.Time)
	v.Times = clockTimes(r, v.Time)
	v.Note = strings.TrimSpace(r.Locale.T("room.first-is", "time", r.Locale.Moment(at)) + " " + v.Note)
	return nil
}

// row is how a room is shown.
func (v *finderView) row(r *page.Request, b *rooms.Board, s *rooms.Standing) row {
	place := &s.Policy.Place
	name := s.Name()
	out := row{Name: name, FullName: s.Record.FullName, Place: placeText(r, place), Seats: s.Policy.Capacity, Features: place.Features}
	path := func(k *rooms.Known) string { return "/my/rooms/" + url.PathEscape(k.Record.Name) + "?week=" + v.Date }
	for _, k := range s.Rooms {
		out.Of = append(out.Of, member{path(k), k.Record.FullName})
	}
	switch {
	case len(out.Of) > 0:
		out.Seats = 0 // those of the largest are not what one gets
		if s.Having > 0 {
			out.State = r.Locale.N("room.pool-free", s.Having, "all", len(out.Of))
		}
	case s.Closed:
		out.Path = path(s.Known)
	default:
		out.Path, out.Strip = path(s.Known), stripOf(r, b.Day, s.Taken, &b.Dates[0])
	}
	if s.Reason.Code != "" {
		out.Reason = why(r, s.Reason.Code, s.Reason.Limit)
	}
	if len(b.Dates) > 1 && s.Free > 0 && len(out.Of) == 0 {
		out.State = r.Locale.N("room.dates-free", s.Free, "all", len(b.Dates))
	}
	if s.May == policy.MayNot {
		out.Reason = r.Locale.T("room.why-not-allowed")
		return out
	}
	if s.Free > 0 {
		key := "room.book"
		if s.May == policy.MayRequest {
			key = "room.ask"
		}
		out.Book = &offer{Room: name, Text: r.Locale.T(key), Label: r.Locale.T(key) + ": " + s.Record.FullName, From: unix(b.Dates[0].Start).Format(time.RFC3339), query: v.query}
	}
	if s.Next != 0 && s.Free == 0 {
		at := r.Local(unix(s.Next))
		out.State = r.Locale.T("room.free-at", "time", r.Locale.Clock(at))
		out.Other = v.link(at.Format(time.DateOnly), at.Format("15:04"))
		out.Book = &offer{Room: name, Text: r.Locale.T("room.book-at", "time", r.Locale.Clock(at)), From: unix(s.Next).Format(time.RFC3339), query: v.query}
		out.Book.Label = out.Book.Text + ": " + s.Record.FullName
		if s.May == policy.MayRequest || v.Instead != "" {
			out.Book = nil
		}
	}
	return out
}

// placeText says where a room is.
func placeText(r *page.Request, p *policy.Place) string {
	var words []string
	if p.Building != "" {
		words = append(words, p.Building)
	}
	if p.Floor != "" {
		words = append(words, r.Locale.T("room.on-floor", "floor", p.Floor))
	}
	return strings.Join(words, ", ")
}
