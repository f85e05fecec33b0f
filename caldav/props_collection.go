package caldav

import (
	"encoding/xml"
	"strconv"
	"strings"

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
		textProperty(webdav.CS("max-collections"), kindHome, func(s *scope, _ *resource) string { return positive(int64(s.h.Limits.Collections)) }),
		textProperty(webdav.CS("max-resources"), kindCalendar, func(s *scope, _ *resource) string { return positive(int64(s.h.Limits.Resources)) }),
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

// components lists the names of a set of component types.
func components(set store.Component) []string {
	var names []string
	for _, c := range componentNames {
		if set&c.bit != 0 {
			names = append(names, c.name)
		}
	}
	return names
}

// componentNames are the types a calendar may hold, in the order in which they
// are listed.
var componentNames = []struct {
	name string
	bit  store.Component
}{
	{"VEVENT", store.VEVENT}, {"VTODO", store.VTODO}, {"VJOURNAL", store.VJOURNAL},
	{"VFREEBUSY", store.VFREEBUSY}, {"VAVAILABILITY", store.VAVAILABILITY}, {"VPOLL", store.VPOLL},
}

// componentBit is the bit of a component name, 0 if no calendar can hold it.
func componentBit(name string) store.Component {
	for _, c := range componentNames {
		if strings.EqualFold(c.name, name) {
			return c.bit
		}
	}
	return 0
}

// anyComponent is what a calendar takes that was made without restriction.
const anyComponent = store.VEVENT | store.VTODO | store.VJOURNAL | store.VFREEBUSY

// writeComponentSet writes a CALDAV:comp for each type in set.
func writeComponentSet(w *webdav.Writer, set store.Component) {
	for _, name := range components(set) {
		w.Start(webdav.CalDAV("comp"), xml.Attr{Name: xml.Name{Local: "name"}, Value: name})
		w.End()
	}
}

// componentsOf is what may be stored in a calendar.
func componentsOf(c *store.Collection) store.Component {
	if c.Components == 0 {
		return anyComponent
	}
	return c.Components
}
