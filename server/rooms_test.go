package server_test

import (
	"errors"
	"io"
	"mime/quotedprintable"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/config"
	"convene/rooms/policy"
	"convene/testenv"
)

// oakLDIF is smallLDIF with a room that ann has to ask dan for.
const oakLDIF = smallLDIF + `
dn: uid=dan,dc=example,dc=com
objectClass: inetOrgPerson
uid: dan
cn: Dan Example
sn: Example
mail: dan@example.com
userPassword: secret
entryUUID: 11111111-0000-0000-0000-000000000004

dn: cn=oak,dc=example,dc=com
objectClass: room
cn: oak
displayName: Oak Room
mail: oak@example.com
entryUUID: 22222222-0000-0000-0000-000000000001
`

func roomConfig(t *testing.T, m *testenv.SMTP) config.Config {
	t.Helper()
	c := mailConfig(t, m)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), oakLDIF)
	c.Directory.File.Locations.Filter = "(objectClass=room)"
	c.Rooms.Defaults = map[string]string{"book": "user:bob", "request": "user:ann", "approvers": "user:dan", "timezone": "Europe/Berlin", "horizon": "3660"}
	return c
}

// answerOf is what a room has answered in an event of ann's.
func answerOf(t *testing.T, s *running, uid string) string {
	t.Helper()
	a := do(t, client(), "GET", s.HTTP+annHome+"calendar/"+uid+".ics", "ann", "")
	for line := range strings.Lines(strings.ReplaceAll(a.Body, "\r\n ", "")) {
		if strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, "oak@") {
			_, rest, _ := strings.Cut(line, "PARTSTAT=")
			return rest[:strings.IndexAny(rest, ";:")]
		}
	}
	t.Fatalf("%d %s", a.StatusCode, a.Body)
	return ""
}

// A booking that waits: approvers get mail, one of them answers by a command, and what
// nobody answers while the server is down is settled when it is up again.
func TestApprovalOfBookings(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	s := serve(t, c)
	book := func(uid, summary string) {
		t.Helper()
		text := strings.Replace(invitation(uid, summary, "oak@example.com"), "20300506T1", "20300506T"+map[string]string{"one": "1", "two": "0"}[uid], 1)
		if a := do(t, client(), "PUT", s.HTTP+annHome+"calendar/"+uid+".ics", "ann", text); a.StatusCode != 201 {
			t.Fatalf("%d %s", a.StatusCode, a.Body)
		}
	}
	book("one", "Budget")
	conn := dialAdmin(t, c)
	list, err := admin.PendingRooms(t.Context(), conn, "oak")
	if err != nil || len(list) != 1 || list[0].Room != "Oak Room" || list[0].Booker != "Ann Example" || list[0].State != "open" {
		t.Fatalf("%+v %v", list, err)
	}
	text := mails(t, m, 1)[0]
	body, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(text.Text)))
	if err != nil && !strings.Contains(text.Text, "Approval needed") {
		t.Fatal(err)
	}
	for _, want := range []string{"Subject: Approval needed: Budget, Monday, May 6, 2030", "Room: Oak Room", "(Europe/Berlin)", "convene room approve " + list[0].ID} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the mail does not say %q:\n%s", want, body)
		}
	}
	if strings.Contains(text.Text, "text/calendar") {
		t.Error("the approver is sent an invitation")
	}
	answer := func(who string) (admin.RoomWaiting, error) {
		return admin.AnswerRoom(t.Context(), conn, admin.RoomVerdict{ID: list[0].ID, Approve: true, As: who, By: "test"})
	}
	if _, err := answer("bob"); !errors.Is(err, admin.ErrNotApprover) {
		t.Errorf("bob: %v", err)
	}
	if done, err := answer("dan"); err != nil || done.State != "approved" || done.By != "Dan Example" || answerOf(t, s, "one") != "ACCEPTED" {
		t.Errorf("dan: %+v %v", done, err)
	}
	if _, err := answer("dan"); !errors.Is(err, admin.ErrAnswered) || !strings.Contains(err.Error(), "by Dan Example") {
		t.Errorf("again: %v", err)
	}

	book("two", "Plan")
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	s = serveAt(t, c, func() time.Time { return time.Now().Add(73 * time.Hour) })
	eventually(t, "the request expires", func() bool { return answerOf(t, s, "two") == "DECLINED" })
	if list, err := admin.PendingRooms(t.Context(), dialAdmin(t, c), ""); err != nil || len(list) != 0 {
		t.Errorf("%+v %v", list, err)
	}
}

// Settings that what is booked stands against are refused, unless that is to stay; then the
// check names it.
func TestFewerSlots(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	c.Rooms.Defaults = map[string]string{"slots": "3", "horizon": "3660"}
	s := serve(t, c)
	for _, uid := range []string{"one", "two", "three"} {
		if a := do(t, client(), "PUT", s.HTTP+annHome+"calendar/"+uid+".ics", "ann", invitation(uid, uid, "oak@example.com")); a.StatusCode != 201 || answerOf(t, s, uid) != "ACCEPTED" {
			t.Fatalf("%d %s", a.StatusCode, a.Body)
		}
	}
	conn := dialAdmin(t, c)
	set := func(r admin.RoomRequest) error {
		r.Who, r.By = "oak", "test"
		_, err := admin.SetRoom(t.Context(), conn, r)
		return err
	}
	fewer := map[string]string{"slots": "2"}
	if err := set(admin.RoomRequest{Set: fewer}); !errors.Is(err, admin.ErrOverbooked) || !strings.Contains(err.Error(), "oak: 1 bookings, the first on 2030-05-06T1") {
		t.Errorf("fewer: %v", err)
	}
	if done, err := admin.ImportRooms(t.Context(), conn, admin.RoomImport{Lines: []policy.Imported{{Identity: "corp/oak", Values: fewer}}, By: "test"}); err != nil || len(done[0].Notes) != 1 || len(done[0].Values) != 0 {
		t.Errorf("imported: %+v %v", done, err)
	}
	booked := func() (n int) {
		list, err := admin.CheckRooms(t.Context(), conn)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if p.Setting == string(policy.CodeConflict) {
				n++
			}
		}
		return n
	}
	if n := booked(); n != 0 {
		t.Errorf("%d bookings are named", n)
	}
	if err := set(admin.RoomRequest{Set: fewer, Grandfather: true}); err != nil {
		t.Error(err)
	}
	if n := booked(); n != 3 {
		t.Errorf("%d bookings are named, want 3", n)
	}
	if err := set(admin.RoomRequest{Set: map[string]string{"buffer-after": "0", "window": "3000"}}); err != nil {
		t.Errorf("something else: %v", err)
	}
	if answerOf(t, s, "three") != "ACCEPTED" {
		t.Errorf("a booking has become %s", answerOf(t, s, "three"))
	}
	if err := set(admin.RoomRequest{Unset: []string{"slots"}}); err != nil {
		t.Errorf("more: %v", err)
	}
}
