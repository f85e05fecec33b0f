// Package page is what the browser pages are made with: a Route names a path, who may
// come there and a function; the function gets a Request, which says who is asking and in
// what language they read, and returns an Answer, which names a template and its values.
// Package web does the rest: sign-in, rights, headers, errors, the frame around each page.
//
// A page changes data through the same doors as commands and CalDAV: Site.Admin for the
// operator's verbs, Site.Calendars for calendars. It never writes a store by itself.
package page
