// Package membudget shares out memory among requests: a request reserves what it is
// going to take before it takes it, and waits or is refused when all is reserved.
//
// It is not golang.org/x/sync/semaphore because requests grow: what a response
// takes is known only while it is written. There, who waits goes before who wants
// more, so that one large upload at the head of the queue would make every response
// that is being written fail, and throw away the work of those that could end soon.
// Here growing goes before waiting. And a part of the budget is kept for small
// reservations, so that large ones cannot shut out ordinary requests.
package membudget
