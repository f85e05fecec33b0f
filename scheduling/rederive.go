package scheduling

import (
	"time"

	"convene/internal/ical"
)

// Rederive returns the copy of an attendee as the organizer's object makes it, with
// what is the attendee's own in the copy that they have; theirs is the organizer's
// object, nil if they have none. The answers are those that the organizer has. Where
// the organizer does not invite to the copy, it is returned as cancelled, not removed:
// what somebody has in their calendar does not vanish by a repair. It is copy itself if
// nothing is to be changed.
func Rederive(theirs, copy *ical.Object, organizer, attendee *Party, now time.Time, o *Options) (*ical.Object, error) {
	if o == nil {
		o = DefaultOptions()
	}
	var data *ical.Object
	if theirs != nil {
		m, err := organizersMeeting(theirs, organizer, now, o, nil)
		if err != nil {
			return nil, err
		}
		if data, err = m.viewOf(attendee.Address); err != nil {
			return nil, err
		}
	}
	if data == nil {
		return allOff(copy)
	}
	r := &receiver{m: &Message{Method: Request, From: organizer, To: []*Party{attendee}, Data: data}, to: attendee, me: attendee.Address, stored: copy, o: o}
	message, stored, err := r.drafts()
	if err != nil {
		return nil, err
	}
	// What the copy has besides is taken for its owner's choice only where the series
	// has the instance, which replace sees to; single instances are all there is.
	if message.Master() == nil {
		for _, rid := range stored.RIDs() {
			if message.At(rid) == nil {
				stored.Remove(rid)
			}
		}
	}
	receipt, err := r.replace(message, stored)
	if err != nil || receipt.Store == nil {
		return copy, err
	}
	return receipt.Store, nil
}

// allOff returns a copy of which nothing takes place.
func allOff(copy *ical.Object) (*ical.Object, error) {
	d, err := copy.Draft(nil)
	if err != nil {
		return nil, err
	}
	for _, rid := range d.RIDs() {
		if !isCancelled(d.At(rid)) {
			setValue(d.Edit(rid), "STATUS", "CANCELLED")
		}
	}
	return d.Object()
}
