package caldav_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/directory"
	"convene/internal/engine/enginetest"
)

// A campusRoom is a room of the campus that tests invent, with the hours at which it is taken.
type campusRoom struct {
	name, building, floor string
	seats                 int
	taken                 []int64
}

// The first time that is proposed for five people and a room is the one that comes out if each
// minute is tried, and so is the room, on a campus that is made up and busy.
func TestFirstSlotOnCampus(t *testing.T) {
	const people, hour = 5, 3600
	random := rand.New(rand.NewPCG(2026, 12))
	var records []directory.Record
	add := func(typ directory.Type, name string, change func(*directory.Principal)) {
		p := directory.Principal{GUID: guid(name), Type: typ, Name: name, FullName: name, Emails: []string{name + "@example.com"}, CalendarEnabled: true, LoginEnabled: typ == directory.User}
		change(&p)
		records = append(records, directory.Record{Principal: p})
	}
	users := []string{"ann"}
	for i := 1; i < people; i++ {
		users = append(users, fmt.Sprintf("user%d", i))
	}
	for _, name := range append(users, "boss") {
		add(directory.User, name, func(p *directory.Principal) { p.Building, p.Floor = "North", "2" })
	}
	rooms := make([]*campusRoom, 12)
	for i := range rooms {
		r := &campusRoom{name: fmt.Sprintf("room%02d", i), building: []string{"North", "South"}[i%2], floor: fmt.Sprint(1 + i%3), seats: 2 + i}
		rooms[i] = r
		add(directory.Location, r.name, func(p *directory.Principal) { p.Building, p.Floor, p.Capacity = r.building, r.floor, r.seats })
	}
	dir, err := directory.NewStatic(records)
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvOf(t, dir, enginetest.Wrapper(t)).withRooms(nil)
	proposals := map[string]bool{}
	for n := range 12 {
		day := time.Date(2026, 6, 1+n, 0, 0, 0, 0, time.UTC).Unix()
		clock := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("20060102T150405Z") }
		var busy []int64
		for _, user := range users {
			for k := range 4 {
				at := day + 8*hour + int64(random.IntN(36))*900
				busy = append(busy, at)
				e.must(201, user, "PUT", homeOf(user)+fmt.Sprintf("calendar/d%d-%d.ics", n, k), event(fmt.Sprintf("%s-d%d-%d", user, n, k), clock(at)))
			}
		}
		for _, r := range rooms {
			r.taken = nil
			for h := range int64(10) {
				if random.IntN(10) < 3 {
					continue
				}
				at := day + (8+h)*hour
				r.taken = append(r.taken, at)
				uid := fmt.Sprintf("%s-d%d-%d", r.name, n, h)
				e.must(201, "boss", "PUT", homeOf("boss")+"calendar/"+uid+".ics", event(uid, clock(at), "ORGANIZER:mailto:boss@example.com", "ATTENDEE:mailto:boss@example.com", "ATTENDEE;CUTYPE=ROOM:mailto:"+r.name+"@example.com"))
			}
		}
		from, until := day+8*hour, day+19*hour
		want := ""
		for at := from; at+hour <= until && want == ""; at += 60 {
			overlaps := func(other int64) bool { return other < at+hour && at < other+hour }
			if slices.ContainsFunc(busy, overlaps) {
				continue
			}
			if best := bestRoom(rooms, 6, overlaps); best != nil {
				want = clock(at) + " " + best.name
			}
		}
		query := fmt.Sprintf("for=%s&heads=6&duration=60&from=%s&to=%s", strings.Join(users[1:], ","), clock(from), clock(until))
		got := ""
		if f := e.find("ann", query); f.Slot != nil {
			at, err := time.Parse(time.RFC3339, f.Slot.From)
			if err != nil {
				t.Fatal(err)
			}
			got = clock(at.Unix()) + " " + strings.TrimSuffix(strings.TrimPrefix(f.Slot.Room, "mailto:"), "@example.com")
		}
		if got != want {
			t.Errorf("day %d: %q, by trying each minute %q", n, got, want)
		}
		proposals[strings.TrimPrefix(got, clock(day)[:8])] = true
	}
	if len(proposals) < 6 {
		t.Errorf("the days are too much alike: %v", proposals)
	}
}

// bestRoom is the room with so many seats that is not taken, where the people are if there is
// one: in their building, on their floor, with the fewest empty seats.
func bestRoom(rooms []*campusRoom, seats int, overlaps func(int64) bool) (best *campusRoom) {
	rank := func(r *campusRoom) int {
		away := 2
		if r.building == "North" {
			if away = 1; r.floor == "2" {
				away = 0
			}
		}
		return away*1000 + r.seats
	}
	for _, r := range rooms {
		if r.seats >= seats && !slices.ContainsFunc(r.taken, overlaps) && (best == nil || rank(r) < rank(best)) {
			best = r
		}
	}
	return best
}
