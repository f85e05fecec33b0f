package policy_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"convene/rooms/policy"
)

func layer(source string, values ...string) policy.Layer {
	l := policy.Layer{Source: source, Values: map[string]string{}}
	for _, v := range values {
		name, value, _ := strings.Cut(v, "=")
		l.Values[name] = value
	}
	return l
}

func settingOf(t *testing.T, r *policy.Resolved, name string) string {
	t.Helper()
	for _, s := range r.Settings {
		if s.Name == name {
			return s.Value + " from " + s.Source
		}
	}
	t.Fatalf("no setting %s", name)
	return ""
}

func TestLayers(t *testing.T) {
	l := policy.Layers{
		Site: layer("rooms.defaults", "slots=2", "window=10", "min-notice=1", "max-duration=60", "buffer-after=5"),
		Kind: layer("rooms.locations", "window=20", "min-notice=2", "max-duration=61", "buffer-after=6"),
		Classes: []policy.Class{
			{Building: "A", Layer: layer("class 1", "min-notice=3", "max-duration=62")},
			{Feature: "Projector", Name: "nep*", Layer: layer("class 2", "max-duration=63")},
			{Building: "B", Layer: layer("class 3", "slots=9", "capacity=9")},
			{Name: "sat*", Layer: layer("class 4", "slots=9")},
		},
		Directory: layer("directory", "building=a", "features=projector, board", "slots=many", "buffer-after=7", "no-such=1"),
		Local:     layer("local", "buffer-after=8"),
	}
	r := policy.Resolve(policy.Location, "Neptune", l)
	for name, want := range map[string]string{
		"slots":        "2 from rooms.defaults", // what the directory says is no number
		"window":       "20 from rooms.locations",
		"min-notice":   "3 from class 1",
		"max-duration": "63 from class 2",
		"buffer-after": "8 from local",
		"building":     "a from directory",
		"capacity":     "0 from built-in",
		"mode":         "automatic from built-in",
		"exclusive":    "true from built-in",
	} {
		if got := settingOf(t, r, name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if r.Policy.Slots != 2 || r.Policy.BufferAfter != 8 {
		t.Errorf("%+v", r.Policy)
	}
	var bad []string
	for _, b := range r.Bad {
		if !errors.Is(b.Err, policy.ErrValue) {
			t.Errorf("%v is no ErrValue", b.Err)
		}
		bad = append(bad, b.Source+": "+b.Err.Error())
	}
	want := []string{`directory: wrong value: there is no setting "no-such" of rooms`, `directory: slots: wrong value: "many" is not a whole number from 0 to 10000`}
	if !slices.Equal(bad, want) {
		t.Errorf("%q", bad)
	}
}

func TestExclusiveByDefault(t *testing.T) {
	for _, tt := range []struct{ mode, exclusive, want string }{
		{"automatic", "", "true from built-in"},
		{"accept-always", "", "false from built-in"},
		{"accept-always", "exclusive=true", "true from local"},
		{"automatic", "exclusive=false", "false from local"},
	} {
		l := layer("local", "mode="+tt.mode)
		if tt.exclusive != "" {
			l = layer("local", "mode="+tt.mode, tt.exclusive)
		}
		r := policy.Resolve(policy.Location, "x", policy.Layers{Local: l})
		if got := settingOf(t, r, "exclusive"); got != tt.want {
			t.Errorf("%s %s: %s", tt.mode, tt.exclusive, got)
		}
	}
	if p := policy.Resolve(policy.Person, "ann", policy.Layers{}).Policy; p.Mode != policy.ModeNone {
		t.Errorf("people answer by themselves: %s", p.Mode)
	}
}

// Each knob reads back what it writes, and the table has each name once.
func TestKnobs(t *testing.T) {
	seen := map[string]bool{}
	for _, k := range policy.Knobs() {
		if seen[k.Name] || k.Doc == "" || k.Range == "" {
			t.Errorf("%+v", k)
		}
		seen[k.Name] = true
		var p, q policy.Policy
		if err := k.Set(&p, k.Default); err != nil {
			t.Error(err)
			continue
		}
		if err := k.Set(&q, k.Get(&p)); err != nil || k.Get(&q) != k.Get(&p) {
			t.Errorf("%s: %q became %q: %v", k.Name, k.Get(&p), k.Get(&q), err)
		}
	}
	if _, err := policy.Find("colour"); !errors.Is(err, policy.ErrValue) {
		t.Error(err)
	}
}

func TestWrongValues(t *testing.T) {
	for _, tt := range []struct{ knob, value, want string }{
		{"mode", "auto", `mode: wrong value: "auto" is none of automatic, none, accept-always, decline-always, accept-if-free, decline-if-busy`},
		{"slots", "-1", `slots: wrong value: "-1" is not a whole number from 0 to 10000`},
		{"window", "3651", `window: wrong value: "3651" is not a whole number from -1 to 3650`},
		{"recurring", "perhaps", `recurring: wrong value: "perhaps" is neither true nor false`},
		{"book", "staff", `book: wrong value: "staff" names nobody; write user:NAME, group:NAME, mail:ADDRESS, a GUID, * or external`},
		{"auto-accept-group", "group:a, group:b", `auto-accept-group: wrong value: "group:a, group:b" is not one user or group`},
		{"hours", "Mon-Fri 8-18", `hours: wrong value: hours "Mon-Fri 8-18": "8-18" is not a time of a day such as 08:00-18:00`},
		{"hours", "Weekdays 08:00-18:00", `hours: wrong value: hours "Weekdays 08:00-18:00": "Weekdays" is not a day or a range of days; they are Mon, Tue, Wed, Thu, Fri, Sat, Sun`},
		{"hours", "Mon 18:00-08:00", `hours: wrong value: hours "Mon 18:00-08:00": "18:00-08:00" is not a time of a day such as 08:00-18:00`},
		{"hours", "Mon", `hours: wrong value: hours "Mon": "Mon" is not days and times`},
		{"timezone", "Mars/Olympus", `timezone: wrong value: zone "Mars/Olympus": unknown time zone`},
		{"geo", "north", `geo: wrong value: "north" is not a latitude and a longitude such as 52.52;13.40`},
		{"geo", "NaN;1", `geo: wrong value: "NaN;1" is not a latitude and a longitude such as 52.52;13.40`},
		{"strip", "sender", `strip: wrong value: "sender" is none of subject, description, attachments`},
		{"response-text", "a\x00b", `response-text: wrong value: a control character`},
		{"response-text", strings.Repeat("x", 1025), `response-text: wrong value: 1025 bytes, at most 1024`},
		{"response-text", "\xff", `response-text: wrong value: not UTF-8`},
		{"features", strings.Repeat("x", 3) + listOf(501), `features: wrong value: 502 entries, at most 500`},
	} {
		k, err := policy.Find(tt.knob)
		if err != nil {
			t.Fatal(err)
		}
		var p policy.Policy
		err = k.Set(&p, tt.value)
		if err == nil || err.Error() != tt.want || !errors.Is(err, policy.ErrValue) {
			t.Errorf("%s=%.40q: %v\nwant %s", tt.knob, tt.value, err, tt.want)
		}
	}
}

func listOf(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("," + strings.Repeat("y", i+1))
	}
	return b.String()
}

func TestHours(t *testing.T) {
	zone := set(t).Zone
	for _, tt := range []struct {
		hours, from, to string
		want            bool
	}{
		{"Mon-Fri 08:00-18:00; Sat 09:00-12:00", "2026-12-05 09:00", "2026-12-05 12:00", true},
		{"Mon-Fri 08:00-18:00; Sat 09:00-12:00", "2026-12-06 09:00", "2026-12-06 10:00", false},
		{"Mon,Tue 08:00-12:00 12:00-18:00", "2026-12-01 11:00", "2026-12-01 13:00", true},
		{"Mon,Tue 08:00-12:00 13:00-18:00", "2026-12-01 11:00", "2026-12-01 14:00", false},
		{"Fri 20:00-24:00; Sat 00:00-02:00", "2026-12-04 23:00", "2026-12-05 01:00", true},
		{"Fri 20:00-24:00; Sat 00:00-02:00", "2026-12-04 23:00", "2026-12-05 03:00", false},
		{"Sat-Mon 00:00-24:00", "2026-12-05 00:00", "2026-12-08 00:00", true},
		{"Sat-Mon 00:00-24:00", "2026-12-05 00:00", "2026-12-08 00:01", false},
		{"Mon-Sun 00:00-24:00", "2026-12-05 00:00", "2027-03-08 00:01", true},
		{"Mon-Sat 00:00-24:00", "2026-12-05 00:00", "2027-03-08 00:01", false},
		{"", "2026-12-05 00:00", "2026-12-08 00:00", true},
		{"Sun 00:00-04:00", "2027-03-28 01:30", "2027-03-28 03:30", true}, // 02:00 to 03:00 does not occur
		{"Sun 02:00-03:00", "2027-10-31 02:00", "2027-10-31 03:00", true}, // and here it occurs twice
	} {
		h, err := policy.ParseHours(tt.hours)
		if err != nil {
			t.Fatal(err)
		}
		if got := h.Cover(at(t, tt.from), at(t, tt.to), zone); got != tt.want {
			t.Errorf("%q covers %s to %s: %t", tt.hours, tt.from, tt.to, got)
		}
	}
}

func TestReferences(t *testing.T) {
	p := set(t, "book=group:staff, *", "deny=user:dan, external", "approvers=group:staff", "auto-accept-group=user:ann")
	if got := strings.Join(p.References(), " "); got != "group:staff user:ann user:dan" {
		t.Error(got)
	}
}

func TestCheckLayer(t *testing.T) {
	if bad := layer("rooms.defaults", "slots=2", "hours=never", "colour=blue").Check(); len(bad) != 2 || bad[0].Name != "colour" || bad[1].Name != "hours" {
		t.Errorf("%v", bad)
	}
}
