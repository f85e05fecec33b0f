package caldav

import (
	"net/http"

	"convene/calendar"
	"convene/internal/header"
	"convene/internal/webdav"
)

// prefersJCal reports whether calendar data should go out as jCal (RFC 7265 §6):
// the Accept header ranks it above iCalendar, or, without that header, the
// request itself carried jCal.
func prefersJCal(r *http.Request) bool {
	if len(r.Header["Accept"]) == 0 {
		form, err := formOf(header.Get(r.Header, "Content-Type"))
		return err == nil && form == calendar.JCal
	}
	jcal, named := webdav.Accepts(r.Header, mediaJCal)
	plain, _ := webdav.Accepts(r.Header, mediaCalendar)
	return named && jcal > plain
}
