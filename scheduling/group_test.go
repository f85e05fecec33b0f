package scheduling

import (
	"slices"
	"strings"
	"testing"
)

// who writes the ATTENDEEs of a component: "a g b(g)".
func who(p *Plan) string {
	var out []string
	for line := range attendees(p.Store.Master) {
		name := strings.TrimPrefix(line.Address(), canonicalScheme)
		if groups := line.ParamValues("MEMBER"); len(groups) > 0 {
			var names []string
			for _, group := range groups {
				names = append(names, strings.TrimPrefix(group, canonicalScheme))
			}
			name += "(" + strings.Join(names, " ") + ")"
		}
		out = append(out, name)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// Inviting a group invites who is in it, and they go with it.
func TestGroups(t *testing.T) {
	const g = "ATTENDEE;CN=G;EMAIL=g@example.com;CUTYPE=X-SERVER-GROUP:urn:x-uid:g"
	const h = "ATTENDEE;CN=H;CUTYPE=X-SERVER-GROUP:urn:x-uid:h"
	member := func(guid string) string { return att(guid + `;MEMBER="urn:x-uid:g"`) }
	for _, tt := range []struct {
		name          string
		old, new      []string
		members       []string // of G; nil: B and C
		regroup       bool
		who, messages string
	}{
		{name: "a group", new: []string{g}, who: "b(g) c(g) g", messages: "REQUEST b c [all]"},
		{name: "beside somebody who is in it", new: []string{att("b"), g}, who: "b c(g) g", messages: "REQUEST b c [all]"},
		{name: "with the organizer in it", new: []string{g}, members: []string{"b", "o"}, who: "b(g) g o(g)", messages: "REQUEST b [all]"},
		{name: "with who has no calendar", new: []string{g}, members: []string{"b", "d"}, who: "b(g) g", messages: "REQUEST b [all]"},
		{name: "two groups", new: []string{g, h}, who: "b(g h) c(g) g h", messages: "REQUEST b c [all]"},
		{name: "the group goes", old: []string{g, member("b"), member("c"), att("a")}, new: []string{member("b"), member("c"), att("a")},
			who: "a", messages: "CANCEL b [all]; CANCEL c [all]; REQUEST a [all]"},
		{name: "a member is taken off", old: []string{g, member("b"), member("c")}, new: []string{g, member("b")}, who: "b(g) g", messages: "CANCEL c [all]; REQUEST b [all]"},
		{name: "until the group changes", old: []string{g, member("b")}, new: []string{g, member("b")}, regroup: true, who: "b(g) c(g) g", messages: "REQUEST b c [all]"},
		{name: "somebody left", old: []string{g, member("b"), member("c")}, new: []string{g, member("b"), member("c")}, members: []string{"b"}, regroup: true,
			who: "b(g) g", messages: "CANCEL c [all]; REQUEST b [all]"},
		{name: "somebody left who was invited besides", old: []string{g, att("b"), member("c")}, new: []string{g, att("b"), member("c")}, members: []string{"c"}, regroup: true,
			who: "b c(g) g"},
		{name: "a client that drops MEMBER", old: []string{g, member("b"), member("c")}, new: []string{g, att("b"), att("c")}, who: "b(g) c(g) g"},
		{name: "a group that is gone keeps its members", old: []string{g, member("b"), member("c")}, new: []string{g, member("b"), member("c")}, members: []string{}, regroup: true,
			who: "b(g) c(g) g"},
		{name: "the same again", old: []string{g, member("b"), member("c")}, new: []string{g, member("b"), member("c")}, who: "b(g) c(g) g"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parties := company()
			if tt.members != nil {
				group := *parties["urn:x-uid:g"]
				group.Members = tt.members
				if len(tt.members) == 0 {
					group = Party{Address: "urn:x-uid:g", Kind: Unknown}
				}
				parties["urn:x-uid:g"] = &group
			}
			parties["urn:x-uid:h"] = &Party{Address: "urn:x-uid:h", GUID: "h", Kind: Group, CN: "H", Members: []string{"b"}}
			c := Change{Owner: parties["urn:x-uid:o"], New: parse(t, event(at9, byO, strings.Join(tt.new, "\n"))), Now: now, Regroup: tt.regroup}
			if tt.old != nil {
				c.Old = parse(t, event(at9, byO, strings.Join(tt.old, "\n")))
			}
			p, err := Decide(c, mapWorld{parties})
			if err != nil {
				t.Fatal(err)
			}
			if got := who(p); got != tt.who {
				t.Errorf("invited %q, want %q", got, tt.who)
			}
			if got := summary(p); got != tt.messages {
				t.Errorf("messages %q\nwant     %q", got, tt.messages)
			}
		})
	}
}

// Rooms of which it is known where they are put it into the event.
func TestLocations(t *testing.T) {
	const place = "X-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-ADDRESS=1 Main St;X-APPLE-RADIUS=71;X-TITLE=R;X-CUADDR=\"urn:x-uid:r\":geo:1.5,2.5\n"
	room := strings.Replace(att("r"), ";EMAIL", ";CUTYPE=ROOM;EMAIL", 1)
	for _, tt := range []struct {
		name       string
		put        []string
		has, lacks []string
	}{
		{"a room", []string{room}, []string{place, `LOCATION:R\n1 Main St` + "\n"}, nil},
		{"one that clients know by title", []string{room, "X-APPLE-STRUCTURED-LOCATION;X-TITLE=R:geo:9,9", "LOCATION:Hall; R"},
			[]string{place, `LOCATION:Hall\; R\n1 Main St` + "\n"}, []string{"geo:9,9"}},
		{"one that moved", []string{room, strings.TrimSpace(strings.Replace(place, "1 Main St", "2 Old St", 1)), `LOCATION:R\n2 Old St`},
			[]string{place, `LOCATION:R\n1 Main St` + "\n"}, []string{"Old"}},
		{"none any more", []string{att("a"), strings.TrimSpace(place), "LOCATION:X"}, []string{"LOCATION:X\n"}, []string{"geo:"}},
		{"a place of the client's", []string{att("a"), "X-APPLE-STRUCTURED-LOCATION;X-TITLE=R:geo:9,9"}, []string{"geo:9,9"}, []string{"\nLOCATION"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			parties := company()
			parties["urn:x-uid:r"].Street, parties["urn:x-uid:r"].Geo = "1 Main St", "geo:1.5,2.5"
			c := Change{Owner: parties["urn:x-uid:o"], New: parse(t, event(at9, byO, strings.Join(tt.put, "\n"))), Now: now}
			p, err := Decide(c, mapWorld{parties})
			if err != nil {
				t.Fatal(err)
			}
			got := text(p.Store)
			for _, want := range tt.has {
				if strings.Count(got, want) != 1 {
					t.Errorf("not once %q in\n%s", want, got)
				}
			}
			for _, not := range tt.lacks {
				if strings.Contains(got, not) {
					t.Errorf("%q in\n%s", not, got)
				}
			}
			c.Old, c.New = p.Store, p.Store
			if again, err := Decide(c, mapWorld{parties}); err != nil || text(again.Store) != got || len(again.Messages) > 0 {
				t.Errorf("once more: %v\n%s", err, text(again.Store))
			}
		})
	}
}
