package rooms_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine"
	"convene/rooms"
	"convene/rooms/policy"
)

func settings(t *testing.T) *rooms.Settings {
	e := engine.OpenMemory(rooms.Tables())
	t.Cleanup(func() { _ = e.Close() })
	return &rooms.Settings{Engine: e, Now: func() time.Time { return time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC) }}
}

func TestSettings(t *testing.T) {
	s, ctx := settings(t), context.Background()
	before, after, err := s.Set(ctx, "N", map[string]string{"slots": "2", "mode": "none"}, nil, "root")
	if err != nil || len(before) != 0 || after["slots"] != (rooms.Value{Value: "2", Changed: "2026-11-29T12:00:00Z", By: "root"}) {
		t.Fatalf("%v, %v, %v", before, after, err)
	}
	before, after, err = s.Set(ctx, "N", map[string]string{"slots": "3"}, []string{"mode", "window"}, "ann")
	if err != nil || before["mode"].Value != "none" || len(after) != 1 || after["slots"].Value != "3" {
		t.Fatalf("%v, %v, %v", before, after, err)
	}
	if _, _, err = s.Set(ctx, "N", map[string]string{"slots": "4", "window": "soon"}, nil, "ann"); !errors.Is(err, policy.ErrValue) {
		t.Fatal(err)
	}
	if _, _, err = s.Set(ctx, "N", nil, []string{"colour"}, "ann"); !errors.Is(err, policy.ErrValue) {
		t.Fatal(err)
	}
	got, err := s.Get(ctx, "N")
	if err != nil || len(got) != 1 || got["slots"].Value != "3" {
		t.Errorf("%v, %v", got, err)
	}
	if all, err := s.All(ctx); err != nil || len(all) != 1 || all["N"]["slots"].Value != "3" {
		t.Errorf("%v, %v", all, err)
	}
	if _, _, err = s.Set(ctx, "N", nil, []string{"slots"}, "ann"); err != nil {
		t.Fatal(err)
	}
	if all, err := s.All(ctx); err != nil || len(all) != 0 {
		t.Errorf("%v, %v", all, err)
	}
}

// What cannot be read is an error, since it may say who must not book the room.
func TestSettingsDamaged(t *testing.T) {
	s, ctx := settings(t), context.Background()
	if _, _, err := s.Set(ctx, "N", map[string]string{"deny": "*"}, nil, "root"); err != nil {
		t.Fatal(err)
	}
	table := rooms.Tables()[0]
	err := s.Engine.Update(ctx, func(w engine.Writer) error {
		v := slices.Clone(w.Get(table, []byte("N")))
		v[5] ^= 1
		return w.Put(table, []byte("N"), v)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(ctx, "N"); !errors.Is(err, rooms.ErrSettings) {
		t.Error(err)
	}
	if _, err := s.All(ctx); !errors.Is(err, rooms.ErrSettings) {
		t.Error(err)
	}
	if _, _, err := s.Set(ctx, "N", map[string]string{"slots": "1"}, nil, "root"); !errors.Is(err, rooms.ErrSettings) {
		t.Error(err)
	}
}

func TestResolve(t *testing.T) {
	c := rooms.Config{
		Defaults:  map[string]string{"window": "180", "slots": "2"},
		Locations: map[string]string{"slots": "1"},
		Resources: map[string]string{"slots": "5"},
		Classes:   []rooms.Class{{Building: "A", Settings: map[string]string{"min-notice": "30"}}},
	}
	room := &directory.Principal{GUID: "N", Type: directory.Location, Name: "neptune", AutoSchedule: "accept-if-free", Capacity: 8, Building: "a",
		AutoAcceptGroup: "cn=staff,dc=example", Geo: "geo:52.5,13.4;u=10", Features: []string{"projector", "board"}, RoomSettings: map[string]string{"book": "group:staff\nuser:ann", "window": "soon"}}
	r := c.Resolve(room, map[string]rooms.Value{"capacity": {Value: "9"}})
	for name, want := range map[string]string{
		"window":            "180 from rooms.defaults",
		"slots":             "1 from rooms.locations",
		"min-notice":        "30 from rooms.class 1",
		"mode":              "accept-if-free from directory",
		"capacity":          "9 from local",
		"geo":               "52.5;13.4 from directory",
		"features":          "projector, board from directory",
		"book":              "group:staff, user:ann from directory",
		"auto-accept-group": "dn:cn=staff%2Cdc=example from directory",
	} {
		i := slices.IndexFunc(r.Settings, func(s policy.Setting) bool { return s.Name == name })
		if got := r.Settings[i].Value + " from " + r.Settings[i].Source; got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	if len(r.Bad) != 1 || r.Bad[0].Name != "window" || r.Bad[0].Source != "directory" {
		t.Errorf("%v", r.Bad)
	}
	key, err := rooms.KeyOf(r.Policy.AutoAccept[0])
	if err != nil || key != (directory.Key{By: directory.DN, Value: "cn=staff,dc=example"}) {
		t.Errorf("%v, %v", key, err)
	}
	if p := c.Resolve(&directory.Principal{Type: directory.Resource}, nil).Policy; p.Slots != 5 {
		t.Errorf("a resource has %d slots", p.Slots)
	}
	if p := c.Resolve(&directory.Principal{Type: directory.User}, nil).Policy; p.Slots != 2 || p.Mode != policy.ModeNone {
		t.Errorf("a person has %d slots, mode %s", p.Slots, p.Mode)
	}
}

func TestCheck(t *testing.T) {
	c := rooms.Config{
		Defaults: map[string]string{"window": "soon"}, Resources: map[string]string{"colour": "blue"},
		Classes: []rooms.Class{{Settings: map[string]string{"slots": "1"}}, {Name: "[", Settings: map[string]string{"hours": "never"}}},
	}
	var got []string
	for _, f := range c.Check() {
		got = append(got, f.Key)
	}
	if s := strings.Join(got, " "); s != "defaults.window resources.colour class class.name class.settings.hours" {
		t.Error(s)
	}
}
