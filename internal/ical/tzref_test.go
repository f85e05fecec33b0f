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
