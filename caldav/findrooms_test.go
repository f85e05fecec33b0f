package caldav_test

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"convene/caldav"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/rooms"
	"convene/store"
)

// building is a directory of people and rooms: in building A neptune and saturn (8 seats),
// io (4) on the first floor, and above on the second; hall (60) in B; van, a car.
func building(t testing.TB) directory.Directory {
	t.Helper()
	record := func(typ directory.Type, name string, change func(*directory.Principal)) directory.Record {
		p := directory.Principal{GUID: guid(name), Type: typ, Name: name, FullName: strings.ToUpper(name[:1]) + name[1:],
			Emails: []string{name + "@example.com"}, CalendarEnabled: true, LoginEnabled: typ == directory.User}
		change(&p)
		return directory.Record{Principal: p}
	}
	person := func(name string) directory.Record {
		return record(directory.User, name, func(p *directory.Principal) { p.Building, p.Floor = "a", "1" })
	}
	room := func(name, building, floor string, seats int, features ...string) directory.Record {
		return record(directory.Location, name, func(p *directory.Principal) {
			p.Building, p.Floor, p.Capacity, p.Features = building, floor, seats, features
		})
	}
	execs := record(directory.Group, "execs", func(*directory.Principal) {})
	execs.Members = []directory.Key{{By: directory.Name, Type: directory.User, Value: "ann"}}
	suite := room("suite", "A", "1", 6, "projector")
	suite.RoomSettings = map[string]string{"book": "group:execs"}
	shut := room("shut", "A", "1", 6, "projector")
	shut.RoomSettings = map[string]string{"bookable": "false"}
	d, err := directory.NewStatic([]directory.Record{
		person("ann"), person("bob"), person("boss"), execs, suite, shut,
		room("neptune", "A", "1", 8, "projector", "whiteboard"), room("saturn", "A", "1", 8, "Projector"), room("io", "A", "1", 4, "projector"),
		room("above", "A", "2", 8, "projector"), room("hall", "B", "0", 60, "projector"), record(directory.Resource, "van", func(*directory.Principal) {}),
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newBuilding(t testing.TB, settings map[string]string) *env {
	return newEnvOf(t, building(t), enginetest.Wrapper(t)).withRooms(settings)
}

// inRooms is a meeting of ann's at some hour of 1 June in rooms.
func inRooms(uid, clock string, rooms []string, more ...string) string {
	lines := []string{"ORGANIZER;CN=Ann:mailto:ann@example.com", "ATTENDEE:mailto:ann@example.com"}
	for _, r := range rooms {
		lines = append(lines, "ATTENDEE;CUTYPE=ROOM:mailto:"+r+"@example.com")
	}
	return event(uid, "20260601T"+clock+"00Z", append(lines, more...)...)
}

// find looks for rooms as a user.
func (e *env) find(user, query string) rooms.Finding {
	e.t.Helper()
	a := e.must(200, user, "GET", "/rooms?"+query, "")
	var f rooms.Finding
	if err := json.Unmarshal([]byte(a.Body), &f); err != nil {
		e.t.Fatalf("%s: %v", a.Body, err)
	}
	return f
}

// brief is what was found: the rooms, in order, each with what is to be said of it.
func brief(f rooms.Finding) string {
	var all []string
	for _, r := range f.Rooms {
		s := strings.TrimPrefix(r.Name, "locations/")
		if r.May != "book" {
			s += " " + r.May
		}
		if r.Free != nil && *r.Free < f.Dates {
			s += fmt.Sprintf(" %d/%d %s", *r.Free, f.Dates, r.Reason)
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func TestFindRooms(t *testing.T) {
	e := newBuilding(t, map[string]string{"max-duration": "240"})
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/one.ics", inRooms("one", "1000", []string{"neptune"}))
	const ten = "from=2026-06-01T10:00:00Z&to=2026-06-01T11:00:00Z"
	for _, tt := range []struct{ name, user, query, want string }{
		{"all", "ann", "", "io, suite, neptune, saturn, above, hall, shut no"},
		{"seats", "ann", "heads=8", "neptune, saturn, above, hall"},
		{"people", "ann", "for=bob,boss@example.com,mailto:bob@example.com", "io, suite, neptune, saturn, above, hall, shut no"},
		{"features", "ann", "features=Whiteboard,projector", "neptune"},
		{"floor", "ann", "building=a&floor=2", "above"},
		{"elsewhere", "ann", "building=B", "hall"},
		{"name", "ann", "name=nep", "neptune"},
		{"mail", "ann", "name=saturn@", "saturn"},
		{"cars", "ann", "type=resource", "resources/van"},
		{"none", "ann", "heads=61", ""},
		{"taken", "ann", ten + "&heads=8", "saturn, above, hall, neptune 0/1 conflict"},
		{"adjoining", "ann", "from=2026-06-01T11:00:00Z&duration=60&heads=8", "neptune, saturn, above, hall"},
		{"zone", "ann", "from=2026-06-01T12:00&to=2026-06-01T13:00&timezone=Europe/Berlin&heads=8", "saturn, above, hall, neptune 0/1 conflict"},
		{"too long", "ann", "from=2026-06-01T11:00:00Z&duration=PT5H&heads=60", "hall 0/1 max-duration"},
		{"series", "ann", ten + "&heads=8&rrule=FREQ=DAILY;COUNT=3", "saturn, above, hall, neptune 2/3 conflict"},
		{"not theirs is last", "bob", ten + "&heads=6&floor=1&building=A", "saturn, neptune 0/1 conflict, shut no, suite no"},
	} {
		if got := brief(e.find(tt.user, strings.ReplaceAll(tt.query, ";", "%3B"))); got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// The first time is one at which all have time, and the room is the best that is free then.
func TestFirstSlot(t *testing.T) {
	e := newBuilding(t, map[string]string{"hours": "Mon-Fri 08:00-18:00"})
	put := func(user, uid, start string, more ...string) {
		e.must(201, user, "PUT", homeOf(user)+"calendar/"+uid+".ics", event(uid, start, more...))
	}
	put("ann", "ann1", "20260601T080000Z")
	put("bob", "bob1", "20260601T090000Z")
	e.must(201, "boss", "PUT", homeOf("boss")+"calendar/r.ics", strings.NewReplacer("ann@", "boss@", "CN=Ann", "CN=Boss").Replace(inRooms("r", "1000", []string{"neptune", "saturn", "above"})))
	for _, tt := range []struct{ name, query, want string }{
		{"both have time, hall is all there is", "heads=8&for=bob&duration=60&from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", "2026-06-01T10:00:00Z 2026-06-01T11:00:00Z hall"},
		{"in this building", "heads=8&building=A&for=bob&duration=60&from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", "2026-06-01T11:00:00Z 2026-06-01T12:00:00Z neptune"},
		{"ann alone", "heads=8&building=A&duration=60&from=2026-06-01T00:00:00Z&to=2026-06-02T00:00:00Z", "2026-06-01T09:00:00Z 2026-06-01T10:00:00Z neptune"},
		{"from now on: a weekday, by day", "heads=8&duration=30", "2026-05-04T12:00:00Z 2026-05-04T12:30:00Z neptune"},
		{"none", "heads=8&for=bob&duration=120&from=2026-06-01T00:00:00Z&to=2026-06-01T09:30:00Z", ""},
	} {
		f := e.find("ann", tt.query)
		got := ""
		if f.Slot != nil {
			got = f.Slot.From + " " + f.Slot.To + " " + strings.TrimSuffix(strings.TrimPrefix(f.Slot.Room, "mailto:"), "@example.com")
		}
		if got != tt.want {
			t.Errorf("%s: %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

// What is wrong with a search is said of its parameter.
func TestWrongRoomSearch(t *testing.T) {
	e := newBuilding(t, nil)
	const from = "from=2026-06-01T10:00:00Z"
	for query, field := range map[string]string{
		"colour=blue": "colour", "heads=0": "heads", "heads=1&heads=2": "heads", "heads=x": "heads", "limit=501": "limit", "type=barn": "type",
		"from=soon": "from", from: "to", "to=2026-06-01T10:00:00Z": "from", from + "&to=2026-06-01T10:00:00Z": "to",
		from + "&to=2026-06-01T09:00:00Z": "to", from + "&duration=-5": "duration", from + "&duration=P40D": "duration",
		"rrule=FREQ=DAILY": "rrule", from + "&duration=60&rrule=FREQ=DAILY": "rrule", from + "&duration=60&rrule=FREQ=NEVER": "rrule",
		"duration=60&rrule=FREQ=DAILY": "rrule", from + "&duration=60&timezone=Mars/Crater": "timezone", "for=nobody": "for",
		from + "&to=2026-06-01T10:30:00Z&duration=60": "to", from + "&to=2026-09-01T10:30:00Z&duration=60": "to",
		from + "&duration=153722867280912931": "duration", from + "&duration=P99999999D": "duration",
		from + "&duration=60&rrule=FREQ=SECONDLY%3BCOUNT=1000000000": "rrule",
		"for=ann&for=bob": "for", "for=" + manyWords(): "for", "from=9999-12-31T23:59:59Z&to=0000-01-01T00:00:00Z": "to",
		"features=" + strings.Repeat("x", 5000): "features", "features=" + url.QueryEscape(strings.Repeat("a,b,c,d,", 20)+manyWords()): "features",
	} {
		a := e.do("ann", "GET", "/rooms?"+query, "")
		var wrong rooms.FieldError
		if err := json.Unmarshal([]byte(a.Body), &wrong); a.Status != 400 || err != nil || wrong.Field != field || wrong.Reason == "" {
			t.Errorf("%.60s: %d %s, want one about %s", query, a.Status, a.Body, field)
		}
	}
	for _, method := range []string{"PUT", "POST", "DELETE", "PROPFIND"} {
		if a := e.do("ann", method, "/rooms", ""); a.Status != 405 {
			t.Errorf("%s: %d", method, a.Status)
		}
	}
}

func manyWords() string {
	var all []string
	for i := range 60 {
		all = append(all, fmt.Sprint("w", i))
	}
	return strings.Join(all, ",")
}

// A room that declines names what is free in its place, and nothing of what others do.
func TestFreeInItsPlace(t *testing.T) {
	e := newBuilding(t, nil)
	e.must(201, "boss", "PUT", homeOf("boss")+"calendar/p.ics", strings.NewReplacer("ann@", "boss@", "CN=Ann", "CN=Boss").Replace(
		inRooms("p", "1000", []string{"neptune"}, "CLASS:PRIVATE", "SUMMARY:Secret")))
	six := []string{"ATTENDEE:mailto:1@elsewhere.example", "ATTENDEE:mailto:2@elsewhere.example", "ATTENDEE:mailto:3@elsewhere.example",
		"ATTENDEE:mailto:4@elsewhere.example", "ATTENDEE:mailto:5@elsewhere.example"}
	features := e.withRooms(map[string]string{"others-see": "details"})
	a := features.put("two", inRooms("two", "1030", []string{"neptune", "suite"}, six...))
	if a.Status != 201 {
		t.Fatalf("%d %s", a.Status, a.Body)
	}
	got := a.Header["Convene-Booking"]
	slices.Sort(got)
	// neptune has a whiteboard, and no other room has
	if want := `room="locations/neptune"; answer=declined; reason=conflict; next="2026-06-01T11:00Z"`; got[0] != want {
		t.Errorf("%s", got[0])
	}
	a = features.put("three", inRooms("three", "1030", []string{"suite"}, six...))
	if want := `room="locations/suite"; answer=declined; reason=conflict; next="2026-06-01T11:30Z"; free="saturn,above"`; a.Header.Get("Convene-Booking") != want {
		t.Errorf("%s\nwant %s", a.Header.Get("Convene-Booking"), want)
	}
	text := e.inboxText("ann")
	for _, want := range []string{
		"Declined: Neptune is taken Mon 1 Jun 2026 10:00–11:00.",
		"Declined: Suite is taken Mon 1 Jun 2026 10:30–11:30 by Ann.",
		`Free then: Saturn (8 seats\, floor 1)\, Above (8 seats\, floor 2).`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "Secret") || strings.Contains(text, "Boss") {
		t.Errorf("tells of a private booking: %s", text)
	}
	e.withRooms(map[string]string{"alternatives": "0"})
	a = e.put("four", inRooms("four", "1030", []string{"suite"}, six...))
	if strings.Contains(a.Header.Get("Convene-Booking"), "free=") {
		t.Errorf("%s", a.Header.Get("Convene-Booking"))
	}
}

// inboxText is all that is in somebody's inbox, unfolded.
func (e *env) inboxText(user string) string {
	e.t.Helper()
	body := `<C:calendar-query xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`
	a := e.must(207, user, "REPORT", homeOf(user)+"inbox/", body, "Depth: 1")
	return strings.NewReplacer("\r\n ", "", "&#13;\n ", "", "\n ", "").Replace(a.Body)
}

// The availability of a room stands for its hours.
func TestRoomAvailability(t *testing.T) {
	e := newBuilding(t, map[string]string{"hours": "Mon-Fri 08:00-18:00", "hours-only": "true"})
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/one.ics", inRooms("one", "1000", []string{"neptune"})) // makes its home
	closed := strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VAVAILABILITY", "UID:v", "DTSTAMP:20260101T000000Z",
		"BEGIN:AVAILABLE", "UID:a", "DTSTAMP:20260101T000000Z", "DTSTART:20260601T190000Z", "DTEND:20260601T230000Z", "END:AVAILABLE",
		"END:VAVAILABILITY", "END:VCALENDAR", ""}, "\r\n")
	body := `<D:propertyupdate xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:set><D:prop><C:calendar-availability>` +
		closed + `</C:calendar-availability></D:prop></D:set></D:propertyupdate>`
	if a := e.must(207, "boss", "PROPPATCH", homeOf("neptune")+"inbox/", body); !strings.Contains(a.Body, "200 OK") {
		t.Fatal(a.Body)
	}
	for clock, want := range map[string]string{"1200": "reason=hours", "2000": "answer=accepted"} {
		a := e.put("at"+clock, inRooms("at"+clock, clock, []string{"neptune"}))
		if got := a.Header.Get("Convene-Booking"); !strings.Contains(got, want) {
			t.Errorf("%s: %d %s", clock, a.Status, got)
		}
	}
	f := e.find("ann", "name=neptune&from=2026-06-01T13:00:00Z&duration=60")
	if got := brief(f); got != "neptune 0/1 hours" {
		t.Errorf("found: %s", got)
	}
}

// Clients of Nextcloud search rooms by their properties, and read these.
func TestSearchRoomsByProperty(t *testing.T) {
	e := newBuilding(t, nil)
	search := func(test string, pairs ...string) string {
		var b strings.Builder
		b.WriteString(`<D:principal-property-search xmlns:D="DAV:" xmlns:N="http://nextcloud.com/ns" xmlns:C="urn:ietf:params:xml:ns:caldav" test="` + test + `">`)
		for i := 0; i < len(pairs); i += 2 {
			b.WriteString("<D:property-search><D:prop><" + pairs[i] + "/></D:prop><D:match>" + pairs[i+1] + "</D:match></D:property-search>")
		}
		b.WriteString(`<D:prop><D:displayname/><N:room-seating-capacity/><N:room-features/></D:prop><D:apply-to-principal-collection-set/></D:principal-property-search>`)
		a := e.must(207, "ann", "REPORT", "/principals/", b.String())
		var names []string
		for _, name := range []string{"Above", "Hall", "Io", "Neptune", "Saturn", "Suite", "Van", "Ann"} {
			if strings.Contains(a.Body, ">"+name+"<") {
				names = append(names, name)
			}
		}
		return strings.Join(names, " ")
	}
	for _, tt := range []struct{ got, want string }{
		{search("allof", "N:room-seating-capacity", "8"), "Above Hall Neptune Saturn"},
		{search("allof", "N:room-seating-capacity", "8", "N:room-building-name", "a", "N:room-features", "whiteboard, projector"), "Neptune"},
		{search("allof", "N:room-building-story", "2"), "Above"},
		{search("allof", "C:calendar-user-type", "ROOM", "N:room-building-name", "B"), "Hall"},
		{search("anyof", "N:room-building-story", "2", "D:displayname", "hal"), "Above Hall"},
		{search("allof", "N:room-seating-capacity", "many"), ""},
	} {
		if tt.got != tt.want {
			t.Errorf("%s, want %s", tt.got, tt.want)
		}
	}
	body := `<D:propfind xmlns:D="DAV:" xmlns:N="http://nextcloud.com/ns" xmlns:S="http://calendarserver.org/ns/" xmlns:V="urn:convene"><D:prop>
<N:room-seating-capacity/><N:room-features/><N:room-building-name/><N:room-building-story/><S:auto-schedule/><S:auto-schedule-mode/><V:slots/><V:check-in/><V:policy/></D:prop></D:propfind>`
	a := e.must(207, "bob", "PROPFIND", "/principals/locations/suite/", body, "Depth: 0")
	for _, want := range []string{">6<", ">projector<", ">A<", ">1<", ">true<", ">automatic<", ">off<", `"can-book":"no"`, `"window":-1`} {
		if !strings.Contains(strings.ReplaceAll(a.Body, "&quot;", `"`), want) {
			t.Errorf("no %s in %s", want, a.Body)
		}
	}
	if a := e.must(207, "ann", "PROPFIND", "/principals/users/ann/", body, "Depth: 0"); strings.Contains(a.Body, "200 OK") {
		t.Errorf("a person has them: %s", a.Body)
	}
}

// Where rooms are listed to those alone who may book them, nobody finds others.
func TestListedRooms(t *testing.T) {
	e := newBuilding(t, nil)
	e.index = rooms.NewIndex(e.dir, &rooms.Config{List: rooms.ListBookable}, nil)
	e.handle(caldav.DefaultLimits())
	if got := brief(e.find("bob", "building=A&floor=1&heads=6")); got != "neptune, saturn" {
		t.Errorf("found: %s", got)
	}
	body := `<S:calendarserver-principal-search xmlns:D="DAV:" xmlns:S="http://calendarserver.org/ns/" context="location"><S:search-token>su</S:search-token><D:prop><D:displayname/></D:prop></S:calendarserver-principal-search>`
	for user, want := range map[string]bool{"ann": true, "bob": false} {
		if a := e.must(207, user, "REPORT", "/principals/", body); strings.Contains(a.Body, ">Suite<") != want {
			t.Errorf("%s: %s", user, a.Body)
		}
	}
}

// A directory that is away is no fact about rooms.
func TestFindRoomsDirectoryAway(t *testing.T) {
	e := newEnvOf(t, searchless{building(t)}, enginetest.Wrapper(t)).withRooms(nil)
	if a := e.do("ann", "GET", "/rooms", ""); a.Status != 503 || a.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v", a.Status, a.Header)
	}
	// Rooms that are known answer: nothing is named in their place.
	if a := e.put("one", inRooms("one", "1000", []string{"neptune"})); !strings.Contains(a.Header.Get("Convene-Booking"), "answer=accepted") {
		t.Errorf("%d %s", a.Status, a.Body)
	}
}

// searchless knows those that are looked up, and answers no searches.
type searchless struct{ directory.Directory }

func (searchless) Search(context.Context, directory.Query) ([]*directory.Principal, error) {
	return nil, directory.ErrUnavailable
}

// A room whose ledger is damaged is not said to be free, and spoils no search.
func TestFindRoomsDamaged(t *testing.T) {
	e := newBuilding(t, nil)
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/one.ics", inRooms("one", "1000", []string{"saturn"}))
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/two.ics", inRooms("two", "1200", []string{"suite"}))
	var key, value []byte
	change := func(fn func(rooms.KV, uint32) error) {
		t.Helper()
		err := e.store.Update(context.Background(), func(tx *store.Tx) error {
			home, err := tx.Home(guid("saturn"))
			if err != nil {
				return err
			}
			return fn(tx.Ledger(), uint32(home.ID))
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	change(func(kv rooms.KV, room uint32) error {
		from := binary.BigEndian.AppendUint32(nil, room)
		for k, v := range kv.Range(slices.Concat(from, []byte("b")), slices.Concat(from, []byte("c"))) {
			key, value = slices.Clone(k), slices.Clone(v)
		}
		return kv.Put(key, []byte("spoilt"))
	})
	if got := brief(e.find("ann", "building=A&heads=8&from=2026-06-01T12:00:00Z&duration=60")); got != "neptune, above, saturn 0/1 unknown" {
		t.Errorf("found: %s", got)
	}
	// It is not named in the place of another either.
	six := strings.Repeat("ATTENDEE:mailto:%d@elsewhere.example\r\n", 5)
	a := e.put("three", inRooms("three", "1230", []string{"suite"}, strings.TrimSuffix(fmt.Sprintf(six, 1, 2, 3, 4, 5), "\r\n")))
	if got := a.Header.Get("Convene-Booking"); !strings.HasSuffix(got, `free="neptune,above"`) {
		t.Errorf("%d %s", a.Status, got)
	}
	change(func(kv rooms.KV, _ uint32) error { return kv.Put(key, value) })
}

// A search makes the ledgers that a reindex took away, and says the same.
func TestFindRoomsAfterReindex(t *testing.T) {
	e := newBuilding(t, nil)
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/one.ics", inRooms("one", "1000", []string{"neptune"}))
	made := func() (by string) {
		t.Helper()
		err := e.store.View(context.Background(), func(tx *store.Tx) error {
			home, err := tx.Home(guid("neptune"))
			if err == nil {
				by, err = rooms.Of(tx.Ledger(), uint32(home.ID)).Made()
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		return by
	}
	if _, err := e.store.Reindex(context.Background()); err != nil || made() != "" {
		t.Fatalf("%q, %v", made(), err)
	}
	if got := brief(e.find("ann", "name=nep&from=2026-06-01T10:00:00Z&duration=60")); got != "neptune 0/1 conflict" || made() == "" {
		t.Errorf("%s; made %q", got, made())
	}
}

// Who may not ask when a room is busy does not learn it from a search either; who may not
// know who has it, not from an explanation.
func TestFindRoomsTellsNoMore(t *testing.T) {
	e := newBuilding(t, map[string]string{"name-holder": "never"})
	e.must(201, "ann", "PUT", homeOf("ann")+"calendar/one.ics", inRooms("one", "1000", []string{"neptune"}))
	const ten = "name=neptune&from=2026-06-01T10:00:00Z&duration=60"
	if got := brief(e.find("bob", ten)); got != "neptune 0/1 conflict" {
		t.Errorf("bob may know: %s", got)
	}
	neptune, err := e.dir.Lookup(t.Context(), directory.Key{By: directory.GUID, Value: guid("neptune")})
	if err != nil {
		t.Fatal(err)
	}
	x, err := e.h.ExplainRoom(t.Context(), e.caller("bob"), neptune, url.Values{"from": {"2026-06-01T10:00:00Z"}, "duration": {"60"}})
	if err != nil || len(x.Dates) != 1 || x.Dates[0].Taker == nil || x.Dates[0].Taker.Holder != "" {
		t.Errorf("%+v %v", x, err)
	}
	deny := `<D:acl xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:ace><D:principal><D:href>` + "/principals/__uids__/" + guid("bob") + `/</D:href></D:principal>` +
		`<D:deny><D:privilege><C:schedule-deliver/></D:privilege></D:deny></D:ace></D:acl>`
	e.must(200, "boss", "ACL", homeOf("neptune")+"inbox/", deny)
	if got := brief(e.find("bob", ten)); got != "neptune 0/1 unknown" {
		t.Errorf("bob may not: %s", got)
	}
	if f := e.find("bob", "name=neptune&duration=60&from=2026-06-01T10:00:00Z&to=2026-06-01T12:00:00Z"); f.Slot != nil {
		t.Errorf("the first time: %+v", f.Slot)
	}
	if got := brief(e.find("ann", ten)); got != "neptune 0/1 conflict" {
		t.Errorf("ann: %s", got)
	}
}
