package caldav

import (
	"encoding/xml"
	"strconv"

	"convene/calendar"
	"convene/internal/webdav"
	"convene/store"
)

// collectionProperties are those of all collections in a home, and of the home.
func collectionProperties() []property {
	ctag := func(_ *scope, r *resource) string { return ctagOf(r.rev()) }
	return []property{
		textProperty(webdav.CS("getctag"), kindHome|kindCalendar|kindInbox|kindCollection|kindNotifications, ctag),
		{name: webdav.DAV("quota-used-bytes"), on: inHome, get: func(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
			w.Text(strconv.FormatInt(r.home.UsedBytes, 10))
			return true, nil
		}},
		{name: webdav.DAV("quota-available-bytes"), on: inHome, get: getQuotaAvailable},
		hrefProperty(webdav.DAV("add-member"), kindCalendar, func(_ *scope, r *resource) string { return r.dir + addMemberSuffix }),
		textProperty(webdav.CS("max-collections"), kindHome, func(s *scope, _ *resource) string { return positive(int64(s.h.Calendars.Rules.Collections)) }),
		textProperty(webdav.CS("max-resources"), kindCalendar, func(s *scope, _ *resource) string { return positive(int64(s.h.Calendars.Rules.Resources)) }),
	}
}

// positive is a limit as text; 0 is no limit and no property.
func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// getQuotaAvailable is what may still be stored (RFC 4331 §3); a home without
// limit has no such value.
func getQuotaAvailable(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	limit := s.tx.Quota(r.home)
	if limit < 0 {
		return false, nil
	}
	w.Text(strconv.FormatInt(max(0, limit-r.home.UsedBytes), 10))
	return true, nil
}

// writeComponentSet writes a CALDAV:comp for each type in set.
func writeComponentSet(w *webdav.Writer, set store.Component) {
	for _, name := range calendar.ComponentNames(set) {
		w.Start(webdav.CalDAV("comp"), xml.Attr{Name: xml.Name{Local: "name"}, Value: name})
		w.End()
	}
}
