package caldav_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"convene/caldav"
	"convene/calendar"
	"convene/delegation"
)

// toWatchers are the letters that wait for people who act for others, as "to: method of UID
// for whom", in order.
func (e *env) toWatchers() (list []string) {
	e.t.Helper()
	for _, l := range e.letters() {
		if l.Copied != nil {
			name, _, _ := strings.Cut(l.To.Address, "@")
			list = append(list, name+": "+string(l.Method)+" of "+l.UID+" for "+l.Copied.Name)
		}
	}
	slices.Sort(list)
	return list
}

// Who acts for somebody is told by mail of the invitations that these get, if their
// delegation says so, in the transaction that delivers them.
func TestDelegatesAreMailedInvitations(t *testing.T) {
	e := newCompany(t)
	e.mail = &calendar.Mail{}
	e.handle(caldav.DefaultLimits())
	byMail := func(l *delegation.Limits) { l.Notify = delegation.NotifyMail }
	only := func(name string) func(*delegation.Limits) {
		return func(l *delegation.Limits) {
			l.Scope = delegation.Scope{Collections: []uint32{e.numberOf("ann", name)}}
		}
	}
	e.delegate("ann", "bob", delegation.LevelRead, byMail)
	e.delegate("ann", "cy", delegation.LevelWrite, byMail, func(l *delegation.Limits) { l.SeePrivate = true })
	const dansCalendar = "/calendars/users/dan/calendar/"
	plan := func(uid string, more ...string) string {
		return event(uid, "20260601T080000Z", append([]string{"ORGANIZER:mailto:dan@example.com", "ATTENDEE:mailto:dan@example.com", "ATTENDEE:mailto:ann@example.com"}, more...)...)
	}
	var all []string
	want := func(what string, more ...string) {
		t.Helper()
		all = append(all, more...)
		slices.Sort(all)
		if got := e.toWatchers(); !slices.Equal(got, all) {
			t.Errorf("%s: %q, want %q", what, got, all)
		}
	}
	const boss = "9 ann"
	e.must(201, "dan", "PUT", dansCalendar+"1.ics", plan("one"))
	want("an invitation", "bob: REQUEST of one for "+boss, "cy: REQUEST of one for "+boss)
	e.must(204, "dan", "PUT", dansCalendar+"1.ics", strings.Replace(plan("one"), "T080000Z", "T090000Z", 1))
	want("moved", "bob: REQUEST of one for "+boss, "cy: REQUEST of one for "+boss)
	e.must(204, "dan", "DELETE", dansCalendar+"1.ics", "")
	want("cancelled", "bob: CANCEL of one for "+boss, "cy: CANCEL of one for "+boss)

	e.must(201, "dan", "PUT", dansCalendar+"2.ics", plan("secret", "CLASS:PRIVATE"))
	want("a private one", "cy: REQUEST of secret for "+boss)
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/3.ics", strings.ReplaceAll(plan("own"), "dan@", "bob@"))
	want("of a delegate's own", "cy: REQUEST of own for "+boss)

	e.delegate("dan", "cy", delegation.LevelWrite)
	e.must(201, "cy", "PUT", dansCalendar+"4.ics", plan("for dan"))
	want("by a delegate, for somebody else", "bob: REQUEST of for dan for "+boss)

	e.delegate("ann", "bob", delegation.LevelRead)
	e.delegate("ann", "cy", delegation.LevelWrite, byMail, only("work"))
	e.must(201, "dan", "PUT", dansCalendar+"5.ics", plan("elsewhere"))
	want("of no calendar that they act in")
	e.delegate("ann", "cy", delegation.LevelWrite, byMail, only("calendar"))
	e.must(201, "dan", "PUT", dansCalendar+"6.ics", plan("here"))
	want("of one that they act in", "cy: REQUEST of here for "+boss)
	e.delegate("ann", "cy", delegation.LevelWrite, byMail, func(l *delegation.Limits) { l.Until = e.now.Add(time.Hour) })
	e.now = e.now.Add(time.Hour)
	e.must(201, "dan", "PUT", dansCalendar+"7.ics", plan("later"))
	want("after their time")

	e.delegate("ann", "cy", delegation.LevelWrite, byMail)
	e.must(403, "dan", "PUT", dansCalendar+"8.ics", strings.Replace(plan("refused"), "BEGIN:VEVENT\r\nUID:refused", "BEGIN:VEVENT", 1))
	want("of what is refused")
}
