// Package server is the wiring of the server: listeners, reload, and
// the chain that a request goes through. Everything else lives in the packages
// below; this one says which of them there are, and what each is given.
//
// # A request's way
//
//	listener.go   accepts the connection, one of at most so many; TLS with the
//	              certificate of the moment (tls.go)
//	logging       gives the request its id, and writes its line in the end
//	chain.go      limits, Server header, compression of large text responses
//	services.go   what is below which path, and whether it is for anyone
//	auth          Negotiate, Digest or Basic → Caller: principal and groups
//	sacl          may this person use the service at all? no: 403
//	caldav        path → typed target; method table → row with its privilege;
//	              step one reads the body and asks the directory: may wait;
//	              step two is one store transaction: never waits
//	store         group commit: the response leaves after the data is on disk
//
// That the directory cannot be reached is never taken for a fact about people:
// whatever step needs it responds 503 with Retry-After.
//
// # Life
//
// [Open] reads nothing but its configuration and the data folder: it works
// while the directory is away. [Server.Serve] listens, notifies systemd, and
// returns when its context ends, after the requests in progress have ended.
// [Server.Reload] (SIGHUP) builds everything that depends on the configuration
// a second time, beside the running one, and exchanges the two between
// requests; on any error the old stays. A request keeps to its end what it
// began with.
//
// Work in the background is a list of runners (runners.go): the operator's commands
// on a socket in the data folder (control.go), following files and names, and
// maintaining the store (watch.go).
package server
