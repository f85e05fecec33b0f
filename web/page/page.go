package page

import (
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/auth"
	"convene/caldav"
	"convene/directory"
	"convene/internal/logging"
	"convene/panels"
	"convene/prefs"
	"convene/publish"
	"convene/sacl"
	"convene/web/i18n"
)

// A Route is a path at which there is a page, or something that a page's form does.
type Route struct {
	Method string // GET, which is HEAD too and changes nothing; or POST
	Path   string // as a pattern of http.ServeMux without the method: "/my/sessions/{id}"
	// Gate is the service whose access list lets people in; "": anybody, also without
	// having signed in. Then Request.Caller may be nil.
	Gate sacl.Service
	// Fresh wants people to have signed in recently, or used such a page recently: see
	// Config.AdminIdle.
	Fresh bool
	// For says that the page is there as well for those whom somebody acts for: a path below
	// /my/ is then also below /my/for/{for}/, where Request.For says whose page it is. It is
	// for those alone who may act for them.
	For bool
	// Quiet says that scripts ask for it while nobody does anything: that is no use of a session,
	// and begins none.
	Quiet bool
	// Body is the greatest length of a form in bytes; 0: DefaultBody.
	Body   int64
	Handle func(*Request) (*Answer, error)
}

// DefaultBody is the greatest length of most forms in bytes.
const DefaultBody = 64 << 10

// A Nav is an entry of the navigation, shown to whom its gate lets in.
type Nav struct {
	Path string // of the page, and the beginning of those below it
	Text string // key of its text
	Gate sacl.Service
	For  bool // it is offered where the caller acts for somebody, too: its route has For
}

// An Area is the pages of a part of the site.
type Area struct {
	Routes []Route
	Nav    []Nav
}

// SignIn verifies people; *auth.Authenticator does.
type SignIn interface {
	Password(r *http.Request, login, password string) (*auth.Caller, *auth.Outcome)
	Ticket(r *http.Request) (*auth.Caller, *auth.Outcome)
	Passwords() bool
	Tickets() bool
	// MayAct says why the directory has somebody not act in a way now: auth.ErrNotEnabled.
	MayAct(p *directory.Principal, way string) error
}

// A Site is what of the configuration a request meets: a value of one generation.
type Site struct {
	Config    *Config
	Directory directory.Directory
	SACL      *sacl.SACL
	SignIn    SignIn
	Admin     *admin.Admin    // the operator's verbs; who changes something goes through Request.Mine or Administrator
	Calendars *caldav.Handler // everybody's calendars

	Names     []string // host names by which the pages may be asked for, in lower case
	PublicURL string   // server.public-url, without a final slash; "" if there is none
	SecureURL string   // where the pages are over TLS: https://HOST:PORT; "" if nowhere
	CrossSite *http.CrossOriginProtection

	// Certificate is what the server shows over TLS, nil where it has none but one that it
	// signed itself.
	Certificate  *tls.Certificate
	ProxiesNamed bool // the proxies in front are known: only they say what came over TLS
}

// Parts are what all requests share.
type Parts struct {
	Sessions *auth.Sessions
	Prefs    *prefs.Settings
	Panels   *panels.Panels
	Links    *publish.Links // to published calendars
	Tries    *auth.Tries    // of devices that are being set up
	Audit    *audit.Log     // nil: off
	Texts    *i18n.Catalogue
	Log      *slog.Logger
	Now      func() time.Time
	Version  string // of the program
}

// A Request is one for a page.
type Request struct {
	*http.Request
	*Parts
	Site *Site

	Caller  *auth.Caller // nil where nobody has signed in
	For     *Acting      // for whom Caller acts on this page; nil: for themselves
	Session auth.Session // Caller's
	Token   string       // of the session
	Prefer  prefs.Prefs  // Caller's choices
	Locale  *i18n.Locale
	Zone    *time.Location // the reader's; its String is the IANA name
	Time    time.Time      // of the request
	Address string         // of the client
	Away    bool           // the directory did not answer: Caller is as it was known last
	Quiet   bool           // a script asks while nobody does anything
	ID      string         // of the request, as in the access log
	Line    *logging.Entry // there
}

// Network is what requests of strangers are counted by: the client's IPv4 address, or the 64
// bits of an IPv6 address that one subscriber has at least.
func (r *Request) Network() string {
	a, err := netip.ParseAddr(r.Address)
	if err != nil {
		return r.Address // of a socket that has none
	}
	if a = a.Unmap(); a.Is4() {
		return a.String()
	}
	network, _ := a.WithZone("").Prefix(64) // of an IPv6 address it is there
	return network.String()
}

// GUID returns whose page it is, "" where nobody has signed in.
func (r *Request) GUID() string {
	if r.Caller == nil {
		return ""
	}
	return r.Caller.Principal.GUID
}

// By says for the audit log who asks.
func (r *Request) By() audit.By {
	by := audit.By{Via: audit.Via{How: audit.Web, Request: r.ID, Remote: r.RemoteAddr}}
	if r.Caller != nil {
		by.Actor = audit.Who{GUID: r.Caller.Principal.GUID, Name: r.Caller.Principal.Name}
	}
	return by
}

// Self is the caller as the object of an act, for the audit log.
func (r *Request) Self() audit.Object {
	p := r.Caller.Principal
	return audit.Object{Type: "principal", GUID: p.GUID, Name: p.Name}
}

// May reports whether the caller may use a service. While it is not known, they may not.
func (r *Request) May(gate sacl.Service) bool {
	if r.Caller == nil {
		return false
	}
	d, err := r.Site.SACL.Check(r.Context(), gate, r.Caller)
	return err == nil && d.Allowed
}

// An Answer is what a page's function returns: a page, a way to another page, or a file.
type Answer struct {
	Status int // 0: 200 for pages and files, 303 for ways

	// A page.
	Template string   // name below tmpl: "my/account"
	Title    string   // in the reader's language
	View     any      // the template's $.View
	Scripts  []string // modules below static that it needs besides app.js: "week.js"
	Secret   bool     // not even kept for the way back in the browser's history

	// A way to another page: a path of ours, perhaps with a query.
	Location string
	Toast    *Toast // shown there

	// A file.
	Type string
	Body []byte

	Header http.Header // besides; may be nil
}

// A Toast is said on the next page: what was done, and perhaps how to undo it.
type Toast struct {
	Text string // in the reader's language
	Undo string // path of the form that undoes it; "": it cannot be undone
	// Fields are what that form sends.
	Fields url.Values
}

// Show is the answer with a page. title is a key.
func (r *Request) Show(template, title string, view any) *Answer {
	return &Answer{Template: template, Title: r.Locale.T(title), View: view}
}

// Go is the answer that leads to another page, where the text of a key is shown; "":
// none.
func (r *Request) Go(path, key string, args ...any) *Answer {
	a := &Answer{Location: path}
	if key != "" {
		a.Toast = &Toast{Text: r.Locale.T(key, args...)}
	}
	return a
}

// Local is a moment as a clock in the reader's zone shows it.
func (r *Request) Local(t time.Time) time.Time { return t.In(r.Zone) }

// LiveState is the state of a page that shows calendars in a state, at a moment: with the next
// day of the reader another one is marked as today. "" stays "": it is not known.
func (r *Request) LiveState(calendars string, now time.Time) string {
	if calendars == "" {
		return ""
	}
	return calendars + "-" + r.Local(now).Format(time.DateOnly)
}

// An Error is an answer with a page that says what is wrong.
type Error struct {
	Status int
	Key    string        // of the text; "": the one for the status
	Retry  time.Duration // 0: not said
	Err    error         // why, for the log
}

func (e *Error) Error() string {
	text := http.StatusText(e.Status)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Fail is an error with a status, and the key of a text, which may be "".
func Fail(status int, key string) error { return &Error{Status: status, Key: key} }

// NotFound says that there is no such page.
func NotFound() error { return Fail(http.StatusNotFound, "") }

// Live gives the context of what goes on behind an answer: it does not end with the
// request.
func (r *Request) Live() context.Context { return context.WithoutCancel(r.Context()) }
