package scheduling_test

import (
	"slices"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/scheduling"
	"convene/scheduling/schedulingtest"
)

// TestCheckFinds damages homes, each in one way.
func TestCheckFinds(t *testing.T) {
	edit := func(w *schedulingtest.World, who string, change func(c *ical.Component)) {
		cal := w.Homes[who].Objects["u"].Data.Calendar.Clone()
		change(cal.Child("VEVENT"))
		data, err := ical.NewObject(cal)
		if err != nil {
			t.Fatal(err)
		}
		w.Homes[who].Objects["u"].Data = data
	}
	for _, tt := range []struct {
		name   string
		damage func(w *schedulingtest.World)
		want   string // "": nothing
	}{
		{"nothing", func(*schedulingtest.World) {}, ""},
		{"another summary", func(w *schedulingtest.World) {
			edit(w, "A", func(c *ical.Component) { c.SetValue("SUMMARY", "Other") })
		}, "u in the home of A: SUMMARY"},
		{"another answer", func(w *schedulingtest.World) {
			edit(w, "A", func(c *ical.Component) {
				for _, p := range c.AllProps("ATTENDEE") {
					p.SetParam("PARTSTAT", "DECLINED")
				}
			})
		}, "u in the home of A: ATTENDEE"},
		{"a higher SEQUENCE", func(w *schedulingtest.World) {
			edit(w, "B", func(c *ical.Component) { c.SetValue("SEQUENCE", "7") })
		}, "u in the home of B: SEQUENCE 7"},
		{"no organizer's object", func(w *schedulingtest.World) {
			delete(w.Homes["O"].Objects, "u")
		}, "u in the home of A: the organizer has no such meeting"},
		{"what is one's own", func(w *schedulingtest.World) {
			edit(w, "A", func(c *ical.Component) {
				c.SetValue("TRANSP", "OPAQUE")
				c.Children = append(c.Children, ical.NewComponent("VALARM"))
			})
		}, ""},
		{"another's comment", func(w *schedulingtest.World) {
			edit(w, "A", func(c *ical.Component) { c.SetValue("X-CALENDARSERVER-ATTENDEE-COMMENT", "secret") })
		}, "u in the home of A: a private comment"},
		{"an order to send", func(w *schedulingtest.World) {
			edit(w, "O", func(c *ical.Component) { c.Prop("ATTENDEE").SetParam("SCHEDULE-FORCE-SEND", "REQUEST") })
		}, "u in the home of O: SCHEDULE-FORCE-SEND"},
		{"a mail address", func(w *schedulingtest.World) {
			edit(w, "O", func(c *ical.Component) { c.Prop("ATTENDEE").Value = "mailto:o@example.com" })
		}, "u in the home of O: mailto:o@example.com is not urn:x-uid:O"},
		{"a copy that was removed", func(w *schedulingtest.World) {
			delete(w.Homes["A"].Objects, "u")
		}, ""},
		{"not cancelled", func(w *schedulingtest.World) {
			edit(w, "O", func(c *ical.Component) {
				c.RemoveFunc(func(p *ical.Property) bool { return p.Name == "ATTENDEE" && p.Value == "urn:x-uid:A" })
			})
		}, "u in the home of A: the organizer has no such meeting"},
	} {
		p := &schedulingtest.Player{World: schedulingtest.New("O", "A", "B")}
		if impossible, err := p.Do("    O puts event with A B\n"); impossible != nil || err != nil {
			t.Fatal(impossible, err)
		}
		tt.damage(p.World)
		problems, err := p.World.Check()
		if err != nil {
			t.Fatal(err)
		}
		if tt.want == "" && len(problems) > 0 {
			t.Errorf("%s: %s", tt.name, problems[0])
		}
		found := func(p scheduling.Problem) bool { return strings.HasPrefix(p.String(), tt.want) }
		if tt.want != "" && !slices.ContainsFunc(problems, found) {
			t.Errorf("%s: %v, want %s", tt.name, problems, tt.want)
		}
	}
}
