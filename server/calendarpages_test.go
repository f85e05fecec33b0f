package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// calendarOf fills somebody's calendar with events: name → lines of the VEVENT.
func calendarOf(t testing.TB, base, user string, events map[string]string) {
	t.Helper()
	for name, lines := range events {
		body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + name + "\r\nDTSTAMP:20260101T000000Z\r\n" + strings.ReplaceAll(lines, "\n", "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		if got := do(t, client(), "PUT", base+"/calendars/users/"+user+"/calendar/"+name+".ics", user, body, "Content-Type: text/calendar"); got.StatusCode != 201 {
			t.Fatalf("%s: %s %s", name, got.Status, got.Body)
		}
	}
}

var calendarViews = []string{"day", "week", "workweek", "month", "agenda", "year"}

// The pages show what is in the calendars, escaped, with links to the event's page; of what is
// private to others they show nothing; who has not signed in sees none.
func TestPageCalendar(t *testing.T) {
	s := serve(t, smallConfig(t))
	calendarOf(t, s.HTTP, "ann", map[string]string{
		"plain":  "DTSTART:20260504T090000Z\nDURATION:PT1H\nSUMMARY:<b>Plain & simple</b>\nLOCATION:\"Oak\"><script>alert(1)</script>",
		"series": "DTSTART:20260504T120000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nSUMMARY:Series",
		"days":   "DTSTART;VALUE=DATE:20260503\nDTEND;VALUE=DATE:20260507\nSUMMARY:Conference",
	})
	calendarOf(t, s.HTTP, "bob", map[string]string{"secret": "DTSTART:20260504T150000Z\nDURATION:PT1H\nSUMMARY:Bobs secret"})
	b := open(t, s.HTTPS)
	if got := b.get(t, "/my/calendar/week/2026-05-04"); got.StatusCode != 401 {
		t.Errorf("not signed in: %s", got.Status)
	}
	b.signIn(t, "ann", "secret")
	english := "Accept-Language: en-GB"
	for _, v := range calendarViews {
		got := b.get(t, "/my/calendar/"+v+"/2026-05-04", english)
		if got.StatusCode != 200 || strings.Contains(got.Body, "<script>alert") || strings.Contains(got.Body, "<b>Plain") || strings.Contains(got.Body, "secret") {
			t.Fatalf("%s: %s\n%s", v, got.Status, got.Body)
		}
		if v == "year" {
			if !strings.Contains(got.Body, "3 events") {
				t.Errorf("year:\n%s", got.Body)
			}
			continue
		}
		for _, want := range []string{"&lt;b&gt;Plain &amp; simple&lt;/b&gt;", "Series", "Conference", `href="/my/event/calendars/__uids__/`, `/calendar/plain.ics"`, "/calendar/series.ics?at=20260504T120000Z", "/my/event/new?calendar=%2Fcalendars%2F__uids__%2F"} {
			if !strings.Contains(got.Body, want) {
				t.Errorf("%s has no %s:\n%s", v, want, got.Body)
			}
		}
	}
	// The view that was last there is the one of the address without one.
	if got := b.get(t, "/my/calendar/"); !strings.HasPrefix(got.Header.Get("Location"), "/my/calendar/year/") {
		t.Errorf("the last view: %v", got.Header)
	}
	if got := open(t, s.HTTPS); got.signIn(t, "ann", "secret").StatusCode == 303 {
		if l := got.get(t, "/my/calendar/", "Sec-CH-UA-Mobile: ?1").Header.Get("Location"); !strings.HasPrefix(l, "/my/calendar/agenda/") {
			t.Errorf("a telephone: %s", l)
		}
	}
	for path, status := range map[string]int{
		"/my/calendar/week/today": 303, "/my/calendar/week/2026-02-30": 404, "/my/calendar/none/2026-05-04": 404, "/my/calendar/week/0001-01-01": 404,
		"/my/calendar/go?view=month&date=2027-01-02": 303, "/my/calendar/go?view=none": 404, "/my/calendar/week/9998-12-31": 200, "/my/calendar/year/0002-01-01": 200,
		"/my/calendar/colors.css?c=ff0000-00ff00": 200, "/my/calendar/colors.css?c=red": 400, "/my/calendar/colors.css?c=%7D%7D%7D%7D%7D%7D": 400, "/my/people/2026-05-04": 200, "/my/people/none": 404,
	} {
		if got := b.get(t, path); got.StatusCode != status {
			t.Errorf("%s: %s, want %d", path, got.Status, status)
		}
	}
}

// Which calendars are shown is kept, by a form alone; forms cannot name what is no calendar.
func TestPageCalendarChoice(t *testing.T) {
	s := serve(t, smallConfig(t))
	calendarOf(t, s.HTTP, "ann", map[string]string{"plain": "DTSTART:20260504T090000Z\nDURATION:PT1H\nSUMMARY:Plain"})
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	const page = "/my/calendar/week/2026-05-04"
	found := regexp.MustCompile(`name="listed" value="([^"]+)"`).FindStringSubmatch(b.get(t, page).Body)
	if found == nil {
		t.Fatal("no calendar is listed")
	}
	form := url.Values{"listed": {found[1]}, "back": {page}}
	if got := b.post(t, "/my/calendar/shown", form); got.StatusCode != 303 || got.Header.Get("Location") != page {
		t.Fatalf("%s %v", got.Status, got.Header)
	}
	if got := b.get(t, page, "Accept-Language: en"); strings.Contains(got.Body, "Plain") || !strings.Contains(got.Body, "No calendar is chosen") {
		t.Errorf("hidden:\n%s", got.Body)
	}
	// The other settings of the account leave it as it is.
	b.post(t, "/my/account", url.Values{"clock": {"24"}})
	if got := b.get(t, page); strings.Contains(got.Body, "Plain") {
		t.Error("the choice is gone with the next setting")
	}
	form.Set("show", found[1])
	b.post(t, "/my/calendar/shown", form)
	if got := b.get(t, page); !strings.Contains(got.Body, "Plain") {
		t.Errorf("shown:\n%s", got.Body)
	}
	for _, bad := range []url.Values{{"listed": {"/etc"}}, {"listed": {"/calendars/\nx"}}} {
		if got := b.post(t, "/my/calendar/shown", bad); got.StatusCode != 400 {
			t.Errorf("%v: %s", bad, got.Status)
		}
	}
	if got := b.post(t, "/my/calendar/shown", url.Values{"back": {"//evil.example"}}); got.Header.Get("Location") != "/my/calendar/" {
		t.Errorf("back to %q", got.Header.Get("Location"))
	}
}

// Beside each other: titles of one's own, busy times of others, and when both are free.
func TestPagePeople(t *testing.T) {
	s := serve(t, smallConfig(t))
	calendarOf(t, s.HTTP, "ann", map[string]string{"plain": "DTSTART:20300506T090000Z\nDURATION:PT1H\nSUMMARY:Plain"})
	calendarOf(t, s.HTTP, "bob", map[string]string{"secret": "DTSTART:20300506T130000Z\nDURATION:PT3H\nSUMMARY:Bobs secret"})
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	b.post(t, "/my/account", url.Values{"zone": {"Etc/UTC"}, "clock": {"24"}})
	got := b.get(t, "/my/people/2030-05-06?who=ann&add=bob", "Accept-Language: en")
	if got.StatusCode != 303 {
		t.Fatalf("%s\n%s", got.Status, got.Body)
	}
	got = b.get(t, got.Header.Get("Location"), "Accept-Language: en")
	for _, want := range []string{"Plain", "Busy", "08:00–09:00", "10:00–13:00", "16:00–18:00", "13:00–16:00"} {
		if !strings.Contains(got.Body, want) {
			t.Errorf("no %s:\n%s", want, got.Body)
		}
	}
	if strings.Contains(got.Body, "secret") {
		t.Error("what bob does is told")
	}
	if got := b.get(t, "/my/people/2030-05-06?add=nobodyatall", "Accept-Language: en"); got.StatusCode != 200 || !strings.Contains(got.Body, "Nobody is called") {
		t.Errorf("%s\n%s", got.Status, got.Body)
	}
	if got := b.get(t, "/my/people/?who=bob"); !strings.HasSuffix(got.Header.Get("Location"), "?who=bob") {
		t.Errorf("%v", got.Header)
	}
}

// A month of a thousand events stays small: six rows a day, at most 3,000 elements, and what
// comes over the line (60 kB with style and scripts).
func TestPageCalendarBounds(t *testing.T) {
	s := serve(t, smallConfig(t))
	fillMonth(t, s.HTTP, 1000)
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	for _, v := range []string{"month", "week", "day", "agenda", "year"} {
		got := b.get(t, "/my/calendar/"+v+"/2026-05-06")
		body := got.Body
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		_, _ = w.Write([]byte(body))
		_ = w.Close()
		nodes := len(regexp.MustCompile(`<[a-z]`).FindAllString(body, -1))
		t.Logf("%s: %d bytes, %d compressed, %d elements", v, len(body), z.Len(), nodes)
		if got.StatusCode != 200 || z.Len() > 40_000 || v != "agenda" && nodes > 3000 {
			t.Errorf("%s: %s, %d bytes compressed, %d elements", v, got.Status, z.Len(), nodes)
		}
		if v != "month" {
			continue
		}
		for _, cell := range strings.Split(body, "<td ")[1:] {
			if n := strings.Count(strings.Split(cell, "</td>")[0], "<li"); n > 5 || n == 5 && !strings.Contains(cell, `class="rest"`) {
				t.Errorf("a day has %d rows:\n%s", n, cell)
			}
		}
	}
}

// fillMonth stores n events of May 2026, some with each request.
func fillMonth(t testing.TB, base string, n int) {
	t.Helper()
	const each = 50
	for from := 0; from < n; from += each {
		var body strings.Builder
		body.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
		for i := from; i < min(from+each, n); i++ {
			fmt.Fprintf(&body, "BEGIN:VEVENT\r\nUID:m%d\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:202605%02dT%02d%02d00Z\r\nDURATION:PT1H\r\nSUMMARY:Event number %d\r\nLOCATION:Room %d\r\nEND:VEVENT\r\n", i, 1+i%31, 6+i/31%12, i%4*15, i, i%7)
		}
		body.WriteString("END:VCALENDAR\r\n")
		if got := do(t, client(), "POST", base+"/calendars/users/ann/calendar/", "ann", body.String(), "Content-Type: text/calendar"); got.StatusCode != 207 {
			t.Fatalf("%s %s", got.Status, got.Body)
		}
	}
}

// A week shows what is outside the reader's working hours (RFC 7953), and beside its hours those of
// a second zone; in the row of each hour what a clock there shows.
func TestPageHours(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "ann", "secret")
	const week = "/my/calendar/week/2026-05-04"
	settings := url.Values{"zone": {"Europe/Berlin"}, "clock": {"24"}, "week": {"monday"}}
	b.post(t, "/my/account", settings)
	plain := b.get(t, week)
	for _, none := range []string{`class="away`, "two-zones", "cal-hours other"} {
		if strings.Contains(plain.Body, none) {
			t.Errorf("%s where nothing was set", none)
		}
	}
	hours := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//t//EN\nBEGIN:VAVAILABILITY\nUID:a\nDTSTAMP:20260101T000000Z\nBEGIN:AVAILABLE\nUID:b\nDTSTAMP:20260101T000000Z\n" +
		"DTSTART;TZID=Europe/Berlin:20260105T083000\nDTEND;TZID=Europe/Berlin:20260105T173000\nRRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR\nEND:AVAILABLE\nEND:VAVAILABILITY\nEND:VCALENDAR\n"
	if got := do(t, client(), "PROPPATCH", s.HTTP+"/calendars/users/ann/inbox/", "ann", `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:calendar-availability>`+hours+`</C:calendar-availability></D:prop></D:set></D:propertyupdate>`); got.StatusCode != 207 || !strings.Contains(got.Body, " 200 ") {
		t.Fatal(got.Status, got.Body)
	}
	settings.Set("zone2", "Asia/Kathmandu")
	b.post(t, "/my/account", settings)
	body := b.get(t, week, "Accept-Language: en").Body
	days := strings.Split(body, `<section class="cal-day`)[1:]
	if len(days) != 7 {
		t.Fatal(body)
	}
	for i, want := range []string{"away r0 s34|away r70 s26", "away r0 s34|away r70 s26", "away r0 s34|away r70 s26", "away r0 s34|away r70 s26", "away r0 s34|away r70 s26", "away r0 s96", "away r0 s96"} {
		var got []string
		for _, m := range regexp.MustCompile(`class="(away r\d+ s\d+)"`).FindAllStringSubmatch(days[i], -1) {
			got = append(got, m[1])
		}
		if strings.Join(got, "|") != want {
			t.Errorf("day %d: %q, want %s", i, got, want)
		}
	}
	for _, want := range []string{"Outside your working hours", `<ol class="cal-hours other"`, `<span>Kathmandu</span><span>Berlin</span>`, `<li class="r36">12:45</li>`, `<li class="r36">09:00</li>`, `<li class="r84">00:45</li>`} {
		if !strings.Contains(body, want) {
			t.Errorf("no %s:\n%s", want, body)
		}
	}
	settings.Set("zone2", "Mars/Crater")
	if got := b.post(t, "/my/account", settings); got.StatusCode != 400 {
		t.Errorf("no such zone: %s", got.Status)
	}
}
