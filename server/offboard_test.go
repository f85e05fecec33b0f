package server_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/config"
	"convene/delegation"
	"convene/imip"
	"convene/server"
	"convene/store"
	"convene/testenv"
)

// A planned is one meeting of somebody who leaves, and what is to become of it, worked out
// from how it was made.
type planned struct {
	uid   string
	owner string // whose calendar it is made in
	text  string

	// If it is cancelled, or handed over to dan: who is sent what, as "METHOD address" of
	// mail and "METHOD name" of inboxes.
	cancelled, handedOver []string
	// The homes that have it afterwards, with a word for what it is there.
	after, afterTo map[string]string
}

const meetings = 200

// plannedMeetings makes the meetings of ann: single ones and series, with exceptions, a
// room, people here and elsewhere, over and to come, her own and others'.
func plannedMeetings(now time.Time) (list []planned) {
	const external = "guest@elsewhere.example"
	for i := range meetings {
		uid := fmt.Sprintf("m%03d", i)
		event := func(start time.Time, organizer string, more ...string) string {
			form := "20060102T150405Z"
			return strings.Join(slices.Concat([]string{"BEGIN:VEVENT", "UID:" + uid, "DTSTAMP:20260101T000000Z",
				"DTSTART:" + start.Format(form), "DURATION:PT1H", "SUMMARY:Meeting " + uid, "ORGANIZER:mailto:" + organizer,
				"ATTENDEE;PARTSTAT=ACCEPTED:mailto:" + organizer}, more, []string{"END:VEVENT", ""}), "\r\n")
		}
		object := func(events ...string) string {
			return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.Join(events, "") + "END:VCALENDAR\r\n"
		}
		guest := func(who string) string { return "ATTENDEE;RSVP=TRUE:mailto:" + who }
		ann, bob, dan, oak := "ann@example.com", "bob@example.com", "dan@example.com", "oak@example.com"
		coming := now.AddDate(0, 0, 10).Add(time.Duration(i) * 3 * time.Hour).Truncate(time.Hour)
		past := now.AddDate(0, 0, -17).Add(time.Duration(i) * time.Minute).Truncate(time.Minute)
		weekly := "RRULE:FREQ=WEEKLY;COUNT=6"
		p := planned{uid: uid, owner: "ann"}
		switch i % 9 {
		case 0:
			p.text = object(event(coming, ann, guest(bob), guest(external)))
			p.cancelled, p.handedOver = []string{"CANCEL bob", "CANCEL " + external}, []string{"REQUEST bob", "REQUEST " + external}
			p.after = map[string]string{"bob": "cancelled"}
			p.afterTo = map[string]string{"bob": "ORGANIZER dan", "dan": "ORGANIZER dan"}
		case 1:
			p.text = object(event(past, ann, guest(bob), guest(external)))
			p.after = map[string]string{"ann": "ORGANIZER ann", "bob": "ORGANIZER ann"}
			p.afterTo = p.after
		case 2:
			p.text = object(event(past, ann, weekly, guest(bob), guest(external)))
			p.cancelled, p.handedOver = []string{"REQUEST bob", "REQUEST " + external}, []string{"REQUEST bob", "REQUEST " + external}
			p.after = map[string]string{"ann": "3 dates", "bob": "3 dates"}
			p.afterTo = map[string]string{"bob": "ORGANIZER dan", "dan": "ORGANIZER dan"}
		case 3:
			other := event(coming.AddDate(0, 0, 7).Add(time.Hour), ann, "RECURRENCE-ID:"+coming.AddDate(0, 0, 7).Format("20060102T150405Z"), guest(bob), guest(dan))
			p.text = object(event(coming, ann, weekly, guest(bob)), other)
			p.cancelled, p.handedOver = []string{"CANCEL bob", "CANCEL dan"}, []string{"REQUEST bob"}
			p.after = map[string]string{"bob": "cancelled", "dan": "cancelled"}
			p.afterTo = map[string]string{"bob": "ORGANIZER dan", "dan": "ORGANIZER dan"}
		case 4:
			p.text = object(event(coming, ann, guest(oak)))
			p.afterTo = map[string]string{"oak": "ORGANIZER dan", "dan": "ORGANIZER dan"}
		case 5:
			p.owner, p.text = "bob", object(event(coming, bob, guest(ann)))
			p.cancelled = []string{"REPLY bob"}
			p.after = map[string]string{"ann": "declined by ann", "bob": "declined by ann"}
			p.handedOver, p.afterTo = p.cancelled, p.after
		case 6:
			p.owner, p.text = "bob", object(event(past, bob, weekly, guest(ann), guest(dan)))
			p.cancelled = []string{"REPLY bob"}
			p.after = map[string]string{"ann": "declined by ann", "bob": "declined by ann", "dan": "declined by ann"}
			p.handedOver, p.afterTo = p.cancelled, p.after
		case 7:
			p.text = object(event(coming, external, "ATTENDEE;PARTSTAT=ACCEPTED:mailto:"+ann))
			p.cancelled = []string{"REPLY " + external}
			p.after = map[string]string{"ann": "declined by ann"}
			p.handedOver, p.afterTo = p.cancelled, p.after
		case 8:
			p.text = strings.NewReplacer("ORGANIZER:mailto:ann@example.com\r\n", "", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.com\r\n", "").Replace(object(event(coming, ann)))
			p.after = map[string]string{"ann": "her own"}
			p.afterTo = p.after
		}
		list = append(list, p)
	}
	return list
}

const oakGUID = "22222222-0000-0000-0000-000000000001"

var namesByGUID = map[string]string{annGUID: "ann", bobGUID: "bob", danGUID: "dan", oakGUID: "oak"}

// leavingLDIF is oakLDIF with mail for bob; ann is as it says.
func leavingLDIF(ann string) string {
	text := strings.Replace(oakLDIF, "cn: Bob Example\n", "cn: Bob Example\nmail: bob@example.com\n", 1)
	if ann == admin.StateActive {
		return text
	}
	before, rest, _ := strings.Cut(text, "dn: uid=ann,")
	entry, after, _ := strings.Cut(rest, "\n\n")
	if ann == admin.StateGone {
		return strings.ReplaceAll(before+after, "member: uid=ann,dc=example,dc=com\n", "")
	}
	return before + "dn: uid=ann," + entry + "\nemployeeType: off\n\n" + after
}

// leavingConfig is a server at which ann has all her meetings; it is stopped. guid is hers.
func leavingConfig(t *testing.T, m *testenv.SMTP, list []planned) config.Config {
	t.Helper()
	c := roomConfig(t, m)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), leavingLDIF(admin.StateActive))
	c.Directory.File.Users.LoginEnabled = []string{"!employeeType:off"}
	c.Rooms.Defaults = map[string]string{"timezone": "Europe/Berlin", "horizon": "3660"}
	c.Scheduling.PerHour, c.Mail.PerMinute, c.Mail.PerDay = 0, 0, 0
	s := serve(t, c)
	for _, p := range list {
		home := strings.Replace(annHome, "ann", p.owner, 1)
		a := do(t, client(), "PUT", s.HTTP+home+"calendar/"+p.uid+".ics", p.owner, p.text, "Content-Type: text/calendar")
		if a.StatusCode != 201 {
			t.Fatalf("%s: %d %s", p.uid, a.StatusCode, a.Body)
		}
	}
	conn := dialAdmin(t, c)
	for _, d := range [][2]string{{"ann", "bob"}, {"dan", "ann"}} {
		if _, err := admin.AddDelegate(t.Context(), conn, admin.DelegateChange{Delegator: d[0], Delegate: d[1], Level: delegation.LevelRead, By: "test"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := admin.AddDevice(t.Context(), conn, admin.DeviceRequest{Who: "ann", Label: "phone", By: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all is sent", func() bool {
		waiting, err := admin.ListMail(t.Context(), conn)
		return err == nil && len(waiting.Letters) == 0
	})
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	return c
}

// A state is what homes, inboxes and the queue of mail hold.
type leftState struct {
	homes map[string]map[string]string // by name and UID, the bodies
	sent  map[string][]string          // by UID, "METHOD to", of inboxes and of mail
}

func readState(t *testing.T, c config.Config) *leftState {
	t.Helper()
	o, err := server.OpenOffline(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	}()
	for what, check := range map[string]func() (int, error){
		"verify":    func() (int, error) { r, err := admin.Verify(t.Context(), o.Admin); return len(r.Problems), err },
		"meetings":  func() (int, error) { r, err := o.Meetings(t.Context(), false); return len(r), err },
		"ledgers":   func() (int, error) { r, err := o.Ledgers(t.Context(), nil, false); return len(r), err },
		"delegates": func() (int, error) { return 0, o.Delegates.Verify(t.Context()) },
	} {
		if n, err := check(); n > 0 || err != nil {
			t.Errorf("%s: %d problems, %v", what, n, err)
		}
	}
	s := &leftState{homes: map[string]map[string]string{}, sent: map[string][]string{}}
	err = o.Store.View(t.Context(), func(tx *store.Tx) error {
		for h := range tx.Homes() {
			name := namesByGUID[string(h.Owner)]
			s.homes[name] = map[string]string{}
			cols, err := tx.Collections(h.ID)
			if err != nil {
				return err
			}
			for _, col := range cols {
				for e := range tx.Entries(col.ID) {
					body, _, err := tx.Body(col.ID, e.Name)
					if err != nil {
						return err
					}
					text := strings.ReplaceAll(string(body), "\r\n ", "")
					if col.Kind == store.KindInbox {
						_, method, _ := strings.Cut(text, "METHOD:")
						method, _, _ = strings.Cut(method, "\r\n")
						s.sent[e.UID] = append(s.sent[e.UID], method+" "+name)
					} else {
						s.homes[name][e.UID] = text
					}
				}
			}
		}
		for q, err := range tx.Queue() {
			if err != nil {
				return err
			}
			l, err := imip.Decode(q.Payload)
			if err != nil {
				return err
			}
			s.sent[l.UID] = append(s.sent[l.UID], string(l.Method)+" "+l.To.Address)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// since is what s has sent that before had not.
func (s *leftState) since(before *leftState, uid string) []string {
	sent := slices.Clone(s.sent[uid])
	for _, old := range before.sent[uid] {
		if i := slices.Index(sent, old); i >= 0 {
			sent = slices.Delete(sent, i, i+1)
		}
	}
	slices.Sort(sent)
	return sent
}

// is reports whether a body is what a word says.
func is(body, word string, begun time.Time) bool {
	guid := func(name string) string {
		for g, n := range namesByGUID {
			if n == name {
				return g
			}
		}
		return ""
	}
	switch kind, name, _ := strings.Cut(word, " "); kind {
	case "cancelled":
		return strings.Contains(body, "STATUS:CANCELLED")
	case "ORGANIZER":
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "ORGANIZER") && !strings.Contains(line, guid(name)) || name != "ann" && strings.Contains(line, annGUID) {
				return false
			}
		}
		return strings.Contains(body, "ORGANIZER") && !strings.Contains(body, "CANCELLED")
	case "declined":
		for line := range strings.Lines(body) {
			if strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, annGUID) && !strings.Contains(line, "PARTSTAT=DECLINED") {
				return false
			}
		}
		return strings.Contains(body, annGUID)
	case "3": // dates that are over: three weeks fit before now
		_, until, found := strings.Cut(body, "UNTIL=")
		return found && strings.HasPrefix(until, begun.Add(-time.Second).UTC().Format("20060102T150405Z"))
	}
	return !strings.Contains(body, "ORGANIZER")
}

// compare fails unless everything is as the meetings were planned.
func (s *leftState) compare(t *testing.T, list []planned, before *leftState, to bool, begun time.Time) {
	t.Helper()
	for _, p := range list {
		sent, after := p.cancelled, p.after
		if to {
			sent, after = p.handedOver, p.afterTo
		}
		want := slices.Sorted(slices.Values(sent))
		if got := s.since(before, p.uid); !slices.Equal(got, want) {
			t.Errorf("%s: sent %q, want %q", p.uid, got, want)
		}
		for _, name := range namesByGUID {
			body, has := s.homes[name][p.uid]
			word, wanted := after[name]
			if has != wanted || has && !is(body, word, begun) {
				t.Errorf("%s in the home of %s: %v, want %q\n%s", p.uid, name, has, word, body)
			}
		}
	}
}

// A child is the server as a process of its own.
type child struct {
	cmd *exec.Cmd
	log bytes.Buffer
}

func (c *command) serve() *child {
	c.t.Helper()
	p := &child{cmd: exec.Command(c.program, "serve", "-c", c.config)}
	p.cmd.Env = environ()
	p.cmd.Stdout, p.cmd.Stderr = &p.log, &p.log
	if err := p.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(p.kill)
	return p
}

// kill ends it as a power cut would.
func (p *child) kill() {
	_ = p.cmd.Process.Kill() // it may have ended
	_ = p.cmd.Wait()
}

func copyData(t *testing.T, from string) (to string) {
	t.Helper()
	to = filepath.Join(testenv.Dir(t), "data")
	if err := os.CopyFS(to, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(to, 0o700); err != nil {
		t.Fatal(err)
	}
	return to
}

// Somebody with 200 meetings leaves. Whoever is invited learns of what changes for them and
// of nothing else, and in the end all homes hold what follows from the meetings, also if
// the server is killed at every stage and the command is run again.
func TestOffboarding(t *testing.T) {
	now := time.Now().UTC()
	list := plannedMeetings(now)
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	made := leavingConfig(t, m, list)
	before := readState(t, made)
	program := newCommand(t, made)
	for name, tt := range map[string]struct {
		state, to string
		kills     bool
	}{
		"cancelled":           {admin.StateDisabled, "", false},
		"cancelled, killed":   {admin.StateGone, "", true},
		"handed over":         {admin.StateActive, "dan", false},
		"handed over, killed": {admin.StateDisabled, "dan", true},
	} {
		t.Run(name, func(t *testing.T) {
			c := made
			c.Server.Data = copyData(t, made.Server.Data)
			c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), leavingLDIF(tt.state))
			c.Mail.Delay = time.Hour // letters wait, to be counted
			p := newCommandOf(t, program.program, c)
			server := p.serve()
			r := admin.OffboardRequest{Who: annGUID, To: tt.to, By: "test"}
			plan, err := admin.PlanOffboarding(t.Context(), dialAdmin(t, c), r)
			if err != nil || plan.State != tt.state || plan.Delegates != 1 || plan.Delegators != 1 || plan.Devices != 1 {
				t.Fatalf("%+v %v", plan, err)
			}
			organizes, attends, rooms := 0, 0, 0
			for i := range list {
				switch i % 9 {
				case 0, 2, 3:
					organizes++
				case 4:
					organizes, rooms = organizes+1, rooms+1
				case 5, 6, 7:
					attends++
				}
			}
			if plan.Organizes != organizes || plan.Attends != attends || plan.Rooms != rooms {
				t.Errorf("the plan has %d, %d, %d; want %d, %d, %d", plan.Organizes, plan.Attends, plan.Rooms, organizes, attends, rooms)
			}
			var record *admin.OffboardRecord
			at := []string{"access 0", "meetings 0", "meetings 1", "meetings 60", "delegations 0", "erase 0"}
			if !tt.kills {
				at = nil
			}
			for runs := 0; record == nil; runs++ {
				if runs > 10 {
					t.Fatal("it never ends")
				}
				killed := false
				record, err = admin.Offboard(t.Context(), dialAdmin(t, c), r, func(pr admin.OffboardProgress) {
					if len(at) > 0 && !killed && fmt.Sprint(pr.Stage, " ", pr.Done) == at[0] {
						at, killed = at[1:], true
						server.kill()
					}
				})
				switch {
				case killed: // its last report may have been on its way
					server, record = p.serve(), nil
					plan, err := admin.PlanOffboarding(t.Context(), dialAdmin(t, c), r)
					if err != nil || plan.Record == nil {
						t.Fatalf("%+v %v", plan, err)
					}
					if !plan.Record.Finished.IsZero() {
						record = plan.Record
					}
				case err != nil:
					t.Fatalf("%v\n%s", err, server.log.String())
				}
			}
			if len(at) > 0 {
				t.Errorf("it was not killed at %q", at)
			}
			if len(record.Refused) > 0 || record.Finished.IsZero() {
				t.Errorf("%+v", record)
			}
			deeds := 0
			for _, n := range record.Deeds {
				deeds += n
			}
			if deeds != organizes+attends {
				t.Errorf("deeds %v, want %d", record.Deeds, organizes+attends)
			}
			again, err := admin.PlanOffboarding(t.Context(), dialAdmin(t, c), r)
			if err != nil || again.Organizes+again.Attends+again.Rooms+again.Delegates+again.Delegators+again.Devices+again.Links != 0 {
				t.Errorf("afterwards: %+v %v", again, err)
			}
			server.kill()
			readState(t, c).compare(t, list, before, tt.to != "", record.Begun)
		})
	}
}

// newCommandOf is newCommand of a program that was built.
func newCommandOf(t *testing.T, program string, c config.Config) *command {
	t.Helper()
	return &command{t, program, writeConfig(t, c)}
}

// What is erased is in no file, and who is active is not erased.
func TestErase(t *testing.T) {
	t.Parallel()
	const marker = "a-secret-of-anns"
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	list := plannedMeetings(time.Now().UTC())[:18]
	for i := range list {
		if list[i].owner == "ann" && i%9 == 8 {
			list[i].text = strings.Replace(list[i].text, "SUMMARY:", "DESCRIPTION:"+strings.Repeat(marker+" ", 500)+"\r\nSUMMARY:", 1)
		}
	}
	c := leavingConfig(t, m, list)
	s := serve(t, c)
	conn := dialAdmin(t, c)
	r := admin.OffboardRequest{Who: "ann", Erase: true, By: "test"}
	run := func() error {
		_, err := admin.Offboard(t.Context(), conn, r, func(admin.OffboardProgress) {})
		return err
	}
	if err := run(); !errors.Is(err, admin.ErrStillActive) {
		t.Fatal(err)
	}
	var archive bytes.Buffer
	if err := admin.ExportHome(t.Context(), conn, r, &archive); err != nil {
		t.Fatal(err)
	}
	if ics := unzipped(t, archive.Bytes(), "calendar.ics"); strings.Count(ics, "BEGIN:VEVENT") < 10 || !strings.Contains(ics, marker) {
		t.Errorf("%d events", strings.Count(ics, "BEGIN:VEVENT"))
	}
	testenv.WriteFile(t, c.Directory.File.File, leavingLDIF(admin.StateGone))
	r.Who = annGUID
	eventually(t, "she is gone", func() bool {
		p, err := admin.PlanOffboarding(t.Context(), conn, r)
		return err == nil && p.State == admin.StateGone
	})
	deeds := []deed{{"principal.export", audit.Socket, "", annGUID, false}}
	eventually(t, "her letters are sent", func() bool {
		err := run()
		if err != nil && !errors.Is(err, admin.ErrMailWaits) {
			t.Fatal(err)
		}
		deeds = append(deeds, deed{"principal.erase", audit.Socket, "", annGUID, err != nil})
		return err == nil
	})
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	wantDeeds(t, c.Server.Data, nil, deeds...)
	files, err := filepath.Glob(filepath.Join(c.Server.Data, "*"))
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil && bytes.Contains(b, []byte(marker)) {
			t.Errorf("%s has what was erased", f)
		}
	}
	if s := readState(t, c); s.homes["ann"] != nil || len(s.homes["bob"]) == 0 {
		t.Errorf("homes: %v", len(s.homes))
	}
}

// unzipped is a file of an archive.
func unzipped(t *testing.T, b []byte, name string) string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(b), int64(len(b)))
	if err != nil {
		t.Fatal(err)
	}
	f, err := z.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
