package server_test

import (
	"os"
	"strings"
	"testing"

	"convene/config"
	"convene/testenv"
)

const tomGUID = "11111111-0000-0000-0000-000000000004"

// withTom adds somebody with a mail address to the people of a configuration.
func withTom(t *testing.T, c config.Config) {
	t.Helper()
	f, err := os.OpenFile(c.Directory.File.File, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteString("\ndn: uid=tom,dc=example,dc=com\nobjectClass: inetOrgPerson\nuid: tom\ncn: Tom Example\nsn: Example\n" +
		"mail: tom@example.com\nuserPassword: secret\nentryUUID: " + tomGUID + "\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// assisted is a server with mail on which tom writes to ann's calendars.
func assisted(t *testing.T, m *testenv.SMTP) *drill {
	t.Helper()
	d := &drill{t: t, c: mailConfig(t, m)}
	withTom(t, d.c)
	d.start()
	d.status(404, "GET", annEventURL, "ann", "")
	d.name(annWriters, tomGUID)
	return d
}

// What an assistant sends is from the organizer, and names the assistant: as Sender, as
// SENT-BY, and to people (RFC 5322 §3.6.2, RFC 5545 §3.2.18). What the organizer sends
// names nobody.
func TestMailedByAssistant(t *testing.T) {
	t.Parallel()
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	d := assisted(t, m)
	plan := invitation("plan", "Plan", "gus@elsewhere.example")
	d.status(201, "PUT", annHome+"calendar/plan.ics", "tom", plan)
	got := mails(t, m, 1)[0]
	calendar, _, header := calendarPart(t, got.Text)
	if got.From != "<ann@example.com>" || header.Get("From") != `"Ann Example" <ann@example.com>` || header.Get("Sender") != `"Tom Example" <tom@example.com>` ||
		header.Get("Reply-To") != header.Get("From") {
		t.Errorf("from %s: %v", got.From, header)
	}
	if !strings.Contains(strings.ReplaceAll(calendar, "\r\n ", ""), `SENT-BY="mailto:tom@example.com":mailto:ann@example.com`) {
		t.Errorf("no SENT-BY in %s", calendar)
	}
	d.status(204, "PUT", annHome+"calendar/plan.ics", "ann", strings.Replace(plan, "T120000", "T130000", 1))
	calendar, _, header = calendarPart(t, mails(t, m, 2)[1].Text)
	if header.Get("Sender") != "" || strings.Contains(calendar, "SENT-BY") {
		t.Errorf("ann's own mail: %v %s", header, calendar)
	}
	verifyStore(t, d.running, d.c)
}
