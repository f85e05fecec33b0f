package caldav_test

import (
	"strings"
	"testing"

	"convene/caldav"
	"convene/quota"
)

func TestPut(t *testing.T) {
	e := newEnv(t)
	e.setLimits(func(l *quota.Limits) { l.ObjectBytes, l.Attendees, l.Attachments = 4000, 2, 2 })
	lunch := event("lunch", "20260504T120000Z")
	const path = "/calendars/users/ann/calendar/1.ics"
	first := e.must(201, "ann", "PUT", path, lunch, "If-None-Match: *").Header.Get("ETag")
	if first == "" {
		t.Fatal("no ETag")
	}
	for _, tt := range []struct { // in order: each row sees the rows before it
		name, user, path, body, header string
		status                         int
		condition                      string // substring of the DAV:error body
	}{
		{"create twice", "ann", path, lunch, "If-None-Match: *", 412, ""},
		{"replace", "ann", path, lunch, "If-Match: " + first, 204, ""},
		{"stale tag", "ann", path, lunch, "If-Match: " + first, 412, ""},
		{"If with a wrong tag", "ann", path, lunch, "If: ([\"nope\"])", 412, ""},
		{"not iCalendar", "ann", path, "hello", "", 403, "valid-calendar-data"},
		{"empty", "ann", path, "", "", 403, "valid-calendar-data"},
		{"not UTF-8", "ann", path, event("lunch", "20260504T120000Z", "LOCATION:Caf\xe9"), "", 403, "valid-calendar-data"},
		{"not UTF-8, in a name", "ann", path, event("lunch", "20260504T120000Z", "X-\xff:1"), "", 403, "valid-calendar-data"},
		{"not UTF-8, no line", "ann", path, "\xff\xfe", "", 403, "valid-calendar-data"},
		{"UTF-16", "ann", path, "\xff\xfeB\x00E\x00G\x00I\x00N\x00", "", 403, "valid-calendar-data"},
		{"not UTF-8, jCal", "ann", path, "[\"vcalendar\",[],[[\"vevent\",[[\"summary\",{},\"text\",\"\xe9\"]],[]]]]", "Content-Type: application/calendar+json", 403, "valid-calendar-data"},
		{"two UIDs", "ann", path, strings.Replace(lunch, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:other\r\nDTSTART:20260504T120000Z\r\nEND:VEVENT", 1), "", 403, "valid-calendar-object-resource"},
		{"with METHOD", "ann", path, strings.Replace(lunch, "VERSION:2.0", "VERSION:2.0\r\nMETHOD:REQUEST", 1), "", 403, "valid-calendar-object-resource"},
		{"another UID", "ann", path, event("dinner", "20260504T190000Z"), "", 403, "no-uid-conflict"},
		{"UID of another object", "ann", "/calendars/users/ann/calendar/2.ics", lunch, "", 403, "no-uid-conflict"},
		{"task in an event calendar", "ann", "/calendars/users/ann/calendar/3.ics", strings.NewReplacer("VEVENT", "VTODO", "UID:lunch", "UID:task").Replace(lunch), "", 403, "supported-calendar-component"},
		{"wrong type", "ann", path, lunch, "Content-Type: text/plain", 403, "supported-calendar-data"},
		{"too large", "ann", path, lunch + strings.Repeat(" ", 5000), "", 403, "max-resource-size"},
		{"too many attendees", "ann", path, event("lunch", "20260504T120000Z", "ATTENDEE:mailto:a@x.org", "ATTENDEE:mailto:b@x.org", "ATTENDEE:mailto:c@x.org"), "", 403, "max-attendees-per-instance"},
		{"as many attachments as there may be", "ann", path, event("lunch", "20260504T120000Z", "ATTACH:http://x.org/a", "ATTACH:http://x.org/b"), "", 204, ""},
		{"one more", "ann", path, event("lunch", "20260504T120000Z", "ATTACH:http://x.org/a", "ATTACH:http://x.org/b", "ATTACH:http://x.org/c"), "", 403, "<C:max-attachments xmlns:C=\"urn:ietf:params:xml:ns:caldav\"/>"},
		{"too many in an override alone", "ann", path, strings.Replace(event("lunch", "20260504T120000Z", "RRULE:FREQ=DAILY"), "END:VEVENT",
			"END:VEVENT\r\nBEGIN:VEVENT\r\nUID:lunch\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260505T120000Z\r\nDTSTART:20260505T130000Z\r\nATTACH:http://x.org/a\r\nATTACH:http://x.org/b\r\nATTACH:http://x.org/c\r\nEND:VEVENT", 1), "", 403, "<C:max-attachments xmlns:C=\"urn:ietf:params:xml:ns:caldav\"/>"},
		{"with none again", "ann", path, lunch, "", 204, ""},
		{"RFC 9110 §14.4 a part of it", "ann", path, lunch, "Content-Range: bytes 0-9/20", 400, ""},
		{"no such calendar", "ann", "/calendars/users/ann/nowhere/1.ics", lunch, "", 409, ""},
		{"into the inbox", "ann", "/calendars/users/ann/inbox/1.ics", event("inbox", "20260504T120000Z"), "", 403, "calendar-collection-location-ok"},
		{"stranger", "bob", path, lunch, "", 403, "need-privileges"},
		{"stranger, new object", "bob", "/calendars/users/ann/calendar/9.ics", lunch, "", 403, "need-privileges"},
		{"reader", "auditor", path, lunch, "", 403, "need-privileges"},
		{"administrator", "boss", path, lunch, "", 204, ""},
		{"by GUID", "ann", "/calendars/__uids__/" + guid("ann") + "/calendar/1.ics", lunch, "", 204, ""},
		{"a place that is no home", "ann", "/files/1.ics", lunch, "", 403, "calendar-collection-location-ok"},
		{"nobody's home", "ann", "/calendars/users/nobody/calendar/1.ics", lunch, "", 409, ""},
		{"record without calendars", "boss", "/calendars/users/gone/calendar/1.ics", lunch, "", 409, ""},
		{"room", "boss", "/calendars/locations/oak/calendar/1.ics", lunch, "", 201, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var headers []string
			if tt.header != "" {
				headers = append(headers, tt.header)
			}
			got := e.do(tt.user, "PUT", tt.path, tt.body, headers...)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) {
				t.Errorf("PUT = %d %q, want %d %q", got.Status, got.Body, tt.status, tt.condition)
			}
		})
	}
	if got := e.must(200, "ann", "GET", path, "").Body; got != lunch {
		t.Errorf("GET = %q, want what was PUT", got)
	}
}

func TestPutKeepsBytes(t *testing.T) {
	e := newEnv(t)
	odd := "BEGIN:VCALENDAR\nVERSION:2.0\nX-Thing;x=\"a;b\":1\nBEGIN:VEVENT\nUID:odd\nDTSTART;VALUE=DATE:20260504\nsummary:a long line that\n  goes on\nEND:VEVENT\nEND:VCALENDAR\n"
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/odd.ics", odd)
	if got := e.must(200, "ann", "GET", "/calendars/users/ann/calendar/odd.ics", "").Body; got != odd {
		t.Errorf("GET = %q, want %q", got, odd)
	}
}

func TestPutRepairs(t *testing.T) {
	e := newEnv(t)
	alarm := "BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT10M\r\nEND:VALARM"
	got := e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/a.ics", event("alarms", "20260504T120000Z", alarm, alarm))
	if tag := got.Header.Get("ETag"); tag != "" {
		t.Errorf("ETag %s for data that the server changed", tag)
	}
	if body := e.must(200, "ann", "GET", "/calendars/users/ann/calendar/a.ics", "").Body; strings.Count(body, "BEGIN:VALARM") != 1 {
		t.Errorf("GET = %q, want one alarm", body)
	}
}

func TestQuota(t *testing.T) {
	e := newEnv(t)
	if err := setQuota(e, "ann", 1000); err != nil {
		t.Fatal(err)
	}
	big := event("big", "20260504T120000Z", "DESCRIPTION:"+strings.Repeat("x", 2000))
	got := e.do("ann", "PUT", "/calendars/users/ann/calendar/big.ics", big)
	if got.Status != 507 || !strings.Contains(got.Body, "quota-not-exceeded") {
		t.Errorf("PUT = %d %q, want 507 quota-not-exceeded", got.Status, got.Body)
	}
	e.must(404, "ann", "GET", "/calendars/users/ann/calendar/big.ics", "")
}

func TestTimezonesByReference(t *testing.T) {
	e := newEnv(t)
	const path = "/calendars/users/ann/calendar/tz.ics"
	body := strings.Replace(event("tz", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1)
	if tag := e.must(201, "ann", "PUT", path, body).Header.Get("ETag"); tag != "" {
		t.Errorf("ETag %s for data that the server completed", tag)
	}
	if got := e.must(200, "ann", "GET", path, "").Body; !strings.Contains(got, "TZID:Europe/Berlin") {
		t.Errorf("no definition for a client that needs it: %s", got)
	}
	if got := e.must(200, "ann", "GET", path, "", "CalDAV-Timezones: F").Body; strings.Contains(got, "VTIMEZONE") {
		t.Errorf("a definition for a client that wants none: %s", got)
	}
	const zone = "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0900\r\nTZOFFSETTO:+0900\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	e.must(204, "ann", "PUT", path, strings.Replace(body, "BEGIN:VEVENT", zone+"BEGIN:VEVENT", 1))
	if got := e.must(200, "ann", "GET", path, "", "CalDAV-Timezones: F").Body; !strings.Contains(got, "+0900") {
		t.Errorf("without its definition the event is at another time: %s", got)
	}
	// A zone of Windows is known by its name as well.
	const windows = "/calendars/users/ann/calendar/windows.ics"
	e.must(201, "ann", "PUT", windows, strings.Replace(event("windows", "20260505T120000"), "DTSTART:", "DTSTART;TZID=Eastern Standard Time:", 1))
	if got := e.must(200, "ann", "GET", windows, "", "CalDAV-Timezones: F").Body; !strings.Contains(got, "TZID:Eastern Standard Time") {
		t.Errorf("no definition of a zone that is not of IANA: %s", got)
	}
	busy := `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"><C:time-range start="20260505T000000Z" end="20260506T000000Z"/></C:free-busy-query>`
	if got := e.must(200, "ann", "REPORT", "/calendars/users/ann/calendar/", busy, "Depth: 1").Body; !strings.Contains(got, "20260505T160000Z/") {
		t.Errorf("busy at another time: %s", got)
	}
	e.must(403, "ann", "PUT", "/calendars/users/ann/calendar/no.ics", strings.Replace(event("no", "20260504T120000"), "DTSTART:", "DTSTART;TZID=Nowhere/Land:", 1))
}

// What a calendar says of its instances holds for a series that ends (RFC 4791
// §5.2.8); one without end is only ever looked at in part.
func TestPutTooManyInstances(t *testing.T) {
	e := newEnv(t, func(l *caldav.Limits) { l.Instances = 50 })
	for rule, status := range map[string]int{"FREQ=DAILY;COUNT=50": 201, "FREQ=DAILY;COUNT=51": 403, "FREQ=DAILY": 201, "FREQ=DAILY;UNTIL=20270101T000000Z": 403} {
		got := e.must(status, "ann", "PUT", "/calendars/users/ann/calendar/a.ics", event("a", "20260101T120000Z", "RRULE:"+rule))
		if status == 403 && !strings.Contains(got.Body, "max-instances") {
			t.Errorf("%s: %s", rule, got.Body)
		}
		e.do("ann", "DELETE", "/calendars/users/ann/calendar/a.ics", "")
	}
}

// What a PUT makes depends on what is there: objects in calendars, which one's own home is
// presumed to have, and files elsewhere. A body is read once, and kept for what it turns
// out to be.
func TestPutsByWhatIsThere(t *testing.T) {
	e := newEnv(t)
	const home = "/calendars/users/ann/"
	e.must(201, "ann", "MKCOL", home+"folder/", "")
	e.must(201, "ann", "PUT", home+"calendar/1.ics", event("1", "20260504T120000Z"))
	tests := []struct {
		place, body string
		status      int
		condition   string
		headers     []string
	}{
		{"calendar/2.ics", event("2", "20260504T120000Z"), 201, "", nil},
		{"calendar/2.ics", event("2", "20260505T120000Z"), 204, "", nil},
		{"calendar/2.ics", event("2", "20260505T120000Z"), 412, "", []string{"If-None-Match: *"}},
		{"calendar/3.ics", event("3", "20260505T120000Z"), 412, "", []string{"If-Match: *"}},
		{"calendar/3.ics", "text", 403, "valid-calendar-data", nil},
		{"calendar/3.ics", event("1", "20260504T120000Z"), 403, "no-uid-conflict", nil},
		{"folder/note.txt", "text", 201, "", nil},
		{"folder/note.txt", "more text", 204, "", nil},
		{"folder/4.ics", event("1", "20260504T120000Z"), 201, "", nil},
		{"missing/5.ics", event("5", "20260504T120000Z"), 409, "", nil},
		{"missing/5.ics", "text", 403, "valid-calendar-data", nil},
		{"calendar/1.ics/6.ics", event("6", "20260504T120000Z"), 409, "", nil},
		{"calendar/7.ics/", event("7", "20260504T120000Z"), 409, "", nil},
	}
	for _, tt := range tests {
		t.Run(tt.place+" "+strings.Join(tt.headers, ""), func(t *testing.T) {
			path := home + tt.place
			before := e.send("ann", "GET", path, nil)
			got := e.send("ann", "PUT", path, strings.NewReader(tt.body), append(tt.headers, "Content-Type: text/calendar")...)
			if got.Status != tt.status || !strings.Contains(got.Body, tt.condition) {
				t.Fatalf("%d %s, want %d %s", got.Status, got.Body, tt.status, tt.condition)
			}
			after := e.send("ann", "GET", path, nil)
			if tt.status < 300 && after.Body != tt.body {
				t.Errorf("GET gives %q, want %q", after.Body, tt.body)
			}
			if tt.status >= 300 && (after.Status != before.Status || after.Body != before.Body) {
				t.Errorf("a refused PUT changed %d %q to %d %q", before.Status, before.Body, after.Status, after.Body)
			}
		})
	}
}
