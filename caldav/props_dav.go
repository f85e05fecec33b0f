package caldav

import (
	"crypto/sha256"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/acl"
	"convene/internal/webdav"
	"convene/store"
)

// Groups of kinds that share properties.
const (
	collections = kindCalendar | kindCollection | kindInbox | kindOutbox | kindNotifications | kindDropbox | kindFreeBusyURL
	inHome      = kindHome | collections | kindObject
	shared      = kindRoot | kindPrincipals | kindPrincipalType | kindHomes | kindHomeType
	principals  = kindPrincipal | kindProxyGroup
	everything  = shared | principals | inHome
	fixed       = kindRoot | kindPrincipals | kindHomes | kindHomeType // what they list is part of the program
)

// textProperty makes a protected row whose content is text; "" is no value.
func textProperty(name xml.Name, on kind, get func(*scope, *resource) string) property {
	return property{name: name, on: on, get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
		text := get(s, r)
		w.Text(text)
		return text != "", nil
	}}
}

// hrefProperty makes a protected row whose content is a DAV:href; "" is no value.
func hrefProperty(name xml.Name, on kind, get func(*scope, *resource) string) property {
	return property{name: name, on: on, get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
		href := get(s, r)
		w.Href(href)
		return href != "", nil
	}}
}

// uriProperty is hrefProperty for URIs that are no paths.
func uriProperty(name xml.Name, on kind, get func(*scope, *resource) string) property {
	return property{name: name, on: on, get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
		uri := get(s, r)
		w.HrefURI(uri)
		return uri != "", nil
	}}
}

// davProperties are those of RFC 4918, 3253, 3744, 5397, 5842 and 6578 that
// any resource may have.
func davProperties() []property {
	standard := []property{
		{name: webdav.DAV("resourcetype"), on: everything, get: getResourceType},
		{name: webdav.DAV("displayname"), on: principals | shared, get: getPrincipalName},
		{name: webdav.DAV("displayname"), on: kindHome | collections | kindObject, kept: true, get: getDefaultName, set: setDisplayName,
			remove: func(s *scope, r *resource) error { return s.drop(r, webdav.DAV("displayname")) }},
		{name: webdav.DAV("getetag"), on: kindHome | collections | kindObject, getAs: func(_ *scope, r *resource, _ *webdav.Element, w *webdav.Writer) (bool, error) {
			w.ETag(r.number(), uint64(r.home.Epoch), uint64(r.rev()))
			return true, nil
		}},
		textProperty(webdav.DAV("getetag"), fixed, func(_ *scope, r *resource) string { return r.etag() }),
		{name: webdav.DAV("getcontenttype"), on: everything, get: getContentType},
		{name: webdav.DAV("getcontentlength"), on: everything, get: getContentLength},
		textProperty(webdav.DAV("getlastmodified"), inHome, func(_ *scope, r *resource) string { return httpTime(r.modified()) }),
		textProperty(webdav.DAV("creationdate"), inHome, func(_ *scope, r *resource) string { return r.created().UTC().Format(time.RFC3339) }),
		{name: webdav.DAV("supportedlock"), on: everything, get: getEmpty},
		{name: webdav.DAV("lockdiscovery"), on: everything, get: getEmpty},
	}
	for i := range standard {
		standard[i].all = true
	}
	return slices.Concat(standard, accessProperties(), []property{
		{name: webdav.DAV("supported-report-set"), on: everything, get: getSupportedReports},
		{name: webdav.DAV("supported-live-property-set"), on: everything, get: getSupportedProperties},
		{name: webdav.DAV("supported-method-set"), on: everything, get: getSupportedMethods},
		textProperty(webdav.DAV("sync-token"), kindHome|kindCalendar|kindCollection|kindInbox|kindNotifications, (*scope).syncToken),
		uriProperty(webdav.DAV("resource-id"), principals|inHome, func(_ *scope, r *resource) string { return r.resourceID() }),
	})
}

// accessProperties are those of RFC 3744 and RFC 5397.
func accessProperties() []property {
	return []property{
		{name: webdav.DAV("current-user-principal"), on: everything, get: func(s *scope, _ *resource, w *webdav.Writer) (bool, error) {
			if p := s.req.caller.Principal; p != nil {
				w.Href(principalPath(p.GUID))
			} else {
				w.Empty(webdav.DAV("unauthenticated")) // RFC 5397 §3
			}
			return true, nil
		}},
		{name: webdav.DAV("current-user-privilege-set"), on: everything, need: acl.ReadPrivileges, get: getPrivilegeSet},
		hrefProperty(webdav.DAV("owner"), principals|inHome, func(_ *scope, r *resource) string {
			if r.owner == nil {
				return ""
			}
			return principalPath(r.owner.GUID)
		}),
		{name: webdav.DAV("supported-privilege-set"), on: everything, get: func(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
			writeSupported(w, r.listed().Kind)
			return true, nil
		}},
		{name: webdav.DAV("acl"), on: everything, need: acl.ReadACL, get: getACL},
		{name: webdav.DAV("acl-restrictions"), on: everything, get: func(_ *scope, _ *resource, w *webdav.Writer) (bool, error) {
			w.Empty(webdav.DAV("no-invert"))
			return true, nil
		}},
		{name: webdav.DAV("inherited-acl-set"), on: everything, get: getInheritedSet},
		hrefProperty(webdav.DAV("principal-collection-set"), everything, func(*scope, *resource) string { return "/principals/" }),
	}
}

func getEmpty(*scope, *resource, *webdav.Writer) (bool, error) { return true, nil }

// resourceTypes are the elements of DAV:resourcetype by kind.
func getResourceType(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.kind&(kindObject|kindFreeBusyURL) == 0 {
		w.Empty(webdav.DAV("collection"))
	}
	switch r.kind {
	case kindCalendar:
		w.Empty(webdav.CalDAV("calendar"))
	case kindInbox:
		w.Empty(webdav.CalDAV("schedule-inbox"))
	case kindOutbox:
		w.Empty(webdav.CalDAV("schedule-outbox"))
	case kindNotifications:
		w.Empty(webdav.CS("notification"))
	case kindDropbox:
		w.Empty(webdav.CS("dropbox-home"))
	case kindFreeBusyURL:
		w.Empty(webdav.CS("free-busy-url"))
	case kindPrincipal:
		w.Empty(webdav.DAV("principal"))
	case kindProxyGroup:
		w.Empty(webdav.DAV("principal"))
		w.Empty(webdav.CS(lastSegment(r.dir)))
	}
	return true, nil
}

func lastSegment(dir string) string {
	dir = strings.TrimSuffix(dir, "/")
	return dir[strings.LastIndexByte(dir, '/')+1:]
}

// getPrincipalName is the record's full name, or what a shared collection is
// called.
func getPrincipalName(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	switch {
	case r.kind == kindProxyGroup:
		w.Text(lastSegment(r.dir))
	case r.owner != nil:
		w.Text(r.owner.FullName)
	case r.kind == kindRoot:
		w.Text("/")
	default:
		w.Text(lastSegment(r.dir))
	}
	return true, nil
}

// getDefaultName is what a collection is called until someone names it: as in
// its URL, or for a home after its owner.
func getDefaultName(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	switch {
	case r.object != nil:
		return false, nil
	case r.col != nil:
		w.Text(r.col.Name)
	default:
		w.Text(r.owner.FullName)
	}
	return true, nil
}

func setDisplayName(s *scope, r *resource, value *webdav.Element) error {
	if r.kind&(kindInbox|kindOutbox|kindNotifications|kindDropbox|kindFreeBusyURL) != 0 {
		return precondition(webdav.DAV("cannot-modify-protected-property"))
	}
	return s.keep(r, value)
}

func getContentType(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.object == nil {
		w.Text("httpd/unix-directory")
		return true, nil
	}
	typ, err := s.contentType(r.col, r.object)
	w.Text(typ)
	return true, err
}

// getContentLength is the size of an object. Collections have an empty value:
// what GET gives for them is made on the fly, yet clients ask.
func getContentLength(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.object == nil {
		return true, nil
	}
	size, err := s.tx.Size(r.col, r.object)
	w.Text(strconv.Itoa(size))
	return true, err
}

func getPrivilegeSet(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	for name := range r.privileges.Held(r.listed().Kind) {
		writePrivilege(w, name)
	}
	return true, nil
}

// getACL shows who has which rights (RFC 3744 §5.5).
func getACL(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	on := r.listed().Kind
	for _, a := range s.acl(r) {
		writeACE(w, &a, on, r)
	}
	return true, nil
}

// getInheritedSet names the resources that entries are inherited from (RFC 3744
// §5.7).
func getInheritedSet(_ *scope, r *resource, w *webdav.Writer) (bool, error) {
	if r.kind&inHome == 0 || r.kind == kindHome {
		return true, nil
	}
	w.Href(homePath(r.owner.GUID))
	if r.object != nil && r.col.Kind == store.KindCalendar {
		w.Href(r.collectionHref())
	}
	return true, nil
}

// collectionHref is the canonical path of the collection that r is or is in.
func (r *resource) collectionHref() string { return homePath(r.owner.GUID) + r.col.Name + "/" }

func getSupportedMethods(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	for verb := range strings.SplitSeq(s.h.methods[r.kind].allow(), ", ") {
		w.Start(webdav.DAV("supported-method"), xml.Attr{Name: xml.Name{Local: "name"}, Value: verb})
		w.End()
	}
	return true, nil
}

// getSupportedProperties lists the live properties of a kind of resource (RFC 3253
// §3.1.4; RFC 5995 §3.2.1 asks for it).
func getSupportedProperties(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	for _, row := range s.h.props.named(r.kind) {
		w.Start(webdav.DAV("supported-live-property"))
		w.Start(webdav.NameProp)
		w.Empty(row.name)
		w.End()
		w.End()
	}
	return true, nil
}

func getSupportedReports(s *scope, r *resource, w *webdav.Writer) (bool, error) {
	for _, rep := range s.h.reportsOn(r.kind) {
		w.Start(webdav.DAV("supported-report"))
		w.Start(webdav.DAV("report"))
		w.Empty(rep.name)
		w.End()
		w.End()
	}
	return true, nil
}

// etag is the strong entity tag; see tagOf. A home's and a collection's changes
// with anything inside.
func (r *resource) etag() string {
	switch {
	case r.home != nil:
	case r.kind&fixed != 0:
		return placeTag(r.dir)
	default:
		return ""
	}
	return tagOf(r.home.Epoch, r.number(), r.rev())
}

// placeTag is the entity tag of a place that is no one's: it changes with the program.
func placeTag(dir string) string {
	sum := sha256.Sum256([]byte(dir + " " + strings.Join(typeForms, " ") + listingText))
	return fmt.Sprintf(`"%x"`, sum[:8])
}

// number is that of the collection that a resource is or is in, or of the home.
func (r *resource) number() uint64 {
	if r.col != nil {
		return uint64(r.col.ID)
	}
	return uint64(r.home.ID)
}

// rev is the revision of the last change of a resource in a home.
func (r *resource) rev() store.Rev {
	switch {
	case r.object != nil:
		return r.object.Rev
	case r.col != nil:
		return r.col.Rev
	}
	return r.home.Rev
}

// etagOf is the entity tag of what was last written in col at rev; see tagOf.
func etagOf(epoch store.Epoch, col *store.Collection, rev store.Rev) string {
	return tagOf(epoch, uint64(col.ID), rev)
}

// tagOf is an entity tag: the numbers of a collection, or of a home for itself, of
// the epoch and of the revision. A collection's number and, in it, a revision are
// never used again, wherever it is moved.
func tagOf(epoch store.Epoch, number uint64, rev store.Rev) string {
	return string(webdav.AppendETag(make([]byte, 0, 40), number, uint64(epoch), uint64(rev)))
}

func (r *resource) modified() time.Time {
	switch {
	case r.object != nil:
		return time.Unix(r.object.Modified, 0)
	case r.col != nil:
		return r.col.ModifiedAt
	case r.home == nil:
		return time.Time{} // a record of the directory
	}
	return r.home.ModifiedAt
}

func (r *resource) created() time.Time {
	switch {
	case r.object != nil:
		return time.Unix(r.object.Created, 0)
	case r.col != nil:
		return r.col.CreatedAt
	}
	return r.home.CreatedAt
}

// resourceID is stable over renames and moves (RFC 5842 §3.1): the record's GUID, the
// UUID that a collection was made with, or the UID of an event or task, which is one
// object in all calendars of a home.
func (r *resource) resourceID() string {
	switch {
	case r.object != nil && r.col.Kind == store.KindCalendar:
		return "urn:x-convene:object:" + r.owner.GUID + ":" + url.PathEscape(r.object.UID)
	case r.object != nil: // several messages of an inbox are of one UID, and files have none
		return "urn:x-convene:object:" + strconv.FormatUint(uint64(r.col.ID), 16) + ":" + url.PathEscape(r.object.Name)
	case r.col != nil:
		return "urn:uuid:" + r.col.ResourceID
	case r.owner == nil:
		return ""
	case r.kind == kindHome:
		return "urn:x-convene:home:" + r.owner.GUID
	case r.kind == kindProxyGroup:
		return "urn:x-convene:" + lastSegment(r.dir) + ":" + r.owner.GUID
	}
	return "urn:x-uid:" + r.owner.GUID
}

func httpTime(t time.Time) string {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b := make([]byte, 0, len(http.TimeFormat))
	b = append(append(b, t.Weekday().String()[:3]...), ", "...)
	b = append(appendTwo(b, day), ' ')
	b = append(append(b, month.String()[:3]...), ' ')
	b = append(appendTwo(appendTwo(b, year/100), year%100), ' ')
	b = append(appendTwo(b, hour), ':')
	b = append(appendTwo(b, minute), ':')
	return string(append(appendTwo(b, second), " GMT"...))
}

// appendTwo writes a number below 100 in two digits.
func appendTwo(b []byte, n int) []byte { return append(b, byte('0'+n/10), byte('0'+n%10)) }
