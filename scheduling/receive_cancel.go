package scheduling

import (
	"convene/internal/ical"
)

// cancel applies a CANCEL (RFC 5546 §3.2.5). What is cancelled stays in the copy of
// a human, to be seen; for others it goes.
func (r *receiver) cancel() (*Receipt, error) {
	if receipt := r.notFor(); receipt != nil {
		return receipt, nil
	}
	if r.stored == nil || r.plain() || r.detached() {
		return ignored(), nil
	}
	message, stored, err := r.drafts()
	if err != nil {
		return nil, err
	}
	if !current(message, stored) {
		return ignored(), nil
	}
	var gone []ical.DateTime // nil: all
	if message.Master() != nil {
		if r.to.Policy != nil {
			return r.removed(nil), nil
		}
		for _, rid := range stored.RIDs() {
			markCancelled(stored.Edit(rid), message.Master())
		}
	} else {
		for _, rid := range message.RIDs() {
			done, err := r.cancelInstance(stored, rid, message.At(rid))
			if err != nil {
				return nil, err
			}
			if done {
				gone = append(gone, rid)
			}
		}
		if len(gone) == 0 {
			return ignored(), nil
		}
	}
	return r.cancelledCopy(stored, gone)
}

// cancelInstance takes one instance out of the stored copy. It reports whether it
// was there.
func (r *receiver) cancelInstance(stored *ical.Draft, rid ical.DateTime, message *ical.Component) (bool, error) {
	was, err := stored.Effective(rid)
	if was == nil || err != nil {
		return false, err
	}
	if r.to.Policy != nil || hidden(was) {
		err := stored.Exclude(rid)
		stored.Remove(rid)
		return true, err
	}
	c, err := stored.EditEffective(rid)
	if err != nil {
		return false, err
	}
	markCancelled(c, message)
	return true, nil
}

// markCancelled makes c what a CANCEL says of it.
func markCancelled(c, message *ical.Component) {
	setValue(c, "STATUS", "CANCELLED")
	if n := sequenceOf(message); n > sequenceOf(c) {
		setSequence(c, n)
	}
	copyProps(c, message, "DTSTAMP")
}

// cancelledCopy returns the receipt for a copy of which instances were cancelled.
func (r *receiver) cancelledCopy(d *ical.Draft, gone []ical.DateTime) (*Receipt, error) {
	if !visible(d) {
		return r.removed(gone), nil
	}
	store, err := d.Object()
	if err != nil {
		return nil, err
	}
	if r.unchanged(store) {
		return ignored(), nil
	}
	receipt := r.removed(gone)
	receipt.Store, receipt.Delete = store, false
	return receipt, nil
}

// removed returns the receipt for a copy that is to go. gone are the instances that
// the message was about, nil if all.
func (r *receiver) removed(gone []ical.DateTime) *Receipt {
	receipt := &Receipt{Delete: true, Tag: TagNew, Inbox: r.people() && r.m.Cause != Refresh, Action: Cancelled, Status: statusDelivered}
	if gone != nil {
		receipt.Changes = Changes{}
		for _, rid := range gone {
			receipt.Changes[rid] = nil
		}
	}
	return receipt
}
