// Package snapshot keeps hot collections in memory: the names, revisions and
// times of their objects, so that listing, synchronizing and querying them
// costs what it answers and not what is stored.
//
// A Snapshot is exact for the revision that its reader's transaction sees, and
// never changes. The entries of a collection stand in a copy-on-write B-tree: the
// next revision shares all but the nodes on the way to what changed, so catching
// up costs what changed. The last few revisions are kept, for readers that began
// before a write and read on after it.
//
// # Times
//
// Time is cut into windows of 32 days. For a window that was asked for there is a
// second tree of what happens in it: a single event by its index entry, a
// recurring one with its instances there. It is built from all entries once and
// then follows the changes, so a query over a month looks at what happens in one
// or two windows. Floating times and days stand in every window that they can be
// in for any reader's zone, and are judged in the reader's. What has too many
// instances to list (a rule by the second) is expanded for each query instead,
// with the budget of its request. A range longer than some windows is answered by
// walking the index, and expanding what that cannot decide.
//
// # Bodies
//
// The bodies that were answered with last are kept as well, by collection and
// revision: looking
// one up in the store costs several times what copying it does.
//
// # What may be kept
//
// Everything here is derived from the store and can be thrown away at any time.
// Only what was committed is kept: an Update sees what it has written itself, and
// what others of its batch have, under revisions that are given out again if they
// fail. Its snapshots are made for it alone.
package snapshot
