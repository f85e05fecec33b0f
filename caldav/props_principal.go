package caldav

import (
	"encoding/xml"
	"slices"

	"convene/delegation"
	"convene/directory"
	"convene/internal/webdav"
)

// principalProperties are those of directory records: RFC 3744 §4, RFC 4791
// §6.2, RFC 6638 §2.4, and Apple's.
func principalProperties() []property {
	homeURL := func(name xml.Name, member string) property {
		return hrefProperty(name, kindPrincipal, func(_ *scope, r *resource) string {
			if !r.owner.CalendarEnabled {
				return ""
			}
			return homePath(r.owner.GUID) + member
		})
	}
	text := func(name string, get func(*directory.Principal) string) property {
		return textProperty(webdav.CS(name), kindPrincipal, func(_ *scope, r *resource) string { return get(r.owner) })
	}
	return slices.Concat([]property{
		hrefProperty(webdav.DAV("principal-URL"), principals, func(_ *scope, r *resource) string {
			if r.kind == kindProxyGroup {
				return principalPath(r.owner.GUID) + lastSegment(r.dir) + "/"
			}
			return principalPath(r.owner.GUID)
		}),
		{name: webdav.DAV("alternate-URI-set"), on: principals, get: getAlternateURIs},
		{name: webdav.CalDAV("calendar-home-set"), on: kindPrincipal, get: getHomes},
		homeURL(webdav.CalDAV("schedule-inbox-URL"), "inbox/"),
		homeURL(webdav.CalDAV("schedule-outbox-URL"), "outbox/"),
		homeURL(webdav.CS("dropbox-home-URL"), "dropbox/"),
		homeURL(webdav.CS("notification-URL"), "notification/"),
		{name: webdav.CalDAV("calendar-user-address-set"), on: kindPrincipal, get: getAddresses},
		textProperty(webdav.CalDAV("calendar-user-type"), kindPrincipal, func(_ *scope, r *resource) string { return userType(r.owner.Type) }),
		{name: webdav.CS("email-address-set"), on: kindPrincipal, get: getEmails},
		text("first-name", func(p *directory.Principal) string { return p.GivenName }),
		text("last-name", func(p *directory.Principal) string { return p.Surname }),
		text("record-name", func(p *directory.Principal) string { return p.Name }),
		text("record-type", func(p *directory.Principal) string { return p.Type.String() }),
		textProperty(webdav.CS("record-type"), kindProxyGroup, func(_ *scope, r *resource) string {
			return proxyLevel(lastSegment(r.dir)).String() + "-delegate-group" // as Apple's server calls it
		}),
	}, membershipProperties())
}

// membershipProperties tell who is in which group (RFC 3744 §4.3, §4.4), and
// who acts for whom (Apple's caldav-proxy).
func membershipProperties() []property {
	return []property{
		{name: webdav.DAV("group-member-set"), on: kindPrincipal, get: getMembers},
		{name: webdav.DAV("group-member-set"), on: kindProxyGroup, get: getDelegates},
		{name: webdav.DAV("group-membership"), on: principals, get: getGroups},
		{name: webdav.CS("expanded-group-member-set"), on: kindPrincipal, get: getNestedMembers},
		{name: webdav.CS("expanded-group-member-set"), on: kindProxyGroup, get: getExpandedDelegates},
		{name: webdav.CS("expanded-group-membership"), on: principals, get: getGroups},
		{name: webdav.CS("calendar-proxy-read-for"), on: kindPrincipal, get: getFor(delegation.LevelRead, directory.CalendarAccessRead)},
		{name: webdav.CS("calendar-proxy-write-for"), on: kindPrincipal, get: getFor(delegation.LevelWrite, directory.CalendarAccessReadWrite)},
	}
}

// userType is CALDAV:calendar-user-type (RFC 6638 §2.4.2).
func userType(t directory.Type) string {
	switch t {
	case directory.User:
		return "INDIVIDUAL"
	case directory.Group:
		return "GROUP"
	case directory.Location:
		return "ROOM"
	case directory.Resource:
		return "RESOURCE"
	}
	return "UNKNOWN"
}

func getAlternateURIs(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.kind == kindPrincipal {
		w.Href("/principals/" + r.owner.Type.String() + "/" + r.owner.Name + "/")
	}
	return true, nil
}

func getAddresses(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	for _, address := range r.owner.Addresses() {
		w.HrefURI(address)
	}
	return true, nil
}

func getEmails(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	for _, mail := range r.owner.Emails {
		w.TextElement(webdav.CS("email-address"), mail)
	}
	return true, nil
}

// getMembers lists the direct members of a group by their canonical URLs.
func getMembers(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	return s.writeMembers(r, w, directory.Direct)
}

// getNestedMembers lists all members of a group, those of groups in it one by one.
func getNestedMembers(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	return s.writeMembers(r, w, directory.Nested)
}

func (s *scope) writeMembers(r *resource, w *webdav.Writer, of directory.Expansion) (bool, error) {
	if r.owner.Type != directory.Group {
		return true, nil
	}
	for _, guid := range s.memberGUIDs(r.owner.GUID, of) {
		w.Href(principalPath(guid))
	}
	return true, nil
}

// getGroups lists the groups that a record is in, directly or through others, and the
// groups of delegates (caldav-proxy §5.2).
func getGroups(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.kind == kindProxyGroup {
		return true, nil
	}
	for _, guid := range s.groups(r.owner.GUID) {
		w.Href(principalPath(guid))
	}
	if !s.maySeeFor(r.owner) {
		return true, nil
	}
	list, err := s.delegators(r.owner.GUID)
	for _, d := range list {
		w.Href(proxyGroupPath(d.GUID, d.Level))
	}
	return true, err
}
