package manage

import (
	"errors"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/delegation"
	"convene/directory"
	"convene/sacl"
	"convene/web/page"
)

// Area is these pages. Each wants people to have signed in recently.
func Area() page.Area {
	get := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodGet, Path: path, Gate: sacl.Admin, Fresh: true, Handle: fn}
	}
	post := func(path string, fn func(*page.Request) (*page.Answer, error)) page.Route {
		return page.Route{Method: http.MethodPost, Path: path, Gate: sacl.Admin, Fresh: true, Handle: fn}
	}
	return page.Area{
		Routes: []page.Route{
			get("/admin/{$}", overview),
			get("/admin/principals", people),
			get("/admin/principals/{guid}", person),
			get("/admin/principals/{guid}/why", why),
			post("/admin/principals/{guid}/sign-out", signOut),
			post("/admin/principals/{guid}/revoke-devices", revokeDevices),
			get("/admin/delegates", delegates),
			post("/admin/delegates/add", addDelegate),
			post("/admin/delegates/remove", removeDelegate),
			get("/admin/rooms", roomList),
			get("/admin/rooms/{guid}", room),
		},
		Nav: []page.Nav{{Path: "/admin/", Text: "manage.overview", Gate: sacl.Admin}},
	}
}

type overviewView struct {
	Version, Go string
	Sessions    int
	Since       time.Time // when the reader signed in, or used these pages last
	Idle        int       // minutes without use after which they ask again
	Stats       []stat
	Command     string
}

// A stat is a number that an operator plans by, with what it is made of.
type stat struct{ Label, Value, Parts string }

func overview(r *page.Request) (*page.Answer, error) {
	n, err := r.Sessions.Count(r.Context())
	if err != nil {
		return nil, err
	}
	s, err := admin.ReadStats(r.Context(), r.Site.Admin)
	if err != nil {
		return nil, err
	}
	return r.Show("manage/overview", "manage.overview", overviewView{
		Version: r.Version, Go: runtime.Version(), Sessions: n, Since: r.Session.Created, Idle: int(r.Site.Config.AdminIdle.Minutes()),
		Stats: statistics(r, s), Command: command("admin", "stats"),
	}), nil
}

func statistics(r *page.Request, s admin.Stats) []stat {
	t := r.Locale
	byType := func(m map[string]int) string {
		var parts []string
		for _, name := range []string{"users", "groups", "locations", "resources"} {
			if m[name] > 0 {
				parts = append(parts, t.T("manage.stat-part", "type", typeText(r, name), "n", m[name]))
			}
		}
		return strings.Join(parts, ", ")
	}
	count := func(key string, n int, parts string) stat { return stat{t.T(key), strconv.Itoa(n), parts} }
	return []stat{
		count("manage.stat-accounts", s.Accounts, byType(s.AccountsByType)), count("manage.stat-calendars", s.Calendars, byType(s.CalendarsByType)),
		count("manage.stat-events", s.Events, ""), count("manage.stat-tasks", s.Tasks, ""), count("manage.stat-objects", s.Objects, ""),
		{t.T("manage.stat-data"), page.Bytes(s.DataBytes), ""}, {t.T("manage.stat-disk"), page.Bytes(s.DiskBytes), ""},
	}
}

// typeText is what records of a type are called.
func typeText(r *page.Request, name string) string {
	keys := map[string]string{"users": "manage.users", "groups": "manage.groups", "locations": "manage.rooms", "resources": "manage.resources"}
	return r.Locale.T(keys[name])
}

// command writes a command line that does what a page does, for a shell.
func command(words ...string) string {
	out := []string{"convene"}
	for _, w := range words {
		plain := w != "" && strings.IndexFunc(w, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-_./:=@,+", c))
		}) < 0
		if !plain {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		out = append(out, w)
	}
	return strings.Join(out, " ")
}

// failed makes the page of an error of a verb.
func failed(err error) error {
	switch {
	case errors.Is(err, delegation.ErrRefused), errors.Is(err, delegation.ErrReadOnly), errors.Is(err, delegation.ErrFull):
		return &page.Error{Status: http.StatusServiceUnavailable, Key: "shell.delegates-away", Retry: 5 * time.Minute, Err: err}
	case errors.Is(err, audit.ErrNotRecorded):
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: time.Minute, Err: err}
	case errors.Is(err, delegation.ErrNotFound), errors.Is(err, admin.ErrNoRoom):
		return &page.Error{Status: http.StatusNotFound, Err: err}
	}
	return err
}

// known finds the record that a path names by GUID.
func known(r *page.Request) (*directory.Principal, error) {
	return r.Site.Directory.Lookup(r.Context(), directory.Key{By: directory.GUID, Value: r.PathValue("guid")})
}

// ref names a record on a command line.
func ref(p *directory.Principal) string { return directory.RefTo(p).String() }

// types are those that a search may be about, by the names that fields have.
var types = map[string][]directory.Type{
	"": nil, "users": {directory.User}, "groups": {directory.Group}, "locations": {directory.Location}, "resources": {directory.Resource},
}

type peopleView struct {
	Query, Type        string
	Asked, Short, More bool
	Found              []row
	Types              []option
}

type option struct {
	Value, Text string
	Chosen      bool
}

// A row is a record in a list.
type row struct {
	GUID, Name, Login, Type, Mail string
	SignsIn, Calendars            bool
}

func people(r *page.Request) (*page.Answer, error) {
	q := r.URL.Query()
	v := peopleView{Query: strings.TrimSpace(q.Get("q")), Type: q.Get("type")}
	wanted, ok := types[v.Type]
	if !ok {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	for _, name := range []string{"", "users", "groups", "locations", "resources"} {
		text := r.Locale.T("manage.all-types")
		if name != "" {
			text = typeText(r, name)
		}
		v.Types = append(v.Types, option{name, text, name == v.Type})
	}
	if v.Query != "" {
		v.Asked, v.Short = true, len([]rune(v.Query)) < 2
		found, more, err := r.Find(v.Query, wanted...)
		if err != nil {
			return nil, err
		}
		v.More = more
		if exact, err := directory.Find(r.Context(), r.Site.Directory, v.Query); err == nil {
			if !slices.ContainsFunc(found, func(p *directory.Principal) bool { return p.GUID == exact.GUID }) {
				found = append([]*directory.Principal{exact}, found...) // by GUID, or a name that is no text of it
			}
		} else if errors.Is(err, directory.ErrUnavailable) {
			return nil, err
		}
		for _, p := range found {
			v.Found = append(v.Found, rowOf(r, p))
		}
	}
	return r.Show("manage/people", "manage.people", v), nil
}

func rowOf(r *page.Request, p *directory.Principal) row {
	out := row{GUID: p.GUID, Name: p.FullName, Login: p.Name, Type: typeText(r, p.Type.String()), SignsIn: p.LoginEnabled, Calendars: p.CalendarEnabled}
	if len(p.Emails) > 0 {
		out.Mail = p.Emails[0]
	}
	return out
}
