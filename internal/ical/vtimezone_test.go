package ical

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// vtimezone decodes a VTIMEZONE from lines that end in LF.
func vtimezone(t testing.TB, text string) *Component {
	t.Helper()
	text = "BEGIN:VCALENDAR\nBEGIN:VTIMEZONE\n" + strings.TrimSpace(text) + "\nEND:VTIMEZONE\nEND:VCALENDAR\n"
	cal, err := Decode([]byte(strings.ReplaceAll(text, "\n", "\r\n")), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return cal.Children[0]
}

// observances writes STANDARD and DAYLIGHT components: "kind from to start more…".
func observances(lines ...string) string {
	var b strings.Builder
	for _, line := range lines {
		f := strings.Fields(line)
		b.WriteString("BEGIN:" + f[0] + "\nTZOFFSETFROM:" + f[1] + "\nTZOFFSETTO:" + f[2] + "\nDTSTART:" + f[3] + "\n" + strings.Join(f[4:], "\n") + "\nEND:" + f[0] + "\n")
	}
	return strings.ReplaceAll(b.String(), "\n\n", "\n")
}

func TestZoneOf(t *testing.T) {
	for _, tt := range []struct{ name, def, iana, times string }{
		{"one rule that ended, one that goes on", "TZID:America/St_Johns\n" + observances(
			"STANDARD -0230 -0330 19891029T000100 RRULE:FREQ=YEARLY;UNTIL=20061029T023100Z;BYMONTH=10;BYDAY=-1SU",
			"DAYLIGHT -0330 -0230 20070311T000100 RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU"), "",
			"20050701T120000=20050701T153000Z 20070101T120000=20070101T153000Z 20261210T120000=20261210T143000Z"},
		{"dates", "TZID:Brazil/East\n" + observances(
			"DAYLIGHT -0300 -0200 20021103T000000 RDATE:20021103T000000 RDATE:20031019T000000,20041102T000000 RDATE:20051016T030000Z",
			"STANDARD -0200 -0300 20070225T000000 RDATE:20070225T000000"), "",
			"20020101T120000=20020101T150000Z 20021104T120000=20021104T140000Z 20260402T120000=20260402T150000Z"},
		{"what the law was when it was written", "TZID:Brazil/East\n" + observances(
			"STANDARD -0200 -0300 20070225T000000 RDATE:20070225T000000",
			"DAYLIGHT -0300 -0200 20071014T000000 RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=2SU",
			"STANDARD -0200 -0300 20080217T000000 RRULE:FREQ=YEARLY;BYMONTH=2;BYDAY=3SU"), "",
			"20261211T120000=20261211T140000Z 20260402T120000=20260402T150000Z"},
		{"Outlook", "TZID:W. Europe Standard Time\n" + observances(
			"STANDARD +0200 +0100 16010101T030000 RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10",
			"DAYLIGHT +0100 +0200 16010101T020000 RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"), "Europe/Berlin",
			"20260701T120000=20260701T100000Z 20260101T120000=20260101T110000Z 20260329T023000=20260329T013000Z 22000701T120000=22000701T100000Z"},
		{"a name of its own", "TZID:Home\nX-LIC-LOCATION:Europe/Berlin\n" + observances(
			"STANDARD +0200 +0100 19701025T030000 RRULE:FREQ=YEARLY;BYDAY=SU;BYMONTHDAY=25,26,27,28,29,30,31;BYMONTH=10",
			"DAYLIGHT +0100 +0200 19700329T020000 RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3"), "Europe/Berlin",
			"20260701T120000=20260701T100000Z"},
		{"start off the rule", "TZID:US/Eastern\n" + observances(
			"DAYLIGHT -0500 -0400 20000404T020000 RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=4",
			"STANDARD -0400 -0500 20001026T020000 RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10"), "",
			"20000403T120000=20000403T170000Z 20000405T120000=20000405T160000Z 20260320T120000=20260320T170000Z 20260401T120000=20260401T170000Z 20260406T120000=20260406T160000Z"},
		{"no change", "TZID:Office\n" + observances("STANDARD +0530 +0530 19700101T000000"), "", "19000101T120000=19000101T063000Z 20260101T120000=20260101T063000Z"},
		{"monthly", "TZID:Odd\n" + observances("STANDARD +0000 +0100 20260101T000000 RRULE:FREQ=MONTHLY", "DAYLIGHT +0100 +0000 20260115T000000 RRULE:FREQ=MONTHLY;COUNT=24"), "",
			"20260110T120000=20260110T110000Z 20260120T120000=20260120T120000Z 20290120T120000=20290120T110000Z"},
		{"nothing but a known name", "TZID:Europe/Berlin", "Europe/Berlin", "20260701T120000=20260701T100000Z"},
		{"nothing but a known place", "TZID:Wherever\nX-LIC-LOCATION:Europe/Berlin", "Europe/Berlin", "20260701T120000=20260701T100000Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			z, err := ZoneOf(vtimezone(t, tt.def))
			if err != nil {
				t.Fatal(err)
			}
			if tzid, _, _ := strings.Cut(strings.TrimPrefix(tt.def, "TZID:"), "\n"); z.Name() != tzid || z.IANA() != tt.iana {
				t.Errorf("%s is %s", z.Name(), z.IANA())
			}
			for pair := range strings.FieldsSeq(tt.times) {
				local, want, _ := strings.Cut(pair, "=")
				if got := utcText(z.Unix(utc(t, local, 0))); got != want {
					t.Errorf("%s is %s, want %s", local, got, want)
				}
			}
		})
	}
}

func TestZoneOfErrors(t *testing.T) {
	for _, def := range []string{
		"X-NOTHING:1", "TZID:", "TZID:Nowhere", "TZID:x\nBEGIN:STANDARD\nDTSTART:20260101T000000\nEND:STANDARD",
		"TZID:x\n" + observances("STANDARD +0100 +9900 20260101T000000"), "TZID:x\n" + observances("STANDARD +0100 +0100 2026"),
		"TZID:x\n" + observances("STANDARD +0100 +0100 20260101T000000 RRULE:FREQ=NEVER"),
	} {
		z, err := ZoneOf(vtimezone(t, def))
		if !errors.Is(err, ErrValue) && !errors.Is(err, ErrUnknownZone) {
			t.Errorf("%q: %v %v", def, z.Name(), err)
		}
	}
}

// TestZonesOrder: the object's own definition comes before the name.
func TestZonesOrder(t *testing.T) {
	cal := NewComponent("VCALENDAR")
	cal.Children = []*Component{
		vtimezone(t, "TZID:Europe/Berlin\n"+observances("STANDARD +0500 +0500 19700101T000000")),
		vtimezone(t, "TZID:broken\n"+observances("STANDARD +0500 nonsense 19700101T000000")),
	}
	zones := NewZones(cal)
	for _, tt := range []struct {
		tzid   string
		offset int
		own    bool
	}{{"Europe/Berlin", 5 * 3600, true}, {"europe/BERLIN ", 5 * 3600, true}, {"Asia/Tokyo", 9 * 3600, false}} {
		z, err := zones.Lookup(tt.tzid)
		if err != nil || z.Offset(0) != tt.offset || (zones.Own(tt.tzid) != nil) != tt.own {
			t.Errorf("%s: %d %v", tt.tzid, z.Offset(0), err)
		}
	}
	if _, err := zones.Lookup("broken"); !errors.Is(err, ErrUnknownZone) {
		t.Error(err)
	}
	if z, err := (*Zones)(nil).Lookup("Asia/Tokyo"); err != nil || z.Name() != "Asia/Tokyo" {
		t.Error(z, err)
	}
}

func TestVTimezone(t *testing.T) {
	for _, tt := range []struct {
		name     string
		from, to string
		want     string
	}{
		{"Europe/Berlin", "20260101T000000Z", "", "TZID:Europe/Berlin\nX-LIC-LOCATION:Europe/Berlin\n" +
			"BEGIN:STANDARD\nDTSTART:20260101T010000\nTZNAME:CET\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0100\nEND:STANDARD\n" +
			"BEGIN:DAYLIGHT\nDTSTART:20260329T020000\nRRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU\nTZNAME:CEST\nTZOFFSETFROM:+0100\nTZOFFSETTO:+0200\nEND:DAYLIGHT\n" +
			"BEGIN:STANDARD\nDTSTART:20261025T030000\nRRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU\nTZNAME:CET\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0100\nEND:STANDARD\n"},
		{"US/Eastern", "20260101T000000Z", "20260601T000000Z", "TZID:US/Eastern\nX-LIC-LOCATION:America/New_York\nTZUNTIL:20260601T000000Z\n" +
			"BEGIN:STANDARD\nDTSTART:20251231T190000\nTZNAME:EST\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0500\nEND:STANDARD\n" +
			"BEGIN:DAYLIGHT\nDTSTART:20260308T020000\nRRULE:FREQ=YEARLY;UNTIL=20260308T070000Z;BYMONTH=3;BYDAY=2SU\nTZNAME:EDT\nTZOFFSETFROM:-0500\nTZOFFSETTO:-0400\nEND:DAYLIGHT\n"},
		{"Africa/Cairo", "20260601T000000Z", "", "TZID:Africa/Cairo\nX-LIC-LOCATION:Africa/Cairo\n" +
			"BEGIN:DAYLIGHT\nDTSTART:20260601T030000\nTZNAME:EEST\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0300\nEND:DAYLIGHT\n" +
			"BEGIN:DAYLIGHT\nDTSTART:20270430T000000\nRRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=-1FR\nTZNAME:EEST\nTZOFFSETFROM:+0200\nTZOFFSETTO:+0300\nEND:DAYLIGHT\n" +
			"BEGIN:STANDARD\nDTSTART:20261030T000000\nRRULE:FREQ=YEARLY;BYYEARDAY=-67,-66,-65,-64,-63,-62,-61;BYDAY=FR\nTZNAME:EET\nTZOFFSETFROM:+0300\nTZOFFSETTO:+0200\nEND:STANDARD\n"},
		{"UTC", "", "", "TZID:UTC\nX-LIC-LOCATION:Etc/UTC\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZNAME:UTC\nTZOFFSETFROM:+0000\nTZOFFSETTO:+0000\nEND:STANDARD\n"},
	} {
		c, err := VTimezone(tt.name, utc(t, tt.from, math.MinInt64), utc(t, tt.to, math.MaxInt64))
		if err != nil {
			t.Fatal(err)
		}
		got := strings.ReplaceAll(string(c.Append(nil)), "\r\n", "\n")
		got = strings.ReplaceAll(got, "\n ", "")
		got = strings.TrimSuffix(strings.TrimPrefix(got, "BEGIN:VTIMEZONE\n"), "END:VTIMEZONE\n")
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}
