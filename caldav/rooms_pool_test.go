package caldav_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"convene/caldav"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/rooms"
	"convene/rooms/policy"
)

// withPools has oak (8 seats), elm (12) and van, and groups of them: lounge of both rooms
// and fleet of the van are pools, and mixed, which has a person in it, would be.
func withPools(t *testing.T, more map[string]map[string]string) *env {
	t.Helper()
	key := func(typ directory.Type, name string) directory.Key {
		return directory.Key{By: directory.Name, Type: typ, Value: name}
	}
	record := func(typ directory.Type, name string, members ...directory.Key) directory.Record {
		return directory.Record{Members: members, Principal: directory.Principal{
			GUID: guid(name), Type: typ, Name: name, FullName: strings.ToUpper(name[:1]) + name[1:], Emails: []string{name + "@example.com"},
			CalendarEnabled: typ != directory.Group, LoginEnabled: typ == directory.User,
		}}
	}
	oak, elm, van := key(directory.Location, "oak"), key(directory.Location, "elm"), key(directory.Resource, "van")
	dir, err := directory.NewStatic([]directory.Record{
		record(directory.User, "ann"), record(directory.User, "bob"), record(directory.User, "boss"),
		record(directory.Location, "oak"), record(directory.Location, "elm"), record(directory.Resource, "van"),
		record(directory.Group, "lounge", oak, elm), record(directory.Group, "fleet", van),
		record(directory.Group, "mixed", oak, key(directory.User, "bob")),
	})
	if err != nil {
		t.Fatal(err)
	}
	e := newEnvOf(t, dir, enginetest.Wrapper(t))
	settings := map[string]map[string]string{
		"oak": {"capacity": "8"}, "elm": {"capacity": "12"}, "lounge": {"pool": "true"}, "fleet": {"pool": "true"}, "mixed": {"pool": "true"},
	}
	for name, values := range more {
		settings[name] = values
	}
	config := rooms.Config{}
	e.rooms = func(_ context.Context, p *directory.Principal) (*policy.Policy, error) {
		local := map[string]rooms.Value{}
		for name, value := range settings[p.Name] {
			local[name] = rooms.Value{Value: value}
		}
		return &config.Resolve(p, local).Policy, nil
	}
	e.index = rooms.NewIndex(dir, &config, nil)
	e.handle(caldav.DefaultLimits())
	return e
}

// inviting is a meeting of ann's at some hour of 1 June with others.
func inviting(uid, clock string, whom string, more ...string) string {
	lines := []string{"ORGANIZER:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com"}
	for name := range strings.FieldsSeq(whom) {
		lines = append(lines, "ATTENDEE:mailto:"+name+"@example.com")
	}
	return event(uid, "20260601T"+clock+"00Z", append(lines, more...)...)
}

// stats are who is invited to a meeting of ann's, with their answers: "elm:ACCEPTED".
func (e *env) stats(uid string) string {
	e.t.Helper()
	a := e.must(200, "ann", "GET", homeOf("ann")+"calendar/"+uid+".ics", "")
	var all []string
	for line := range strings.Lines(strings.ReplaceAll(a.Body, "\r\n ", "")) {
		line = strings.TrimSpace(line)
		if !strings.HasPrefix(line, "ATTENDEE") || strings.Contains(line, "mailto:ann@") && !strings.Contains(line, "DELEGATED") {
			continue
		}
		_, stat, _ := strings.Cut(line, "PARTSTAT=")
		stat = stat[:max(strings.IndexAny(stat, ";:"), 0)]
		name := line[strings.LastIndex(line, ":")+1 : strings.LastIndex(line, "@")]
		all = append(all, name+":"+stat)
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// has reports whether a room has a copy of a meeting.
func (e *env) has(room, uid string) bool {
	e.t.Helper()
	return slices.ContainsFunc(e.members("boss", homeOf(room)+"calendar/"), func(name string) bool {
		return strings.Contains(e.must(200, "boss", "GET", name, "").Body, "UID:"+uid+"\r\n")
	})
}

// A pool is invited: one of its rooms is booked for it, and everybody sees which.
func TestPool(t *testing.T) {
	for _, tt := range []struct {
		name   string
		taken  string // rooms that are taken at ten
		more   map[string]map[string]string
		whom   string
		want   string
		header string
	}{
		{"the one with the fewest empty seats", "", nil, "lounge", "lounge:DELEGATED oak:ACCEPTED", `room="locations/oak"; answer=accepted; pool="groups/lounge"`},
		{"the other", "oak", nil, "lounge", "elm:ACCEPTED lounge:DELEGATED", `room="locations/elm"; answer=accepted; pool="groups/lounge"`},
		{"none is free", "oak elm", nil, "lounge", "lounge:DECLINED", `room="groups/lounge"; answer=declined; reason=conflict`},
		{"a resource", "", nil, "fleet", "fleet:DELEGATED van:ACCEPTED", `room="resources/van"; answer=accepted; pool="groups/fleet"`},
		{"a member is invited too", "", nil, "lounge oak", "elm:ACCEPTED lounge:DELEGATED oak:ACCEPTED", ""},
		{"with people", "", nil, "lounge bob", "bob: lounge:DELEGATED oak:ACCEPTED", ""},
		{"who may not book one", "", map[string]map[string]string{"oak": {"deny": "user:ann", "capacity": "8"}}, "lounge", "elm:ACCEPTED lounge:DELEGATED", ""},
		{"who may book none", "", map[string]map[string]string{"oak": {"deny": "user:ann"}, "elm": {"book": "user:bob"}}, "lounge", "lounge:DECLINED",
			`room="groups/lounge"; answer=declined; reason=not-allowed`},
		{"approval is not for pools", "", map[string]map[string]string{"oak": {"book": "", "request": "*", "approvers": "user:boss"}}, "lounge", "elm:ACCEPTED lounge:DELEGATED", ""},
		{"a group with people is none", "", nil, "mixed", "bob:NEEDS-ACTION mixed: oak:ACCEPTED", ""},
		{"a group that is not set to be one", "", map[string]map[string]string{"lounge": nil}, "lounge", "elm:ACCEPTED lounge: oak:ACCEPTED", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := withPools(t, tt.more)
			for name := range strings.FieldsSeq(tt.taken) {
				e.must(201, "ann", "PUT", homeOf("ann")+"calendar/has-"+name+".ics", inviting("has-"+name, "1000", name))
			}
			a := e.put("meeting", inviting("meeting", "1000", tt.whom))
			if a.Status != 201 {
				t.Fatalf("%d %s", a.Status, a.Body)
			}
			if got := e.stats("meeting"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if got := a.Header.Values("Convene-Booking"); tt.header != "" && !slices.Equal(got, []string{tt.header}) {
				t.Errorf("header: %q, want %q", got, tt.header)
			}
			e.checkRooms()
		})
	}
}

// What clients see of a pool: who stands for whom, by addresses that they know; and what
// they read they can write.
func TestPoolOnTheWire(t *testing.T) {
	e := withPools(t, nil)
	e.put("meeting", inviting("meeting", "1000", "lounge bob"))
	path := homeOf("ann") + "calendar/meeting.ics"
	a := e.must(200, "ann", "GET", path, "")
	text := strings.ReplaceAll(a.Body, "\r\n ", "")
	for _, want := range []string{
		`DELEGATED-TO="mailto:oak@example.com"`, `DELEGATED-FROM="mailto:lounge@example.com"`, "CUTYPE=ROOM", "SCHEDULE-STATUS=2.0",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	if b := e.must(204, "ann", "PUT", path, a.Body); b.Header.Get("Convene-Booking") != "" {
		t.Errorf("what was read is written: %v", b.Header)
	}
	if b := e.must(200, "ann", "GET", path, ""); b.Body != a.Body {
		t.Errorf("after it was written as it was read:\n%s\nbefore:\n%s", b.Body, a.Body)
	}
	if !e.has("oak", "meeting") || e.has("elm", "meeting") {
		t.Error("the copies of the rooms")
	}
	// A client that drops what it does not know changes nothing of who stands for whom.
	plain := strings.NewReplacer(`DELEGATED-TO="mailto:oak@example.com";`, "", `;DELEGATED-TO="mailto:oak@example.com"`, "",
		`DELEGATED-FROM="mailto:lounge@example.com";`, "", `;DELEGATED-FROM="mailto:lounge@example.com"`, "").Replace(text)
	if plain == text || strings.Contains(plain, "DELEGATED-") {
		t.Fatalf("nothing was dropped of\n%s", text)
	}
	e.must(204, "ann", "PUT", path, strings.Replace(plain, "SUMMARY:meeting", "SUMMARY:other", 1))
	if got := e.stats("meeting"); got != "bob: lounge:DELEGATED oak:ACCEPTED" {
		t.Error(got)
	}
	e.checkRooms()
}

// A meeting with a pool changes.
func TestPoolFollowsTheMeeting(t *testing.T) {
	path := homeOf("ann") + "calendar/meeting.ics"
	edit := func(old, new string) func(*env) {
		return func(e *env) {
			text := strings.ReplaceAll(e.must(200, "ann", "GET", path, "").Body, "\r\n ", "")
			if !strings.Contains(text, old) {
				e.t.Fatalf("no %s in\n%s", old, text)
			}
			e.must(204, "ann", "PUT", path, strings.Replace(text, old, new, 1))
		}
	}
	without := func(name string) func(*env) {
		return func(e *env) {
			text := ""
			for line := range strings.Lines(strings.ReplaceAll(e.must(200, "ann", "GET", path, "").Body, "\r\n ", "")) {
				if !strings.HasPrefix(line, "ATTENDEE") || !strings.HasSuffix(line, ":mailto:"+name+"@example.com\r\n") {
					text += line
				}
			}
			e.must(204, "ann", "PUT", path, text)
		}
	}
	moved := edit("T100000Z", "T150000Z")
	books := func(uid, clock, whom string) func(*env) {
		return func(e *env) {
			e.must(201, "ann", "PUT", homeOf("ann")+"calendar/"+uid+".ics", inviting(uid, clock, whom))
		}
	}
	for name, tt := range map[string]struct {
		do   []func(*env)
		want string // of ann's copy
		oak  bool   // has a copy
		elm  bool
	}{
		"the title":                        {[]func(*env){edit("SUMMARY:meeting", "SUMMARY:other")}, "lounge:DELEGATED oak:ACCEPTED", true, false},
		"moved":                            {[]func(*env){moved}, "lounge:DELEGATED oak:ACCEPTED", true, false},
		"moved to where the room is taken": {[]func(*env){books("x", "1500", "oak"), moved}, "elm:ACCEPTED lounge:DELEGATED", false, true},
		"moved to where all are taken":     {[]func(*env){books("x", "1500", "oak elm"), moved}, "lounge:DECLINED", false, false},
		"declined, and moved back":         {[]func(*env){books("x", "1500", "oak elm"), moved, edit("T150000Z", "T100000Z")}, "lounge:DELEGATED oak:ACCEPTED", true, false},
		"declined, and another title":      {[]func(*env){books("x", "1500", "oak elm"), moved, func(e *env) { e.must(204, "ann", "DELETE", homeOf("ann")+"calendar/x.ics", "") }, edit("SUMMARY:meeting", "SUMMARY:other")}, "lounge:DECLINED", false, false},
		"the pool is taken off":            {[]func(*env){without("lounge")}, "", false, false},
		"the room is taken off":            {[]func(*env){without("oak")}, "lounge:DELEGATED oak:ACCEPTED", true, false},
		"somebody else comes":              {[]func(*env){edit("SUMMARY:", "ATTENDEE:mailto:bob@example.com\r\nSUMMARY:")}, "bob: lounge:DELEGATED oak:ACCEPTED", true, false},
		"becomes a series":                 {[]func(*env){edit("SUMMARY:", "RRULE:FREQ=DAILY;COUNT=3\r\nSUMMARY:")}, "lounge:DELEGATED oak:ACCEPTED", true, false},
		"the organizer sees to it alone":   {[]func(*env){edit(":mailto:lounge@", ";SCHEDULE-AGENT=NONE:mailto:lounge@")}, "lounge:NEEDS-ACTION", false, false},
		"the room's people decline": {[]func(*env){func(e *env) {
			room := e.members("boss", homeOf("oak")+"calendar/")[0]
			text := strings.ReplaceAll(e.must(200, "boss", "GET", room, "").Body, "\r\n ", "")
			e.must(204, "boss", "PUT", room, strings.Replace(text, "PARTSTAT=ACCEPTED", "PARTSTAT=DECLINED", 1))
		}}, "lounge:DELEGATED oak:DECLINED", true, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := withPools(t, nil)
			e.put("meeting", inviting("meeting", "1000", "lounge"))
			for _, do := range tt.do {
				do(e)
			}
			if got := e.stats("meeting"); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
			if oak, elm := e.has("oak", "meeting"), e.has("elm", "meeting"); oak != tt.oak || elm != tt.elm {
				t.Errorf("oak has a copy: %t, elm: %t", oak, elm)
			}
			e.checkRooms()
		})
	}
}

// A pool goes with its meeting: cancelled it frees the room, copied it takes another.
func TestPoolIsFreedAndCopied(t *testing.T) {
	e := withPools(t, nil)
	e.put("meeting", inviting("meeting", "1000", "lounge"))
	e.must(201, "ann", "MKCALENDAR", homeOf("ann")+"work/", "")
	e.must(201, "ann", "MOVE", homeOf("ann")+"calendar/meeting.ics", "", "Destination: http://example.com"+homeOf("ann")+"work/meeting.ics")
	if !e.has("oak", "meeting") {
		t.Error("moved: the room has it no more")
	}
	text := e.must(200, "ann", "GET", homeOf("ann")+"work/meeting.ics", "").Body
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/again.ics", strings.Replace(text, "UID:meeting", "UID:again", 1))
	if got := e.stats("again"); got != "elm:ACCEPTED lounge:DELEGATED" {
		t.Errorf("a second one: %s", got)
	}
	e.must(204, "ann", "DELETE", homeOf("ann")+"work/meeting.ics", "")
	if e.has("oak", "meeting") {
		t.Error("deleted: the room still has it")
	}
	e.put("third", inviting("third", "1000", "lounge"))
	if got := e.stats("third"); got != "lounge:DELEGATED oak:ACCEPTED" {
		t.Errorf("after one was deleted: %s", got)
	}
	e.checkRooms()
}

// The organizer reads why a pool has no room.
func TestPoolTellsWhy(t *testing.T) {
	e := withPools(t, nil)
	e.put("first", inviting("first", "1000", "oak elm"))
	before := len(e.members("ann", homeOf("ann")+"inbox/"))
	e.put("second", inviting("second", "1030", "lounge"))
	items := e.members("ann", homeOf("ann")+"inbox/")
	if len(items) != before+1 {
		t.Fatalf("%d messages after %d", len(items), before)
	}
	told := false
	for _, item := range items {
		text := strings.ReplaceAll(e.must(200, "ann", "GET", item, "").Body, "\r\n ", "")
		told = told || strings.Contains(text, "UID:second") && strings.Contains(text, "COMMENT:Declined: no room of Lounge is free then.") && strings.Contains(text, "PARTSTAT=DECLINED")
	}
	if !told {
		t.Error("no message says it")
	}
}

// Many book a pool at once: no room of it has two meetings at a time, and as many get one
// as there are.
func TestPoolUnderLoad(t *testing.T) {
	e := withPools(t, nil)
	for _, who := range []string{"ann", "bob", "boss"} {
		e.must(200, who, "OPTIONS", homeOf(who), "")
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]int{}
	for i := range 60 {
		wg.Go(func() {
			who, hour := []string{"ann", "bob", "boss"}[i%3], 8+i/3%5
			uid := fmt.Sprintf("m%d", i)
			a := e.do(who, "PUT", homeOf(who)+"calendar/"+uid+".ics", event(uid, fmt.Sprintf("20260601T%02d0000Z", hour),
				"ORGANIZER:mailto:"+who+"@example.com", "ATTENDEE:mailto:"+who+"@example.com", "ATTENDEE:mailto:lounge@example.com"))
			mu.Lock()
			defer mu.Unlock()
			if a.Status != 201 {
				t.Errorf("%d %s", a.Status, a.Body)
			}
			got[fmt.Sprintf("%d %s", hour, a.Header.Get("Convene-Booking"))]++
		})
	}
	wg.Wait()
	for hour := range 5 {
		for _, room := range []string{"oak", "elm"} {
			if n := got[fmt.Sprintf(`%d room="locations/%s"; answer=accepted; pool="groups/lounge"`, 8+hour, room)]; n != 1 {
				t.Errorf("at %d %s has %d meetings", 8+hour, room, n)
			}
		}
		if n := got[fmt.Sprintf(`%d room="groups/lounge"; answer=declined; reason=conflict`, 8+hour)]; n != 10 {
			t.Errorf("at %d %d are declined", 8+hour, n)
		}
	}
	e.checkRooms()
}
