package caldav

import (
	"encoding/xml"

	"convene/acl"
	"convene/directory"
	"convene/internal/webdav"
)

func writePrivilege(w *webdav.Writer, name xml.Name) {
	w.Start(webdav.DAV("privilege"))
	w.Empty(name)
	w.End()
}

// writeSupported writes the tree of DAV:supported-privilege-set of a kind of
// resource (RFC 3744 §5.3).
func writeSupported(w *webdav.Writer, on acl.Kind) {
	open := 0
	for n := range on.Supported {
		for ; open > n.Depth; open-- {
			w.End()
		}
		w.Start(webdav.DAV("supported-privilege"))
		open++
		writePrivilege(w, n.Name)
		w.Start(webdav.DAV("description"), xml.Attr{Name: xml.Name{Space: webdav.NSXML, Local: "lang"}, Value: "en"})
		w.Text(n.Description)
		w.End()
	}
	for ; open > 0; open-- {
		w.End()
	}
}

// writeACE writes one access control entry (RFC 3744 §5.5) of a kind of resource in
// the home of owner.
func writeACE(w *webdav.Writer, a *acl.ACE, on acl.Kind, owner *directory.Principal) {
	w.Start(webdav.DAV("ace"))
	w.Start(webdav.DAV("principal"))
	writeACEPrincipal(w, a.Principal)
	w.End()
	if a.Grant {
		w.Start(webdav.DAV("grant"))
	} else {
		w.Start(webdav.DAV("deny"))
	}
	for name := range a.Privileges.Granted(on) {
		writePrivilege(w, name)
	}
	w.End()
	if a.Protected {
		w.Empty(webdav.DAV("protected"))
	}
	if a.Inherited == acl.FromHome {
		w.Start(webdav.DAV("inherited"))
		w.Href(homePath(owner.GUID))
		w.End()
	}
	w.End()
}

func writeACEPrincipal(w *webdav.Writer, p acl.Principal) {
	switch p.Form {
	case acl.Href:
		w.Href(principalPath(p.GUID))
	case acl.Everyone:
		w.Empty(webdav.DAV("all"))
	case acl.Authenticated:
		w.Empty(webdav.DAV("authenticated"))
	case acl.Unauthenticated:
		w.Empty(webdav.DAV("unauthenticated"))
	case acl.PropertyOwner:
		w.Start(webdav.DAV("property"))
		w.Empty(webdav.DAV("owner"))
		w.End()
	case acl.Self:
		w.Empty(webdav.DAV("self"))
	case acl.ProxyReader, acl.ProxyWriter, acl.ProxyScheduler, acl.ProxyManager:
		w.Href(principalPath(p.GUID) + proxyGroupNames[p.Form] + "/")
	}
}

// proxyGroupNames are the names of the proxy groups whose members an entry is about,
// all of them or some (calendarserver-proxy §5.2).
var proxyGroupNames = map[acl.Form]string{
	acl.ProxyReader: "calendar-proxy-read", acl.ProxyWriter: "calendar-proxy-write",
	acl.ProxyScheduler: "calendar-proxy-write", acl.ProxyManager: "calendar-proxy-write",
}
