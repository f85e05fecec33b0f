package server_test

import (
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/admin"
	"convene/delegation"
	"convene/testenv"
)

const danGUID = "11111111-0000-0000-0000-000000000004"

// toldLDIF has four people with mail addresses, and a room that dan owns.
var toldLDIF = strings.Replace(oakLDIF, "cn: Bob Example\n", "cn: Bob Example\nmail: bob@example.com\n", 1) + "owner: uid=dan,dc=example,dc=com\n"

// newToldDrill starts a server that sends mail, by a clock of the test's.
func newToldDrill(t *testing.T) (*drill, *clock, *testenv.SMTP) {
	t.Helper()
	m, now := testenv.NewSMTP(t, testenv.SMTPOptions{}), new(clock)
	now.set(time.Now().Truncate(time.Second))
	c := mailConfig(t, m)
	c.Directory.File.File = testenv.WriteFile(t, filepath.Join(testenv.Dir(t), "people.ldif"), toldLDIF)
	c.Directory.File.Locations.Filter = "(objectClass=room)"
	c.Access.Administrators, c.Access.Sudoers = []string{"user:dan"}, []string{"user:bob"}
	d := &drill{t: t, c: c}
	d.running = serveAt(t, c, now.now)
	return d, now, m
}

// letterTo reads a mail as its recipient does: to whom, the subject, and the text.
func letterTo(t *testing.T, m testenv.Mail) string {
	t.Helper()
	msg, err := mail.ReadMessage(strings.NewReader(m.Text))
	if err != nil {
		t.Fatal(err)
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		t.Fatal(err)
	}
	first, err := multipart.NewReader(msg.Body, params["boundary"]).NextPart()
	if err != nil {
		t.Fatal(err)
	}
	if _, params, err = mime.ParseMediaType(first.Header.Get("Content-Type")); err != nil {
		t.Fatal(err)
	}
	var kinds []string
	var text string
	for r := multipart.NewReader(first, params["boundary"]); ; {
		p, err := r.NextRawPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, _, _ := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if kinds = append(kinds, kind); kind == "text/plain" {
			b, err := io.ReadAll(quotedprintable.NewReader(p))
			if err != nil {
				t.Fatal(err)
			}
			text, _, _ = strings.Cut(strings.ReplaceAll(string(b), "\r\n", "\n"), "\n-- \n")
		}
	}
	if !slices.Equal(kinds, []string{"text/plain", "text/html"}) {
		t.Errorf("parts %q", kinds)
	}
	return strings.Trim(m.To, "<>") + ": " + msg.Header.Get("Subject") + "\n" + text
}

// wantLetters waits until so many more letters are there, and compares them, in any order.
func wantLetters(t *testing.T, m *testenv.SMTP, before int, want ...string) int {
	t.Helper()
	var got []string
	for _, one := range mails(t, m, before+len(want))[before:] {
		got = append(got, letterTo(t, one))
	}
	for i := range want {
		want[i] = strings.TrimSpace(want[i]) + "\n"
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("letters\n%s\nwant\n%s", strings.Join(got, "----\n"), strings.Join(want, "----\n"))
	}
	return before + len(want)
}

// Whose delegates somebody else changes is told once for each act, whoever did it and by
// whatever way, and so is a delegate who is to be told; who did it themselves is not.
func TestDelegatorsAreTold(t *testing.T) {
	t.Parallel()
	d, now, m := newToldDrill(t)
	c := d.conn()
	d.name(annWriters, bobGUID) // ann herself: nobody is told
	n := 0

	// An administrator, by a client.
	d.status(207, "PROPPATCH", annsReaders, "dan", membersBody(danGUID))
	n = wantLetters(t, m, n, "ann@example.com: Who acts for you has changed\nDan Example has changed who acts for whom in the calendar.\n\nFor you: New: Dan Example, to read")

	// Somebody who acts as her.
	a := do(t, client(), "PROPPATCH", d.HTTP+annsReaders, "bob", membersBody(), "X-Authorize-As: ann")
	if a.StatusCode != 207 {
		t.Fatalf("%s\n%s", a.Status, a.Body)
	}
	n = wantLetters(t, m, n, "ann@example.com: Who acts for you has changed\nBob Example has changed who acts for whom in the calendar.\n\nFor you: Removed: Dan Example")
	history, err := admin.DelegateHistory(t.Context(), c, admin.DelegateHistoryRequest{Who: "ann"})
	if last := len(history) - 1; err != nil || history[last].Sudo != bobGUID || !strings.Contains(string(d.read("audit.log")), `"as":{`) {
		t.Errorf("%+v, %v", history, err)
	}

	// A command, with an end; the delegate is told as well.
	mailed := delegation.NotifyMail
	until := now.now().Add(48 * time.Hour).UTC()
	change := admin.DelegateChange{Delegator: "ann", Delegate: "bob", Level: delegation.LevelWrite, Limits: delegation.Limits{Until: until}, Notify: &mailed, By: "test"}
	if _, err := admin.AddDelegate(t.Context(), c, change); err != nil {
		t.Fatal(err)
	}
	end := until.Format("Monday, January 2, 2006, 3:04 PM") + " (UTC)"
	n = wantLetters(t, m, n,
		"ann@example.com: Who acts for you has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor you: Changed: Bob Example, to read and change, until "+end,
		"bob@example.com: Who acts for others has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor Ann Example: Changed: you, to read and change, until "+end)
	if _, err := admin.AddDelegate(t.Context(), c, change); err != nil { // it is so already
		t.Fatal(err)
	}

	// The end is reached.
	now.set(until)
	n = wantLetters(t, m, n,
		"ann@example.com: Who acts for you has changed\nThe time is over for which somebody acts for another in the calendar.\n\nFor you: Over: Bob Example",
		"bob@example.com: Who acts for others has changed\nThe time is over for which somebody acts for another in the calendar.\n\nFor Ann Example: Over: you")

	// A file is one act: one letter to each, whatever it says of them.
	csv := "delegator,delegate,level\nann,bob,write\nann,group:team,read\nbob,dan,write\nbob,ann,read\n"
	if _, err := admin.LoadDelegates(t.Context(), c, admin.DelegateLoad{Format: admin.FormatCSV, Text: []byte(csv), By: "test"}); err != nil {
		t.Fatal(err)
	}
	before := n
	n = before + 2
	for _, one := range mails(t, m, n)[before:] {
		text := letterTo(t, one)
		if strings.Count(text, "New: ")+strings.Count(text, "Changed: ") != 2 || !strings.Contains(text, "For you: ") {
			t.Errorf("%s", text)
		}
	}

	// What ends by hand; the server is restarted in between, and nothing is told twice.
	if _, err := admin.RemoveDelegate(t.Context(), c, admin.DelegateChange{Delegator: "bob", Delegate: "dan", By: "test"}); err != nil {
		t.Fatal(err)
	}
	d.stopped()
	d.running = serveAt(t, d.c, now.now)
	n = wantLetters(t, m, n, "bob@example.com: Who acts for you has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor you: Removed: Dan Example")

	// A stand-in for somebody's delegate.
	c = d.conn()
	if _, err := admin.ChangeStandIn(t.Context(), c, admin.StandInChange{Delegate: "bob", StandIn: "dan", Until: now.now().Add(time.Hour), For: []string{"ann"}, By: "test"}); err != nil {
		t.Fatal(err)
	}
	n = wantLetters(t, m, n, "ann@example.com: Who acts for you has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor you: New: Dan Example, in the place of Bob Example, until "+
		now.now().Add(time.Hour).UTC().Format("Monday, January 2, 2006, 3:04 PM")+" (UTC)")

	// A room reads no mail: who looks after it is told.
	if _, err := admin.AddDelegate(t.Context(), c, admin.DelegateChange{Delegator: "oak", Delegate: "bob", Level: delegation.LevelRead, By: "test"}); err != nil {
		t.Fatal(err)
	}
	n = wantLetters(t, m, n, "dan@example.com: Who acts for others has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor Oak Room: New: Bob Example, to read")

	// The directory names another owner: both are told by one letter each, if they still look after it.
	testenv.WriteFile(t, d.c.Directory.File.File, toldLDIF+"owner: uid=ann,dc=example,dc=com\n")
	if err := admin.Reload(t.Context(), c, admin.Request{By: "test"}); err != nil {
		t.Fatal(err)
	}
	now.set(now.now().Add(2 * time.Minute)) // when it is read again
	text := "The directory has changed who acts for whom in the calendar.\n\nFor Oak Room: New: Ann Example, to read and change, to look after the list"
	n = wantLetters(t, m, n, "ann@example.com: Who acts for others has changed\n"+text, "dan@example.com: Who acts for others has changed\n"+text)

	eventually(t, "an empty queue", func() bool { return len(waits(t, d.c)) == 0 })
	if got := len(m.Mails()); got != n {
		t.Errorf("%d mails, want %d", got, n)
	}
	d.stopped()
	verifyStore(t, d.running, d.c)
}

// Who has switched it off is not told, and without a mail server one line of the log says
// that nobody is; what was not told then is not told later.
func TestDelegatorsAreNotTold(t *testing.T) {
	d, now, m := newToldDrill(t)
	d.stopped()
	server := d.c.Mail.Server
	d.c.Mail.Server = ""
	d.running = serveAt(t, d.c, now.now)
	for range 2 {
		d.status(207, "PROPPATCH", annWriters, "dan", membersBody(bobGUID))
		d.status(207, "PROPPATCH", annWriters, "dan", membersBody())
	}
	eventually(t, "a line of the log", func() bool { return strings.Contains(d.Log.String(), "nobody is told: no mail is configured") })
	d.stopped()
	if n := strings.Count(d.Log.String(), "nobody is told"); n != 1 {
		t.Errorf("the log says %d times that nobody is told", n)
	}
	d.c.Mail.Server, d.c.Delegates.Tell = server, false
	d.running = serveAt(t, d.c, now.now)
	d.status(207, "PROPPATCH", annWriters, "dan", membersBody(bobGUID))
	mailed := delegation.NotifyMail
	if _, err := admin.AddDelegate(t.Context(), d.conn(), admin.DelegateChange{Delegator: "ann", Delegate: "bob", Level: delegation.LevelRead, Notify: &mailed, By: "test"}); err != nil {
		t.Fatal(err)
	}
	wantLetters(t, m, 0, "bob@example.com: Who acts for others has changed\nAn administrator (root) has changed who acts for whom in the calendar.\n\nFor Ann Example: Changed: you, to read")
}

// A change of very many people is told in several transactions, each of them once.
func TestManyAreTold(t *testing.T) {
	const many = 450
	var ldif, csv strings.Builder
	ldif.WriteString(toldLDIF)
	csv.WriteString("delegator,delegate,level\n")
	for i := range many {
		fmt.Fprintf(&ldif, "\ndn: uid=p%d,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: p%d\ncn: P %d\nsn: P\nmail: p%d@example.com\nentryUUID: 33333333-0000-0000-0000-%012d\n", i, i, i, i, i)
		fmt.Fprintf(&csv, "p%d,bob,read\n", i)
	}
	d, _, m := newToldDrill(t)
	testenv.WriteFile(t, d.c.Directory.File.File, ldif.String())
	if err := admin.Reload(t.Context(), d.conn(), admin.Request{By: "test"}); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.LoadDelegates(t.Context(), d.conn(), admin.DelegateLoad{Format: admin.FormatCSV, Text: []byte(csv.String()), By: "test"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "all letters", func() bool { return len(m.Mails()) >= many })
	got := map[string]int{}
	for _, one := range m.Mails() {
		got[one.To]++
	}
	if len(got) != many || len(m.Mails()) != many {
		t.Errorf("%d mails to %d people", len(m.Mails()), len(got))
	}
}
