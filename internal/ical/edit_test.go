package ical

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is changed must leave the lines around it as they were.
func TestEdit(t *testing.T) {
	const before = "uid:1\r\nDTSTART;TZID=\"Europe/Berlin\";x-a=\"b\":20240101T100000\r\n" +
		"SUMMARY:old\r\n text\r\nBEGIN:VALARM\r\nEND:VALARM\r\nX-A:\r\n 1\r\nATTENDEE;CN=\"A\":mailto:a@b\r\nATTENDEE:mailto:c@d\r\n"
	for _, tt := range []struct {
		name     string
		edit     func(c *Component)
		old, new string // what of before is replaced
	}{
		{"nothing", func(c *Component) { c.Props[0].Value = "1" }, "", ""},
		{"set a value", func(c *Component) { c.SetValue("SUMMARY", "new") }, "SUMMARY:old\r\n text", "SUMMARY:new"},
		{"set a property", func(c *Component) { c.Set(TextProperty("SUMMARY", "a,b\nc")) }, "SUMMARY:old\r\n text", `SUMMARY:a\,b\nc`},
		{"set one of two", func(c *Component) { c.Set(NewProperty("ATTENDEE", "x")) }, "ATTENDEE;CN=\"A\":mailto:a@b\r\nATTENDEE:mailto:c@d", "ATTENDEE:x"},
		{"set behind a child", func(c *Component) { c.Set(NewProperty("X-A", "2")) }, "X-A:\r\n 1", "X-A:2"},
		{"keep the spelling of parameters", func(c *Component) { c.Prop("DTSTART").Value = "20240102T100000" },
			"DTSTART;TZID=\"Europe/Berlin\";x-a=\"b\":20240101", "DTSTART;TZID=\"Europe/Berlin\";x-a=\"b\":20240102"},
		{"change a parameter", func(c *Component) { c.Prop("DTSTART").SetParam("TZID", "UTC") }, "TZID=\"Europe/Berlin\"", "TZID=UTC"},
		{"change a parameter in place", func(c *Component) { c.Prop("DTSTART").Params[0].Values[0] = "a:b" }, "TZID=\"Europe/Berlin\"", "TZID=\"a:b\""},
		{"add a parameter", func(c *Component) { c.Prop("ATTENDEE").SetParam("X", "a\"b^\n", "c,d") }, "CN=\"A\"", "CN=\"A\";X=a^'b^^^n,\"c,d\""},
		{"remove a parameter", func(c *Component) { c.Prop("ATTENDEE").RemoveParam("CN") }, ";CN=\"A\"", ""},
		{"set a date", func(c *Component) { c.Prop("DTSTART").SetDateTime(DateTime{Wall: 86400, Kind: Date}) },
			"DTSTART;TZID=\"Europe/Berlin\";x-a=\"b\":20240101T100000", "DTSTART;x-a=\"b\";VALUE=DATE:19700102"},
		{"remove", func(c *Component) { c.Remove("SUMMARY") }, "SUMMARY:old\r\n text\r\n", ""},
		{"remove a child", func(c *Component) { c.RemoveChildren(func(c *Component) bool { return c.Name == "VALARM" }) },
			"BEGIN:VALARM\r\nEND:VALARM\r\n", ""},
		{"add", func(c *Component) { c.Add(NewProperty("X-B", "1")) }, "mailto:c@d\r\n", "mailto:c@d\r\nX-B:1\r\n"},
		{"no line is made by a value", func(c *Component) { c.SetValue("SUMMARY", "a\r\nEND:VEVENT\x00") }, "old\r\n text", `a\nEND:VEVENT`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cal, err := Decode([]byte(inEvent(before)), Limits{})
			if err != nil {
				t.Fatal(err)
			}
			clone := cal.Clone()
			tt.edit(clone.Children[0])
			if got := string(cal.Append(nil)); got != inEvent(before) {
				t.Errorf("the original has changed:\n%s", got)
			}
			want := inEvent(before)
			if tt.old != "" {
				want = strings.Replace(want, tt.old, tt.new, 1)
			}
			if diff := cmp.Diff(want, string(clone.Append(nil))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestFold(t *testing.T) {
	for _, text := range []string{
		strings.Repeat("a", 67), strings.Repeat("a", 68), strings.Repeat("é", 200), "a" + strings.Repeat("€", 200),
		strings.Repeat("🙂", 99), strings.Repeat("a b ", 99), strings.Repeat("\xff", 300),
	} {
		c := NewComponent("VCALENDAR")
		c.Add(NewProperty("SUMMARY", text))
		lines := strings.Split(strings.TrimSuffix(string(c.Append(nil)), "\r\n"), "\r\n")
		joined := ""
		for _, line := range lines[1 : len(lines)-1] {
			if len(line) > 75 {
				t.Errorf("%d octets: %q", len(line), line)
			}
			joined += strings.TrimPrefix(line, " ")
			if strings.ToValidUTF8(line, "") != line && text[0] != 0xff {
				t.Errorf("a character is cut: %q", line)
			}
		}
		if strings.HasPrefix(text, "a b") {
			continue // a blank of the text may be the first of a line
		}
		if joined != "SUMMARY:"+text {
			t.Errorf("unfolded: %q", joined)
		}
	}
}
