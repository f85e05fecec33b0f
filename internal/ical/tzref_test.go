package ical

import (
	"strings"
	"testing"
)

func TestStripAndAddZones(t *testing.T) {
	o := object(t, berlin+strings.Replace(berlin, "TZID:Berlin", "TZID:Europe/Berlin", 1)+
		event("DTSTART;TZID=Europe/Berlin:20240101T090000\nDTEND;TZID=Berlin:20240101T100000\nX-SEEN;TZID=Asia/Tokyo:19500101T000000\nX-LOST;TZID=Nowhere:20240101T000000"))
	stripped := StripStandardZones(o.Calendar)
	if got := zoneNamesOf(stripped); got != "Berlin" {
		t.Errorf("stripped: %s", got)
	}
	if StripStandardZones(stripped) != stripped || len(o.Calendar.Children) != 3 {
		t.Error("stripping again, or of the source")
	}
	added := AddZones(stripped)
	if got := zoneNamesOf(added); got != "Europe/Berlin Asia/Tokyo Berlin" {
		t.Errorf("added: %s", got)
	}
	if AddZones(added) != added {
		t.Error("adding again")
	}
	text := string(added.Append(nil))
	if !strings.Contains(text, "DTSTART:19700101T010000") || !strings.Contains(text, "DTSTART:18871231T") && !strings.Contains(text, "DTSTART:18880101T") {
		t.Errorf("how far back:\n%s", text)
	}
	again, err := Decode([]byte(text), DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	z, err := NewZones(again).Lookup("Europe/Berlin")
	if err != nil || z.Offset(1720000000) != 7200 || z.IANA() != "Europe/Berlin" {
		t.Error(z.Name(), err)
	}
}

func zoneNamesOf(cal *Component) string {
	var names []string
	for _, c := range cal.AllChildren("VTIMEZONE") {
		names = append(names, c.Prop("TZID").Text())
	}
	return strings.Join(names, " ")
}

// A definition may be left out only if all times are the same without it.
func TestStripStandardZonesThatDiffer(t *testing.T) {
	european := strings.Replace(berlin, "TZID:Berlin", "TZID:Europe/Berlin", 1)
	japanese := "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nDTSTART:19700101T000000\nTZOFFSETFROM:+0900\nTZOFFSETTO:+0900\nEND:STANDARD\nEND:VTIMEZONE\n"
	unreadable := "BEGIN:VTIMEZONE\nTZID:Europe/Berlin\nBEGIN:STANDARD\nEND:STANDARD\nEND:VTIMEZONE\n"
	const now, early = "DTSTART;TZID=Europe/Berlin:20240701T090000", "DTSTART;TZID=Europe/Berlin:19750701T090000" // without DST
	for _, tt := range []struct {
		name, content string
		kept          int
	}{
		{"the same", european + event(now), 0},
		{"another offset", japanese + event(now), 1},
		{"unused, with another offset", japanese + event("DTSTART:20240701T090000Z"), 1},
		{"used before the rules agree", european + event(early), 1},
		{"used so by another spelling", european + event("DTSTART;TZID=europe/berlin:19750701T090000"), 1},
		{"used so in an alarm", european + event(now+"\nBEGIN:VALARM\nX-AT;TZID=Europe/Berlin:19750701T090000\nEND:VALARM"), 1},
		{"used so in a list", european + event(now+"\nEXDATE;TZID=Europe/Berlin:20240702T090000,19750701T090000"), 1},
		{"used before, where they agree", european + event("DTSTART;TZID=Europe/Berlin:20050701T090000"), 0},
		{"used long from now", european + event("DTSTART;TZID=Europe/Berlin:21000701T090000"), 0},
		{"the first of two is the same", european + japanese + event(now), 0},
		{"the second of two is the same", japanese + european + event(now), 2},
		{"one that cannot be read", unreadable + event(now), 0},
	} {
		o := object(t, tt.content)
		stripped := StripStandardZones(o.Calendar)
		if got := len(stripped.AllChildren("VTIMEZONE")); got != tt.kept {
			t.Errorf("%s: %d definitions stay, want %d", tt.name, got, tt.kept)
		}
		again, err := NewObject(stripped)
		if err != nil {
			t.Fatal(err)
		}
		was, err1 := o.Master.Prop("DTSTART").DateTime(o.Zones)
		is, err2 := again.Master.Prop("DTSTART").DateTime(again.Zones)
		if err1 != nil || err2 != nil || was.Unix(nil) != is.Unix(nil) {
			t.Errorf("%s: %d was %d, %v %v", tt.name, is.Unix(nil), was.Unix(nil), err1, err2)
		}
	}
}
