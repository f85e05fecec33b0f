package server_test

import (
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/config"
	"convene/testenv"
	"convene/web"
	"convene/web/page"
)

// A browser keeps cookies, and follows nothing.
type browser struct {
	*http.Client
	base string
}

func open(t testing.TB, base string) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := client()
	c.Jar = jar
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &browser{c, strings.Replace(base, "127.0.0.1", "localhost", 1)}
}

func (b *browser) get(t testing.TB, path string, header ...string) answer {
	t.Helper()
	return do(t, b.Client, "GET", b.base+path, "", "", header...)
}

// post sends a form: name=value.
func (b *browser) post(t testing.TB, path string, fields url.Values, header ...string) answer {
	t.Helper()
	header = append([]string{"Content-Type: application/x-www-form-urlencoded", "Sec-Fetch-Site: same-origin"}, header...)
	return do(t, b.Client, "POST", b.base+path, "", fields.Encode(), header...)
}

func (b *browser) signIn(t testing.TB, user, password string, header ...string) answer {
	t.Helper()
	return b.post(t, "/signin", url.Values{"login": {user}, "password": {password}}, header...)
}

func (b *browser) cookie(t testing.TB) string {
	t.Helper()
	u, err := url.Parse(b.base)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range b.Jar.Cookies(u) {
		if strings.Contains(c.Name, "convene") {
			return c.Value
		}
	}
	return ""
}

// A browser that navigates comes to the pages, a program to the calendars and its
// challenge.
func TestPageForBrowsers(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTP)
	html := []string{"Sec-Fetch-Mode: navigate", "Accept: text/html,application/xhtml+xml,*/*;q=0.8"}
	for _, tt := range []struct {
		path   string
		header []string
		status int
	}{
		{"/", html, 302}, {"/calendars/", html, 302}, {"/calendars/users/ann/", html, 302}, {"/calendars/users/ann/calendar/", html, 302}, {"/principals/", html, 302},
		{"/", nil, 401}, {"/calendars/users/ann/calendar/", nil, 401}, {"/calendars/users/ann/calendar/a.ics", html, 401},
		{"/", []string{"Accept: text/html"}, 401}, {"/", []string{"Sec-Fetch-Mode: navigate", "Accept: */*"}, 401},
	} {
		got := b.get(t, tt.path, tt.header...)
		if got.StatusCode != tt.status || tt.status == 302 && got.Header.Get("Location") != "/my/" ||
			tt.status == 401 && !strings.HasPrefix(got.Header.Get("Www-Authenticate"), "Basic ") {
			t.Errorf("%s %v: %s %v", tt.path, tt.header, got.Status, got.Header)
		}
	}
	if got := do(t, b.Client, "PROPFIND", s.HTTP+"/", "ann", "", append(html, "Depth: 0")...); got.StatusCode != 207 {
		t.Errorf("PROPFIND: %s", got.Status)
	}
}

// Who has not signed in gets the form in the 401. The only challenge there is is for
// tickets, where a browser's address is in the networks that are asked.
func TestPageChallenge(t *testing.T) {
	realm := testenv.KDC(t, testenv.RealmOptions{Services: []string{"HTTP/localhost"}})
	for name, tt := range map[string]struct {
		change func(*config.Config)
		want   []string
	}{
		"passwords": {func(*config.Config) {}, nil},
		"tickets":   {func(c *config.Config) { c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost") }, []string{"Negotiate"}},
		"tickets, off": {func(c *config.Config) {
			c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost")
			c.Web.Negotiate = "off"
		}, nil},
		"tickets, other": {func(c *config.Config) {
			c.Auth.Negotiate.Keytab = realm.Keytab("HTTP/localhost")
			c.Web.NegotiateFrom = []string{"192.0.2.0/24"}
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := smallConfig(t)
			c.Auth.Schemes = []string{"negotiate", "digest", "basic"}
			tt.change(&c)
			s := serve(t, c)
			for _, path := range []string{"/my/", "/my/none", "/admin/", "/signin"} {
				got := open(t, s.HTTPS).get(t, path)
				if got.StatusCode != 401 || !slices.Equal(got.Header.Values("Www-Authenticate"), tt.want) || !strings.Contains(got.Body, `<form method="post" action="/signin"`) {
					t.Errorf("%s: %s, %v\n%s", path, got.Status, got.Header.Values("Www-Authenticate"), got.Body)
				}
			}
		})
	}
}

// The form lets in with a password that the directory knows, and says why not.
func TestPageSignIn(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Web.Deny = []string{"user:bob"}
	s := serve(t, c)
	eventually(t, "the socket", func() bool { _, err := os.Stat(filepath.Join(c.Server.Data, "control.sock")); return err == nil })
	device := deviceSecret(t, c, "ann")
	for _, tt := range []struct {
		login, password string
		status          int
		says            string
	}{
		{"ann", "secret", 303, ""}, {" ann ", "secret", 303, ""}, {"ann", "wrong", 401, "Wrong user name or password."}, {"zoe", "secret", 401, "Wrong user name or password."},
		{"ann", "", 401, "Wrong"}, {"", "secret", 401, "Wrong"}, {"ann:secret", "x", 401, "Wrong"}, {"ann", device, 403, "This is a device password"},
		{"bob", "secret", 403, "You may not use this page"}, {"eve", "secret", 403, "You may not use this page"},
	} {
		b := open(t, s.HTTPS)
		got := b.signIn(t, tt.login, tt.password)
		if got.StatusCode != tt.status || !strings.Contains(got.Body, tt.says) || (b.cookie(t) != "") != (tt.status == 303) || got.Header.Get("Www-Authenticate") != "" {
			t.Errorf("%s, %s: %s %v\n%s", tt.login, tt.password, got.Status, got.Header, got.Body)
		}
		if tt.status != 303 && tt.says != "You may not use this page" && !strings.Contains(got.Body, `role="alert" tabindex="-1" autofocus`) {
			t.Errorf("%s: the problem has no focus", tt.login)
		}
	}
	if got := open(t, s.HTTPS).signIn(t, "ann", "wrong", "Accept-Language: de"); !strings.Contains(got.Body, `<html lang="de"`) || !strings.Contains(got.Body, "Benutzername oder Passwort ist falsch") {
		t.Errorf("in German:\n%s", got.Body)
	}
	// What opens calendars opens no page.
	if got := do(t, client(), "GET", s.HTTPS+"/my/", "ann", ""); got.StatusCode != 401 && got.StatusCode != 421 {
		t.Errorf("Basic: %s", got.Status)
	}
	audit, err := os.ReadFile(filepath.Join(c.Server.Data, "audit.log"))
	if n := strings.Count(string(audit), `"session.begin"`); err != nil || n != 4 {
		t.Errorf("%d lines of sign-in, want two for each: %v\n%s", n, err, audit)
	}
}

// Wrong passwords are counted as for calendars, of which one is kept for where people have
// signed in before; the form says how long to wait.
func TestPageThrottle(t *testing.T) {
	c := smallConfig(t)
	c.Auth.Throttle.AccountFailures = 3
	s := serve(t, c)
	b := open(t, s.HTTPS)
	for i, password := range []string{"a", "b"} {
		if got := b.signIn(t, "ann", password); got.StatusCode != 401 {
			t.Fatalf("%d: %s", i, got.Status)
		}
	}
	got := b.signIn(t, "ann", "secret")
	if got.StatusCode != 429 || got.Header.Get("Retry-After") == "" || !regexp.MustCompile(`Try again in (a minute|\d+ minutes)\.`).MatchString(got.Body) {
		t.Errorf("%s, Retry-After %q\n%s", got.Status, got.Header.Get("Retry-After"), got.Body)
	}
	if got := do(t, client(), "PROPFIND", s.HTTP+"/", "ann", "", "Depth: 0"); got.StatusCode != 429 {
		t.Errorf("calendars: %s", got.Status)
	}
}

// Wrong passwords beyond the limit do not reach the directory.
func TestPageThrottleSparesTheDirectory(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("ann", "bob"), Stats: true})
	c := ldapConfig(t, slapd)
	c.Auth.Throttle.AccountFailures = 4 // one of which is kept for where ann has signed in before
	s := serve(t, c)
	b := open(t, s.HTTPS)
	for i, want := range []int{401, 401, 401, 429, 429} {
		if got := b.signIn(t, "ann", fmt.Sprint("wrong", i)); got.StatusCode != want {
			t.Errorf("%d: %s", i, got.Status)
		}
	}
	if n := slapd.Logged(" BIND dn=", "ann"); n != 3 {
		t.Errorf("the directory has had %d of them", n)
	}
}

// The cookie is the browser's alone; the file has nothing that opens a session; and who
// knew a token before somebody signed in does not know it afterwards.
func TestPageCookie(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	b := open(t, s.HTTPS)
	set := b.signIn(t, "ann", "secret").Header.Get("Set-Cookie")
	for _, want := range []string{"__Host-convene=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Lax"} {
		if !strings.Contains(set, want) {
			t.Errorf("Set-Cookie: %s lacks %s", set, want)
		}
	}
	first := b.cookie(t)
	b.signIn(t, "ann", "secret")
	if second := b.cookie(t); second == first || len(second) != 43 {
		t.Errorf("tokens %q, %q", first, second)
	}
	old := do(t, client(), "GET", b.base+"/my/", "", "", "Cookie: __Host-convene="+first)
	if old.StatusCode != 401 {
		t.Errorf("the former token: %s", old.Status)
	}
	if got := do(t, client(), "GET", b.base+"/my/", "", "", "Cookie: convene_"+b.base[strings.LastIndexByte(b.base, ':')+1:]+"="+b.cookie(t)); got.StatusCode != 401 {
		t.Errorf("the token in a cookie that may come without TLS: %s", got.Status)
	}
	plain := open(t, s.HTTP)
	if set := plain.signIn(t, "ann", "secret").Header.Get("Set-Cookie"); strings.Contains(set, "__Host-") || strings.Contains(set, "Secure") || !strings.Contains(set, "HttpOnly; SameSite=Lax") {
		t.Errorf("on loopback without TLS: %s", set)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"auth.db", "audit.log", "access.log"} {
		text, err := os.ReadFile(filepath.Join(c.Server.Data, name))
		if err != nil || strings.Contains(string(text), b.cookie(t)) || strings.Contains(string(text), plain.cookie(t)) {
			t.Errorf("%s has a token: %v", name, err)
		}
	}
}

// Sessions are listed, revoked one by one and all at once, and end by themselves.
func TestPageSessions(t *testing.T) {
	c := smallConfig(t)
	clock := newClock()
	s := serveAt(t, c, clock.now)
	one, two, bob := open(t, s.HTTPS), open(t, s.HTTPS), open(t, s.HTTPS)
	one.signIn(t, "ann", "secret", "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0")
	two.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	list := two.get(t, "/my/account").Body
	ids := regexp.MustCompile(`/my/sessions/([0-9a-f]{16})/end"><button aria-label="End: ([^"]+)"`).FindAllStringSubmatch(list, -1)
	if len(ids) != 2 || !strings.Contains(list, "Firefox on Linux") {
		t.Fatalf("%v\n%s", ids, list)
	}
	firefox := ids[slices.IndexFunc(ids, func(m []string) bool { return m[2] == "Firefox on Linux" })][1]
	if got := bob.post(t, "/my/sessions/"+firefox+"/end", nil); got.StatusCode != 404 {
		t.Errorf("bob ends ann's session: %s", got.Status)
	}
	if got := two.post(t, "/my/sessions/"+firefox+"/end", nil); got.StatusCode != 303 {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
	if got := two.get(t, "/my/account"); !strings.Contains(got.Body, "The session has ended.") {
		t.Errorf("not said:\n%s", got.Body)
	}
	if got := one.get(t, "/my/"); got.StatusCode != 401 {
		t.Errorf("revoked: %s", got.Status)
	}
	one.signIn(t, "ann", "secret")
	if got := one.post(t, "/my/sessions/end-all", nil); got.StatusCode != 303 {
		t.Errorf("everywhere: %s", got.Status)
	}
	for name, want := range map[*browser]int{one: 401, two: 401, bob: 200} {
		if got := name.get(t, "/my/"); got.StatusCode != want {
			t.Errorf("after sign out everywhere: %s, want %d", got.Status, want)
		}
	}
	if got := bob.post(t, "/signout", nil); got.StatusCode != 200 || bob.get(t, "/my/").StatusCode != 401 {
		t.Errorf("sign out: %s", got.Status)
	}
	one.signIn(t, "ann", "secret")
	clock.move(11 * time.Hour)
	if got := one.get(t, "/my/"); got.StatusCode != 200 {
		t.Errorf("after 11 h: %s", got.Status)
	}
	clock.move(13 * time.Hour)
	if got := one.get(t, "/my/"); got.StatusCode != 401 {
		t.Errorf("after 13 h more without use: %s", got.Status)
	}
	one.signIn(t, "ann", "secret")
	for range 15 {
		clock.move(11 * time.Hour)
		one.get(t, "/my/")
	}
	clock.move(4 * time.Hour)
	if got := one.get(t, "/my/"); got.StatusCode != 401 {
		t.Errorf("after seven days: %s", got.Status)
	}
}

// Pages for administrators are for those whom the list names, and ask again after a while.
func TestPageAdministration(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	clock := newClock()
	s := serveAt(t, c, clock.now)
	ann, bob := open(t, s.HTTPS), open(t, s.HTTPS)
	ann.signIn(t, "ann", "secret")
	bob.signIn(t, "bob", "secret")
	if got := ann.get(t, "/admin/"); got.StatusCode != 200 {
		t.Errorf("ann: %s", got.Status)
	}
	for _, path := range []string{"/admin/", "/admin/none"} {
		if got := bob.get(t, path); got.StatusCode != 403 || strings.Contains(got.Body, `href="/admin/"`) {
			t.Errorf("bob %s: %s\n%s", path, got.Status, got.Body)
		}
	}
	clock.move(14 * time.Minute)
	if got := ann.get(t, "/admin/"); got.StatusCode != 200 {
		t.Errorf("after 14 minutes: %s", got.Status)
	}
	clock.move(14 * time.Minute)
	if got := ann.get(t, "/admin/"); got.StatusCode != 200 {
		t.Errorf("after 14 minutes more: %s", got.Status)
	}
	clock.move(16 * time.Minute)
	got := ann.get(t, "/admin/")
	if got.StatusCode != 401 || !strings.Contains(got.Body, `name="login" value="ann"`) || !strings.Contains(got.Body, `name="next" value="/admin/"`) {
		t.Errorf("after 16 minutes: %s\n%s", got.Status, got.Body)
	}
	if got := ann.get(t, "/my/"); got.StatusCode != 200 {
		t.Errorf("other pages: %s", got.Status)
	}
	ann.signIn(t, "ann", "secret")
	if got := ann.get(t, "/admin/"); got.StatusCode != 200 {
		t.Errorf("after signing in again: %s", got.Status)
	}
}

// Another site's page cannot make a browser do anything here, and nothing is done by
// looking at it.
func TestPageCrossSite(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	for _, route := range routes(t) {
		if route.Method != http.MethodPost {
			continue
		}
		path := strings.NewReplacer("{id}", "0123456789abcdef").Replace(route.Path)
		for _, header := range []string{"Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site", "Origin: https://evil.example"} {
			got := do(t, b.Client, "POST", b.base+path, "", "", "Content-Type: application/x-www-form-urlencoded", header)
			if got.StatusCode != 403 {
				t.Errorf("POST %s, %s: %s", path, header, got.Status)
			}
		}
		if slices.ContainsFunc(routes(t), func(o page.Route) bool { return o.Method == http.MethodGet && o.Path == route.Path }) {
			continue // there is a page too
		}
		if got := b.get(t, path); got.StatusCode != 405 || got.Header.Get("Allow") != "POST" {
			t.Errorf("GET %s: %s", path, got.Status)
		}
	}
	if got := b.get(t, "/my/"); got.StatusCode != 200 {
		t.Errorf("signed out by another site: %s", got.Status)
	}
	const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260102T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := do(t, client(), "PUT", s.HTTPS+annHome+"calendar/1.ics", "ann", event, "Content-Type: text/calendar"); got.StatusCode != 201 {
		t.Errorf("PUT of a program: %s", got.Status)
	}
	for header, status := range map[string]int{"X-None: 1": 201, "Sec-Fetch-Site: cross-site": 403, "Origin: https://evil.example": 403} {
		got := do(t, client(), "POST", s.HTTPS+annHome+"calendar/;add-member", "ann", strings.Replace(event, "UID:1", "UID:2", 1), "Content-Type: text/calendar", header)
		if got.StatusCode != status {
			t.Errorf("POST on a calendar, %s: %s, want %d", header, got.Status, status)
		}
	}
}

// routes are those of all pages.
func routes(t *testing.T) []page.Route {
	t.Helper()
	h, err := web.New(page.Parts{})
	if err != nil {
		t.Fatal(err)
	}
	return h.Routes()
}

// Each answer says what a browser may do with it, errors too; and text of the directory
// is text.
func TestPageHeaders(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	c.Web.LivePages = 0 // or one of them does not end
	const evil = `Ann <script>alert(1)</script>`
	testenv.WriteFile(t, c.Directory.File.File, strings.Replace(smallLDIF, "cn: Ann Example", "cn: "+evil, 1))
	s := serve(t, c)
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	paths := []string{"/my/none", "/admin/none", "/static/x/app.css", "/signin"}
	for _, route := range routes(t) {
		paths = append(paths, strings.NewReplacer("{$}", "", "{id}", "1", "{hash}", "x", "{name...}", "y").Replace(route.Path))
	}
	for _, who := range []*browser{b, open(t, s.HTTPS)} {
		for _, path := range paths {
			got := who.get(t, path)
			for name, want := range map[string]string{
				"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types convene; report-to policy; report-uri /reports/policy",
				"Reporting-Endpoints":          `policy="/reports/policy"`,
				"Cross-Origin-Opener-Policy":   "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			} {
				if values := got.Header.Values(name); !slices.Equal(values, []string{want}) {
					t.Errorf("%s: %s: %q", path, name, values)
				}
			}
			if got.Header.Get("Permissions-Policy") == "" || strings.Contains(got.Body, "<script>alert") {
				t.Errorf("%s: %v\n%s", path, got.Header, got.Body)
			}
		}
	}
	if got := b.get(t, "/my/"); !strings.Contains(got.Body, "Ann &lt;script&gt;alert(1)&lt;/script&gt;") {
		t.Errorf("the name is not shown as it is:\n%s", got.Body)
	}
}

// Under a name that is not this server's there is nothing; the way onwards is never
// elsewhere; over the network without TLS nobody signs in.
func TestPageHostAndNext(t *testing.T) {
	c := smallConfig(t)
	c.Server.HostName = "cal.example.com"
	c.Web.HostNames = []string{"Kalender.Example.com"}
	s := serve(t, c)
	for _, tt := range []struct {
		url, host string
		status    int
	}{
		{s.HTTPS, "cal.example.com:8443", 401}, {s.HTTPS, "KALENDER.example.com", 401}, {s.HTTPS, "localhost", 401}, {s.HTTPS, "evil.example", 421}, {s.HTTPS, "192.0.2.1", 421},
		{s.HTTP, "localhost:1", 401}, {s.HTTP, "127.0.0.1", 401}, {s.HTTP, "[::1]:5", 401}, {s.HTTP, "evil.example", 421}, {s.HTTP, "cal.example.com", 307},
	} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", tt.url+"/my/account?a=b", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tt.host
		got, err := client().Transport.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = got.Body.Close()
		if got.StatusCode != tt.status {
			t.Errorf("%s as %s: %s, want %d", tt.url, tt.host, got.Status, tt.status)
		}
		if want := "https://cal.example.com:" + s.HTTPS[strings.LastIndexByte(s.HTTPS, ':')+1:] + "/my/account?a=b"; tt.status == 307 && got.Header.Get("Location") != want {
			t.Errorf("Location %q, want %q", got.Header.Get("Location"), want)
		}
		if hsts := got.Header.Get("Strict-Transport-Security"); (hsts != "") != (strings.Contains(tt.host, ".") && tt.url == s.HTTPS) {
			t.Errorf("%s as %s: Strict-Transport-Security %q", tt.url, tt.host, hsts)
		}
	}
	b := open(t, s.HTTPS)
	for next, want := range map[string]string{
		"": "/my/", "/my/account?x=1": "/my/account?x=1", "//evil.example": "/my/", "https://evil.example/": "/my/", `/\evil.example`: "/my/", "/\t/evil.example": "/my/",
		"javascript:alert(1)": "/my/", "my/": "/my/", "/my/\r\nSet-Cookie: a=b": "/my/",
	} {
		got := b.post(t, "/signin", url.Values{"login": {"ann"}, "password": {"secret"}, "next": {next}})
		if got.StatusCode != 303 || got.Header.Get("Location") != want {
			t.Errorf("next=%q: %s, %q", next, got.Status, got.Header.Get("Location"))
		}
		if got := b.get(t, "/signin?next="+url.QueryEscape(next)); got.StatusCode != 303 || got.Header.Get("Location") != want {
			t.Errorf("GET next=%q: %s, %q", next, got.Status, got.Header.Get("Location"))
		}
	}
	plain, err := http.NewRequestWithContext(t.Context(), "POST", s.HTTP+"/signin", strings.NewReader("login=ann&password=secret"))
	if err != nil {
		t.Fatal(err)
	}
	plain.Host = "cal.example.com"
	plain.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if got, err := client().Do(plain); err != nil || got.StatusCode != 403 || got.Header.Get("Set-Cookie") != "" || got.Body.Close() != nil {
		t.Errorf("a password in the clear: %v, %v", got, err)
	}
}

// While the directory is away sessions go on, and nobody signs in; 503 and not 401.
func TestPageOutage(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("ann", "bob")})
	c := ldapConfig(t, slapd)
	c.Directory.Cache.TTL, c.Directory.Cache.Timeout = time.Second, 2*time.Second
	s := serve(t, c)
	ann := open(t, s.HTTPS)
	if got := ann.signIn(t, "ann", "secret"); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	if got := ann.get(t, "/my/"); got.StatusCode != 200 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	slapd.Stop()
	time.Sleep(1100 * time.Millisecond)
	for range 2 {
		if got := ann.get(t, "/my/account"); got.StatusCode != 200 {
			t.Errorf("session: %s\n%s", got.Status, got.Body)
		}
	}
	for _, who := range []string{"ann", "bob"} {
		got := open(t, s.HTTPS).signIn(t, who, "secret")
		if got.StatusCode != 503 || got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body, "The directory cannot be reached at the moment.") {
			t.Errorf("%s: %s, Retry-After %q\n%s", who, got.Status, got.Header.Get("Retry-After"), got.Body)
		}
	}
}

// Whose record is disabled has no session from the moment at which the server knows.
func TestPageDisabled(t *testing.T) {
	c := smallConfig(t)
	c.Directory.Cache.TTL, c.Directory.Cache.Negative = time.Second, time.Second
	c.Directory.File.Users.LoginEnabled = []string{"!employeeType:gone"}
	s := serve(t, c)
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	if got := b.get(t, "/my/"); got.StatusCode != 200 {
		t.Fatal(got.Status)
	}
	testenv.WriteFile(t, c.Directory.File.File, strings.Replace(smallLDIF, "cn: Ann Example\n", "cn: Ann Example\nemployeeType: gone\n", 1))
	eventually(t, "the session ends", func() bool { return b.get(t, "/my/").StatusCode == 401 })
	testenv.WriteFile(t, c.Directory.File.File, smallLDIF)
	time.Sleep(2 * time.Second)
	if got := b.get(t, "/my/"); got.StatusCode != 401 {
		t.Errorf("enabled again: the session is back: %s", got.Status)
	}
}

// One session asks so often and no more.
func TestPageRate(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	for range 400 {
		if got := b.get(t, "/my/"); got.StatusCode == 429 {
			if got.Header.Get("Retry-After") == "" || !strings.Contains(got.Body, "Too many requests.") {
				t.Errorf("%v\n%s", got.Header, got.Body)
			}
			return
		}
	}
	t.Error("never refused")
}

// How somebody wants pages is kept; nonsense is not.
func TestPageAccount(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	if got := b.post(t, "/my/account", url.Values{"language": {"ja"}, "zone": {"Asia/Kathmandu"}, "clock": {"24"}, "week": {"sunday"}}); got.StatusCode != 303 {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
	kept := func() {
		t.Helper()
		got := b.get(t, "/my/account")
		for _, want := range []string{`<html lang="ja"`, "アカウント", `<option selected>Asia/Kathmandu`, `value="24" selected`, `value="sunday" selected`, "104.9"} {
			if !strings.Contains(got.Body, want) {
				t.Errorf("lacks %s:\n%s", want, got.Body)
			}
		}
	}
	kept()
	for _, bad := range []url.Values{{"language": {"xx"}}, {"zone": {"Mars/Olympus"}}, {"zone": {"../../etc/passwd"}}, {"clock": {"13"}}, {"week": {"tuesday"}}} {
		if got := b.post(t, "/my/account", bad); got.StatusCode != 400 {
			t.Errorf("%v: %s", bad, got.Status)
		}
	}
	kept()
	if got := do(t, b.Client, "POST", b.base+"/my/account", "", strings.Repeat("x", 70_000), "Content-Type: application/x-www-form-urlencoded"); got.StatusCode != 413 {
		t.Errorf("a long form: %s", got.Status)
	}
}

// move moves a clock on.
func (c *clock) move(d time.Duration) { c.set(c.now().Add(d)) }

func newClock() *clock {
	c := new(clock)
	c.set(time.Now())
	return c
}
