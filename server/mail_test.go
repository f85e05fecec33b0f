package server_test

import (
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/config"
	"convene/testenv"
)

// mailConfig is smallConfig with mail through a server.
func mailConfig(t *testing.T, m *testenv.SMTP) config.Config {
	t.Helper()
	c := smallConfig(t)
	c.Mail.Server, c.Mail.Security = m.Address, "none"
	c.Mail.From, c.Mail.Domains = "calendar@example.com", []string{"example.com"}
	c.Mail.Delay = time.Millisecond
	return c
}

// invitation is a meeting of ann.
func invitation(uid, summary string, guests ...string) string {
	lines := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z",
		"DTSTART;TZID=Europe/Berlin:20300506T120000", "DURATION:PT1H", "SUMMARY:" + summary,
		"ORGANIZER:mailto:ann@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com",
	}
	for _, g := range guests {
		lines = append(lines, "ATTENDEE;RSVP=TRUE:mailto:"+g)
	}
	return strings.Join(append(lines, "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

// mails waits for so many.
func mails(t *testing.T, m *testenv.SMTP, n int) []testenv.Mail {
	t.Helper()
	eventually(t, fmt.Sprintf("%d mails", n), func() bool { return len(m.Mails()) >= n })
	list := m.Mails()
	if len(list) > n {
		t.Fatalf("%d mails, want %d", len(list), n)
	}
	return list
}

// calendarPart reads the text/calendar of a mail, and its method.
func calendarPart(t *testing.T, text string) (calendar, method string, h mail.Header) {
	t.Helper()
	m, err := mail.ReadMessage(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := multipart.NewReader(m.Body, params["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	_, params, err = mime.ParseMediaType(first.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	for r := multipart.NewReader(first, params["boundary"]); ; {
		p, err := r.NextPart()
		if err != nil {
			t.Fatal(err)
		}
		if kind, params, _ := mime.ParseMediaType(p.Header.Get("Content-Type")); kind == "text/calendar" {
			b, err := io.ReadAll(base64.NewDecoder(base64.StdEncoding, p))
			if err != nil {
				t.Fatal(err)
			}
			return string(b), params["method"], m.Header
		}
	}
}

// status is the SCHEDULE-STATUS of an address in calendar data.
func status(data, address string) string {
	data = strings.ReplaceAll(data, "\r\n ", "")
	for line := range strings.SplitSeq(data, "\r\n") {
		if strings.HasSuffix(strings.ToLower(line), ":mailto:"+address) {
			if m := regexp.MustCompile(`SCHEDULE-STATUS="?([0-9.]+)`).FindStringSubmatch(line); m != nil {
				return m[1]
			}
		}
	}
	return ""
}

// waits are the letters in the queue.
func waits(t *testing.T, c config.Config) []admin.Letter {
	t.Helper()
	conn := dialAdmin(t, c)
	list, err := admin.ListMail(t.Context(), conn)
	if err != nil {
		t.Fatal(err)
	}
	return list.Letters
}

func dialAdmin(t *testing.T, c config.Config) admin.Conn {
	t.Helper()
	var conn *admin.Client
	eventually(t, "the socket", func() bool {
		var err error
		conn, err = admin.Dial(t.Context(), c.Server.Data)
		return err == nil
	})
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

// An invitation goes out by every way to reach the server; what the server refuses
// for good is in the organizer's event, under the Schedule-Tag that it had, and in
// the inbox (RFC 6638 §3.2.9, §3.2.10).
func TestMailGoesOut(t *testing.T) {
	t.Parallel()
	ca := testenv.NewCA(t)
	for _, way := range []struct {
		name, security string
		o              testenv.SMTPOptions
	}{
		{"plain", "none", testenv.SMTPOptions{}},
		{"starttls", "starttls", testenv.SMTPOptions{CA: ca, User: "convene", Password: "pass word"}},
		{"tls", "tls", testenv.SMTPOptions{CA: ca, Implicit: true, User: "convene", Password: "pass word"}},
	} {
		t.Run(way.name, func(t *testing.T) {
			m := testenv.NewSMTP(t, way.o)
			c := mailConfig(t, m)
			c.Mail.Security = way.security
			if way.o.User != "" {
				c.Mail.Authority, c.Mail.User = ca.File, way.o.User
				c.Mail.Password = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "password"), way.o.Password+"\n")
			}
			s := serve(t, c)
			sendInvitations(t, s, m, c)
			verifyStore(t, s, c)
		})
	}
}

func sendInvitations(t *testing.T, s *running, m *testenv.SMTP, c config.Config) {
	guests := []string{"gus@elsewhere.example", "unknown@elsewhere.example", "refused@elsewhere.example", "spam@elsewhere.example", "away@elsewhere.example"}
	put := do(t, client(), "PUT", s.HTTP+annHome+"calendar/plan.ics", "ann", invitation("plan", "Plan", guests...))
	if put.StatusCode != 201 {
		t.Fatal(put.Status, put.Body)
	}
	got := mails(t, m, 1)[0]
	if got.From != "<ann@example.com>" || got.To != "<gus@elsewhere.example>" {
		t.Errorf("envelope: %s to %s", got.From, got.To)
	}
	calendar, method, header := calendarPart(t, got.Text)
	for _, want := range []string{"METHOD:REQUEST", "ORGANIZER;CN=Ann Example:mailto:ann@example.com", "BEGIN:VTIMEZONE", "UID:plan"} {
		if !strings.Contains(calendar, want) {
			t.Errorf("no %s in %s", want, calendar)
		}
	}
	if method != "REQUEST" || strings.Contains(calendar, "urn:x-uid") || strings.Contains(calendar, "SCHEDULE-") || strings.Contains(calendar, "X-CALENDARSERVER") {
		t.Errorf("%s: %s", method, calendar)
	}
	if header.Get("Reply-To") != `"Ann Example" <ann@example.com>` || header.Get("Subject") != "Invitation: Plan, Monday, May 6, 2030" {
		t.Errorf("header: %v", header)
	}

	want := []string{"1.1", "3.7", "5.2", "5.2", "1.1"}
	var now answer
	eventually(t, "statuses", func() bool {
		now = do(t, client(), "GET", s.HTTP+annHome+"calendar/plan.ics", "ann", "")
		for i, g := range guests {
			if status(now.Body, g) != want[i] {
				return false
			}
		}
		return true
	})
	if now.Header.Get("Schedule-Tag") != put.Header.Get("Schedule-Tag") || now.Header.Get("ETag") == put.Header.Get("ETag") {
		t.Errorf("Schedule-Tag %q became %q, ETag %q %q", put.Header.Get("Schedule-Tag"), now.Header.Get("Schedule-Tag"), put.Header.Get("ETag"), now.Header.Get("ETag"))
	}
	inbox := do(t, client(), "REPORT", s.HTTP+annHome+"inbox/", "ann",
		`<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><C:calendar-data/></D:prop><C:filter><C:comp-filter name="VCALENDAR"/></C:filter></C:calendar-query>`, "Depth: 1")
	if n := strings.Count(inbox.Body, "REQUEST-STATUS:"); n != 3 || strings.Count(inbox.Body, "no such mailbox") != 1 {
		t.Errorf("%d notes in the inbox: %s", n, inbox.Body)
	}
	eventually(t, "one letter that waits for its next try", func() bool {
		left := waits(t, c)
		return len(left) == 1 && left[0].To == "away@elsewhere.example" && left[0].Tries == 1 &&
			strings.Contains(left[0].Note, "not now") && left[0].Due.Sub(left[0].Queued) >= 55*time.Second
	})
}

// verifyStore stops the server and expects that its store is sound.
func verifyStore(t *testing.T, s *running, c config.Config) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, c)
}

// What changes before a mail goes out is sent once; what is taken back then is not
// sent at all. Later mails follow the first one.
func TestMailIsCoalesced(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	c.Mail.Delay = 2 * time.Second
	s := serve(t, c)
	ann := func(method, name, body string) {
		t.Helper()
		if got := do(t, client(), method, s.HTTP+annHome+"calendar/"+name, "ann", body); got.StatusCode/100 != 2 {
			t.Fatal(method, name, got.Status, got.Body)
		}
	}
	ann("PUT", "a.ics", invitation("a", "First", "gus@elsewhere.example"))
	ann("PUT", "b.ics", invitation("b", "Mistake", "gus@elsewhere.example"))
	ann("PUT", "a.ics", invitation("a", "Second", "gus@elsewhere.example"))
	ann("DELETE", "b.ics", "")
	first := mails(t, m, 1)[0]
	calendar, _, header := calendarPart(t, first.Text)
	if !strings.Contains(calendar, "SUMMARY:Second") || header.Get("In-Reply-To") != "" {
		t.Errorf("%v %s", header, calendar)
	}
	eventually(t, "an empty queue", func() bool { return len(waits(t, c)) == 0 })
	ann("PUT", "a.ics", strings.Replace(invitation("a", "Second", "gus@elsewhere.example"), "T120000", "T130000", 1))
	second := mails(t, m, 2)[1]
	calendar, _, next := calendarPart(t, second.Text)
	if !strings.Contains(calendar, "T130000") || next.Get("In-Reply-To") != header.Get("Message-Id") || !strings.HasPrefix(next.Get("Subject"), "Updated invitation: ") {
		t.Errorf("%v %s", next, calendar)
	}
	ann("DELETE", "a.ics", "")
	third := mails(t, m, 3)[2]
	if calendar, method, _ := calendarPart(t, third.Text); method != "CANCEL" || !strings.Contains(calendar, "METHOD:CANCEL") {
		t.Errorf("%s %s", method, calendar)
	}
	verifyStore(t, s, c)
}

// A server that is away, or ends a connection before it answers, gets the mail again:
// under the same Message-ID.
func TestMailIsTriedAgain(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	s := serve(t, c)
	m.Stop()
	if got := do(t, client(), "PUT", s.HTTP+annHome+"calendar/plan.ics", "ann", invitation("plan", "Plan", "gus@elsewhere.example", "drop@elsewhere.example", "later1@elsewhere.example")); got.StatusCode != 201 {
		t.Fatal(got.Status, got.Body)
	}
	tried := func(n int) func() bool {
		return func() bool {
			list := waits(t, c)
			for _, l := range list {
				if l.Tries < n || l.Note == "" {
					return false
				}
			}
			return len(list) > 0
		}
	}
	eventually(t, "a first try", tried(1))
	m.Start()
	conn := dialAdmin(t, c)
	retry := func() {
		t.Helper()
		if _, err := admin.RetryMail(t.Context(), conn, admin.MailRequest{All: true}); err != nil {
			t.Fatal(err)
		}
	}
	retry()
	mails(t, m, 2)
	eventually(t, "a second try", tried(2))
	retry()
	byID := map[string]int{}
	eventually(t, "all mails", func() bool { return len(m.Mails()) == 4 && len(waits(t, c)) == 0 })
	for _, one := range m.Mails() {
		_, _, h := calendarPart(t, one.Text)
		byID[one.To+h.Get("Message-Id")]++
	}
	if len(byID) != 3 {
		t.Errorf("mails: %v", byID)
	}
	verifyStore(t, s, c)
}

// An organizer who sends too much is held back, and sees it. Without mail nobody is
// told that they will be.
func TestMailLimits(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	c.Mail.PerDay, c.Mail.PerMinute = 3, 2
	s := serve(t, c)
	guests := []string{"a@elsewhere.example", "b@elsewhere.example", "c@elsewhere.example", "d@elsewhere.example", "ä@elsewhere.example"}
	do(t, client(), "PUT", s.HTTP+annHome+"calendar/plan.ics", "ann", invitation("plan", "Plan", guests...))
	got := do(t, client(), "GET", s.HTTP+annHome+"calendar/plan.ics", "ann", "")
	for i, want := range []string{"1.1", "1.1", "1.1", "5.1", "3.7"} {
		if have := status(got.Body, guests[i]); have != want {
			t.Errorf("%s: %q, want %s", guests[i], have, want)
		}
	}
	mails(t, m, 2)
	// A letter leaves the queue a little after the submission server has it.
	eventually(t, "one letter that waits for the next minute", func() bool {
		left := waits(t, c)
		return len(left) == 1 && left[0].Tries == 0
	})
	// bob has no mail address.
	theirs := strings.ReplaceAll(invitation("bobs", "Plan", "a@elsewhere.example"), "mailto:ann@example.com", s.HTTP+"/principals/users/bob/")
	do(t, client(), "PUT", s.HTTP+"/calendars/users/bob/calendar/plan.ics", "bob", strings.ReplaceAll(theirs, s.HTTP, ""))
	if got := do(t, client(), "GET", s.HTTP+"/calendars/users/bob/calendar/plan.ics", "bob", ""); status(got.Body, "a@elsewhere.example") != "5.1" {
		t.Errorf("bob's event: %s", got.Body)
	}
	old := strings.Replace(invitation("old", "Plan", "a@elsewhere.example"), "20300506T", "20200506T", 1)
	do(t, client(), "PUT", s.HTTP+annHome+"calendar/old.ics", "ann", old)
	if got := do(t, client(), "GET", s.HTTP+annHome+"calendar/old.ics", "ann", ""); status(got.Body, "a@elsewhere.example") != "" {
		t.Errorf("of a meeting long over somebody was told: %s", got.Body)
	}

	s.Config.Mail.Server = ""
	if err := s.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	do(t, client(), "PUT", s.HTTP+annHome+"calendar/more.ics", "ann", invitation("more", "Plan", "a@elsewhere.example"))
	if got := do(t, client(), "GET", s.HTTP+annHome+"calendar/more.ics", "ann", ""); status(got.Body, "a@elsewhere.example") != "3.7" {
		t.Errorf("without mail: %s", got.Body)
	}
}

// An answer to somebody elsewhere goes to them by mail, from the attendee (RFC 6638
// §3.2.2.1).
func TestMailedReply(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	s := serve(t, c)
	theirs := strings.NewReplacer("ORGANIZER:mailto:ann@example.com", "ORGANIZER:mailto:olga@elsewhere.example", "PARTSTAT=ACCEPTED", "PARTSTAT=NEEDS-ACTION").Replace(invitation("fair", "Fair"))
	url := s.HTTP + annHome + "calendar/fair.ics"
	if got := do(t, client(), "PUT", url, "ann", theirs); got.StatusCode != 201 {
		t.Fatal(got.Status, got.Body)
	}
	if got := do(t, client(), "PUT", url, "ann", strings.Replace(theirs, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED", 1)); got.StatusCode != 204 {
		t.Fatal(got.Status, got.Body)
	}
	got := mails(t, m, 1)[0]
	calendar, method, header := calendarPart(t, got.Text)
	if method != "REPLY" || got.From != "<ann@example.com>" || got.To != "<olga@elsewhere.example>" || !strings.HasPrefix(header.Get("Subject"), "Accepted: Fair") {
		t.Errorf("%s %s %s %v", method, got.From, got.To, header)
	}
	if !strings.Contains(calendar, "PARTSTAT=ACCEPTED") || strings.Count(calendar, "ATTENDEE") != 1 {
		t.Errorf("the answer is %s", calendar)
	}
	if now := do(t, client(), "GET", url, "ann", ""); status(now.Body, "olga@elsewhere.example") != "1.1" {
		t.Errorf("ann's copy: %s", now.Body)
	}
	verifyStore(t, s, c)
}

// The commands: test, retry, drop, of a running server.
func TestMailCommands(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := mailConfig(t, m)
	s := serve(t, c)
	conn := dialAdmin(t, c)
	if err := admin.TestMail(t.Context(), conn, admin.MailRequest{Address: "op@elsewhere.example"}); err != nil {
		t.Fatal(err)
	}
	if got := mails(t, m, 1)[0]; got.From != "<calendar@example.com>" || got.To != "<op@elsewhere.example>" {
		t.Errorf("the test mail: %+v", got)
	}
	err := admin.TestMail(t.Context(), conn, admin.MailRequest{Address: "unknown@elsewhere.example"})
	if admin.KindOf(err).Name != "mail" || !strings.Contains(err.Error(), "no such mailbox") {
		t.Errorf("refused: %v", err)
	}
	do(t, client(), "PUT", s.HTTP+annHome+"calendar/plan.ics", "ann", invitation("plan", "Plan", "away@elsewhere.example"))
	list := waits(t, c)
	if len(list) != 1 {
		t.Fatalf("in the queue: %+v", list)
	}
	for _, id := range []string{"1-1", "x", ""} {
		if _, err := admin.DropMail(t.Context(), conn, admin.MailRequest{IDs: []string{id}}); admin.KindOf(err).Name != "no-letter" {
			t.Errorf("%q: %v", id, err)
		}
	}
	eventually(t, "a try", func() bool { l := waits(t, c); return len(l) == 1 && l[0].Tries == 1 && l[0].Note != "" })
	if done, err := admin.RetryMail(t.Context(), conn, admin.MailRequest{IDs: []string{list[0].ID}}); err != nil || len(done.IDs) != 1 {
		t.Fatal(done, err)
	}
	eventually(t, "another try", func() bool { l := waits(t, c); return len(l) == 1 && l[0].Tries == 2 })
	if done, err := admin.DropMail(t.Context(), conn, admin.MailRequest{IDs: []string{list[0].ID}, Reason: "test"}); err != nil || len(done.IDs) != 1 {
		t.Fatal(done, err)
	}
	if l := waits(t, c); len(l) != 0 {
		t.Errorf("in the queue: %+v", l)
	}
	wantDeeds(t, c.Server.Data, nil,
		deed{"mail.test", audit.Socket, "", "op@elsewhere.example", false}, deed{"mail.test", audit.Socket, "", "unknown@elsewhere.example", true},
		deed{"mail.drop", audit.Socket, "", "1-1", true}, deed{"mail.drop", audit.Socket, "", "x", true}, deed{"mail.drop", audit.Socket, "", "", true},
		deed{"mail.retry", audit.Socket, "", list[0].ID, false}, deed{"mail.drop", audit.Socket, "", list[0].ID, false})
}
