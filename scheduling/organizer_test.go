package scheduling

import (
	"errors"
	"strings"
	"testing"
)

// What the organizer does, and what becomes of it. The given is what is stored; the
// messages are as summary writes them, the answers as answersIn.
func TestOrganizer(t *testing.T) {
	single := func(list string, more ...string) string {
		return event(append([]string{at9, byO, att(list)}, more...)...)
	}
	series := func(list string, more ...string) string {
		return event(append([]string{week, byO, att(list)}, more...)...)
	}
	override := func(rid, list string, more ...string) string {
		return event(append([]string{on(rid), byO, att(list)}, more...)...)
	}
	replace := strings.NewReplacer
	for _, tt := range []struct {
		name       string
		given, put string
		change     func(*Change)
		refused    string
		messages   string
		answers    string   // "": not looked at
		has, lacks []string // of what is stored
	}{
		{name: "a new meeting", put: single("o=ACCEPTED a b"), messages: "REQUEST a b [all]",
			answers: "a=NEEDS-ACTION b=NEEDS-ACTION o=ACCEPTED", has: []string{"RSVP=TRUE:urn:x-uid:a", "RSVP=TRUE:urn:x-uid:b"}},
		{name: "the organizer accepts for nobody", put: single("a=ACCEPTED b"), messages: "REQUEST a b [all]", answers: "a=NEEDS-ACTION b=NEEDS-ACTION"},
		{name: "one who is left to somebody else keeps their answer", put: single("a=ACCEPTED;SCHEDULE-AGENT=NONE b"), messages: "REQUEST b [all]",
			answers: "a=ACCEPTED b=NEEDS-ACTION", has: []string{"SCHEDULE-AGENT=NONE"}},
		{name: "nobody but the server delivers to its users", put: single("a;SCHEDULE-AGENT=CLIENT"), messages: "REQUEST a [all]", lacks: []string{"SCHEDULE-AGENT"}},
		{name: "one elsewhere whom the client tells", put: event(at9, byO, "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org"),
			has: []string{"SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org"}},
		{name: "one elsewhere", put: event(at9, byO, "ATTENDEE:mailto:x@elsewhere.org"), messages: "REQUEST mailto:x@elsewhere.org [all]"},
		{name: "one answer of two lines", put: event(at9, byO, "ATTENDEE:mailto:a@example.com", "ATTENDEE:mailto:ALIAS@example.com"), messages: "REQUEST a [all]", answers: "a=NEEDS-ACTION"},
		{name: "without a master", put: override(second, "a"), refused: "organizer-allowed"},
		{name: "an organizer for the overrides only", put: event(week, att("a")) + override(second, "a"), messages: "REQUEST a [all " + second + "]",
			has: []string{"COUNT=6\nATTENDEE;CN=A;EMAIL=a@example.com;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:urn:x-uid:a\n" + byO}},
		{name: "two organizers", put: series("a") + event(on(second), "ORGANIZER:urn:x-uid:b", att("a")), refused: "single-organizer"},
		{name: "a sequence from before", put: single("a", "SEQUENCE:3"), messages: "REQUEST a [all]", has: []string{"SEQUENCE:1003\n"}},
		{name: "no organizer", put: event(at9, att("a"))},

		{name: "the same again", given: single("a b=ACCEPTED", "SEQUENCE:1"), put: single("a b=ACCEPTED", "SEQUENCE:1"), has: []string{"SEQUENCE:1\n"}},
		{name: "an alarm", given: single("a"), put: single("a", "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:-PT5M\nEND:VALARM"), has: []string{"VALARM"}, lacks: []string{"SEQUENCE"}},
		{name: "something private", given: single("a"), put: single("a", "X-FOO:1", "LAST-MODIFIED:20240202T000000Z"), lacks: []string{"SEQUENCE"}},
		{name: "another summary", given: single("a=ACCEPTED b"), put: replace("SUMMARY:S", "SUMMARY:T").Replace(single("a=ACCEPTED b")),
			messages: "REQUEST a b [all]", answers: "a=ACCEPTED b=NEEDS-ACTION", has: []string{"SEQUENCE:1\n", "DTSTAMP:20240301T120000Z"}},
		{name: "another time", given: single("a=ACCEPTED b=DECLINED o=ACCEPTED"), put: replace("T10", "T11").Replace(single("a=ACCEPTED b=DECLINED o=ACCEPTED")),
			messages: "REQUEST a b [all]", answers: "a=NEEDS-ACTION b=NEEDS-ACTION o=ACCEPTED", has: []string{"RSVP=TRUE:urn:x-uid:a"}},
		{name: "asked again", given: single("a=ACCEPTED b=ACCEPTED"), put: single("a b=ACCEPTED"), messages: "REQUEST a b [all]", answers: "a=NEEDS-ACTION b=ACCEPTED"},
		{name: "answered by the organizer", given: single("a=ACCEPTED"), put: single("a=DECLINED"), answers: "a=ACCEPTED"},
		{name: "a lower sequence", given: single("a", "SEQUENCE:5"), put: single("a", "SEQUENCE:2"), has: []string{"SEQUENCE:5\n"}},
		{name: "a lower sequence and another summary", given: single("a", "SEQUENCE:5"), put: replace("SUMMARY:S", "SUMMARY:T").Replace(single("a", "SEQUENCE:2")),
			messages: "REQUEST a [all]", has: []string{"SEQUENCE:6\n"}},
		{name: "a sequence of the client's own", given: single("a", "SEQUENCE:5"), put: replace("SUMMARY:S", "SUMMARY:T").Replace(single("a", "SEQUENCE:9")),
			messages: "REQUEST a [all]", has: []string{"SEQUENCE:9\n"}},
		{name: "one less", given: single("a=ACCEPTED b"), put: single("a=ACCEPTED"), messages: "CANCEL b [all]; REQUEST a [all]", answers: "a=ACCEPTED"},
		{name: "one more", given: single("a=ACCEPTED"), put: single("a=ACCEPTED b=ACCEPTED"), messages: "REQUEST a b [all]", answers: "a=ACCEPTED b=NEEDS-ACTION"},
		{name: "one left to the client", given: event(at9, byO, "ATTENDEE:mailto:x@elsewhere.org"), put: event(at9, byO, "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org"),
			messages: "CANCEL mailto:x@elsewhere.org [all]"},
		{name: "nobody left", given: single("a b"), put: event(at9, byO), messages: "CANCEL a [all]; CANCEL b [all]"},
		{name: "attendees without organizer", given: single("a b"), put: event(at9, att("a b")), refused: "organizer-allowed"},
		{name: "neither", given: single("a b"), put: event(at9), messages: "CANCEL a [all]; CANCEL b [all]"},
		{name: "removed", given: single("o=ACCEPTED a b"), messages: "CANCEL a [all]; CANCEL b [all]"},
		{name: "another organizer", given: single("o a b"), put: event(at9, "ORGANIZER:urn:x-uid:b", att("o a b")), refused: "valid-organizer-change"},
		{name: "two comments of one", given: single("a"), put: single("a", "X-CALENDARSERVER-ATTENDEE-COMMENT;X-CALENDARSERVER-ATTENDEE-REF=\"urn:x-uid:a\":early",
			"X-CALENDARSERVER-ATTENDEE-COMMENT;X-CALENDARSERVER-ATTENDEE-REF=\"urn:x-uid:a\":late"), refused: "no-duplicate-private-comments"},
		{name: "comments of two", given: single("a b"), put: single("a b", "X-CALENDARSERVER-ATTENDEE-COMMENT;X-CALENDARSERVER-ATTENDEE-REF=\"urn:x-uid:a\":early",
			"X-CALENDARSERVER-ATTENDEE-COMMENT;X-CALENDARSERVER-ATTENDEE-REF=\"urn:x-uid:b\":late"), has: []string{":early", ":late"}},
		{name: "forced", given: single("a=ACCEPTED b", "SEQUENCE:2"), put: single("a=ACCEPTED;SCHEDULE-FORCE-SEND=REQUEST b", "SEQUENCE:2"),
			messages: "REQUEST a [all]", answers: "a=ACCEPTED b=NEEDS-ACTION", has: []string{"SEQUENCE:2\n"}, lacks: []string{"FORCE-SEND"}},
		{name: "forced to do what nobody knows", given: single("a"), put: single("a;SCHEDULE-FORCE-SEND=SHOUT"), has: []string{"SCHEDULE-STATUS=2.3"}, lacks: []string{"FORCE-SEND"}},
		{name: "forced to send to oneself", given: single("o a"), put: single("o;SCHEDULE-FORCE-SEND=REQUEST a"), lacks: []string{"FORCE-SEND", "SCHEDULE-STATUS"}},
		{name: "forced to send to one who is left to the client", given: event(at9, byO, "ATTENDEE;SCHEDULE-AGENT=CLIENT;SCHEDULE-STATUS=1.1:mailto:x@elsewhere.org"),
			put: event(at9, byO, "ATTENDEE;SCHEDULE-AGENT=CLIENT;SCHEDULE-STATUS=1.1;SCHEDULE-FORCE-SEND=SHOUT:mailto:x@elsewhere.org"),
			has: []string{"SCHEDULE-STATUS=1.1"}, lacks: []string{"FORCE-SEND"}},
		{name: "two agents for one", put: series("a b;SCHEDULE-AGENT=NONE") + override(second, "a b"), refused: "valid-organizer-change"},
		{name: "two agents for one elsewhere", put: event(week, byO, "ATTENDEE;SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org") + event(on(second), byO, "ATTENDEE:mailto:x@elsewhere.org"), refused: "valid-organizer-change"},
		{name: "two agents for the organizer", put: series("a") + event(on(second), "ORGANIZER;SCHEDULE-AGENT=CLIENT:urn:x-uid:o", att("a")), refused: "valid-organizer-change"},
		{name: "no agent and one that nobody knows", put: series("a;SCHEDULE-AGENT=NONE") + override(second, "a;SCHEDULE-AGENT=X-PIGEON")},
		{name: "one agent by two names", put: series("a;SCHEDULE-AGENT=server") + override(second, "a"), messages: "REQUEST a [all " + second + "]"},
		{name: "two agents that were stored", given: series("a b;SCHEDULE-AGENT=NONE") + override(second, "a b"), put: series("a b;SCHEDULE-AGENT=NONE") + override(second, "a b")},
		{name: "two agents for one and then for another", given: series("a b;SCHEDULE-AGENT=NONE") + override(second, "a b"), put: series("a;SCHEDULE-AGENT=NONE b;SCHEDULE-AGENT=NONE") + override(second, "a b"),
			refused: "valid-organizer-change"},
		{name: "cancelled", given: single("a b"), put: single("a b", "STATUS:CANCELLED"), messages: "CANCEL a [all]; CANCEL b [all]", has: []string{"SEQUENCE:1\n"}},
		{name: "cancelled and more", given: single("a"), put: replace("SUMMARY:S", "SUMMARY:T").Replace(single("a", "STATUS:CANCELLED")),
			messages: "CANCEL a [all]; REQUEST a [all]"},

		{name: "an instance excluded", given: series("a b"), put: series("a b", "EXDATE:"+third),
			messages: "CANCEL a [" + third + "]; CANCEL b [" + third + "]; REQUEST a b [all]"},
		{name: "one to one instance only", given: series("a"), put: series("a") + override(second, "a c"),
			messages: "REQUEST a c [" + second + "]", answers: "a=NEEDS-ACTION | a=NEEDS-ACTION c=NEEDS-ACTION"},
		{name: "and no longer", given: series("a") + override(second, "a c"), put: series("a") + override(second, "a"),
			messages: "CANCEL c [" + second + "]; REQUEST a [" + second + "]"},
		{name: "one not to one instance", given: series("a b"), put: series("a b") + override(fourth, "a"),
			messages: "CANCEL b [" + fourth + "]; REQUEST a [" + fourth + "]"},
		{name: "and to it again", given: series("a=ACCEPTED b=ACCEPTED") + override(fourth, "a=ACCEPTED"), put: series("a=ACCEPTED b=ACCEPTED"),
			messages: "REQUEST a b [" + fourth + "]", answers: "a=ACCEPTED b=ACCEPTED | a=ACCEPTED b=NEEDS-ACTION"},
		{name: "one instance moved", given: series("a=ACCEPTED"), put: series("a=ACCEPTED") + strings.Replace(override(second, "a=ACCEPTED"), "DTEND:20240408T10", "DTEND:20240408T11", 1),
			messages: "REQUEST a [" + second + "]", answers: "a=ACCEPTED | a=NEEDS-ACTION"},
		{name: "and back", given: series("a=ACCEPTED") + strings.Replace(override(second, "a=ACCEPTED"), "DTEND:20240408T10", "DTEND:20240408T11", 1), put: series("a=ACCEPTED"),
			messages: "REQUEST a [" + second + "]", answers: "a=ACCEPTED | a=NEEDS-ACTION"},
		{name: "a text of an override gone", given: series("a=ACCEPTED") + override(second, "a=ACCEPTED", "LOCATION:L"), put: series("a=ACCEPTED"),
			messages: "REQUEST a [" + second + "]", answers: "a=ACCEPTED"},
		{name: "an override with an answer gone", given: series("a=ACCEPTED") + override(second, "a=DECLINED"), put: series("a=ACCEPTED"),
			answers: "a=ACCEPTED | a=DECLINED"},
		{name: "shorter", given: series("a=ACCEPTED"), put: strings.Replace(series("a=ACCEPTED"), "COUNT=6", "UNTIL=20240422T090000Z", 1), messages: "REQUEST a [all]", answers: "a=ACCEPTED"},
		{name: "longer", given: series("a=ACCEPTED"), put: strings.Replace(series("a=ACCEPTED"), "COUNT=6", "COUNT=8", 1), messages: "REQUEST a [all]", answers: "a=ACCEPTED"},
		{name: "more often", given: series("a=ACCEPTED") + override(second, "a=ACCEPTED"), put: strings.Replace(series("a=ACCEPTED")+override(second, "a=ACCEPTED"), "WEEKLY", "DAILY", 1),
			messages: "REQUEST a [all " + second + "]", answers: "a=NEEDS-ACTION | a=NEEDS-ACTION"},
		{name: "from now on", given: single("a=ACCEPTED"), put: series("a=ACCEPTED"), messages: "REQUEST a [all]", answers: "a=NEEDS-ACTION"},
		{name: "no longer from now on", given: series("a=ACCEPTED"), put: single("a=ACCEPTED"), messages: "REQUEST a [all]", answers: "a=NEEDS-ACTION"},
		{name: "moved as a whole, and one of an override left out", given: series("a=ACCEPTED") + override(third, "a=ACCEPTED c"), put: strings.ReplaceAll(series("a=ACCEPTED"), "T09", "T08"),
			messages: "CANCEL c [" + third + "]; REQUEST a [all]", answers: "a=NEEDS-ACTION"},
		{name: "moved as a whole, and all of it off for one", given: series("a b"), put: strings.ReplaceAll(series("a"), "T09", "T08"),
			messages: "CANCEL b [all]; REQUEST a [all]"},
		{name: "one instance cancelled", given: series("a b"), put: series("a b") + override(third, "a b", "STATUS:CANCELLED"),
			messages: "CANCEL a [" + third + "]; CANCEL b [" + third + "]"},
		{name: "an override excluded", given: series("a b") + override(third, "a"), put: series("a b", "EXDATE:"+third),
			messages: "CANCEL a [" + third + "]; REQUEST a b [all]"},
		{name: "a text of one instance", given: series("a b") + override(third, "a"), put: series("a b") + override(third, "a", "LOCATION:L"),
			messages: "REQUEST a [" + third + "]"},

		{name: "answers since, with proof", given: single("a=ACCEPTED;SCHEDULE-STATUS=2.0 b"), put: single("a b"), change: func(c *Change) { c.Merge = true },
			answers: "a=ACCEPTED b=NEEDS-ACTION", has: []string{"SCHEDULE-STATUS=2.0"}},
		{name: "answers since, and another time", given: single("a=ACCEPTED b"), put: replace("T10", "T11").Replace(single("a b")), change: func(c *Change) { c.Merge = true },
			messages: "REQUEST a b [all]", answers: "a=NEEDS-ACTION b=NEEDS-ACTION"},
		{name: "an answer to one instance since", given: series("a") + override(second, "a=ACCEPTED"), put: series("a"), change: func(c *Change) { c.Merge = true },
			answers: "a=NEEDS-ACTION | a=ACCEPTED"},
		{name: "an answer to one instance since, and one excluded", given: series("a") + override(second, "a=ACCEPTED"), put: series("a", "EXDATE:"+third), change: func(c *Change) { c.Merge = true },
			messages: "CANCEL a [" + third + "]; REQUEST a [all " + second + "]", answers: "a=NEEDS-ACTION | a=ACCEPTED"},
		{name: "statuses are the server's", given: single("a;SCHEDULE-STATUS=1.2 b"), put: single("a b;SCHEDULE-STATUS=5.1"), has: []string{"SCHEDULE-STATUS=1.2:urn:x-uid:a"}, lacks: []string{"5.1"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := decide(parse(t, tt.given), parse(t, tt.put), tt.change)
			if refusal, ok := errors.AsType[*Refusal](err); ok && refusal.Condition.Local == tt.refused {
				return
			}
			if err != nil || tt.refused != "" {
				t.Fatalf("error %v, want %q", err, tt.refused)
			}
			if got := summary(p); got != tt.messages {
				t.Errorf("messages %q\nwant     %q", got, tt.messages)
			}
			if tt.put == "" {
				if p.Outcome != Deleted || p.Store != nil {
					t.Errorf("outcome %d", p.Outcome)
				}
				return
			}
			if got := answersIn(p.Store); tt.answers != "" && got != tt.answers {
				t.Errorf("answers %q\nwant    %q", got, tt.answers)
			}
			got := text(WithStatuses(p.Store, p.Role, p.Statuses))
			for _, want := range tt.has {
				if !strings.Contains(got, want) {
					t.Errorf("stored without %q:\n%s", want, got)
				}
			}
			for _, not := range tt.lacks {
				if strings.Contains(got, not) {
					t.Errorf("stored with %q:\n%s", not, got)
				}
			}
		})
	}
}
