package tzdist

import (
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"convene/internal/ical"
)

// productID is the PRODID of the calendars that zones are sent in.
const productID = "-//convene//tzdist//EN"

// get serves get (RFC 7808 §5.3): a VTIMEZONE, whole or of a range.
func (s *service) get(q *query) (*response, error) {
	if err := s.known(q.tzid); err != nil {
		return nil, err
	}
	from, to, err := q.timeRange()
	if err != nil {
		return nil, err
	}
	format, err := q.format()
	if err != nil {
		return nil, err
	}
	if format == formatCalendar && from == math.MinInt64 && to == math.MaxInt64 {
		return s.whole(q.tzid)
	}
	cal, err := calendar(q.tzid, from, to)
	if err != nil {
		return nil, err
	}
	if format == formatJCal {
		return zoneResponse(format, cal.AppendJCal(nil)), nil
	}
	return zoneResponse(format, cal.Append(nil)), nil
}

// whole returns all of the zone of a name or alias, as text/calendar. There are
// no more of these than names, and they are small: they are kept.
func (s *service) whole(name string) (*response, error) {
	if resp, ok := s.zones.Load(name); ok {
		return resp.(*response), nil
	}
	cal, err := calendar(name, math.MinInt64, math.MaxInt64)
	if err != nil {
		return nil, err
	}
	resp := zoneResponse(formatCalendar, cal.Append(nil))
	s.zones.Store(name, resp)
	return resp, nil
}

func zoneResponse(format string, body []byte) *response {
	return &response{mediaType: format, body: body, etag: tag(body), vary: "Accept"}
}

// known refuses a tzid that there is no zone of.
func (s *service) known(tzid string) error {
	if _, ok := s.names[tzid]; !ok {
		return &problem{http.StatusNotFound, tzidNotFound, "There is no time zone with this identifier"}
	}
	return nil
}

// calendar returns a VCALENDAR with the VTIMEZONE of a name or alias, from a
// moment until before another as for ical.VTimezone.
func calendar(name string, from, to int64) (*ical.Component, error) {
	zone, err := ical.VTimezone(name, from, to)
	if err != nil {
		return nil, fmt.Errorf("get: %w", err)
	}
	if canonical, _ := ical.CanonicalZone(name); canonical != name {
		zone.Add(ical.TextProperty("TZID-ALIAS-OF", canonical))
	}
	cal := ical.NewComponent("VCALENDAR")
	cal.Add(
		ical.NewProperty("VERSION", "2.0"),
		ical.NewProperty("PRODID", productID),
		ical.NewProperty("CALSCALE", "GREGORIAN"),
	)
	cal.Children = []*ical.Component{zone}
	return cal, nil
}

// timeLayout is how times are written: in UTC, RFC 3339.
const timeLayout = "2006-01-02T15:04:05Z"

func isTime(s string) bool {
	_, err := parseTime(s)
	return err == nil
}

// parseTime reads a time in UTC, as Unix seconds. Fractions are refused: no zone
// has any.
func parseTime(s string) (int64, error) {
	t, err := time.Parse(timeLayout, s)
	if err != nil || len(s) != len(timeLayout) {
		return 0, fmt.Errorf("time %q is not like %s", s, timeLayout)
	}
	return t.Unix(), nil
}

// timeRange returns what start and end ask for, in Unix seconds; math.MinInt64
// and math.MaxInt64 where they are not given.
func (q *query) timeRange() (from, to int64, err error) {
	from, to = math.MinInt64, math.MaxInt64
	if q.has("start") {
		if from, err = parseTime(q.param("start")); err != nil {
			return 0, 0, &problem{http.StatusBadRequest, invalidStart, "The start is not a time in UTC"}
		}
	}
	if q.has("end") {
		if to, err = parseTime(q.param("end")); err != nil {
			return 0, 0, &problem{http.StatusBadRequest, invalidEnd, "The end is not a time in UTC"}
		}
	}
	if to <= from {
		return 0, 0, &problem{http.StatusBadRequest, invalidEnd, "The end is not after the start"}
	}
	return from, to, nil
}

func isFormat(s string) bool { return slices.Contains(formats[:], s) }
