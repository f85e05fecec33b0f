package tzdist

import (
	"net/http"
	"strconv"
	"strings"
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
	headers := q.Header.Values("Accept")
	if len(headers) == 0 {
		return formatCalendar, nil
	}
	accept := strings.Join(headers, ",")
	best, most := "", 0.0
	for _, format := range formats {
		if quality := rank(accept, format); quality > most {
			best, most = format, quality
		}
	}
	if best == "" {
		return "", &problem{http.StatusNotAcceptable, invalidFormat, "Time zones are sent as " + strings.Join(formats[:], " or ")}
	}
	return best, nil
}

// rank returns the quality that an Accept header gives a media type, by the
// range of it that fits best (RFC 9110 §12.5.1); 0 is not acceptable.
func rank(accept, media string) float64 {
	major, _, _ := strings.Cut(media, "/")
	precision, q := 0, 0.0
	for item := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(item, ";")
		at := 0
		switch strings.ToLower(strings.TrimSpace(name)) {
		case media:
			at = 3
		case major + "/*":
			at = 2
		case "*/*":
			at = 1
		}
		if at > precision {
			precision, q = at, weight(params)
		}
	}
	return q
}

// weight returns the parameter q; 1 if there is none, 0 if it cannot be read.
func weight(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if !strings.EqualFold(name, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
