// Package store keeps the calendars of all principals in one file: bytes, names
// and indexes. It knows no iCalendar; what queries need of an object the caller
// computes (Index) and hands over with the bytes.
//
// Everything belongs to a home, and a home to the GUID that the directory gives
// its owner. A home has collections, a collection has objects, and each of the
// three may have properties.
//
// # Revisions
//
// One counter counts the changes of the whole store. Each change takes the next
// number, its Rev, in the order of commits. The Rev of an object's last write
// is its ETag; that of the last change in a collection is the collection's ctag
// and sync token; that of the last change in a home is the home's. So nothing
// is ever compared by time, and one number tells whether anything changed.
//
// # Tables
//
// Keys are compact: numbers are big-endian, names follow as they are, so that
// what belongs together lies together. The first byte of every value is its
// format. In values, numbers are varints unless a size is given; "name" is the
// rest of the key or value.
//
//	meta        "state"                        schema, last Rev, last home, last collection, sum, gaps
//	homes       home u32, 0                    the home: owner, type, Revs, times, sums, quota, groups
//	            home u32, 1, name              a collection: number, kind, Revs, times, counts, sums
//	            home u32, 2, Rev u64           a deleted collection: time, name
//	lookup      'g', GUID                      home u32
//	            'c', collection u32            home u32, name
//	            'p', collection u32            the collection is deleted, its records wait for Maintain
//	objects     collection u32, name           Rev, first Rev, schedule tag, times; then the body
//	                                           or, of a deleted name: Rev, time
//	index       collection u32, 'e', Rev u64   an object's Entry, with its name
//	            collection u32, 't', Rev u64   a deleted object: time, name
//	            collection u32, 'u', UID       name, of an object not named UID.ics
//	properties  'h', home u32, property        the value, as the caller gave it
//	            'c', collection u32, property
//	            'o', collection u32, length of the name u8, name, property
//
// The index is ordered by Rev. That makes it the change log as well: what
// changed since a position is one scan from there, each name once, with all
// that queries need; a write adds at one end. Bodies lie apart, so listing,
// syncing and querying never touch them.
//
// A PUT writes one record each to objects, index, homes (twice: the collection
// and its home, which are neighbours) and meta. Nearly all clients name an object
// after its UID, and then no record is needed to find it by its UID.
//
// # What is disposable
//
// The tables lookup and index and all counts and sums can be computed from the
// rest. Verify compares them with a fresh computation, Reindex makes them; the
// result is the same to the byte as what the transactions had written.
//
// # Deleting
//
// A deleted object leaves a mark for Changes, a deleted collection one for
// HomeChanges, for at least Options.ChangeLogAge; a sync position expires only
// when a mark above it has been forgotten. Old marks are forgotten by later
// deletions in the same collection, a few each, and by Maintain. A deleted
// collection is gone with its transaction; its records, which nothing leads to
// any more, are purged by Maintain in small steps. Numbers are never used again.
//
// # Quota and limits
//
// The bytes of all bodies below a home and of all properties with their names, of
// objects, collections and the home itself, count against its quota (RFC 4331);
// logs do not. Sums are kept with each write, in records that it writes anyway,
// and never scanned for: the collection's, the home's, and that of all homes in
// the state. Package quota says what may be stored; it is asked in the
// transaction that would change a sum, and never about what shrinks.
//
// # Transactions
//
// A Tx is one transaction of the engine below: a View reads one moment, an
// Update is serializable and durable when it returns. Many updates share one
// commit, and still each has its own outcome. A function may be run again, so it
// must have no effect but on the Tx and on variables that it assigns afresh, and
// it must never wait.
package store
