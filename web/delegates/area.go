package delegates

import (
	"errors"
	"net/http"
	"time"

	"convene/audit"
	"convene/delegation"
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
	forOthers := func(r page.Route) page.Route {
		r.For = true
		return r
	}
	return page.Area{
		Routes: []page.Route{
			forOthers(get("/my/delegates", list)),
			forOthers(get("/my/delegates/find", find)),
			forOthers(get("/my/delegates/edit", edit)),
			forOthers(post("/my/delegates/save", save)),
			forOthers(post("/my/delegates/remove", remove)),
			get("/my/for/{$}", board),
			forOthers(get("/my/for/{for}/{$}", overview)),
			get("/my/for/stand-in", standIn),
			post("/my/for/stand-in", addStandIn),
			post("/my/for/stand-in/end", endStandIn),
		},
		Nav: []page.Nav{
			{Path: "/my/for/", Text: "delegates.board", Gate: sacl.Web},
			{Path: "/my/delegates", Text: "delegates.title", Gate: sacl.Web, For: true},
		},
	}
}

// retry is how long it takes until somebody has looked after the delegate database.
const retry = 5 * time.Minute

// failed makes the page of an error of a verb; errors of what was asked for have no page of
// their own: see problem.
func failed(err error) error {
	switch {
	case errors.Is(err, delegation.ErrRefused), errors.Is(err, delegation.ErrReadOnly), errors.Is(err, delegation.ErrFull):
		return &page.Error{Status: http.StatusServiceUnavailable, Key: "shell.delegates-away", Retry: retry, Err: err}
	case errors.Is(err, audit.ErrNotRecorded):
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: time.Minute, Err: err}
	case errors.Is(err, delegation.ErrDenied):
		return &page.Error{Status: http.StatusForbidden, Key: "delegates.denied", Err: err}
	case errors.Is(err, delegation.ErrNotFound):
		return &page.Error{Status: http.StatusNotFound, Key: "delegates.gone", Err: err}
	}
	return err
}

// problem is the text of what is wrong with a change that was asked for, "" if it is not
// that.
func problem(r *page.Request, err error) string {
	for _, p := range []struct {
		err error
		key string
	}{
		{delegation.ErrSelf, "delegates.err-self"}, {delegation.ErrRoomDelegate, "delegates.err-room"}, {delegation.ErrNoCalendars, "delegates.err-calendars"},
		{delegation.ErrEndBeforeBegin, "delegates.err-times"}, {delegation.ErrNoteTooLong, "delegates.err-note"}, {delegation.ErrDenied, "delegates.denied"},
	} {
		if errors.Is(err, p.err) {
			return r.Locale.T(p.key)
		}
	}
	return ""
}
