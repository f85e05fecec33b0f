package caldav_test

import (
	"strings"
	"testing"
)

// What many get is stored once while it is the same. Each sees what is theirs, whoever
// answers, changes or removes the meeting.
func TestLargeMeetingIsStoredOnce(t *testing.T) {
	e := newEnv(t)
	guests := []string{"bob", "boss", "auditor"}
	text := "DESCRIPTION:" + strings.Repeat("agenda ", 1000)
	large := func(summary string, guests ...string) string {
		lines := []string{text}
		for _, g := range guests {
			lines = append(lines, "ATTENDEE:mailto:"+g+"@example.com")
		}
		return strings.Replace(meeting("plan", "20260504T120000Z", lines...), "SUMMARY:plan", "SUMMARY:"+summary, 1)
	}
	calendarOf := func(name string) string { return "/calendars/users/" + name + "/calendar/" }
	sees := func(step, name string, want ...string) {
		t.Helper()
		got := unfolded(e.must(200, name, "GET", e.only(name, calendarOf(name)), "").Body)
		for _, w := range append(want, strings.TrimSpace(text)) {
			if !strings.Contains(got, w) {
				t.Errorf("%s: %s does not see %q: %.300s", step, name, w, got)
			}
		}
	}
	e.must(201, "ann", "PUT", annsMeetings+"plan.ics", large("first", guests...))
	for _, g := range guests {
		sees("invited", g, "SUMMARY:first")
	}
	path := e.only("bob", bobsMeetings)
	mine := unfolded(e.must(200, "bob", "GET", path, "").Body)
	l := line(mine, "ATTENDEE", "bob@")
	e.must(204, "bob", "PUT", path, strings.Replace(mine, l, strings.Replace(l, "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1), 1))
	for _, g := range guests {
		sees("answered", g, "SUMMARY:first", "PARTSTAT=ACCEPTED")
	}
	e.must(204, "ann", "PUT", annsMeetings+"plan.ics", large("second", "bob", "boss"))
	sees("changed", "bob", "SUMMARY:second")
	sees("changed", "boss", "SUMMARY:second")
	sees("no longer invited", "auditor", "SUMMARY:first", "STATUS:CANCELLED")
	e.must(204, "bob", "DELETE", path, "")
	sees("declined", "boss", "SUMMARY:second", "PARTSTAT=DECLINED")
	e.must(204, "ann", "DELETE", annsMeetings+"plan.ics", "")
	sees("cancelled", "boss", "STATUS:CANCELLED")
}
