package caldav_test

import (
	"regexp"
	"strings"
	"testing"

	"convene/caldav"
	"convene/calendar"
)

// calendars of the people in the tests.
const (
	annsMeetings = "/calendars/users/ann/calendar/"
	bobsMeetings = "/calendars/users/bob/calendar/"
)

// meeting is an event of ann with attendees, whom she invites.
func meeting(uid, start string, more ...string) string {
	lines := append([]string{"ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com"}, more...)
	return event(uid, start, lines...)
}

// only is the path of the one member of a collection, which there must be.
func (e *env) only(user, collection string) string {
	e.t.Helper()
	members := e.members(user, collection)
	if len(members) != 1 {
		e.t.Fatalf("%s has %q, want one", collection, members)
	}
	return members[0]
}

var memberHref = regexp.MustCompile(`<D:href>([^<]*)</D:href>`)

// members are the paths of the objects in a collection.
func (e *env) members(user, collection string) (list []string) {
	e.t.Helper()
	body := e.must(207, user, "PROPFIND", collection, `<D:propfind xmlns:D="DAV:"><D:prop><D:getetag/></D:prop></D:propfind>`, "Depth: 1").Body
	for _, m := range memberHref.FindAllStringSubmatch(body, -1)[1:] {
		list = append(list, m[1])
	}
	return list
}

// unfolded is calendar data with one line for each property.
func unfolded(data string) string { return strings.ReplaceAll(data, "\r\n ", "") }

// line is the first line of data that begins with a name and has a text in it; ""
// if there is none.
func line(data, name, text string) string {
	for l := range strings.SplitSeq(unfolded(data), "\r\n") {
		if strings.HasPrefix(l, name) && strings.Contains(l, text) {
			return l
		}
	}
	return ""
}

// RFC 6638 §3.2.1, §3.2.2: the organizer's write puts a copy into the attendee's
// calendar and a message into their inbox; the attendee's answer changes the
// organizer's copy, and puts a message there.
func TestInviteAndAnswer(t *testing.T) {
	e := newEnv(t)
	data := meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com")
	put := e.must(201, "ann", "PUT", annsMeetings+"plan.ics", data)
	tag := put.Header.Get("Schedule-Tag")
	if tag == "" {
		t.Fatal("no Schedule-Tag in the response")
	}
	copyPath := e.only("bob", bobsMeetings)
	got := e.must(200, "bob", "GET", copyPath, "")
	for _, want := range []string{"ORGANIZER", "mailto:ann@example.com"} {
		if line(got.Body, "ORGANIZER", want) == "" {
			t.Errorf("bob's copy has no %s: %s", want, got.Body)
		}
	}
	if l := line(got.Body, "ATTENDEE", "bob@example.com"); !strings.Contains(l, "RSVP=TRUE") {
		t.Errorf("bob's line is %q", l)
	}
	if strings.Contains(got.Body, "urn:x-uid") || strings.Contains(got.Body, "METHOD") {
		t.Errorf("bob's copy: %s", got.Body)
	}
	item := e.must(200, "bob", "GET", e.only("bob", "/calendars/users/bob/inbox/"), "")
	if !strings.Contains(item.Body, "METHOD:REQUEST") || strings.Contains(item.Body, "urn:x-uid") {
		t.Errorf("the message is %s", item.Body)
	}
	stored := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "")
	if l := line(stored.Body, "ATTENDEE", "bob@"); !strings.Contains(l, "SCHEDULE-STATUS=1.2") {
		t.Errorf("ann's line for bob is %q", l)
	}

	accepted := strings.Replace(unfolded(got.Body), "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1)
	answered := e.must(204, "bob", "PUT", copyPath, accepted, "If-Schedule-Tag-Match: "+got.Header.Get("Schedule-Tag"))
	if answered.Header.Get("Schedule-Tag") == "" {
		t.Error("no Schedule-Tag in the response to the answer")
	}
	after := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "")
	if l := line(after.Body, "ATTENDEE", "bob@"); !strings.Contains(l, "PARTSTAT=ACCEPTED") || strings.Contains(l, "RSVP") {
		t.Errorf("ann's line for bob is %q after he accepted", l)
	}
	if after.Header.Get("Schedule-Tag") != stored.Header.Get("Schedule-Tag") {
		t.Error("an answer changed the organizer's Schedule-Tag")
	}
	if after.Header.Get("ETag") == stored.Header.Get("ETag") {
		t.Error("an answer left the organizer's ETag as it was")
	}
	reply := e.must(200, "ann", "GET", e.only("ann", "/calendars/users/ann/inbox/"), "")
	if !strings.Contains(reply.Body, "METHOD:REPLY") {
		t.Errorf("ann's message is %s", reply.Body)
	}
	changes := e.must(207, "ann", "PROPFIND", e.only("ann", "/calendars/users/ann/inbox/"),
		`<D:propfind xmlns:D="DAV:" xmlns:CS="http://calendarserver.org/ns/"><D:prop><CS:schedule-changes/></D:prop></D:propfind>`, "Depth: 0")
	if !strings.Contains(changes.Body, "<CS:attendee>mailto:bob@example.com</CS:attendee>") { // as in the data
		t.Errorf("schedule-changes name another than bob: %s", changes.Body)
	}
	if !strings.Contains(changes.Body, "reply>") || !strings.Contains(changes.Body, `name="PARTSTAT"`) {
		t.Errorf("schedule-changes: %s", changes.Body)
	}

	e.must(412, "ann", "PUT", annsMeetings+"plan.ics", data, `If-Schedule-Tag-Match: "no"`)
}

// RFC 6638 §3.2.10: others' answers are merged into what the organizer writes who has
// not seen them, and proves to have seen all else: by the Schedule-Tag, or by an ETag
// that the object had since it got the tag.
func TestMergeAnswers(t *testing.T) {
	for _, header := range []string{"Schedule-Tag", "ETag"} {
		t.Run(header, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
			seen := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "")
			copyPath := e.only("bob", bobsMeetings)
			e.must(204, "bob", "PUT", copyPath, strings.Replace(unfolded(e.must(200, "bob", "GET", copyPath, "").Body), "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1))
			condition := "If-Match: " + seen.Header.Get("ETag")
			if header == "Schedule-Tag" {
				condition = "If-Schedule-Tag-Match: " + seen.Header.Get(header)
			}
			e.must(204, "ann", "PUT", annsMeetings+"plan.ics", strings.Replace(seen.Body, "SUMMARY:plan", "SUMMARY:new plan", 1), condition)
			got := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body
			if l := line(got, "ATTENDEE", "bob@"); !strings.Contains(l, "PARTSTAT=ACCEPTED") || !strings.Contains(got, "new plan") {
				t.Errorf("the organizer's object is %s", got)
			}
			e.must(412, "ann", "PUT", annsMeetings+"plan.ics", seen.Body, condition) // now it has a new tag
			if got := e.must(200, "bob", "GET", copyPath, "").Body; !strings.Contains(got, "new plan") || !strings.Contains(line(got, "ATTENDEE", "bob@"), "ACCEPTED") {
				t.Errorf("bob's copy is %s", got)
			}
		})
	}
}

// RFC 6638 §3.2.1.3: what the organizer removes is cancelled, and stays with the
// attendee until they remove it.
func TestCancel(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	e.must(204, "ann", "DELETE", annsMeetings+"plan.ics", "")
	path := e.only("bob", bobsMeetings)
	if got := e.must(200, "bob", "GET", path, ""); !strings.Contains(got.Body, "STATUS:CANCELLED") || !strings.Contains(got.Body, "SEQUENCE:2\r\n") {
		t.Errorf("bob's copy: %s", got.Body)
	}
	if n := len(e.members("bob", "/calendars/users/bob/inbox/")); n != 2 {
		t.Errorf("bob has %d messages, want 2", n)
	}
	e.must(204, "bob", "DELETE", path, "")
	if n := len(e.members("ann", "/calendars/users/ann/inbox/")); n != 0 {
		t.Errorf("ann has %d messages about what she cancelled", n)
	}
}

// caldav-privatecomments §3.2: what an attendee tells the organizer alone names them as
// their ATTENDEE does, in both directions.
func TestCommentNamesAttendee(t *testing.T) {
	e := newEnv(t)
	plan := annsMeetings + "plan.ics"
	e.must(201, "ann", "PUT", plan, meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	path := e.only("bob", bobsMeetings)
	said := strings.Replace(e.must(200, "bob", "GET", path, "").Body, "SUMMARY", "X-CALENDARSERVER-PRIVATE-COMMENT:late\r\nSUMMARY", 1)
	e.must(204, "bob", "PUT", path, said)
	comment := func() string {
		return line(e.must(200, "ann", "GET", plan, "").Body, "X-CALENDARSERVER-ATTENDEE-COMMENT", "late")
	}
	if got := comment(); !strings.Contains(got, `X-CALENDARSERVER-ATTENDEE-REF="mailto:bob@example.com"`) {
		t.Errorf("the comment is %q", got)
	}
	read := unfolded(e.must(200, "ann", "GET", plan, "").Body)
	e.must(204, "ann", "PUT", plan, strings.Replace(read, "SUMMARY:", "SUMMARY:New ", 1))
	if got := comment(); !strings.Contains(got, `"mailto:bob@example.com"`) {
		t.Errorf("the comment is %q after ann wrote what she had read", got)
	}
	// An answer finds the comment that it replaces.
	e.must(204, "bob", "PUT", path, strings.Replace(e.must(200, "bob", "GET", path, "").Body, "COMMENT:late", "COMMENT:very late", 1))
	if got := e.must(200, "ann", "GET", plan, "").Body; strings.Count(got, "ATTENDEE-COMMENT") != 1 || comment() == "" {
		t.Errorf("comments in %s", got)
	}
	// Who is no more invited takes theirs along.
	gone := unfolded(e.must(200, "ann", "GET", plan, "").Body)
	gone = strings.Replace(gone, line(gone, "ATTENDEE", "bob@")+"\r\n", "", 1)
	e.must(204, "ann", "PUT", plan, gone)
	if got := comment(); got != "" {
		t.Errorf("ann still has %q", got)
	}
}

// RFC 6638 §3.2.2.3, §8.1: removing an invitation declines it, unless the attendee
// wants nothing to be said.
func TestDeclineByDelete(t *testing.T) {
	for _, tt := range []struct {
		header, line     string
		status, messages int
	}{
		{"Schedule-Reply: T", "PARTSTAT=DECLINED", 204, 1},
		{"Schedule-Reply: F", "RSVP=TRUE", 204, 0},
		{"Schedule-Reply: perhaps", "RSVP=TRUE", 400, 0},
	} {
		t.Run(tt.header, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
			e.must(tt.status, "bob", "DELETE", e.only("bob", bobsMeetings), "", tt.header)
			if l := line(e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body, "ATTENDEE", "bob@"); !strings.Contains(l, tt.line) {
				t.Errorf("ann's line for bob is %q", l)
			}
			if n := len(e.members("ann", "/calendars/users/ann/inbox/")); n != tt.messages {
				t.Errorf("ann has %d messages, want %d", n, tt.messages)
			}
		})
	}
}

// A group that is invited is its members, and whoever is not there is named.
func TestInviteGroupAndStrangers(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"all.ics", meeting("all", "20260504T120000Z",
		"ATTENDEE:mailto:staff@example.com", "ATTENDEE:mailto:nobody@example.com", "ATTENDEE:mailto:guest@elsewhere.example", "ATTENDEE:mailto:gone@example.com"))
	e.only("bob", bobsMeetings)
	got := e.must(200, "ann", "GET", annsMeetings+"all.ics", "").Body
	for who, status := range map[string]string{"nobody@": "3.7", "guest@": "3.7", "gone@": "3.7", "bob@": "1.2", "staff@": "2.7"} {
		if l := line(got, "ATTENDEE", who); !strings.Contains(l, "SCHEDULE-STATUS="+status) && !strings.Contains(l, `SCHEDULE-STATUS="`+status) {
			t.Errorf("the line of %s is %q, want status %s", who, l, status)
		}
	}
}

// Whom a domain of our own does not have is not written to, also where mail is: it would
// come back, to this server or its organizer, or go around.
func TestNobodyOfOurOwnDomainIsMailed(t *testing.T) {
	e := newEnv(t)
	e.mail = &calendar.Mail{}
	e.handle(caldav.DefaultLimits())
	data := meeting("all", "20260604T120000Z", "ATTENDEE:mailto:nobody@example.com", "ATTENDEE:mailto:guest@elsewhere.example", "ATTENDEE:mailto:gone@example.com")
	for _, want := range []int{201, 204} {
		e.must(want, "ann", "PUT", annsMeetings+"all.ics", data)
		got := e.must(200, "ann", "GET", annsMeetings+"all.ics", "").Body
		for who, status := range map[string]string{"nobody@": "3.7", "guest@": "1.1", "gone@": "3.7"} {
			if l := line(got, "ATTENDEE", who); !strings.Contains(l, "SCHEDULE-STATUS="+status) {
				t.Errorf("the line of %s is %q, want status %s", who, l, status)
			}
		}
		data = strings.Replace(data, "20260604T12", "20260604T13", 1)
	}
	letters := e.letters()
	for _, l := range letters {
		if l.To.Address != "guest@elsewhere.example" {
			t.Errorf("a letter to %s", l.To.Address)
		}
	}
	if len(letters) != 2 {
		t.Errorf("%d letters", len(letters))
	}
}

// What must not be is refused by name, and changes nothing.
func TestRefusedMeetings(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	bobs := e.only("bob", bobsMeetings)
	for _, tt := range []struct {
		name, user, path, body, condition string
	}{
		{"two organizers", "ann", annsMeetings + "two.ics", event("two", "20260504T120000Z", "ORGANIZER:mailto:ann@example.com", "ORGANIZER:mailto:bob@example.com"), "single-organizer"},
		{"no such meeting", "bob", bobsMeetings + "x.ics", event("none", "20260504T120000Z", "ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:bob@example.com"), "attendee-allowed"},
		{"another organizer", "bob", bobs, strings.ReplaceAll(meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"), "ORGANIZER:mailto:ann@", "ORGANIZER:mailto:boss@"), "valid-attendee-change"},
		{"the organizer gives it away", "ann", annsMeetings + "plan.ics", strings.ReplaceAll(meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"), "ORGANIZER:mailto:ann@", "ORGANIZER:mailto:bob@"), "valid-organizer-change"},
		{"the same UID in another calendar", "ann", "/calendars/users/ann/other/plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"), "unique-scheduling-object-resource"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if strings.Contains(tt.path, "/other/") {
				e.must(201, "ann", "MKCALENDAR", "/calendars/users/ann/other/", "")
			}
			before := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body
			got := e.must(403, tt.user, "PUT", tt.path, tt.body)
			if !strings.Contains(got.Body, tt.condition) {
				t.Errorf("%s, want %s", got.Body, tt.condition)
			}
			if after := e.must(200, "ann", "GET", annsMeetings+"plan.ics", "").Body; after != before {
				t.Errorf("the meeting has changed:\n%s\n%s", before, after)
			}
		})
	}
	e.must(403, "bob", "PUT", "/calendars/users/bob/inbox/x.ics", event("x", "20260504T120000Z"))
	message := e.only("bob", "/calendars/users/bob/inbox/")
	e.must(403, "bob", "COPY", message, "", "Destination: "+bobsMeetings+"message.ics")
	e.must(204, "bob", "DELETE", message, "")
}

// Removing a calendar is leaving each meeting in it.
func TestCalendarWithMeetingsRemoved(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "MKCALENDAR", "/calendars/users/ann/team/", "")
	e.must(201, "ann", "PUT", "/calendars/users/ann/team/plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com"))
	e.must(204, "ann", "DELETE", "/calendars/users/ann/team/", "")
	if got := e.must(200, "bob", "GET", e.only("bob", bobsMeetings), ""); !strings.Contains(got.Body, "STATUS:CANCELLED") {
		t.Errorf("bob's copy: %s", got.Body)
	}
}

// What was read and is written again changes nothing and tells nobody.
func TestWriteWhatWasRead(t *testing.T) {
	e := newEnv(t)
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
	for user, path := range map[string]string{"ann": annsMeetings + "plan.ics", "bob": e.only("bob", bobsMeetings)} {
		before := e.must(200, user, "GET", path, "")
		messages := len(e.members("bob", "/calendars/users/bob/inbox/")) + len(e.members("ann", "/calendars/users/ann/inbox/"))
		put := e.must(204, user, "PUT", path, before.Body)
		after := e.must(200, user, "GET", path, "")
		if after.Body != before.Body {
			t.Errorf("%s's copy has changed:\n%s\n%s", user, before.Body, after.Body)
		}
		if put.Header.Get("ETag") == "" {
			t.Errorf("%s got no ETag for what is stored as it was sent", user)
		}
		if n := len(e.members("bob", "/calendars/users/bob/inbox/")) + len(e.members("ann", "/calendars/users/ann/inbox/")); n != messages {
			t.Errorf("%d more messages", n-messages)
		}
	}
}

// RFC 5545 §3.8.3.1: a time zone goes with a meeting whatever it is called: a comma is
// escaped where the zone is defined, and quoted where it is named.
func TestZoneWithACommaGoesWithTheMeeting(t *testing.T) {
	e := newEnv(t)
	const zone = "BEGIN:VTIMEZONE\r\nTZID:Far\\, farther\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0300\r\nTZOFFSETTO:+0300\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	zoned := func(data string) string {
		data = strings.Replace(data, "BEGIN:VEVENT", zone+"BEGIN:VEVENT", 1)
		return strings.ReplaceAll(data, "DTSTART:20260504", `DTSTART;TZID="Far, farther":20260504`)
	}
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", zoned(meeting("plan", "20260504T120000", "ATTENDEE:mailto:bob@example.com")))
	for user, path := range map[string]string{"ann": annsMeetings + "plan.ics", "bob": e.only("bob", bobsMeetings)} {
		if got := e.must(200, user, "GET", path, "").Body; strings.Count(got, zone) != 1 {
			t.Errorf("%s reads:\n%s", user, got)
		}
	}
	if got := e.must(200, "bob", "GET", e.only("bob", "/calendars/users/bob/inbox/"), "").Body; strings.Count(got, zone) != 1 {
		t.Errorf("bob is told:\n%s", got)
	}
	many := e.must(207, "ann", "POST", annsMeetings, zoned(event("many", "20260504T150000")), calendarHeader).Body
	if href := memberHref.FindStringSubmatch(many); href == nil || !strings.Contains(e.must(200, "ann", "GET", href[1], "").Body, zone) {
		t.Errorf("one of many: %s", many)
	}
	for _, path := range []string{annsMeetings, bobsMeetings} {
		if got := e.must(200, "boss", "GET", path, "").Body; strings.Count(got, zone) != 1 {
			t.Errorf("%s as a whole:\n%s", path, got)
		}
	}
}

// RFC 6638 §7.2: what is forced is sent, even in the second of the last message, when
// it says the same in every octet; and it is not stored.
func TestForcedInTheSameSecond(t *testing.T) {
	e := newEnv(t) // whose clock stands still
	invite := func(status int, param string) {
		t.Helper()
		e.must(status, "ann", "PUT", annsMeetings+"m.ics", meeting("m", "20260601T090000Z", "ATTENDEE;PARTSTAT=NEEDS-ACTION"+param+":mailto:bob@example.com"))
	}
	messages := func(want int) {
		t.Helper()
		if n := len(e.members("bob", "/calendars/users/bob/inbox/")); n != want {
			t.Errorf("%d messages, want %d", n, want)
		}
	}
	invite(201, "")
	messages(1)
	invite(204, "")
	messages(1)
	invite(204, ";SCHEDULE-FORCE-SEND=REQUEST")
	messages(2)
	for _, at := range []struct{ user, path string }{{"ann", annsMeetings + "m.ics"}, {"bob", e.only("bob", bobsMeetings)}} {
		if got := e.must(200, at.user, "GET", at.path, "").Body; strings.Contains(got, "FORCE-SEND") {
			t.Errorf("%s has it: %s", at.user, got)
		}
	}
}
