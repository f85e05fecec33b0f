package caldav

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/internal/webdav"
)

// An action decides and changes. It runs inside a transaction: it never waits.
// When it returns an error, the transaction leaves no trace.
type action func(*scope) (*webdav.Response, error)

// A method serves one HTTP method on one kind of resource.
type method struct {
	need acl.Requirement // without it: 403 DAV:need-privileges
	in   *transaction
	do   func(*Handler, *request) (action, error) // reads the request; may wait
}

// A transaction is how an action reaches the store.
type transaction struct {
	run    func(*calendar.Calendars, context.Context, calendar.Actor, func(*calendar.Tx) error) error
	writes bool
}

// The transactions.
var (
	view   = &transaction{run: (*calendar.Calendars).View}
	update = &transaction{run: (*calendar.Calendars).Update, writes: true}
)

// verbs are the methods of one kind of resource.
type verbs map[string]method

// methods is the router. Allow, OPTIONS and 405 are derived from it.
func methods() map[kind]verbs {
	read := verbs{
		"OPTIONS":  {in: view, do: (*Handler).options},
		"PROPFIND": {in: view, do: (*Handler).propfind},
		"REPORT":   {in: view, do: (*Handler).report}, // each report names what it needs besides
	}
	records := verbs{
		"OPTIONS":  {in: view, do: (*Handler).options},
		"PROPFIND": {in: view, do: (*Handler).propfind},
		"REPORT":   {in: view, do: (*Handler).report},
		"GET":      {in: view, do: (*Handler).getListing},
		"HEAD":     {in: view, do: (*Handler).getListing},
		// All their properties come from the directory, and are protected.
		"PROPPATCH": {in: view, do: (*Handler).proppatch},
	}
	listing := verbs{
		"GET":  {in: view, do: (*Handler).getListing},
		"HEAD": {in: view, do: (*Handler).getListing},
	}
	settable := verbs{"PROPPATCH": {in: update, do: (*Handler).proppatch}}
	listed := verbs{"ACL": {in: update, do: (*Handler).setACL}}
	movable := verbs{
		"DELETE": {in: update, do: (*Handler).deleteCollection},
		"MOVE":   {in: update, do: (*Handler).moveCollection},
		"COPY":   {in: update, do: (*Handler).copyCollection},
	}
	taken := verbs{
		"MKCALENDAR": {in: view, do: (*Handler).occupied},
		"MKCOL":      {in: view, do: (*Handler).occupied},
	}
	object := verbs{
		"GET":       {in: view, do: (*Handler).getObject},
		"HEAD":      {in: view, do: (*Handler).getObject},
		"PUT":       {in: update, do: (*Handler).putObject},
		"DELETE":    {in: update, do: (*Handler).deleteObject},
		"MOVE":      {in: update, do: (*Handler).moveObject},
		"COPY":      {in: update, do: (*Handler).copyObject},
		"PROPPATCH": {in: update, do: (*Handler).proppatch},
	}
	missing := verbs{
		"PUT":        {in: update, do: (*Handler).putObject},
		"MKCALENDAR": {in: update, do: (*Handler).makeCalendar},
		"MKCOL":      {in: update, do: (*Handler).makeCollection},
	}
	for _, verb := range []string{"GET", "HEAD", "PROPFIND", "PROPPATCH", "REPORT", "DELETE", "MOVE", "COPY", "POST", "ACL"} {
		missing[verb] = method{in: view, do: (*Handler).notFound}
	}
	calendar := verbs{
		"GET":  {in: view, do: (*Handler).getCalendar},
		"HEAD": {in: view, do: (*Handler).getCalendar},
		"POST": {in: update, do: (*Handler).postCalendar},
	}
	busy := verbs{
		"GET":  {in: view, do: (*Handler).getFreeBusy},
		"HEAD": {in: view, do: (*Handler).getFreeBusy},
		"POST": {in: view, do: (*Handler).getFreeBusy},
	}
	table := map[kind]verbs{
		kindRoot:          records,
		kindPrincipals:    records,
		kindPrincipalType: records,
		kindPrincipal:     records,
		kindProxyGroup:    join(records, verbs{"PROPPATCH": {in: view, do: (*Handler).proppatchProxyGroup}}),
		kindHomes:         records,
		kindHomeType:      records,
		kindHome:          join(read, listing, settable, taken),
		kindCalendar:      join(read, settable, listed, movable, taken, calendar),
		kindCollection:    join(read, listing, settable, listed, movable, taken),
		kindInbox:         join(read, listing, settable, listed, taken),
		kindOutbox:        join(read, listing, settable, listed, taken, verbs{"POST": {in: view, do: (*Handler).postOutbox}}),
		kindNotifications: join(read, listing, settable, taken),
		kindDropbox:       join(read, listing, settable, taken),
		kindFreeBusyURL:   join(read, taken, busy),
		kindObject:        join(read, object, listed, taken),
		kindMissing:       join(missing, verbs{"OPTIONS": read["OPTIONS"]}),
		kindServerInfo:    {"GET": {in: view, do: (*Handler).getServerInfo}, "HEAD": {in: view, do: (*Handler).getServerInfo}},
		kindRooms:         {"GET": {in: view, do: (*Handler).getRooms}, "HEAD": {in: view, do: (*Handler).getRooms}},
	}
	for on, verbs := range table {
		table[on] = verbs.requiring(on.access())
	}
	return table
}

// requiring is v with what each method needs on a kind of resource.
func (v verbs) requiring(on acl.Kind) verbs {
	with := verbs{}
	for verb, m := range v {
		m.need = acl.Required(verb, on)
		with[verb] = m
	}
	return with
}

// table is the methods at a target where a kind of resource is. The add-member URI of a collection stands for
// what is not made yet (RFC 5995 §3.2): DELETE there must not be that of the
// collection.
func (h *Handler) table(k kind, t *target) verbs {
	all := h.methods[k]
	if !t.addMember || k == kindMissing {
		return all
	}
	table := verbs{"OPTIONS": all["OPTIONS"]}
	if post, ok := all[http.MethodPost]; ok {
		table[http.MethodPost] = post
	}
	return table
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

// notAllowed refuses a method that the kind of resource does not have.
func notAllowed(v verbs) *webdav.Response {
	return &webdav.Response{Status: http.StatusMethodNotAllowed, Header: http.Header{"Allow": {v.allow()}}}
}

// notFound serves every reading method where nothing is.
func (h *Handler) notFound(*request) (action, error) {
	return func(*scope) (*webdav.Response, error) { return nil, &webdav.Error{Status: http.StatusNotFound} }, nil
}

// occupied serves MKCALENDAR and MKCOL where something is.
func (h *Handler) occupied(r *request) (action, error) {
	return func(s *scope) (*webdav.Response, error) { return h.occupiedBy(r, s.kind) }, nil
}

// occupiedBy refuses MKCALENDAR and MKCOL where a resource of a kind is: the one
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
