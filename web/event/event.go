package event

import (
	"net/http"

	"convene/sacl"
	"convene/web/page"
)

// formSize is the greatest length of a form with an event in bytes: notes may be long, and
// what is undone is in there.
const formSize = 1 << 20

// Area is these pages.
func Area() page.Area {
	get := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodGet, Path: path, Gate: sacl.Web, Handle: calendars(fn)}
	}
	post := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodPost, Path: path, Gate: sacl.Web, Body: formSize, Handle: calendars(fn)}
	}
	return page.Area{
		Routes: []page.Route{
			get("/my/event/{path...}", show),
			get("/my/event/raw/{path...}", raw),
			get("/my/event/new", newForm), post("/my/event/new", saveNew),
			get("/my/event/edit/{path...}", editForm), post("/my/event/edit/{path...}", saveEdit),
			get("/my/event/delete/{path...}", askDelete), post("/my/event/delete/{path...}", remove),
			get("/my/event/move", moveForm), post("/my/event/move", move),
			post("/my/event/undo", undo),
			post("/my/event/answer/{path...}", answer),
			get("/my/invitations", invitations), post("/my/invitations", answerMany),
		},
		Nav: []page.Nav{{Path: "/my/invitations", Text: "event.invitations", Gate: sacl.Web}},
	}
}

// calendars is a page of those who may use calendars.
func calendars(fn func(*page.Request) (*page.Answer, error)) func(*page.Request) (*page.Answer, error) {
	return func(r *page.Request) (*page.Answer, error) {
		d, err := r.Site.SACL.Check(r.Context(), sacl.Calendar, r.Caller)
		if err != nil {
			return nil, err
		}
		if !d.Allowed {
			return nil, page.Fail(http.StatusForbidden, "")
		}
		return fn(r)
	}
}
