// Package quota says how much may be stored: in a home, in a collection, in one
// object, and in the whole store. It is pure: it knows no store, no directory
// and no clock. The store keeps the sums and asks Limits.Check inside the
// transaction that would change them.
//
// # Where a limit comes from
//
// For each limit of a home the first of these that names it counts:
//
//  1. the override of that home, which is one of bytes;
//  2. the groups that its owner is in: the largest that any of them names;
//  3. the type of its owner's record: users, groups, locations, resources;
//  4. the default.
//
// Which groups an owner is in is a fact of the directory. It is asked when a
// home is made and when its owner writes, and kept in the home's record: a write
// never waits for it.
package quota
