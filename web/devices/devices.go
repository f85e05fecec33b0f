package devices

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"convene/admin"
	"convene/auth"
	"convene/directory"
	"convene/sacl"
	"convene/web/page"
)

// pages are what these pages remember between requests.
type pages struct{ once page.Once }

// Area is these pages.
func Area() page.Area {
	p := &pages{}
	return page.Area{
		Routes: []page.Route{
			{Method: http.MethodGet, Path: "/my/devices", Gate: sacl.Web, Handle: p.list},
			{Method: http.MethodPost, Path: "/my/devices", Gate: sacl.Web, Handle: p.add},
			{Method: http.MethodPost, Path: "/my/devices/{id}/revoke", Gate: sacl.Web, Handle: revoke},
			{Method: http.MethodPost, Path: "/my/devices/revoke-all", Gate: sacl.Web, Handle: revokeAll},
			{Method: http.MethodGet, Path: "/my/setup", Gate: sacl.Web, Handle: setup},
			{Method: http.MethodGet, Path: "/my/setup/profile", Gate: sacl.Web, Handle: getProfile},
			{Method: http.MethodGet, Path: "/my/setup/test", Gate: sacl.Web, Handle: test},
			{Method: http.MethodPost, Path: "/my/setup/test", Gate: sacl.Web, Handle: watch},
			{Method: http.MethodGet, Path: "/my/setup/test/news", Gate: sacl.Web, Handle: news},
		},
	}
}

type listView struct {
	Devices []device
	Off     bool // this server keeps no device passwords
	Once    string
	Name    string // as typed
	Problem string // with the form
}

type device struct {
	ID, Label string
	Created   time.Time
	Used      time.Time // zero: never
	Address   string
	Client    string
}

func (p *pages) list(r *page.Request) (*page.Answer, error) { return p.show(r, listView{}) }

// show shows the passwords that there are, with the form as v has it.
func (p *pages) show(r *page.Request, v listView) (*page.Answer, error) {
	list, err := admin.Devices(r.Context(), r.Site.Admin, r.GUID())
	switch {
	case errors.Is(err, admin.ErrNoDevices):
		v.Off = true
	case err != nil:
		return nil, err
	}
	for _, d := range list {
		v.Devices = append(v.Devices, device{d.ID, d.Label, d.Created, d.LastUsed, d.Address, client(r, d.Agent)})
	}
	v.Once = p.once.New()
	return r.Show("devices/list", "devices.title", v), nil
}

// madeView is a device password that was just made. It is not kept anywhere.
type madeView struct {
	Label, Secret string
	Connection
	SecretQR *page.QR
}

// add makes a device password, and shows it in the answer: nobody can see it again.
func (p *pages) add(r *page.Request) (*page.Answer, error) {
	v := listView{Name: strings.TrimSpace(r.PostFormValue("name"))}
	if v.Name == "" {
		v.Problem = r.Locale.T("devices.name-missing")
		a, err := p.show(r, v)
		if err == nil {
			a.Status = http.StatusUnprocessableEntity
		}
		return a, err
	}
	if !p.once.First(r) {
		return r.Go("/my/devices", "devices.made-before"), nil
	}
	made, err := admin.AddDevice(r.Context(), r.Mine(), admin.DeviceRequest{Who: r.GUID(), Label: v.Name})
	switch {
	case errors.Is(err, auth.ErrTooManyDevices):
		return nil, page.Fail(http.StatusConflict, "devices.too-many")
	case errors.Is(err, admin.ErrNoDevices):
		return nil, page.Fail(http.StatusConflict, "devices.off")
	case err != nil:
		return nil, err
	}
	c, err := connection(r)
	if err != nil {
		return nil, err
	}
	if r.PostFormValue("as") == "profile" {
		return profile(r, c, made.Secret)
	}
	view := madeView{Label: made.Label, Secret: made.Secret, Connection: *c}
	if view.SecretQR, err = page.NewQR(made.Secret, r.Locale.T("devices.qr-password")); err != nil {
		return nil, err
	}
	a := r.Show("devices/made", "devices.made", view)
	a.Secret, a.Scripts = true, []string{"copy.js"}
	a.Header = http.Header{"Cache-Control": {"no-store"}}
	return a, nil
}

// revoke ends a device password of the caller.
func revoke(r *page.Request) (*page.Answer, error) {
	_, err := admin.RevokeDevices(r.Context(), r.Mine(), admin.DeviceRequest{Who: r.GUID(), ID: r.PathValue("id")})
	if errors.Is(err, directory.ErrNotFound) {
		return nil, page.Fail(http.StatusNotFound, "devices.gone")
	}
	if err != nil {
		return nil, err
	}
	return r.Go("/my/devices", "devices.revoked"), nil
}

// revokeAll ends all of them.
func revokeAll(r *page.Request) (*page.Answer, error) {
	_, err := admin.RevokeDevices(r.Context(), r.Mine(), admin.DeviceRequest{Who: r.GUID()})
	if err != nil {
		return nil, err
	}
	return r.Go("/my/devices", "devices.revoked-all"), nil
}

// clients are what User-Agents of calendar programs have in them, the more particular
// first.
var clients = [][2]string{
	{"DAVx5", "DAVx⁵"}, {"CalDavSynchronizer", "Outlook CalDav Synchronizer"}, {"Thunderbird", "Thunderbird"}, {"Evolution", "Evolution"},
	{"iOS/", "iPhone, iPad"}, {"iPadOS/", "iPad"}, {"dataaccessd", "iPhone, iPad"}, {"CalendarAgent", "Mac"}, {"macOS/", "Mac"}, {"Mac OS X/", "Mac"},
	{"Mac_OS_X/", "Mac"}, {"gnome-", "GNOME"}, {"goa-", "GNOME"}, {"Akonadi", "KDE"}, {"KDE", "KDE"}, {"vdirsyncer", "vdirsyncer"}, {"curl/", "curl"},
	{"Mozilla/", ""},
}

// client says in a few words which program a User-Agent is of.
func client(r *page.Request, agent string) string {
	for _, c := range clients {
		if strings.Contains(agent, c[0]) && c[1] != "" {
			return c[1]
		}
	}
	word, _, _ := strings.Cut(agent, " ")
	if name, _, _ := strings.Cut(word, "/"); name != "" && name != "Mozilla" {
		return string([]rune(name)[:min(len([]rune(name)), 40)])
	}
	return r.Locale.T("devices.unknown-program")
}
