package sharing

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/audit"
	"convene/caldav"
	"convene/publish"
	"convene/sacl"
	"convene/web/page"
)

// How often published calendars may be asked for: by each link, and by each network that
// asks for links that there are not.
const (
	perSecond = 2
	burst     = 60
)

// pages are what these pages remember between requests.
type pages struct {
	once page.Once
	rate page.Rates
}

// Area is these pages.
func Area() page.Area {
	p := &pages{rate: page.Rates{PerSecond: perSecond, Burst: burst}}
	return page.Area{
		Routes: []page.Route{
			{Method: http.MethodGet, Path: "/my/sharing", Gate: sacl.Web, Handle: p.list},
			{Method: http.MethodPost, Path: "/my/sharing", Gate: sacl.Web, Handle: p.add},
			{Method: http.MethodPost, Path: "/my/sharing/{id}/rotate", Gate: sacl.Web, Handle: p.rotate},
			{Method: http.MethodPost, Path: "/my/sharing/{id}/revoke", Gate: sacl.Web, Handle: revoke},
			{Method: http.MethodGet, Path: "/publish/{token}", Handle: p.show},
			{Method: http.MethodGet, Path: "/publish/{token}/calendar.ics", Handle: p.feed},
		},
	}
}

// lives are how long links may last, in days; 0: until they are revoked.
var lives = []int{0, 7, 30, 90, 365}

type listView struct {
	Links     []link
	Calendars []choice
	Lives     []life
	Once      string
	Title     string // as typed
	BusyOnly  bool
	Problem   string // with the form
}

type choice struct {
	ID      uint32
	Name    string
	Checked bool
}

type life struct {
	Days     int
	Text     string
	Selected bool
}

type link struct {
	ID, Title string
	Calendars []string // names; those that are gone are left out
	BusyOnly  bool
	Expires   time.Time // zero: never
	Over      bool
	Hits      string
	LastHit   time.Time // zero: never
}

func (p *pages) list(r *page.Request) (*page.Answer, error) {
	return p.form(r, listView{}, nil, 0)
}

// form shows the links that there are, with the form as v has it.
func (p *pages) form(r *page.Request, v listView, checked []uint32, days int) (*page.Answer, error) {
	own, err := r.Site.Calendars.OwnCalendars(r.Context(), r.Caller)
	if err != nil {
		return nil, failed(err)
	}
	links, err := r.Links.List(r.Context(), r.GUID())
	if err != nil {
		return nil, err
	}
	for _, l := range links {
		v.Links = append(v.Links, link{
			ID: l.ID, Title: l.Title, Calendars: names(own, l.Calendars), BusyOnly: l.BusyOnly, Expires: l.Expires,
			Over: !l.Expires.IsZero() && !r.Time.Before(l.Expires), Hits: r.Locale.N("sharing.hits", l.Hits), LastHit: l.LastHit,
		})
	}
	for _, c := range own {
		v.Calendars = append(v.Calendars, choice{c.ID, c.Name, slices.Contains(checked, c.ID)})
	}
	for _, d := range lives {
		text := r.Locale.T("sharing.for-ever")
		if d > 0 {
			text = r.Locale.N("sharing.days", d)
		}
		v.Lives = append(v.Lives, life{d, text, d == days})
	}
	v.Once = p.once.New()
	return r.Show("sharing/list", "sharing.title", v), nil
}

// names are those of the calendars with some numbers.
func names(own []caldav.OwnCalendar, ids []uint32) (out []string) {
	for _, c := range own {
		if slices.Contains(ids, c.ID) {
			out = append(out, c.Name)
		}
	}
	return out
}

// linkState is a link in the audit log. Of its token nothing is there.
type linkState struct {
	ID        string    `json:"id,omitempty"`
	Title     string    `json:"title"`
	Calendars []uint32  `json:"calendars"`
	BusyOnly  bool      `json:"busyOnly"`
	Expires   time.Time `json:"expires,omitzero"`
}

func stateOf(l publish.Link) linkState {
	return linkState{l.ID, l.Title, l.Calendars, l.BusyOnly, l.Expires}
}

// add publishes calendars, and shows the link in the answer: nobody can see it again.
func (p *pages) add(r *page.Request) (*page.Answer, error) {
	own, err := r.Site.Calendars.OwnCalendars(r.Context(), r.Caller)
	if err != nil {
		return nil, failed(err)
	}
	days, err := strconv.Atoi(r.PostFormValue("days"))
	how := r.PostFormValue("show")
	if err != nil || !slices.Contains(lives, days) || how != "all" && how != "busy" {
		return nil, page.Fail(http.StatusBadRequest, "")
	}
	var ids []uint32
	for _, text := range r.PostForm["calendar"] {
		n, err := strconv.ParseUint(text, 10, 32)
		mine := slices.ContainsFunc(own, func(c caldav.OwnCalendar) bool { return c.ID == uint32(n) })
		if err != nil || !mine {
			return nil, page.Fail(http.StatusBadRequest, "")
		}
		if !slices.Contains(ids, uint32(n)) {
			ids = append(ids, uint32(n))
		}
	}
	v := listView{Title: strings.TrimSpace(r.PostFormValue("title")), BusyOnly: how == "busy"}
	if len(ids) == 0 || len(ids) > publish.MaxCalendars {
		v.Problem = r.Locale.T("sharing.choose")
		a, err := p.form(r, v, ids, days)
		if err == nil {
			a.Status = http.StatusUnprocessableEntity
		}
		return a, err
	}
	if !p.once.First(r) {
		return r.Go("/my/sharing", "sharing.made-before"), nil
	}
	l := publish.Link{GUID: r.GUID(), Title: v.Title, Calendars: ids, BusyOnly: v.BusyOnly}
	if l.Title == "" {
		l.Title = strings.Join(names(own, ids), ", ")
	}
	if days > 0 {
		l.Expires = r.Time.AddDate(0, 0, days)
	}
	var token string
	act := audit.Act{By: r.By(), Verb: "publish.add", Object: r.Self(), After: stateOf(l)}
	err = r.Audit.Do(r.Context(), act, func() (after any, err error) {
		l, token, err = r.Links.Add(r.Context(), l)
		return stateOf(l), err
	})
	if errors.Is(err, publish.ErrTooMany) {
		return nil, page.Fail(http.StatusConflict, "sharing.too-many")
	}
	if err != nil {
		return nil, err
	}
	return made(r, l, token)
}

// rotate gives a link another address.
func (p *pages) rotate(r *page.Request) (*page.Answer, error) {
	if !p.once.First(r) {
		return r.Go("/my/sharing", "sharing.made-before"), nil
	}
	id := r.PathValue("id")
	var l publish.Link
	var token string
	act := audit.Act{By: r.By(), Verb: "publish.rotate", Object: r.Self(), Before: map[string]string{"id": id}}
	err := r.Audit.Do(r.Context(), act, func() (after any, err error) {
		l, token, err = r.Links.Rotate(r.Context(), r.GUID(), id)
		return stateOf(l), err
	})
	if err != nil {
		return nil, gone(err)
	}
	return made(r, l, token)
}

// revoke ends a link.
func revoke(r *page.Request) (*page.Answer, error) {
	id := r.PathValue("id")
	act := audit.Act{By: r.By(), Verb: "publish.revoke", Object: r.Self(), Before: map[string]string{"id": id}}
	err := r.Audit.Do(r.Context(), act, func() (any, error) {
		l, err := r.Links.Revoke(r.Context(), r.GUID(), id)
		return stateOf(l), err
	})
	if err != nil {
		return nil, gone(err)
	}
	return r.Go("/my/sharing", "sharing.revoked"), nil
}

func gone(err error) error {
	if errors.Is(err, publish.ErrNoLink) {
		return &page.Error{Status: http.StatusNotFound, Key: "sharing.gone", Err: err}
	}
	return err
}

// madeView is a link whose address is shown once.
type madeView struct {
	Title    string
	BusyOnly bool
	Expires  time.Time
	Page     string // URL
	Feed     string // URL
	Rest     string // of Feed, without its scheme
	QR       *page.QR
}

func made(r *page.Request, l publish.Link, token string) (*page.Answer, error) {
	origin := r.Site.SecureURL
	if origin == "" {
		origin = page.Origin(r)
	}
	v := madeView{Title: l.Title, BusyOnly: l.BusyOnly, Expires: l.Expires, Page: origin + "/publish/" + token}
	v.Feed = v.Page + "/calendar.ics"
	_, v.Rest, _ = strings.Cut(v.Feed, "://")
	var err error
	if v.QR, err = page.NewQR(v.Page, r.Locale.T("sharing.qr")); err != nil {
		return nil, err
	}
	a := r.Show("sharing/made", "sharing.made", v)
	a.Secret, a.Scripts = true, []string{"copy.js"}
	a.Header = http.Header{"Cache-Control": {"no-store"}}
	return a, nil
}

// failed makes 503 of what is not possible at the moment.
func failed(err error) error {
	if errors.Is(err, caldav.ErrNotNow) {
		return &page.Error{Status: http.StatusServiceUnavailable, Retry: 30 * time.Second, Err: err}
	}
	return err
}
