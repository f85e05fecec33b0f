package scheduling

import (
	"strings"
	"testing"
)

// A mailed CANCEL says STATUS:CANCELLED of what is off for all, and says nothing of the kind
// to somebody who alone is uninvited (RFC 5546 §3.2.5, §3.4.5). Here the copy says it.
func TestStatusOfMailedCancel(t *testing.T) {
	const x = "\nATTENDEE;PARTSTAT=ACCEPTED:mailto:x@elsewhere.org"
	meeting := func(props ...string) string {
		return event(append([]string{byO, att("o=ACCEPTED a=ACCEPTED") + x}, props...)...)
	}
	without := func(props ...string) string {
		return event(append([]string{byO, att("o=ACCEPTED a=ACCEPTED")}, props...)...)
	}
	for _, tt := range []struct{ name, old, new, want string }{ // want: the instances, * those with STATUS
		{"removed", meeting(at9), "", "all*"},
		{"series removed", meeting(week), "", "all*"},
		{"series removed, invited to one instance", without(week) + meeting(on(second)), "", "all*"},
		{"uninvited", meeting(at9), without(at9), "all"},
		{"uninvited from the series", meeting(week), without(week), "all"},
		{"everybody uninvited, no meeting left", meeting(at9), event(at9), "all*"},
		{"an instance is off", meeting(week), meeting(week, "EXDATE:"+second), second + "*"},
		{"uninvited from an instance", meeting(week), meeting(week) + without(on(second)), second},
		{"one off, uninvited from another", meeting(week), meeting(week, "EXDATE:"+third) + without(on(second)), second + " " + third + "*"},
		{"an override that goes with its instance", meeting(week) + meeting(on(second)), meeting(week, "EXDATE:"+second), second + "*"},
		{"cancelled by its STATUS", meeting(at9), meeting(at9, "STATUS:CANCELLED"), "all*"},
		{"an instance cancelled by its STATUS", meeting(week), meeting(week) + meeting(on(second), "STATUS:CANCELLED"), second + "*"},
		{"a task", strings.ReplaceAll(meeting("SUMMARY:S"), "VEVENT", "VTODO"), "", "all*"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := decide(parse(t, tt.old), parse(t, tt.new), nil)
			if err != nil {
				t.Fatal(err)
			}
			found := false
			for i := range p.Messages {
				m := &p.Messages[i]
				if m.Method != Cancel {
					continue
				}
				external := m.To[0].Kind == External
				found = found || external
				var said []string
				for c := range components(m.Data) {
					rid := "all"
					if id := c.Prop("RECURRENCE-ID"); id != nil {
						rid = id.Value
					}
					said = append(said, rid+strings.Repeat("*", len(c.AllProps("STATUS"))))
				}
				if got := strings.Join(said, " "); external && got != tt.want || !external && strings.Contains(got, "*") {
					t.Errorf("to %s: %s, want %s", m.To[0].Address, got, tt.want)
				}
			}
			if !found {
				t.Error("nothing is mailed")
			}
		})
	}
}
