// Package publish keeps the links by which people publish calendars of theirs: a secret
// token in a URL shows them to whoever has it, without signing in.
//
// Of a token only the SHA-256 is kept: who reads the file learns no link. A link says
// whose calendars it shows, and how much of them; what is in them is asked for each
// time, and so is whether its owner may still use the calendar.
package publish
