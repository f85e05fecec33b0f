package caldav

import (
	"encoding/xml"
	"strconv"

	"convene/calendar"
	"convene/internal/webdav"
	"convene/quota"
	"convene/store"
)

// collectionProperties are those of all collections in a home, and of the home.
func collectionProperties() []property {
	ctag := func(_ *scope, r *resource) string { return r.ctag() }
	return []property{
		inAllprop(textProperty(webdav.CS("getctag"), kindHome|kindCalendar|kindInbox|kindOutbox|kindCollection|kindNotifications, ctag)), // caldav-ctag §4.1
		{name: webdav.DAV("quota-used-bytes"), on: inHome, get: getQuotaUsed},
		{name: webdav.DAV("quota-available-bytes"), on: inHome, get: getQuotaAvailable},
		hrefProperty(webdav.DAV("add-member"), kindCalendar, func(_ *scope, r *resource) string { return r.dir + addMemberSuffix }),
		limitProperty(webdav.CS("max-collections"), kindHome, func(l quota.Limits) int64 { return l.Collections }),
		limitProperty(webdav.CS("max-resources"), kindCalendar, func(l quota.Limits) int64 { return l.CollectionObjects }),
	}
}

// positive is a limit as text; 0 is no limit and no property.
func positive(n int64) string {
	if n <= 0 {
		return ""
	}
	return strconv.FormatInt(n, 10)
}

// writeComponentSet writes a CALDAV:comp for each type in set.
func writeComponentSet(w *webdav.Writer, set store.Component) {
	for _, name := range calendar.ComponentNames(set) {
		w.Start(webdav.CalDAV("comp"), xml.Attr{Name: xml.Name{Local: "name"}, Value: name})
		w.End()
	}
}
