package caldav_test

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"convene/caldav"
	"convene/directory"
)

const outbox = "/calendars/users/ann/outbox/"

// busyRequest is a VFREEBUSY REQUEST of ann's about 4 May 2026; more are further lines of
// the VFREEBUSY.
func busyRequest(attendees []string, more ...string) string {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:ask", "DTSTAMP:20260504T000000Z",
		"DTSTART:20260504T000000Z", "DTEND:20260505T000000Z"}
	if !strings.Contains(strings.Join(more, "\n"), "ORGANIZER") {
		lines = append(lines, "ORGANIZER;CN=Ann:mailto:ann@example.com")
	}
	for _, a := range attendees {
		lines = append(lines, "ATTENDEE;PARTSTAT=NEEDS-ACTION:"+a)
	}
	lines = append(append(lines, more...), "END:VFREEBUSY", "END:VCALENDAR", "")
	return strings.Join(lines, "\r\n")
}

// busyResponse is what a schedule-response says of one recipient.
type busyResponse struct {
	Recipient href   `xml:"urn:ietf:params:xml:ns:caldav recipient"`
	Status    string `xml:"urn:ietf:params:xml:ns:caldav request-status"`
	Data      string `xml:"urn:ietf:params:xml:ns:caldav calendar-data"`
	Error     names  `xml:"DAV: error"`
	Words     string `xml:"DAV: responsedescription"`
}

// summary is the status, then the condition or the busy times.
func (r busyResponse) summary() string {
	out := r.Status[:3]
	for _, e := range r.Error.Elements {
		out += " " + e.XMLName.Local
	}
	unfolded := strings.ReplaceAll(strings.ReplaceAll(r.Data, "\r\n", "\n"), "\n ", "")
	for line := range strings.SplitSeq(unfolded, "\n") {
		if times, ok := strings.CutPrefix(line, "FREEBUSY;FBTYPE="); ok {
			out += " " + strings.ReplaceAll(times, "20260504T", "")
		}
	}
	return out
}

// ask posts to ann's outbox as a user, and fails unless that succeeds.
func (e *env) ask(user, body string) []busyResponse {
	e.t.Helper()
	return parseBusy(e.t, e.must(200, user, "POST", outbox, body, "Content-Type: text/calendar").Body)
}

func parseBusy(t testing.TB, body string) []busyResponse {
	t.Helper()
	var answer struct {
		XMLName   xml.Name       `xml:"urn:ietf:params:xml:ns:caldav schedule-response"`
		Responses []busyResponse `xml:"urn:ietf:params:xml:ns:caldav response"`
	}
	if err := xml.Unmarshal([]byte(body), &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	return answer.Responses
}

func summaries(list []busyResponse) string {
	var all []string
	for _, r := range list {
		all = append(all, r.summary())
	}
	return strings.Join(all, "\n")
}

// The way to an event and back takes time as well (Apple's X-APPLE-TRAVEL-DURATION),
// also where the event itself is not on the day that is asked about.
func TestOutboxTravel(t *testing.T) {
	const there, back = "X-APPLE-TRAVEL-DURATION;VALUE=DURATION:PT30M", "X-APPLE-TRAVEL-RETURN-DURATION:PT15M"
	for _, tt := range []struct {
		name  string
		start string
		more  []string
		want  string
	}{
		{"there", "20260504T080000Z", []string{there}, " BUSY:073000Z/PT1H30M"},
		{"there and back", "20260504T080000Z", []string{there, back}, " BUSY:073000Z/PT1H45M"},
		{"to a tentative one", "20260504T080000Z", []string{there, "STATUS:TENTATIVE"}, " BUSY-TENTATIVE:073000Z/PT1H30M"},
		{"to one that takes no time", "20260504T080000Z", []string{there, "TRANSP:TRANSPARENT"}, ""},
		{"each time", "20260501T080000Z", []string{there, "RRULE:FREQ=DAILY"}, " BUSY:073000Z/PT1H30M"},
		{"the day before", "20260505T000000Z", []string{there}, " BUSY:233000Z/PT30M"},
		{"the day after", "20260503T230000Z", []string{there, back}, " BUSY:000000Z/PT15M"},
		{"on the day before all of it", "20260503T080000Z", []string{there, back}, ""},
		{"longer than a day", "20260506T120000Z", []string{"X-APPLE-TRAVEL-DURATION:P3D"}, ""},
		{"a time that is none", "20260504T080000Z", []string{"X-APPLE-TRAVEL-DURATION:soon", "X-APPLE-TRAVEL-RETURN-DURATION:-PT1H"}, " BUSY:080000Z/PT1H"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/a.ics", event("a", tt.start, tt.more...))
			if got := summaries(e.ask("ann", busyRequest([]string{"mailto:bob@example.com"}))); got != "2.0"+tt.want {
				t.Errorf("%s, want 2.0%s", got, tt.want)
			}
		})
	}
}

// What of a calendar counts, and as what (RFC 4791 §7.10, RFC 6638 §5).
func TestOutboxBusyTimes(t *testing.T) {
	e := newEnv(t)
	const bob, berlin = "/calendars/users/bob/", "/calendars/users/bob/calendar/"
	put := func(in, uid, start string, more ...string) {
		e.must(201, "bob", "PUT", in+uid+".ics", event(uid, start, more...))
	}
	e.must(207, "bob", "PROPPATCH", berlin, setting("D:propertyupdate", "<C:calendar-timezone-id>Europe/Berlin</C:calendar-timezone-id>"))
	put(berlin, "busy", "20260504T080000Z")
	put(berlin, "tentative", "20260504T100000Z", "STATUS:TENTATIVE")
	put(berlin, "transparent", "20260504T120000Z", "TRANSP:TRANSPARENT")
	put(berlin, "cancelled", "20260504T140000Z", "STATUS:CANCELLED")
	put(berlin, "series", "20260501T160000Z", "RRULE:FREQ=DAILY")
	put(berlin, "hidden", "20260504T170000Z", "X-CALENDARSERVER-HIDDEN-INSTANCE:T")
	put(berlin, "private", "20260504T180000Z", "CLASS:PRIVATE")
	put(berlin, "floating", "20260504T220000")
	e.must(201, "bob", "MKCALENDAR", bob+"free/", setting("C:mkcalendar", "<C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp>"))
	put(bob+"free/", "elsewhere", "20260504T050000Z")
	got := e.ask("ann", busyRequest([]string{"mailto:bob@example.com"}))
	const want = "2.0 BUSY:080000Z/PT1H,160000Z/PT1H,180000Z/PT1H,200000Z/PT1H BUSY-TENTATIVE:100000Z/PT1H"
	if summaries(got) != want {
		t.Errorf("%s, want %s", summaries(got), want)
	}
	for _, line := range []string{"METHOD:REPLY", "UID:ask", "DTSTART:20260504T000000Z", "DTEND:20260505T000000Z", "DTSTAMP:20260504T120000Z",
		"ORGANIZER;CN=Ann:mailto:ann@example.com", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.com"} {
		if !strings.Contains(got[0].Data, line+"\n") {
			t.Errorf("no %s in %s", line, got[0].Data)
		}
	}
	if strings.Contains(got[0].Data, "VEVENT") || strings.Contains(got[0].Data, "SUMMARY") {
		t.Errorf("tells too much: %s", got[0].Data)
	}
	day := busyRequest([]string{"mailto:bob@example.com"})
	e.must(201, "bob", "PUT", berlin+"day.ics", strings.Replace(strings.Replace(event("day", "20260504"), "DTSTART:", "DTSTART;VALUE=DATE:", 1), "DURATION:PT1H\r\n", "", 1))
	if got := summaries(e.ask("ann", day)); got != "2.0 BUSY:000000Z/PT22H BUSY-TENTATIVE:100000Z/PT1H" { // midnight in Berlin
		t.Errorf("a whole day: %s", got)
	}
}

// Whom one may ask about, under which address, and what is said of others: in the
// order of the request, each as it was written.
func TestOutboxRecipients(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.FreeBusyPeople, l.FreeBusyRooms = 14, 1 })
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/1.ics", event("1", "20260504T080000Z"))
	const busy = "2.0 BUSY:080000Z/PT1H"
	list := []struct{ address, want string }{
		{"mailto:bob@example.com", busy},
		{"urn:x-uid:" + strings.ToLower(guid("bob")), busy},
		{"URN:UUID:" + guid("bob"), busy},
		{"/principals/users/bob", busy},
		{"/principals/__uids__/" + guid("bob") + "/", busy},
		{"http://example.com:8008/principals/users/bob/", busy},
		{"http://elsewhere.example.org/principals/users/bob/", "3.7 recipient-exists"},
		{"mailto:nobody@example.com", "3.7 recipient-exists"},
		{"mailto:gone@example.com", "3.7 recipient-exists"}, // without calendars
		{"urn:uuid:" + guid("nobody"), "3.7 recipient-exists"},
		{"sip:bob@example.com", "3.7 recipient-exists"},
		{"mailto:auditor@example.com", "2.0"}, // has never come
		{"mailto:staff@example.com", "2.0"},
		{"mailto:oak@example.com", "2.0"},
		{"mailto:van@example.com", "5.1 recipient-limit"},
		{"mailto:ann@example.com", "2.0"},
		{"mailto:boss@example.com", "5.1 recipient-limit"},
	}
	var addresses []string
	for _, l := range list {
		addresses = append(addresses, l.address)
	}
	got := e.ask("ann", busyRequest(append(addresses, "MAILTO:Bob@example.com"))) // once more
	if len(got) != len(list) {
		t.Fatalf("%d responses, want %d", len(got), len(list))
	}
	for i, l := range list {
		if got[i].Recipient.Href != l.address || got[i].summary() != l.want || got[i].Words == "" {
			t.Errorf("%s: %s of %s (%s), want %s", l.address, got[i].summary(), got[i].Recipient.Href, got[i].Words, l.want)
		}
	}
	if got := e.do("boss", "PROPFIND", "/calendars/users/auditor/", "", "Depth: 0"); got.Status != 207 {
		t.Errorf("a home = %d", got.Status)
	}
}

// Clients from before RFC 6638 send what the server has sent already: they are told so,
// and nothing happens.
func TestOutboxOldDrafts(t *testing.T) {
	e := newEnv(t)
	e.h.OldDrafts = true
	calendar := []string{"Content-Type: text/calendar"}
	message := func(method, component string) string {
		return strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "METHOD:" + method, "BEGIN:" + component, "UID:old", "DTSTAMP:20260504T000000Z",
			"DTSTART:20260504T100000Z", "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:MAILTO:BOB@example.com", "ATTENDEE:mailto:cal@example.com",
			"END:" + component, "END:VCALENDAR", ""}, "\r\n")
	}
	const sent = "<C:request-status>1.2;Delivered"
	e.rows(t, []row{
		{name: "an invitation", method: "POST", path: outbox, body: message("REQUEST", "VEVENT"), header: calendar, status: 200, want: []string{sent, "mailto:bob@", "mailto:cal@"}, not: []string{"BOB", "ann@"}},
		{name: "a cancelled task", method: "POST", path: outbox, body: message("CANCEL", "VTODO"), header: calendar, status: 200, want: []string{sent, "mailto:bob@"}},
		{name: "an answer", method: "POST", path: outbox, body: message("REPLY", "VEVENT"), header: calendar, status: 200, want: []string{sent, "mailto:ann@"}, not: []string{"bob@"}},
		{name: "a proposal for no meeting", method: "POST", path: outbox, body: message("COUNTER", "VEVENT"), header: calendar, status: 403, want: []string{"<C:valid-scheduling-message/>"}},
		{name: "one that says who may see it", method: "POST", path: outbox, body: strings.Replace(message("REQUEST", "VEVENT"), "METHOD", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nMETHOD", 1), header: calendar, status: 403, want: []string{"<CS:no-access-restrictions"}},
		{name: "one of which a part says it", method: "POST", path: outbox, body: strings.Replace(message("REPLY", "VEVENT"), "UID", "X-CALENDARSERVER-ACCESS:PUBLIC\r\nUID", 1), header: calendar, status: 403, want: []string{"<CS:no-access-restrictions"}},
		{name: "a proposal that says it", method: "POST", path: outbox, body: strings.Replace(message("COUNTER", "VEVENT"), "METHOD", "X-CALENDARSERVER-ACCESS:PRIVATE\r\nMETHOD", 1), header: calendar, status: 403, want: []string{"<CS:no-access-restrictions"}},
		{name: "for nobody", method: "POST", path: outbox, body: strings.ReplaceAll(message("REQUEST", "VEVENT"), "ATTENDEE", "CONTACT"), header: calendar, status: 403},
		{name: "of another organizer", method: "POST", path: outbox, body: strings.Replace(message("REQUEST", "VEVENT"), "ORGANIZER:mailto:ann", "ORGANIZER:mailto:bob", 1), header: calendar, status: 403, want: []string{"<C:organizer-allowed/>"}},
		{name: "by another", user: "bob", method: "POST", path: outbox, body: message("REQUEST", "VEVENT"), header: calendar, status: 403, want: []string{"<C:schedule-send-freebusy/>"}},
		{name: "busy times", method: "POST", path: outbox, body: busyRequest([]string{"mailto:bob@example.com"}), header: calendar, status: 200, want: []string{"2.0;Success"}},
	})
	for _, collection := range []string{"inbox", "calendar"} {
		if list := e.members("bob", "/calendars/users/bob/"+collection+"/"); len(list) > 0 {
			t.Errorf("bob's %s has %v", collection, list)
		}
	}
}

// What is refused, and by which name.
func TestOutboxPreconditions(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.QueryPast, l.QueryFuture = 30*24*time.Hour, 30*24*time.Hour })
	good := busyRequest([]string{"mailto:bob@example.com"})
	calendar := []string{"Content-Type: text/calendar"}
	e.rows(t, []row{
		{name: "asked", method: "POST", path: outbox, body: good, header: calendar, status: 200, want: []string{"<C:request-status>2.0;Success"}},
		{name: "old headers say nothing", method: "POST", path: outbox, body: good, header: append(calendar, "Originator: mailto:boss@example.com", "Recipient: mailto:oak@example.com"), status: 200, want: []string{"mailto:bob@"}, not: []string{"oak"}},
		{name: "by another", user: "bob", method: "POST", path: outbox, body: good, header: calendar, status: 403, want: []string{"<D:need-privileges>", "<D:href>" + outbox, "<C:schedule-send-freebusy/>"}},
		{name: "by a reader", user: "auditor", method: "POST", path: outbox, body: good, header: calendar, status: 403, want: []string{"<C:schedule-send-freebusy/>"}},
		{name: "by an administrator", user: "boss", method: "POST", path: outbox, body: good, header: calendar, status: 200},
		{name: "no type", method: "POST", path: outbox, body: good, status: 403, want: []string{"<C:supported-calendar-data/>"}},
		{name: "another type", method: "POST", path: outbox, body: good, header: []string{"Content-Type: text/plain"}, status: 403, want: []string{"<C:supported-calendar-data/>"}},
		{name: "no calendar", method: "POST", path: outbox, body: "When?", header: calendar, status: 403, want: []string{"<C:valid-calendar-data/>"}},
		{name: "nobody asked", method: "POST", path: outbox, body: busyRequest(nil), header: calendar, status: 403, want: []string{"<C:recipient-specified/>"}},
		{name: "an invitation", method: "POST", path: outbox, body: strings.ReplaceAll(good, "VFREEBUSY", "VEVENT"), header: calendar, status: 403, want: []string{"<C:valid-calendar-data/>", "valid-scheduling-message"}},
		{name: "a cancellation", method: "POST", path: outbox, body: strings.Replace(good, "METHOD:REQUEST", "METHOD:CANCEL", 1), header: calendar, status: 403, want: []string{"<C:valid-calendar-data/>"}},
		{name: "private", method: "POST", path: outbox, body: busyRequest([]string{"mailto:bob@example.com"}, "X-CALENDARSERVER-ACCESS:PRIVATE"), header: calendar, status: 403, want: []string{"no-access-restrictions"}},
		{name: "in the name of another", method: "POST", path: outbox, body: busyRequest([]string{"mailto:bob@example.com"}, "ORGANIZER:mailto:bob@example.com"), header: calendar, status: 403, want: []string{"<C:organizer-allowed/>", "valid-organizer"}},
		{name: "in one's name, otherwise", method: "POST", path: outbox, body: busyRequest([]string{"mailto:bob@example.com"}, "ORGANIZER:urn:uuid:"+guid("ann")), header: calendar, status: 200},
		{name: "in the name of a room", user: "boss", method: "POST", path: "/calendars/locations/oak/outbox/", body: busyRequest([]string{"mailto:bob@example.com"}, "ORGANIZER:mailto:oak@example.com"), header: calendar, status: 403, want: []string{"<C:organizer-allowed/>"}},
		{name: "long ago", method: "POST", path: outbox, body: strings.ReplaceAll(good, ":2026050", ":2020050"), header: calendar, status: 403, want: []string{"<C:min-date-time/>"}},
		{name: "far ahead", method: "POST", path: outbox, body: strings.ReplaceAll(good, ":2026050", ":2046050"), header: calendar, status: 403, want: []string{"<C:max-date-time/>"}},
		{name: "as far as it is known", method: "POST", path: outbox, body: strings.Replace(good, "DTEND:2026", "DTEND:2046", 1), header: calendar, status: 200, want: []string{"DTSTART:20260504T000000Z", "DTEND:20260603T120000Z"}},
		{name: "not to an inbox", method: "POST", path: "/calendars/users/ann/inbox/", body: good, header: calendar, status: 405},
	})
	e.h.Limits.MaxRequestSize = 100
	e.must(403, "ann", "POST", outbox, good, calendar...)
}

// A mask, who it is for and who not.
func TestOutboxMask(t *testing.T) {
	e := newEnv(t)
	const bob, ann = "/calendars/users/bob/calendar/", "/calendars/users/ann/calendar/"
	e.must(201, "bob", "PUT", bob+"1.ics", event("meeting", "20260504T080000Z", "ORGANIZER;SCHEDULE-AGENT=CLIENT:urn:x-uid:"+guid("ann"), "ATTENDEE:mailto:bob@example.com"))
	e.must(201, "bob", "PUT", bob+"2.ics", event("plain", "20260504T100000Z"))
	e.must(201, "ann", "PUT", ann+"3.ics", event("own", "20260504T120000Z"))
	e.must(201, "ann", "PUT", ann+"4.ics", event("others", "20260504T140000Z", "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:bob@example.com", "ATTENDEE:mailto:ann@example.com"))
	both := []string{"mailto:bob@example.com", "mailto:ann@example.com"}
	for mask, want := range map[string]string{
		"":        "2.0 BUSY:080000Z/PT1H,100000Z/PT1H\n2.0 BUSY:120000Z/PT1H,140000Z/PT1H",
		"meeting": "2.0 BUSY:100000Z/PT1H\n2.0 BUSY:120000Z/PT1H,140000Z/PT1H",
		"plain":   "2.0 BUSY:080000Z/PT1H,100000Z/PT1H\n2.0 BUSY:120000Z/PT1H,140000Z/PT1H",
		"own":     "2.0 BUSY:080000Z/PT1H,100000Z/PT1H\n2.0 BUSY:140000Z/PT1H",
		"others":  "2.0 BUSY:080000Z/PT1H,100000Z/PT1H\n2.0 BUSY:120000Z/PT1H,140000Z/PT1H",
	} {
		if got := summaries(e.ask("ann", busyRequest(both, "X-CALENDARSERVER-MASK-UID:"+mask))); got != want {
			t.Errorf("mask %q: %s, want %s", mask, got, want)
		}
	}
}

// Who learns what besides the times.
func TestOutboxExtended(t *testing.T) {
	e := newEnv(t)
	const at = "20260504T080000Z"
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/1.ics", event("ann's", at, "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com", "LOCATION:Oak"))
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/2.ics", event("secret", at, "CLASS:PRIVATE"))
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/3.ics", event("free", at, "TRANSP:TRANSPARENT"))
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/1.ics", event("bob's", at))
	e.must(201, "boss", "PUT", "/calendars/locations/oak/calendar/1.ics", event("oak's", at, "ORGANIZER:mailto:bob@example.com"))
	everybody := busyRequest([]string{"mailto:ann@example.com", "mailto:bob@example.com", "mailto:oak@example.com"}, "X-CALENDARSERVER-EXTENDED-FREEBUSY:T")
	got := e.ask("ann", everybody)
	for i, tt := range []struct{ want, not string }{
		{"UID:ann's|SUMMARY:ann's|ORGANIZER;CN=Ann Archer:mailto:ann@example.com|DTEND:20260504T090000Z", "LOCATION|secret|UID:free|DURATION"},
		{"FREEBUSY;", "VEVENT|bob's"},
		{"UID:oak's|ORGANIZER;CN=Bob Baker|:mailto:bob@", "SUMMARY"},
	} {
		for want := range strings.SplitSeq(tt.want, "|") {
			if !strings.Contains(unfolded(got[i].Data), want) {
				t.Errorf("no %s in %s", want, got[i].Data)
			}
		}
		for not := range strings.SplitSeq(tt.not, "|") {
			if strings.Contains(got[i].Data, not) {
				t.Errorf("%s in %s", not, got[i].Data)
			}
		}
	}
	if all := e.ask("boss", everybody); !strings.Contains(all[1].Data, "SUMMARY:bob's") || strings.Contains(all[0].Data, "secret") {
		t.Errorf("one who may read all: %v", all)
	}
}

// JCal is answered with jCal (RFC 7265).
func TestOutboxJCal(t *testing.T) {
	e := newEnv(t)
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/1.ics", event("1", "20260504T080000Z"))
	body := `["vcalendar",[["version",{},"text","2.0"],["method",{},"text","REQUEST"]],[["vfreebusy",[["uid",{},"text","ask"],["dtstamp",{},"date-time","2026-05-04T00:00:00Z"],
		["organizer",{},"cal-address","mailto:ann@example.com"],["attendee",{},"cal-address","mailto:bob@example.com"],
		["dtstart",{},"date-time","2026-05-04T00:00:00Z"],["dtend",{},"date-time","2026-05-05T00:00:00Z"]],[]]]]`
	got := e.must(200, "ann", "POST", outbox, body, "Content-Type: application/calendar+json").Body
	for _, want := range []string{`content-type="application/calendar+json"`, `["method",{},"text","REPLY"]`, `["2026-05-04T08:00:00Z","PT1H"]`} {
		if !strings.Contains(strings.ReplaceAll(got, "&quot;", `"`), want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
}

// away is a directory that cannot be asked about some.
type absent struct {
	directory.Directory
	about string // part of the key
}

func (d absent) Lookup(ctx context.Context, key directory.Key) (*directory.Principal, error) {
	if d.about != "" && strings.Contains(key.Value, d.about) {
		return nil, fmt.Errorf("%w: %w", directory.ErrUnavailable, errors.New("no route"))
	}
	return d.Directory.Lookup(ctx, key)
}

// A directory that is away says nothing about people.
func TestOutboxDirectoryAway(t *testing.T) {
	e := newEnv(t)
	e.h.Directory = absent{e.dir, "@example.com"}
	everybody := []string{"mailto:bob@example.com", "/principals/users/ann/"}
	if got := summaries(e.ask("ann", busyRequest(everybody))); got != "5.1\n2.0" {
		t.Error(got)
	}
	got := e.do("ann", "POST", outbox, busyRequest(everybody[:1]), "Content-Type: text/calendar")
	if got.Status != 503 || got.Header.Get("Retry-After") == "" {
		t.Errorf("all away = %d %v", got.Status, got.Header)
	}
}

// A request that would expand too much is said so of whom it is about.
func TestOutboxBudget(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.Instances = 10 })
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/1.ics", event("1", "20260504T000000Z", "RRULE:FREQ=HOURLY;COUNT=8"))
	e.h.Limits.Instances = 1
	year := strings.Replace(busyRequest([]string{"mailto:bob@example.com", "mailto:staff@example.com"}), "DTEND:2026", "DTEND:2028", 1)
	if got := summaries(e.ask("ann", year)); got != "5.1\n2.0" {
		t.Error(got)
	}
}
