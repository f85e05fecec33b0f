package scheduling

import (
	"errors"
	"strings"
	"testing"
)

// What an object is in the home of O.
func TestRoleOf(t *testing.T) {
	for _, tt := range []struct {
		name, object string
		want         Role
	}{
		{"nothing", "", RoleNone},
		{"no organizer", event(at9, att("o")), RoleNone},
		{"the owner organizes", event(at9, byO, att("a")), RoleOrganizer},
		{"the owner organizes for nobody yet", event(at9, byO), RoleOrganizer},
		{"the owner is invited", event(at9, "ORGANIZER:urn:x-uid:a", att("o")), RoleAttendee},
		{"the owner is invited to an instance", event(week, "ORGANIZER:urn:x-uid:a", att("b")) + event(on(second), "ORGANIZER:urn:x-uid:a", att("o")), RoleAttendee},
		{"somebody else's", event(at9, "ORGANIZER:urn:x-uid:a", att("b")), RoleStranger},
		{"the owner does it all alone", event(at9, "ORGANIZER:urn:x-uid:a", att("o;SCHEDULE-AGENT=NONE")), RoleStranger},
		{"a journal", strings.ReplaceAll(event("DTSTART:20240101T000000Z", byO, att("a")), "VEVENT", "VJOURNAL"), RoleNone},
		{"a task", strings.ReplaceAll(event("DTSTART:20240101T000000Z", byO, att("a")), "VEVENT", "VTODO"), RoleOrganizer},
	} {
		if got := RoleOf(parse(t, tt.object), "o"); got != tt.want {
			t.Errorf("%s: %d, want %d", tt.name, got, tt.want)
		}
	}
}

// Each way from what was there to what is to be, but for those of attendees.
func TestTransitions(t *testing.T) {
	const byA = "ORGANIZER;CN=A;EMAIL=a@example.com:urn:x-uid:a"
	objects := map[string]string{
		"": "", "plain": event(at9), "lonely": event(at9, att("a b")), "organizer": event(at9, byO, att("a")),
		"attendee": event(at9, byA, att("o b")), "stranger": event(at9, byA, att("b")), "stranger of B": event(at9, "ORGANIZER:urn:x-uid:b", att("a")),
		"marked": event(at9, strings.Replace(byA, ";CN", ";SCHEDULE-AGENT=NONE;CN", 1), att("b")),
	}
	for _, tt := range []struct {
		old, new string
		want     string // a condition, or the role and messages
		tag      TagRule
	}{
		{"", "plain", "stored", TagNone},
		{"", "lonely", "stored", TagNone},
		{"", "organizer", "organizer REQUEST a [all]", TagNew},
		{"", "stranger", "stranger", TagNew},
		{"plain", "plain", "stored", TagNone},
		{"plain", "organizer", "organizer REQUEST a [all]", TagNew},
		{"plain", "attendee", "valid-attendee-change", 0},
		{"plain", "stranger", "stranger", TagNew},
		{"plain", "", "deleted", TagNone},
		{"organizer", "plain", "stored CANCEL a [all]", TagNone},
		{"organizer", "lonely", "organizer-allowed", 0},
		{"organizer", "organizer", "organizer", TagKeep},
		{"organizer", "attendee", "valid-organizer-change", 0},
		{"organizer", "stranger", "valid-organizer-change", 0},
		{"organizer", "", "deleted CANCEL a [all]", TagNone},
		{"attendee", "plain", "valid-attendee-change", 0},
		{"attendee", "lonely", "organizer-allowed", 0},
		{"attendee", "organizer", "valid-organizer-change", 0},
		{"attendee", "stranger", "valid-attendee-change", 0},
		{"stranger", "plain", "stored", TagNone},
		{"stranger", "lonely", "organizer-allowed", 0},
		{"stranger", "organizer", "valid-organizer-change", 0},
		{"stranger", "stranger", "stranger", TagNew},
		{"stranger", "stranger of B", "valid-attendee-change", 0},
		{"marked", "marked", "stranger", TagKeep},
		{"marked", "stranger of B", "stranger", TagNew},
		{"stranger", "", "deleted", TagNone},
	} {
		t.Run(tt.old+" to "+tt.new, func(t *testing.T) {
			p, err := decide(parse(t, objects[tt.old]), parse(t, objects[tt.new]), nil)
			got := ""
			if refusal, ok := errors.AsType[*Refusal](err); ok {
				got = refusal.Condition.Local
			} else if err != nil {
				t.Fatal(err)
			} else {
				got = map[Role]string{RoleNone: "stored", RoleOrganizer: "organizer", RoleStranger: "stranger"}[p.Role]
				if p.Outcome == Deleted {
					got = "deleted"
				}
				got = strings.TrimSpace(got + " " + summary(p))
				if p.Tag != tt.tag || p.UID != "u" || p.Owner.GUID != "o" {
					t.Errorf("tag %d, want %d; UID %q, owner %q", p.Tag, tt.tag, p.UID, p.Owner.GUID)
				}
			}
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// The server does nothing for a stranger's object, and says so.
func TestStranger(t *testing.T) {
	p, err := decide(nil, parse(t, event(at9, "ORGANIZER:mailto:x@elsewhere.org", att("a"))), nil)
	if err != nil || !strings.Contains(text(p.Store), "ORGANIZER;SCHEDULE-AGENT=NONE;SCHEDULE-STATUS=5.3:mailto:x@elsewhere.org\n") {
		t.Errorf("%v\n%s", err, text(p.Store))
	}
}

// Who may not send a message may change what sends none.
func TestMayNot(t *testing.T) {
	mayNot := errors.New("may not")
	forbid := func(c *Change) { c.MayNot = mayNot }
	old := parse(t, event(at9, byO, att("a")))
	if _, err := decide(old, parse(t, event(at9, byO, att("a"), "TRANSP:TRANSPARENT", "X-A:1")), forbid); err != mayNot {
		t.Errorf("a change for all: %v", err)
	}
	if _, err := decide(old, parse(t, event(at9, byO, att("a"), "X-A:1")), forbid); err != nil {
		t.Errorf("a private change: %v", err)
	}
}

// Who may invite, and what a room's own calendar holds.
func TestOwners(t *testing.T) {
	room := func(more func(*Options)) func(*Change) {
		return func(c *Change) {
			c.Owner, c.Caller, c.Options = company()["urn:x-uid:r"], company()["urn:x-uid:a"], DefaultOptions()
			if more != nil {
				more(c.Options)
			}
		}
	}
	byRoom := event(at9, "ORGANIZER:urn:x-uid:r", att("a"))
	if _, err := decide(nil, parse(t, byRoom), room(nil)); err == nil || !strings.Contains(err.Error(), "organizer-allowed") {
		t.Errorf("a room invites: %v", err)
	}
	if _, err := decide(nil, parse(t, byRoom), room(func(o *Options) { o.Organizers = []PartyKind{Room} })); err != nil {
		t.Errorf("a room that may: %v", err)
	}
	p, err := decide(parse(t, byRoom), nil, room(nil))
	if err != nil || summary(p) != "CANCEL a [all]" {
		t.Errorf("what is there can be removed: %v", err)
	}
	if _, err := decide(nil, parse(t, event(at9)), room(func(o *Options) { o.RoomsNeedOrganizer = true })); err == nil || !strings.Contains(err.Error(), "valid-organizer") {
		t.Errorf("an event of nobody: %v", err)
	}
	p, err = decide(nil, parse(t, event(week, "X-CALENDARSERVER-MODIFIED-BY:urn:x-uid:b")+event(on(second))), room(nil))
	if err != nil || strings.Count(text(p.Store), "X-CALENDARSERVER-MODIFIED-BY;CN=A;EMAIL=a@example.com:urn:x-uid:a\n") != 2 || strings.Contains(text(p.Store), "urn:x-uid:b") {
		t.Errorf("%v\n%s", err, text(p.Store))
	}
}

// A meeting has so many attendees and no more; one that has too many may shrink.
func TestAttendeeLimit(t *testing.T) {
	two := func(c *Change) {
		c.Options = DefaultOptions()
		c.Options.MaxAttendees = 2
	}
	for _, tt := range []struct {
		old, new string
		refused  bool
	}{
		{"", "a b", false}, {"", "a b c", true}, {"", "a g", true},
		{"a b c r", "a b c", false}, {"a b c", "a b c", true}, {"a", "a b c", true},
	} {
		old := ""
		if tt.old != "" {
			old = event(at9, byO, att(tt.old))
		}
		put := strings.ReplaceAll(event(at9, byO, att(tt.new)), "PARTSTAT=NEEDS-ACTION:urn:x-uid:g", "CUTYPE=X-SERVER-GROUP:urn:x-uid:g")
		_, err := decide(parse(t, old), parse(t, put), two)
		refusal, refused := errors.AsType[*Refusal](err)
		if refused != tt.refused || refused && (refusal.Condition != MaxAttendees || refusal.Value != "2") {
			t.Errorf("%q to %q: %v", tt.old, tt.new, err)
		}
	}
}
