package rooms_test

import (
	"fmt"
	"strings"

	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
)

// What the transaction of an organizer's write does for each room in the meeting: ask,
// store the copy with the answer in it, and keep the ledger.
func Example() {
	const uid, room = "planning", "mailto:neptune@example.com"
	now := int64(1795510800) // 24 November 2026, 09:00 UTC
	invitation := strings.ReplaceAll(`BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//Example//EN
BEGIN:VEVENT
UID:planning
DTSTAMP:20261124T090000Z
DTSTART:20261201T100000Z
DTEND:20261201T110000Z
RRULE:FREQ=DAILY;COUNT=3
ORGANIZER:mailto:ann@example.com
ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:neptune@example.com
END:VEVENT
END:VCALENDAR
`, "\n", "\r\n")
	object := func(text []byte) *ical.Object {
		cal, err := ical.Decode(text, ical.Limits{})
		if err != nil {
			panic(err)
		}
		o, err := ical.NewObject(cal)
		if err != nil {
			panic(err)
		}
		return o
	}

	// Before the transaction: the room's policy, and what the directory says.
	p := &policy.Resolve(policy.Location, "neptune", policy.Layers{}).Policy
	facts := &policy.Facts{GUID: "N", Name: "Neptune", Addresses: []string{room}, Booker: policy.PersonID{GUID: "A"}}

	// In the transaction: kv is its table, and home the number of the room's home.
	kv, home := table{}, uint32(7)
	ledger := rooms.Of(kv, home)
	other := rooms.Object{Collection: 1, Name: "other.ics"}
	check(ledger.Replace(other, nil, []policy.Booking{booking("other", 0, 1796205600, 1796209200)})) // 2 December, 10 to 11

	copyOf := rooms.Object{Collection: 1, Name: uid + ".ics"}
	in := policy.Invite{Object: object([]byte(invitation))} // Old: the copy that the room has; Verified: ledger.Verified(copyOf)
	a, err := policy.Decide(p, in, facts, ledger, now)
	check(err)
	check(ledger.Err()) // or the transaction ends, and nothing of the answer counts

	stored := object(a.Copy(p, in, facts, now).Append(nil)) // goes into the room's calendar
	rows, err := policy.BookingsOf(stored, facts.Addresses, p.Zone, a.VerifiedUntil)
	check(err)
	check(ledger.Replace(copyOf, nil, rows)) // nil: the rows of the copy that was there
	check(ledger.SetVerified(copyOf, a.VerifiedUntil))

	fmt.Println(a.Master, a.Reply, len(rows))
	fmt.Println(a.Comment(p, &policy.Speech{Lang: "en", Room: "Neptune"}))
	fmt.Println(a.Header("rooms/neptune", nil))
	// Output:
	// ACCEPTED true 2
	// Booked 2 of 3 dates. Taken: 2 Dec.
	// room="rooms/neptune"; answer=partly
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
