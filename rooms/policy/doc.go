// Package policy decides what a room or a resource answers to an invitation. It
// is pure: it knows no store, no directory and no clock, and the same arguments
// give the same answer.
//
//	layers of settings → Resolve → Policy
//	Policy, Invite, Facts, Ledger, now → Decide → Answer
//	Answer → Copy (what the room stores), Comment (what the organizer reads)
//	an object → Bookings (what the ledger holds of it)
//
// # Where a setting comes from
//
// Each knob of a Policy has the value of the last layer that sets it: what is
// built in, the defaults of the configuration, those for the kind (locations,
// resources), the classes that the room is of, the attributes of its directory
// record, and what was set by command. A value that cannot be read is left out,
// and listed; then the layer below counts.
//
// # What is promised
//
// An exclusive room never holds more than Slots bookings at one time, whatever the
// order in which it is asked, and the occurrences of one series count against each
// other as those of different meetings do. The organizer cannot answer for the
// room: what their copy says of the room's answer is only ever taken as "ask
// again", or for the answer that the room gave itself.
//
// # Time
//
// Moments are Unix seconds. Dates, opening hours, days without a time and floating
// times are those of the room's own zone. Lengths are absolute: a night in which
// the clocks change is an hour shorter or longer.
//
// The ledger holds bookings as they are, without the buffers around them: those
// are applied when the room is asked, so a change of them needs no new ledger.
package policy
