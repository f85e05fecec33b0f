package scheduling

import "encoding/xml"

const (
	caldavSpace         = "urn:ietf:params:xml:ns:caldav"
	calendarServerSpace = "http://calendarserver.org/ns/"
)

// The preconditions of scheduling. Clients that schedule know those of Apple's
// server, which are older than RFC 6638 §3.2.4; the names of the RFC are said in
// the text of the error.
var (
	SingleOrganizer       = xml.Name{Space: caldavSpace, Local: "single-organizer"}
	OrganizerAllowed      = xml.Name{Space: caldavSpace, Local: "organizer-allowed"}
	ValidOrganizerChange  = xml.Name{Space: caldavSpace, Local: "valid-organizer-change"}
	AttendeeAllowed       = xml.Name{Space: caldavSpace, Local: "attendee-allowed"}
	ValidAttendeeChange   = xml.Name{Space: caldavSpace, Local: "valid-attendee-change"}
	MaxAttendees          = xml.Name{Space: caldavSpace, Local: "max-attendees-per-instance"}
	ValidOrganizer        = xml.Name{Space: calendarServerSpace, Local: "valid-organizer"}
	ShareePrivilegeNeeded = xml.Name{Space: calendarServerSpace, Local: "sharee-privilege-needed"}
	NoDuplicateComments   = xml.Name{Space: calendarServerSpace, Local: "no-duplicate-private-comments"}
)

// rfcNames are what RFC 6638 calls the conditions that have a name of their own
// here.
var rfcNames = map[xml.Name]string{
	SingleOrganizer:      "same-organizer-in-all-components",
	ValidOrganizerChange: "allowed-organizer-scheduling-object-change",
	OrganizerAllowed:     "allowed-organizer-scheduling-object-change",
	ValidAttendeeChange:  "allowed-attendee-scheduling-object-change",
	AttendeeAllowed:      "allowed-attendee-scheduling-object-change",
}

// A Refusal is the error for a change that must not be: 403 on the wire.
type Refusal struct {
	// Condition is the precondition that is not met, the element of a DAV:error
	// (RFC 4918 §16).
	Condition xml.Name

	// Value is the content of that element, a limit; "" if it has none.
	Value string

	Reason string
}

// Error returns the condition and the reason, and what RFC 6638 calls it.
func (e *Refusal) Error() string {
	text := e.Condition.Local + ": " + e.Reason
	if name := rfcNames[e.Condition]; name != "" {
		text += " (RFC 6638: " + name + ")"
	}
	return text
}

func refuse(condition xml.Name, reason string) error {
	return &Refusal{Condition: condition, Reason: reason}
}
