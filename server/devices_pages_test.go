package server_test

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"html"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/config"
	"convene/testenv"
)

var (
	onceField  = regexp.MustCompile(`name="once" value="([^"]+)"`)
	secretText = regexp.MustCompile(`<code class="secret"[^>]*>([^<]+)<`)
	qrPath     = regexp.MustCompile(`(?s)<svg class="qr".*?</svg>`)
)

// first is what a pattern has in its parentheses in a text.
func first(t *testing.T, pattern *regexp.Regexp, text string) string {
	t.Helper()
	m := pattern.FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in\n%s", pattern, text)
	}
	return html.UnescapeString(m[1])
}

// makeDevice makes a device password on the page and returns the answer.
func (b *browser) makeDevice(t *testing.T, name, as string) answer {
	t.Helper()
	once := first(t, onceField, b.get(t, "/my/devices").Body)
	return b.post(t, "/my/devices", url.Values{"name": {name}, "as": {as}, "once": {once}})
}

func basic(user, password string) string {
	r := &http.Request{Header: http.Header{}}
	r.SetBasicAuth(user, password)
	return "Authorization: " + r.Header.Get("Authorization")
}

// A device password made on the page opens calendars and no pages, is shown once, and ends
// when it is revoked (B5, B32).
func TestPageDevices(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	once := first(t, onceField, b.get(t, "/my/devices").Body)
	form := url.Values{"name": {" My <phone> "}, "as": {"page"}, "once": {once}}
	made := b.post(t, "/my/devices", form)
	secret := first(t, secretText, made.Body)
	if made.StatusCode != 200 || made.Header.Get("Cache-Control") != "no-store" || !strings.Contains(made.Body, "My &lt;phone&gt;") {
		t.Fatalf("made: %s %v\n%s", made.Status, made.Header, made.Body)
	}
	if again := b.post(t, "/my/devices", form); again.StatusCode != 303 || strings.Contains(again.Body, secret) {
		t.Errorf("the form once more: %s", again.Status)
	}
	if got := open(t, s.HTTPS).signIn(t, "ann", secret); got.StatusCode != 403 || !strings.Contains(got.Body, "This is a device password") {
		t.Errorf("as a password for pages: %s", got.Status)
	}
	if got := do(t, client(), "PROPFIND", s.HTTPS+"/", "", "", "Depth: 0", basic("ann", secret), "User-Agent: DAVx5/4.4"); got.StatusCode != 207 {
		t.Fatalf("PROPFIND: %s", got.Status)
	}
	list := b.get(t, "/my/devices").Body
	if strings.Contains(list, secret) || strings.Count(list, `/revoke"`) != 1 || !strings.Contains(list, "DAVx⁵, <bdi>127.0.0.1</bdi>") {
		t.Errorf("list:\n%s", list)
	}
	id := first(t, regexp.MustCompile(`/my/devices/([0-9a-f]{16})/revoke"`), list)
	other := open(t, s.HTTPS)
	other.signIn(t, "bob", "secret")
	if got := other.post(t, "/my/devices/"+id+"/revoke", nil); got.StatusCode != 404 {
		t.Errorf("revoked by somebody else: %s", got.Status)
	}
	if got := b.post(t, "/my/devices/"+id+"/revoke", nil); got.StatusCode != 303 {
		t.Errorf("revoke: %s", got.Status)
	}
	if got := do(t, client(), "PROPFIND", s.HTTPS+"/", "", "", "Depth: 0", basic("ann", secret)); got.StatusCode != 401 {
		t.Errorf("PROPFIND with what was revoked: %s", got.Status)
	}
	for _, name := range []string{"", "  "} {
		if got := b.makeDevice(t, name, "page"); got.StatusCode != 422 || !strings.Contains(got.Body, `role="alert"`) {
			t.Errorf("name %q: %s", name, got.Status)
		}
	}
	b.makeDevice(t, "one", "page")
	b.makeDevice(t, "two", "page")
	if got := b.post(t, "/my/devices/revoke-all", nil); got.StatusCode != 303 || !strings.Contains(b.get(t, "/my/devices").Body, "You have no device passwords yet.") {
		t.Errorf("revoke all: %s", got.Status)
	}
	eventually(t, "the audit log", func() bool {
		text, err := os.ReadFile(filepath.Join(s.Config.Server.Data, "audit.log"))
		if err != nil {
			t.Fatal(err)
		}
		return strings.Count(string(text), `"device.add"`) == 6 && strings.Count(string(text), `"device.revoke"`) >= 2 &&
			strings.Contains(string(text), `"how":"web"`) && !strings.Contains(string(text), secret)
	})
}

// zbarimg reads the QR codes as it would from a screen.
func TestPageQR(t *testing.T) {
	zbarimg := testenv.Require(t, "zbarimg", "zbarimg")[0]
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	made := b.makeDevice(t, "phone", "page").Body
	want := []string{first(t, secretText, made), "caldavs://ann@" + strings.TrimPrefix(b.base, "https://") + "/"}
	codes := qrPath.FindAllString(made, -1)
	if len(codes) != len(want) {
		t.Fatalf("%d codes", len(codes))
	}
	dir := testenv.Dir(t)
	for i, code := range codes {
		file := filepath.Join(dir, fmt.Sprint(i, ".png"))
		bitmap(t, code, file)
		out, err := exec.Command(zbarimg, "--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file).Output()
		if got := strings.TrimSpace(string(out)); err != nil || got != want[i] {
			t.Errorf("code %d: %q, %v; want %q", i, got, err, want[i])
		}
	}
}

// bitmap draws the modules of a QR code as the browser does, into a PNG file.
func bitmap(t *testing.T, svg, file string) {
	t.Helper()
	const scale = 8
	var size int
	if _, err := fmt.Sscanf(svg[strings.Index(svg, "viewBox="):], `viewBox="0 0 %d`, &size); err != nil {
		t.Fatal(err)
	}
	img := image.NewGray(image.Rect(0, 0, size*scale, size*scale))
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	for _, m := range regexp.MustCompile(`M\d+ \d+h\d+v1h-\d+z`).FindAllString(svg, -1) {
		var x, y, n int
		if _, err := fmt.Sscanf(m, "M%d %dh%d", &x, &y, &n); err != nil {
			t.Fatal(err)
		}
		draw.Draw(img, image.Rect(x*scale, y*scale, (x+n)*scale, (y+1)*scale), image.Black, image.Point{}, draw.Src)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		t.Fatal(err)
	}
	testenv.WriteFile(t, file, b.String())
}

// The profile of Apple's devices has what they need, and is signed with a certificate that
// somebody vouches for, if the server has one; openssl verifies it.
func TestPageProfile(t *testing.T) {
	openssl := testenv.Require(t, "openssl", "openssl")[0]
	ca := testenv.NewCA(t)
	for name, signed := range map[string]bool{"self-signed": false, "of a CA": true} {
		t.Run(name, func(t *testing.T) {
			c := smallConfig(t)
			if signed {
				c.TLS.Certificate, c.TLS.Key = ca.Issue("localhost")
			}
			s := serve(t, c)
			b := open(t, s.HTTPS)
			b.signIn(t, "ann", "secret")
			without := profileOf(t, b.get(t, "/my/setup/profile"), openssl, ca.File, signed)
			got := profileOf(t, b.makeDevice(t, "phone", "profile"), openssl, ca.File, signed)
			secret := got["CalDAVPassword"]
			if a := do(t, client(), "PROPFIND", s.HTTPS+got["CalDAVPrincipalURL"], "", "", "Depth: 0", basic(got["CalDAVUsername"], secret)); a.StatusCode != 207 {
				t.Errorf("with what is in the profile: %s", a.Status)
			}
			if _, has := without["CalDAVPassword"]; has || secret == "" {
				t.Errorf("passwords: %q and %q", without["CalDAVPassword"], secret)
			}
			u, err := url.Parse(b.base)
			if err != nil {
				t.Fatal(err)
			}
			for key, want := range map[string]string{"CalDAVHostName": u.Hostname(), "CalDAVPort": u.Port(), "CalDAVUseSSL": "true", "CalDAVUsername": "ann", "PayloadVersion": "1"} {
				if got[key] != want {
					t.Errorf("%s is %q, want %q", key, got[key], want)
				}
			}
			if got["PayloadUUID"] != without["PayloadUUID"] || got["PayloadUUID"] == "" {
				t.Errorf("PayloadUUID %q and %q", got["PayloadUUID"], without["PayloadUUID"])
			}
		})
	}
}

// profileOf reads the keys of a profile, those of the account last.
func profileOf(t *testing.T, a answer, openssl, ca string, signed bool) map[string]string {
	t.Helper()
	if a.StatusCode != 200 || a.Header.Get("Content-Type") != "application/x-apple-aspen-config" || a.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%s %v\n%s", a.Status, a.Header, a.Body)
	}
	text := a.Body
	if signed {
		file := testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "signed"), text)
		out, err := exec.Command(openssl, "smime", "-verify", "-inform", "DER", "-in", file, "-CAfile", ca, "-purpose", "any").Output()
		if err != nil {
			t.Fatalf("openssl smime: %v", err)
		}
		text = string(out)
	}
	out, key := map[string]string{}, ""
	for d := xml.NewDecoder(strings.NewReader(text)); ; {
		token, err := d.Token()
		if token == nil {
			if len(out) == 0 {
				t.Fatalf("no keys, %v:\n%s", err, text)
			}
			return out
		}
		start, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		switch start.Name.Local {
		case "true", "false":
			out[key] = start.Name.Local
		case "key", "string", "integer":
			var s string
			if err := d.DecodeElement(&s, &start); err != nil {
				t.Fatal(err)
			}
			if start.Name.Local == "key" {
				key = s
			} else {
				out[key] = s
			}
		}
	}
}

// The test page says what became of a device's requests.
func TestPageDeviceTest(t *testing.T) {
	vdirsyncer := testenv.Require(t, "vdirsyncer", "vdirsyncer")[0]
	ca := testenv.NewCA(t)
	c := smallConfig(t)
	c.Auth.BasicOverPlain = false
	c.TLS.Certificate, c.TLS.Key = ca.Issue("localhost")
	s := serve(t, c)
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	secret := first(t, secretText, b.makeDevice(t, "phone", "page").Body)
	plain := strings.Replace(s.HTTP, "127.0.0.1", "localhost", 1)
	for _, tt := range []struct {
		name, url, password, says string
		works, good               bool // the program has its calendars; the page finds no fault
	}{
		{"right", b.base + "/", secret, "signed in with a device password", true, true},
		{"own password", b.base + "/", "secret", "A device password is safer", true, true},
		{"wrong password", b.base + "/", "wrong", "The password is wrong", false, false},
		{"no TLS", plain + "/", secret, "http without encryption", false, false},
		{"wrong path", b.base + "/caldav.php/ann/", secret, "there is nothing at /caldav.php/ann/", true, false}, // it looks for the right one by itself
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := b.post(t, "/my/setup/test", nil); got.StatusCode != 303 {
				t.Fatal(got.Status)
			}
			if before := b.get(t, "/my/setup/test").Body; !strings.Contains(before, "Nothing yet.") {
				t.Fatalf("before:\n%s", before)
			}
			state := b.get(t, "/my/setup/test/news").Body
			dir := testenv.Dir(t)
			file := testenv.WriteFile(t, filepath.Join(dir, "config"), `[general]
status_path = "`+dir+`/status/"
[pair ann]
a = "here"
b = "there"
collections = ["calendar"]
[storage here]
type = "filesystem"
path = "`+dir+`/files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "`+tt.url+`"
username = "ann"
password = "`+tt.password+`"
verify = "`+ca.File+`"
`)
			cmd := exec.Command(vdirsyncer, "-c", file, "discover")
			cmd.Stdin = strings.NewReader(strings.Repeat("y\n", 20))
			out, err := cmd.CombinedOutput()
			if (err == nil) != tt.works {
				t.Errorf("vdirsyncer: %v\n%s", err, out)
			}
			got := b.get(t, "/my/setup/test").Body
			if !strings.Contains(got, tt.says) || strings.Contains(got, "note bad") == tt.good || strings.Contains(got, "note done") != tt.works || strings.Contains(got, "Nothing yet.") || strings.Contains(got, secret) {
				t.Errorf("want %q in\n%s\nvdirsyncer said:\n%s", tt.says, got, out)
			}
			if b.get(t, "/my/setup/test/news").Body == state {
				t.Error("the script does not learn of it")
			}
		})
	}
	other := open(t, s.HTTPS)
	other.signIn(t, "bob", "secret")
	other.post(t, "/my/setup/test", nil)
	do(t, client(), "PROPFIND", s.HTTPS+"/", "", "", "Depth: 0", basic("ann", secret))
	if got := other.get(t, "/my/setup/test").Body; !strings.Contains(got, "Nothing yet.") {
		t.Errorf("bob sees what ann's device does:\n%s", got)
	}
}

// published makes a link of calendars and returns the paths of its page and its feed.
func (b *browser) published(t *testing.T, form url.Values) (page, feed string) {
	t.Helper()
	form.Set("once", first(t, onceField, b.get(t, "/my/sharing").Body))
	made := b.post(t, "/my/sharing", form)
	if made.StatusCode != 200 || made.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("publish: %s\n%s", made.Status, made.Body)
	}
	address := first(t, regexp.MustCompile(`<code id="page"[^>]*>([^<]+)<`), made.Body)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	return u.Path, u.Path + "/calendar.ics"
}

// A published link works for anybody, shows no more than it is to, and ends.
func TestPagePublish(t *testing.T) {
	c := smallConfig(t)
	c.Log.Access = "access.log"
	now := time.Now()
	clock := func() time.Time { return now }
	s := serveAt(t, c, func() time.Time { return clock() })
	day := now.AddDate(0, 0, 1).UTC().Format("20060102")
	put := func(path, uid, more string) {
		t.Helper()
		body := strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//EN\nBEGIN:VEVENT\nUID:"+uid+"\nDTSTAMP:20260101T000000Z\nDTSTART:"+day+"T100000Z\nDTEND:"+day+"T110000Z\n"+more+"END:VEVENT\nEND:VCALENDAR\n", "\n", "\r\n")
		if got := do(t, client(), "PUT", s.HTTPS+annHome+path+uid+".ics", "ann", body, "Content-Type: text/calendar"); got.StatusCode != 201 {
			t.Fatalf("PUT %s: %s %s", uid, got.Status, got.Body)
		}
	}
	if got := do(t, client(), "MKCALENDAR", s.HTTPS+annHome+"second/", "ann", ""); got.StatusCode != 201 {
		t.Fatalf("MKCALENDAR: %s", got.Status)
	}
	put("calendar/", "open", "SUMMARY:Visible title\nLOCATION:Oak\nX-SECRET:x-word\nATTENDEE;CN=Bob:mailto:bob@example.com\nORGANIZER:mailto:ann@example.com\nBEGIN:VALARM\nACTION:DISPLAY\nDESCRIPTION:alarm-word\nTRIGGER:-PT5M\nEND:VALARM\n")
	put("calendar/", "closed", "SUMMARY:Hidden title\nCLASS:PRIVATE\n")
	put("second/", "other", "SUMMARY:Second title\n")
	put("second/", "free", "SUMMARY:Free title\nTRANSP:TRANSPARENT\n")
	b, anybody := open(t, s.HTTPS), open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	var ids []string
	for _, m := range regexp.MustCompile(`name="calendar" value="(\d+)"`).FindAllStringSubmatch(b.get(t, "/my/sharing").Body, -1) {
		ids = append(ids, m[1])
	}
	if len(ids) != 2 {
		t.Fatalf("calendars %v", ids)
	}
	page, feed := b.published(t, url.Values{"calendar": ids, "show": {"all"}, "days": {"7"}, "title": {"Ann's <days>"}})
	got := anybody.get(t, feed)
	for _, want := range []string{"UID:open", "UID:closed", "UID:other", "SUMMARY:Visible title", "SUMMARY:Busy", "LOCATION:Oak", "X-WR-CALNAME:Ann's <days>"} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("feed without %q:\n%s", want, got.Body)
		}
	}
	for _, not := range []string{"Hidden title", "x-word", "bob@example.com", "ann@example.com", "alarm-word"} {
		if strings.Contains(got.Body, not) {
			t.Errorf("feed with %q:\n%s", not, got.Body)
		}
	}
	if got.Header.Get("Content-Type") != "text/calendar; charset=utf-8" || got.Header.Get("X-Robots-Tag") == "" || got.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("headers %v", got.Header)
	}
	if again := anybody.get(t, feed, "If-None-Match: "+got.Header.Get("Etag")); again.StatusCode != 304 || again.Body != "" {
		t.Errorf("the same again: %s", again.Status)
	}
	if shown := anybody.get(t, page).Body; !strings.Contains(shown, "Visible title") || !strings.Contains(shown, "Ann&#39;s &lt;days&gt;") || strings.Contains(shown, "Hidden title") {
		t.Errorf("page:\n%s", shown)
	}

	_, busy := b.published(t, url.Values{"calendar": ids, "show": {"busy"}, "days": {"0"}})
	got = anybody.get(t, busy)
	if n := strings.Count(got.Body, "SUMMARY:Busy"); n != 3 || strings.Contains(got.Body, "title") || strings.Contains(got.Body, "Oak") {
		t.Errorf("busy times, %d:\n%s", n, got.Body)
	}
	if shown := anybody.get(t, strings.TrimSuffix(busy, "/calendar.ics")).Body; strings.Contains(shown, "Visible") || strings.Contains(shown, "Oak") || !strings.Contains(shown, "Busy") {
		t.Errorf("page of busy times:\n%s", shown)
	}

	list := b.get(t, "/my/sharing").Body
	if strings.Contains(list, strings.Split(page, "/")[2]) || !strings.Contains(list, "used 3 times") {
		t.Errorf("list:\n%s", list)
	}
	id := first(t, regexp.MustCompile(`(?s)days&gt;.*?/my/sharing/([0-9a-f]{16})/rotate`), list)
	other := open(t, s.HTTPS)
	other.signIn(t, "bob", "secret")
	for _, verb := range []string{"rotate", "revoke"} {
		if got := other.post(t, "/my/sharing/"+id+"/"+verb, url.Values{"once": {verb}}); got.StatusCode != 404 {
			t.Errorf("%s by somebody else: %s", verb, got.Status)
		}
	}
	if got := other.post(t, "/my/sharing", url.Values{"calendar": ids, "show": {"all"}, "days": {"0"}, "once": {"x"}}); got.StatusCode != 400 {
		t.Errorf("somebody else's calendars: %s", got.Status)
	}
	rotated := b.post(t, "/my/sharing/"+id+"/rotate", url.Values{"once": {"r"}})
	fresh := strings.TrimPrefix(first(t, regexp.MustCompile(`<code id="feed"[^>]*>([^<]+)<`), rotated.Body), b.base)
	if a, n := anybody.get(t, feed), anybody.get(t, fresh); a.StatusCode != 404 || n.StatusCode != 200 {
		t.Errorf("rotated: the old %s, the new %s", a.Status, n.Status)
	}
	now = now.AddDate(0, 0, 8)
	if a, n := anybody.get(t, fresh), anybody.get(t, busy); a.StatusCode != 404 || n.StatusCode != 200 {
		t.Errorf("after 8 days: the one of 7 days %s, the other %s", a.Status, n.Status)
	}
	now = now.AddDate(0, 0, -8)
	b.signIn(t, "ann", "secret")
	if got := b.post(t, "/my/sharing/"+id+"/revoke", nil); got.StatusCode != 303 || anybody.get(t, fresh).StatusCode != 404 {
		t.Errorf("revoke: %s", got.Status)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for _, file := range []string{"access.log", "audit.log"} {
		text, err := os.ReadFile(filepath.Join(c.Server.Data, file))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range []string{page, busy, fresh} {
			if token := strings.Split(path, "/")[2]; strings.Contains(string(text), token) {
				t.Errorf("%s has the token of a link", file)
			}
		}
	}
}

// Who may not use the calendar any more publishes nothing, and who tries tokens is slowed
// down.
func TestPagePublishRights(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	b, anybody := open(t, s.HTTPS), open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	id := first(t, regexp.MustCompile(`name="calendar" value="(\d+)"`), b.get(t, "/my/sharing").Body)
	_, feed := b.published(t, url.Values{"calendar": {id}, "show": {"all"}, "days": {"0"}})
	if got := anybody.get(t, feed); got.StatusCode != 200 {
		t.Fatal(got.Status)
	}
	reload(t, s, func(c *config.Config) { c.SACL.Calendar.Deny = []string{"user:ann"} })
	if got := anybody.get(t, feed); got.StatusCode != 404 {
		t.Errorf("denied: %s", got.Status)
	}
	reload(t, s, func(c *config.Config) { c.SACL.Calendar.Deny = nil })
	last := 0
	for range 100 {
		if last = anybody.get(t, "/publish/none").StatusCode; last == 429 {
			break
		}
	}
	if last != 429 {
		t.Errorf("100 tokens tried: %d", last)
	}
	if got := anybody.get(t, feed); got.StatusCode != 200 {
		t.Errorf("a link that there is: %s", got.Status)
	}
}

func reload(t *testing.T, s *running, change func(*config.Config)) {
	t.Helper()
	change(s.Config)
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
}
