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
// Each home counts its changes, in its own record. A change takes the next number,
// its Rev. The Rev of an object's last write is its ETag; that of the last change
// in a collection is the collection's ctag and sync token; that of the last change
// in a home is the home's. So nothing is ever compared by time, and one number
// tells whether anything changed. A collection that moves to another home lifts
// that home's counter above its own first: in a collection, wherever it is, no Rev
// comes twice.
//
// Numbers of homes and collections are never used again. With them, and with the
// epoch, a Rev names one state for all time; so that is what goes on the wire. The
// epoch is a random number in the state record. MarkRestored changes it: of a file
// that was restored from a copy nobody knows what it said after the copy was made.
// Open does so by itself when it sees that the file is older than it was
// (engine.Witness).
//
// No record is written by every update, so that updates of different homes have
// nothing in common. Numbers are taken from the file in blocks of 64, and are
// unique but not dense.
//
// # Tables
//
// Keys are compact: numbers are big-endian, names follow as they are, so that
// what belongs together lies together. The first byte of every value is its
// format, except in lookup 'g' and 'c' and in properties. In values, numbers are
// varints unless a size is given; "name" is the rest of the key or value. Every
// value ends with a CRC-32C, u32, over its table, its key and itself.
//
//	meta        "state"                        schema, epoch, how far a migration has come
//	            'n', "home" or "collection"    the first number that no block was taken of
//	            'w', name                      a note of another package, such as the last state
//	                                           of the delegate database
//	homes       home u32, 0                    the home: owner, type, Revs, times, sums, quota, groups,
//	                                           and the note of the owner's addresses, if any
//	            home u32, 1, name              a collection: number, kind, Revs, times, counts, sums
//	            home u32, 2, Rev u64           a deleted collection: time, name
//	            home u32, 4, what package
//	            rooms says                     ledger of a room: when it is taken
//	lookup      'g', GUID                      home u32
//	            'c', collection u32            home u32, name
//	            'p', collection u32            the collection is deleted, its records wait for
//	                                           Maintain: home
//	            'w', home u32, Rev u64         what is to be sent: when it was queued and is to be
//	                                           tried, tries, thread, note; then what it is
//	            'v', SHA-256                   a thread: when it is to be looked at, and the
//	                                           home and Rev of each of its rows
//	            'x', due u64, SHA-256          the thread is to be looked at then
//	            'y', u64, home u32, Rev u64    the row was queued then
//	            's', SHA-256                   what was sent in a thread: the first one, and
//	                                           hashes of the last ones, with times
//	            'u', home u32                  how much was queued in a home: day, count
//	            'r', home u32, kind u8, key    a matter: when it is due; then what it says
//	            't', due u64, home u32, kind
//	            u8, key                        the matter is due then
//	objects     collection u32, name           Rev, facts, UID; then the body, or the SHA-256
//	                                           of one that is shared
//	                                           or, of a deleted name: Rev, time
//	index       collection u32, 'e', Rev u64   an object's facts, name and UID
//	            collection u32, 't', Rev u64   a deleted object: time, name
//	uids        home u32, length of the UID
//	            u16, UID, collection u32       name, or nothing if it is UID.ics
//	bodies      SHA-256                        a body that objects share
//	            SHA-256, collection u32, name  nothing: this object shares it
//	properties  'p', home u32, collection u32,
//	            property                       the value, as the caller gave it; of the home
//	                                           itself, collection is 0
//	            'o', collection u32, length of
//	            the name u8, name, property
//	            'a', collection u32, name      the access control list of an object, or
//	                                           without a name of the collection, as the
//	                                           caller gave it
//	            'u', collection u32, length of
//	            the GUID u8, GUID, property    what a user who is not the owner keeps of a
//	                                           collection for themselves
//
// The facts are an Entry: size, first Rev, Schedule-Tag as the Rev of the write
// that it is of, times, role and flags of scheduling, and the Index. They stand
// with the body as well as in the index, so that GET is one read.
//
// Role is what the owner is in the meeting, u8: 0 nothing, 1 organizer, 2 attendee
// (RFC 6638 §3.1). The flags beside it, u8, are of scheduling too. Both are 0 until
// objects are scheduled, which sets them when it writes one.
//
// Of the index's flags two bits are the Access, which the body says
// (X-CALENDARSERVER-ACCESS). Format 3, which is otherwise the same, did not have them.
//
// The index is ordered by Rev. That makes it the change log as well: what
// changed since a position is one scan from there, each name once, with all
// that queries need; a write adds at one end. Bodies lie apart, so listing,
// syncing and querying never touch them.
//
// A PUT writes one record each to objects and index, two to homes (the collection
// and its home, which are neighbours), and for a new object one to uids. What it
// reads and writes does not depend on how many calendars the home has.
//
// What many get at once, as the copies of a meeting, is written once (PutShared): the
// body goes with the last object that has it. A copy that somebody changes has a body of
// its own. For quota each counts as if it had.
//
// # Rows to come
//
// These have their places, and come with the first code that writes them:
//
//	lookup      'd', SHA-256                   an attachment: how often it is referred to
//	homes       home u32, 3, Rev u64           a notification: kind, time, content
//
// # What is disposable
//
// The tables index and uids, lookup but for the queue ('w', 's', 'u', and of 'v' when a
// thread is due) and the matters ('r', 't'), what bodies says of who shares them, the facts that a body gives, and all
// counts and sums can be computed from the rest. Verify compares them with a fresh
// computation, Reindex makes them; the
// result is the same to the byte as what the transactions had written.
//
// # The queue
//
// What is to be sent outside is a row that the change makes that causes it, in its
// transaction: both are there or neither is. A row takes a Rev of its home, which
// names it and gives its place among the home's. Rows of one thread are sent in that
// order. Who sends one notes that it begins (Requeue), and when it is done removes
// the row and marks the thread, in one transaction; so after a crash what was begun
// is known, and is sent again. What waits of a home that is deleted is for who takes
// it to drop.
//
// What is looked at are threads, and one is due as soon as one of its rows is. Who finds
// that nothing of it can be sent yet puts it off (PutOff), until something changes in it.
// So a look costs what is to be done, however much waits; what has waited for longest
// and a row by its number are found at once too. A thread has one record with all its
// rows, for it has few: what a later one makes pointless is dropped at the next look.
//
// # Matters
//
// What a home waits for until a moment is a matter: package calendar keeps what it has
// to come back to about bookings of rooms, and for a while what others did in somebody's calendars. The second row of each, by when it is due,
// is there so that looking for those costs what is found. Kinds and their keys:
//
//	'a', Rev u64                        a request of a booking that waits for approval;
//	                                    what it says is a rooms.Approval
//	'b', Rev u64                        one that was answered, kept for a while
//	'c', SHA-256 of the UID and the
//	date                                somebody has checked in for this date
//	'd', the same                       the date was released once: it is not again
//	'g', SHA-256 of the calendar's
//	number and the object's name        what somebody who is not the owner did last with
//	                                    an object: a calendar.Act
//
// # Deleting
//
// A deleted object leaves a mark for Changes, a deleted collection one for
// HomeChanges, for at least Options.ChangeLogAge; a sync position expires only
// when a mark above it has been forgotten. Old marks are forgotten by later
// deletions in the same collection, a few each, and by Maintain. A deleted
// collection is gone with its transaction; its records, which nothing leads to
// any more, are purged by Maintain in small steps. Numbers are never used again.
// Moving a collection costs the same whatever it holds, but to another home: then
// the records of its UIDs go with it.
//
// # Quota and limits
//
// The bytes of all bodies below a home and of all properties with their names, of
// objects, collections and the home itself, count against its quota (RFC 4331);
// logs do not. Sums are kept with each write, in records that it writes anyway,
// and never scanned for: the collection's and the home's. That of all homes, which
// a limit of the whole store needs, stands nowhere: it is added up from the homes
// when the store is opened with such a limit, or when one is first asked about, and
// then kept in memory. With one process it is exact, updates that share a commit
// included. With several on one store each misses what the others wrote since it
// was opened. Package quota says what may be stored; it is asked in the transaction
// that would change a sum, and never about what shrinks.
//
// # Damage
//
// A value whose checksum is wrong, or that cannot be decoded, fails the transaction
// that reads it with ErrCorrupt: it is never taken for another value or for none.
// The checksum is over the key as well, so a record that is found in another place
// is damaged too. Verify reads every value.
//
// # Transactions
//
// A Tx is one transaction of the engine below: a View reads one moment, an
// Update is durable when it returns. Two that write or rely on a common record are
// in some order: what an update has read of homes and collections and does not
// write, it guards (see engine.Writer). Many updates share one commit, and still
// each has its own outcome. A function may be run again, so it
// must have no effect but on the Tx and on variables that it assigns afresh, and
// it must never wait.
package store
