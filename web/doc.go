// Package web serves the browser pages: sign-in and sessions, who may come where, the
// headers of every answer, errors, languages, and the frame around each page. The pages
// themselves are in packages below it, one for an area; package page is what they are
// made with.
//
// # A request's way
//
// Handler.Serve: headers (headers.go) → host and transport (transport.go) → the route of
// the path, 405 for another method (mux.go) → the session and whose it is (session.go),
// or the form (signin.go) → the access list, and how long ago they signed in → how often
// this session asks (rate.go) → the page's function → render.go.
//
// Everything that a browser needs is in the program: templates, one stylesheet, a few
// modules of JavaScript without which each page works too. Nothing is fetched from
// elsewhere.
package web
