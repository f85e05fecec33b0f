// Package engine is the narrow ordered key-value engine below the store: a
// fixed set of tables, each an ordered map from bytes to bytes, read in
// consistent snapshots and written in serializable transactions.
//
// The interface is small on purpose. The store must run on one file today and
// on a shared SQL engine when a site outgrows one machine, so nothing here
// depends on how the bytes are kept, and the contract allows what such engines
// do: a function may run more than once, and a read may fail. A failed read leaves
// the function (Fail, Run), so that it can never be mistaken for an absent row.
//
// Three implementations stand behind it, and enginetest holds all to the same
// rules: OpenBolt, a bbolt file with a log; OpenMemory, copy-on-write B-trees that
// are gone with the process, for tests; and enginetest.Chaos, also for tests, which
// makes of one of these an engine that does whatever the contract allows.
//
// # Group commit
//
// Waiting for the disk costs the same whether it is for one write or a hundred.
// So the bbolt engine queues updates, and one committer at a time takes all
// that is queued, runs each over its own overlay of writes, appends what those
// that succeeded wrote to the log as one record, syncs it and answers each.
// While it waits for the disk the next batch gathers. Nothing is delayed by a
// timer: a lone writer commits at once, on its own goroutine.
//
// Each function keeps its own outcome. An error, a panic or a runtime.Goexit
// discards the overlay of that function only. A function that fails after
// another one of its batch wrote is answered after the commit too, for its
// error may stand on what it saw of that one.
//
// # Log and file
//
// What the log holds is kept in memory as well, as layers of writes over the
// file (layer.go): one that grows, and while that is being moved to the file one
// that is frozen. A version is the layers and the file's transaction that they
// lie over (version.go); a view reads one version. The log (log.go) has a half
// for each layer. When the active one is full, or a second old, the halves
// change places and the frozen layer goes to the file in one transaction
// (flush.go), which also notes how far the file now has the log. A batch too
// large for the log goes to the file itself, after everything before it.
//
// Each batch has a number, whether it went to the log or to the file itself: that of its
// record, and of the last one that the file has. Who follows (feed.go) is told each with
// its number, and so a copy of the file takes in just what it does not have.
//
// At opening, what the file shows is written and synced once more where it would be
// relied on (disk.go); then what an unclean end left in the log is written to the
// file. A clean end leaves no log.
//
// # The file
//
// All tables share one bbolt bucket, where keys begin with one byte for their
// table: the upper pages of one tree are fewer to write than those of several.
// One table may be declared hot; its few records live in the root page. How
// little of the file stays mapped is told in space.go.
//
// # Failures
//
// When there is no space, ErrFull: the update is undone, the file is as before
// and the next update may succeed. When it is not the log but the file that has
// no space, what the log holds stays there, and is read; updates are refused
// until the file has taken it. When the disk takes a write but does not confirm
// it, the write may or may not be there after a crash, and a second confirmation
// might be false (the system drops what it could not write). The updates that wait
// for it get ErrUnknownOutcome, and every later one ErrReadOnly until the engine is
// opened again; views go on.
package engine
