package rooms_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine"
	"convene/rooms"
	"convene/rooms/policy"
)

// A moody is a directory that can be away.
type moody struct {
	directory.Directory
	away     error
	searches int
}

func (d *moody) Search(ctx context.Context, q directory.Query) ([]*directory.Principal, error) {
	d.searches++
	if d.away != nil {
		return nil, d.away
	}
	return d.Directory.Search(ctx, q)
}

func (d *moody) Members(ctx context.Context, guid string, e directory.Expansion) ([]*directory.Principal, error) {
	if d.away != nil {
		return nil, d.away
	}
	return d.Directory.Members(ctx, guid, e)
}

func known(list []*rooms.Known) string {
	var all []string
	for _, k := range list {
		all = append(all, fmt.Sprintf("%s %d %d", k.Record.Name, k.Policy.Capacity, len(k.IDs)))
	}
	return strings.Join(all, ", ")
}

// The index follows what is set at once, and the directory when it is told to; the
// directory's absence takes nothing away.
func TestIndex(t *testing.T) {
	record := func(typ directory.Type, name string, calendars bool) directory.Record {
		return directory.Record{Principal: directory.Principal{GUID: name + "-guid", Type: typ, Name: name, FullName: name, CalendarEnabled: calendars, Capacity: 4}}
	}
	static, err := directory.NewStatic([]directory.Record{record(directory.User, "ann", true), record(directory.Location, "oak", true),
		record(directory.Resource, "van", true), record(directory.Location, "gone", false)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, dir := context.Background(), &moody{Directory: static, away: directory.ErrUnavailable}
	e := engine.OpenMemory(rooms.Tables())
	settings := &rooms.Settings{Engine: e, Now: time.Now}
	x := rooms.NewIndex(dir, &rooms.Config{}, settings)
	if _, err := x.All(ctx); !errors.Is(err, directory.ErrUnavailable) {
		t.Fatalf("nothing known, directory away: %v", err)
	}
	dir.away = nil
	check := func(what, want string) {
		t.Helper()
		list, err := x.All(ctx)
		if got := known(list); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", what, got, err, want)
		}
	}
	check("at first", "oak 4 0, van 4 0")
	if _, _, err := settings.Set(ctx, "oak-guid", map[string]string{"capacity": "9", "book": "user:ann, user:zoe"}, nil, "test"); err != nil {
		t.Fatal(err)
	}
	dir.away = directory.ErrUnavailable
	check("set, directory away", "oak 9 1, van 4 0")
	if err := x.Refresh(ctx); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("refresh: %v", err)
	}
	check("after a refresh that failed", "oak 9 1, van 4 0")
	if _, _, err := settings.Set(ctx, "oak-guid", nil, []string{"capacity", "book"}, "test"); err != nil {
		t.Fatal(err)
	}
	check("taken back", "oak 4 0, van 4 0")
	before := dir.searches
	check("again", "oak 4 0, van 4 0")
	if dir.searches != before {
		t.Error("the directory is asked for each search")
	}
}

func TestUsage(t *testing.T) {
	k := func(name, building string, values map[string]string) *rooms.Known {
		c := rooms.Config{Defaults: values}
		p := &directory.Principal{Type: directory.Location, Name: name, Building: building}
		return &rooms.Known{Record: p, Policy: &c.Resolve(p, nil).Policy}
	}
	const day = int64(1780272000) // Monday, 1 June 2026
	at := func(hour, end float64, state policy.State, object string) policy.Booking {
		return policy.Booking{Span: policy.Span{Start: day + int64(hour*3600), End: day + int64(end*3600)}, State: state, Object: object}
	}
	oak, elm := k("oak", "A", map[string]string{"hours": "Mon-Fri 08:00-18:00"}), k("elm", "A", map[string]string{"slots": "2"})
	ofOak := []policy.Booking{at(7, 9, policy.Booked, "a"), at(10, 10.5, policy.Booked, "b"), at(12, 13, policy.Booked, "b"), at(16, 20, policy.Blocked, "c"), at(17, 19, policy.Blocked, "d")} // closed twice is closed
	for by, want := range map[string]string{
		rooms.ByRoom:     "[{locations/elm 1 1 24 12 0 0.25 0} {locations/oak 1 3 8 3.5 2 0.313 2}]",
		rooms.ByBuilding: "[{A 2 4 32 15.5 2 0.259 2}]",
		rooms.ByFloor:    "[{A 2 4 32 15.5 2 0.259 2}]",
	} {
		c := rooms.Count{From: day, To: day + 86400, By: by}
		c.Add(oak, ofOak)
		c.Add(elm, []policy.Booking{at(0, 12, policy.Booked, "x")})
		if got := fmt.Sprint(c.Usage()); got != want {
			t.Errorf("%s: %s, want %s", by, got, want)
		}
	}
	c := rooms.Count{From: day, To: day + 86400, By: rooms.ByHour}
	c.Add(oak, ofOak)
	hours := c.Usage()
	if len(hours) != 24 || hours[8].Booked != 1 || hours[7].Bookable != 0 || hours[10].Ratio != 0.5 || hours[16].Bookable != 0 {
		t.Errorf("by hour: %v", hours)
	}
}

// pooled is what pools an index has, with their rooms.
func pooled(list []*rooms.Known) string {
	var all []string
	for _, k := range list {
		all = append(all, fmt.Sprintf("%s(%s) %d", k.Record.Name, known(k.Rooms), k.Policy.Capacity))
	}
	return strings.Join(all, ", ")
}

// Groups that a command has set to be pools are looked up one by one: the directory is not
// searched for all its groups. While it is away the pools known before stay.
func TestIndexOfPools(t *testing.T) {
	key := func(typ directory.Type, name string) directory.Key {
		return directory.Key{By: directory.Name, Type: typ, Value: name}
	}
	record := func(typ directory.Type, name string, members ...directory.Key) directory.Record {
		return directory.Record{Members: members, Principal: directory.Principal{GUID: name + "-guid", Type: typ, Name: name, FullName: name, CalendarEnabled: typ != directory.Group, Capacity: len(name)}}
	}
	static, err := directory.NewStatic([]directory.Record{record(directory.User, "ann"), record(directory.Location, "oak"), record(directory.Location, "larch"),
		record(directory.Group, "upstairs", key(directory.Location, "larch")),
		record(directory.Group, "both", key(directory.Location, "oak"), key(directory.Group, "upstairs")),
		record(directory.Group, "mixed", key(directory.Location, "oak"), key(directory.User, "ann"))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, dir := context.Background(), &moody{Directory: static}
	settings := &rooms.Settings{Engine: engine.OpenMemory(rooms.Tables()), Now: time.Now}
	x := rooms.NewIndex(dir, &rooms.Config{}, settings)
	check := func(what, want string) {
		t.Helper()
		list, err := x.Pools(ctx)
		if got := pooled(list); err != nil || got != want {
			t.Errorf("%s: %s, %v; want %s", what, got, err, want)
		}
	}
	set := func(name string, values map[string]string, unset ...string) {
		t.Helper()
		if _, _, err := settings.Set(ctx, name+"-guid", values, unset, "test"); err != nil {
			t.Fatal(err)
		}
	}
	check("none is set", "")
	before := dir.searches
	set("both", map[string]string{"pool": "true"})
	set("mixed", map[string]string{"pool": "true"})
	set("gone", map[string]string{"pool": "true"})
	check("set", "both(larch 5 0, oak 3 0) 5")
	set("larch", map[string]string{"capacity": "2"})
	check("a room of it is set", "both(larch 2 0, oak 3 0) 3")
	if dir.searches != before {
		t.Error("the directory was searched")
	}
	dir.away = directory.ErrUnavailable
	set("upstairs", map[string]string{"pool": "true"})
	check("the directory is away", "both(larch 2 0, oak 3 0) 3")
	dir.away = nil
	if err := x.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	check("it is back", "both(larch 2 0, oak 3 0) 3, upstairs(larch 2 0) 2")
	set("both", nil, "pool")
	if err := x.Refresh(ctx); err != nil {
		t.Fatal(err)
	}
	check("taken back", "upstairs(larch 2 0) 2")

	every := rooms.NewIndex(dir, &rooms.Config{Classes: []rooms.Class{{Name: "b*", Settings: map[string]string{"pool": "true"}}}}, nil)
	list, err := every.Pools(ctx)
	if got := pooled(list); err != nil || got != "both(larch 5 0, oak 3 0) 5" {
		t.Errorf("by the configuration: %s, %v", got, err)
	}
	dir.away = directory.ErrUnavailable
	if _, err := rooms.NewIndex(dir, &rooms.Config{}, settings).Pools(ctx); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("nothing known, directory away: %v", err)
	}
}
