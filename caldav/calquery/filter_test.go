package calquery

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// filterXML wraps tests within VCALENDAR, or a whole filter, into its element.
func filterXML(t testing.TB, inner string) *webdav.Element {
	t.Helper()
	e, err := webdav.ParseXML([]byte(`<filter xmlns="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:">`+inner+`</filter>`), webdav.XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustFilter(t testing.TB, inner string) *Filter {
	t.Helper()
	f, err := ParseFilter(filterXML(t, inner))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func within(kind, inner string) string {
	return `<comp-filter name="VCALENDAR"><comp-filter name="` + kind + `">` + inner + `</comp-filter></comp-filter>`
}

func TestParseFilterRefuses(t *testing.T) {
	const valid, supported, collation = "valid-filter", "supported-filter", "supported-collation"
	for _, tt := range []struct {
		name, in  string
		status    int
		condition string
	}{
		{"empty", ``, 403, valid},
		{"two", `<comp-filter name="VCALENDAR"/><comp-filter name="VCALENDAR"/>`, 403, valid},
		{"not a comp-filter", `<prop-filter name="UID"/>`, 403, valid},
		{"without name", `<comp-filter/>`, 403, valid},
		{"event at the top", `<comp-filter name="VEVENT"/>`, 403, valid},
		{"time-range of the calendar", `<comp-filter name="VCALENDAR"><time-range start="20260101T000000Z"/></comp-filter>`, 403, valid},
		{"calendar in a calendar", within("VCALENDAR", ``), 403, valid},
		{"alarm in a calendar", within("VALARM", ``), 403, valid},
		{"task in an event", within("VEVENT", `<comp-filter name="VTODO"/>`), 403, valid},
		{"alarm in a journal", within("VJOURNAL", `<comp-filter name="VALARM"/>`), 403, valid},
		{"alarm in an alarm", within("VEVENT", `<comp-filter name="VALARM"><comp-filter name="VALARM"/></comp-filter>`), 403, valid},
		{"time-range of a zone", within("VTIMEZONE", `<time-range start="20260101T000000Z"/>`), 403, valid},
		{"time-range of what is not standard", within("X-A", `<time-range start="20260101T000000Z"/>`), 403, valid},
		{"time-range of SUMMARY", within("VEVENT", `<prop-filter name="SUMMARY"><time-range start="20260101T000000Z"/></prop-filter>`), 403, valid},
		{"time-range twice", within("VEVENT", strings.Repeat(`<time-range start="20260101T000000Z"/>`, 2)), 403, valid},
		{"time-range without ends", within("VEVENT", `<time-range/>`), 400, valid},
		{"time-range of length zero", within("VEVENT", `<time-range start="20260101T000000Z" end="20260101T000000Z"/>`), 403, valid},
		{"time-range backwards", within("VEVENT", `<time-range start="20260102T000000Z" end="20260101T000000Z"/>`), 403, valid},
		{"time-range with a date", within("VEVENT", `<time-range start="20260102"/>`), 403, valid},
		{"time-range with local time", within("VEVENT", `<time-range start="20260102T000000"/>`), 403, valid},
		{"time-range with an empty end", within("VEVENT", `<time-range start="20260102T000000Z" end=""/>`), 403, valid},
		{"time-range with no date", within("VEVENT", `<time-range start="20261302T000000Z"/>`), 403, valid},
		{"undefined with more", within("VEVENT", `<is-not-defined/><prop-filter name="UID"/>`), 403, valid},
		{"time-range and text-match", within("VEVENT", `<prop-filter name="DTSTART"><time-range start="20260102T000000Z"/><text-match>1</text-match></prop-filter>`), 403, valid},
		{"text-match and time-range", within("VEVENT", `<prop-filter name="DTSTART"><text-match>1</text-match><time-range start="20260102T000000Z"/></prop-filter>`), 403, valid},
		{"two text-match of a parameter", within("VEVENT", `<prop-filter name="DTSTART"><param-filter name="TZID"><text-match>1</text-match><text-match>1</text-match></param-filter></prop-filter>`), 403, valid},
		{"elements in text-match", within("VEVENT", `<prop-filter name="UID"><text-match>1<b/></text-match></prop-filter>`), 403, valid},
		{"negate-condition", within("VEVENT", `<prop-filter name="UID"><text-match negate-condition="maybe">1</text-match></prop-filter>`), 403, valid},
		{"too many tests", within("VEVENT", strings.Repeat(`<prop-filter name="UID"/>`, 300)), 403, valid},
		{"unknown in comp-filter", within("VEVENT", `<text-match>1</text-match>`), 403, supported},
		{"unknown in prop-filter", within("VEVENT", `<prop-filter name="UID"><D:x/></prop-filter>`), 403, supported},
		{"unknown in param-filter", within("VEVENT", `<prop-filter name="UID"><param-filter name="X"><time-range start="20260101T000000Z"/></param-filter></prop-filter>`), 403, supported},
		{"test", `<comp-filter name="VCALENDAR" test="oneof"/>`, 403, supported},
		{"match-type", within("VEVENT", `<prop-filter name="UID"><text-match match-type="sounds-like">1</text-match></prop-filter>`), 403, supported},
		{"collation", within("VEVENT", `<prop-filter name="UID"><text-match collation="i;turkish">1</text-match></prop-filter>`), 403, collation},
		{"collation with a wildcard", within("VEVENT", `<prop-filter name="UID"><text-match collation="i;*">1</text-match></prop-filter>`), 403, collation},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseFilter(filterXML(t, tt.in))
			var e *webdav.Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Condition != webdav.CalDAV(tt.condition) {
				t.Fatalf("got %v", err)
			}
			if (tt.condition == supported) != (len(e.Children) == 1) {
				t.Errorf("children %v", e.Children)
			}
		})
	}
	if _, err := ParseFilter(nil); err == nil {
		t.Error("no filter is accepted")
	}
}

const timedEvent = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:e1@example.com
DTSTAMP:20260101T000000Z
CREATED:20251231T235959Z
DTSTART:20260110T100000Z
DURATION:PT1H30M
SUMMARY:Größe\, Maß und Review
CATEGORIES:Work,Big\, bad
ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.com
ATTENDEE;CN=Bob;PARTSTAT=DECLINED;MEMBER="mailto:a@example.com","mailto:b@example.com":mailto:bob@example.com
x-custom:1
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DURATION:PT10M
REPEAT:2
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER;RELATED=END:PT1H
END:VALARM
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER;VALUE=DATE-TIME:20260101T080000Z
END:VALARM
END:VEVENT
END:VCALENDAR
`

func prop(name, inner string) string {
	return `<prop-filter name="` + name + `">` + inner + `</prop-filter>`
}

func text(attrs, s string) string { return `<text-match ` + attrs + `>` + s + `</text-match>` }

// TestMatchTexts has tests that need no recurrence.
func TestMatchTexts(t *testing.T) {
	o := object(t, timedEvent)
	for _, tt := range []struct {
		name, in string // within VEVENT
		want     bool
	}{
		{"exists", ``, true},
		{"property exists", prop("SUMMARY", ``), true},
		{"in lower case", prop("summary", ``), true},
		{"is-defined", prop("summary", `<is-defined/>`), true},
		{"written in lower case", prop("X-CUSTOM", text("", "1")), true},
		{"property does not exist", prop("LOCATION", ``), false},
		{"not defined", prop("LOCATION", `<is-not-defined/>`), true},
		{"not defined, but is", prop("SUMMARY", `<is-not-defined/>`), false},
		{"contains", prop("SUMMARY", text("", "REVIEW")), true},
		{"empty text", prop("SUMMARY", text("", "")), true},
		{"case counts", prop("SUMMARY", text(`collation="i;octet"`, "REVIEW")), false},
		{"case counts, same", prop("SUMMARY", text(`collation="i;octet"`, "Review")), true},
		{"caseless of drafts", prop("SUMMARY", text(`caseless="no"`, "REVIEW")), false},
		{"default collation", prop("SUMMARY", text(`collation="default"`, "REVIEW")), true},
		{"ASCII alone is folded", prop("SUMMARY", text("", "GRÖßE")), false},
		{"Unicode is folded", prop("SUMMARY", text(`collation="i;unicode-casemap"`, "GRÖßE")), true},
		{"compatibility forms", prop("SUMMARY", text(`collation="i;unicode-casemap"`, "GRO\u0308ßE")), true},
		{"escapes are not text", prop("SUMMARY", text("", "e, Ma")), true},
		{"negated", prop("SUMMARY", text(`negate-condition="yes"`, "review")), false},
		{"negated, absent", prop("SUMMARY", text(`negate-condition="yes"`, "foo")), true},
		{"negated, no property", prop("LOCATION", text(`negate-condition="yes"`, "foo")), false},
		{"starts with", prop("SUMMARY", text(`match-type="starts-with"`, "gr")), true},
		{"starts with, not", prop("SUMMARY", text(`match-type="starts-with"`, "ma")), false},
		{"ends with", prop("SUMMARY", text(`match-type="ends-with"`, "VIEW")), true},
		{"ends with, longer", prop("UID", text(`match-type="ends-with"`, "xxe1@example.com")), false},
		{"equals", prop("UID", text(`match-type="equals"`, "E1@example.com")), true},
		{"equals, part", prop("UID", text(`match-type="equals"`, "e1")), false},
		{"item of a list", prop("CATEGORIES", text(`match-type="equals"`, "big, bad")), true},
		{"second item of a list", prop("CATEGORIES", text(`match-type="starts-with"`, "big")), true},
		{"first of several", prop("ATTENDEE", text("", "mailto:ann@")), true},
		{"last of several", prop("ATTENDEE", text("", "mailto:bob@")), true},
		{"two texts", prop("SUMMARY", text("", "review")+text("", "und")), true},
		{"two texts, one wrong", prop("SUMMARY", text("", "review")+text("", "nope")), false},
		{"any of two texts", `<prop-filter name="SUMMARY" test="anyof">` + text("", "nope") + text("", "und") + `</prop-filter>`, true},
		{"parameter", prop("ATTENDEE", `<param-filter name="cn"/>`), true},
		{"parameter is not there", prop("ATTENDEE", `<param-filter name="ROLE"/>`), false},
		{"parameter not defined", prop("ATTENDEE", `<param-filter name="ROLE"><is-not-defined/></param-filter>`), true},
		{"parameter not defined on one", prop("ATTENDEE", `<param-filter name="MEMBER"><is-not-defined/></param-filter>`), true},
		{"parameter's text", prop("ATTENDEE", `<param-filter name="PARTSTAT">`+text("", "declined")+`</param-filter>`), true},
		{"parameter's second value", prop("ATTENDEE", `<param-filter name="MEMBER">`+text(`match-type="ends-with"`, "b@example.com")+`</param-filter>`), true},
		{"of one property both", prop("ATTENDEE", text("", "ann")+`<param-filter name="PARTSTAT">`+text("", "declined")+`</param-filter>`), false},
		{"any of both", `<prop-filter name="ATTENDEE" test="anyof">` + text("", "nobody") + `<param-filter name="CN">` + text("", "bob") + `</param-filter></prop-filter>`, true},
		{"time of a property", prop("CREATED", `<time-range start="20251231T235959Z" end="20260101T000000Z"/>`), true},
		{"time of a property, end", prop("CREATED", `<time-range end="20251231T235959Z"/>`), false},
		{"effective DTEND", prop("DTEND", `<time-range start="20260110T113000Z" end="20260110T113001Z"/>`), true},
		{"effective DTEND, not", prop("DTEND", `<time-range start="20260110T113001Z"/>`), false},
		{"DTEND does not exist", prop("DTEND", ``), false},
		{"time of a property that is not there", prop("COMPLETED", `<time-range end="20251231T235959Z"/>`), false},
		{"alarm", `<comp-filter name="VALARM"/>`, true},
		{"alarm's property", `<comp-filter name="VALARM">` + prop("ACTION", text("", "display")) + `</comp-filter>`, true},
		{"no alarm", `<comp-filter name="VALARM"><is-not-defined/></comp-filter>`, false},
		{"all of two", prop("UID", ``) + prop("LOCATION", ``), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := match(t, mustFilter(t, within("VEVENT", tt.in)), o, nil); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	anyOf := `<comp-filter name="VCALENDAR" test="anyof"><comp-filter name="VTODO"/><comp-filter name="VEVENT" test="anyof">` +
		prop("LOCATION", ``) + prop("SUMMARY", ``) + `</comp-filter></comp-filter>`
	for in, want := range map[string]bool{
		`<comp-filter name="VCALENDAR"/>`:                                                                     true,
		`<comp-filter name="VCALENDAR"><is-not-defined/></comp-filter>`:                                       false,
		`<comp-filter name="vcalendar">` + prop("VERSION", text("", "2.0")) + `</comp-filter>`:                true,
		`<comp-filter name="VCALENDAR">` + prop("METHOD", ``) + `</comp-filter>`:                              false,
		`<comp-filter name="VCALENDAR"><comp-filter name="VEVENT"/><comp-filter name="VTODO"/></comp-filter>`: false,
		within("VTODO", `<is-not-defined/>`):                                                                  true,
		within("VEVENT", `<is-not-defined/>`):                                                                 false,
		within("VTIMEZONE", ``):                                                                               false,
		within("VTIMEZONE", `<is-not-defined/>`):                                                              true,
		within("*", prop("SUMMARY", ``)):                                                                      true,
		within("*", prop("LOCATION", ``)):                                                                     false,
		anyOf:                                                                                                 true,
	} {
		if got := match(t, mustFilter(t, in), o, nil); got != want {
			t.Errorf("%s: got %v", in, got)
		}
	}
}

func span(from, to string) string {
	s := "<time-range"
	if from != "" {
		s += ` start="` + from + `"`
	}
	if to != "" {
		s += ` end="` + to + `"`
	}
	return s + "/>"
}

func TestMatchAlarms(t *testing.T) {
	o := object(t, timedEvent)
	for _, tt := range []struct {
		from, to string
		want     bool
	}{
		{"20260110T094500Z", "20260110T094501Z", true},  // 15 minutes before
		{"20260110T094501Z", "20260110T095500Z", false}, // between
		{"20260110T095500Z", "20260110T095501Z", true},  // first repeat
		{"20260110T100459Z", "20260110T100501Z", true},  // second repeat
		{"20260110T100501Z", "20260110T122959Z", false}, // after the last
		{"20260110T123000Z", "20260110T123001Z", true},  // an hour after the end
		{"20260110T123001Z", "", false},
		{"20260101T080000Z", "20260101T080001Z", true}, // absolute
		{"", "20260101T080000Z", false},
		{"", "20260101T080001Z", true},
	} {
		f := mustFilter(t, within("VEVENT", `<comp-filter name="VALARM">`+span(tt.from, tt.to)+`</comp-filter>`))
		if got := match(t, f, o, nil); got != tt.want {
			t.Errorf("%s–%s: got %v", tt.from, tt.to, got)
		}
	}
}

// TestMatchAlarmOfDay has the alarm of an all-day event, 15 minutes before the day
// begins for the reader.
func TestMatchAlarmOfDay(t *testing.T) {
	o := object(t, strings.NewReplacer("DTSTART:20260110T100000Z", "DTSTART;VALUE=DATE:20260110", "DURATION:PT1H30M\n", "").Replace(timedEvent))
	f := mustFilter(t, within("VEVENT", `<comp-filter name="VALARM">`+span("20260109T234500Z", "20260109T234501Z")+`</comp-filter>`))
	if !match(t, f, o, nil) || match(t, f, o, exampleZone(t)) {
		t.Error("in UTC")
	}
	f = mustFilter(t, within("VEVENT", `<comp-filter name="VALARM">`+span("20260110T044500Z", "20260110T044501Z")+`</comp-filter>`))
	if match(t, f, o, nil) || !match(t, f, o, exampleZone(t)) {
		t.Error("in New York")
	}
}

const series = `BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VEVENT
UID:s1@example.com
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260105T100000
DTEND;TZID=Europe/Berlin:20260105T110000
RRULE:FREQ=DAILY
SUMMARY:Stand-up
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT5M
END:VALARM
END:VEVENT
BEGIN:VEVENT
UID:s1@example.com
RECURRENCE-ID;TZID=Europe/Berlin:20260107T100000
DTSTAMP:20260101T000000Z
DTSTART;TZID=Europe/Berlin:20260109T160000
DTEND;TZID=Europe/Berlin:20260109T170000
SUMMARY:Moved
END:VEVENT
END:VCALENDAR
`

func TestMatchSeries(t *testing.T) {
	o := object(t, series)
	moved, standUp := prop("SUMMARY", text("", "moved")), prop("SUMMARY", text("", "stand-up"))
	for _, tt := range []struct {
		name, in string
		want     bool
	}{
		{"first", span("20260105T090000Z", "20260105T090001Z"), true},
		{"before", span("", "20260105T090000Z"), false},
		{"between", span("20260105T100000Z", "20260106T090000Z"), false},
		{"decades on", span("20760105T090000Z", "20760105T090001Z"), true},
		{"no end", span("20760105T090000Z", ""), true},
		{"moved from", span("20260107T090000Z", "20260107T100000Z"), false},
		{"moved to", span("20260109T150000Z", "20260109T160000Z"), true},
		{"moved to, by name", span("20260109T150000Z", "20260109T160000Z") + moved, true},
		{"moved to, other name", span("20260109T150000Z", "20260109T160000Z") + standUp, false},
		{"regular, by name", span("20260108T000000Z", "20260109T000000Z") + standUp, true},
		{"regular, other name", span("20260108T000000Z", "20260109T000000Z") + moved, false},
		{"other name, no end", span("20260110T000000Z", "") + moved, false},
		{"neither name, no end", span("20260110T000000Z", "") + prop("LOCATION", ``), false},
		{"name, no begin", span("", "20260111T000000Z") + moved, true},
		{"start of an instance", prop("DTSTART", span("20400702T080000Z", "20400702T080001Z")), true},
		{"start of no instance", prop("DTSTART", span("20400702T080001Z", "20400702T235959Z")), false},
		{"end of an instance", prop("DTEND", span("20400702T090000Z", "20400702T090001Z")), true},
		{"start of the moved one", prop("DTSTART", span("20260109T150000Z", "20260109T150001Z")), true},
		{"start before it was moved", prop("DTSTART", span("20260107T090000Z", "20260107T090001Z")), false},
		{"alarm", `<comp-filter name="VALARM">` + span("20400702T075500Z", "20400702T075501Z") + `</comp-filter>`, true},
		{"alarm of no instance", `<comp-filter name="VALARM">` + span("20400702T075501Z", "20400703T075500Z") + `</comp-filter>`, false},
		{"alarm of the moved one", `<comp-filter name="VALARM">` + span("20260109T145500Z", "20260109T145501Z") + `</comp-filter>`, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := match(t, mustFilter(t, within("VEVENT", tt.in)), o, nil); got != tt.want {
				t.Errorf("got %v", got)
			}
		})
	}
	anyOf := mustFilter(t, strings.Replace(within("VEVENT", span("20250101T000000Z", "20250102T000000Z")+moved), `"VEVENT"`, `"VEVENT" test="anyof"`, 1))
	if !match(t, anyOf, o, nil) {
		t.Error("anyof with a time range: the name is not enough")
	}
}

// TestMatchFloating reads an all-day event in the zone of the query.
func TestMatchFloating(t *testing.T) {
	o := object(t, strings.NewReplacer("DTSTART:20260110T100000Z", "DTSTART;VALUE=DATE:20260110", "DURATION:PT1H30M\n", "").Replace(timedEvent))
	f := mustFilter(t, within("VEVENT", span("20260111T040000Z", "20260111T043000Z")))
	if match(t, f, o, nil) {
		t.Error("in UTC it is over by then")
	}
	if !match(t, f, o, exampleZone(t)) {
		t.Error("in New York it is not")
	}
}

func TestMatchAvailability(t *testing.T) {
	o := object(t, `BEGIN:VCALENDAR
VERSION:2.0
PRODID:x
BEGIN:VAVAILABILITY
UID:a1
DTSTAMP:20260101T000000Z
DTSTART:20260101T000000Z
BEGIN:AVAILABLE
UID:a2
DTSTAMP:20260101T000000Z
DTSTART:20260105T090000Z
DTEND:20260105T170000Z
RRULE:FREQ=WEEKLY;BYDAY=MO,TU
SUMMARY:Office
END:AVAILABLE
END:VAVAILABILITY
END:VCALENDAR
`)
	for in, want := range map[string]bool{
		`<comp-filter name="AVAILABLE"/>`: true,
		`<comp-filter name="AVAILABLE">` + prop("SUMMARY", text("", "home")) + `</comp-filter>`:            false,
		`<comp-filter name="AVAILABLE">` + span("20260113T100000Z", "20260113T100001Z") + `</comp-filter>`: true,
		`<comp-filter name="AVAILABLE">` + span("20260114T100000Z", "20260114T100001Z") + `</comp-filter>`: false,
		span("20260114T100000Z", "20260114T100001Z") + `<comp-filter name="AVAILABLE"/>`:                   true,
		span("20250114T100000Z", "20250114T100001Z") + `<comp-filter name="AVAILABLE"/>`:                   false,
	} {
		if got := match(t, mustFilter(t, within("VAVAILABILITY", in)), o, nil); got != want {
			t.Errorf("%s: got %v", in, got)
		}
	}
}

func TestBudget(t *testing.T) {
	f := mustFilter(t, within("VEVENT", span("20260101T000000Z", "20960101T000000Z")+prop("SUMMARY", text("", "moved"))))
	o := object(t, strings.Replace(series, "RECURRENCE-ID;", "RECURRENCE-ID;RANGE=THISANDFUTURE;", 1))
	_, err := f.Match(o, nil, ical.NewBudget(0))
	if !errors.Is(err, ical.ErrBudget) {
		t.Errorf("got %v", err)
	}
}

func TestPlan(t *testing.T) {
	year := span("20260101T000000Z", "20270101T000000Z")
	uid := prop("UID", text(`collation="i;octet"`, "e1"))
	for _, tt := range []struct{ name, in, want string }{
		{"all", `<comp-filter name="VCALENDAR"/>`, "[] exact"},
		{"none", `<comp-filter name="VCALENDAR"><is-not-defined/></comp-filter>`, "none"},
		{"events", within("VEVENT", ``), "[VEVENT] exact"},
		{"events of a year", within("VEVENT", year), "[VEVENT] 1767225600–1798761600 exact"},
		{"events of a year by name", within("VEVENT", year+prop("SUMMARY", ``)), "[VEVENT] 1767225600–1798761600"},
		{"events by UID", within("VEVENT", uid), "[VEVENT] uid exactuid"},
		{"events of a year by UID", within("VEVENT", year+uid), "[VEVENT] 1767225600–1798761600 uid exactuid"},
		{"events by UID and name", within("VEVENT", uid+prop("SUMMARY", ``)), "[VEVENT] uid"},
		{"events with alarms", within("VEVENT", `<comp-filter name="VALARM"/>`), "[VEVENT] alarm"},
		{"events without alarms", within("VEVENT", `<comp-filter name="VALARM"><is-not-defined/></comp-filter>`), "[VEVENT]"},
		{"no events", within("VEVENT", `<is-not-defined/>`), "[VTODO VJOURNAL VFREEBUSY VAVAILABILITY VPOLL] exact"},
		{"no events, no tasks", `<comp-filter name="VCALENDAR"><comp-filter name="VEVENT"><is-not-defined/></comp-filter><comp-filter name="VTODO"><is-not-defined/></comp-filter></comp-filter>`,
			"[VJOURNAL VFREEBUSY VAVAILABILITY VPOLL] exact"},
		{"zones", within("VTIMEZONE", ``), "[]"},
		{"events with zones", `<comp-filter name="VCALENDAR"><comp-filter name="VEVENT"/><comp-filter name="VTIMEZONE"/></comp-filter>`, "[VEVENT]"},
		{"events that are tasks", `<comp-filter name="VCALENDAR"><comp-filter name="VEVENT"/><comp-filter name="VTODO"/></comp-filter>`, "none"},
		{"events or tasks", `<comp-filter name="VCALENDAR" test="anyof"><comp-filter name="VEVENT"/><comp-filter name="VTODO"/></comp-filter>`, "[VEVENT VTODO] exact"},
		{"events or tasks of a year", `<comp-filter name="VCALENDAR" test="anyof"><comp-filter name="VEVENT">` + year + `</comp-filter><comp-filter name="VTODO">` + year + `</comp-filter></comp-filter>`,
			"[VEVENT VTODO] 1767225600–1798761600 exact"},
		{"events of a year, or tasks", `<comp-filter name="VCALENDAR" test="anyof"><comp-filter name="VEVENT">` + year + `</comp-filter><comp-filter name="VTODO"/></comp-filter>`, "[VEVENT VTODO]"},
		{"anything", within("*", year), "[] 1767225600–1798761600 exact"},
		{"version", `<comp-filter name="VCALENDAR">` + prop("VERSION", ``) + `</comp-filter>`, "[]"},
		{"any test", `<comp-filter name="VCALENDAR" test="anyof">` + prop("VERSION", ``) + `<comp-filter name="VEVENT"/></comp-filter>`, "[]"},
		{"any test of events", strings.Replace(within("VEVENT", year+uid), `"VEVENT"`, `"VEVENT" test="anyof"`, 1), "[VEVENT]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describePlan(mustFilter(t, tt.in).Plan()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
	p := mustFilter(t, within("VEVENT", uid)).Plan()
	if !p.UID("xe1") || p.UID("E1") {
		t.Error("UID")
	}
}

func describePlan(p Plan) string {
	if p.None {
		return "none"
	}
	s := fmt.Sprint(p.Components)
	if p.TimeRange != everything {
		s += fmt.Sprintf(" %d–%d", p.From, p.To)
	}
	for _, flag := range []struct {
		set  bool
		name string
	}{{p.UID != nil, " uid"}, {p.Alarm, " alarm"}, {p.Exact, " exact"}, {p.ExactUID && !p.Exact, " exactuid"}} {
		if flag.set {
			s += flag.name
		}
	}
	return s
}

func TestTimeRanges(t *testing.T) {
	f := mustFilter(t, within("VEVENT", span("20260101T000000Z", "")+prop("CREATED", span("", "20260102T000000Z"))))
	got := f.TimeRanges()
	if len(got) != 1 || got[0].From != 1767225600 || got[0].Bounded() {
		t.Errorf("got %v", got)
	}
}
