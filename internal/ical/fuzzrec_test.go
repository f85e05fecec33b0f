package ical

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func FuzzRule(f *testing.F) {
	for _, rule := range []string{
		"FREQ=DAILY;COUNT=10", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,FR;WKST=SU", "FREQ=MONTHLY;BYDAY=-1FR,2MO", "FREQ=YEARLY;BYWEEKNO=-1,53;BYDAY=SU",
		"FREQ=YEARLY;BYYEARDAY=366,-366;BYHOUR=1,2", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD;BYMONTHDAY=31", "FREQ=SECONDLY;BYSECOND=60;BYMONTH=2",
		"FREQ=HOURLY;INTERVAL=2;BYHOUR=3", "FREQ=MINUTELY;BYSETPOS=-1;BYSECOND=1,2,3;COUNT=100000", "FREQ=MONTHLY;BYMONTHDAY=30;BYMONTH=2",
		"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=12L,5L;BYMONTHDAY=30;SKIP=FORWARD;COUNT=30", "RSCALE=HEBREW;FREQ=MONTHLY;INTERVAL=7;BYDAY=-1MO;COUNT=9",
		"RSCALE=COPTIC;FREQ=YEARLY;BYMONTH=13;BYMONTHDAY=-1,6;BYWEEKNO=-1,53", "RSCALE=PERSIAN;FREQ=YEARLY;BYYEARDAY=366,385;SKIP=BACKWARD;BYSETPOS=-1",
		"RSCALE=ISLAMIC-UMALQURA;FREQ=DAILY;BYMONTH=9;BYHOUR=1,2", "RSCALE=INDIAN;FREQ=WEEKLY;BYMONTH=2;BYDAY=MO", "RSCALE=DANGI;FREQ=YEARLY;BYDAY=50MO,1TU",
	} {
		f.Add(rule, int64(1704186000), int64(86400*365*30))
	}
	f.Fuzz(func(t *testing.T, text string, start, ahead int64) {
		r, err := ParseRule(text)
		if err != nil {
			return
		}
		again, err := ParseRule(r.String())
		if err != nil || again.String() != r.String() {
			t.Fatalf("%q is written as %q: %v", text, r, err)
		}
		start = floorMod(start, lastWall)
		begin := DateTime{Wall: start, Kind: Kind(floorMod(ahead, 2))}
		if begin.Kind == Date {
			begin.Wall -= floorMod(start, secondsPerDay)
		}
		c := newRecurrence(r, begin, true)
		all := take(t, c, begin.Wall, 60)
		from := begin.Wall + floorMod(ahead, lastWall)
		if len(all) > 0 {
			from = begin.Wall + floorMod(ahead, all[len(all)-1]-begin.Wall+1)
		}
		want := all
		for len(want) > 0 && want[0] < from {
			want = want[1:]
		}
		got := take(t, c, from, 60)
		for i := range min(len(want), len(got)) {
			if got[i] != want[i] {
				t.Fatalf("%s from %d: %d, want %d", r, from, got, want)
			}
		}
		if len(got) < len(want) && len(all) < 60 {
			t.Fatalf("%s from %d: %d, want %d", r, from, got, want)
		}
	})
}

// take returns the first walls of c from one on, in order.
func take(t *testing.T, c *recurrence, from int64, most int) []int64 {
	b := NewBudget(50_000)
	it := c.walls(from, math.MaxInt64, b)
	var all []int64
	for len(all) < most {
		wall, ok := it.next()
		if !ok {
			break
		}
		if wall < from || len(all) > 0 && wall <= all[len(all)-1] {
			t.Fatalf("wall %d after %d, from %d", wall, all, from)
		}
		all = append(all, wall)
	}
	if it.err != nil && !errors.Is(it.err, ErrBudget) {
		t.Fatal(it.err)
	}
	return all
}

func FuzzSeries(f *testing.F) {
	wrap := func(s string) []byte {
		return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + strings.ReplaceAll(s, "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n")
	}
	f.Add(wrap(expandSample), int64(1704067200), int64(86400*30))
	f.Add(wrap(event("DTSTART;TZID=Europe/Berlin:20240101T090000\nDURATION:P1D\nRRULE:FREQ=DAILY;COUNT=10\nEXDATE;VALUE=DATE:20240103\nRDATE;VALUE=PERIOD:20240110T000000Z/PT5H")+"\n"+
		event("RECURRENCE-ID;RANGE=THISANDFUTURE:20240105T080000Z\nDTSTART:20240101T000000Z")), int64(1704067200), int64(86400))
	f.Add(wrap(event("DTSTART;VALUE=DATE:20240101\nRRULE:FREQ=MONTHLY;BYDAY=-1FR\nEXRULE:FREQ=YEARLY")), int64(0), int64(math.MaxInt32))
	f.Add(wrap("BEGIN:VTODO\nUID:1\nDUE:20240101T000000\nRRULE:FREQ=HOURLY\nEND:VTODO"), int64(1704067200), int64(86400))
	f.Add(wrap("BEGIN:VAVAILABILITY\nUID:1\nBEGIN:AVAILABLE\nUID:2\nDTSTART:20231201T090000Z\nDTEND:20231201T170000Z\nRRULE:FREQ=DAILY\nEND:AVAILABLE\nEND:VAVAILABILITY"), int64(1704067200), int64(86400*9))
	f.Fuzz(func(t *testing.T, src []byte, from, length int64) {
		cal, err := Decode(src, DefaultLimits)
		if err != nil {
			return
		}
		o, err := NewObject(cal)
		if err != nil {
			return
		}
		s, err := o.Series()
		if err != nil {
			t.Fatalf("a valid object has no series: %v", err)
		}
		from = floorMod(from, lastWall)
		to := from + 1 + floorMod(length, 1<<33)
		b := NewBudget(20_000)
		first, last, _ := s.Span(nil)
		at, n := int64(math.MinInt64), 0
		for inst, err := range s.Instances(from, to, nil, b) {
			if err != nil {
				if !errors.Is(err, ErrBudget) {
					t.Fatal(err)
				}
				break
			}
			if inst.StartUnix < at {
				t.Fatalf("instance at %d after %d", inst.StartUnix, at)
			}
			if at, n = inst.StartUnix, n+1; n > 25_000 {
				t.Fatal("more instances than steps")
			}
			if inst.StartUnix < first || inst.EndUnix > last && last != math.MinInt64 {
				t.Fatalf("instance from %d to %d, span from %d to %d", inst.StartUnix, inst.EndUnix, first, last)
			}
		}
		text, err := s.AppendExpanded(nil, o, from, to, nil, NewBudget(2000))
		if err == nil {
			if _, err := Decode(text, Limits{Bytes: 1 << 30, Properties: 1 << 30, Components: 1 << 30}); err != nil {
				t.Fatalf("expanded: %v\n%s", err, text)
			}
			tree, err := o.Expand(from, to, nil, NewBudget(2000))
			if err != nil || !bytes.Equal(tree.Append(nil), text) {
				t.Fatalf("Expand %v:\n%s\nAppendExpanded:\n%s", err, tree.Append(nil), text)
			}
		}
		if _, err := o.AppendBusy(nil, from, to, nil, NewBudget(2000)); err != nil && !errors.Is(err, ErrBudget) {
			t.Fatal(err)
		}
		if _, err := o.LimitRecurrenceSet(from, to, nil, nil); err != nil && !errors.Is(err, ErrBudget) {
			t.Fatal(err)
		}
	})
}

func FuzzZone(f *testing.F) {
	f.Add([]byte(strings.ReplaceAll(berlin, "\n", "\r\n")), int64(1711846800))
	for _, name := range []string{"America/New_York", "Africa/Cairo", "Africa/Casablanca", "Asia/Gaza", "Asia/Kolkata"} {
		c, err := VTimezone(name, math.MinInt64, math.MaxInt64)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(c.Append(nil), int64(1711846800))
	}
	f.Add([]byte("BEGIN:VTIMEZONE\r\nTZID:x\r\nBEGIN:STANDARD\r\nDTSTART:16010101T000000\r\nRRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=2\r\nTZOFFSETFROM:+2359\r\nTZOFFSETTO:-2359\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"), int64(0))
	f.Fuzz(func(t *testing.T, src []byte, at int64) {
		cal, err := Decode([]byte("BEGIN:VCALENDAR\r\n"+string(src)+"END:VCALENDAR\r\n"), DefaultLimits)
		if err != nil || len(cal.Children) != 1 {
			return
		}
		z, err := compileZone(cal.Children[0])
		if err != nil {
			if !errors.Is(err, ErrValue) && !errors.Is(err, ErrUnknownZone) && !errors.Is(err, ErrBudget) {
				t.Fatal(err)
			}
			return
		}
		at = floorMod(at, lastWall)
		wall := z.Wall(at)
		u := z.Unix(wall)
		if z.Wall(u) != wall || u > at {
			t.Fatalf("wall of %d is %d, which is %d", at, wall, u)
		}
		z.Unix(at)
		again, err := compileZone(z.VTimezone(at, math.MaxInt64))
		if err != nil {
			t.Fatalf("written: %v\n%s", err, z.VTimezone(at, math.MaxInt64).Append(nil))
		}
		if again.Offset(at) != z.Offset(at) {
			t.Fatalf("written: %d, want %d\n%s", again.Offset(at), z.Offset(at), z.VTimezone(at, math.MaxInt64).Append(nil))
		}
	})
}

// TestWindow: what Instances gives for a window is what of all instances overlaps
// it.
func TestWindow(t *testing.T) {
	freqs := []string{"HOURLY;INTERVAL=7", "HOURLY;COUNT=500", "MINUTELY;INTERVAL=45;BYHOUR=1,2,3", "DAILY", "DAILY;INTERVAL=3;BYHOUR=2,9;BYMINUTE=30", "WEEKLY;BYDAY=MO,FR", "MONTHLY;BYMONTHDAY=31", "MONTHLY;BYDAY=-1SU", "YEARLY;BYYEARDAY=100,-1",
		"DAILY;BYDAY=MO,TU;COUNT=200", "WEEKLY;COUNT=77", "MONTHLY;BYDAY=MO;BYSETPOS=2;COUNT=30"}
	starts := []string{";TZID=America/New_York:20240305T023000", ";TZID=Europe/Berlin:20241025T020000", ":20240101T000000Z", ":20240330T013000", ":20240309T020000", ";VALUE=DATE:20240331"}
	lengths := []string{"", "\nDURATION:PT90M", "\nDURATION:P3D", "\nDURATION:P1DT12H"}
	extras := []string{"", "\nEXDATE:20240407T063000Z", "\nRDATE:20240501T000000Z,20240310T073000Z", "\nEXRULE:FREQ=WEEKLY;COUNT=9", "\nEXDATE:20240310T023000"}
	overrides := []string{"", "\n" + event("RECURRENCE-ID:20240408T063000Z\nDTSTART:20240301T000000Z\nDURATION:P2D"),
		"\n" + event("RECURRENCE-ID;RANGE=THISANDFUTURE:20240410T063000Z\nDTSTART;TZID=America/New_York:20240409T043000\nDURATION:PT2H")}
	rapid.Check(t, func(rt *rapid.T) {
		pick := func(name string, of []string) string { return rapid.SampledFrom(of).Draw(rt, name) }
		start, length := pick("start", starts), pick("length", lengths)
		if strings.Contains(start, "DATE") {
			length = strings.ReplaceAll(length, "T90M", "1D")
			length = strings.ReplaceAll(length, "T12H", "")
		}
		master := event("DTSTART" + start + length + "\nRRULE:FREQ=" + pick("rule", freqs) + pick("extra", extras))
		o := object(t, master)
		if over := pick("override", overrides); over != "" && strings.Contains(start, "TZID") {
			o = object(t, master+over)
		}
		s, err := o.Series()
		if err != nil {
			rt.Fatal(err)
		}
		zone := mustZoneRapid(rt, pick("reader", []string{"UTC", "America/New_York", "Pacific/Apia"}))
		begin := int64(1704067200) - 5*secondsPerDay
		from := begin + rapid.Int64Range(0, 500*secondsPerDay).Draw(rt, "from")
		to := from + rapid.Int64Range(1, 60*secondsPerDay).Draw(rt, "length of the window")
		var want []Instance
		for inst, err := range s.Instances(begin, to+secondsPerDay, zone, nil) {
			if err != nil {
				rt.Fatal(err)
			}
			if formEvent.overlaps(inst.StartUnix, inst.EndUnix, from, to) {
				want = append(want, inst)
			}
		}
		for inst, err := range s.Instances(from, to, zone, nil) {
			if err != nil {
				rt.Fatal(err)
			}
			if len(want) == 0 || inst != want[0] {
				rt.Fatalf("%s\ngot %v to %v, want %v", master, inst.Start, inst.End, want)
			}
			want = want[1:]
		}
		if len(want) > 0 {
			rt.Fatalf("%s\nwant also %v", master, want)
		}
	})
}
