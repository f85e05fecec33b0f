package outbox

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/calendar"
	"convene/directory"
	"convene/imip"
	"convene/internal/ical"
	"convene/scheduling"
	"convene/snapshot"
	"convene/store"
	"convene/testenv"
)

// A script is what a mail server answers, by command: "" is the greeting, "." the end of a
// mail. What it does not have is answered well; an empty answer ends the connection.
type script map[string]string

var wellAnswered = script{"": "220 hello", "EHLO": "250-hello\r\n250 AUTH PLAIN", "AUTH": "235 welcome", "DATA": "354 go on", "QUIT": "221 bye"}

// A scripted server answers by its script, and notes the commands.
type scripted struct {
	net.Listener
	script script

	mu    sync.Mutex
	heard []string // commands, and "taken" for each mail
}

func (s *scripted) hear(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, what)
}

// count is how often something was heard.
func (s *scripted) count(what string) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, h := range s.heard {
		if h == what {
			n++
		}
	}
	return n
}

func newScripted(t testing.TB, s script) *scripted {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &scripted{Listener: l, script: s}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			server.talk(c)
			_ = c.Close() // the client may have done so
		}
	}()
	t.Cleanup(func() {
		if err := l.Close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return server
}

// answer answers a command, and reports whether the connection goes on.
func (s *scripted) answer(c net.Conn, command string) bool {
	text, set := s.script[command]
	if !set {
		if text = wellAnswered[command]; text == "" {
			text = "250 ok"
		}
	}
	if text == "" {
		return false
	}
	_, err := fmt.Fprintf(c, "%s\r\n", text)
	return err == nil && !strings.HasPrefix(text, "221")
}

// talk is one connection, to its end.
func (s *scripted) talk(c net.Conn) {
	if !s.answer(c, "") {
		return
	}
	mail := false
	for lines := bufio.NewScanner(c); lines.Scan(); {
		command, _, _ := strings.Cut(lines.Text(), " ")
		if mail && command != "." {
			continue
		}
		s.hear(command)
		_, refused := s.script[command]
		if mail && !refused {
			s.hear("taken")
		}
		if !s.answer(c, command) {
			return
		}
		mail = command == "DATA" && !refused
	}
}

const owner = "11111111-0000-0000-0000-000000000001"

// A desk is an outbox with a clock of its own over a store.
type desk struct {
	t   testing.TB
	now time.Time
	*Outbox
	settings Settings
}

func newDesk(t testing.TB, address string) *desk {
	t.Helper()
	d := &desk{t: t, now: time.Unix(1_800_000_000, 0).UTC()}
	s, err := store.Open(filepath.Join(t.TempDir(), "calendars.db"), store.Options{Indexer: calendar.Index, Now: func() time.Time { return d.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &calendar.Calendars{Store: s, Snapshots: snapshot.New(snapshot.Options{}), Scheduling: scheduling.DefaultOptions(), Mail: &calendar.Mail{}}
	if err := c.Provision(t.Context(), &directory.Principal{GUID: owner, Type: directory.User}); err != nil {
		t.Fatal(err)
	}
	d.settings = Settings{
		Calendars: c, Compose: imip.Options{Site: imip.Mailbox{Address: "calendar@example.com"}, OwnDomains: []string{"example.com"}},
		Submission: Submission{Address: address, Security: Plain, User: "convene", Timeout: 10 * time.Second,
			PasswordFile: testenv.WriteFile(t, filepath.Join(t.TempDir(), "password"), "secret\n")},
		Connections: 1, GiveUp: 72 * time.Hour,
	}
	d.Outbox = New(Options{Settings: func() *Settings { return &d.settings }, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return d.now }})
	return d
}

// letter is one to a guest about a meeting.
func (d *desk) letter(method scheduling.Method, uid string) *store.Queued {
	d.t.Helper()
	cal, err := ical.Decode([]byte(strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z", "DTSTART:20300506T120000Z",
		"ORGANIZER;EMAIL=ann@example.com:urn:x-uid:" + owner, "ATTENDEE:mailto:gus@elsewhere.example", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")), ical.DefaultLimits)
	if err != nil {
		d.t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		d.t.Fatal(err)
	}
	ann := &scheduling.Party{Address: "urn:x-uid:" + owner, GUID: owner, Kind: scheduling.Person, Emails: []string{"ann@example.com"}}
	l, err := imip.NewLetter(&scheduling.Message{Method: method, From: ann, Data: o}, &scheduling.Party{Address: "mailto:gus@elsewhere.example"})
	if err != nil {
		d.t.Fatal(err)
	}
	payload, err := l.Encode()
	if err != nil {
		d.t.Fatal(err)
	}
	return &store.Queued{Due: d.now, Thread: l.Thread(), Payload: payload}
}

// queue queues an invitation to a meeting.
func (d *desk) queue(uid string) { d.enqueue(d.letter(scheduling.Request, uid)) }

func (d *desk) enqueue(list ...*store.Queued) {
	d.t.Helper()
	err := d.settings.Calendars.Update(d.t.Context(), calendar.Actor{}, func(tx *calendar.Tx) error {
		home, err := tx.Home(owner)
		for _, q := range list {
			if err == nil {
				err = tx.Enqueue(home.ID, q)
			}
		}
		return err
	})
	if err != nil {
		d.t.Fatal(err)
	}
}

// due is how many threads are due.
func (d *desk) due() (n int) {
	d.t.Helper()
	err := d.settings.Calendars.Store.View(d.t.Context(), func(tx *store.Tx) error {
		n = 0
		for range tx.DueThreads(d.now) {
			n++
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return n
}

// work does one pass, and returns the letters that wait behind it, and the notes that ann
// has in her inbox.
func (d *desk) work() (left []*store.Queued, notes []string) {
	d.t.Helper()
	if _, err := d.pass(d.t.Context(), &d.settings); err != nil {
		d.t.Fatal(err)
	}
	err := d.settings.Calendars.View(context.Background(), calendar.Actor{}, func(tx *calendar.Tx) error {
		left, notes = nil, nil
		for q, err := range tx.Queue() {
			if err != nil {
				return err
			}
			left = append(left, q)
		}
		home, err := tx.Home(owner)
		if err != nil {
			return err
		}
		inbox, err := tx.Collection(home.ID, calendar.Inbox)
		if err != nil {
			return err
		}
		for e := range tx.Entries(inbox.ID) {
			body, _, err := tx.Tx.Body(inbox.ID, e.Name)
			if err != nil {
				return err
			}
			notes = append(notes, strings.ReplaceAll(string(body), "\r\n ", ""))
		}
		return nil
	})
	if err != nil {
		d.t.Fatal(err)
	}
	return left, notes
}

// What a server may answer to each command: a letter waits for another try unless the
// answer is about it and final. Then its sender has a note with what the server said.
func TestRefusals(t *testing.T) {
	for _, c := range []struct{ command, answer, status string }{
		{"", "421 4.3.2 busy", ""},
		{"", "554 5.3.2 no service", ""}, // of the server as a whole
		{"EHLO", "421 4.3.2 busy", ""},
		{"AUTH", "454 4.7.0 later", ""},
		{"AUTH", "535 5.7.8 wrong password", ""},
		{"MAIL", "421 4.3.2 busy", ""},
		{"MAIL", "451 4.3.0 later", ""},
		{"MAIL", "530 5.7.0 sign in first", ""},
		{"MAIL", "550 5.7.1 not from you", "5.2"},
		{"MAIL", "552 5.3.4 too big", "5.2"},
		{"RCPT", "450 4.2.0 later", ""},
		{"RCPT", "550 5.1.1 nobody", "3.7"},
		{"RCPT", "553 nobody", "3.7"},
		{"RCPT", "550 5.7.1 not to them", "5.2"},
		{"DATA", "451 4.3.0 later", ""},
		{"DATA", "554 5.5.1 no", "5.2"},
		{".", "452 4.3.1 disk full", ""},
		{".", "552 5.3.4 too big", "5.2"},
		{".", "554 5.7.1 spam", "5.2"},
		{"", "", ""}, {"EHLO", "", ""}, {"AUTH", "", ""}, {"MAIL", "", ""}, {"RCPT", "", ""}, {"DATA", "", ""}, {".", "", ""},
	} {
		t.Run(c.command+" "+c.answer, func(t *testing.T) {
			bad := script{c.command: c.answer}
			if c.command == "EHLO" {
				bad["HELO"] = c.answer // what the client tries next
			}
			d := newDesk(t, newScripted(t, bad).Addr().String())
			d.queue("plan")
			left, notes := d.work()
			if c.status == "" {
				if len(left) != 1 || len(notes) != 0 || left[0].Tries != 1 || !left[0].Due.Equal(d.now.Add(time.Minute)) || !strings.Contains(left[0].Note, c.answer[min(len(c.answer), 10):]) {
					t.Fatalf("%+v %q", left, notes)
				}
				return
			}
			if len(left) != 0 || len(notes) != 1 || !strings.Contains(notes[0], "REQUEST-STATUS:"+c.status+";") || !strings.Contains(notes[0], c.answer[10:]) {
				t.Fatalf("%+v %q", left, notes)
			}
		})
	}
}

// A server that will not forget one mail has the next over another connection.
func TestRefusedReset(t *testing.T) {
	for _, answer := range []string{"", "421 4.3.2 busy", "502 5.5.1 unknown"} {
		server := newScripted(t, script{"RSET": answer})
		d := newDesk(t, server.Addr().String())
		d.queue("one")
		d.queue("two")
		if left, notes := d.work(); len(left) != 0 || len(notes) != 0 || server.count("taken") != 2 || server.count("EHLO") != 2 {
			t.Errorf("%q: %+v %q", answer, left, notes)
		}
	}
}

// A server that takes nothing for days is asked ever more seldom, for the last time when
// the letter is given up; restarts change nothing in that.
func TestGiveUp(t *testing.T) {
	server := newScripted(t, script{"RCPT": "451 4.3.0 later"})
	d := newDesk(t, server.Addr().String())
	d.queue("plan")
	queued := d.now
	var at []time.Duration
	for {
		at = append(at, d.now.Sub(queued))
		left, notes := d.work()
		if len(left) == 0 {
			if len(notes) != 1 || !strings.Contains(notes[0], "REQUEST-STATUS:5.1;") {
				t.Errorf("notes: %q", notes)
			}
			break
		}
		tried := server.count("RCPT")
		d.now = left[0].Due.Add(-time.Second)
		d.Outbox = New(d.Options)
		if d.work(); server.count("RCPT") != tried {
			t.Errorf("%v after it was queued it was tried too soon", d.now.Sub(queued))
		}
		d.now = left[0].Due
	}
	m, h := time.Minute, time.Hour
	want := []time.Duration{0, m, 6 * m, 36 * m, 2*h + 36*m, 10*h + 36*m, 34*h + 36*m, 58*h + 36*m, 72 * h}
	if fmt.Sprint(at) != fmt.Sprint(want) {
		t.Errorf("tried at %v, want %v", at, want)
	}
	if n := server.count("RCPT"); n != len(want) {
		t.Errorf("the server was asked %d times", n)
	}
}

// Threads of which the first letter is not to be tried yet keep no other waiting, however
// many there are, and are not looked at again until something is queued in them.
func TestWaitingThreads(t *testing.T) {
	server := newScripted(t, nil)
	d := newDesk(t, server.Addr().String())
	later := d.now.Add(time.Hour)
	var list []*store.Queued
	for i := range maxThreads {
		first := d.letter(scheduling.Request, fmt.Sprint("meeting", i))
		first.Tries, first.Due = 1, later
		list = append(list, first, d.letter(scheduling.Cancel, fmt.Sprint("meeting", i)))
	}
	d.enqueue(list...)
	d.now = d.now.Add(time.Second)
	d.queue("behind")
	for range 2 {
		more, err := d.pass(t.Context(), &d.settings)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			break
		}
	}
	if n := server.count("taken"); n != 1 || d.due() != 0 {
		t.Errorf("%d mails, and %d threads are due", n, d.due())
	}
	d.enqueue(d.letter(scheduling.Request, "meeting7"))
	if n := d.due(); n != 1 {
		t.Errorf("%d threads are due, want the one that has a new letter", n)
	}
	if _, err := d.pass(t.Context(), &d.settings); err != nil {
		t.Fatal(err)
	}
	// The new invitation replaces the one that was tried: the cancellation is the first.
	if n := server.count("taken"); n != 2 || d.due() != 1 {
		t.Errorf("%d mails, and %d threads are due, want the one with the invitation", n, d.due())
	}
}

// Who queues more than may go in a minute has it go out in the minutes that follow; what
// waits for them is not looked at meanwhile.
func TestPerMinute(t *testing.T) {
	server := newScripted(t, nil)
	d := newDesk(t, server.Addr().String())
	d.settings.PerMinute = 3
	var list []*store.Queued
	for i := range 10 {
		list = append(list, d.letter(scheduling.Request, fmt.Sprint("meeting", i)))
	}
	d.enqueue(list...)
	for minute, want := range []int{3, 6, 9, 10} {
		for range 2 {
			d.work()
		}
		if n := server.count("taken"); n != want || d.due() != 0 {
			t.Errorf("in minute %d: %d mails, want %d; %d threads are due", minute, n, want, d.due())
		}
		d.now = d.now.Add(time.Minute)
	}
}
