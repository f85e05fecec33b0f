package policy

import "slices"

// A PersonID is a principal with the groups that they are in, nested ones too.
type PersonID struct {
	GUID   string // "" of somebody outside the directory
	Groups []string
}

// A Party is whom a calendar user address stands for.
type Party struct {
	GUID    string
	Room    bool     // a room or resource, which takes no seat
	Members []string // of a group: the GUIDs of the people in it, nested ones too
}

// Facts are what the directory says and the decision needs. Whoever asks it collects
// them before; what is missing counts as unknown to the directory, so a directory
// that cannot answer must have ended the request.
type Facts struct {
	GUID      string   // of the room
	Name      string   // of the room, for people
	Addresses []string // of the room, as Property.Address returns them

	Booker    PersonID  // the organizer; without GUID, one from outside
	Assistant *PersonID // who acts for them; nil if they act themselves

	IDs     map[string]string // the GUID of each of Policy.References
	Parties map[string]Party  // by address, of the attendees and the organizer

	// Approvers are the GUIDs of those who may approve, people or groups: whom
	// the policy names, else the delegates who may, else the owners.
	Approvers []string

	// Unavailable is when the room's own VAVAILABILITY says that it is closed
	// (RFC 7953), in order; it stands for the policy's hours if HasAvailability.
	Unavailable     []Span
	HasAvailability bool

	// Candidates returns the rooms that may be named in place of this one, 200 at most.
	// It is called when the room declines, and at no other time; nil: there are none.
	// Wanted are the features that the meeting needs; nil: those of the room itself.
	Candidates func() []Candidate
	Wanted     List
}

// A class is what somebody may do with a room.
type class uint8

const (
	denied class = iota
	unlisted
	requests
	books
)

// is reports whether somebody is meant by one of a list of references.
func (f *Facts) is(who PersonID, l List) bool {
	for _, ref := range l {
		switch {
		case ref == Outside:
			if who.GUID == "" {
				return true
			}
		case who.GUID == "":
		case ref == Everybody:
			return true
		default:
			id := f.IDs[ref]
			if id != "" && (id == who.GUID || slices.Contains(who.Groups, id)) {
				return true
			}
		}
	}
	return false
}

// classOf returns what one person may do. Approvers need not ask themselves.
func (f *Facts) classOf(p *Policy, who PersonID) class {
	switch {
	case f.is(who, p.Deny):
		return denied
	case f.is(who, p.Book) || f.is(who, p.AutoAccept):
		return books
	case f.is(who, p.Request):
		return f.atLeast(requests, who)
	case who.GUID == "" && p.External == Book:
		return books
	case who.GUID == "" && p.External == Request:
		return requests
	}
	return unlisted
}

func (f *Facts) atLeast(c class, who PersonID) class {
	if f.approves(who) {
		return books
	}
	return c
}

// Approves reports whether the booker is one of those who may approve.
func (f *Facts) Approves() bool { return f.approves(f.Booker) }

func (f *Facts) approves(who PersonID) bool {
	return who.GUID != "" && slices.ContainsFunc(f.Approvers, func(id string) bool {
		return id == who.GUID || slices.Contains(who.Groups, id)
	})
}

// bookerClass returns what the organizer may do, with the assistant's permission if
// the policy counts it. Nobody books for one who is denied.
func (f *Facts) bookerClass(p *Policy) class {
	c := f.classOf(p, f.Booker)
	if f.Assistant == nil || c == denied {
		return c
	}
	switch p.ByAssistant {
	case Either:
		return max(c, f.classOf(p, *f.Assistant))
	case Both:
		return min(c, f.classOf(p, *f.Assistant))
	}
	return c
}

// turnedAway reports whether the organizer is from outside and nothing lets them in.
func (f *Facts) turnedAway(p *Policy) bool {
	return f.Booker.GUID == "" && p.External == Refuse && !f.is(f.Booker, p.Book) && !f.is(f.Booker, p.Request)
}

// ModeOf returns the mode that counts for the organizer: members of the group are
// answered automatically where otherwise a person or a refusal would.
func (f *Facts) ModeOf(p *Policy) Mode {
	switch p.Mode {
	case ModeNone, ModeDeclineAlways, ModeDeclineIfBusy:
		if f.is(f.Booker, p.AutoAccept) {
			return ModeAutomatic
		}
	}
	return p.Mode
}
