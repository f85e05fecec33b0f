package server_test

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/config"
	"convene/testenv"
)

// TestPagePublishEndsWithAccount: what somebody has published is over when their account is,
// though the directory has their record still.
func TestPagePublishEndsWithAccount(t *testing.T) {
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC))
	c := smallConfig(t)
	c.Directory.File.Users.AccountExpires = []string{"shadowExpire"}
	ends := time.Date(2030, 5, 7, 0, 0, 0, 0, time.UTC)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"),
		strings.Replace(smallLDIF, "uid: ann\n", fmt.Sprintf("uid: ann\nshadowExpire: %d\n", ends.Unix()/86400), 1))
	s := serveAt(t, c, now.now)
	ann, anybody := signedIn(t, s, "ann"), open(t, s.HTTPS)
	id := first(t, regexp.MustCompile(`name="calendar" value="(\d+)"`), ann.get(t, "/my/sharing").Body)
	page, feed := ann.published(t, url.Values{"calendar": {id}, "show": {"all"}, "days": {"0"}})
	for _, tt := range []struct {
		at   time.Time
		want int
	}{{ends.Add(-time.Minute), 200}, {ends.Add(time.Minute), 404}} {
		now.set(tt.at)
		for _, path := range []string{page, feed} {
			if got := anybody.get(t, path); got.StatusCode != tt.want {
				t.Errorf("%s: %s, want %d", tt.at, got.Status, tt.want)
			}
		}
	}
}

// TestPagePolicyReportsOfMany: whoever has many addresses, or puts many reports into one
// request, writes no more lines into the log than everybody together may.
func TestPagePolicyReportsOfMany(t *testing.T) {
	c := smallConfig(t)
	c.Log.Error = "error.log"
	c.Server.TrustedProxies = []string{"127.0.0.1"}
	c.Server.PublicURL = "https://localhost"
	now := new(clock)
	now.set(time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC))
	s := serveAt(t, c, now.now)
	b := open(t, s.HTTPS)
	many := "[" + strings.Repeat(`{"type":"csp-violation","body":{"documentURL":"https://localhost/my/","effectiveDirective":"img-src","blockedURL":"inline"}},`, 50) + `{"type":"x"}]`
	send := func(from string) int {
		t.Helper()
		return do(t, b.Client, "POST", b.base+"/reports/policy", "", many, "Content-Type: application/reports+json", "Sec-Fetch-Site: same-origin", "X-Forwarded-For: "+from, "X-Forwarded-Proto: https").StatusCode
	}
	taken := 0
	for i := range 40 {
		if send(fmt.Sprintf("2001:db8:0:%x::1", i)) == 204 {
			taken++
		}
	}
	if taken != 3 {
		t.Errorf("%d requests with ten reports each were taken, want 3", taken)
	}
	now.move(time.Minute)
	taken = 0
	for i := range 40 { // one subscriber
		if send(fmt.Sprintf("2001:db8:9:9::%x", i)) != 429 {
			taken++
		}
		now.move(100 * time.Millisecond)
	}
	if taken > 10 {
		t.Errorf("%d requests of one network were taken", taken)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(c.Server.Data, "error.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), "policy forbids"); n < 31 || n > 64 {
		t.Errorf("%d lines, want thirty and one for each second", n)
	}
}

// TestPageResourceNamedLikeARoom: what a form says of a resource is not done to the room that
// has the same short name.
func TestPageResourceNamedLikeARoom(t *testing.T) {
	c := roomPages(t)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), pagesLDIF+`
dn: cn=elm,ou=things,dc=example,dc=com
objectClass: device
cn: elm
displayName: Elm Projector
mail: elm-projector@example.com
entryUUID: 33333333-0000-0000-0000-000000000001
`)
	c.Directory.File.Resources.Filter = "(objectClass=device)"
	s := serve(t, c)
	dan, door := signedIn(t, s, "dan"), open(t, s.HTTPS)
	for kind, shown := range map[string]string{"resources/elm": "Elm Projector", "locations/elm": "Elm Room"} {
		door.post(t, "/panel/offer", nil)
		code := first(t, regexp.MustCompile(`</span>(\d{6})</p>`), door.get(t, "/panel/").Body)
		if got := dan.post(t, "/my/rooms/panels/pair", url.Values{"room": {kind}, "code": {code}}); got.StatusCode != 303 {
			t.Fatalf("%s: %s\n%s", kind, got.Status, got.Body)
		}
		if got := door.get(t, "/panel/").Body; !strings.Contains(got, shown) {
			t.Errorf("%s: the panel does not show %s\n%s", kind, shown, got)
		}
	}
}

// TestApprovalsAfterwards: the link in a mail that asks opens nothing to who approves no more,
// for whatever reason, nor to programs that look at mail.
func TestApprovalsAfterwards(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	c.Server.PublicURL, c.Access.Administrators = "https://localhost", nil
	s := serve(t, c)
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	if got := ann.post(t, "/my/rooms/book", slot("oak", "12:00")); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(mails(t, m, 1)[0].Text, "=\r\n", ""), "=\n", "")
	path := first(t, regexp.MustCompile(`https://localhost(/my/rooms/requests/[0-9A-Za-z-]+)`), text)
	look := func(who string, b *browser, looks, answers int) {
		t.Helper()
		if got := b.get(t, path); got.StatusCode != looks {
			t.Errorf("%s looks: %s, want %d", who, got.Status, looks)
		}
		if got := b.post(t, path+"/answer", url.Values{"answer": {"approve"}}); got.StatusCode != answers {
			t.Errorf("%s answers: %s, want %d", who, got.Status, answers)
		}
	}
	reload(t, s, func(c *config.Config) { c.Rooms.Defaults["approvers"] = "user:bob" })
	look("dan, who approved once,", dan, 404, 403)
	bob := signedIn(t, s, "bob")
	reload(t, s, func(c *config.Config) {
		testenv.WriteFile(t, c.Directory.File.File, strings.Replace(oakLDIF, "uid: bob\n", "uid: bob\nemployeeType: left\n", 1))
		c.Directory.File.Users.LoginEnabled = []string{"!employeeType:left"}
	})
	look("bob, who has left,", bob, 401, 401)
	// Programs that look at mail open the link, and nothing comes of it.
	scanner := open(t, s.HTTPS)
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "POST"} {
		for _, p := range []string{path, path + "/answer", path + "/answer?answer=approve"} {
			if got := do(t, scanner.Client, method, scanner.base+p, "", ""); got.StatusCode < 400 {
				t.Errorf("%s %s by nobody: %s", method, p, got.Status)
			}
		}
	}
	reload(t, s, func(c *config.Config) { c.Rooms.Defaults["approvers"] = "user:dan" })
	look("dan, who approves again,", dan, 200, 303)
}
