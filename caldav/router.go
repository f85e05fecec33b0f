package caldav

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"convene/calendar"
	"convene/delegation"
	"convene/internal/webdav"
)

// An action decides and changes. It runs inside a transaction: it never waits.
// When it returns an error, the transaction leaves no trace.
type action func(*scope) (*webdav.Response, error)

// A method serves one HTTP method on one kind of resource.
type method struct {
	need delegation.Privilege // without it: 403 DAV:need-privileges
	in   transaction
	do   func(*Handler, *request) (action, error) // reads the request; may wait
}

// A transaction is how an action reaches the store.
type transaction func(*calendar.Calendars, context.Context, calendar.Actor, func(*calendar.Tx) error) error

// The transactions. An action with none may ask the directory; its scope has
// no store.
var (
	view   transaction = (*calendar.Calendars).View
	update transaction = (*calendar.Calendars).Update
	none   transaction = func(_ *calendar.Calendars, _ context.Context, _ calendar.Actor, act func(*calendar.Tx) error) error {
		return act(nil)
	}
)

// verbs are the methods of one kind of resource.
type verbs map[string]method

// methods is the router. Allow, OPTIONS and 405 are derived from it.
func methods() map[kind]verbs {
	read := verbs{
		"OPTIONS":  {delegation.None, view, (*Handler).options},
		"PROPFIND": {delegation.Read, view, (*Handler).propfind},
		"REPORT":   {delegation.None, view, (*Handler).report}, // each report names its own
	}
	records := verbs{ // of the directory: the store is not asked
		"OPTIONS":  {delegation.None, none, (*Handler).options},
		"PROPFIND": {delegation.Read, none, (*Handler).propfind},
		"REPORT":   {delegation.None, none, (*Handler).report},
		"GET":      {delegation.Read, none, (*Handler).getListing},
		"HEAD":     {delegation.Read, none, (*Handler).getListing},
		// All their properties come from the directory, and are protected.
		"PROPPATCH": {delegation.WriteProperties, none, (*Handler).proppatch},
	}
	listing := verbs{
		"GET":  {delegation.Read, view, (*Handler).getListing},
		"HEAD": {delegation.Read, view, (*Handler).getListing},
	}
	settable := verbs{"PROPPATCH": {delegation.WriteProperties, update, (*Handler).proppatch}}
	movable := verbs{
		"DELETE": {delegation.Unbind, update, (*Handler).deleteCollection},
		"MOVE":   {delegation.Unbind, update, (*Handler).moveCollection},
		"COPY":   {delegation.Read, update, (*Handler).copyCollection},
	}
	taken := verbs{
		"MKCALENDAR": {delegation.Bind, view, (*Handler).occupied},
		"MKCOL":      {delegation.Bind, view, (*Handler).occupied},
	}
	object := verbs{
		"GET":       {delegation.Read, view, (*Handler).getObject},
		"HEAD":      {delegation.Read, view, (*Handler).getObject},
		"PUT":       {delegation.WriteContent, update, (*Handler).putObject},
		"DELETE":    {delegation.Unbind, update, (*Handler).deleteObject},
		"MOVE":      {delegation.Unbind, update, (*Handler).moveObject},
		"COPY":      {delegation.Read, update, (*Handler).copyObject},
		"PROPPATCH": {delegation.WriteProperties, update, (*Handler).proppatch},
	}
	missing := verbs{
		"PUT":        {delegation.Bind, update, (*Handler).putObject},
		"MKCALENDAR": {delegation.Bind, update, (*Handler).makeCalendar},
		"MKCOL":      {delegation.Bind, update, (*Handler).makeCollection},
	}
	for _, verb := range []string{"GET", "HEAD", "PROPFIND", "PROPPATCH", "REPORT", "DELETE", "MOVE", "COPY", "POST"} {
		missing[verb] = method{delegation.Read, view, (*Handler).notFound}
	}
	calendar := verbs{
		"GET":  {delegation.Read, view, (*Handler).getCalendar},
		"HEAD": {delegation.Read, view, (*Handler).getCalendar},
		"POST": {delegation.Bind, update, (*Handler).postCalendar},
	}
	return map[kind]verbs{
		kindRoot:          records,
		kindPrincipals:    records,
		kindPrincipalType: records,
		kindPrincipal:     records,
		kindProxyGroup:    records,
		kindHomes:         records,
		kindHomeType:      records,
		kindHome:          join(read, listing, settable, taken),
		kindCalendar:      join(read, settable, movable, taken, calendar),
		kindCollection:    join(read, listing, settable, movable, taken),
		kindInbox:         join(read, listing, settable, taken),
		kindOutbox:        join(read, listing, settable, taken),
		kindNotifications: join(read, listing, settable, taken),
		kindDropbox:       join(read, listing, settable, taken),
		kindFreeBusyURL:   join(read, taken, verbs{"GET": {delegation.ReadFreeBusy, view, (*Handler).getFreeBusy}, "HEAD": {delegation.ReadFreeBusy, view, (*Handler).getFreeBusy}}),
		kindObject:        join(read, object, taken),
		kindMissing:       join(missing, verbs{"OPTIONS": read["OPTIONS"]}),
		kindServerInfo:    {"GET": {delegation.None, none, (*Handler).getServerInfo}, "HEAD": {delegation.None, none, (*Handler).getServerInfo}},
	}
}

func join(sets ...verbs) verbs {
	all := verbs{}
	for _, set := range sets {
		for verb, m := range set {
			all[verb] = m
		}
	}
	return all
}

// allow lists the methods of a kind for the Allow header, sorted.
func (v verbs) allow() string {
	names := make([]string, 0, len(v))
	for verb := range v {
		names = append(names, verb)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// notAllowed answers a method that the kind of resource does not have.
func notAllowed(v verbs) *webdav.Response {
	return &webdav.Response{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {v.allow()}}}
}

// notFound serves every reading method where nothing is.
func (h *Handler) notFound(*request) (action, error) {
	return nil, &webdav.Error{Status: http.StatusNotFound}
}

// occupied serves MKCALENDAR and MKCOL where something is.
func (h *Handler) occupied(r *request) (action, error) {
	resp, err := h.occupiedBy(r, r.target.kind)
	return func(*scope) (*webdav.Response, error) { return resp, err }, err
}

// occupiedBy answers MKCALENDAR and MKCOL where a resource of a kind is: the one
// names its precondition (RFC 4791 §5.3.1.1), the other has none and is 405 (RFC
// 4918 §9.3.1).
func (h *Handler) occupiedBy(r *request, k kind) (*webdav.Response, error) {
	if r.Method == "MKCALENDAR" {
		return nil, precondition(webdav.CondResourceMustBeNull)
	}
	others := maps.Clone(h.methods[k])
	delete(others, r.Method)
	return notAllowed(others), nil
}
