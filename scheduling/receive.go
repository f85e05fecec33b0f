package scheduling

import (
	"slices"

	"convene/internal/ical"
)

// The values of SCHEDULE-STATUS that delivery gives (RFC 6638 §3.2.9).
const (
	statusPending   = "1.0"
	statusSent      = "1.1"
	statusDelivered = "1.2"
	statusAnswered  = "2.0"
	statusIgnored   = "2.3" // an invalid property parameter, RFC 5546 §3.6
	statusGroup     = "2.7"
	statusUnknown   = "3.7"
	statusNoRights  = "3.8"
	statusBadData   = "5.0"
	statusFailed    = "5.1"
	statusRejected  = "5.3"
)

// A receiver applies a message to one copy.
type receiver struct {
	m      *Message
	to     *Party
	me     string       // the address of to
	stored *ical.Object // nil: none
	o      *Options
}

// Receive returns what a message does to the copy that its recipient has: to that
// of an attendee, or to the organizer's own object. stored is nil if there is none.
//
// What is not understood, too old, or about nothing that is there is ignored, as
// RFC 5546 wants it: the sender is told that it was delivered.
func Receive(m *Message, to *Party, stored *ical.Object, o *Options) (*Receipt, error) {
	r := &receiver{m: m, to: to, me: to.Address, stored: stored, o: o}
	switch m.Method {
	case Request:
		return r.request()
	case Add:
		return r.add()
	case Cancel:
		return r.cancel()
	case Reply:
		return r.reply()
	case Counter:
		return r.counter()
	case DeclineCounter:
		return r.declineCounter()
	case AskRefresh:
		return r.refreshRequest()
	}
	return &Receipt{Same: true, Status: statusBadData}, nil
}

// ignored is the receipt for a message that changes nothing.
func ignored() *Receipt { return &Receipt{Same: true, Status: statusDelivered} }

// notFor returns the receipt for a message that must not touch what is stored: that
// is another organizer's meeting. nil: it may.
func (r *receiver) notFor() *Receipt {
	if r.stored == nil || r.plain() {
		return nil
	}
	was, is := organizerOf(r.stored), organizerOf(r.m.Data)
	if is == nil || !sameAddress(was, is.Value) && was.Address() != is.Address() {
		return &Receipt{Same: true, Status: statusRejected}
	}
	return nil
}

// plain reports whether the stored object is no meeting: it has the UID of the
// message by chance, or because somebody guessed it, and is not to be lost by that.
func (r *receiver) plain() bool { return organizerOf(r.stored) == nil }

// detached reports whether the attendee has said that the server has nothing to do
// with the stored copy (RFC 6638 §7.1): a message makes it a new one.
func (r *receiver) detached() bool {
	p := organizerOf(r.stored)
	return byServer(p) != byServer(organizerOf(r.m.Data))
}

// current reports whether a message is not older than what is stored (RFC 5546
// §2.1.5).
func current(message, stored *ical.Draft) bool {
	newer := func(is, was *ical.Component) bool { return was != nil && sequenceOf(is) >= sequenceOf(was) }
	sent, has := message.RIDs(), stored.RIDs()
	switch {
	case stored.Master() != nil:
		return slices.ContainsFunc(sent, func(rid ical.DateTime) bool { return newer(message.At(rid), storedFor(stored, rid)) })
	case message.Master() != nil:
		return slices.ContainsFunc(has, func(rid ical.DateTime) bool { return newer(message.Master(), stored.At(rid)) })
	}
	other := func(rid ical.DateTime) bool { return stored.At(rid) == nil || newer(message.At(rid), stored.At(rid)) }
	return len(sent) != len(has) || slices.ContainsFunc(sent, other)
}

// tag returns what becomes of the Schedule-Tag: others' answers keep it (RFC 6638
// §3.2.10).
func (r *receiver) tag() TagRule {
	if r.m.Cause == Refresh {
		return TagKeep
	}
	return TagNew
}

// people reports whether the recipient reads an inbox: one for whom a policy
// answers is told what is left to a human alone.
func (r *receiver) people() bool { return r.to.Kind != Room && r.to.Kind != Resource }
