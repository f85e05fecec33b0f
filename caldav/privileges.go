package caldav

import (
	"encoding/xml"

	"convene/delegation"
	"convene/internal/webdav"
)

// A privilegeNode is one privilege of DAV:supported-privilege-set (RFC 3744
// §5.3): an aggregate if it has members.
type privilegeNode struct {
	name    xml.Name
	bits    delegation.Privilege
	text    string
	members []privilegeNode
}

// supportedPrivileges is the tree of all that can be granted.
func supportedPrivileges() privilegeNode {
	dav := webdav.DAV
	return privilegeNode{dav("all"), delegation.All, "Any operation", []privilegeNode{
		{dav("read"), delegation.Read, "Read any object", []privilegeNode{
			{webdav.CalDAV("read-free-busy"), delegation.ReadFreeBusy, "Read busy times", nil},
		}},
		{dav("write"), delegation.Write, "Write any object", []privilegeNode{
			{dav("write-content"), delegation.WriteContent, "Write resource content", nil},
			{dav("write-properties"), delegation.WriteProperties, "Write properties", nil},
			{dav("bind"), delegation.Bind, "Add new resources", nil},
			{dav("unbind"), delegation.Unbind, "Remove resources", nil},
		}},
		{dav("unlock"), delegation.Unlock, "Unlock resources", nil},
		{dav("read-acl"), delegation.ReadACL, "Read the access control list", nil},
		{dav("write-acl"), delegation.WriteACL, "Write the access control list", nil},
		{dav("read-current-user-privilege-set"), delegation.ReadPrivileges, "Read own privileges", nil},
	}}
}

// privilegeName is the name of the smallest privilege that covers need.
func privilegeName(need delegation.Privilege) xml.Name {
	best := supportedPrivileges()
	for {
		next := -1
		for i, m := range best.members {
			if m.bits.Has(need) {
				next = i
			}
		}
		if next < 0 {
			return best.name
		}
		best = best.members[next]
	}
}

// writeGranted writes a DAV:privilege element for each privilege that is
// wholly in granted, aggregates before their members (RFC 3744 §5.4).
func writeGranted(w *webdav.Writer, n privilegeNode, granted delegation.Privilege) {
	if granted.Has(n.bits) {
		w.Start(webdav.DAV("privilege"))
		w.Empty(n.name)
		w.End()
	}
	for _, m := range n.members {
		writeGranted(w, m, granted)
	}
}

// writeSupported writes the DAV:supported-privilege tree.
func writeSupported(w *webdav.Writer, n privilegeNode) {
	w.Start(webdav.DAV("supported-privilege"))
	w.Start(webdav.DAV("privilege"))
	w.Empty(n.name)
	w.End()
	w.Start(webdav.DAV("description"), xml.Attr{Name: xml.Name{Space: webdav.NSXML, Local: "lang"}, Value: "en"})
	w.Text(n.text)
	w.End()
	for _, m := range n.members {
		writeSupported(w, m)
	}
	w.End()
}

// writeACE writes one access control entry of DAV:acl (RFC 3744 §5.5): a
// principal and what is granted to it. All entries come from the server's
// policy, so they are protected.
func writeACE(w *webdav.Writer, principal func(*webdav.Writer), granted ...xml.Name) {
	w.Start(webdav.DAV("ace"))
	w.Start(webdav.DAV("principal"))
	principal(w)
	w.End()
	w.Start(webdav.DAV("grant"))
	for _, name := range granted {
		w.Start(webdav.DAV("privilege"))
		w.Empty(name)
		w.End()
	}
	w.End()
	w.Empty(webdav.DAV("protected"))
	w.End()
}
