// Package backup copies all that a server keeps into one file, while it runs, and
// puts it back.
//
// # The set
//
// What is kept is a list of members, each a file of the data folder: Calendars,
// State (sign-in), File (rules). A member gives a view of one moment and writes it
// while changes go on. The views are opened one directly after the other; no
// transaction spans two members, so nothing can be torn between them.
//
// # The format
//
// NAME.cvb is a tar archive (POSIX.1-2001) compressed with zstd (RFC 8878):
//
//	manifest.json   Manifest: what, when, where, and what each member holds
//	calendars.db    the members, in the manifest's order, as files that can be
//	auth.db         opened as they are
//	sacl.json
//	SHA256SUMS      of all before it, as sha256sum -c reads it
//
// So it can be unpacked with tar and zstd alone. An archive without SHA256SUMS was
// not finished. Format 1 is described by this text; a reader refuses a greater
// number, and a member that it does not know.
//
// With recipients, the whole is encrypted as age-encryption.org/v1 has it.
//
// A backup that continues another (format 2) names that one in its manifest, and has in
// place of calendars.db
//
//	calendars.db.changed   the pages of 4 KiB that are others: the number of each, u32
//	                       big-endian, and the page
//	calendars.db.sums      of each page of the file as it is then, 16 bytes of its SHA-256
//
// Beside an encrypted one, NAME.cvb.index has these sums behind a line of JSON: see Index.
//
// # What follows
//
// Beside a backup that is followed, NAME.cvb.changes has what was committed after it: a line
// of JSON (logHead), then ticks (see tick), each of which is of all members together. It is
// appended to and synced; the last tick may be torn. Whoever reads the backup from its file
// gets it with these.
//
// # Restore
//
// A restore unpacks and checks everything in a folder inside the data folder, and
// marks the members as restored there. Only then is a journal written of what goes
// where; the old files are moved aside and the new ones in, by renames. If that is
// interrupted, the next start, or the next restore, finishes it by the journal, or
// removes the folder if there is none yet. No file that was there before is
// removed or changed at any time.
package backup
