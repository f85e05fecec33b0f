package server_test

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
	"convene/testenv"
)

var uidLine = regexp.MustCompile(`(?m)^UID:(.*)\r$`)

// uids are those of all that is in a calendar, sorted.
func uids(t *testing.T, url, user string) (all []string) {
	t.Helper()
	a := do(t, client(), "GET", url, user, "")
	if a.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s\n%s", url, a.Status, a.Body)
	}
	for _, m := range uidLine.FindAllStringSubmatch(strings.ReplaceAll(a.Body, "\r\n ", ""), -1) {
		all = append(all, m[1])
	}
	slices.Sort(all)
	return all
}

// members is how many resources are in a collection.
func members(t *testing.T, url, user string) int {
	t.Helper()
	a := do(t, client(), "PROPFIND", url, user, "", "Depth: 1")
	if a.StatusCode != http.StatusMultiStatus {
		t.Fatalf("PROPFIND %s: %s\n%s", url, a.Status, a.Body)
	}
	return strings.Count(a.Body, ".ics</D:href>")
}

// meetingsAgree lets the server compare all copies of meetings, and rooms with their
// calendars.
func meetingsAgree(t *testing.T, c config.Config, when string) {
	t.Helper()
	conn := dialAdmin(t, c)
	if r, err := admin.VerifyMeetings(t.Context(), conn, admin.MeetingRequest{}); err != nil || len(r.Problems) > 0 {
		t.Errorf("%s: %v %v", when, r.Problems, err)
	}
	if r, err := admin.VerifyLedgers(t.Context(), conn, admin.MeetingRequest{}); err != nil || len(r.Problems) > 0 {
		t.Errorf("%s: %v %v", when, r.Problems, err)
	}
}

// meetingOf is a meeting of somebody with others, all of example.com.
func meetingOf(organizer, uid string, others ...string) string {
	var guests []string
	for _, o := range others {
		guests = append(guests, o+"@example.com")
	}
	return strings.ReplaceAll(invitation(uid, uid, guests...), "mailto:ann@", "mailto:"+organizer+"@")
}

// While the directory is away nobody is invited whom it has never been asked for: that is
// 503, and nobody has anything of it. Those who were known before go on: they answer, and
// are invited.
func TestInvitationsWhileDirectoryIsAway(t *testing.T) {
	slapd := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: companyLDIF("ann", "bob", "carol")})
	c := ldapConfig(t, slapd)
	c.Directory.Cache.TTL = 100 * time.Millisecond // what is known is old at once
	c.Directory.Cache.Timeout = time.Second
	s := serve(t, c)
	bobs := s.HTTP + "/calendars/users/bob/"
	put := func(user, url, text string) answer {
		return do(t, client(), "PUT", url, user, text, "Content-Type: text/calendar")
	}
	plan := s.HTTP + annHome + "calendar/plan.ics"
	members(t, bobs+"inbox/", "bob")
	if a := put("ann", plan, meetingOf("ann", "plan", "bob")); a.StatusCode != http.StatusCreated {
		t.Fatalf("before: %s\n%s", a.Status, a.Body)
	}
	slapd.Stop()
	time.Sleep(2 * c.Directory.Cache.TTL)

	more := s.HTTP + annHome + "calendar/more.ics"
	for _, refused := range []struct{ url, text string }{{more, meetingOf("ann", "more", "bob", "carol")}, {plan, meetingOf("ann", "plan", "bob", "carol")}} {
		if a := put("ann", refused.url, refused.text); a.StatusCode != http.StatusServiceUnavailable || a.Header.Get("Retry-After") == "" {
			t.Errorf("%s: %s, Retry-After %q\n%s", refused.url, a.Status, a.Header.Get("Retry-After"), a.Body)
		}
	}
	if a := do(t, client(), "GET", more, "ann", ""); a.StatusCode != http.StatusNotFound {
		t.Errorf("what was refused is there: %s", a.Status)
	}
	if got := uids(t, bobs+"calendar/", "bob"); !slices.Equal(got, []string{"plan"}) || members(t, bobs+"inbox/", "bob") != 1 {
		t.Errorf("bob has %v, and %d messages", got, members(t, bobs+"inbox/", "bob"))
	}
	if a := do(t, client(), "GET", plan, "ann", ""); strings.Contains(a.Body, "carol") {
		t.Errorf("half of a refused change:\n%s", a.Body)
	}

	href := regexp.MustCompile(`/calendars/[^<]*/calendar/[^<]*\.ics`).FindString(do(t, client(), "PROPFIND", bobs+"calendar/", "bob", "", "Depth: 1").Body)
	text := do(t, client(), "GET", s.HTTP+href, "bob", "").Body
	if a := put("bob", s.HTTP+href, strings.Replace(strings.ReplaceAll(text, "\r\n ", ""), "RSVP=TRUE", "PARTSTAT=ACCEPTED", 1)); a.StatusCode != http.StatusNoContent {
		t.Errorf("bob answers: %s\n%s", a.Status, a.Body)
	}
	if a := do(t, client(), "GET", plan, "ann", ""); !strings.Contains(attendee(a.Body, "bob@"), "PARTSTAT=ACCEPTED") {
		t.Errorf("bob's answer has not come:\n%s", a.Body)
	}
	if a := put("ann", more, meetingOf("ann", "more", "bob")); a.StatusCode != http.StatusCreated {
		t.Errorf("bob is invited: %s\n%s", a.Status, a.Body)
	}

	slapd.Start()
	eventually(t, "carol is invited", func() bool {
		return put("ann", plan, meetingOf("ann", "plan", "bob", "carol")).StatusCode == http.StatusNoContent
	})
	if got := uids(t, s.HTTP+"/calendars/users/carol/calendar/", "carol"); !slices.Equal(got, []string{"plan"}) {
		t.Errorf("carol has %v", got)
	}
	meetingsAgree(t, c, "afterwards")
}

// attendee is the line of the attendee with an address.
func attendee(data, address string) string {
	for l := range strings.Lines(strings.ReplaceAll(data, "\r\n ", "")) {
		if strings.HasPrefix(l, "ATTENDEE") && strings.Contains(l, address) {
			return l
		}
	}
	return ""
}

// Who sends invitations as fast as they can, on several connections, is held back;
// meanwhile others write, read, invite and answer as ever, and of what was refused nobody
// has anything.
func TestFlood(t *testing.T) {
	const perHour, connections, each = 20, 4, 60
	c := smallConfig(t)
	c.Directory.File.File = testenv.WriteFile(t, c.Server.Data+".ldif", strings.Replace(oakLDIF, "cn: Bob Example", "mail: bob@example.com\ncn: Bob Example", 1))
	c.Scheduling.PerHour = perHour
	s := serve(t, c)
	dans := s.HTTP + "/calendars/users/dan/"
	members(t, dans+"inbox/", "dan")
	var mu sync.Mutex
	sent := map[string]bool{}
	held := 0
	var flood, others sync.WaitGroup
	for n := range connections {
		flood.Go(func() {
			http := client()
			defer http.CloseIdleConnections()
			for i := range each {
				uid := fmt.Sprintf("flood-%d-%d", n, i)
				a, err := try(http, "PUT", s.HTTP+annHome+"calendar/"+uid+".ics", "ann", meetingOf("ann", uid, "dan"), "Content-Type: text/calendar")
				mu.Lock()
				switch {
				case err == nil && a.StatusCode == 201:
					sent[uid] = true
				case err == nil && a.StatusCode == 429 && a.Header.Get("Retry-After") != "":
					held++
				default:
					t.Errorf("%s: %v %+v", uid, err, a)
				}
				mu.Unlock()
			}
		})
	}
	invited := inviteBeside(t, s, &others)
	flood.Wait()
	others.Wait()
	if len(sent) < perHour || len(sent) >= perHour+connections || len(sent)+held != connections*each {
		t.Errorf("%d were sent and %d held back", len(sent), held)
	}
	for _, uid := range invited {
		sent[uid] = true
	}
	want := slices.Sorted(maps.Keys(sent))
	if got := uids(t, dans+"calendar/", "dan"); !slices.Equal(got, want) {
		t.Errorf("dan has %v, want %v", got, want)
	}
	if n := members(t, dans+"inbox/", "dan"); n != len(want) {
		t.Errorf("dan has %d messages about %d meetings", n, len(want))
	}
	own := slices.DeleteFunc(want, func(uid string) bool { return !strings.HasPrefix(uid, "flood") })
	if got := uids(t, s.HTTP+annHome+"calendar/", "ann"); !slices.Equal(got, own) {
		t.Errorf("ann has %v, want %v", got, own)
	}
	t.Logf("%d sent, %d held back", len(own), held)
	meetingsAgree(t, c, "afterwards")
}

// inviteBeside lets somebody else invite and read ten times, and returns to what.
func inviteBeside(t *testing.T, s *running, wg *sync.WaitGroup) (invited []string) {
	for i := range 10 {
		invited = append(invited, fmt.Sprintf("quiet-%d", i))
	}
	wg.Go(func() {
		http := client()
		defer http.CloseIdleConnections()
		home := s.HTTP + "/calendars/users/bob/calendar/"
		for _, uid := range invited {
			a, err := try(http, "PUT", home+uid+".ics", "bob", meetingOf("bob", uid, "dan"), "Content-Type: text/calendar")
			if err != nil || a.StatusCode != 201 {
				t.Errorf("bob invites: %v %+v", err, a)
			}
			if a, err := try(http, "GET", home+uid+".ics", "bob", ""); err != nil || a.StatusCode != 200 {
				t.Errorf("bob reads: %v %+v", err, a)
			}
		}
	})
	return invited
}
