package server_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"convene/testenv"
)

// markup is what a browser runs if it comes to it as it is, in text, attributes, addresses
// and scripts.
var markup = []string{
	`<script>zQ7()</script>`, `"><script>zQ7()</script>`, `'><img src=x onerror=zQ7()>`, `" onfocus="zQ7()" autofocus="`, `' onclick='zQ7()`, `</title><script>zQ7()</script>`,
	`</textarea><script>zQ7()</script>`, `</script><script>zQ7()</script>`, `<svg/onload=zQ7()>`, `<a href="javascript:zQ7()">x</a>`, `javascript:zQ7()`, `JaVaScRiPt:zQ7()`, `data:text/html,<script>zQ7()</script>`,
	`{{zQ7}}`, `${zQ7}`, `<!--`, `--><script>zQ7()</script>`, `]]><script>zQ7()</script>`, `&lt;script&gt;zQ7()`, `&#60;script&#62;zQ7()`, "<scr\x00ipt>zQ7()", `\x3cscript\x3ezQ7()`, `\u003cscript\u003ezQ7()`,
	`+ADw-script+AD4-zQ7()`, "\u2028<script>zQ7()</script>", `<iframe srcdoc="&lt;script&gt;zQ7()">`, `<base href=//evil.example>`, `<meta http-equiv=refresh content=0;url=//evil.example>`, `<form action=//evil.example>`, `<style>@import'//evil.example'</style>`,
}

// runs finds in a page what a browser would run, or be led elsewhere by.
var runs = regexp.MustCompile(`(?i)<script[^>]*>[^<]*zQ7|<(?:svg|img|iframe|base|meta|style)[^>"]*(?:zQ7|evil\.example)|<form[^>"]*evil\.example|<[a-z]+(?:\s+[a-z-]+(?:="[^"]*"|='[^']*')?)*\s+on[a-z]+\s*=|(?:href|src|action|formaction)\s*=\s*["']?\s*(?:javascript|data):|@import\s*'//evil`)

// Text that somebody wrote is text on every page, whoever wrote it and wherever: in events
// and calendars, in the address, in the names of the directory, in the browser's own name.
func TestAttackMarkup(t *testing.T) {
	c := smallConfig(t)
	c.SACL.Admin.Allow = []string{"user:ann"}
	const full = `Bob "><script>zQ7()</script>`
	testenv.WriteFile(t, c.Directory.File.File, strings.Replace(smallLDIF, "cn: Bob Example", "cn: "+full, 1))
	s := serve(t, c)
	b, n := open(t, s.HTTPS), 0
	b.signIn(t, "ann", "secret", "User-Agent: "+markup[1])
	escape := strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\x00", "")
	text := strings.NewReplacer("&", "&amp;", "<", "&lt;", "\x00", "")
	var paths []string
	for i, m := range markup {
		if !tried(i) {
			continue
		}
		name, value := fmt.Sprint("m", i), escape.Replace(m)
		calendarOf(t, s.HTTP, "ann", map[string]string{name: fmt.Sprintf("DTSTART:202605%02dT090000Z\nDURATION:PT1H\nSUMMARY:%[2]s\nLOCATION:%[2]s\nDESCRIPTION:%[2]s\nCATEGORIES:%[2]s\nCOMMENT:%[2]s\nURL:%[3]s\n"+
			"ATTACH:%[3]s\nCONTACT:%[2]s\nSTATUS:CONFIRMED\nX-APPLE-STRUCTURED-LOCATION;X-TITLE=x:%[3]s", 1+i%28, value, strings.ReplaceAll(m, "\x00", ""))})
		calendar := annHome + name + "/"
		a := do(t, client(), "MKCALENDAR", s.HTTP+calendar, "ann", `<C:mkcalendar`+davNames+`><D:set><D:prop><D:displayname>`+text.Replace(m)+`</D:displayname><C:calendar-description>`+text.Replace(m)+
			`</C:calendar-description><A:calendar-color xmlns:A="http://apple.com/ns/ical/">`+text.Replace(m)+`</A:calendar-color></D:prop></D:set></C:mkcalendar>`)
		if a.StatusCode != 201 && a.StatusCode != 400 && a.StatusCode != 403 && a.StatusCode != 207 && a.StatusCode != 424 {
			t.Errorf("%q: %s %s", m, a.Status, a.Body)
		}
		paths = append(paths, "/my/event/calendars/__uids__/"+annGUID+"/calendar/"+name+".ics")
		q := url.QueryEscape(m)
		for _, p := range []string{"/my/people?q=", "/my/calendar/week/", "/my/rooms?q=", "/signin?next=", "/my/event/new?title=", "/my/event/new?start=", "/admin/people?q=", "/admin/why?who=", "/my/none/", "/publish/", "/my/event/calendars/"} {
			if strings.Contains(p, "?") {
				paths = append(paths, p+q)
			} else {
				paths = append(paths, p+url.PathEscape(m))
			}
		}
	}
	for _, v := range calendarViews {
		for _, day := range []string{"2026-05-01", "2026-05-15"} {
			paths = append(paths, "/my/calendar/"+v+"/"+day)
		}
	}
	for _, route := range routes(t) {
		if route.Method == http.MethodGet && !route.Quiet { // what is quiet is no page, and does not end
			paths = append(paths, strings.NewReplacer("{$}", "", "{id}", "1", "{hash}", "x", "{name...}", "y", "{guid}", annGUID, "{path...}", "y").Replace(route.Path))
		}
	}
	shown := 0
	for _, path := range paths {
		for _, who := range []*browser{b, open(t, s.HTTPS)} {
			n++
			got := who.get(t, path, "User-Agent: "+markup[2], "Accept-Language: en", "Referer: https://evil.example/"+markup[2])
			if found := runs.FindString(got.Body); found != "" && strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") {
				t.Errorf("%s: %s: %s", path, got.Status, found)
			}
			if got.StatusCode >= 500 || got.Header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s: %s %v", path, got.Status, got.Header)
			}
			shown += strings.Count(got.Body, "zQ7")
		}
	}
	if shown < 50 {
		t.Errorf("the pages show the texts only %d times", shown)
	}
	attacks(t, n, "pages with markup in what they show")
}

// bombs are objects that say little and mean much.
func bombs() map[string]string {
	list := map[string]string{}
	for name, rule := range map[string]string{
		"each second": "FREQ=SECONDLY", "each second of a year": "FREQ=SECONDLY;INTERVAL=1;UNTIL=20270101T000000Z", "each minute": "FREQ=MINUTELY", "many": "FREQ=DAILY;COUNT=2147483647", "too many": "FREQ=DAILY;COUNT=99999999999999999999",
		"never": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", "never, by days": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31;BYDAY=MO,TU", "nearly never": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29;BYDAY=MO", "never each second": "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"never by position": "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=366", "week 53 and no day": "FREQ=YEARLY;BYWEEKNO=53;BYYEARDAY=100", "interval": "FREQ=DAILY;INTERVAL=2147483647", "no interval": "FREQ=DAILY;INTERVAL=0",
		"all at once": "FREQ=YEARLY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMINUTE=0,10,20,30,40,50;BYSECOND=0,30",
		"positions":   "FREQ=YEARLY;BYDAY=MO,TU,WE,TH,FR,SA,SU;BYSETPOS=" + strings.TrimSuffix(strings.Repeat("1,-1,", 2000), ","), "days": "FREQ=MONTHLY;BYMONTHDAY=" + strings.TrimSuffix(strings.Repeat("31,", 5000), ","),
		"other calendar": "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=30;SKIP=OMIT", "other calendar, never": "RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=13L;BYMONTHDAY=31",
		"negative": "FREQ=YEARLY;BYYEARDAY=-366;BYMONTH=2", "twice": "FREQ=DAILY\nRRULE:FREQ=SECONDLY\nRRULE:FREQ=MINUTELY", "without end and all excepted": "FREQ=DAILY\nEXRULE:FREQ=DAILY",
	} {
		list["rule "+name] = "DTSTART:20260101T000000Z\nRRULE:" + rule
		list["rule "+name+", long ago"] = "DTSTART:00010101T000000Z\nDURATION:P9999W\nRRULE:" + rule
	}
	repeat := func(n int, line string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, line, i)
		}
		return b.String()
	}
	const at = "DTSTART:20260101T000000Z"
	maps.Copy(list, map[string]string{
		"exceptions": at + "\nRRULE:FREQ=DAILY" + repeat(20_000, "\nEXDATE:20260101T%06dZ"), "dates": at + repeat(20_000, "\nRDATE:20270101T%06dZ"),
		"dates in one line": at + "\nRDATE:" + strings.TrimSuffix(strings.Repeat("20270101T000000Z,", 100_000), ","),
		"periods":           at + "\nRDATE;VALUE=PERIOD:" + strings.TrimSuffix(strings.Repeat("00010101T000000Z/99991231T235959Z,", 10_000), ","),
		"long":              "DTSTART:00010101T000000Z\nDTEND:99991231T235959Z", "duration": at + "\nDURATION:P99999999999999999999D", "negative duration": at + "\nDURATION:-P1000W",
		"alarms": at + "\nRRULE:FREQ=DAILY" + repeat(2_000, "\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT%dM\nREPEAT:2147483647\nDURATION:PT1S\nEND:VALARM"),
		"deep":   at + strings.Repeat("\nBEGIN:X", 10_000) + strings.Repeat("\nEND:X", 10_000), "parameters": at + "\nX-A" + repeat(50_000, ";P%d=x") + ":x", "values": at + "\nX-A;P=" + strings.TrimSuffix(strings.Repeat("x,", 500_000), ",") + ":x",
		"properties": at + repeat(200_000, "\nX-P%d:x"), "folded": at + "\nX-A:" + strings.Repeat("x\n ", 500_000), "one line": at + "\nDESCRIPTION:" + strings.Repeat("x", 9<<20),
		"attendees": at + repeat(50_000, "\nATTENDEE:mailto:u%d@example.com") + "\nORGANIZER:mailto:ann@example.com", "categories": at + "\nCATEGORIES:" + strings.TrimSuffix(strings.Repeat("x,", 500_000), ","),
		"a zone that is none": "DTSTART;TZID=Nowhere/At All:20260101T000000", "a zone by path": "DTSTART;TZID=../../etc/passwd:20260101T000000", "year 0": "DTSTART:00000101T000000Z\nRRULE:FREQ=YEARLY", "year 9999": "DTSTART:99991231T235959Z\nRRULE:FREQ=SECONDLY",
	})
	return list
}

// What says little and means much is refused, or costs no more than other objects: every
// question about it is answered, and the next person is served.
func TestAttackBombs(t *testing.T) {
	s := serve(t, smallConfig(t))
	b := open(t, s.HTTPS)
	b.signIn(t, "bob", "secret")
	calendarOf(t, s.HTTP, "bob", map[string]string{"beside": "DTSTART:20260504T000000Z\nDURATION:PT2H\nSUMMARY:Beside it"})
	c, n, stored := client(), 0, 0
	c.Timeout = time.Minute // whoever waits longer has been kept busy
	ask := func(what, method, path, body string, header ...string) int {
		t.Helper()
		a, err := try(c, method, s.HTTP+path, "bob", body, header...)
		if err != nil {
			t.Errorf("%s: %s: %v", what, method, err)
			return 0
		}
		if a.StatusCode >= 500 && a.StatusCode != 507 {
			t.Errorf("%s: %s %s: %s %.300s", what, method, path, a.Status, a.Body)
		}
		return a.StatusCode
	}
	data := `<D:prop><C:calendar-data><C:expand start="19000101T000000Z" end="99991231T000000Z"/></C:calendar-data></D:prop>`
	limited := strings.ReplaceAll(data, `<C:expand start="19000101T000000Z" end="99991231T000000Z"/>`, `<C:limit-recurrence-set start="19000101T000000Z" end="99991231T000000Z"/>`)
	filter := func(start, end string) string {
		return `<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range start="` + start + `" end="` + end + `"/></C:comp-filter></C:comp-filter></C:filter>`
	}
	all := bombs()
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if !tried(i) {
			continue
		}
		body := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:" + fmt.Sprint(i) + "\r\nDTSTAMP:20260101T000000Z\r\n" + strings.ReplaceAll(all[name], "\n", "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
		path := bobCalendar + "bomb.ics"
		n++
		if ask(name, "PUT", path, body, "Content-Type: text/calendar")/100 != 2 {
			continue
		}
		stored++
		for _, report := range []string{
			`<C:calendar-query` + davNames + `>` + data + filter("19000101T000000Z", "99991231T000000Z") + `</C:calendar-query>`,
			`<C:calendar-query` + davNames + `>` + limited + filter("20990101T000000Z", "20990102T000000Z") + `</C:calendar-query>`,
			`<C:calendar-multiget` + davNames + `>` + data + `<D:href>` + path + `</D:href></C:calendar-multiget>`,
			`<C:free-busy-query` + davNames + `><C:time-range start="19000101T000000Z" end="99991231T000000Z"/></C:free-busy-query>`,
		} {
			n++
			ask(name, "REPORT", bobCalendar, report, "Depth: 1")
		}
		for _, page := range []string{"/my/calendar/year/2026-05-04", "/my/calendar/agenda/2026-05-04"} {
			n++
			if a := b.get(t, page); a.StatusCode != 200 || strings.HasPrefix(page, "/my/calendar/agenda") && !strings.Contains(a.Body, "Beside it") {
				t.Errorf("%s: %s: %s", name, page, a.Status)
			}
		}
		ask(name, "DELETE", path, "")
		if a := do(t, c, "PROPFIND", s.HTTP+annHome, "ann", "", "Depth: 0"); a.StatusCode != 207 {
			t.Errorf("after %s, ann: %s", name, a.Status)
		}
	}
	t.Logf("%d of them were stored", stored)
	attacks(t, n, "iCalendar that means more than it says, and questions about it")
}

// Whatever a client writes into a request is one line of the access log, with as many words
// as others have, and no line of its own in the error log; and a terminal that shows them
// is not told what to do.
func TestAttackLogs(t *testing.T) {
	c := openHanded(smallConfig(t))
	c.Log.Error, c.Log.Level = "error.log", "debug"
	s := serve(t, c)
	odd := []string{"\r\nX: y", "%0d%0aforged", "\x1b[2J", "%1b%5b2J", `" 200 0 "-" "-"`, "\x7f", "\u202e", "%e2%80%ae", "\u2028", "\x00", "%00", "\xff", "\x9b31m", `\`, `\n`, " ", "%20", "\t", "level=ERROR msg=forged", "\"\n127.0.0.1 - ann"}
	n := 0
	send := func(request string) {
		t.Helper()
		conn, err := net.Dial("tcp", strings.TrimPrefix(s.HTTP, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if err := errors.Join(conn.SetDeadline(time.Now().Add(20*time.Second)), second(io.WriteString(conn, request))); err != nil {
			t.Fatal(err)
		}
		if resp, err := http.ReadResponse(bufio.NewReader(conn), nil); err == nil {
			_, _ = io.Copy(io.Discard, resp.Body) // what it says does not matter
		}
		n++
	}
	for _, o := range odd {
		const rest = "Host: x\r\nConnection: close\r\n"
		send("GET /calendars/users/" + o + "/ HTTP/1.1\r\n" + rest + "\r\n")
		send("GET /my/?" + o + " HTTP/1.1\r\n" + rest + "\r\n")
		send(o + " / HTTP/1.1\r\n" + rest + "\r\n")
		for _, field := range []string{"User-Agent", "Referer", "X-Forwarded-For", "X-Request-Id", "Depth", "Destination", "X-Authorize-As", "Authorization"} {
			send("PROPFIND / HTTP/1.1\r\n" + rest + field + ": " + o + "\r\n\r\n")
			if field != "Authorization" {
				send("PROPFIND / HTTP/1.1\r\n" + rest + "Authorization: Basic YW5uOnNlY3JldA==\r\n" + field + ": " + o + "\r\n\r\n")
			}
		}
		n += 2
		do(t, client(), "PROPFIND", s.HTTP+"/", o, "", "Depth: 0")
		do(t, client(), "REPORT", s.HTTP+"/calendars/", "ann", `<x xmlns="`+strings.NewReplacer("\x00", "", "\x1b", "", "<", "", `"`, "", "\xff", "", "\x9b", "").Replace(o)+`"/>`, "Depth: 0")
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^\S+ - \S+ \[[^\]]+\] "(?:[^"\\]|\\.)*" \d{3} (?:\d+|-) "(?:[^"\\]|\\.)*" "(?:[^"\\]|\\.)*" in=\d+ t=[0-9.]+ms(?: \S+=\S+)* id=\S+(?: \S+=\S+)*$`)
	requests := 0
	for name, form := range map[string]*regexp.Regexp{"access.log": line, "error.log": regexp.MustCompile(`^\d{4}-\d\d-\d\dT[0-9:.]+Z [A-Z]+ `)} {
		text, err := os.ReadFile(filepath.Join(c.Server.Data, name))
		if err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(string(text)) {
			l = strings.TrimSuffix(l, "\n")
			if name == "access.log" {
				requests++
			}
			if !form.MatchString(l) || strings.ContainsFunc(l, func(r rune) bool {
				return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\ufffd'
			}) {
				t.Errorf("%s: %q", name, l)
			}
		}
	}
	// What is no request of HTTP leaves no line.
	if requests < n/2 || requests > n {
		t.Errorf("%d lines of %d requests", requests, n)
	}
	attacks(t, n, "requests with what is no text for a log")
}
