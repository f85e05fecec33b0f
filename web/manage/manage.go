package manage

import (
	"net/http"
	"runtime"
	"time"

	"convene/sacl"
	"convene/web/page"
)

// Area is these pages. Each wants people to have signed in recently.
func Area() page.Area {
	return page.Area{
		Routes: []page.Route{{Method: http.MethodGet, Path: "/admin/{$}", Gate: sacl.Admin, Fresh: true, Handle: overview}},
		Nav:    []page.Nav{{Path: "/admin/", Text: "manage.overview", Gate: sacl.Admin}},
	}
}

type overviewView struct {
	Version, Go string
	Sessions    int
	Since       time.Time // when the reader signed in, or used these pages last
	Idle        int       // minutes without use after which they ask again
}

func overview(r *page.Request) (*page.Answer, error) {
	n, err := r.Sessions.Count(r.Context())
	if err != nil {
		return nil, err
	}
	return r.Show("manage/overview", "manage.overview", overviewView{
		Version: r.Version, Go: runtime.Version(), Sessions: n, Since: r.Session.Created, Idle: int(r.Site.Config.AdminIdle.Minutes()),
	}), nil
}
