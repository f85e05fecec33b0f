package tzdist

import (
	"net/http"
	"strings"

	"convene/internal/webdav"
)

// The media types that zones can be had in.
const (
	formatCalendar = "text/calendar"
	formatJCal     = "application/calendar+json"
)

// formats has the one first that is sent if the client does not care.
var formats = [...]string{formatCalendar, formatJCal}

// format returns the media type to send: that of the parameter, or else what
// Accept likes best (RFC 7808 §4.1.2). Nothing acceptable is 406.
func (q *query) format() (string, error) {
	if q.has("format") {
		return q.param("format"), nil
	}
	if len(q.Header["Accept"]) == 0 {
		return formatCalendar, nil
	}
	best, most := "", 0.0
	for _, format := range formats {
		if quality, _ := webdav.Accepts(q.Header, format); quality > most {
			best, most = format, quality
		}
	}
	if best == "" {
		return "", &problem{http.StatusNotAcceptable, invalidFormat, "Time zones are sent as " + strings.Join(formats[:], " or ")}
	}
	return best, nil
}
