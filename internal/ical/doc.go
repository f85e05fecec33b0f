// Package ical is RFC 5545 as values: calendar data decoded into a tree and
// encoded again, the rules of a calendar object, recurrence, and time zones. It
// is pure: it reads no clock, no file and no network, and what it knows of time
// zones is built in. The calendars of RFC 7529 are package rscale below it.
//
//	text, jCal → Component → Object → Series → Instances
//	             Component → text, jCal
//
// # What is kept
//
// Decode builds a lossless tree. A line that is not changed comes back from
// Append byte for byte: its folds, however long they are, the case of names, the
// quotes of parameters, escapes that need not be, unknown properties, parameters
// and components, and the order of all of them, also where properties stand
// behind components. A line that is changed keeps the spelling of the parameters
// that are not, and is folded at 75 octets, between characters.
//
// # What is normalised
//
// Line ends become CRLF, from LF, CR CR LF, and from CR where there is no LF. A
// byte order mark, empty lines, and blanks before the first line are dropped. A
// line folded within a character is folded anew: its pieces are not UTF-8, and
// could not be put into XML. A server that wants to store what came in whole
// stores the bytes, unless they are not UTF-8.
//
// # What is tolerated
//
// In syntax: the above, empty lines within a folded line, names in lower case
// and with "_" and the like, parameters without a value or empty (";;"), text
// behind the closing quote of a parameter and quotes within one, "\;" and "\," in
// a parameter value without quotes, unescaped commas and semicolons in TEXT,
// unknown escapes, calendars that lack VERSION or PRODID.
//
// In values: dates without VALUE=DATE, times with VALUE=DATE (the time is
// dropped), times in UTC with a TZID (it is ignored), leap seconds, durations
// like "P1DT", offsets like "+01:00", days like "20131210Z", a TRIGGER without its
// number ("-PD"), an empty RRULE in a VTIMEZONE.
//
// In objects (NewObject): no DTSTAMP, DTEND of another type than DTSTART or
// before it, zones without a VTIMEZONE whose name is known, VTIMEZONEs that
// nothing uses or that cannot be read, overrides that are for no instance, or whose
// RECURRENCE-ID is a day in a series of times or a time in a series of days,
// repeated lines that say the same, components whose name begins with X-.
//
// # What is refused
//
// Where data would be lost or mean something else to the next reader: BEGIN and
// END that do not match, lines without a colon or a name, a quote that is not
// closed, control characters but TAB, text that is not UTF-8, text before or
// behind the calendar. The error names the line.
//
// # Sharing
//
// Decoded trees, Objects, Series and Zones may be read by any number of
// goroutines. Nothing in them is filled in later. What is to be changed is cloned
// first.
package ical
