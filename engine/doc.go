// Package engine is the narrow ordered key-value engine below the store: a
// fixed set of tables, each an ordered map from bytes to bytes, read in
// consistent snapshots and written in serializable transactions.
//
// The interface is small on purpose. The store must run on one file today and
// on a shared SQL engine when a site outgrows one machine, so nothing here
// depends on how the bytes are kept, and the contract allows what such engines
// do: an update may run more than once before it commits.
//
// Two implementations stand behind it, and enginetest holds both to the same
// rules: OpenBolt, a bbolt file with group commit (durable), and OpenMemory,
// copy-on-write B-trees (for tests; gone with the process).
//
// # Group commit
//
// A durable commit costs two waits for the disk, whether it carries one write
// or a hundred. Bolt therefore queues updates and has one goroutine, the
// committer, take all that is queued, run each over its own overlay, merge the
// overlays of those that succeeded into one bbolt transaction, commit it once
// and answer each. While it waits for the disk the next batch gathers. Nothing
// is delayed by a timer: a lone writer commits at once.
//
// Each function keeps its own outcome. An error, a panic or a runtime.Goexit
// discards the overlay of that function only.
package engine
