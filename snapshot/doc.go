// Package snapshot keeps hot collections in memory: the names, revisions and
// times of their objects, so that listing, synchronizing and querying them
// costs what it answers and not what is stored.
//
// A snapshot is exact for the revision that its reader's transaction sees. It
// is derived from the store alone and can be thrown away at any time.
package snapshot
