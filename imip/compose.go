package imip

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/emersion/go-message"
	"github.com/emersion/go-message/mail"

	"convene/scheduling"
)

// Options says how mail is made. They are the same for all letters.
type Options struct {
	// Site is the mailbox of the service itself: the domain of Message-IDs, and the
	// sender where the organizer's own address cannot be.
	Site Mailbox

	// OwnDomains are mail domains for which the submission server sends: mail of
	// organizers in others is from Site.
	OwnDomains []string

	// Language is the one of texts: one of Languages.
	Language string
	// Languages are those for recipients in some mail domains, which end in the key.
	Languages map[string]string
}

// An Occasion is what is known when a letter is sent.
type Occasion struct {
	Date  time.Time // when it was queued
	First string    // Message-ID of the first mail in the thread; "": this is it
}

// A Mail is ready to be sent.
type Mail struct {
	From, To string // of the envelope
	Body     []byte // of RFC 5322, with CRLF
}

// Compose makes the mail of a letter. It is the same for the same arguments.
func Compose(l *Letter, at Occasion, o *Options) (*Mail, error) {
	n, err := readNotice(l, at.First != "", o.language(l))
	if err != nil {
		return nil, err
	}
	from := o.Site
	switch {
	case l.News != nil:
	case l.ForPeople(): // the organizer has not written it
		from = o.via(l.From, n.words)
	default:
		from = o.sender(l.From, n.words)
	}
	var text, html bytes.Buffer
	if err := n.write(&text, &html); err != nil {
		return nil, err
	}
	var body bytes.Buffer
	w, err := message.CreateWriter(&body, header(l, at, o, from, n.subject()))
	if err != nil {
		return nil, err
	}
	err = parts(w, l, text.Bytes(), html.Bytes())
	return &Mail{From: from.Address, To: l.To.Address, Body: body.Bytes()}, err
}

// sender is who the mail is from: the organizer, if the submission server sends for
// their domain.
func (o *Options) sender(organizer Mailbox, w *words) Mailbox {
	if o.sends(organizer) {
		return organizer
	}
	return o.via(organizer, w)
}

// via is the service, which writes because of what somebody does.
func (o *Options) via(organizer Mailbox, w *words) Mailbox {
	name := organizer.Name
	if name == "" {
		name = organizer.Address
	}
	return Mailbox{Name: fmt.Sprintf(w.via, name), Address: o.Site.Address}
}

// sends reports whether the submission server sends for a mailbox.
func (o *Options) sends(m Mailbox) bool {
	return slices.ContainsFunc(o.OwnDomains, func(domain string) bool { return strings.EqualFold(domain, m.Domain()) })
}

// header is that of the mail. The library writes fields in the reverse order of
// that in which they are set.
func header(l *Letter, at Occasion, o *Options, from Mailbox, subject string) message.Header {
	var h mail.Header
	h.SetContentType("multipart/mixed", map[string]string{"boundary": boundary(l, 'm')})
	h.Set("Mime-Version", "1.0")
	h.Set("X-Auto-Response-Suppress", "All")
	h.Set("Auto-Submitted", "auto-generated")
	if at.First != "" {
		h.SetMsgIDList("References", []string{at.First})
		h.SetMsgIDList("In-Reply-To", []string{at.First})
	}
	h.SetMessageID(l.MessageID(o.Site.Domain()))
	h.SetDate(at.Date)
	setSubject(&h.Header, subject)
	l.To.field(&h.Header, "To")
	if l.News == nil {
		l.From.field(&h.Header, "Reply-To")
	}
	if !l.ForPeople() && o.sends(l.SentBy) && !strings.EqualFold(l.SentBy.Address, from.Address) { // RFC 5322 §3.6.2
		l.SentBy.field(&h.Header, "Sender")
	}
	from.field(&h.Header, "From")
	return h.Header
}

// maxName bounds the name of a mailbox in a header, in characters.
const maxName = 60

// encodedWords is text as RFC 2047 has it, in words of which a line has one each. The
// library would put all into one line.
func encodedWords(s string) (words []string) {
	const most = 36 // bytes of text: 48 when encoded
	for s != "" {
		n := 0
		for i, r := range s {
			if i+utf8.RuneLen(r) > most {
				break
			}
			n = i + utf8.RuneLen(r)
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(s[:n]))+"?=")
		s = s[n:]
	}
	return words
}

// isPlain reports whether a header can have text as it is, in lines that are not long.
func isPlain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 }) &&
		!slices.ContainsFunc(strings.Fields(s), func(word string) bool { return len(word) > 60 })
}

// setSubject writes the subject. It is one line.
func setSubject(h *message.Header, s string) {
	if isPlain(s) {
		h.Set("Subject", fieldText(s))
		return
	}
	h.AddRaw([]byte("Subject: " + strings.Join(encodedWords(s), "\r\n ") + "\r\n"))
}

// field writes a mailbox into a header.
func (m Mailbox) field(h *message.Header, key string) {
	name, lines := oneLine(m.Name, maxName), []string(nil)
	switch {
	case name == "":
	case isPlain(name):
		lines = append(lines, `"`+strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(fieldText(name))+`"`)
	default:
		lines = encodedWords(name)
	}
	lines = append(lines, "<"+m.Address+">")
	one := key + ": " + strings.Join(lines, " ")
	if len(one) > 76 {
		one = key + ": " + strings.Join(lines, "\r\n ")
	}
	h.AddRaw([]byte(one + "\r\n"))
}

// boundary divides the parts of a mail: a line that none of them has, since they are
// encoded and it has an underscore behind an equals sign.
func boundary(l *Letter, level byte) string {
	key := l.Key()
	return fmt.Sprintf("=_%c%s", level, hex.EncodeToString(key[:]))
}

// parts writes the parts. The calendar is one of the alternatives, since some mail
// programs look for invitations nowhere else, and a file, for others.
func parts(w *message.Writer, l *Letter, text, html []byte) error {
	var h message.Header
	h.SetContentType("multipart/alternative", map[string]string{"boundary": boundary(l, 'a')})
	alternatives, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	if l.ForPeople() {
		err := onePart(alternatives, textHeader("text/plain", "quoted-printable", inUTF8()), text)
		return errors.Join(err, onePart(alternatives, textHeader("text/html", "base64", inUTF8()), html), alternatives.Close(), w.Close())
	}
	component := "VEVENT"
	if strings.Contains(l.Calendar, "\r\nBEGIN:VTODO\r\n") {
		component = "VTODO"
	}
	calendar := map[string]string{"charset": "utf-8", "method": string(l.Method), "component": component}
	for _, p := range []struct {
		kind, encoding string
		params         map[string]string
		body           []byte
	}{
		{"text/plain", "quoted-printable", inUTF8(), text},
		{"text/html", "base64", inUTF8(), html},
		{"text/calendar", "base64", calendar, []byte(l.Calendar)},
	} {
		if err := onePart(alternatives, textHeader(p.kind, p.encoding, p.params), p.body); err != nil {
			return err
		}
	}
	if err := alternatives.Close(); err != nil {
		return err
	}
	var file message.Header
	file.SetContentDisposition("attachment", map[string]string{"filename": fileNames[l.Method]})
	file.Set("Content-Transfer-Encoding", "base64")
	file.SetContentType("application/ics", map[string]string{"name": fileNames[l.Method]})
	if err := onePart(w, file, []byte(l.Calendar)); err != nil {
		return err
	}
	return w.Close()
}

var fileNames = map[scheduling.Method]string{scheduling.Request: "invite.ics", scheduling.Cancel: "cancel.ics", scheduling.Reply: "reply.ics"}

func inUTF8() map[string]string { return map[string]string{"charset": "utf-8"} }

func textHeader(kind, encoding string, params map[string]string) (h message.Header) {
	h.Set("Content-Transfer-Encoding", encoding)
	h.SetContentType(kind, params)
	return h
}

func onePart(w *message.Writer, h message.Header, body []byte) error {
	part, err := w.CreatePart(h)
	if err != nil {
		return err
	}
	if _, err := io.Copy(part, bytes.NewReader(body)); err != nil {
		return err
	}
	return part.Close()
}

// TestMail is a mail that says only that mail is sent.
func TestMail(to Mailbox, now time.Time, o *Options) (*Mail, error) {
	w := o.language(&Letter{To: to})
	var h mail.Header
	h.Set("Content-Transfer-Encoding", "quoted-printable")
	h.SetContentType("text/plain", inUTF8())
	h.Set("Mime-Version", "1.0")
	h.Set("Auto-Submitted", "auto-generated")
	h.SetMessageID(fmt.Sprintf("test-%x@%s", now.UnixNano(), o.Site.Domain()))
	h.SetDate(now)
	setSubject(&h.Header, w.testSubject)
	to.field(&h.Header, "To")
	o.Site.field(&h.Header, "From")
	var body bytes.Buffer
	m, err := message.CreateWriter(&body, h.Header)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(m, w.testText+"\r\n"); err != nil {
		return nil, err
	}
	return &Mail{From: o.Site.Address, To: to.Address, Body: body.Bytes()}, m.Close()
}
