package ical

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// rid reads a name of an instance; "" is the master's.
func rid(t testing.TB, s string) DateTime {
	t.Helper()
	if s == "" {
		return DateTime{}
	}
	at, err := ParseDateTime(s, "", false, nil)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func draft(t testing.TB, content string) *Draft {
	t.Helper()
	d, err := object(t, content).Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// lines returns what stands in c, without BEGIN, END and what event writes.
func lines(c *Component) string {
	if c == nil {
		return ""
	}
	var out []string
	for line := range strings.SplitSeq(strings.TrimSpace(string(c.Append(nil))), "\r\n") {
		if !strings.HasPrefix(line, "UID:") && !strings.HasPrefix(line, "DTSTAMP:") && line != "BEGIN:VEVENT" && line != "END:VEVENT" {
			out = append(out, line)
		}
	}
	return strings.Join(out, " ")
}

// Each instance can be derived from the master, in the forms that the master has.
func TestDerive(t *testing.T) {
	const berlin = "DTSTART;TZID=Europe/Berlin:20240325T090000\n"
	for _, tt := range []struct{ name, master, rid, want string }{
		{"with its end over a change of the clocks", berlin + "DTEND;TZID=Europe/Berlin:20240325T100000\nRRULE:FREQ=DAILY\nEXDATE:20240326T080000Z\nSUMMARY:a", "20240401T070000Z",
			"DTSTART;TZID=Europe/Berlin:20240401T090000 DTEND;TZID=Europe/Berlin:20240401T100000 SUMMARY:a RECURRENCE-ID;TZID=Europe/Berlin:20240401T090000"},
		{"that is excluded", berlin + "RRULE:FREQ=DAILY\nEXDATE:20240326T080000Z", "20240326T080000Z", ""},
		{"at another time", berlin + "RRULE:FREQ=DAILY", "20240326T080001Z", ""},
		{"after the end", berlin + "RRULE:FREQ=DAILY;COUNT=2", "20240327T080000Z", ""},
		{"before the start", berlin + "RRULE:FREQ=DAILY", "20240324T080000Z", ""},
		{"of a weekday", berlin + "RRULE:FREQ=WEEKLY;BYDAY=MO,WE", "20240327T080000Z",
			"DTSTART;TZID=Europe/Berlin:20240327T090000 RECURRENCE-ID;TZID=Europe/Berlin:20240327T090000"},
		{"with a duration", "DTSTART:20240101T090000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY", "20240102T090000Z",
			"DTSTART:20240102T090000Z DURATION:PT1H RECURRENCE-ID:20240102T090000Z"},
		{"of days", "DTSTART;VALUE=DATE:20240101\nDTEND;VALUE=DATE:20240103\nRRULE:FREQ=WEEKLY", "20240108",
			"DTSTART;VALUE=DATE:20240108 DTEND;VALUE=DATE:20240110 RECURRENCE-ID;VALUE=DATE:20240108"},
		{"floating", "DTSTART:20240101T090000\nRRULE:FREQ=DAILY", "20240102T090000", "DTSTART:20240102T090000 RECURRENCE-ID:20240102T090000"},
		{"of an RDATE", "DTSTART:20240101T090000Z\nDTEND:20240101T100000Z\nRDATE:20240105T120000Z", "20240105T120000Z",
			"DTSTART:20240105T120000Z DTEND:20240105T130000Z RECURRENCE-ID:20240105T120000Z"},
		{"of an RDATE with a length", "DTSTART:20240101T090000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20240105T120000Z/PT3H", "20240105T120000Z",
			"DTSTART:20240105T120000Z DTEND:20240105T150000Z RECURRENCE-ID:20240105T120000Z"},
		{"longer than the step", "DTSTART:20240101T090000Z\nDTEND:20240110T090000Z\nRRULE:FREQ=DAILY", "20240103T090000Z",
			"DTSTART:20240103T090000Z DTEND:20240112T090000Z RECURRENCE-ID:20240103T090000Z"},
		{"with an end elsewhere", berlin + "DTEND;TZID=Asia/Tokyo:20240325T180000\nRRULE:FREQ=DAILY", "20240401T070000Z",
			"DTSTART;TZID=Europe/Berlin:20240401T090000 DTEND;TZID=Asia/Tokyo:20240401T170000 RECURRENCE-ID;TZID=Europe/Berlin:20240401T090000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := draft(t, event(tt.master)).Derive(rid(t, tt.rid))
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// After a THISANDFUTURE override it is what instances are derived from (RFC 5545
// §3.2.13).
func TestDeriveAfterRange(t *testing.T) {
	const (
		berlin = "DTSTART;TZID=Europe/Berlin:20240325T090000\nDTEND;TZID=Europe/Berlin:20240325T100000\nRRULE:FREQ=DAILY;COUNT=20\nSUMMARY:a"
		later  = "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20240327T090000\nDTSTART;TZID=Europe/Berlin:20240328T140000\nDURATION:PT3H\nSUMMARY:b"
		tokyo  = "RECURRENCE-ID;RANGE=THISANDFUTURE:20240329T080000Z\nDTSTART;TZID=Asia/Tokyo:20240329T180000\nDTEND;TZID=Asia/Tokyo:20240329T190000\nSUMMARY:c"
	)
	for _, tt := range []struct{ name, object, rid, want string }{
		{"before it", event(berlin) + "\n" + event(later), "20240326T080000Z",
			"DTSTART;TZID=Europe/Berlin:20240326T090000 DTEND;TZID=Europe/Berlin:20240326T100000 SUMMARY:a RECURRENCE-ID;TZID=Europe/Berlin:20240326T090000"},
		{"at it", event(berlin) + "\n" + event(later), "20240327T080000Z",
			"DTSTART;TZID=Europe/Berlin:20240327T090000 DTEND;TZID=Europe/Berlin:20240327T100000 SUMMARY:a RECURRENCE-ID;TZID=Europe/Berlin:20240327T090000"},
		{"after it, over a change of the clocks", event(berlin) + "\n" + event(later), "20240402T070000Z",
			"DTSTART;TZID=Europe/Berlin:20240403T140000 DURATION:PT3H SUMMARY:b RECURRENCE-ID;TZID=Europe/Berlin:20240402T090000"},
		{"which is none", event(berlin) + "\n" + event(later), "20240402T070001Z", ""},
		{"after two, in another zone", event(berlin) + "\n" + event(later) + "\n" + event(tokyo), "20240330T080000Z",
			"DTSTART;TZID=Asia/Tokyo:20240330T180000 DTEND;TZID=Asia/Tokyo:20240330T190000 SUMMARY:c RECURRENCE-ID;TZID=Europe/Berlin:20240330T090000"},
		{"between them", event(berlin) + "\n" + event(later) + "\n" + event(tokyo), "20240328T080000Z",
			"DTSTART;TZID=Europe/Berlin:20240329T140000 DURATION:PT3H SUMMARY:b RECURRENCE-ID;TZID=Europe/Berlin:20240328T090000"},
		{"of days", event("DTSTART;VALUE=DATE:20240101\nRRULE:FREQ=WEEKLY;COUNT=5") + "\n" +
			event("RECURRENCE-ID;RANGE=THISANDFUTURE;VALUE=DATE:20240108\nDTSTART;VALUE=DATE:20240109\nDTEND;VALUE=DATE:20240111"), "20240122",
			"DTSTART;VALUE=DATE:20240123 DTEND;VALUE=DATE:20240125 RECURRENCE-ID;VALUE=DATE:20240122"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := draft(t, tt.object).Derive(rid(t, tt.rid))
			if err != nil {
				t.Fatal(err)
			}
			if got := lines(c); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

// A task may have a due date alone.
func TestDeriveTask(t *testing.T) {
	d := draft(t, "BEGIN:VTODO\nUID:1\nDUE;VALUE=DATE:20240101\nRRULE:FREQ=DAILY\nEND:VTODO")
	c, err := d.Derive(rid(t, "20240103"))
	if err != nil || c == nil {
		t.Fatal(c, err)
	}
	if got, want := strings.ReplaceAll(string(c.Append(nil)), "\r\n", " "),
		"BEGIN:VTODO UID:1 DUE;VALUE=DATE:20240103 RECURRENCE-ID;VALUE=DATE:20240103 END:VTODO "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// What is derived describes the instance as the expansion does, and one that is not
// an instance is never derived.
func TestDeriveAsExpanded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		start := rapid.SampledFrom([]string{"DTSTART;TZID=Europe/Berlin:20240320T023000", "DTSTART:20240101T100000Z",
			"DTSTART;VALUE=DATE:20240131", "DTSTART:20240320T090000"}).Draw(t, "start")
		rule := rapid.SampledFrom([]string{"FREQ=DAILY;COUNT=20", "FREQ=WEEKLY;BYDAY=MO,TH;COUNT=9", "FREQ=MONTHLY;COUNT=5",
			"FREQ=DAILY;INTERVAL=3;COUNT=7"}).Draw(t, "rule")
		duration := rapid.SampledFrom([]string{"P1D", "P3D", "P2W"}).Draw(t, "duration")
		cal, err := Decode([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nBEGIN:VEVENT\r\nUID:1\r\n"+start+"\r\nDURATION:"+duration+
			"\r\nRRULE:"+rule+"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		o, err := NewObject(cal)
		if err != nil {
			t.Fatal(err)
		}
		d, err := o.Draft(nil)
		if err != nil {
			t.Fatal(err)
		}
		s, err := d.Series()
		if err != nil {
			t.Fatal(err)
		}
		for inst, err := range s.Instances(-1<<40, 1<<40, nil, nil) {
			if err != nil {
				t.Fatal(err)
			}
			name := s.RID(inst.RecurrenceID)
			c, err := d.Derive(name)
			if err != nil || c == nil {
				t.Fatalf("%s: %v, %v", name, c, err)
			}
			p, err := newPart(c, o.Zones)
			if err != nil {
				t.Fatal(err)
			}
			from, to := p.unixSpan(nil)
			if from != inst.StartUnix || to != inst.EndUnix {
				t.Errorf("%s: from %d to %d, but the instance is from %d to %d", name, from, to, inst.StartUnix, inst.EndUnix)
			}
			name.Wall += 86400 * 365 * 3
			if has, err := d.Has(name); has || err != nil {
				t.Errorf("%s: %v, %v", name, has, err)
			}
		}
	})
}

const weekly = "DTSTART;TZID=Europe/Berlin:20240101T090000\nDTEND;TZID=Europe/Berlin:20240101T100000\nRRULE:FREQ=WEEKLY;COUNT=6"

// A draft changes what it is told to, and nothing else.
func TestDraft(t *testing.T) {
	content := event("RECURRENCE-ID:20240115T080000Z\nDTSTART:20240115T100000Z") + "\n" + event(weekly+"\nEXDATE;TZID=Europe/Berlin:20240108T090000,20240122T090000") + "\n" +
		event("RECURRENCE-ID;TZID=Europe/Berlin:20240129T090000\nDTSTART:20240129T100000Z")
	for _, tt := range []struct {
		name string
		edit func(d *Draft) error
		want func(was string) string
		rids string
	}{
		{"nothing", func(*Draft) error { return nil }, nil, " 20240115T080000Z 20240129T080000Z"},
		{"the master", func(d *Draft) error { d.Edit(DateTime{}).Add(NewProperty("X-A", "1")); return nil },
			func(was string) string {
				return strings.Replace(was, "20240122T090000\r\n", "20240122T090000\r\nX-A:1\r\n", 1)
			}, " 20240115T080000Z 20240129T080000Z"},
		{"an override away", func(d *Draft) error { d.Remove(rid(t, "20240115T080000Z")); return nil },
			func(was string) string {
				return strings.Replace(was, "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20240101T000000Z\r\nRECURRENCE-ID:20240115T080000Z\r\nDTSTART:20240115T100000Z\r\nEND:VEVENT\r\n", "", 1)
			}, " 20240129T080000Z"},
		{"the master away", func(d *Draft) error { d.Remove(DateTime{}); return nil },
			func(was string) string {
				from := strings.Index(was, "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20240101T000000Z\r\nDTSTART;TZID")
				to := from + strings.Index(was[from:], "END:VEVENT\r\n") + len("END:VEVENT\r\n")
				return was[:from] + was[to:]
			}, "20240115T080000Z 20240129T080000Z"},
		{"an instance of the series", func(d *Draft) error { _, err := d.EditEffective(rid(t, "20240205T080000Z")); return err },
			func(was string) string {
				return strings.Replace(was, "END:VCALENDAR", "BEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20240101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20240205T090000\r\n"+
					"DTEND;TZID=Europe/Berlin:20240205T100000\r\nRECURRENCE-ID;TZID=Europe/Berlin:20240205T090000\r\nEND:VEVENT\r\nEND:VCALENDAR", 1)
			}, " 20240115T080000Z 20240129T080000Z 20240205T080000Z"},
		{"exclude", func(d *Draft) error { return d.Exclude(rid(t, "20240205T080000Z")) },
			func(was string) string {
				return strings.Replace(was, "20240122T090000\r\n", "20240122T090000\r\nEXDATE;TZID=Europe/Berlin:20240205T090000\r\n", 1)
			}, " 20240115T080000Z 20240129T080000Z"},
		{"exclude in UTC", func(d *Draft) error { return d.ExcludeUTC(rid(t, "20240205T080000Z")) },
			func(was string) string {
				return strings.Replace(was, "20240122T090000\r\n", "20240122T090000\r\nEXDATE:20240205T080000Z\r\n", 1)
			}, " 20240115T080000Z 20240129T080000Z"},
		{"exclude what is no instance", func(d *Draft) error { return d.Exclude(rid(t, "20240206T080000Z")) }, nil, " 20240115T080000Z 20240129T080000Z"},
		{"include one of two", func(d *Draft) error { _, err := d.Include(rid(t, "20240122T080000Z")); return err },
			func(was string) string { return strings.Replace(was, ",20240122T090000", "", 1) }, " 20240115T080000Z 20240129T080000Z"},
		{"include both", func(d *Draft) error {
			_, err1 := d.Include(rid(t, "20240122T080000Z"))
			_, err2 := d.Include(rid(t, "20240108T080000Z"))
			return cmpErrors(err1, err2)
		}, func(was string) string {
			return strings.Replace(was, "EXDATE;TZID=Europe/Berlin:20240108T090000,20240122T090000\r\n", "", 1)
		}, " 20240115T080000Z 20240129T080000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := draft(t, content)
			was := string(d.Original().Calendar.Append(nil))
			if err := tt.edit(d); err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, name := range d.RIDs() {
				text := ""
				if !name.IsZero() {
					text = name.String()
				}
				names = append(names, text)
			}
			if got := strings.Join(names, " "); got != tt.rids {
				t.Errorf("instances %q, want %q", got, tt.rids)
			}
			o, err := d.Object()
			if err != nil {
				t.Fatal(err)
			}
			want := was
			if tt.want != nil {
				want = tt.want(was)
			} else if o != d.Original() {
				t.Error("another object, though nothing was changed")
			}
			if diff := cmp.Diff(want, string(o.Calendar.Append(nil))); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
			if again := string(d.Original().Calendar.Append(nil)); again != was {
				t.Errorf("the original has changed:\n%s", again)
			}
			if whole, err := NewObject(o.Calendar); err != nil || whole.Master != o.Master || !slices.Equal(whole.Overrides, o.Overrides) {
				t.Errorf("taken apart again it is not the same: %v", err)
			}
		})
	}
}

func cmpErrors(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A draft of nothing is no object, and neither is one with values that say nothing.
func TestDraftInvalid(t *testing.T) {
	d := draft(t, event(weekly))
	d.Remove(DateTime{})
	if _, err := d.Object(); err == nil {
		t.Error("an object of no component")
	}
	d = draft(t, event(weekly))
	d.Edit(DateTime{}).SetValue("DTSTART", "tomorrow")
	if _, err := d.Object(); err == nil {
		t.Error("an object that begins tomorrow")
	}
}

// Many overrides are found as few are.
func TestDraftOfMany(t *testing.T) {
	content := event("DTSTART:20240101T090000Z\nRRULE:FREQ=DAILY;COUNT=40")
	for day := range 30 {
		content += "\n" + event(fmt.Sprintf("RECURRENCE-ID:202401%02dT090000Z\nDTSTART:202401%02dT100000Z\nX-DAY:%d", day+1, day+1, day+1))
	}
	d := draft(t, content)
	for day := range 30 {
		c := d.At(rid(t, fmt.Sprintf("202401%02dT090000Z", day+1)))
		if c == nil || c.Prop("X-DAY").Value != fmt.Sprint(day+1) {
			t.Errorf("day %d: %v", day+1, c)
		}
	}
	if d.At(rid(t, "20240131T090000Z")) != nil {
		t.Error("an override of the 31st")
	}
}

// Zones come with the components that use them, and go with them.
func TestDraftZones(t *testing.T) {
	for _, tzid := range []string{"Own", `Far, farther; beyond`} {
		t.Run(tzid, func(t *testing.T) { testDraftZones(t, tzid) })
	}
}

// testDraftZones takes over a zone from another object, and lets it go.
func testDraftZones(t *testing.T, tzid string) {
	t.Helper()
	zone := "BEGIN:VTIMEZONE\nTZID:" + EscapeText(tzid) + "\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:STANDARD\nEND:VTIMEZONE\n"
	from := object(t, zone+event("DTSTART;TZID=\""+tzid+"\":20240101T090000"))
	d := draft(t, event("DTSTART:20240101T060000Z\nRRULE:FREQ=DAILY"))
	d.AddZones(from)
	d.Put(rid(t, "20240102T060000Z"), func() *Component {
		c := from.Master.Clone()
		c.Add(NewProperty("RECURRENCE-ID", "20240102T060000Z"))
		return c
	}())
	o, err := d.Object()
	if err != nil {
		t.Fatal(err)
	}
	if o.Zones.Own(tzid) == nil || o.Calendar.Child("VTIMEZONE") == nil {
		t.Fatal("the zone was not taken over")
	}
	d, err = o.Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	d.DropZones()
	if d.Changed() {
		t.Error("a zone that is used was dropped")
	}
	d.Remove(rid(t, "20240102T060000Z"))
	d.DropZones()
	if o, err = d.Object(); err != nil || o.Calendar.Child("VTIMEZONE") != nil {
		t.Errorf("the zone that nothing uses is there still: %v", err)
	}
}

// An instance has one name, in whatever form it is asked for.
func TestRID(t *testing.T) {
	for _, tt := range []struct{ master, property, want string }{
		{weekly, "X;TZID=Europe/Berlin:20240108T090000", "20240108T080000Z"},
		{weekly, "X;TZID=Asia/Tokyo:20240108T170000", "20240108T080000Z"},
		{weekly, "X:20240108T080000Z", "20240108T080000Z"},
		{weekly, "X:20240108T090000", "20240108T080000Z"},
		{weekly, "X;VALUE=DATE:20240108", "20240108T080000Z"},
		{"DTSTART;VALUE=DATE:20240101", "X;TZID=Europe/Berlin:20240108T090000", "20240108"},
		{"DTSTART:20240101T090000", "X:20240108T090000", "20240108T090000"},
	} {
		o := object(t, event(tt.master))
		s, err := o.Series()
		if err != nil {
			t.Fatal(err)
		}
		c, err := Decode([]byte("BEGIN:VCALENDAR\r\n"+tt.property+"\r\nEND:VCALENDAR\r\n"), DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		at, err := c.Props[0].DateTime(o.Zones)
		if err != nil {
			t.Fatal(err)
		}
		if got := s.RID(at); got != rid(t, tt.want) {
			t.Errorf("%s in %s: %s, want %s", tt.property, tt.master, got, tt.want)
		}
	}
}

// A search that finds nothing ends all the same.
func TestHasBudget(t *testing.T) {
	s := series(t, event("DTSTART:20240101T090000Z\nDTEND:20990101T090000Z\nRRULE:FREQ=SECONDLY"))
	if _, err := s.Has(rid(t, "20950101T090000Z"), NewBudget(1000)); err == nil {
		t.Error("a thousand steps were enough for 70 years of seconds")
	}
}

// A line that is taken from elsewhere stands where the one stood that it replaces.
func TestTake(t *testing.T) {
	c := object(t, event("DTSTART:20240101T000000Z\nX-A:1\nBEGIN:VALARM\nACTION:AUDIO\nTRIGGER:PT0S\nEND:VALARM\nX-B:1")).Master.Clone()
	far := object(t, event("DTSTART:20240101T000000Z\nX-C:1\nX-C:2\nX-C:3\nX-C:4\nX-C:5\nX-C:6\nX-A:2\n 3")).Master.Prop("X-A")
	c.Prop("X-A").Take(far)
	const want = "DTSTART:20240101T000000Z X-A:2  3 BEGIN:VALARM ACTION:AUDIO TRIGGER:PT0S END:VALARM X-B:1"
	if got := lines(c); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
