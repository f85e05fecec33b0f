package server_test

import (
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/rooms"
)

// runLobby starts a server with rooms on three floors of two buildings, at noon of 6 May
// 2030 in Berlin, and makes bob a delegate of the one on floor 2.
func runLobby(t *testing.T) (*running, *clock) {
	t.Helper()
	c := roomPages(t)
	in := func(name, building, floor string, more ...string) rooms.Class {
		settings := map[string]string{"building": building, "floor": floor}
		for i := 0; i+1 < len(more); i += 2 {
			settings[more[i]] = more[i+1]
		}
		return rooms.Class{Name: name, Settings: settings}
	}
	c.Rooms.Classes = []rooms.Class{in("elm", "North", "2"), in("ash", "North", "10", "others-see", "busy"), in("oak", "South", "1", "others-see", "details")}
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 9, 50, 0, 0, time.UTC))
	s := serveAt(t, c, now.now)
	body := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><D:group-member-set><D:href>/principals/users/bob/</D:href></D:group-member-set></D:prop></D:set></D:propertyupdate>`
	if got := do(t, client(), "PROPPATCH", s.HTTP+"/principals/locations/elm/calendar-proxy-write/", "dan", body); !strings.Contains(got.Body, "200 OK") {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	return s, now
}

// offered is a device that shows a code, and the code.
func offered(t *testing.T, s *running) (*browser, string) {
	t.Helper()
	device := open(t, s.HTTPS)
	device.post(t, "/panel/offer", nil)
	return device, first(t, regexp.MustCompile(`</span>(\d{6})</p>`), device.get(t, "/panel/").Body)
}

// onScreen is what a page says between <main> and </main>, without markup.
func onScreen(a answer) string {
	text := regexp.MustCompile(`(?s)<noscript>.*?</noscript>|<p[^>]* hidden.*?</p>|<[^>]+>`).ReplaceAllString(between(a.Body, `tabindex="-1">`, "</main>"), " ")
	return strings.Join(strings.Fields(text), " ")
}

// A screen in a lobby shows which rooms of a place are free, and what is on and comes today,
// by floor; it tells of meetings what the rooms' settings let everybody know, and it does and
// opens nothing.
func TestPageLobby(t *testing.T) {
	s, now := runLobby(t)
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	private := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:p\r\nDTSTAMP:20300101T000000Z\r\nDTSTART:20300506T150000Z\r\nDURATION:PT1H\r\n" +
		"SUMMARY:Dismissal\r\nCLASS:PRIVATE\r\nORGANIZER:mailto:ann@example.com\r\nATTENDEE:mailto:ann@example.com\r\nATTENDEE;CUTYPE=ROOM:mailto:elm@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	if got := do(t, client(), "PUT", s.HTTP+annHome+"calendar/p.ics", "ann", private, "Content-Type: text/calendar"); got.StatusCode != 201 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	for _, form := range []url.Values{
		slot("elm", "12:00"), slot("ash", "15:00", "title", "Secret plans"), slot("oak", "13:00", "title", "Open day"), slot("elm", "08:00", "date", "2030-05-07", "title", "Tomorrow"),
	} {
		if got := ann.post(t, "/my/rooms/book", form); got.StatusCode != 303 {
			t.Fatalf("%v: %s\n%s", form, got.Status, got.Body)
		}
	}
	now.set(time.Date(2030, 5, 6, 10, 10, 0, 0, time.UTC))
	screen, code := offered(t, s)
	if got := screen.get(t, "/panel/lobby"); got.Header.Get("Location") != "/panel/" {
		t.Errorf("not paired: %s", got.Status)
	}
	north := url.Values{"building": {"North"}, "floor": {""}}.Encode()
	if got := dan.post(t, "/my/rooms/lobbies/pair", url.Values{"place": {north}, "code": {code}}); got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	if got := screen.get(t, "/panel/"); got.Header.Get("Location") != "/panel/lobby" {
		t.Errorf("at the door: %s %s", got.Status, got.Header.Get("Location"))
	}
	says := func(want string) {
		t.Helper()
		got := screen.get(t, "/panel/lobby")
		if text := onScreen(got); got.StatusCode != 200 || text != want {
			t.Errorf("%s\n%s\nwant\n%s", got.Status, text, want)
		}
	}
	says("North 12:10 Free now Ash Room Free until 15:00 floor 10 · 2 seats" +
		" floor 2 12:00 – 13:00 now Elm Room Ann Example 17:00 – 18:00 Elm Room Taken floor 10 15:00 – 16:00 Ash Room Taken")
	now.set(time.Date(2030, 5, 6, 12, 50, 0, 0, time.UTC))
	says("North 14:50 Free now Elm Room Free until 17:00 floor 2 · 8 seats Ash Room Free, soon busy until 15:00 floor 10 · 2 seats" +
		" floor 2 17:00 – 18:00 Elm Room Taken floor 10 15:00 – 16:00 Ash Room Taken")
	now.set(time.Date(2030, 5, 6, 16, 30, 0, 0, time.UTC))
	says("North 18:30 Free now Elm Room Free for the rest of the day floor 2 · 8 seats Ash Room Free for the rest of the day floor 10 · 2 seats No more meetings today.")

	for _, press := range []string{"book", "extend", "check-in", "end"} {
		if got := screen.post(t, "/panel/"+press, url.Values{"minutes": {"15"}}); got.StatusCode != 403 {
			t.Errorf("%s: %s", press, got.Status)
		}
	}
	for _, path := range []string{"/my/", "/my/rooms", "/my/rooms/elm", "/my/rooms/manage", "/admin/", "/my/calendar/day/today"} {
		if got := screen.get(t, path); got.StatusCode != 401 {
			t.Errorf("with the screen's cookie, %s: %s", path, got.Status)
		}
	}
	if got := do(t, screen.Client, "PROPFIND", screen.base+"/calendars/locations/elm/", "", "", "Depth: 1"); got.StatusCode != 401 {
		t.Errorf("with the screen's cookie, PROPFIND: %s", got.Status)
	}
	if policy := screen.get(t, "/panel/lobby").Header.Get("Content-Security-Policy"); !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'") {
		t.Errorf("policy: %s", policy)
	}
}

// Who looks after all rooms of a place has a screen show them, and who looks after one of them
// takes it away; a screen and a panel at a door are not each other's.
func TestPageLobbyRights(t *testing.T) {
	s, _ := runLobby(t)
	ann, bob, dan := signedIn(t, s, "ann"), signedIn(t, s, "bob"), signedIn(t, s, "dan")
	offers := func(b *browser) (places []string) {
		list := between(b.get(t, "/my/rooms/manage").Body, `name="place">`, "</select>")
		for _, m := range regexp.MustCompile(`>([^<]+)</option>`).FindAllStringSubmatch(list, -1) {
			places = append(places, m[1])
		}
		return places
	}
	for _, of := range []struct {
		by   *browser
		want []string
	}{{ann, nil}, {bob, []string{"North, floor 2"}}, {dan, []string{"All rooms", "North", "North, floor 2", "North, floor 10", "South", "South, floor 1"}}} {
		if got := offers(of.by); !slices.Equal(got, of.want) {
			t.Errorf("offered: %q, want %q", got, of.want)
		}
	}
	place := func(building, floor string) string {
		return url.Values{"building": {building}, "floor": {floor}}.Encode()
	}
	pair := func(b *browser, place, code string) int {
		return b.post(t, "/my/rooms/lobbies/pair", url.Values{"place": {place}, "code": {code}}).StatusCode
	}
	second, code := offered(t, s)
	for place, want := range map[string]int{place("North", ""): 403, place("", ""): 403, "": 403, place("North", "3"): 403, place("West", ""): 403, "%zz": 400} {
		if got := pair(bob, place, code); got != want {
			t.Errorf("bob, %q: %d, want %d", place, got, want)
		}
	}
	if got := pair(ann, place("North", "2"), code); got != 403 {
		t.Errorf("ann: %d", got)
	}
	if got := pair(bob, place("North", "2"), "x"); got != 404 {
		t.Errorf("no such code: %d", got)
	}
	if got := pair(bob, place("north", "2"), code); got != 303 {
		t.Fatalf("bob: %d", got)
	}
	if text := onScreen(second.get(t, "/panel/lobby")); !strings.Contains(text, "Elm Room Free for the rest of the day 8 seats") || strings.Contains(text, "Ash") {
		t.Errorf("floor 2: %s", text)
	}
	if got := pair(dan, place("North", "2"), code); got != 404 {
		t.Errorf("a code twice: %d", got)
	}

	remove := regexp.MustCompile(`/my/rooms/lobbies/([0-9a-f]+)/remove`)
	shown := func(b *browser) (ids []string) {
		for _, m := range remove.FindAllStringSubmatch(b.get(t, "/my/rooms/manage").Body, -1) {
			ids = append(ids, m[1])
		}
		return ids
	}
	south, code := offered(t, s)
	if got := pair(dan, place("South", ""), code); got != 303 {
		t.Fatalf("dan: %d", got)
	}
	all, bobs := shown(dan), shown(bob)
	if len(all) != 2 || len(bobs) != 1 || len(shown(ann)) != 0 {
		t.Fatalf("screens: dan %q, bob %q, ann %q", all, bobs, shown(ann))
	}
	souths := all[0]
	if souths == bobs[0] {
		souths = all[1]
	}
	for _, no := range []struct {
		by   *browser
		path string
		want int
	}{
		{ann, "/my/rooms/lobbies/" + bobs[0] + "/remove", 403}, {bob, "/my/rooms/lobbies/" + souths + "/remove", 403}, {dan, "/my/rooms/lobbies/none/remove", 404},
		{dan, "/my/rooms/panels/" + souths + "/remove", 404},
	} {
		if got := no.by.post(t, no.path, url.Values{"room": {"locations/elm"}}); got.StatusCode != no.want {
			t.Errorf("%s: %s, want %d", no.path, got.Status, no.want)
		}
	}
	if got := south.get(t, "/panel/lobby"); got.StatusCode != 200 {
		t.Errorf("south: %s", got.Status)
	}
	for device, id := range map[*browser]string{second: bobs[0], south: souths} {
		by := dan
		if id == bobs[0] {
			by = bob
		}
		if got := by.post(t, "/my/rooms/lobbies/"+id+"/remove", nil); got.StatusCode != 303 {
			t.Errorf("remove: %s\n%s", got.Status, got.Body)
		}
		if got := device.get(t, "/panel/lobby"); got.Header.Get("Location") != "/panel/" {
			t.Errorf("removed: %s", got.Status)
		}
		if got := device.get(t, "/panel/"); got.StatusCode != 200 || strings.Contains(got.Body, "Room<") {
			t.Errorf("removed: %s\n%s", got.Status, got.Body)
		}
	}

	door, code := offered(t, s)
	if got := dan.post(t, "/my/rooms/panels/pair", url.Values{"room": {"locations/elm"}, "code": {code}}); got.StatusCode != 303 {
		t.Fatal(got.Status)
	}
	if got := door.get(t, "/panel/lobby"); got.Header.Get("Location") != "/panel/" {
		t.Errorf("a panel at a door as a screen: %s", got.Status)
	}
	if len(shown(dan)) != 0 {
		t.Error("a panel at a door is among the screens")
	}
}

// A panel names the day of what is not today, in each language; midnight is the next one.
func TestPagePanelNamesDays(t *testing.T) {
	c := roomPages(t)
	now := new(clock)
	now.set(time.Date(2030, 5, 6, 16, 0, 0, 0, time.UTC)) // Monday, 18:00 in Berlin
	s := serveAt(t, c, now.now)
	ann, dan := signedIn(t, s, "ann"), signedIn(t, s, "dan")
	door, code := offered(t, s)
	if got := dan.post(t, "/my/rooms/panels/pair", url.Values{"room": {"locations/elm"}, "code": {code}}); got.StatusCode != 303 {
		t.Fatal(got.Status)
	}
	book := func(day, from, minutes string) {
		t.Helper()
		if got := ann.post(t, "/my/rooms/book", slot("elm", from, "date", day, "for", minutes)); got.StatusCode != 303 {
			t.Fatalf("%s %s: %s\n%s", day, from, got.Status, got.Body)
		}
	}
	says := func(language, want string) {
		t.Helper()
		got := do(t, door.Client, "GET", door.base+"/panel/", "", "", "Accept-Language: "+language)
		if text := onScreen(got); !strings.Contains(text, want) {
			t.Errorf("%s: no %q in %s", language, want, text)
		}
	}
	book("2030-05-07", "09:00", "60")
	says("en-GB", "until Tuesday, 09:00")
	says("en-GB", "Next Tuesday, 09:00 – 10:00 Ann Example")
	says("de", "bis Dienstag, 09:00")
	says("fr", "jusqu’à mardi 09:00")
	says("es", "hasta el martes a las 9:00")
	says("ja", "火曜日 9:00まで")
	book("2030-05-06", "20:00", "240") // until midnight
	says("en-GB", "until 20:00")
	says("en-GB", "Next 20:00 – 00:00 Ann Example Tuesday, 09:00 – 10:00 Ann Example")
	now.set(time.Date(2030, 5, 6, 18, 30, 0, 0, time.UTC))
	says("en-GB", "until 00:00 Ann Example")
	now.set(time.Date(2030, 5, 6, 23, 0, 0, 0, time.UTC)) // Tuesday, 01:00
	says("en-GB", "until 09:00")
	book("2030-05-07", "22:00", "240") // over midnight
	says("en-GB", "Tue, May 7, 2030 22:00 – Wed, May 8, 2030 02:00 Ann Example")
	now.set(time.Date(2030, 5, 7, 20, 30, 0, 0, time.UTC))
	says("en-GB", "until Wednesday, 02:00")
}
