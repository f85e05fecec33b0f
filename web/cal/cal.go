package cal

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"convene/internal/proxied"
	"convene/sacl"
	"convene/web/page"
	"convene/web/view"
)

// Area is these pages.
func Area() page.Area {
	return page.Area{
		Routes: []page.Route{
			{Method: http.MethodGet, Path: "/my/calendar/{$}", Gate: sacl.Web, Handle: last},
			{Method: http.MethodGet, Path: "/my/calendar/go", Gate: sacl.Web, Handle: goTo},
			{Method: http.MethodGet, Path: "/my/calendar/colors.css", Gate: sacl.Web, Handle: colors},
			{Method: http.MethodGet, Path: "/my/calendar/{view}/{date}", Gate: sacl.Web, Handle: show},
			{Method: http.MethodPost, Path: "/my/calendar/shown", Gate: sacl.Web, Handle: choose},
			{Method: http.MethodGet, Path: "/my/people/{$}", Gate: sacl.Web, Handle: peopleToday},
			{Method: http.MethodGet, Path: "/my/people/{date}", Gate: sacl.Web, Handle: people},
		},
		Nav: []page.Nav{
			{Path: "/my/calendar/", Text: "cal.calendar", Gate: sacl.Web},
			{Path: "/my/people/", Text: "cal.people", Gate: sacl.Web},
		},
	}
}

// A kind is a way to look at calendars.
type kind struct {
	name, text, key string
	// page fills and shows the page of a day.
	page func(*request) (*page.Answer, error)
	// step is the day to which one page later leads, or earlier with -1.
	step func(r *request, n int) view.Day
	// span is what is read: from the one day until before the other.
	span func(r *request) (from, to view.Day)
}

// kinds are all of them, in the order in which they are offered.
func kinds() []kind {
	return []kind{
		{"day", "cal.day", "d", days, steps(1), ahead(1)},
		{"workweek", "cal.workweek", "x", days, steps(7), week(5)},
		{"week", "cal.week", "w", days, steps(7), week(7)},
		{"month", "cal.month", "m", month, func(r *request, n int) view.Day { return r.day.MonthStart(n) }, sheet},
		{"agenda", "cal.agenda", "a", agenda, steps(agendaDays), ahead(agendaDays)},
		{"year", "cal.year", "y", year, func(r *request, n int) view.Day { return r.day.AddMonths(12 * n) }, wholeYear},
	}
}

func steps(days int) func(*request, int) view.Day {
	return func(r *request, n int) view.Day { return r.day + view.Day(n*days) }
}

func ahead(days view.Day) func(*request) (from, to view.Day) {
	return func(r *request) (from, to view.Day) { return r.day, r.day + days }
}

// week is the week of the day; of five days it begins on Monday whatever weeks begin with.
func week(days view.Day) func(*request) (from, to view.Day) {
	return func(r *request) (from, to view.Day) {
		first := r.Locale.FirstDay
		if days < 7 {
			first = time.Monday
		}
		from = r.day.WeekStart(first)
		return from, from + days
	}
}

func sheet(r *request) (from, to view.Day) { return view.SheetDays(r.day, r.Locale.FirstDay) }

func wholeYear(r *request) (from, to view.Day) {
	y := r.day.Time().Year()
	return view.DateOf(y, time.January, 1), view.DateOf(y+1, time.January, 1)
}

func kindNamed(name string) *kind {
	all := kinds()
	if i := slices.IndexFunc(all, func(k kind) bool { return k.name == name }); i >= 0 {
		return &all[i]
	}
	return nil
}

// viewCookie has the view that somebody had last in a browser.
const viewCookie = "convene-view"

// last leads to the view that the reader had last; on a telephone the first is the list.
func last(r *page.Request) (*page.Answer, error) {
	name := "week"
	if r.Header.Get("Sec-CH-UA-Mobile") == "?1" || strings.Contains(r.UserAgent(), "Mobi") {
		name = "agenda"
	}
	if c, err := r.Cookie(viewCookie); err == nil && kindNamed(c.Value) != nil {
		name = c.Value
	}
	return r.Go(pathOf(name, today(r)), ""), nil
}

func pathOf(view string, day view.Day) string { return "/my/calendar/" + view + "/" + day.String() }

// goTo leads to the day that a form names.
func goTo(r *page.Request) (*page.Answer, error) {
	q := r.URL.Query()
	day, ok := view.ParseDay(q.Get("date"))
	if !ok {
		day = today(r)
	}
	if q.Get("view") == "people" {
		return r.Go("/my/people/"+day.String()+"?"+url.Values{"who": q["who"]}.Encode(), ""), nil
	}
	k := kindNamed(q.Get("view"))
	if k == nil {
		return nil, page.NotFound()
	}
	return r.Go(pathOf(k.name, day), ""), nil
}

// show shows a view of a day.
func show(r *page.Request) (*page.Answer, error) {
	k := kindNamed(r.PathValue("view"))
	if k == nil {
		return nil, page.NotFound()
	}
	if r.PathValue("date") == "today" {
		return r.Go(pathOf(k.name, today(r)), ""), nil
	}
	day, ok := view.ParseDay(r.PathValue("date"))
	if !ok || day < earliest || day > latest {
		return nil, page.NotFound()
	}
	a, err := k.page(newRequest(r, k, day))
	if err != nil {
		return nil, err
	}
	c := http.Cookie{Name: viewCookie, Value: k.name, Path: "/my/", MaxAge: 365 * 86400, HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: proxied.Secure(r.Request)}
	a.Header = http.Header{"Set-Cookie": {c.String()}}
	return a, nil
}

// The days that there are pages of: a year of them has to be one in which dates are written
// with four figures.
var (
	earliest = view.DateOf(2, time.January, 1)
	latest   = view.DateOf(9998, time.December, 31)
)
