// Package imip makes mail of iTIP messages for people who have no calendar here
// (RFC 6047).
//
//	scheduling.Message → Letters → Compose → a message of RFC 5322
//
// A Letter is one message to one recipient, as it waits in the queue. Compose makes
// the mail of it: text and HTML for people, in their language, and the calendar part
// for programs (RFC 6047 §2.4). Both are functions of their arguments: what a letter
// says does not change while it waits, and a second attempt sends the same bytes
// under the same Message-ID.
//
// No answer comes in yet. So the mail is the organizer's own: From, Reply-To and
// ORGANIZER are their mailbox, and a guest's answer reaches them as mail.
//
// What people write never becomes part of a header's or the text's structure:
// control characters are dropped, the HTML is escaped by its template, and addresses
// are those of RFC 5321 or there is no letter.
package imip
