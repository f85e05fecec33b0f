package caldav_test

import (
	"slices"
	"strings"
	"testing"

	"convene/caldav"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/rooms"
)

// findingPools has oak (8 seats), elm (12) and big (20), in two buildings, and two cars;
// lounge, wide and fleet are pools of them. mixed has a person in it, and plain is not set to
// be a pool.
func findingPools(t *testing.T, deny string) *env {
	t.Helper()
	key := func(typ directory.Type, name string) directory.Key {
		return directory.Key{By: directory.Name, Type: typ, Value: name}
	}
	record := func(typ directory.Type, name string, change func(*directory.Principal), members ...directory.Key) directory.Record {
		p := directory.Principal{GUID: guid(name), Type: typ, Name: name, FullName: strings.ToUpper(name[:1]) + name[1:],
			Emails: []string{name + "@example.com"}, CalendarEnabled: typ != directory.Group, LoginEnabled: typ == directory.User}
		change(&p)
		return directory.Record{Principal: p, Members: members}
	}
	at := func(building, floor string) func(*directory.Principal) {
		return func(p *directory.Principal) { p.Building, p.Floor = building, floor }
	}
	room := func(name, building, floor string, seats int, features ...string) directory.Record {
		return record(directory.Location, name, func(p *directory.Principal) {
			p.Building, p.Floor, p.Capacity, p.Features = building, floor, seats, features
			if strings.Contains(deny, name) {
				p.RoomSettings = map[string]string{"deny": "user:bob"}
			}
		})
	}
	pool := func(p *directory.Principal) { p.RoomSettings = map[string]string{"pool": "true"} }
	oak, elm, big := key(directory.Location, "oak"), key(directory.Location, "elm"), key(directory.Location, "big")
	dir, err := directory.NewStatic([]directory.Record{
		record(directory.User, "ann", at("A", "1")), record(directory.User, "bob", at("A", "1")), record(directory.User, "boss", at("", "")),
		room("oak", "A", "1", 8, "projector", "whiteboard"), room("elm", "A", "2", 12, "Projector"), room("big", "B", "0", 20, "stage"),
		record(directory.Resource, "van", at("", "")), record(directory.Resource, "cab", at("", "")),
		record(directory.Group, "lounge", pool, oak, elm), record(directory.Group, "wide", pool, elm, big),
		record(directory.Group, "fleet", pool, key(directory.Resource, "van"), key(directory.Resource, "cab")),
		record(directory.Group, "mixed", pool, oak, key(directory.User, "bob")), record(directory.Group, "plain", at("", ""), oak, big),
		record(directory.Group, "empty", pool),
	})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvOf(t, dir, enginetest.Wrapper(t)).withRooms(nil)
	e.indexed(rooms.Config{})
	return e
}

// indexed makes rooms found as the directory has set them, those of groups too.
func (e *env) indexed(c rooms.Config) {
	e.index = rooms.NewIndex(e.dir, &c, nil)
	e.index.GroupSettings = true
	e.handle(caldav.DefaultLimits())
}

// takes books a room for an hour of 1 June.
func (e *env) takes(room, clock string, more ...string) {
	e.t.Helper()
	uid := room + clock
	e.must(201, "boss", "PUT", homeOf("boss")+"calendar/"+uid+".ics", strings.ReplaceAll(inviting(uid, clock, room, more...), "ann@", "boss@"))
}

// Pools are found where rooms are: behind the best of their rooms that the asker would get,
// with the places that all of them have, and free if one room is for all dates.
func TestFindPools(t *testing.T) {
	const ten = "from=2026-06-01T10:00:00Z&to=2026-06-01T11:00:00Z"
	for _, tt := range []struct{ name, user, taken, deny, query, want string }{
		{"all", "ann", "", "", "", "oak, groups/lounge, elm, groups/wide, big"},
		{"cars", "ann", "", "", "type=resource", "resources/cab, groups/fleet, resources/van"},
		{"building: wherever its rooms are", "ann", "", "", "building=A", "oak, groups/lounge, elm"},
		{"floor: not all of its rooms", "ann", "", "", "floor=1", "oak"},
		{"a feature that all have", "ann", "", "", "features=projector", "oak, groups/lounge, elm"},
		{"a feature that one has", "ann", "", "", "features=whiteboard", "oak"},
		{"by its name", "ann", "", "", "name=loun", "groups/lounge"},
		{"seats: some of its rooms", "ann", "", "", "heads=10", "elm, groups/lounge, groups/wide, big"},
		{"seats: none of its rooms", "ann", "", "", "heads=15", "big, groups/wide"},
		{"free", "ann", "", "", ten, "oak, groups/lounge, elm, groups/wide, big"},
		{"one is taken", "ann", "oak", "", ten, "groups/lounge, elm, groups/wide, big, oak 0/1 conflict"},
		{"all are taken", "ann", "oak elm", "", ten, "groups/wide, big, oak 0/1 conflict, groups/lounge 0/1 conflict, elm 0/1 conflict"},
		{"the only one with the seats is taken", "ann", "elm", "", ten + "&heads=10&building=A", "elm 0/1 conflict, groups/lounge 0/1 conflict"},
		{"a series in one room", "ann", "oak elm+", "", ten + "&building=A&rrule=FREQ=DAILY%3BCOUNT=2", "oak 1/2 conflict, elm 1/2 conflict, groups/lounge 0/2 conflict"},
		{"a series that one has time for", "ann", "oak", "", ten + "&building=A&rrule=FREQ=DAILY%3BCOUNT=2", "groups/lounge, elm, oak 1/2 conflict"},
		{"theirs in part", "bob", "", "oak", ten + "&building=A", "elm, groups/lounge, oak no"},
		{"not theirs", "bob", "", "oak elm", ten + "&building=A", "oak no, elm no, groups/lounge no 0/1 not-allowed"},
		{"the one that is theirs is taken", "bob", "elm", "oak", ten + "&building=A", "elm 0/1 conflict, groups/lounge 0/1 conflict, oak no"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := findingPools(t, tt.deny)
			for name := range strings.FieldsSeq(tt.taken) {
				if room, next := strings.CutSuffix(name, "+"); next { // on the next day
					e.takes(room, "1000", "RRULE:FREQ=DAILY;COUNT=2", "EXDATE:20260601T100000Z")
				} else {
					e.takes(name, "1000")
				}
			}
			if got := brief(e.find(tt.user, tt.query)); got != tt.want {
				t.Errorf("%s\nwant %s", got, tt.want)
			}
		})
	}
}

// What is said of a pool is enough to book it: its address, and which rooms it has.
func TestFoundPool(t *testing.T) {
	e := findingPools(t, "")
	e.takes("oak", "1000")
	f := e.find("ann", "name=lounge&duration=60&from=2026-06-01T10:00:00Z&heads=3")
	if len(f.Rooms) != 1 {
		t.Fatalf("%+v", f)
	}
	pool := f.Rooms[0]
	if pool.Name != "groups/lounge" || pool.FullName != "Lounge" || pool.GUID != guid("lounge") || pool.Building != "A" || pool.Floor != "" || pool.Capacity != 12 ||
		pool.May != "book" || *pool.Free != 1 || pool.Reason != "" || !slices.Equal(pool.Rooms, []string{"locations/elm", "locations/oak"}) {
		t.Errorf("%+v", pool)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(pool.Address, "mailto:"), "@example.com")
	if a := e.put("one", inviting("one", "1000", address)); a.Header.Get("Convene-Booking") != `room="locations/elm"; answer=accepted; pool="groups/lounge"` {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	for _, tt := range []struct{ name, query, want string }{
		{"when one of its rooms is free", "name=lounge", "2026-06-01T11:00:00Z lounge"},
		{"when the one with seats is", "name=lounge&heads=10", "2026-06-01T11:00:00Z lounge"},
		{"a room stands for itself", "building=A", "2026-06-01T11:00:00Z oak"},
	} {
		f := e.find("ann", tt.query+"&duration=60&from=2026-06-01T10:00:00Z&to=2026-06-01T18:00:00Z")
		if f.Slot == nil || f.Slot.From+" "+strings.TrimSuffix(strings.TrimPrefix(f.Slot.Room, "mailto:"), "@example.com") != tt.want {
			t.Errorf("%s: %+v, want %s", tt.name, f.Slot, tt.want)
		}
	}
}

// Where rooms are listed to those alone who may book them, pools are too.
func TestListedPools(t *testing.T) {
	e := findingPools(t, "oak elm")
	e.indexed(rooms.Config{List: rooms.ListBookable})
	if got := brief(e.find("bob", "")); got != "big, groups/wide" {
		t.Errorf("found: %s", got)
	}
}
