package caldav

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/directory"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
)

// A roomQuery is a search for rooms as it was asked for.
type roomQuery struct {
	rooms.Wanted
	meeting
	people []string // addresses and short names of those who come
	limit  int      // most rooms in the answer

	// until is the moment before which the meeting has to begin whose first time is
	// looked for; 0: from says when it is.
	until int64
}

// dated reports whether the query is about a time at all.
func (q *roomQuery) dated() bool { return q.length > 0 }

// Limits of one search for rooms.
const (
	maxRoomList   = 500            // rooms in an answer
	roomList      = 50             // where nothing else is asked for
	maxDates      = 1000           // dates of a series
	maxLength     = 31 * 86400     // seconds of a meeting
	maxSearch     = 62 * 86400     // seconds in which a first time is looked for
	searchAhead   = 14 * 86400     // where nothing else is asked for
	maxForesights = 200_000        // dates of all rooms together
	quarter       = int64(15 * 60) // to which a search rounds the present up
	maxParameter  = 4096           // bytes
	maxWords      = 50             // features, people
	maxHeads      = 100_000        // people
)

// roomParameters are the parameters that there are, with how each is read.
var roomParameters = map[string]func(*roomQuery, string) error{
	"from":     func(q *roomQuery, s string) error { return q.readTime(&q.from, s) },
	"to":       func(q *roomQuery, s string) error { return q.readTime(&q.until, s) },
	"duration": func(q *roomQuery, s string) error { return readLength(&q.length, s) },
	"rrule":    func(q *roomQuery, s string) error { q.rule = strings.TrimPrefix(s, "RRULE:"); return nil },
	"heads":    func(q *roomQuery, s string) error { return readNumber(&q.Heads, s, 1, maxHeads) },
	"limit":    func(q *roomQuery, s string) error { return readNumber(&q.limit, s, 1, maxRoomList) },
	"building": func(q *roomQuery, s string) error { q.Building = s; return nil },
	"floor":    func(q *roomQuery, s string) error { q.Floor = s; return nil },
	"name":     func(q *roomQuery, s string) error { q.Text = s; return nil },
	"features": func(q *roomQuery, s string) (err error) { q.Features, err = readWords(s); return err },
	"for":      func(q *roomQuery, s string) (err error) { q.people, err = readWords(s); return err },
	"type":     (*roomQuery).readType,
	"timezone": func(*roomQuery, string) error { return nil }, // is read first, since times are in it
}

// parseRoomQuery reads the parameters of a search. Errors: *rooms.FieldError.
func parseRoomQuery(v url.Values, now time.Time) (*roomQuery, error) {
	q := &roomQuery{limit: roomList, Wanted: rooms.Wanted{Types: []directory.Type{directory.Location}}}
	names := make([]string, 0, len(v))
	for name := range v {
		names = append(names, name)
	}
	slices.Sort(names)
	if err := q.readZone(v.Get("timezone")); err != nil {
		return nil, err
	}
	for _, name := range names {
		read, ok := roomParameters[name]
		switch {
		case !ok:
			return nil, &rooms.FieldError{Field: name, Reason: "there is no such parameter"}
		case len(v[name]) > 1:
			return nil, &rooms.FieldError{Field: name, Reason: "it is there more than once"}
		case len(v[name][0]) > maxParameter:
			return nil, &rooms.FieldError{Field: name, Reason: "it is too long"}
		case v[name][0] == "":
			continue
		}
		if err := read(q, v[name][0]); err != nil {
			return nil, &rooms.FieldError{Field: name, Reason: err.Error()}
		}
	}
	return q, q.settle(now.Unix())
}

// settle works out what the times mean together: a meeting from one until another, one
// that begins then and lasts so long, or the first that lasts so long.
func (q *roomQuery) settle(now int64) error {
	wrong := func(field, reason string) error { return &rooms.FieldError{Field: field, Reason: reason} }
	search := q.length > 0 && (q.from == 0 || q.until != 0)
	switch {
	case q.length == 0 && q.from == 0 && q.until == 0:
		if q.rule != "" {
			return wrong("rrule", "it needs from, and to or duration")
		}
		return nil
	case q.length == 0 && q.from == 0:
		return wrong("from", "to needs it, or duration")
	case q.length == 0 && q.until == 0:
		return wrong("to", "from needs it, or duration")
	case q.length == 0:
		q.length, q.until = q.until-q.from, 0
	case search && q.rule != "":
		return wrong("rrule", "a series has a fixed time: from with to, or from with duration")
	case search:
		if q.from == 0 {
			q.from = (now + quarter - 1) / quarter * quarter
		}
		if q.until == 0 {
			q.until = q.from + searchAhead
		} else {
			q.until -= q.length - 1 // it ends by then
		}
	}
	switch {
	case q.length <= 0:
		return wrong("to", "it is not after from")
	case q.length > maxLength:
		return wrong("duration", fmt.Sprintf("it is more than %d days", maxLength/86400))
	case search && q.until <= q.from:
		return wrong("to", "there is no room for duration before it")
	case q.until-q.from > maxSearch:
		return wrong("to", fmt.Sprintf("it is more than %d days after from", maxSearch/86400))
	}
	return nil
}

func (q *roomQuery) readZone(name string) error {
	if name == "" {
		return nil
	}
	zone, err := ical.LoadZone(name)
	if err != nil {
		return &rooms.FieldError{Field: "timezone", Reason: "it is no time zone of the IANA, such as Europe/Berlin"}
	}
	q.zone = zone
	return nil
}

// readTime reads a moment: with an offset (RFC 3339), or as the clock shows it in the
// zone of the query.
func (q *roomQuery) readTime(to *int64, s string) error {
	if at, err := time.Parse(time.RFC3339, s); err == nil {
		*to = at.Unix()
		return nil
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02T15:04", "20060102T150405"} {
		if wall, err := time.Parse(layout, s); err == nil {
			*to = q.zone.Unix(wall.Unix())
			return nil
		}
	}
	if at, err := time.Parse("20060102T150405Z", s); err == nil {
		*to = at.Unix()
		return nil
	}
	return fmt.Errorf("it is no time such as 2026-12-01T10:00:00Z, or 2026-12-01T10:00 with timezone")
}

// readLength reads minutes, or a duration of iCalendar.
func readLength(to *int64, s string) error {
	if n, err := strconv.Atoi(s); err == nil {
		*to = min(int64(n), maxLength) * 60 // what is too long is refused later
	} else if d, err := ical.ParseDuration(s); err == nil {
		*to = d.Days*86400 + d.Seconds
	}
	if *to <= 0 {
		return fmt.Errorf("it is no number of minutes, nor a duration such as PT1H")
	}
	return nil
}

func readNumber(to *int, s string, low, high int) error {
	n, err := strconv.Atoi(s)
	if err != nil || n < low || n > high {
		return fmt.Errorf("it is no whole number from %d to %d", low, high)
	}
	*to = n
	return nil
}

func readWords(s string) (policy.List, error) {
	var list policy.List
	for word := range strings.SplitSeq(s, ",") {
		if word = strings.TrimSpace(word); word != "" && !list.HasFold(word) {
			list = append(list, word)
		}
	}
	if len(list) > maxWords {
		return nil, fmt.Errorf("it has more than %d entries", maxWords)
	}
	return list, nil
}

func (q *roomQuery) readType(s string) error {
	switch s {
	case "room":
		q.Types = []directory.Type{directory.Location}
	case "resource":
		q.Types = []directory.Type{directory.Resource}
	case "all":
		q.Types = []directory.Type{directory.Location, directory.Resource}
	default:
		return fmt.Errorf("it is none of room, resource and all")
	}
	return nil
}

// A meeting is one that is not there yet.
type meeting struct {
	from, length int64 // of the first date
	rule         string
	zone         *ical.Zone // nil: UTC
}

// object is the meeting as iCalendar. Errors: *rooms.FieldError, of the rule.
func (m *meeting) object(uid string, now time.Time, lines ...ical.Property) (*ical.Object, error) {
	cal, event := ical.NewComponent("VCALENDAR"), ical.NewComponent("VEVENT")
	cal.Add(ical.NewProperty("VERSION", "2.0"), ical.NewProperty("PRODID", productID))
	event.Add(ical.TextProperty("UID", uid), ical.NewProperty("DTSTAMP", utcText(now.Unix())),
		m.dateTime("DTSTART", m.from), m.dateTime("DTEND", m.from+m.length))
	if m.rule != "" {
		event.Add(ical.NewProperty("RRULE", m.rule))
	}
	event.Add(lines...)
	cal.Children = append(cal.Children, event)
	o, err := ical.NewObject(cal)
	if err == nil {
		_, err = o.Series()
	}
	if err != nil {
		return nil, &rooms.FieldError{Field: "rrule", Reason: err.Error()}
	}
	return o, nil
}

func (m *meeting) dateTime(name string, at int64) ical.Property {
	if m.zone == nil || m.zone.IANA() == "" || m.zone.IANA() == "UTC" {
		return ical.NewProperty(name, utcText(at))
	}
	wall := ical.DateTime{Wall: m.zone.Wall(at), Kind: ical.Floating}
	return ical.NewProperty(name, wall.String(), ical.Param{Name: "TZID", Values: []string{m.zone.IANA()}})
}

func utcText(at int64) string { return ical.DateTime{Wall: at, Kind: ical.UTC}.String() }

// dates are when the meeting would be. Errors: *rooms.FieldError.
func (m *meeting) dates(now time.Time) ([]policy.Span, error) {
	if m.rule == "" {
		return []policy.Span{{Start: m.from, End: m.from + m.length}}, nil
	}
	o, err := m.object("dates", now)
	if err != nil {
		return nil, err
	}
	series, err := o.Series()
	if err != nil {
		return nil, err
	}
	const horizon = 10 * 366 * 86400
	var all []policy.Span
	for in, err := range series.Instances(m.from, m.from+horizon, m.zone, ical.NewBudget(stepsPerInstance*maxDates)) {
		if err != nil {
			return nil, &rooms.FieldError{Field: "rrule", Reason: err.Error()}
		}
		if all = append(all, policy.Span{Start: in.StartUnix, End: in.EndUnix}); len(all) > maxDates {
			return nil, &rooms.FieldError{Field: "rrule", Reason: fmt.Sprintf("it has more than %d dates: give it COUNT or UNTIL", maxDates)}
		}
	}
	if len(all) == 0 {
		return nil, &rooms.FieldError{Field: "rrule", Reason: "it has no dates"}
	}
	return all, nil
}

// text is a moment for people and programs, as the clock of the query shows it.
func (m *meeting) text(at int64) string {
	zone := time.UTC
	if offset := m.zone.Offset(at); offset != 0 {
		zone = time.FixedZone("", offset)
	}
	return time.Unix(at, 0).In(zone).Format(time.RFC3339)
}
