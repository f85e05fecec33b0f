package my

import (
	"net/http"

	"convene/sacl"
	"convene/web/page"
)

// Area is these pages.
func Area() page.Area {
	return page.Area{
		Routes: []page.Route{
			{Method: http.MethodGet, Path: "/my/{$}", Gate: sacl.Web, Handle: start},
			{Method: http.MethodGet, Path: "/my/account", Gate: sacl.Web, Handle: account},
			{Method: http.MethodPost, Path: "/my/account", Gate: sacl.Web, Handle: saveAccount},
			{Method: http.MethodPost, Path: "/my/sessions/{id}/end", Gate: sacl.Web, Handle: endSession},
			{Method: http.MethodPost, Path: "/my/sessions/end-all", Gate: sacl.Web, Handle: endSessions},
			{Method: http.MethodGet, Path: "/help/{$}", Handle: help},
		},
		Nav: []page.Nav{{Path: "/my/", Text: "my.start", Gate: sacl.Web}},
	}
}
