package calquery

import (
	"math"
	"net/http"
	"net/url"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// A TimeRange is a range of time, from From until before To, in Unix seconds.
// math.MinInt64 and math.MaxInt64 are its open ends.
type TimeRange struct {
	From, To int64
}

// Bounded reports whether neither end is open.
func (t TimeRange) Bounded() bool { return t.From != math.MinInt64 && t.To != math.MaxInt64 }

// contains reports whether the moment at lies in t.
func (t TimeRange) contains(at int64) bool { return t.From <= at && at < t.To }

// everything is the time range with two open ends.
var everything = TimeRange{math.MinInt64, math.MaxInt64}

// parseRange reads the start and end attributes of e (RFC 4791 §9.9). What is
// wrong with them, if anything, is said in words; empty says that e has neither.
func parseRange(e *webdav.Element) (t TimeRange, empty bool, wrong string) {
	t = everything
	start, hasStart := e.Attr("start")
	end, hasEnd := e.Attr("end")
	if !hasStart && !hasEnd {
		return t, true, e.Name.Local + " has neither start nor end"
	}
	var ok bool
	if hasStart {
		if t.From, ok = parseUTC(start); !ok {
			return t, false, e.Name.Local + ": start is not a date-time in UTC"
		}
	}
	if hasEnd {
		if t.To, ok = parseUTC(end); !ok {
			return t, false, e.Name.Local + ": end is not a date-time in UTC"
		}
	}
	if t.From >= t.To {
		return t, false, e.Name.Local + ": end is not after start"
	}
	return t, false, ""
}

// parseUTC reads an iCalendar "date with UTC time".
func parseUTC(s string) (unix int64, ok bool) {
	t, err := ical.ParseDateTime(strings.TrimSpace(s), "", false, nil)
	return t.Wall, err == nil && t.Kind == ical.UTC
}

// parseBounded reads a time range that must have both ends. Errors: 400.
func parseBounded(e *webdav.Element) (TimeRange, error) {
	t, _, wrong := parseRange(e)
	switch {
	case wrong != "":
		return t, webdav.BadRequest(wrong)
	case !t.Bounded():
		return t, webdav.BadRequest(e.Name.Local + ": start and end are both wanted")
	}
	return t, nil
}

// ParseFreeBusyQuery returns the time range of a free-busy-query report (RFC 4791
// §9.11), which must have both ends. Errors: 400.
func ParseFreeBusyQuery(root *webdav.Element) (TimeRange, error) {
	if !root.Is(webdav.ReportFreeBusyQuery) {
		return TimeRange{}, webdav.BadRequest("body is not CALDAV:free-busy-query")
	}
	e := root.Child(nameTimeRange)
	if e == nil {
		return TimeRange{}, webdav.BadRequest("free-busy-query has no time-range")
	}
	return parseBounded(e)
}

// freeBusyDays is how far a free-busy URL looks ahead if it is not told.
const freeBusyDays = 14

// A FreeBusyURL is what the query of a free-busy URL asks for.
type FreeBusyURL struct {
	TimeRange
	ContentType string // of the response
}

// freeBusyFormats are the media types that a free-busy URL responds with.
var freeBusyFormats = map[string]string{
	"": "text/calendar;charset=utf-8", "text/calendar": "text/calendar;charset=utf-8", "text/plain": "text/plain;charset=utf-8",
}

// ParseFreeBusyURL reads the query of a free-busy URL, as the Calendaring and
// Scheduling Consortium's "Freebusy Read URL" has it: start and end, or start and
// period, which Apple's clients call duration, and format. A start or end is a date,
// or a date-time in UTC or with an offset, in the form of iCalendar or of RFC 3339; a
// period is an iCalendar duration. start is by default the begin of now's day in UTC,
// and the range 14 days long. Errors: 400 CS:valid-query-parameters; 406
// CS:supported-query-parameter, CS:supported-format, and CS:valid-query-parameters
// for an end and a period.
func ParseFreeBusyURL(q url.Values, now time.Time) (FreeBusyURL, error) {
	ask := FreeBusyURL{TimeRange: TimeRange{From: now.UTC().Truncate(24 * time.Hour).Unix()}}
	for _, name := range []string{"token", "user"} {
		if q.Has(name) {
			return ask, badQuery(http.StatusNotAcceptable, "supported-query-parameter", name+" is not known here")
		}
	}
	var ok bool
	if ask.ContentType, ok = freeBusyFormats[strings.ToLower(q.Get("format"))]; !ok {
		return ask, badQuery(http.StatusNotAcceptable, "supported-format", "format is text/calendar or text/plain")
	}
	if s := q.Get("start"); s != "" {
		if ask.From, ok = parseMoment(s); !ok {
			return ask, badRange("start is not a date or date-time")
		}
	}
	if err := ask.setEnd(q.Get("end"), q.Get("period")+q.Get("duration")); err != nil {
		return ask, err
	}
	if ask.From >= ask.To {
		return ask, badRange("end is not after start")
	}
	return ask, nil
}

// setEnd sets To by an end or a period, of which at most one may be there.
func (t *FreeBusyURL) setEnd(end, period string) error {
	switch {
	case end != "" && period != "":
		return badQuery(http.StatusNotAcceptable, "valid-query-parameters", "end and period together")
	case end != "":
		var ok bool
		if t.To, ok = parseMoment(end); !ok {
			return badRange("end is not a date or date-time")
		}
	case period != "":
		d, err := ical.ParseDuration(period)
		if err != nil {
			return badRange("period is not a duration")
		}
		t.To = t.From + d.Exact()
	default:
		t.To = t.From + freeBusyDays*24*60*60
	}
	return nil
}

func badQuery(status int, condition, words string) *webdav.Error {
	return &webdav.Error{Status: status, Condition: webdav.CS(condition), Description: words}
}

func badRange(words string) *webdav.Error {
	return badQuery(http.StatusBadRequest, "valid-query-parameters", words)
}

func parseMoment(s string) (unix int64, ok bool) {
	if t, err := ical.ParseDateTime(s, "", false, nil); err == nil && t.Kind != ical.Floating {
		return t.Wall, true // a date begins in UTC
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		// A "+" that was not escaped has become a space.
		if t, err := time.Parse(layout, strings.Replace(s, " ", "+", 1)); err == nil {
			return t.Unix(), true
		}
	}
	return 0, false
}

// ParseTimezone returns the zone that a report names for dates and floating
// times: CALDAV:timezone, an iCalendar object with one VTIMEZONE (RFC 4791 §9.8),
// or CALDAV:timezone-id (RFC 7809 §5.1); nil if it names none. Errors: 403
// CALDAV:valid-calendar-data, CALDAV:valid-timezone.
func ParseTimezone(root *webdav.Element) (*ical.Zone, error) {
	if e := root.Child(webdav.CalDAV("timezone")); e != nil {
		zone, err := zoneOf(e.TrimText())
		if err != nil {
			return nil, &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CondValidCalendarData,
				Description: "timezone is not one VTIMEZONE", Err: err}
		}
		return zone, nil
	}
	if e := root.Child(webdav.CalDAV("timezone-id")); e != nil {
		zone, err := ical.LoadZone(e.TrimText())
		if err != nil {
			return nil, &webdav.Error{Status: http.StatusForbidden, Condition: webdav.CondValidTimezone,
				Description: "timezone-id is not known", Err: err}
		}
		return zone, nil
	}
	return nil, nil
}

func zoneOf(text string) (*ical.Zone, error) {
	cal, err := ical.Decode([]byte(text+"\r\n"), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	// RFC 4791 §9.8 wants a valid iCalendar object: with VERSION, that is, and
	// PRODID (RFC 5545 §3.6).
	if len(cal.Children) != 1 || cal.Children[0].Name != "VTIMEZONE" || cal.Prop("VERSION") == nil || cal.Prop("PRODID") == nil {
		return nil, ical.ErrUnknownZone
	}
	return ical.ZoneOf(cal.Children[0])
}
