package ical

import (
	"strings"
	"testing"
)

// A zone that no VTIMEZONE defines is known by its name everywhere: in what is
// accepted, where instances are, when somebody is busy, and what overlaps.
func TestZonesByName(t *testing.T) {
	for _, tt := range []struct{ tzid, utc string }{
		{"America/New_York", "20240701T130000Z"},
		{"Eastern Standard Time", "20240701T130000Z"},
		{`"Eastern Time (US & Canada)"`, "20240701T130000Z"},
		{`"(UTC-05:00) Eastern Time (US & Canada)"`, "20240701T130000Z"},
		{"(GMT-05.00) Eastern Time (US & Canada)", "20240701T130000Z"},
		{"/mozilla.org/20050126_1/America/New_York", "20240701T130000Z"},
		{"W. Europe Standard Time", "20240701T070000Z"},
		{"W. Europe Standard Time 1", "20240701T070000Z"},
		{"Western/Central Europe", "20240701T070000Z"},
		{"(GMT+01.00) Sarajevo/Warsaw/Zagreb", "20240701T070000Z"},
		{`"(GMT+01:00) Amsterdam / Berlin / Bern / Rome / Stockholm / Vienna"`, "20240701T070000Z"},
		{`"tzone://Microsoft/Utc"`, "20240701T090000Z"},
	} {
		if strings.ContainsAny(tt.tzid, ":,;") && tt.tzid[0] != '"' {
			t.Fatal(tt.tzid)
		}
		o := object(t, event("DTSTART;TZID="+tt.tzid+":20240630T090000\nDTEND;TZID="+tt.tzid+":20240630T100000\nRRULE:FREQ=DAILY\nEXDATE;TZID="+tt.tzid+":20240702T090000"))
		from, to := utc(t, "20240701T000000Z", 0), utc(t, "20240703T000000Z", 0)
		start := utc(t, tt.utc, 0)
		expanded, err := o.Expand(from, to, nil, nil)
		if err != nil || len(expanded.Children) != 1 || expanded.Children[0].Prop("DTSTART").Value != tt.utc {
			t.Errorf("%s: expanded %v %v", tt.tzid, expanded, err)
		}
		busy, err := o.AppendBusy(nil, from, to, nil, nil)
		if err != nil || len(busy) != 1 || busy[0].Start != start || busy[0].End != start+3600 {
			t.Errorf("%s: busy %v %v", tt.tzid, busy, err)
		}
		for at, want := range map[int64]bool{start - 1: false, start: true, start + 3599: true, start + 3600: false} {
			if got, err := o.Overlaps(at, at+1, nil, nil); err != nil || got != want {
				t.Errorf("%s: overlaps at %d: %t %v", tt.tzid, at-start, got, err)
			}
		}
	}
}
