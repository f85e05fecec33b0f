// Package event is the pages of one event: it is shown, made, changed, moved, answered
// and deleted there, and the invitations that wait. All of it goes through the requests
// that a client would send: see caldav.Handler.Call.
package event
