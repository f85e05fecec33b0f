// Package audit keeps the record of what was done by those who may do more than
// look after their own calendars: who changed whose rights, quota or device
// passwords, and who read or changed the calendars of others.
//
// # The chain
//
// A [Log] is a file of lines, each one JSON object (type [Line]). A line has a
// number, the hash of the line before it, and its own hash: the SHA-256 of its
// bytes up to the member "hash", which is the last. So no line can be changed,
// removed, inserted or moved without the hash of the next one telling. The chain
// goes on through files: [Verify] reads those that were rotated, by this package
// or by others, compressed with gzip or not, in the order of their lines.
//
// A chain alone does not show that its end was cut off. For that there is the
// witness, a small file of its own in the data folder with the number and hash of
// the last line. It is replaced after each line, so it is one line behind at most.
// Whoever may write both files can make up a chain that is valid in itself; ship
// the lines to another machine to notice that.
//
// # Two lines for an act
//
// [Log.Begin] writes a line of kind "intent" before an act takes effect, and
// [Pending.End] one of kind "outcome" after it. An act whose intent cannot be
// written must not be done: Begin returns ErrNotRecorded. An intent without an
// outcome says that the process ended, or the disk was full, in between: it is not
// known whether the act took effect. What is known only afterwards, such as a
// request to somebody's calendar, is one line of kind "event" ([Log.Record]).
//
// A line is on disk when the function that writes it returns.
//
// # What the log says of itself
//
// audit.torn: the file ended within a line when it was opened, as after a power
// failure; "before" has what was there. audit.gap: the witness says that there
// were lines which the files do not have; "before" is the end that it knows and
// "after" the one that was found. Numbers go on behind the lines that are missing.
//
// The package imports nothing of convene but internal/atomicfile.
package audit
