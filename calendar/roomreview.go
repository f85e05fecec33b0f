package calendar

import (
	"slices"

	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// A Doubtful is a date that a room has accepted, and that it would not accept today.
type Doubtful struct {
	UID   string
	Start int64 // in Unix seconds
	Code  policy.Code
}

// maxDoubtful is how many are collected of one room.
const maxDoubtful = 100

// ReviewRoom judges all bookings of a room again that are to come, as it is set now. It
// changes none: what was booked stays. Errors: ErrNoBooking, nobody knows the room.
func (tx *Tx) ReviewRoom(home *store.Home) (list []Doubtful, err error) {
	k, err := tx.keeperOf(home)
	if err != nil {
		return nil, err
	}
	var copies []policy.Booking // one row of each
	seen := map[rooms.Object]bool{}
	for b := range k.ledger.Overlaps(tx.Now().Unix(), k.horizon(), nil) {
		if o := (rooms.Object{Collection: b.Collection, Name: b.Object}); b.State == policy.Booked && !seen[o] {
			seen[o] = true
			copies = append(copies, b)
		}
	}
	if err := k.ledger.Err(); err != nil {
		return nil, err
	}
	for i := range copies {
		o, err := tx.objectOf(&copies[i])
		if err != nil {
			return nil, err
		}
		some, err := k.review(o)
		if err != nil {
			return nil, err
		}
		if list = append(list, some...); len(list) >= maxDoubtful {
			return list[:maxDoubtful], nil
		}
	}
	return list, nil
}

// review judges one meeting.
func (k *keeper) review(o *ical.Object) (list []Doubtful, err error) {
	if o == nil || !hasOrganizer(o) {
		return nil, nil
	}
	organizer := scheduling.GUIDOf(scheduling.OrganizerOf(o))
	gone, err := k.gone(organizer)
	if err != nil {
		return nil, err
	}
	f, err := k.factsOf(o, organizer)
	if err != nil {
		return nil, err
	}
	accepted, err := k.dates(&taken{object: o}, k.horizon())
	if err != nil {
		return nil, err
	}
	if err := k.tx.Opens(f, k.tx.judged(k.policy)); err != nil {
		return nil, err
	}
	answer, err := policy.Decide(k.policy, policy.Invite{Object: o}, f, k.ledger, k.tx.Now().Unix())
	if err != nil {
		return nil, err
	}
	for i := range answer.Occurrences {
		at := &answer.Occurrences[i]
		was := slices.ContainsFunc(accepted, func(d policy.Date) bool { return d.Start == at.Instance.StartUnix && d.Stat == policy.Accepted })
		code, no := doubt(at)
		if gone {
			code, no = policy.CodeOrganizerLeft, at.Judged
		}
		if was && no {
			list = append(list, Doubtful{UID: o.UID, Start: at.Instance.StartUnix, Code: code})
		}
	}
	return list, k.ledger.Err()
}

// doubt is why a date would be declined now. That it is soon is no reason: it was not
// when it was booked.
func doubt(o *policy.Occurrence) (policy.Code, bool) {
	if !o.Judged || o.PartStat != policy.Declined {
		return "", false
	}
	for _, r := range o.Reasons {
		if r.Code != policy.CodeMinNotice {
			return r.Code, true
		}
	}
	return "", false
}

// gone reports whether the directory does not know somebody any more.
func (k *keeper) gone(guid string) (bool, error) {
	if guid == "" {
		return false, nil
	}
	p, err := k.tx.party(guid)
	return err == nil && p.GUID == "", err
}
