package caldav_test

import (
	"slices"
	"strings"
	"testing"
)

// What somebody without a right on a room's calendar reads there: when it is taken, and as
// much else as the room shows.
func TestOthersSeeRooms(t *testing.T) {
	const oak, mine = "/calendars/locations/oak/calendar/", "/calendars/users/ann/calendar/"
	times := []string{"", ""}
	organizer := []string{"Booked: Ann Archer", "Private"}
	for _, tt := range []struct {
		see, private string
		want         []string // titles, of a meeting for all and of a private one
	}{
		{"", "", organizer},
		{"busy", "", times},
		{"busy", "show", times},
		{"organizer", "hide", organizer},
		{"organizer", "show", []string{"Booked: Ann Archer", "Booked: Ann Archer"}},
		{"details", "hide", []string{"plan", "Private"}},
		{"details", "show", []string{"plan", "secret"}},
	} {
		t.Run(tt.see+" "+tt.private, func(t *testing.T) {
			settings := map[string]string{}
			if tt.see != "" {
				settings["others-see"], settings["private-bookings"] = tt.see, tt.private
				if tt.private == "" {
					delete(settings, "private-bookings")
				}
			}
			e := newEnv(t).withRooms(settings)
			room := func(uid, start string, more ...string) {
				e.must(201, "ann", "PUT", mine+uid+".ics", event(uid, start, append([]string{"ORGANIZER:mailto:ann@example.com",
					"ATTENDEE:mailto:ann@example.com", "ATTENDEE:mailto:oak@example.com", "DESCRIPTION:words", "LOCATION:words"}, more...)...))
			}
			room("plan", "20260601T080000Z", "RRULE:FREQ=DAILY;COUNT=2")
			room("secret", "20260605T080000Z", "CLASS:PRIVATE")
			e.must(201, "boss", "PUT", oak+"repair.ics", event("repair", "20260607T080000Z", "DESCRIPTION:words"))
			paths := map[string]string{}
			for _, path := range e.members("boss", oak) {
				body := e.must(200, "boss", "GET", path, "").Body
				paths[strings.TrimSpace(strings.TrimPrefix(line(body, "UID:", ""), "UID:"))] = path
			}
			whole := tt.want[0] == "plan"
			block := ""
			if whole {
				block = "repair"
			}
			for uid, want := range map[string]string{"plan": tt.want[0], "secret": tt.want[1], "repair": block} {
				got, asBoss := e.must(200, "bob", "GET", paths[uid], ""), e.must(200, "boss", "GET", paths[uid], "")
				if got.Header.Get("ETag") != asBoss.Header.Get("ETag") {
					t.Errorf("%s has another ETag", uid)
				}
				bobSees(t, uid, got.Body, want)
				e.must(403, "bob", "PUT", paths[uid], got.Body)
				e.must(403, "bob", "DELETE", paths[uid], "")
				for _, who := range []string{"boss", "auditor"} {
					if uid != "secret" || who == "boss" {
						bobSees(t, uid+" to "+who, e.must(200, who, "GET", paths[uid], "").Body, uid)
					}
				}
			}
			hrefs := ""
			for _, path := range paths {
				hrefs += "<D:href>" + path + "</D:href>"
			}
			const data = "<C:calendar-data/>"
			const expand = `<C:calendar-data><C:expand start="20260601T000000Z" end="20260701T000000Z"/></C:calendar-data>`
			const all = `<C:comp-filter name="VEVENT"/>`
			multiget := func(data string) string {
				return `<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/>` + data + `</D:prop>` + hrefs + `</C:calendar-multiget>`
			}
			sync := `<D:sync-collection xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:sync-token/><D:sync-level>1</D:sync-level><D:prop><D:getetag/>` + data + `</D:prop></D:sync-collection>`
			for name, body := range map[string]string{
				"multiget": multiget(data), "multiget, expanded": multiget(expand), "query": calendarQuery(all, data), "query, expanded": calendarQuery(all, expand), "sync": sync,
			} {
				got := unfolded(strings.ReplaceAll(e.must(207, "bob", "REPORT", oak, body, "Depth: 1").Body, "&#13;\n", "\r\n"))
				wantOf(t, name, got, append(slices.Clone(tt.want), block))
			}
			wantOf(t, "the whole calendar", unfolded(e.must(200, "bob", "GET", oak, "").Body), append(slices.Clone(tt.want), block))
			match := func(prop, text string) int {
				filter := `<C:comp-filter name="VEVENT"><C:prop-filter name="` + prop + `"><C:text-match>` + text + `</C:text-match></C:prop-filter></C:comp-filter>`
				return strings.Count(e.must(207, "bob", "REPORT", oak, calendarQuery(filter), "Depth: 1").Body, "<D:response>")
			}
			found := map[bool]int{}
			found[whole] = match("DESCRIPTION", "words")
			if !whole && found[false] != 0 {
				t.Errorf("a query finds %d by what is hidden", found[false])
			}
			if whole && found[true] == 0 {
				t.Error("a query finds nothing by what is shown")
			}
			if strings.HasPrefix(tt.want[0], "Booked") && match("SUMMARY", "Booked: Ann") == 0 {
				t.Error("a query does not find what is shown")
			}
			busy := busyRequest([]string{"mailto:oak@example.com"}, "X-CALENDARSERVER-EXTENDED-FREEBUSY:T")
			busy = strings.NewReplacer("20260504T000000Z", "20260601T000000Z", "20260505T000000Z", "20260602T000000Z").Replace(busy)
			busy = strings.NewReplacer("mailto:ann@example.com", "mailto:bob@example.com").Replace(busy)
			answer := e.must(200, "bob", "POST", "/calendars/users/bob/outbox/", busy, "Content-Type: text/calendar").Body
			if strings.Contains(answer, "SUMMARY:plan") != whole || strings.Contains(answer, "ORGANIZER;CN=Ann Archer") == (tt.see == "busy") || !strings.Contains(answer, "20260601T080000Z") {
				t.Errorf("busy times: %s", answer)
			}
			e.setACL("boss", oak, "grant read bob")
			bobSees(t, "with a right on it", e.must(200, "bob", "GET", paths["plan"], "").Body, "plan")
			e.setACL("boss", oak)
			e.setACL("boss", paths["plan"], "grant read bob")
			bobSees(t, "with a right on one", e.must(200, "bob", "GET", paths["plan"], "").Body, "plan")
			bobSees(t, "of another", e.must(200, "bob", "GET", paths["secret"], "").Body, tt.want[1])
			e.setACL("boss", oak, "deny read bob")
			e.must(403, "bob", "GET", paths["secret"], "")
		})
	}
}

// bobSees checks an event by its title; "": it has none. Under its own title all of it is
// seen, under another when it is.
func bobSees(t *testing.T, name, body, title string) {
	t.Helper()
	want := ""
	if title != "" {
		want = "SUMMARY:" + title
	}
	if got := line(body, "SUMMARY", ""); got != want {
		t.Errorf("%s: title %q, want %q: %s", name, got, want, body)
	}
	own := slices.Contains([]string{"plan", "secret", "repair"}, title)
	if strings.Contains(body, "words") != own || line(body, "DTSTART", "") == "" {
		t.Errorf("%s: %s", name, body)
	}
}

// wantOf checks the titles in a response.
func wantOf(t *testing.T, name, body string, titles []string) {
	t.Helper()
	for _, title := range []string{"plan", "secret", "repair", "Private", "Booked: Ann Archer"} {
		if strings.Contains(body, "SUMMARY:"+title) != slices.Contains(titles, title) {
			t.Errorf("%s: of %q, %q: %s", name, titles, title, body)
		}
	}
	if !slices.Contains(titles, "plan") && strings.Contains(body, "words") || !strings.Contains(body, "20260605T080000Z") {
		t.Errorf("%s: %s", name, body)
	}
}
