package calendar

import (
	"strings"

	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
)

// askAnyway returns an organizer's object with those rooms asked that are set to be asked
// although the organizer says that nobody is to (SCHEDULE-AGENT=NONE, RFC 6638 §7.1). Of
// the others it notes that they were not, so that nobody takes their time for booked.
func (tx *Tx) askAnyway(o *ical.Object, owner *scheduling.Party) (*ical.Object, error) {
	if scheduling.RoleOf(o, owner.GUID) != scheduling.RoleOrganizer {
		return o, nil
	}
	d, err := o.Draft(nil)
	if err != nil {
		return nil, err
	}
	told := map[string]bool{}
	for _, rid := range d.RIDs() {
		for i, p := range d.At(rid).Props {
			if p.Name != "ATTENDEE" || !strings.EqualFold(p.Param("SCHEDULE-AGENT"), "NONE") {
				continue
			}
			room, err := tx.roomAt(p.Address())
			switch {
			case err != nil:
				return nil, err
			case room == nil:
			case room.Policy.ScheduleAgent == policy.Ignore:
				d.Edit(rid).Props[i].RemoveParam("SCHEDULE-AGENT")
			case !told[room.Name]:
				told[room.Name] = true
				unasked := policy.Answer{Verdict: policy.NotAsked}
				tx.bookings = append(tx.bookings, RoomDecision{Room: room.Name, UID: o.UID, Organizer: owner.GUID, Answer: unasked.Word(), Header: unasked.Header(room.Name, nil)})
			}
		}
	}
	if !d.Changed() {
		return o, nil
	}
	return d.Object()
}

// roomAt is the room of an address, nil if it is none.
func (tx *Tx) roomAt(address string) (*Room, error) {
	p, err := tx.sender.Parties.Party(address)
	if err != nil || p.Kind != scheduling.Room && p.Kind != scheduling.Resource || tx.sender.Rooms == nil {
		return nil, err
	}
	return tx.sender.Rooms.Room(p.GUID)
}
