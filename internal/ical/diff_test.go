package ical

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// differenceText writes a Difference: "A B(P Q)".
func differenceText(d Difference) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(d)) {
		if len(d[name]) > 0 {
			name += "(" + strings.Join(d[name], " ") + ")"
		}
		out = append(out, name)
	}
	return strings.Join(out, " ")
}

// What is written differently but says the same is no difference.
func TestDiff(t *testing.T) {
	const start = "DTSTART;TZID=Europe/Berlin:20240101T090000\n"
	for _, tt := range []struct{ name, a, b, want string }{
		{"the same", start + "SUMMARY:a", start + "SUMMARY:a", ""},
		{"order", start + "SUMMARY:a\nLOCATION:b", "LOCATION:b\n" + start + "SUMMARY:a", ""},
		{"a value", start + "SUMMARY:a", start + "SUMMARY:b", "SUMMARY"},
		{"one more", start, start + "SUMMARY:b", "SUMMARY"},
		{"one less", start + "SUMMARY:b", start, "SUMMARY"},
		{"escapes", start + `SUMMARY:a\,b\;c`, start + "SUMMARY:a,b;c", ""},
		{"nothing said", start + "LOCATION:", start, ""},
		{"zone and UTC", start, "DTSTART:20240101T080000Z", ""},
		{"zone and UTC in a series", start + "RRULE:FREQ=DAILY", "DTSTART:20240101T080000Z\nRRULE:FREQ=DAILY", "DTSTART(TZID)"},
		{"names of a zone", start + "RRULE:FREQ=DAILY", "DTSTART;TZID=/mozilla.org/20050126_1/Europe/Berlin:20240101T090000\nRRULE:FREQ=DAILY", ""},
		{"a rule comes", start, start + "RRULE:FREQ=DAILY", "RRULE"},
		{"a time is not a day", "DTSTART:20240101T000000Z", "DTSTART;VALUE=DATE:20240101", "DTSTART(VALUE)"},
		{"end and duration", start + "DURATION:PT90M", start + "DTEND;TZID=Europe/Berlin:20240101T103000", ""},
		{"another end than the duration", start + "DURATION:PT90M", start + "DTEND;TZID=Europe/Berlin:20240101T110000", "DTEND"},
		{"later", start + "DURATION:PT90M", "DTSTART;TZID=America/New_York:20240101T090000\nDURATION:PT90M", "DTEND(TZID) DTSTART(TZID)"},
		{"longer", start + "DURATION:PT90M", start + "DURATION:PT2H", "DTEND"},
		{"an end comes", start, start + "DURATION:PT2H", "DTEND"},
		{"another value and parameter", start + "SUMMARY;LANGUAGE=en:a", start + "SUMMARY;LANGUAGE=de:b", "SUMMARY(LANGUAGE)"},
		{"spelling of a duration", start + "DURATION:PT90M", start + "DURATION:PT1H30M", ""},
		{"parts of a rule", start + "RRULE:FREQ=WEEKLY;INTERVAL=1;BYDAY=MO,TU", start + "RRULE:BYDAY=TU,MO;FREQ=WEEKLY", ""},
		{"another rule", start + "RRULE:FREQ=WEEKLY", start + "RRULE:FREQ=WEEKLY;INTERVAL=2", "RRULE"},
		{"lists", start + "EXDATE:20240102T080000Z,20240103T080000Z", start + "EXDATE;TZID=Europe/Berlin:20240103T090000\nEXDATE:20240102T080000Z", ""},
		{"another list", start + "EXDATE:20240102T080000Z", start + "EXDATE:20240103T080000Z", "EXDATE"},
		{"periods", start + "RDATE;VALUE=PERIOD:20240102T080000Z/PT1H", start + "RDATE;VALUE=PERIOD:20240102T080000Z/20240102T090000Z", ""},
		{"categories", start + "CATEGORIES:a,b", start + "CATEGORIES:b\nCATEGORIES:a", ""},
		{"defaults", start + "ATTENDEE;PARTSTAT=NEEDS-ACTION;ROLE=REQ-PARTICIPANT;CUTYPE=individual:mailto:a@b", start + "ATTENDEE:MAILTO:A@B", ""},
		{"what is the default of a property", start + "TRANSP:opaque\nPRIORITY:0\nCLASS:PUBLIC", start, ""},
		{"a parameter", start + "ATTENDEE;PARTSTAT=ACCEPTED;CN=A:mailto:a@b", start + "ATTENDEE;CN=B:mailto:a@b", "ATTENDEE(CN PARTSTAT)"},
		{"parameters of several", start + "ATTENDEE;CN=A:mailto:a@b\nATTENDEE:mailto:c@d", start + "ATTENDEE;CN=B:mailto:a@b\nATTENDEE:mailto:c@d", "ATTENDEE"},
		{"order of several", start + "ATTENDEE;CN=A:mailto:a@b\nATTENDEE:mailto:c@d", start + "ATTENDEE:mailto:c@d\nATTENDEE;CN=A:mailto:a@b", ""},
		{"order of parameters", start + "ATTENDEE;CN=A;MEMBER=\"x\",\"y\":mailto:a@b", start + "ATTENDEE;MEMBER=\"y\",\"x\";CN=\"A\":mailto:a@b", ""},
		{"ignored", start + "X-FOO:1\nATTENDEE;RSVP=TRUE;CN=A:mailto:a@b", start + "X-FOO:2\nATTENDEE;CN=A:mailto:a@b", ""},
		{"a component", start + "BEGIN:X-SUB\nX-A:1\nEND:X-SUB", start + "BEGIN:X-SUB\nA:2\nEND:X-SUB", "X-SUB"},
		{"order in components", start + "BEGIN:X-SUB\nA:1\nB:2\nEND:X-SUB", start + "BEGIN:X-SUB\nB:2\nA:1\nEND:X-SUB", ""},
		{"an ignored component", start + "BEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S\nEND:VALARM", start, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := Differ{
				IgnoreProperty:  func(p *Property) bool { return strings.HasPrefix(p.Name, "X-") },
				IgnoreParam:     func(_, param string) bool { return param == "RSVP" },
				IgnoreComponent: func(name string) bool { return name == "VALARM" },
			}
			a, b := object(t, event(tt.a)), object(t, event(tt.b))
			if got := differenceText(d.Diff(a.Master, a.Zones, b.Master, b.Zones)); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if got := differenceText(d.Diff(b.Master, b.Zones, a.Master, a.Zones)); got != tt.want {
				t.Errorf("the other way: %q, want %q", got, tt.want)
			}
			if got := d.Diff(a.Master, a.Zones, a.Master.Clone(), a.Zones); got != nil {
				t.Errorf("from itself: %v", got)
			}
		})
	}
}
