package scheduling

import (
	"slices"
	"strings"
)

// Options is what the configuration says of scheduling. It is not changed once it
// is in use.
type Options struct {
	// Addresses is the form of addresses that clients see.
	Addresses AddressForm

	// ToAttendees and ToOrganizer are the X- properties that messages carry from
	// the organizer and from attendees, and the X- parameters of the sender's own
	// ATTENDEE or ORGANIZER. What ToOrganizer has goes both ways. All others stay
	// with whom they are of.
	ToAttendees, ToOrganizer             []string
	ToAttendeesParams, ToOrganizerParams []string

	// Personal are X- properties that each attendee has of their own.
	Personal []string

	// Organizers are the kinds of party that may invite.
	Organizers []PartyKind

	// RoomsNeedOrganizer: the calendar of a room or resource holds meetings only.
	RoomsNeedOrganizer bool

	// ExpandGroups: inviting a group invites its members.
	ExpandGroups bool

	// MaxAttendees is how many attendees an object may have; 0: any number.
	MaxAttendees int

	// RefreshMost is up to how many attendees are told of one's answer.
	RefreshMost int

	// PartStatTimestamp: an attendee's answer says when it was given.
	PartStatTimestamp bool

	// SentBy says where who acts for somebody is named.
	SentBy SentBy

	// ProdID is the PRODID of messages.
	ProdID string
}

// DefaultOptions returns what holds if nothing is configured.
func DefaultOptions() *Options {
	return &Options{
		ToAttendees: []string{"X-APPLE-DROPBOX", "X-APPLE-STRUCTURED-LOCATION"},
		Personal: []string{"X-APPLE-NEEDS-REPLY", "X-APPLE-TRAVEL-DURATION", "X-APPLE-TRAVEL-START",
			"X-APPLE-TRAVEL-RETURN-DURATION", "X-APPLE-TRAVEL-RETURN"},
		Organizers:        []PartyKind{Person},
		ExpandGroups:      true,
		MaxAttendees:      1000,
		RefreshMost:       50,
		PartStatTimestamp: true,
		ProdID:            "-//convene//scheduling//EN",
	}
}

// travels reports whether a property goes from the organizer to attendees.
func (o *Options) travels(name string) bool {
	return !strings.HasPrefix(name, "X-") || slices.Contains(o.ToAttendees, name) || slices.Contains(o.ToOrganizer, name)
}

// travelsParam is travels for parameters.
func (o *Options) travelsParam(name string) bool {
	return !strings.HasPrefix(name, "X-") || slices.Contains(o.ToAttendeesParams, name) || slices.Contains(o.ToOrganizerParams, name)
}

// An AddressForm is how clients see the addresses of this server's users.
type AddressForm uint8

const (
	// MailAddresses are mailto:, which all clients know.
	MailAddresses AddressForm = iota
	// CanonicalAddresses are those of stored data.
	CanonicalAddresses
)
