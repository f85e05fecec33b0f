package caldav

import (
	"convene/calendar"
	"net/http"
	"strconv"
	"strings"
)

// prefersJCal reports whether calendar data should go out as jCal (RFC 7265 §6):
// the Accept header ranks it above iCalendar, or, without that header, the
// request itself carried jCal.
func prefersJCal(r *http.Request) bool {
	accept := r.Header.Values("Accept")
	if len(accept) == 0 {
		form, err := formOf(r.Header.Get("Content-Type"))
		return err == nil && form == calendar.JCal
	}
	ranks := strings.Join(accept, ",")
	jcal, named := rank(ranks, mediaJCal)
	plain, _ := rank(ranks, mediaCalendar)
	return named && jcal > plain
}

// rank is the quality that an Accept header gives a media type, and whether the
// header names it, and not only a range that it is in (RFC 9110 §12.5.1).
func rank(accept, media string) (q float64, named bool) {
	major, _, _ := strings.Cut(media, "/")
	precision := 0
	for item := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(item, ";")
		var at int
		switch strings.ToLower(strings.TrimSpace(name)) {
		case media:
			at, named = 3, true
		case major + "/*":
			at = 2
		case "*/*":
			at = 1
		}
		if at > precision {
			precision, q = at, quality(params)
		}
	}
	return q, named
}

// quality is the q parameter of one item; 1 if there is none.
func quality(params string) float64 {
	for p := range strings.SplitSeq(params, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(p), "=")
		if strings.EqualFold(name, "q") {
			if q, err := strconv.ParseFloat(value, 64); err == nil {
				return q
			}
			return 0
		}
	}
	return 1
}
