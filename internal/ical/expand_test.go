package ical

import (
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// body returns the components of a calendar, without the VCALENDAR around them.
func body(c *Component) string {
	text := strings.ReplaceAll(string(c.Append(nil)), "\r\n", "\n")
	_, text, _ = strings.Cut(text, "PRODID:-//convene//test//EN\n")
	return strings.TrimSuffix(text, "END:VCALENDAR\n")
}

const berlin = `BEGIN:VTIMEZONE
TZID:Berlin
BEGIN:STANDARD
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
`

func TestExpand(t *testing.T) {
	weekly := event("DTSTART;TZID=Berlin:20240318T090000\nDTEND;TZID=Berlin:20240318T100000\nRRULE:FREQ=WEEKLY\nEXDATE;TZID=Berlin:20240408T090000\n" +
		"SUMMARY:Meeting\nX-SEEN;TZID=Berlin:20240101T000000\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM")
	tail := "UID:1\nDTSTAMP:20240101T000000Z\nSUMMARY:Meeting\nX-SEEN:20231231T230000Z\nBEGIN:VALARM\nTRIGGER:-PT5M\nEND:VALARM\nEND:VEVENT\n"
	for _, tt := range []struct{ name, content, from, to, want string }{
		{"series", berlin + weekly, "20240318T000000Z", "20240415T000000Z",
			"BEGIN:VEVENT\nDTSTART:20240318T080000Z\nDTEND:20240318T090000Z\n" + tail +
				"BEGIN:VEVENT\nDTSTART:20240325T080000Z\nDTEND:20240325T090000Z\nRECURRENCE-ID:20240325T080000Z\n" + tail +
				"BEGIN:VEVENT\nDTSTART:20240401T070000Z\nDTEND:20240401T080000Z\nRECURRENCE-ID:20240401T070000Z\n" + tail},
		{"override", berlin + weekly + "\n" + event("RECURRENCE-ID;TZID=Berlin:20240401T090000\nDTSTART;TZID=Berlin:20240402T090000\nDURATION:PT30M\nSUMMARY:Later"),
			"20240326T000000Z", "20240415T000000Z",
			"BEGIN:VEVENT\nDTSTART:20240402T070000Z\nDURATION:PT30M\nRECURRENCE-ID:20240401T070000Z\nUID:1\nDTSTAMP:20240101T000000Z\nSUMMARY:Later\nEND:VEVENT\n"},
		{"single", berlin + event("DTSTART;TZID=Berlin:20240318T090000\nDURATION:PT1H"), "", "",
			"BEGIN:VEVENT\nDTSTART:20240318T080000Z\nDURATION:PT1H\nUID:1\nDTSTAMP:20240101T000000Z\nEND:VEVENT\n"},
		{"nothing", event("DTSTART:20240318T090000Z\nDURATION:PT1H"), "20250101T000000Z", "", ""},
		{"all-day", event("DTSTART;VALUE=DATE:20240318\nRRULE:FREQ=DAILY;COUNT=2"), "20240319T000000Z", "",
			"BEGIN:VEVENT\nDTSTART;VALUE=DATE:20240319\nRECURRENCE-ID;VALUE=DATE:20240319\nUID:1\nDTSTAMP:20240101T000000Z\nEND:VEVENT\n"},
		{"floating", event("DTSTART:20240318T090000\nDTEND:20240318T100000\nRRULE:FREQ=DAILY;COUNT=2"), "20240319T000000Z", "",
			"BEGIN:VEVENT\nDTSTART:20240319T090000\nDTEND:20240319T100000\nRECURRENCE-ID:20240319T090000\nUID:1\nDTSTAMP:20240101T000000Z\nEND:VEVENT\n"},
		{"nominal day of 23 hours", berlin + event("DTSTART;TZID=Berlin:20240330T120000\nDURATION:P1D"), "", "",
			"BEGIN:VEVENT\nDTSTART:20240330T110000Z\nDTEND:20240331T100000Z\nUID:1\nDTSTAMP:20240101T000000Z\nEND:VEVENT\n"},
		{"period", event("DTSTART:20240318T090000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240319T090000Z/PT2H"), "20240319T000000Z", "",
			"BEGIN:VEVENT\nDTSTART:20240319T090000Z\nDTEND:20240319T110000Z\nRECURRENCE-ID:20240319T090000Z\nUID:1\nDTSTAMP:20240101T000000Z\nEND:VEVENT\n"},
		{"task", "BEGIN:VTODO\nUID:1\nDUE;TZID=Europe/Berlin:20240318T090000\nEND:VTODO", "", "", "BEGIN:VTODO\nDUE:20240318T080000Z\nUID:1\nEND:VTODO\n"},
		{"task without times", "BEGIN:VTODO\nUID:1\nCREATED:20240318T090000Z\nEND:VTODO", "", "", "BEGIN:VTODO\nUID:1\nCREATED:20240318T090000Z\nEND:VTODO\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := object(t, tt.content)
			from, to := utc(t, tt.from, math.MinInt64), utc(t, tt.to, math.MaxInt64)
			if strings.Contains(tt.content, "FREQ=WEEKLY") {
				to = min(to, utc(t, "20240403T000000Z", 0))
			}
			tree, err := o.Expand(from, to, nil, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, body(tree)); diff != "" {
				t.Errorf("Expand (-want +got):\n%s", diff)
			}
			text, err := o.AppendExpanded([]byte("before"), from, to, nil, nil)
			if err != nil || string(text) != "before"+string(tree.Append(nil)) {
				t.Errorf("AppendExpanded %v:\n%s", err, text)
			}
		})
	}
}

func TestLimitRecurrenceSet(t *testing.T) {
	daily := event("DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRRULE:FREQ=DAILY")
	override := func(id, start string) string {
		return event("RECURRENCE-ID" + id + "\nDTSTART:" + start + "\nDURATION:PT1H")
	}
	o := object(t, strings.Join([]string{daily,
		override(":20240102T090000Z", "20240202T090000Z"), // moved away
		override(":20240103T090000Z", "20240103T190000Z"), // moved within
		override(":20240104T090000Z", "20240102T120000Z"), // moved into
		override(":20240105T090000Z", "20240105T120000Z"), // elsewhere
	}, "\n"))
	got, err := o.LimitRecurrenceSet(utc(t, "20240102T000000Z", 0), utc(t, "20240104T000000Z", 0), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, c := range got.Children[1:] {
		ids = append(ids, c.Prop("RECURRENCE-ID").Value)
	}
	if diff := cmp.Diff([]string{"20240102T090000Z", "20240103T090000Z", "20240104T090000Z"}, ids); diff != "" {
		t.Error(diff)
	}
	if len(o.Calendar.Children) != 5 {
		t.Error("the object was changed")
	}
}

func TestLimitFreeBusySet(t *testing.T) {
	o := object(t, "BEGIN:VFREEBUSY\nUID:1\nDTSTAMP:20240101T000000Z\nFREEBUSY:20240101T090000Z/PT1H,20240102T090000Z/20240102T100000Z\nFREEBUSY;FBTYPE=BUSY-TENTATIVE:20240103T090000Z/PT1H\nEND:VFREEBUSY")
	got := body(o.LimitFreeBusySet(utc(t, "20240101T100000Z", 0), utc(t, "20240103T090000Z", 0)))
	want := "BEGIN:VFREEBUSY\nUID:1\nDTSTAMP:20240101T000000Z\nFREEBUSY:20240102T090000Z/20240102T100000Z\nEND:VFREEBUSY\n"
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// expandSample is a weekly meeting of a size that is usual.
const expandSample = berlin + `BEGIN:VEVENT
UID:4f5b8d2e-6c1a-4f3e-9a77-0d9f5a1c2b3d
DTSTAMP:20240101T000000Z
CREATED:20240101T000000Z
LAST-MODIFIED:20240101T000000Z
DTSTART;TZID=Berlin:20200106T090000
DTEND;TZID=Berlin:20200106T093000
RRULE:FREQ=DAILY;BYDAY=MO,TU,WE,TH,FR
SUMMARY:Morning round
LOCATION:Room 3
ORGANIZER;CN=Alice:mailto:alice@example.com
ATTENDEE;CN=Alice;PARTSTAT=ACCEPTED:mailto:alice@example.com
ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:bob@example.com
SEQUENCE:1
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:Morning round
TRIGGER:-PT5M
END:VALARM
END:VEVENT`

func BenchmarkExpand(b *testing.B) {
	o := object(b, expandSample)
	s, err := o.Series()
	if err != nil {
		b.Fatal(err)
	}
	from := utc(b, "20240301T000000Z", 0)
	to := from + 30*secondsPerDay
	b.Run("append", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			if buf, err = s.AppendExpanded(buf[:0], o, from, to, nil, NewBudget(10000)); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("append-compile", func(b *testing.B) {
		b.ReportAllocs()
		var buf []byte
		for b.Loop() {
			if buf, err = o.AppendExpanded(buf[:0], from, to, nil, NewBudget(10000)); err != nil {
				b.Fatal(err)
			}
		}
		b.SetBytes(int64(len(buf)))
	})
	b.Run("tree", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := o.Expand(from, to, nil, NewBudget(10000)); err != nil {
				b.Fatal(err)
			}
		}
	})
}
