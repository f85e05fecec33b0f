package imip_test

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"convene/imip"
	"convene/scheduling"
)

// asking is a letter to somebody who may approve a booking.
func asking(t *testing.T, reminder bool) *imip.Letter {
	t.Helper()
	l, err := imip.NewAsking(object(t, event("SUMMARY:Plan", "DESCRIPTION:secret", "RRULE:FREQ=MONTHLY;UNTIL=20270101T000000Z")), ann, "olga@example.com", "",
		imip.Asks{ID: "3-17", Room: "Attic", Until: queued.Add(48 * time.Hour).Unix(), Zone: "Europe/Berlin", Against: true, Reminder: reminder})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// news is a letter about delegates; without parts it has one of each kind.
func news(t *testing.T, by imip.NewsBy, name string, parts ...imip.NewsPart) *imip.Letter {
	t.Helper()
	if parts == nil {
		parts = []imip.NewsPart{{Changes: []imip.NewsLine{
			{What: imip.NewsAdded, Who: "Tom Berg", Write: true, Until: queued.Unix()},
			{What: imip.NewsChanged, Who: "Eve\r\nBcc: all@example.com", From: queued.Unix(), Some: true, Private: true},
			{What: imip.NewsAdded, Who: "Sofia", For: "Tom Berg", From: queued.Unix(), Until: queued.Add(time.Hour).Unix()},
			{What: imip.NewsAdded, Who: "Team", Write: true, NoSchedule: true},
			{What: imip.NewsRemoved, Who: "Ines"},
		}}}
	}
	l, err := imip.NewNews("A", "Ann", "a.mueller@example.com", "", imip.News{ID: "delegates-7", By: by, Name: name, About: parts})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// copied is a letter to tom, who acts for gus.
func copied(t *testing.T, method scheduling.Method, data string) *imip.Letter {
	t.Helper()
	l, err := imip.NewCopied(&scheduling.Message{Method: method, From: ann, Data: object(t, data)}, &scheduling.Party{GUID: "G", CN: "Gus Guest"}, imip.Mailbox{Address: "tom@example.com"}, "")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// missed is a letter to the owner of a room that nobody came to.
func missed(t *testing.T) *imip.Letter {
	t.Helper()
	l, err := imip.NewAsking(object(t, event("SUMMARY:Plan", "DESCRIPTION:secret")), ann, "olga@example.com", "", imip.Asks{Room: "Attic", NoShows: true, Released: true})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// answerOf is a reply to a meeting of somebody elsewhere.
func answerOf(t *testing.T, partStat string) *imip.Letter {
	t.Helper()
	data := strings.Join([]string{
		"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//test//EN", "BEGIN:VEVENT", "UID:theirs", "DTSTAMP:20260501T080000Z",
		"DTSTART;VALUE=DATE:20260504", "DTEND;VALUE=DATE:20260506", "SUMMARY:Fair", "ORGANIZER:mailto:olga@elsewhere.example",
		"ATTENDEE;CN=Ann;EMAIL=a.mueller@example.com;PARTSTAT=" + partStat + ":urn:x-uid:A", "END:VEVENT", "END:VCALENDAR", "",
	}, "\r\n")
	return letter(t, scheduling.Reply, ann, &scheduling.Party{Address: "mailto:olga@elsewhere.example", Kind: scheduling.External}, data)
}

// All that people read, in each language; and that all that is in the catalogue of a
// language can be read somewhere.
func TestTexts(t *testing.T) {
	invited := event("SUMMARY:Plan", "LOCATION:Attic", "RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;COUNT=5")
	everything := letter(t, scheduling.Request, ann, guest, event("URL:https://example.com/", "DESCRIPTION:all of it", "RRULE:FREQ=YEARLY"))
	everything.Changed = []string{"DTSTART", "DTEND", "DURATION", "LOCATION", "SUMMARY", "DESCRIPTION", "RRULE", "EXDATE", "RDATE", "ATTENDEE", "URL", "ATTACH", "STATUS", "DUE"}
	wholeDay := strings.NewReplacer("DTSTART;TZID=Europe/Berlin:20260504T120000", "DTSTART;VALUE=DATE:20260504", "DTEND;TZID=Europe/Berlin:20260504T133000", "DTEND;VALUE=DATE:20260505")
	for _, lang := range imip.Languages() {
		o := *site
		o.Language, o.Languages = lang, nil
		var out strings.Builder
		for _, c := range []struct {
			name, first string
			letter      *imip.Letter
		}{
			{"request", "", letter(t, scheduling.Request, ann, guest, invited)},
			{"update", "first@example.com", letter(t, scheduling.Request, ann, guest, invited)},
			{"cancel", "first@example.com", letter(t, scheduling.Cancel, ann, guest, invited)},
			{"task", "", letter(t, scheduling.Request, ann, guest, strings.NewReplacer("VEVENT", "VTODO", "DTEND", "DUE").Replace(event("RRULE:FREQ=DAILY")))},
			{"behalf", "", behalf(t, ann, tom, guest)},
			{"accepted", "", answerOf(t, "ACCEPTED")},
			{"tentative", "", answerOf(t, "TENTATIVE")},
			{"declined", "", answerOf(t, "DECLINED")},
			{"answer", "", answerOf(t, "NEEDS-ACTION")},
			{"asks", "", asking(t, false)},
			{"reminds", "first@example.com", asking(t, true)},
			{"asks with a page", "", onPage(asking(t, false))},
			{"news", "", news(t, imip.ByAccount, "root")},
			{"news of a delegate", "", news(t, imip.ByPerson, "Ann Müller", imip.NewsPart{Whose: "Ann Müller", Changes: []imip.NewsLine{{What: imip.NewsAdded, Write: true, Manage: true}}})},
			{"news of a stand-in", "", news(t, imip.ByTime, "", imip.NewsPart{Changes: []imip.NewsLine{{What: imip.NewsEnded, Who: "Sofia", For: "Tom"}}})},
			{"news of a room", "", news(t, imip.ByDirectory, "", imip.NewsPart{Whose: "Attic", Changes: []imip.NewsLine{{What: imip.NewsRemoved, Who: "Tom"}}})},
			{"noshows", "", missed(t)},
			{"copied", "", copied(t, scheduling.Request, invited)},
			{"copied update", "first@example.com", copied(t, scheduling.Request, invited)},
			{"copied cancel", "first@example.com", copied(t, scheduling.Cancel, invited)},
			{"everything", "first@example.com", everything},
			{"whole day", "", letter(t, scheduling.Request, ann, guest, wholeDay.Replace(event("RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20270101T000000Z")))},
			{"monthly", "", letter(t, scheduling.Request, ann, guest, event("RRULE:FREQ=MONTHLY;INTERVAL=3"))},
			{"weekly", "", letter(t, scheduling.Request, ann, guest, event("RRULE:FREQ=WEEKLY"))},
			{"every other year", "", letter(t, scheduling.Request, ann, guest, event("RRULE:FREQ=YEARLY;INTERVAL=2"))},
			{"from elsewhere", "", letter(t, scheduling.Request, &scheduling.Party{Address: "urn:x-uid:E", GUID: "E", CN: "Eve", Emails: []string{"eve@elsewhere.example"}}, guest, strings.ReplaceAll(event(), "ann@example.com", "eve@elsewhere.example"))},
		} {
			m, err := imip.Compose(c.letter, imip.Occasion{Date: queued, First: c.first}, &o)
			if err != nil {
				t.Fatal(err)
			}
			writeText(t, &out, c.name, m)
		}
		m, err := imip.TestMail(imip.Mailbox{Address: "you@elsewhere.example"}, queued, &o)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "======== test\n%s", plainText(t, m.Body))
		goldenText(t, "texts-"+lang+".txt", out.String())
		for key, text := range imip.TextsOf(lang) {
			if key == "hour" || key == "span" {
				continue // a layout of time
			}
			if part := longest(text); !strings.Contains(out.String(), part) {
				t.Errorf("%s: nothing says %s, %q", lang, key, part)
			}
		}
	}
}

// One letter about very much says that there is more.
func TestNewsIsBounded(t *testing.T) {
	lines, parts := make([]imip.NewsLine, 60), make([]imip.NewsPart, 60)
	for i := range parts {
		lines[i] = imip.NewsLine{What: imip.NewsAdded, Who: fmt.Sprint("person ", i)}
		parts[i] = imip.NewsPart{Whose: fmt.Sprint("boss ", i), Changes: lines}
	}
	m, err := imip.Compose(news(t, imip.ByAccount, "root", parts...), imip.Occasion{Date: queued}, site)
	if err != nil {
		t.Fatal(err)
	}
	text := partsOf(t, m.Body)[0].body
	if n := strings.Count(text, "New: "); n != 50*50 || strings.Count(text, "…") != 52 || len(lines) != 60 || len(parts[0].Changes) != 60 {
		t.Errorf("%d lines, and %d times more", n, strings.Count(text, "…"))
	}
	if m.From != site.Site.Address || strings.Contains(string(m.Body), "Reply-To") || strings.Contains(string(m.Body), "text/calendar") {
		t.Errorf("from %s\n%.600s", m.From, m.Body)
	}
}

// plainText is the subject and the text of a mail of one part.
func plainText(t *testing.T, body []byte) string {
	t.Helper()
	read, err := mail.ReadMessage(bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(quotedprintable.NewReader(read.Body))
	if err != nil {
		t.Fatal(err)
	}
	return subject + "\n\n" + strings.ReplaceAll(string(text), "\r\n", "\n")
}

// longest is the longest part of a text between the places for what is put in.
func longest(text string) (part string) {
	for _, p := range regexp.MustCompile(`%s|%d|\{id\}|\{url\}`).Split(text, -1) {
		if len(p) > len(part) {
			part = p
		}
	}
	return part
}

// writeText writes what people read of a mail.
func writeText(t *testing.T, out *strings.Builder, name string, m *imip.Mail) {
	t.Helper()
	read, err := mail.ReadMessage(strings.NewReader(string(m.Body)))
	if err != nil {
		t.Fatal(err)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(read.Header.Get("Subject"))
	if err != nil {
		t.Fatal(err)
	}
	text := partsOf(t, m.Body)[0]
	if strings.Contains(text.body, "%!") || strings.Contains(text.body, "secret") {
		t.Errorf("%s: %s", name, text.body)
	}
	from, err := read.Header.AddressList("From")
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(from[0].Name, "Eve") {
		subject = from[0].Name + "\n" + subject
	}
	if html := partsOf(t, m.Body)[1].body; name == "request" {
		for _, row := range regexp.MustCompile(`<a [^>]*>([^<]*)</a>`).FindAllStringSubmatch(html, -1) {
			subject += "\n[" + row[1] + "]"
		}
		if i := strings.Index(html, "</th><td><a "); i >= 0 {
			subject += "\n" + html[strings.LastIndex(html[:i], ">")+1:i]
		}
	}
	fmt.Fprintf(out, "======== %s\n%s\n\n%s\n", name, subject, strings.ReplaceAll(text.body, "\r\n", "\n"))
}

func goldenText(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
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

// onPage is a letter that asks, of a server that has pages.
func onPage(l *imip.Letter) *imip.Letter {
	l.Asks.URL = "https://calendar.example.com/my/rooms/requests/3-17"
	return l
}

// Each letter that nobody comes is one of its own, and the same one if it is made twice: none
// takes the place of another, or of a request for the same room.
func TestNoShowLettersAreApart(t *testing.T) {
	letter := func(a imip.Asks) *imip.Letter {
		a.Room = "Attic"
		l, err := imip.NewAsking(object(t, event("SUMMARY:Plan", "RRULE:FREQ=WEEKLY")), ann, "olga@example.com", "", a)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	first, again := letter(imip.Asks{NoShows: true, Missed: 1000}), letter(imip.Asks{NoShows: true, Missed: 1000})
	if first.Key() != again.Key() || first.Thread() != again.Thread() {
		t.Error("the same letter has two keys")
	}
	for name, other := range map[string]*imip.Letter{
		"of another date": letter(imip.Asks{NoShows: true, Missed: 2000}), "a request": letter(imip.Asks{ID: "1-1"}),
	} {
		if first.Key() == other.Key() || first.Thread() == other.Thread() {
			t.Errorf("%s: one key or thread for two letters", name)
		}
	}
}
