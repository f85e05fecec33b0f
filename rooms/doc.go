// Package rooms has what rooms and resources are set to and when they are taken.
//
// Settings come from the configuration (Config), the directory, and from commands
// (Settings, kept in auth.db); Resolve puts them together, and package policy below
// says what they mean.
//
// An Index has all rooms of a directory with how they are set, for those who look for
// one (Wanted, Ranking) or for another in place of one that is taken.
//
// A Ledger is the times at which one room is taken, as records of an ordered
// key-value table, to be read and written in the transaction that books. It is
// disposable: policy.BookingsOf makes its rows of the room's calendars, and the same
// calendars give the same records to the byte.
//
// # The ledger's records
//
// Numbers are big-endian; times are Unix seconds, of which the first bit is turned
// so that they sort. A value begins with its format, 1, and ends with a CRC-32C, u32,
// over its key and itself.
//
//	room u32, 'b', class u8, start i64, collection u32, object name, occurrence i64
//	        end i64, state u8, the first 8 bytes of the SHA-256 of the UID
//	room u32, 'v', collection u32, object name
//	        the moment i64 until which a series without end was looked at
//	room u32, 'm'
//	        the settings by which the ledger was made; without it there is none
//
// class is by length: up to a day, 16 days, 256 days, and longer. A search looks back
// from its beginning by the longest of each class, so that one block of a year does
// not slow down the others.
package rooms
