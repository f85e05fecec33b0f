package server_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"convene/testenv"
)

// An inviter invites dan and a room, and knows which invitations were acknowledged.
type inviter struct {
	*program
	random *rand.Rand
	sent   []string // UIDs
}

// invite is one invitation, in an hour of its own, of some 20 kB.
func (i *inviter) invite(t *testing.T) int {
	t.Helper()
	text := make([]byte, 20_000)
	for n := range text {
		text[n] = 'a' + byte(i.random.IntN(26))
	}
	uid := fmt.Sprintf("m%04d", len(i.sent)) // that of a refused one is the next one's
	body := strings.Replace(meetingOf("ann", uid, "dan", "oak"), "SUMMARY:"+uid, "SUMMARY:"+string(text), 1)
	hour := fmt.Sprintf("DTSTART:2028%02d%02dT%02d0000Z", 1+len(i.sent)/(24*28), 1+len(i.sent)/24%28, len(i.sent)%24)
	body = strings.Replace(body, "DTSTART;TZID=Europe/Berlin:20300506T120000", hour, 1)
	a := do(t, client(), "PUT", i.url+annHome+"calendar/"+uid+".ics", "ann", body, "Content-Type: text/calendar")
	if a.StatusCode == http.StatusCreated {
		if !strings.Contains(a.Header.Get("Convene-Booking"), "answer=accepted") {
			t.Errorf("%s: the room: %s", uid, a.Header.Get("Convene-Booking"))
		}
		i.sent = append(i.sent, uid)
	}
	return a.StatusCode
}

// check looks whether all have what was acknowledged, and nothing else.
func (i *inviter) check(t *testing.T, when string) {
	t.Helper()
	for url, user := range map[string]string{annHome + "calendar/": "ann", "/calendars/users/dan/calendar/": "dan", "/calendars/locations/oak/calendar/": "bob"} {
		if got := uids(t, i.url+url, user); !slices.Equal(got, i.sent) {
			t.Errorf("%s: %s has %v, want %v", when, url, got, i.sent)
		}
	}
	if n := members(t, i.url+"/calendars/users/dan/inbox/", "dan"); n != len(i.sent) {
		t.Errorf("%s: dan has %d messages about %d meetings", when, n, len(i.sent))
	}
	meetingsAgree(t, i.config, when)
}

// When the disk fills up in the middle of an invitation it is refused with 507, and none
// of those who were invited has it, nor does the room: not now, and not after a kill. As
// soon as there is space, invitations go out again.
func TestInvitationsOnFullDisk(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), oakLDIF)
	c.Directory.File.Locations.Filter = "(objectClass=room)"
	c.Access.Administrators = []string{"user:bob"}
	c.Log.Access, c.Log.Audit = "off", "off" // what cannot be noted there is refused first
	c.Storage.Reserve, c.Quota.Bytes, c.Scheduling.PerHour = 0, 0, 0
	c.Server.HTTPS = nil
	smallDisk(t, c.Server.Data, 48)
	i := &inviter{program: buildProgram(t, c), random: rand.New(rand.NewPCG(1, 1))}
	i.start(t)
	for range 3 {
		if got := i.invite(t); got != http.StatusCreated {
			t.Fatalf("with space: %d", got)
		}
	}
	for _, left := range []int64{0, 300 << 10, 3 << 20} {
		fill(t, c.Server.Data, left)
		when := fmt.Sprintf("full with %d bytes left at first", left)
		status := http.StatusCreated
		for n := 0; status == http.StatusCreated && n < 1000; n++ {
			status = i.invite(t)
		}
		if status != http.StatusInsufficientStorage {
			t.Fatalf("%s: %d", when, status)
		}
		i.check(t, when)
		if err := i.end(t, syscall.SIGKILL); err == nil {
			t.Error("killed, and no error")
		}
		i.start(t)
		i.check(t, when+", killed")
		if err := os.Remove(filepath.Join(c.Server.Data, "ballast")); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			if got := i.invite(t); got != http.StatusCreated {
				t.Fatalf("%s, with space again: %d", when, got)
			}
		}
		i.check(t, when+", with space again")
	}
	t.Logf("%d invitations", len(i.sent))
	if err := i.end(t, syscall.SIGTERM); err != nil {
		t.Errorf("after SIGTERM: %v", err)
	}
	verified(t, c)
}
