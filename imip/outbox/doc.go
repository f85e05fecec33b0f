// Package outbox sends the letters that wait in the store's queue, through a
// submission server (RFC 6409).
//
// What waits is looked at by threads: the letters about one object to one recipient.
// Of a thread only the first letter is sent, so their order is kept, and what a later
// one makes pointless is dropped. A look costs what is due, however much waits: a thread
// of which nothing can be sent yet is put off. That a letter is tried is written down before, and
// what came of it behind; so each letter goes out at least once. It goes out twice if
// the program ends between the server's 250 and the second note, under the same
// Message-ID.
package outbox
