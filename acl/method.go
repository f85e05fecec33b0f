package acl

// A Requirement is what a request needs: privileges of the resource that it names,
// and of the collection that this is or would be a member of.
type Requirement struct{ Target, Parent Privilege }

// Required is what a method needs on a kind of resource (RFC 3744 Appendix B). Of
// a method that is not in the table everything is required.
//
// COPY and MOVE need more of their destination: DAV:bind of the collection there,
// and if something is replaced DAV:write-content of it (an object) or DAV:unbind
// of that collection. Where nothing is, whoever may read the place may know that.
func Required(method string, on Kind) Requirement {
	switch method {
	case "OPTIONS":
		return Requirement{} // clients ask for it before they know anything
	case "GET", "HEAD":
		if on == FreeBusyURL {
			return Requirement{Target: ReadFreeBusy}
		}
		return Requirement{Target: Read}
	case "PROPFIND", "COPY":
		return Requirement{Target: Read}
	case "REPORT":
		if on == Calendar { // free-busy-query needs no more (RFC 4791 §6.1.1); others say what they do
			return Requirement{Target: ReadFreeBusy}
		}
		return Requirement{Target: Read}
	case "MKCALENDAR", "MKCOL":
		if on == Home { // the collection of all homes takes none from anybody
			return Requirement{Target: Bind}
		}
		return Requirement{Parent: Bind}
	case "PUT":
		if on == Missing {
			return Requirement{Parent: Bind}
		}
		return Requirement{Target: WriteContent}
	}
	if on == Missing {
		return Requirement{Target: Read}
	}
	switch method {
	case "DELETE":
		return Requirement{Parent: Unbind}
	case "MOVE": // who has it elsewhere can read it
		return Requirement{Target: Read, Parent: Unbind}
	case "POST":
		switch on {
		case Outbox: // RFC 6638 §6.2.4
			return Requirement{Target: ScheduleSendFreeBusy}
		case FreeBusyURL:
			return Requirement{Target: ReadFreeBusy}
		}
		return Requirement{Target: Bind} // makes members (RFC 5995)
	case "PROPPATCH":
		if on == Calendar { // for the other properties it asks for more
			return Requirement{Target: WriteAppearance}
		}
		return Requirement{Target: WriteProperties}
	case "ACL":
		return Requirement{Target: WriteACL}
	}
	return Requirement{Target: All}
}
