// Package admin holds the operator's verbs: what the commands do, and what
// pages of administration will do, with a server that runs and with one that
// is stopped.
//
// A verb is a function on [Admin], which has the parts of the server: the
// store, the directory, the device passwords, the access list. It takes a
// request and returns a value, both plain with a JSON form. The table
// in verbs.go names them all.
//
// Each verb has a function of the same name that calls it through a [Conn]:
// an *Admin itself, when the program has opened the files, or a [Client], which
// speaks to a running server over a socket in its data folder. Requests on the
// socket are
//
//	POST /VERB            the request as JSON
//	200                       the value as JSON
//	400 403 404 409 500 503   {"error": TEXT, "kind": KIND, "cure": TEXT}
//
// where KIND names the error that the verb's documentation promises, so that
// errors.Is works the same on both ways; errors.go has the table. The socket is open to the server's
// own account and root only; there is no other sign-in.
package admin
