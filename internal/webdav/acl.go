package webdav

import "encoding/xml"

// An ACE is one entry of the body of an ACL request (RFC 3744 §5.5), as it was sent.
type ACE struct {
	Principal  *Element // what DAV:principal holds: DAV:href, DAV:all, DAV:property …
	Invert     bool     // it is about everybody but that principal
	Grant      bool     // false: deny
	Privileges []xml.Name
	Protected  bool
	Inherited  bool
}

// ParseACL returns the entries of the body of an ACL request (RFC 3744 §8.1).
// Errors: 400.
func ParseACL(root *Element) ([]ACE, error) {
	if !root.Is(DAV("acl")) {
		return nil, BadRequest("the body is DAV:acl")
	}
	var list []ACE
	for e := range root.Elements() {
		if !e.Is(DAV("ace")) {
			return nil, BadRequest("DAV:acl has DAV:ace and nothing else")
		}
		a, err := parseACE(e)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

func parseACE(e *Element) (a ACE, err error) {
	principal := e.Child(DAV("principal"))
	if invert := e.Child(DAV("invert")); invert != nil {
		a.Invert, principal = true, invert.Child(DAV("principal"))
	}
	if a.Principal = principal.First(); a.Principal == nil {
		return a, BadRequest("DAV:ace has a DAV:principal that says who")
	}
	grant, deny := e.Child(DAV("grant")), e.Child(DAV("deny"))
	if (grant == nil) == (deny == nil) {
		return a, BadRequest("DAV:ace has either DAV:grant or DAV:deny")
	}
	a.Grant = grant != nil
	a.Protected, a.Inherited = e.Child(DAV("protected")) != nil, e.Child(DAV("inherited")) != nil
	if deny != nil {
		grant = deny
	}
	for p := range grant.ChildrenNamed(DAV("privilege")) {
		name := p.First()
		if name == nil {
			return a, BadRequest("DAV:privilege has an element that names it")
		}
		a.Privileges = append(a.Privileges, name.Name)
	}
	if len(a.Privileges) == 0 {
		return a, BadRequest("DAV:grant and DAV:deny have privileges")
	}
	return a, nil
}
