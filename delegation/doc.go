// Package delegation keeps who acts for whom: the delegate database, and the
// questions and changes that it is for.
//
// A Book is the open database. Book.Read returns a Set, what it holds at one
// moment, which answers every question without waiting: Delegation (what may this
// caller do for that delegator), Delegators (for whom is a caller a delegate),
// Delegates and Expanded (who are a delegator's). Directory records are handed in
// as values, groups come expanded with the caller, and so do clocks: the same
// question has the same result always. Permit says who may change what, and
// Book.Put, Remove, ReplaceMembers and AddStandIn change it.
//
// The database is not disposable. Nothing here makes it anew where there was one
// or takes a copy by itself; a file that cannot be trusted is refused, and then
// nobody knows who is a delegate (ErrRefused), which is not the same as nobody
// being one. What each State means for an administrator is in
// docs/admin/delegation.md.
//
// # The files
//
// All lie in one folder, with mode 0600:
//
//	delegates.db          the database, an engine file, and delegates.db-log beside it
//	delegates.state       the mark of the last commit, JSON: one of two witnesses
//	delegates.log         a line of text for each change
//	delegates.d/          delegates-GENERATION.db, verified copies, each with its .sha256
//	delegates.db.before-TIME   what a restore, or another cure, replaced
//	delegates.db.new      a file being made; it has another name when it is complete
//
// # The tables
//
//	meta     "state" → the state of the file
//	rec      id (8, big-endian) → a record or stand-in
//	journal  seq (8, big-endian) → an entry
//
// Each value begins with the format, a byte that is 1. Values of meta and rec end
// with the crc32c of what is before, 4 bytes big-endian, and then the first 16
// bytes of its SHA-256. In between, numbers are varints, texts and bytes follow
// their length, and times are seconds behind a byte that is 0 if there is none.
// There is one encoding of each value; others are damage.
//
//	state    file (16 random bytes), bound (of the calendar store), generation, last id,
//	         entries, head (32), records, sum (32: the XOR of each record's SHA-256)
//	record   1, id, delegator, delegate, kind, level, flags, scope, notify, from, until,
//	         note, created by, created at, via
//	stand-in 2, id, delegate, stand-in, from, until, for, administrator, note,
//	         created by, created at, via
//	entry    seq, generation, time (ns), actor, sudo, via, remote, verb, before, after,
//	         replaced (file, generation, head), note, prev (32)
//
// An entry is of one record, with its value before and after, or of the file. Prev
// is the SHA-256 of the entry before; that of the last one is the head. So what the
// journal does to an empty table makes the records, which is proven at each start.
//
// # A commit
//
// One transaction writes entries, records and state, and is synced. Then
// delegates.state is written, then the calendar store is told, then readers see the
// change and the caller gets its outcome. A crash in between leaves a file that is
// one generation newer than the witness, which is the normal case. No second change
// is made before delegates.state has the first.
//
// A file that continues another one, such as a copy that was restored, says so: its
// next entry names what it replaced, and its generation is higher than any before.
package delegation
