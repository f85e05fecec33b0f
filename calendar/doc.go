// Package calendar is the domain between the wire and the bytes: homes,
// collections and the objects in them, as calendars.
//
// # One door
//
// Every change of calendar data, from whatever protocol or command it comes, is
// a method of [Tx]: [Tx.Put], [Tx.PutFile], [Tx.Delete], [Tx.Copy], [Tx.Move] and
// their kin for collections and properties. Each makes a [Change], which says
// who changes what, as whom, what was there and what will be; the rules of
// change.go judge it, and what they let pass is written. No other package writes
// objects, collections or properties to the store.
//
// # One exit
//
// What a reader is shown of an object leaves through read.go: [Tx.Body],
// [Tx.Parsed], and the snapshots of collections.
//
// The package has no policy of its own about who may do what: it is asked before
// a change is made. Its errors are sentinels and types; what each is on the wire
// is said by the packages above.
package calendar
