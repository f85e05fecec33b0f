package caldav

import (
	"net/http"
	"strings"

	"convene/directory"
	"convene/internal/webdav"
)

// A kind says what a URL names. It selects the row of methods and the
// properties that exist there.
type kind uint

const (
	kindRoot          kind = 1 << iota // /
	kindPrincipals                     // /principals/
	kindPrincipalType                  // /principals/users/, /principals/__uids__/ …
	kindPrincipal                      // /principals/users/ann/, /principals/__uids__/GUID/
	kindProxyGroup                     // …/calendar-proxy-read/, …/calendar-proxy-write/
	kindHomes                          // /calendars/
	kindHomeType                       // /calendars/users/, /calendars/__uids__/ …
	kindHome                           // /calendars/__uids__/GUID/
	kindCalendar                       // a calendar collection
	kindCollection                     // an ordinary collection in a home
	kindInbox                          // RFC 6638 §2.2
	kindOutbox                         // RFC 6638 §2.1
	kindNotifications                  // Apple's notification collection
	kindDropbox                        // Apple's attachments collection
	kindFreeBusyURL                    // …/freebusy
	kindObject                         // a calendar object resource, or a file in an ordinary collection
	kindMissing                        // a place in a home where nothing is
	kindWellKnown                      // /.well-known/, /.well-known/caldav
	kindServerInfo                     // /server-info
	kindRooms                          // /rooms
)

// A target is what a request URL names, before the store is asked. Path
// segments are decoded; the owner is filled in by the directory.
type target struct {
	kind  kind
	form  string         // type segment as the client wrote it: "__uids__", "users", …
	typ   directory.Type // valid unless form is "__uids__"
	ident string         // GUID or short name
	owner *directory.Principal

	collection string // name in the home
	object     string // name in the collection
	ordinary   bool   // the collection takes any file, it is not a calendar
	addMember  bool   // the RFC 5995 URI of the collection
	slash      bool   // the path ended in a slash
}

// uidsForm is the type segment under which records are named by GUID.
const uidsForm = "__uids__"

// types maps URL segments to record types.
var types = map[string]directory.Type{
	"users": directory.User, "groups": directory.Group,
	"locations": directory.Location, "resources": directory.Resource,
}

// typeForms are the type segments in the order in which they are listed.
var typeForms = []string{"__uids__", "users", "groups", "resources", "locations"}

// addMemberSuffix makes the DAV:add-member URI of a collection (RFC 5995 §3.2.1).
const addMemberSuffix = ";add-member"

// What parseTarget says of paths that name nothing. A path that goes on below
// the members of a collection lacks a parent: what would create something there
// is 409 (RFC 4918 §9.3.1, §9.7.1, §9.8.5).
var (
	errNoSuchPath = &webdav.Error{Status: http.StatusNotFound}
	errNoParent   = &webdav.Error{Status: http.StatusNotFound, Description: "collections in a calendar home hold no collections"}
)

// parseTarget splits an escaped URL path. A path that can never name anything
// is 404; one that is not well-formed is 400.
func parseTarget(escaped string) (target, error) {
	var t target
	path, err := webdav.CleanPath(escaped)
	if err != nil {
		return t, err
	}
	if path == "/" {
		t.kind, t.slash = kindRoot, true
		return t, nil
	}
	t.slash = strings.HasSuffix(path, "/")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if at := strings.Index(path, webdav.EscapedSlash); at >= 0 && (len(parts) != 5 || strings.Contains(path[at:], "/")) {
		return t, webdav.BadRequest("only the name of a member can have a slash in it")
	}
	switch parts[0] {
	case "principals":
		return t.principal(parts[1:])
	case "calendars":
		return t.home(parts[1:])
	case ".well-known":
		if len(parts) == 1 || len(parts) == 2 && parts[1] == "caldav" {
			t.kind = kindWellKnown
			t.ident = strings.Join(parts[1:], "")
			return t, nil
		}
	case "rooms":
		if len(parts) == 1 {
			t.kind = kindRooms
			return t, nil
		}
	case "server-info":
		if len(parts) == 1 {
			t.kind = kindServerInfo
			return t, nil
		}
	}
	return t, errNoSuchPath
}

func (t target) principal(parts []string) (target, error) {
	switch {
	case len(parts) == 0:
		t.kind = kindPrincipals
	case !t.setForm(parts[0]):
		return t, errNoSuchPath
	case len(parts) == 1:
		t.kind = kindPrincipalType
	case len(parts) == 2:
		t.kind, t.ident = kindPrincipal, parts[1]
	case len(parts) == 3 && (parts[2] == "calendar-proxy-read" || parts[2] == "calendar-proxy-write"):
		t.kind, t.ident, t.collection = kindProxyGroup, parts[1], parts[2]
	default:
		return t, errNoSuchPath
	}
	return t, nil
}

func (t target) home(parts []string) (target, error) {
	switch {
	case len(parts) == 0:
		t.kind = kindHomes
		return t, nil
	case !t.setForm(parts[0]):
		return t, errNoSuchPath
	case len(parts) == 1:
		t.kind = kindHomeType
		return t, nil
	}
	t.ident = parts[1]
	if len(parts) > 2 && parts[2] == homeFiles {
		return t, errNoSuchPath
	}
	switch len(parts) {
	case 2:
		t.kind = kindHome
	case 3:
		t.kind, t.collection = kindMissing, parts[2] // the store knows its kind
	case 4:
		t.kind, t.collection, t.object = kindMissing, parts[2], parts[3]
		if t.object == addMemberSuffix {
			t.object, t.addMember = "", true
		}
	default:
		return t, errNoParent
	}
	return t, nil
}

func (t *target) setForm(segment string) bool {
	typ, ok := types[segment]
	t.form, t.typ = segment, typ
	return ok || segment == uidsForm
}

// key is the directory key of the record that the target belongs to.
func (t *target) key() directory.Key {
	if t.form == uidsForm {
		return directory.Key{By: directory.GUID, Value: t.ident}
	}
	return directory.Key{By: directory.Name, Type: t.typ, Value: t.ident}
}

// names reports whether the target belongs to a record, without asking the
// directory.
func (t *target) names(p *directory.Principal) bool {
	if t.form == uidsForm {
		return directory.CanonicalGUID(t.ident) == p.GUID
	}
	return t.typ == p.Type && strings.EqualFold(t.ident, p.Name)
}

// principalPath is the canonical URL path of a record: by GUID.
func principalPath(guid string) string {
	return "/principals/" + uidsForm + "/" + guid + "/"
}

// homePath is the canonical URL path of a record's calendar home.
func homePath(guid string) string {
	return "/calendars/" + uidsForm + "/" + guid + "/"
}

// homePath is the path of the home in the form that the client used, so that
// hrefs in a response lie below the URL that was asked for.
func (t *target) homePath() string { return "/calendars/" + t.form + "/" + t.ident + "/" }

// collectionPath is the path of a collection in the target's home.
func (t *target) collectionPath(name string) string {
	if name == homeFiles {
		return t.homePath()
	}
	return t.homePath() + name + "/"
}

// homeFiles is the collection in the store that holds the files that lie in the
// home itself, beside the collections. No URL leads to it.
const homeFiles = ".home"

func (t *target) principalPath() string { return "/principals/" + t.form + "/" + t.ident + "/" }

// sharedPath is the path of a place that is no one's own.
func (t *target) sharedPath() string {
	switch t.kind {
	case kindPrincipals:
		return "/principals/"
	case kindPrincipalType:
		return "/principals/" + t.form + "/"
	case kindHomes:
		return "/calendars/"
	case kindHomeType:
		return "/calendars/" + t.form + "/"
	}
	return "/"
}
