package devices

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"convene/auth"
	"convene/web/page"
)

// A program is one that people set up.
type program struct {
	ID, Name string
	Steps    []string // keys of their texts
	Profile  bool     // it takes a profile
	QR       bool     // it takes the QR code
	agent    []string // in the User-Agent of a browser on such a system
}

// programs are those that there are steps for. The first whose system the browser is on is
// shown first; a browser does not say which of the programs there is meant.
var programs = []program{
	{ID: "apple", Name: "iPhone, iPad, Mac", Steps: []string{"devices.apple-1", "devices.apple-2", "devices.apple-3"}, Profile: true, agent: []string{"iPhone", "iPad", "Macintosh"}},
	{ID: "android", Name: "Android (DAVx⁵)", Steps: []string{"devices.android-1", "devices.android-2", "devices.android-3"}, QR: true, agent: []string{"Android"}},
	{ID: "outlook", Name: "Outlook", Steps: []string{"devices.outlook-1", "devices.outlook-2", "devices.outlook-3"}, agent: []string{"Windows"}},
	{ID: "thunderbird", Name: "Thunderbird", Steps: []string{"devices.thunderbird-1", "devices.thunderbird-2", "devices.thunderbird-3"}, agent: []string{"X11", "Linux"}},
	{ID: "evolution", Name: "Evolution", Steps: []string{"devices.evolution-1", "devices.evolution-2", "devices.evolution-3"}},
	{ID: "gnome", Name: "GNOME", Steps: []string{"devices.gnome-1", "devices.gnome-2", "devices.gnome-3"}},
	{ID: "kde", Name: "KDE", Steps: []string{"devices.kde-1", "devices.kde-2", "devices.kde-3"}},
}

// guess is the program for the system that a browser is on.
func guess(agent string) *program {
	for i := range programs {
		for _, a := range programs[i].agent {
			if strings.Contains(agent, a) {
				return &programs[i]
			}
		}
	}
	return &programs[3]
}

type setupView struct {
	Programs []program
	Shown    *program
	Guessed  bool // by the browser, and not chosen
	*Connection
}

func setup(r *page.Request) (*page.Answer, error) {
	c, err := connection(r)
	if err != nil {
		return nil, err
	}
	v := setupView{Programs: programs, Connection: c}
	want := r.URL.Query().Get("for")
	for i := range programs {
		if programs[i].ID == want {
			v.Shown = &programs[i]
		}
	}
	if want != "" && v.Shown == nil {
		return nil, page.NotFound()
	}
	if v.Shown == nil {
		v.Shown, v.Guessed = guess(r.UserAgent()), true
	}
	a := r.Show("devices/setup", "devices.setup", v)
	a.Scripts = []string{"copy.js"}
	return a, nil
}

// watch begins to note what the caller's devices do.
func watch(r *page.Request) (*page.Answer, error) {
	r.Tries.Watch(r.Caller.Principal, r.Time)
	return r.Go("/my/setup/test", ""), nil
}

type testView struct {
	Since time.Time // zero: nobody watches
	Tries []tryView
	State string // see state
	*Connection
}

type tryView struct {
	At              time.Time
	Good            bool
	Text            string
	Client, Address string
	Request         string // method and path
}

// like reports whether two tries of a device have come to the same.
func (v tryView) like(o tryView) bool {
	return v.Text == o.Text && v.Client == o.Client && v.Address == o.Address
}

// test shows what the caller's devices have done since they watch.
func test(r *page.Request) (*page.Answer, error) {
	c, err := connection(r)
	if err != nil {
		return nil, err
	}
	tries, since := r.Tries.Seen(r.GUID(), r.Time)
	v := testView{Since: since, State: state(tries), Connection: c}
	for _, t := range tries {
		one := tryView{t.At, good(&t, c), verdict(r, &t, c), client(r, t.Agent), t.Address, t.Method + " " + t.Path}
		if n := len(v.Tries); n > 0 && v.Tries[n-1].like(one) {
			continue // of what a program does in a row the last is enough
		}
		v.Tries = append(v.Tries, one)
	}
	a := r.Show("devices/test", "devices.test", v)
	a.Scripts = []string{"test.js"}
	return a, nil
}

// good reports whether a try needs nothing done.
func good(t *auth.Try, c *Connection) bool {
	return t.Problem == auth.NoProblem && (t.Secure || !c.TLS)
}

// verdict says what became of a try, and what to do.
func verdict(r *page.Request, t *auth.Try, c *Connection) string {
	l := r.Locale
	switch t.Problem {
	case auth.WrongPassword:
		return l.T("devices.try-wrong-password")
	case auth.WithoutTLS:
		return l.T("devices.try-without-tls", "address", c.Address)
	case auth.WrongPath:
		return l.T("devices.try-wrong-path", "path", t.Path, "address", c.Address)
	case auth.NotAllowed:
		return l.T("devices.try-not-allowed")
	case auth.TooMany:
		return l.T("devices.try-too-many")
	case auth.NotPossible:
		return l.T("devices.try-not-possible")
	case auth.NotCalDAV:
		return l.T("devices.try-not-caldav", "address", c.Address)
	}
	switch {
	case !good(t, c):
		return l.T("devices.try-in-the-clear", "address", c.Address)
	case t.Device == "":
		return l.T("devices.try-own-password")
	}
	return l.T("devices.try-good")
}

// news says, for the page's script, whether there is more than it shows.
func news(r *page.Request) (*page.Answer, error) {
	tries, since := r.Tries.Seen(r.GUID(), r.Time)
	body, err := json.Marshal(map[string]any{"watching": !since.IsZero(), "state": state(tries)})
	return &page.Answer{Type: "application/json", Body: body, Header: http.Header{"Cache-Control": {"no-store"}}}, err
}

// state changes when a page shows something that it did not.
func state(tries []auth.Try) string {
	sum := sha256.New()
	for _, t := range tries {
		fmt.Fprintf(sum, "%q\n", []string{string(t.Problem), t.Method, t.Path, t.Device, t.Agent, t.Address})
	}
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
