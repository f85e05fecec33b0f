package imip_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"convene/imip"
	"convene/internal/ical"
	"convene/scheduling"
)

var (
	ann   = &scheduling.Party{Address: "urn:x-uid:A", GUID: "A", Kind: scheduling.Person, CN: "Ann Müller", Emails: []string{"ann@example.com"}}
	guest = &scheduling.Party{Address: "mailto:Gus@elsewhere.example", Kind: scheduling.External}
	site  = &imip.Options{
		Site: imip.Mailbox{Name: "Calendar", Address: "calendar@example.com"}, OwnDomains: []string{"example.com"}, Language: "en",
		Languages: map[string]string{"de": "de", "example": "en", "berlin.example": "de"},
	}
	queued = time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
)

// event is a stored event of ann with guests, as messages have it.
func event(lines ...string) string {
	all := []string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:plan", "DTSTAMP:20260501T080000Z", "SEQUENCE:2",
		"DTSTART;TZID=Europe/Berlin:20260504T120000", "DTEND;TZID=Europe/Berlin:20260504T133000",
		"ORGANIZER;CN=Ann Müller;EMAIL=ann@example.com;SCHEDULE-STATUS=1.1:urn:x-uid:A",
		"ATTENDEE;CN=Ann Müller;EMAIL=ann@example.com;PARTSTAT=ACCEPTED:urn:x-uid:A",
		"ATTENDEE;CN=Gus;RSVP=TRUE;SCHEDULE-STATUS=1.1;X-CALENDARSERVER-AUTO=20260501T080000Z:mailto:gus@elsewhere.example",
		`ATTENDEE;CN=Bob;EMAIL=bob@example.com;MEMBER="urn:x-uid:G":urn:x-uid:B`,
		"ATTENDEE;CN=Staff;CUTYPE=X-SERVER-GROUP:urn:x-uid:G",
		"ATTENDEE;CN=Attic;CUTYPE=ROOM:urn:x-uid:R",
	}
	all = append(append(all, lines...), "END:VEVENT", "END:VCALENDAR", "")
	return strings.Join(all, "\r\n")
}

type fataler interface{ Fatal(...any) }

func object(t fataler, data string) *ical.Object {
	cal, err := ical.Decode([]byte(data), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func letter(t fataler, method scheduling.Method, from, to *scheduling.Party, data string) *imip.Letter {
	m := &scheduling.Message{Method: method, From: from, To: []*scheduling.Party{to}, Data: object(t, data)}
	m.Changed = scheduling.Changes{ical.DateTime{}: {"DTSTART": nil, "LOCATION": nil, "X-OTHER": nil}}
	l, err := imip.NewLetter(m, to)
	if err != nil {
		t.Fatal(err)
	}
	b, err := l.Encode()
	if err != nil {
		t.Fatal(err)
	}
	again, err := imip.Decode(b)
	if err != nil || !slices.Equal(again.RIDs, l.RIDs) || again.Calendar != l.Calendar || again.Ends != l.Ends {
		t.Fatal("decoded: ", err, again)
	}
	return again
}

// Whole mails, byte for byte.
func TestCompose(t *testing.T) {
	summary := []string{
		"SUMMARY:Plan <b>B</b>\\, part 1", "LOCATION:Attic", "DESCRIPTION:First line\\nSecond <i>line</i> & more", "URL:https://example.com/plan",
		"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=5", "X-CALENDARSERVER-PRIVATE-COMMENT:secret", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER:-PT5M", "END:VALARM",
	}
	reply := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:theirs", "DTSTAMP:20260501T080000Z",
		"DTSTART;VALUE=DATE:20260504", "SUMMARY:Fair", "ORGANIZER;SCHEDULE-STATUS=1.1:mailto:olga@elsewhere.example",
		"ATTENDEE;CN=Ann;EMAIL=a.mueller@example.com;PARTSTAT=TENTATIVE:urn:x-uid:A", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	berlin := &scheduling.Party{Address: "mailto:gus@office.berlin.example", Kind: scheduling.External}
	stranger := &scheduling.Party{Address: "urn:x-uid:A", GUID: "A", CN: `Ann "A" Müller`, Emails: []string{"ann@other.example"}}
	for _, c := range []struct {
		name   string
		letter *imip.Letter
		first  string
	}{
		{"request", letter(t, scheduling.Request, ann, guest, event(summary...)), ""},
		{"update", letter(t, scheduling.Request, ann, guest, event(summary...)), "first@example.com"},
		{"cancel-german", letter(t, scheduling.Cancel, ann, berlin, event("SUMMARY:Plan", "STATUS:CANCELLED")), "first@example.com"},
		{"reply", letter(t, scheduling.Reply, ann, &scheduling.Party{Address: "mailto:olga@elsewhere.example", Kind: scheduling.External}, reply), ""},
		{"via", letter(t, scheduling.Request, stranger, guest, strings.ReplaceAll(event("SUMMARY:Plan"), "EMAIL=ann@example.com", "EMAIL=ann@other.example")), ""},
		{"instance", letter(t, scheduling.Request, ann, guest, event("RECURRENCE-ID;TZID=Europe/Berlin:20260504T110000")), ""},
		{"behalf", behalf(t, ann, tom, guest), ""},
		{"behalf-german", behalf(t, ann, tom, berlin), "first@example.com"},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := imip.Compose(c.letter, imip.Occasion{Date: queued, First: c.first}, site)
			if err != nil {
				t.Fatal(err)
			}
			if m.To != c.letter.To.Address {
				t.Errorf("to %s", m.To)
			}
			again, err := imip.Compose(c.letter, imip.Occasion{Date: queued, First: c.first}, site)
			if err != nil || !bytes.Equal(again.Body, m.Body) {
				t.Errorf("composed again it is another mail (%v)", err)
			}
			checkMail(t, c.letter, m.Body)
			golden(t, c.name, m)
		})
	}
}

var tom = &scheduling.Party{Address: "urn:x-uid:T", GUID: "T", Kind: scheduling.Person, CN: "Tom Töpfer", Emails: []string{"tom@example.com"}}

// behalf is an invitation that somebody sends for its organizer.
func behalf(t fataler, from, by, to *scheduling.Party) *imip.Letter {
	data := strings.ReplaceAll(event("SUMMARY:Plan"), "EMAIL=ann@example.com", "EMAIL="+from.Emails[0])
	l, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: from, SentBy: by, Data: object(t, data)}, to)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// Who sends in the name of the organizer is the Sender (RFC 5322 §3.6.2), if the
// submission server may send for them, and SENT-BY of the calendar part; also behind the
// queue.
func TestSender(t *testing.T) {
	elsewhere, unknown := *tom, *tom
	elsewhere.Emails, unknown.Emails = []string{"tom@elsewhere.example"}, nil
	stranger := *ann
	stranger.Emails = []string{"ann@other.example"}
	for _, c := range []struct {
		name                 string
		from, by             *scheduling.Party
		sender, sentBy, says string
	}{
		{"an assistant", ann, tom, "tom@example.com", "mailto:tom@example.com", "Sent by: Tom Töpfer <tom@example.com>"},
		{"in another domain", ann, &elsewhere, "", "mailto:tom@elsewhere.example", "Sent by: Tom Töpfer <tom@elsewhere.example>"},
		{"without a mail address", ann, &unknown, "", "", ""},
		{"nobody", ann, nil, "", "", ""},
		{"for an organizer in another domain", &stranger, tom, "tom@example.com", "mailto:tom@example.com", "Sent by: Tom Töpfer <tom@example.com>"},
	} {
		b, err := behalf(t, c.from, c.by, guest).Encode()
		if err != nil {
			t.Fatal(err)
		}
		l, err := imip.Decode(b)
		if err != nil {
			t.Fatal(err)
		}
		m, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
		if err != nil {
			t.Fatal(err)
		}
		read, err := mail.ReadMessage(bytes.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		sender := ""
		if list, err := read.Header.AddressList("Sender"); err == nil && len(list) == 1 {
			sender = list[0].Address
		}
		parts := partsOf(t, m.Body)
		cal, err := ical.Decode([]byte(strings.Replace(parts[2].body, "METHOD:REQUEST\r\n", "", 1)), ical.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		o, err := ical.NewObject(cal)
		if err != nil {
			t.Fatal(err)
		}
		sentBy := o.Master.Prop("ORGANIZER").Param("SENT-BY")
		if sender != c.sender || sentBy != c.sentBy || !strings.Contains(parts[0].body, c.says) || strings.Contains(parts[0].body, "Sent by") != (c.says != "") {
			t.Errorf("%s: Sender %q, SENT-BY %q, %s", c.name, sender, sentBy, parts[0].body)
		}
		if own := c.from == ann; (m.From == "ann@example.com") != own {
			t.Errorf("%s: from %s", c.name, m.From)
		}
	}
}

// A letter as it was queued before it said by whom it is sent.
func TestOldLetter(t *testing.T) {
	b, err := os.ReadFile(filepath.Join("testdata", "old-letter.json"))
	if err != nil {
		t.Fatal(err)
	}
	l, err := imip.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	m, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
	if err != nil || bytes.Contains(m.Body, []byte("\r\nSender:")) {
		t.Fatalf("%v\n%s", err, m.Body)
	}
	checkMail(t, l, m.Body)
	again, err := l.Encode()
	if err != nil || !bytes.Equal(again, bytes.TrimSpace(b)) {
		t.Errorf("encoded again it is %s (%v)", again, err)
	}
}

// golden compares with a file: the mail, and behind it its parts as they are read.
func golden(t *testing.T, name string, m *imip.Mail) {
	t.Helper()
	var out strings.Builder
	fmt.Fprintf(&out, "MAIL FROM:<%s>\nRCPT TO:<%s>\n\n%s", m.From, m.To, m.Body)
	for _, p := range partsOf(t, m.Body) {
		fmt.Fprintf(&out, "\n======== %s\n%s", p.kind, p.body)
	}
	got := strings.ReplaceAll(out.String(), "\r\n", "\n")
	file := filepath.Join("testdata", name+".eml")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s is not as expected; UPDATE=1 writes it anew:\n%s", file, got)
	}
}

type mimePart struct {
	kind   string
	params map[string]string
	body   string
}

// partsOf reads a mail with another library than wrote it.
func partsOf(t fataler, body []byte) []mimePart {
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	return multiparts(t, m.Header.Get("Content-Type"), m.Body)
}

func multiparts(t fataler, contentType string, r io.Reader) (list []mimePart) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	reader := multipart.NewReader(r, params["boundary"])
	for {
		p, err := reader.NextRawPart()
		if err == io.EOF {
			return list
		}
		if err != nil {
			t.Fatal(err)
		}
		kind, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(kind, "multipart/") {
			list = append(list, multiparts(t, p.Header.Get("Content-Type"), p)...)
			continue
		}
		var decoded io.Reader = quotedprintable.NewReader(p)
		if p.Header.Get("Content-Transfer-Encoding") == "base64" {
			decoded = base64.NewDecoder(base64.StdEncoding, p)
		}
		b, err := io.ReadAll(decoded)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, mimePart{kind, params, string(b)})
	}
}

// checkMail expects of any mail what RFC 6047 §2 and RFC 5322 §2 want of all.
func checkMail(t interface {
	fataler
	Errorf(string, ...any)
}, l *imip.Letter, body []byte) {
	for line := range strings.SplitSeq(string(body), "\r\n") {
		if len(line) > 78 || strings.ContainsAny(line, "\r\n\x00") {
			t.Errorf("a line of %d bytes: %q", len(line), line)
		}
		for i := range len(line) {
			if line[i] >= 0x80 {
				t.Errorf("not ASCII: %q", line)
				break
			}
		}
	}
	m, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range m.Header {
		if len(values) != 1 || !slices.Contains(fields, name) {
			t.Errorf("field %s is %q", name, values)
		}
	}
	if to, err := m.Header.AddressList("To"); err != nil || len(to) != 1 || to[0].Address != l.To.Address {
		t.Errorf("To: %v, %v", to, err)
	}
	if reply, err := m.Header.AddressList("Reply-To"); err != nil || len(reply) != 1 || reply[0].Address != l.From.Address {
		t.Errorf("Reply-To: %v, %v", reply, err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject"))
	if err != nil || strings.ContainsAny(subject, "\r\n") {
		t.Errorf("Subject: %q, %v", subject, err)
	}
	parts := partsOf(t, body)
	if len(parts) != 4 || parts[0].kind != "text/plain" || parts[1].kind != "text/html" || parts[2].kind != "text/calendar" || parts[3].kind != "application/ics" {
		t.Errorf("parts are %+v", parts)
		return
	}
	calendar := parts[2]
	if calendar.params["method"] != string(l.Method) || strings.Count(calendar.body, "METHOD:"+string(l.Method)+"\r\n") != 1 || parts[3].body != calendar.body {
		t.Errorf("calendar part %v: %s", calendar.params, calendar.body)
	}
	if strings.Contains(parts[1].body, "<script") || strings.Contains(parts[1].body, "<img") {
		t.Errorf("the HTML is %s", parts[1].body)
	}
}

// fields are those of the header of any mail.
var fields = []string{
	"From", "Sender", "Reply-To", "To", "Subject", "Date", "Message-Id", "In-Reply-To", "References", "Auto-Submitted", "X-Auto-Response-Suppress", "Mime-Version", "Content-Type",
}

// Whatever people write stays what it is: no more fields, recipients or parts.
func TestNothingIsInjected(t *testing.T) {
	nasty := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"x\r\nBcc: evil@example.com", "x\nSubject: other", "\u2028Bcc: evil@example.com", "<script>alert(1)</script>", `" <evil@example.com>, "`, "=?utf-8?q?x=0ABcc:_evil@example.com?=",
		"<img src=http://evil.example/>", strings.Repeat("long ", 200), strings.Repeat("x", 500), "--=_m", "ä\x00\x1b[31m\u202eevil", ".\r\n.\r\nQUIT",
	}))
	rapid.Check(t, func(t *rapid.T) {
		o := object(t, event("SUMMARY:x"))
		c := o.Master
		for _, name := range []string{"SUMMARY", "LOCATION", "DESCRIPTION", "COMMENT"} {
			c.Set(ical.TextProperty(name, clean(nasty.Draw(t, name))))
		}
		c.Prop("ORGANIZER").SetParam("CN", clean(nasty.Draw(t, "CN")))
		for _, p := range c.AllProps("ATTENDEE") {
			p.SetParam("CN", clean(nasty.Draw(t, "attendee")))
		}
		from, by := *ann, *tom
		from.CN, by.CN = nasty.Draw(t, "from"), nasty.Draw(t, "by")
		l, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: &from, SentBy: &by, Data: o}, guest)
		if err != nil {
			t.Fatal(err)
		}
		m, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
		if err != nil {
			t.Fatal(err)
		}
		checkMail(t, l, m.Body)
	})
}

// clean is s as calendar data can have it: without control characters but line ends.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func TestMailboxes(t *testing.T) {
	for _, good := range []string{"mailto:a@example.com", "MAILTO:a.b+c@example.com", "a@example.com"} {
		if _, err := imip.NewMailbox("", good); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for _, bad := range []string{
		"", "mailto:", "a", "a@", "@b", "a@b\r\nRCPT TO:<c@d>", "a b@c", "<a@b>", "a@b,c@d", `"a b"@c`, "a@[1.2.3.4]", "x <a@b>", "a@b>", strings.Repeat("a", 250) + "@b.de", "a(c)@b", "ä@b.de", "a@bü.de",
		"a@b.de?cc=c", "mailto:a@b.de?subject=x", "a@b.de%0d%0aRCPT", "a@b.de.", "a@b_c.de", "a@b.de\x00", "a@b.de> SIZE=1", "=?utf-8?q?a=40b?=@c.de?=",
	} {
		if m, err := imip.NewMailbox("", bad); err == nil {
			t.Errorf("%q is %v", bad, m)
		}
	}
	none := *ann
	none.Emails = nil
	o := object(t, strings.ReplaceAll(event("SUMMARY:x"), ";EMAIL=ann@example.com", ""))
	if _, err := imip.NewLetter(&scheduling.Message{Method: scheduling.Request, From: &none, Data: o}, guest); err == nil {
		t.Error("a sender without an address has a letter")
	}
}

// Letters about other instances, or that say something new, have another key; all
// about one object to one recipient have one thread.
func TestKeys(t *testing.T) {
	a := letter(t, scheduling.Request, ann, guest, event("SUMMARY:a"))
	b := letter(t, scheduling.Request, ann, guest, strings.Replace(event("SUMMARY:a"), "T080000Z", "T080001Z", 1))
	c := letter(t, scheduling.Cancel, ann, guest, event("SUMMARY:a"))
	d := letter(t, scheduling.Request, ann, guest, event("RECURRENCE-ID;TZID=Europe/Berlin:20260504T120000"))
	e := letter(t, scheduling.Request, ann, guest, event("RECURRENCE-ID:20260504T100000Z"))
	all := []*imip.Letter{a, b, c, d}
	for i, x := range all {
		for j, y := range all {
			if (x.Key() == y.Key()) != (i == j) || x.Thread() != y.Thread() {
				t.Errorf("%d and %d", i, j)
			}
		}
	}
	if !a.Whole() || d.Whole() || !a.SameInstances(b) || a.SameInstances(d) || len(e.RIDs) != 1 {
		t.Errorf("instances: %q %q %q", a.RIDs, d.RIDs, e.RIDs)
	}
}

// A submission server that checks for whom an account may send takes what is for people
// alone: it is from the service, with no other Sender, whoever's meeting it is about.
func TestMailForPeopleIsFromTheService(t *testing.T) {
	for name, l := range map[string]*imip.Letter{
		"asks": asking(t, false), "missed": missed(t), "copied": copied(t, scheduling.Request, event("SUMMARY:Plan")),
	} {
		l.SentBy = imip.Mailbox{Address: tom.Emails[0]}
		m, err := imip.Compose(l, imip.Occasion{Date: queued}, site)
		if err != nil {
			t.Fatal(err)
		}
		read, err := mail.ReadMessage(bytes.NewReader(m.Body))
		if err != nil {
			t.Fatal(err)
		}
		from, err := read.Header.AddressList("From")
		if err != nil {
			t.Fatal(err)
		}
		if m.From != site.Site.Address || len(from) != 1 || from[0].Address != site.Site.Address || read.Header.Get("Sender") != "" {
			t.Errorf("%s: MAIL FROM %s, From %v, Sender %q", name, m.From, from, read.Header.Get("Sender"))
		}
		if to, err := read.Header.AddressList("Reply-To"); err != nil || len(to) != 1 || to[0].Address != ann.Emails[0] {
			t.Errorf("%s: answers go to %v, %v", name, to, err)
		}
		if strings.Contains(string(m.Body), "text/calendar") {
			t.Errorf("%s has a calendar part", name)
		}
	}
}

// A REQUEST has what RFC 5546 wants of every one, whether what is stored has it or not; a
// CANCEL says nothing more than it has.
func TestRequestIsComplete(t *testing.T) {
	task := strings.NewReplacer("VEVENT", "VTODO", "DTEND", "DUE").Replace(event())
	for _, c := range []struct {
		name   string
		method scheduling.Method
		data   string
		want   map[string][]string // property: its values
	}{
		{"event", scheduling.Request, event(), map[string][]string{"SUMMARY": {""}, "PRIORITY": nil}},
		{"event that says it", scheduling.Request, event("SUMMARY:Plan", "PRIORITY:5"), map[string][]string{"SUMMARY": {"Plan"}, "PRIORITY": {"5"}}},
		{"task", scheduling.Request, task, map[string][]string{"SUMMARY": {""}, "PRIORITY": {"0"}}},
		{"cancel", scheduling.Cancel, task, map[string][]string{"SUMMARY": nil, "PRIORITY": nil}},
	} {
		t.Run(c.name, func(t *testing.T) {
			sent, err := ical.Decode([]byte(letter(t, c.method, ann, guest, c.data).Calendar), ical.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			part := sent.Children[len(sent.Children)-1]
			for name, want := range c.want {
				var got []string
				for _, p := range part.AllProps(name) {
					got = append(got, p.Value)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s: %q, want %q", name, got, want)
				}
			}
		})
	}
}

// All addresses that leave the server by mail are of mail (RFC 6047 §2.3): others are no
// use to who gets it.
func TestAddressesOfMail(t *testing.T) {
	l := letter(t, scheduling.Request, ann, guest, event(
		"ATTENDEE;CN=Phone:tel:+49-30-901820", "ATTENDEE;CN=Old:urn:uuid:5ca1ab1e-0000-4000-8000-000000000000", "ATTENDEE:/principals/users/none/",
		`ATTENDEE;CN=Ben;SENT-BY="tel:+1";DELEGATED-FROM="urn:x-uid:P","mailto:cy@elsewhere.example":mailto:ben@elsewhere.example`,
		`ATTENDEE;CN=Cy;DELEGATED-TO="mailto:ben@elsewhere.example";SENT-BY="mailto:sec@elsewhere.example":MAILTO:cy@elsewhere.example`))
	sent, err := ical.Decode([]byte(l.Calendar), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, name := range []string{"ORGANIZER", "ATTENDEE"} {
		for _, p := range sent.Children[len(sent.Children)-1].AllProps(name) {
			line := p.Value
			for _, param := range []string{"SENT-BY", "DELEGATED-TO", "DELEGATED-FROM"} {
				if p.Has(param) {
					line += " " + param + "=" + p.Param(param)
				}
			}
			got = append(got, line)
		}
	}
	want := []string{
		"mailto:ann@example.com", "mailto:ann@example.com", "mailto:gus@elsewhere.example", "mailto:bob@example.com", "mailto:ben@elsewhere.example",
		"MAILTO:cy@elsewhere.example SENT-BY=mailto:sec@elsewhere.example DELEGATED-TO=mailto:ben@elsewhere.example",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\nwant %q", got, want)
	}
}
