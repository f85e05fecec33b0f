// Package scheduling decides what a change of calendar data means for others: the
// implicit scheduling of RFC 6638, with the messages of RFC 5546.
//
//	Change → Decide → Plan → Converse → Writes
//
// Decide takes what a home's owner, or somebody for them, wants to store in place
// of what is there, and returns what is to be stored and which messages that
// sends. Converse carries the messages to the homes of their recipients, collects
// what comes back, and returns all that is to be written. Both are functions of
// what they read: there is no store, directory, clock or randomness in here, so
// that they may run again, in a transaction or outside of it. What they read
// beyond their arguments they ask of a World.
//
// # Addresses
//
// Stored data names each user of this server by one canonical address,
// urn:x-uid:GUID, so that addresses can be compared as strings, and a mail address
// that changes hands takes nobody into a meeting. Canonical puts a client's data
// into that form, Wire turns it into the mailto: addresses that clients know. Present
// gives the owner of a home the mail address that they have now, in what is stored.
//
// # Instances
//
// An instance is named by its original start, as ical.Object.RIDs returns it: in
// UTC, a date or a floating time. The zero DateTime names the component without a
// RECURRENCE-ID, the master.
package scheduling
