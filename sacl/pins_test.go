package sacl_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"testing"

	"convene/audit"
	"convene/audit/audittest"
	"convene/directory"
	"convene/internal/engine"
	"convene/sacl"
)

// world is a directory whose groups get other names.
func world(t *testing.T, groups map[string]string) *directory.Static {
	t.Helper()
	records := []directory.Record{}
	add := func(id string, typ directory.Type, name string, members ...directory.Key) {
		records = append(records, directory.Record{Principal: directory.Principal{GUID: id, Type: typ, Name: name, FullName: name,
			CalendarEnabled: true, LoginEnabled: typ == directory.User}, Members: members})
	}
	add(annID, directory.User, "ann")
	add(bobID, directory.User, "bob")
	member := map[string]string{innerID: annID, otherID: bobID}
	for id, name := range groups {
		add(id, directory.Group, name, directory.Key{By: directory.GUID, Value: member[id]})
	}
	d, err := directory.NewStatic(records)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestPins renames, deletes and re-uses the name of a group that a rule names: ann is in
// the one that had the name first, bob in another.
func TestPins(t *testing.T) {
	before := map[string]string{innerID: "staff", otherID: "guests"}
	for _, tt := range []struct {
		name     string
		after    map[string]string
		ann, bob bool // whom the rule is for then
		gone     bool
	}{
		{"nothing", before, true, false, false},
		{"renamed", map[string]string{innerID: "personnel", otherID: "guests"}, true, false, false},
		{"name re-used", map[string]string{innerID: "personnel", otherID: "staff"}, true, false, false},
		{"deleted", map[string]string{otherID: "guests"}, false, false, true},
		{"deleted and name re-used", map[string]string{otherID: "staff"}, false, false, true},
	} {
		for _, effect := range []sacl.Effect{sacl.Deny, sacl.Allow} {
			t.Run(tt.name+" "+string(effect), func(t *testing.T) {
				state := engine.OpenMemory(sacl.Tables())
				defer func() { _ = state.Close() }()
				log := audittest.Open(t)
				var lines bytes.Buffer
				rules := sacl.Rules{Deny: []string{"group:staff"}}
				if effect == sacl.Allow {
					rules = sacl.Rules{Allow: []string{"group:Staff"}}
				}
				start := func(d directory.Directory) *sacl.SACL {
					pins, err := sacl.OpenPins(state, log.Log, slog.New(slog.NewTextHandler(&lines, nil)))
					if err != nil {
						t.Fatal(err)
					}
					s, err := sacl.Open(sacl.Options{Config: sacl.Config{Calendar: rules}, Directory: d, Pins: pins, State: state, Audit: log.Log})
					if err != nil {
						t.Fatal(err)
					}
					return s
				}
				start(world(t, before)).Pin(t.Context())
				for i := range 2 { // the second start says nothing again
					after := world(t, tt.after)
					s := start(after)
					for _, pinned := range []bool{false, true} { // with the directory asked, and before
						for id, in := range map[string]bool{annID: tt.ann, bobID: tt.bob} {
							d, err := s.Check(t.Context(), sacl.Calendar, caller(t, after, id))
							if err != nil || d.Allowed != (in == (effect == sacl.Allow)) {
								t.Errorf("start %d, asked %t: %s is allowed: %t, %v", i, pinned, id, d.Allowed, err)
							}
						}
						s.Pin(t.Context())
					}
				}
				said := strings.Count(lines.String(), "level=ERROR")
				recorded := 0
				for _, l := range log.Lines() {
					if l.Verb == "sacl.gone" && l.Kind == audit.Intent && l.Object.GUID == innerID {
						recorded++
					}
				}
				if want := map[bool]int{true: 1}[tt.gone]; said != want || recorded != want {
					t.Errorf("said %d times, recorded %d times, want %d\n%s", said, recorded, want, lines.String())
				}
			})
		}
	}
}

// TestPinsOfLists: entries of other settings, one that is taken out and put in again.
func TestPinsOfLists(t *testing.T) {
	state := engine.OpenMemory(sacl.Tables())
	defer func() { _ = state.Close() }()
	pins, err := sacl.OpenPins(state, audittest.Open(t).Log, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	staff := directory.Ref{Type: directory.Group, Name: "staff"}
	resolve := func(groups map[string]string) string {
		guid, err := pins.Resolve(t.Context(), world(t, groups), "access.administrators", staff)
		if err != nil {
			t.Fatal(err)
		}
		return guid
	}
	first, later := map[string]string{innerID: "staff"}, map[string]string{otherID: "staff"}
	got := []string{resolve(first), resolve(later)}
	pins.Keep([]string{"group:STAFF", "user:ann"})
	got = append(got, resolve(later))
	pins.Keep([]string{"user:ann"})
	got = append(got, resolve(later))
	if want := []string{innerID, innerID, innerID, otherID}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if _, err := pins.Resolve(t.Context(), away{}, "access.administrators", staff); err != nil {
		t.Errorf("while the directory is away: %v", err)
	}
}
