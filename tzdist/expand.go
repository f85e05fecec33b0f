package tzdist

import (
	"fmt"
	"time"

	"convene/internal/ical"
)

// mostObservances is how many are sent at once: 500 years of summer time.
const mostObservances = 1000

// The members of the response to expand (RFC 7808 §6.3).
type (
	expansion struct {
		TZID        string       `json:"tzid"`
		DTStamp     string       `json:"dtstamp"`
		End         string       `json:"end,omitempty"` // if before that of the request
		Observances []observance `json:"observances"`
	}
	observance struct {
		Name  string `json:"name"`
		Onset string `json:"onset"`
		From  int    `json:"utc-offset-from"`
		To    int    `json:"utc-offset-to"`
	}
)

// expand serves expand (RFC 7808 §5.4): what is in force at the start, and each
// change of the clocks until before the end. The tag is that of the zone, as the
// section says. changedsince is taken, as drafts had it: the response is complete
// with it and without.
func (s *service) expand(q *query) (*response, error) {
	if err := s.known(q.tzid); err != nil {
		return nil, err
	}
	from, to, err := q.timeRange()
	if err != nil {
		return nil, err
	}
	zone, err := ical.LoadZone(q.tzid)
	if err != nil {
		return nil, fmt.Errorf("expand: %w", err)
	}
	whole, err := s.whole(q.tzid)
	if err != nil {
		return nil, err
	}
	doc := expansion{TZID: q.tzid, DTStamp: lastModified(ical.TZDataVersion())}
	changes := zone.Transitions(from, to, mostObservances+1)
	if len(changes) == 0 || changes[0].At > from {
		off := zone.Offset(from)
		_, daylight := zone.Abbreviation(from)
		doc.Observances = append(doc.Observances, newObservance(from, off, off, daylight))
	}
	for _, t := range changes {
		if len(doc.Observances) == mostObservances {
			doc.End = formatTime(t.At)
			break
		}
		doc.Observances = append(doc.Observances, newObservance(t.At, t.From, t.To, t.IsDaylight))
	}
	resp := jsonResponse(doc)
	resp.etag = whole.etag
	return resp, nil
}

func newObservance(at int64, from, to int, daylight bool) observance {
	name := "Standard"
	if daylight {
		name = "Daylight"
	}
	return observance{name, formatTime(at), from, to}
}

func formatTime(unix int64) string { return time.Unix(unix, 0).UTC().Format(timeLayout) }
