package room

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"convene/directory"
	"convene/rooms/policy"
	"convene/sacl"
	"convene/web/page"
)

// Area is these pages.
func Area() page.Area {
	get := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodGet, Path: path, Gate: sacl.Web, Handle: fn}
	}
	post := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodPost, Path: path, Gate: sacl.Web, Handle: fn}
	}
	return page.Area{
		Routes: []page.Route{
			get("/my/rooms", finder),
			post("/my/rooms/book", book),
			get("/my/rooms/{name}", view),
			get("/my/bookings", bookings),
			post("/my/bookings/check-in", checkIn),
			post("/my/bookings/release", release),
			post("/my/bookings/extend", extend),
			post("/my/bookings/change", change),
			get("/my/rooms/manage", manage),
			get("/my/rooms/requests/{id}", request),
			post("/my/rooms/requests/{id}/answer", answer),
			post("/my/rooms/close", closeRoom),
			post("/my/rooms/open", openRoom),
			post("/my/rooms/panels/pair", pair),
			post("/my/rooms/panels/{id}/remove", unpair),
			post("/my/rooms/lobbies/pair", pairLobby),
			post("/my/rooms/lobbies/{id}/remove", unpairLobby),
			{Method: http.MethodGet, Path: "/admin/rooms/use", Gate: sacl.Admin, Fresh: true, Handle: use},
			{Method: http.MethodGet, Path: "/panel/{$}", Handle: panel},
			{Method: http.MethodGet, Path: "/panel/lobby", Handle: lobby},
			{Method: http.MethodPost, Path: "/panel/offer", Handle: offerPanel},
			{Method: http.MethodPost, Path: "/panel/book", Handle: atDoor("booked", panelBook)},
			{Method: http.MethodPost, Path: "/panel/extend", Handle: atDoor("longer", panelExtend)},
			{Method: http.MethodPost, Path: "/panel/check-in", Handle: atDoor("in", panelCheckIn)},
			{Method: http.MethodPost, Path: "/panel/end", Handle: atDoor("ended", panelEnd)},
		},
		Nav: []page.Nav{{Path: "/my/rooms", Text: "room.rooms", Gate: sacl.Web}},
	}
}

// find finds a room or resource by its short name, which its type may stand before: a room
// and a resource may have the same. "locations/elm", "elm".
func find(r *page.Request, name string) (p *directory.Principal, err error) {
	types := []directory.Type{directory.Location, directory.Resource}
	if kind, short, named := strings.Cut(name, "/"); named {
		if t, ok := directory.ParseType(kind); ok && slices.Contains(types, t) {
			types, name = []directory.Type{t}, short
		}
	}
	for _, t := range types {
		p, err = r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.Name, Type: t, Value: name})
		if !errors.Is(err, directory.ErrNotFound) {
			break
		}
	}
	return p, err
}

// bookable finds what a form names: a room, a resource or a pool.
func bookable(r *page.Request, name string) (*directory.Principal, error) {
	kind, short, named := strings.Cut(name, "/")
	if !named || kind != directory.Group.String() {
		return find(r, name)
	}
	pools, err := r.Site.Calendars.RoomIndex.Pools(r.Context())
	if err != nil {
		return nil, err
	}
	for _, k := range pools {
		if k.Record.Name == short {
			return k.Record, nil
		}
	}
	return nil, page.NotFound()
}

// reasons are the keys of why a room is not to be had.
var reasons = map[policy.Code]string{
	policy.CodeConflict: "room.why-conflict", policy.CodeBlocked: "room.why-blocked", policy.CodeNotAllowed: "room.why-not-allowed",
	policy.CodeNoApprover: "room.why-no-approver", policy.CodeRecurring: "room.why-recurring", policy.CodeMinDuration: "room.why-min-duration",
	policy.CodeMaxDuration: "room.why-max-duration", policy.CodeMinNotice: "room.why-min-notice", policy.CodeWindow: "room.why-window",
	policy.CodeHorizon: "room.why-horizon", policy.CodeHours: "room.why-hours", policy.CodeCapacity: "room.why-capacity",
	policy.CodeMinAttendees: "room.why-min-attendees", policy.CodeTooMany: "room.why-too-many", policy.CodeTooLong: "room.why-too-many",
	policy.CodeNotBookable: "room.why-not-bookable", policy.CodeMode: "room.why-not-bookable", "unknown": "room.why-unknown",
}

// why says why a room is not to be had.
func why(r *page.Request, code policy.Code, limit int) string {
	key := reasons[code]
	if key == "" {
		key = "room.why-other"
	}
	return r.Locale.N(key, limit)
}
