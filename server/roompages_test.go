package server_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/config"
	"convene/rooms"
	"convene/testenv"
)

// pagesLDIF is oakLDIF with a room that everybody may book, and a small one.
const pagesLDIF = oakLDIF + `
dn: cn=elm,dc=example,dc=com
objectClass: room
cn: elm
displayName: Elm Room
mail: elm@example.com
description: 8
entryUUID: 22222222-0000-0000-0000-000000000002

dn: cn=ash,dc=example,dc=com
objectClass: room
cn: ash
displayName: Ash Room
mail: ash@example.com
description: 2
entryUUID: 22222222-0000-0000-0000-000000000003
`

func roomPages(t *testing.T) config.Config {
	t.Helper()
	c := mailConfig(t, testenv.NewSMTP(t, testenv.SMTPOptions{}))
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), pagesLDIF)
	c.Directory.File.Locations.Filter = "(objectClass=room)"
	c.Directory.File.Locations.Capacity = "description"
	c.Rooms.Defaults = map[string]string{"timezone": "Europe/Berlin", "horizon": "3660", "check-in": "optional"}
	c.Access.Administrators = []string{"user:dan"}
	c.SACL.Admin.Allow = []string{"user:dan"}
	c.Web.TimeZone = "Europe/Berlin"
	return c
}

// slot is a form that asks for a room, on 6 May 2030.
func slot(room, from string, more ...string) url.Values {
	v := url.Values{"room": {"locations/" + room}, "date": {"2030-05-06"}, "time": {from}, "for": {"60"}, "title": {"Budget"}}
	for i := 0; i+1 < len(more); i += 2 {
		v.Set(more[i], more[i+1])
	}
	return v
}

func signedIn(t *testing.T, s *running, user string) *browser {
	t.Helper()
	b := open(t, s.HTTPS)
	if got := b.signIn(t, user, "secret"); got.StatusCode != 303 {
		t.Fatalf("%s: %s", user, got.Status)
	}
	return b
}

// The finder lists what fits first, then what is free later, then what is too small; one
// press books; what is taken says why, and offers what is free instead, which can be
// booked from there.
func TestPageFindsAndBooksRooms(t *testing.T) {
	s := serve(t, roomPages(t))
	ann, bob := signedIn(t, s, "ann"), signedIn(t, s, "bob")
	find := "/my/rooms?date=2030-05-06&time=12:00&for=60&heads="
	if got := ann.get(t, find+"6"); got.StatusCode != 200 || strings.Index(got.Body, "Elm Room") > strings.Index(got.Body, "Ash Room") || !strings.Contains(got.Body, "Too small") {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	if got := ann.post(t, "/my/rooms/book", slot("elm", "12:00")); got.StatusCode != 303 || got.Header.Get("Location") != "/my/bookings" {
		t.Fatalf("book: %s\n%s", got.Status, got.Body)
	}
	if list := ann.get(t, "/my/bookings").Body; !strings.Contains(list, "Elm Room is booked: Mon, May 6, 2030, 12:00 – 13:00.") {
		t.Errorf("it is not said:\n%s", list)
	}
	if got := bob.get(t, find+"6").Body; !strings.Contains(got, "Free at 13:00") || !strings.Contains(got, "Free at another time") {
		t.Errorf("taken:\n%s", got)
	}
	refused := bob.post(t, "/my/rooms/book", slot("elm", "12:00", "title", "Mine"))
	if refused.StatusCode != 409 || !strings.Contains(refused.Body, "Elm Room was not booked: taken at this time") {
		t.Fatalf("taken: %s\n%s", refused.Status, refused.Body)
	}
	offer := regexp.MustCompile(`name="room" value="locations/(\w+)"><input type="hidden" name="from" value="([^"]+)"><button>([^<]+)</button>`).FindAllStringSubmatch(refused.Body, -1)
	if len(offer) < 2 {
		t.Fatalf("offers: %v\n%s", offer, refused.Body)
	}
	for _, o := range offer {
		v := slot(o[1], "12:00", "title", "Mine", "from", strings.ReplaceAll(o[2], "&#43;", "+"))
		if got := bob.post(t, "/my/rooms/book", v); got.StatusCode != 303 {
			t.Errorf("%s: %s\n%s", o[3], got.Status, got.Body)
		}
	}
	if got := bob.get(t, "/my/rooms/elm?week=2030-05-06"); got.StatusCode != 200 || !strings.Contains(got.Body, "12:00 – 13:00") || !strings.Contains(got.Body, "Ann Example") || strings.Contains(got.Body, "Budget") {
		t.Errorf("what others see: %s\n%s", got.Status, got.Body)
	}
	for path, want := range map[string]int{"/my/rooms/none": 404, "/my/rooms/ann": 404, "/my/rooms?heads=many": 400, "/my/rooms?people=nobody": 400} {
		if got := bob.get(t, path); got.StatusCode != want {
			t.Errorf("%s: %s", path, got.Status)
		}
	}
}

// poolLDIF has a pool of the two rooms that everybody may book.
const poolLDIF = pagesLDIF + `
dn: cn=lounge,dc=example,dc=com
objectClass: groupOfNames
cn: lounge
mail: lounge@example.com
member: cn=elm,dc=example,dc=com
member: cn=ash,dc=example,dc=com
entryUUID: 33333333-0000-0000-0000-000000000001
`

// The finder offers pools with the rooms that are in them: one press books whichever is
// free, and says which it is.
func TestPageFindsAndBooksPools(t *testing.T) {
	c := roomPages(t)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), poolLDIF)
	c.Rooms.Classes = []rooms.Class{{Name: "lounge", Settings: map[string]string{"pool": "true"}}}
	s := serve(t, c)
	ann, bob := signedIn(t, s, "ann"), signedIn(t, s, "bob")
	find := "/my/rooms?date=2030-05-06&time=12:00&for=60"
	pool := func(b *browser, query string) string {
		t.Helper()
		got := b.get(t, find+query)
		for item := range strings.SplitSeq(got.Body, "<li>") {
			if strings.Contains(item, "<bdi>lounge</bdi>") {
				item, _, _ = strings.Cut(item, "</li>")
				return item
			}
		}
		return ""
	}
	book := func(b *browser) answer {
		t.Helper()
		v := slot("", "12:00")
		v.Set("room", "groups/lounge")
		return b.post(t, "/my/rooms/book", v)
	}
	item := pool(ann, "")
	for _, want := range []string{
		"One of:", `<a href="/my/rooms/elm?week=2030-05-06"><bdi>Elm Room</bdi></a>`, `<a href="/my/rooms/ash?week=2030-05-06"><bdi>Ash Room</bdi></a>`,
		"2 of 2 rooms free.", `name="room" value="groups/lounge"`,
	} {
		if !strings.Contains(item, want) {
			t.Errorf("no %s in %s", want, item)
		}
	}
	if strings.Contains(item, `href="/my/rooms/lounge`) || strings.Contains(item, "<svg") {
		t.Errorf("a pool has no page and no day of its own: %s", item)
	}
	for _, booked := range []struct {
		by          *browser
		room, after string
	}{{ann, "Ash Room", "1 of 2 rooms free."}, {bob, "Elm Room", "Free at 13:00"}} {
		if got := book(booked.by); got.StatusCode != 303 || got.Header.Get("Location") != "/my/bookings" {
			t.Fatalf("book: %s\n%s", got.Status, got.Body)
		}
		if list := booked.by.get(t, "/my/bookings").Body; !strings.Contains(list, booked.room+" is booked: Mon, May 6, 2030, 12:00 – 13:00.") {
			t.Errorf("it is not said that it is %s:\n%s", booked.room, list)
		}
		if item := pool(bob, ""); !strings.Contains(item, booked.after) {
			t.Errorf("no %s in %s", booked.after, item)
		}
	}
	if got := book(ann); got.StatusCode != 409 || !strings.Contains(got.Body, "lounge was not booked: taken at this time") {
		t.Errorf("taken: %s\n%s", got.Status, got.Body)
	}
	if item := pool(ann, "&heads=9"); !strings.Contains(item, "<bdi>lounge</bdi>") || strings.Contains(item, "<form") {
		t.Errorf("too many for any of its rooms: %s", item)
	}
	if item := pool(ann, "&instead=locations/elm&uid=x&start=1"); item != "" {
		t.Errorf("a booking cannot move to a pool: %s", item)
	}
	for _, name := range []string{"groups/team", "groups/none", "users/ann"} {
		v := slot("", "15:00")
		v.Set("room", name)
		if got := ann.post(t, "/my/rooms/book", v); got.StatusCode != 404 {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
}

// Of fifty who press the button for one slot at the same time, each with a session of their own,
// one has the room, and all others are told what they can have instead; nobody else has a
// meeting without it, and the room has one.
func TestPageRaceForARoom(t *testing.T) {
	s := serve(t, roomPages(t))
	const racers = 50
	users := []string{"ann", "bob", "dan"}
	browsers := make([]*browser, racers)
	for i := range browsers {
		browsers[i] = signedIn(t, s, users[i%len(users)])
	}
	var done sync.WaitGroup
	answers := make([]answer, racers)
	for i := range racers {
		done.Go(func() { answers[i] = browsers[i].post(t, "/my/rooms/book", slot("elm", "12:00")) })
	}
	done.Wait()
	won := 0
	for _, a := range answers {
		offers := strings.Count(between(a.Body, `role="alert"`, "</div>"), `name="from"`)
		switch {
		case a.StatusCode == 303:
			won++
		case a.StatusCode != 409 || offers == 0:
			t.Errorf("%s with %d offers:\n%s", a.Status, offers, a.Body)
		}
	}
	if won != 1 {
		t.Errorf("%d have the room", won)
	}
	meetings := 0
	for _, user := range users {
		meetings += members(t, s.HTTP+"/calendars/users/"+user+"/calendar/", user)
	}
	if n := members(t, s.HTTP+"/calendars/locations/elm/calendar/", "dan"); meetings != 1 || n != 1 {
		t.Errorf("%d meetings were written, and the room has %d", meetings, n)
	}
}

// Organizers check in, make longer, change the room and give it back; nobody else does.
func TestPageBookings(t *testing.T) {
	c := roomPages(t)
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 50, 0, 0, time.UTC)) // 11:50 in Berlin
	s := serveAt(t, c, now.now)
	ann, bob := signedIn(t, s, "ann"), signedIn(t, s, "bob")
	if got := ann.post(t, "/my/rooms/book", slot("elm", "12:00")); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	list := ann.get(t, "/my/bookings").Body
	m := regexp.MustCompile(`name="uid" value="([^"]+)"><input type="hidden" name="start" value="(\d+)"`).FindStringSubmatch(list)
	if m == nil || !strings.Contains(list, `action="/my/bookings/check-in"`) {
		t.Fatalf("no booking:\n%s", list)
	}
	form := func(more ...string) url.Values { return slot("elm", "", append(more, "uid", m[1], "start", m[2])...) }
	for _, path := range []string{"check-in", "release"} {
		if got := bob.post(t, "/my/bookings/"+path, form()); got.StatusCode != 403 {
			t.Errorf("bob, %s: %s", path, got.Status)
		}
	}
	if got := bob.post(t, "/my/bookings/extend", form("minutes", "15")); got.StatusCode != 404 {
		t.Errorf("bob, extend: %s", got.Status)
	}
	for _, step := range []struct {
		path string
		form url.Values
		then string
	}{
		{"check-in", form(), "checked in"}, {"extend", form("minutes", "30"), "12:00 – 13:30"},
		{"change", form("to", "locations/ash"), "Ash Room"},
	} {
		if got := ann.post(t, "/my/bookings/"+step.path, step.form); got.StatusCode != 303 {
			t.Fatalf("%s: %s\n%s", step.path, got.Status, got.Body)
		}
		ann.get(t, "/my/bookings")
		if list := ann.get(t, "/my/bookings").Body; !strings.Contains(list, step.then) {
			t.Errorf("after %s:\n%s", step.path, list)
		}
	}
	if got := bob.post(t, "/my/rooms/book", slot("ash", "13:30")); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	v := slot("ash", "", "uid", m[1], "start", m[2], "minutes", "15")
	if got := ann.post(t, "/my/bookings/extend", v); got.StatusCode != 409 {
		t.Errorf("longer into somebody else's: %s\n%s", got.Status, got.Body)
	}
	if got := ann.post(t, "/my/bookings/release", v); got.StatusCode != 303 {
		t.Errorf("release: %s\n%s", got.Status, got.Body)
	}
	if list := ann.get(t, "/my/rooms?date=2030-05-06&time=12:00&q=ash").Body; !strings.Contains(list, "Free at this time") {
		t.Errorf("not given back:\n%s", list)
	}
}

// A panel shows the room that it was paired with by who looks after it, and can do what
// one does at a door; its cookie opens nothing else.
func TestPagePanel(t *testing.T) {
	c := roomPages(t)
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 50, 0, 0, time.UTC))
	s := serveAt(t, c, now.now)
	ann, dan, door := signedIn(t, s, "ann"), signedIn(t, s, "dan"), open(t, s.HTTPS)
	if got := door.post(t, "/panel/book", url.Values{"minutes": {"15"}}); got.StatusCode != 403 {
		t.Errorf("not paired: %s", got.Status)
	}
	set := door.post(t, "/panel/offer", nil).Header.Get("Set-Cookie")
	if !strings.HasPrefix(set, "__Host-convene-panel=") || !strings.Contains(set, "HttpOnly; Secure; SameSite=Strict") {
		t.Errorf("cookie: %s", set)
	}
	code := regexp.MustCompile(`</span>(\d{6})</p>`).FindStringSubmatch(door.get(t, "/panel/").Body)
	if code == nil {
		t.Fatal("no code")
	}
	pairing := url.Values{"room": {"locations/elm"}, "code": {code[1]}}
	if got := ann.post(t, "/my/rooms/panels/pair", pairing); got.StatusCode != 403 {
		t.Errorf("ann pairs: %s", got.Status)
	}
	if got := dan.post(t, "/my/rooms/panels/pair", pairing); got.StatusCode != 303 {
		t.Fatalf("dan pairs: %s\n%s", got.Status, got.Body)
	}
	if got := dan.post(t, "/my/rooms/panels/pair", pairing); got.StatusCode != 404 {
		t.Errorf("a code twice: %s", got.Status)
	}
	says := func(want ...string) {
		t.Helper()
		got := door.get(t, "/panel/")
		for _, w := range want {
			if !strings.Contains(got.Body, w) {
				t.Errorf("the panel does not say %q: %s\n%s", w, got.Status, got.Body)
			}
		}
	}
	says("Elm Room", `class="panel free"`, ">Free<", "11:50")
	if got := ann.post(t, "/my/rooms/book", slot("elm", "12:30")); got.StatusCode != 303 {
		t.Fatal(got.Status)
	}
	press := func(path, minutes, said string) {
		t.Helper()
		if got := door.post(t, "/panel/"+path, url.Values{"minutes": {minutes}}); got.Header.Get("Location") != "/panel/?said="+said {
			t.Errorf("%s: %s %s\n%s", path, got.Status, got.Header.Get("Location"), got.Body)
		}
	}
	says("until 12:30", "Ann Example")
	if body := door.get(t, "/panel/").Body; strings.Contains(body, "Budget") {
		t.Error("the panel tells what the meeting is about")
	}
	press("book", "60", "taken")
	press("book", "30", "booked")
	says(`class="panel busy"`, "until 12:20", "Booked at the door")
	press("extend", "15", "taken")
	press("end", "", "ended")
	says(`class="panel free"`)
	now.set(time.Date(2030, 5, 6, 10, 31, 0, 0, time.UTC))
	says(`class="panel busy"`, "Check in")
	press("check-in", "", "in")
	says("checked in")
	press("extend", "15", "longer")
	press("end", "", "ended")
	for _, r := range []string{"/my/", "/my/rooms", "/my/rooms/elm", "/my/rooms/manage", "/my/bookings", "/my/account", "/admin/", "/admin/rooms/use"} {
		if got := door.get(t, r); got.StatusCode != 401 {
			t.Errorf("with the panel's cookie, %s: %s", r, got.Status)
		}
	}
	if got := do(t, door.Client, "PROPFIND", door.base+"/calendars/locations/elm/", "", "", "Depth: 1"); got.StatusCode != 401 {
		t.Errorf("with the panel's cookie, PROPFIND: %s", got.Status)
	}
	id := regexp.MustCompile(`/my/rooms/panels/([0-9a-f]+)/remove`).FindStringSubmatch(dan.get(t, "/my/rooms/manage").Body)
	if id == nil {
		t.Fatal("the panel is not listed")
	}
	if got := ann.post(t, "/my/rooms/panels/"+id[1]+"/remove", pairing); got.StatusCode != 403 {
		t.Errorf("ann removes it: %s", got.Status)
	}
	if got := dan.post(t, "/my/rooms/panels/"+id[1]+"/remove", pairing); got.StatusCode != 303 {
		t.Errorf("remove: %s\n%s", got.Status, got.Body)
	}
	if got := door.get(t, "/panel/").Body; strings.Contains(got, "Elm Room") {
		t.Error("a panel that was removed shows the room")
	}
}

// Who approves answers on the page to which the mail leads, once, and nobody else; rooms
// are closed and opened by those who look after them.
func TestPageApprovals(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	c.Server.PublicURL = "https://localhost"
	c.Access.Administrators = nil
	s := serve(t, c)
	ann, bob, dan := signedIn(t, s, "ann"), signedIn(t, s, "bob"), signedIn(t, s, "dan")
	if got := ann.post(t, "/my/rooms/book", slot("oak", "12:00")); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	if got := ann.get(t, "/my/bookings").Body; !strings.Contains(got, "Oak Room has been asked for") {
		t.Errorf("not said:\n%s", got)
	}
	text := strings.ReplaceAll(strings.ReplaceAll(mails(t, m, 1)[0].Text, "=\r\n", ""), "=\n", "")
	link := regexp.MustCompile(`https://localhost(/my/rooms/requests/[0-9A-Za-z-]+)`).FindStringSubmatch(text)
	if link == nil {
		t.Fatalf("no link:\n%s", text)
	}
	path := link[1]
	if got := open(t, s.HTTPS).get(t, path); got.StatusCode != 401 {
		t.Errorf("without sign-in: %s", got.Status)
	}
	answer := url.Values{"answer": {"approve"}, "comment": {"fine"}}
	if got := bob.get(t, path); got.StatusCode != 404 {
		t.Errorf("bob looks: %s", got.Status)
	}
	if got := bob.post(t, path+"/answer", answer); got.StatusCode != 403 {
		t.Errorf("bob answers: %s", got.Status)
	}
	if got := dan.get(t, path); got.StatusCode != 200 || !strings.Contains(got.Body, "Ann Example") || !strings.Contains(got.Body, "Budget") {
		t.Errorf("dan looks: %s\n%s", got.Status, got.Body)
	}
	if got := dan.get(t, path+"/answer"); got.StatusCode != 405 {
		t.Errorf("answered by GET: %s", got.Status)
	}
	if got := dan.post(t, path+"/answer", answer); got.StatusCode != 303 {
		t.Fatalf("dan answers: %s\n%s", got.Status, got.Body)
	}
	if got := dan.post(t, path+"/answer", answer); got.StatusCode != 409 {
		t.Errorf("again: %s", got.Status)
	}
	if got := dan.get(t, path); got.StatusCode != 404 {
		t.Errorf("afterwards: %s", got.Status)
	}
	closing := url.Values{"room": {"locations/oak"}, "date": {"2030-05-07"}, "from": {"08:00"}, "to": {"18:00"}, "text": {"Painting"}}
	for who, b := range map[string]*browser{"ann": ann, "dan": dan} { // to approve is not to look after
		if got := b.post(t, "/my/rooms/close", closing); got.StatusCode != 403 {
			t.Errorf("%s closes: %s", who, got.Status)
		}
	}
}

// Who looks after a room closes and opens it; what is booked then stands in the way.
func TestPageClosesRooms(t *testing.T) {
	s := serve(t, roomPages(t))
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	ann.post(t, "/my/rooms/book", slot("elm", "12:00"))
	v := url.Values{"room": {"locations/elm"}, "date": {"2030-05-06"}, "from": {"08:00"}, "to": {"18:00"}, "text": {"Painting"}}
	if got := ann.post(t, "/my/rooms/close", v); got.StatusCode != 403 {
		t.Errorf("ann: %s", got.Status)
	}
	if got := dan.post(t, "/my/rooms/close", v); got.StatusCode != 409 {
		t.Errorf("over a booking: %s\n%s", got.Status, got.Body)
	}
	v.Set("displace", "1")
	if got := dan.post(t, "/my/rooms/close", v); got.StatusCode != 303 {
		t.Errorf("in its place: %s\n%s", got.Status, got.Body)
	}
	if got := ann.get(t, "/my/rooms/elm?week=2030-05-06").Body; !strings.Contains(got, "Painting") || !strings.Contains(got, "08:00 – 18:00") {
		t.Errorf("closed:\n%s", got)
	}
	if got := dan.post(t, "/my/rooms/close", url.Values{"room": {"locations/elm"}, "date": {"x"}, "from": {"08:00"}, "to": {"18:00"}}); got.StatusCode != 400 {
		t.Errorf("no time: %s", got.Status)
	}
}

// The table of how rooms are used equals a count of what was booked, in each form; of few
// bookings it has no figures.
func TestPageUseOfRooms(t *testing.T) {
	s := serve(t, roomPages(t))
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	for i := range 6 {
		ann.post(t, "/my/rooms/book", slot("elm", fmt.Sprintf("%02d:00", 9+i)))
	}
	ann.post(t, "/my/rooms/book", slot("ash", "12:00"))
	if got := ann.get(t, "/admin/rooms/use"); got.StatusCode != 403 {
		t.Errorf("ann: %s", got.Status)
	}
	path := "/admin/rooms/use?from=2030-05-06&to=2030-05-13&by=room"
	got := dan.get(t, path)
	if got.StatusCode != 200 || !strings.Contains(got.Body, "<td>6</td><td>0</td><td>168</td><td>6</td>") || !strings.Contains(got.Body, `<td class="l2">33</td>`) {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
	rows, err := csv.NewReader(strings.NewReader(dan.get(t, path+"&format=csv").Body)).ReadAll()
	if err != nil || len(rows) != 4 {
		t.Fatalf("%v %v", rows, err)
	}
	var told struct {
		Groups []struct {
			Group    string
			Bookings int
			Told     bool
		}
	}
	if err := json.Unmarshal([]byte(dan.get(t, path+"&format=json").Body), &told); err != nil {
		t.Fatal(err)
	}
	want := map[string]int{"locations/elm": 6}
	for i, g := range told.Groups {
		if g.Bookings != want[g.Group] || g.Told != (want[g.Group] > 0) {
			t.Errorf("JSON: %+v", g)
		}
		if n, _ := strconv.Atoi(rows[i+1][2]); rows[i+1][0] != g.Group || n != want[g.Group] {
			t.Errorf("CSV: %v", rows[i+1])
		}
	}
}

// A room that declines says by which of its rules, in the reader's language, and nothing
// is written; a form that makes no sense is refused.
func TestPageRoomRefuses(t *testing.T) {
	c := roomPages(t)
	for key, value := range map[string]string{"max-duration": "120", "min-notice": "60", "window": "30", "hours": "Mon-Fri 08:00-18:00", "hours-only": "true", "recurring": "false"} {
		c.Rooms.Defaults[key] = value
	}
	now := new(clock)
	now.set(time.Date(2030, 5, 1, 6, 0, 0, 0, time.UTC)) // Wednesday, 8 o'clock in Berlin
	s := serveAt(t, c, now.now)
	ann := signedIn(t, s, "ann")
	for name, tt := range map[string]struct {
		form url.Values
		says string
	}{
		"too long":    {slot("elm", "12:00", "for", "180"), "Elm Room was not booked: at most 120 minutes"},
		"too soon":    {slot("elm", "08:30", "date", "2030-05-01"), "Elm Room was not booked: must be booked 60 minutes ahead"},
		"too far":     {slot("elm", "12:00", "date", "2030-06-05"), "Elm Room was not booked: can be booked 30 days ahead"},
		"at night":    {slot("elm", "20:00"), "Elm Room was not booked: not open at this time"},
		"on a Sunday": {slot("elm", "12:00", "date", "2030-05-05"), "Elm Room was not booked: not open at this time"},
		"a series":    {slot("elm", "12:00", "repeat", "weekly", "until", "2030-05-20"), "Elm Room was not booked: it takes no series"},
	} {
		if got := ann.post(t, "/my/rooms/book", tt.form); got.StatusCode != 409 || !strings.Contains(got.Body, tt.says) {
			t.Errorf("%s: %s, want %q\n%s", name, got.Status, tt.says, got.Body)
		}
	}
	if got := ann.post(t, "/my/rooms/book", slot("elm", "12:00", "for", "180"), "Accept-Language: de"); !strings.Contains(got.Body, `<html lang="de"`) || strings.Contains(got.Body, "at most 120") || !strings.Contains(got.Body, "120 Minuten") {
		t.Errorf("in German: %s\n%s", got.Status, got.Body)
	}
	for name, tt := range map[string]struct {
		form   url.Values
		status int
	}{
		"no room": {slot("none", "12:00"), 404}, "a person": {slot("bob", "12:00"), 404}, "nobody": {slot("elm", "12:00", "people", "nobody"), 400},
	} {
		if got := ann.post(t, "/my/rooms/book", tt.form); got.StatusCode != tt.status {
			t.Errorf("%s: %s, want %d\n%s", name, got.Status, tt.status, got.Body)
		}
	}
	if n := objects(t, s, "ann"); n != 0 {
		t.Errorf("%d meetings were written", n)
	}
	if got := ann.post(t, "/my/rooms/book", slot("elm", "12:00")); got.StatusCode != 303 || objects(t, s, "ann") != 1 {
		t.Errorf("what its rules allow: %s\n%s", got.Status, got.Body)
	}
}

// The code of a panel is good for ten minutes, once, for the device that shows it.
func TestPagePanelCode(t *testing.T) {
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 0, 0, 0, time.UTC))
	s := serveAt(t, roomPages(t), now.now)
	dan := signedIn(t, s, "dan")
	code := func(door *browser) string {
		m := regexp.MustCompile(`</span>(\d{6})</p>`).FindStringSubmatch(door.get(t, "/panel/").Body)
		if m == nil {
			return ""
		}
		return m[1]
	}
	offer := func() (*browser, string) {
		door := open(t, s.HTTPS)
		door.post(t, "/panel/offer", nil)
		return door, code(door)
	}
	pair := func(code string) int {
		return dan.post(t, "/my/rooms/panels/pair", url.Values{"room": {"locations/elm"}, "code": {code}}).StatusCode
	}
	late, lateCode := offer()
	other, otherCode := offer()
	if lateCode == "" || lateCode == otherCode {
		t.Fatalf("codes %q and %q", lateCode, otherCode)
	}
	now.move(10 * time.Minute)
	if got := pair(lateCode); got != 404 || code(late) != "" {
		t.Errorf("after ten minutes: %d, and it shows %q", got, code(late))
	}
	if got := other.get(t, "/panel/"); strings.Contains(got.Body, "Elm Room") {
		t.Error("the other device shows the room")
	}
	door, good := offer()
	now.move(10*time.Minute - time.Second)
	wrong := map[bool]string{true: "000001", false: "000000"}[good == "000000"]
	for _, bad := range []string{"", wrong, good + "0", good[:5]} {
		if got := pair(bad); got != 404 {
			t.Errorf("code %q of %q: %d", bad, good, got)
		}
	}
	if got := pair(good[:3] + " " + good[3:]); got != 303 || !strings.Contains(door.get(t, "/panel/").Body, "Elm Room") {
		t.Errorf("a second before its end: %d", got)
	}
	if got := pair(good); got != 404 {
		t.Errorf("twice: %d", got)
	}
	for name, path := range map[string]string{"minutes that it does not offer": "book", "nothing is on": "extend"} {
		if got := door.post(t, "/panel/"+path, url.Values{"minutes": {"480"}}); got.StatusCode != 400 {
			t.Errorf("%s: %s", name, got.Status)
		}
	}
	if got := door.post(t, "/panel/end", nil); got.Header.Get("Location") != "/panel/?said=not" {
		t.Errorf("end of nothing: %s %s", got.Status, got.Header.Get("Location"))
	}
}
