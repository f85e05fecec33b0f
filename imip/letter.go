package imip

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"net/mail"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/scheduling"
)

// A Letter is an iTIP message to one recipient.
type Letter struct {
	Method scheduling.Method `json:"method"`
	Owner  string            `json:"owner"` // GUID of who it is from
	From   Mailbox           `json:"from"`
	SentBy Mailbox           `json:"sentBy,omitzero"` // who sends it in the name of From; zero: From, or nobody is to know
	To     Mailbox           `json:"to"`

	UID      string   `json:"uid"`
	RIDs     []string `json:"rids"` // the instances it is about; "" is all of them
	Sequence int      `json:"sequence"`
	Stamp    string   `json:"stamp"` // DTSTAMP

	// Changed are the names of properties that differ from the message before.
	Changed []string `json:"changed,omitempty"`

	Ends int64 `json:"ends"` // when the last instance is over, in Unix seconds

	Calendar string `json:"calendar"` // the iCalendar part

	// Language is that of the recipient and SenderLanguage that of who it is from, as the
	// directory has them: tags of RFC 5646; "": not known.
	Language       string `json:"language,omitempty"`
	SenderLanguage string `json:"senderLanguage,omitempty"`

	// Asks is what an approver of a room is asked; nil: the letter is an iTIP message.
	Asks *Asks `json:"asks,omitempty"`

	// Copied is whose invitation a delegate is told of; nil: it is not a delegate.
	Copied *Copied `json:"copied,omitempty"`

	// News is what somebody is told of who acts for whom; nil: the letter is about a
	// meeting. It is from the service itself, and has neither From nor Calendar.
	News *News `json:"news,omitempty"`
}

// ForPeople reports whether a letter is for people alone: it has no calendar part.
func (l *Letter) ForPeople() bool { return l.Asks != nil || l.Copied != nil || l.News != nil }

// Asks is a request to approve the booking of a room. The letter's Calendar says what
// is booked, and is not sent.
type Asks struct {
	ID       string `json:"id"`   // of the request
	Room     string `json:"room"` // how the room is called
	Until    int64  `json:"until"`
	Zone     string `json:"zone"` // of the room, in which Until is told
	Against  bool   `json:"against,omitempty"`
	Reminder bool   `json:"reminder,omitempty"`
	URL      string `json:"url,omitempty"` // of the page on which it is answered; "": there is none

	// NoShows: nothing is asked. The room's owner is told that nobody came to a series
	// three times in a row, and whether its later dates were given back. Missed is the last
	// of these dates, in Unix seconds.
	NoShows  bool  `json:"noShows,omitempty"`
	Missed   int64 `json:"missed,omitempty"`
	Released bool  `json:"released,omitempty"`
}

// A Mailbox is a mail address with the name of who has it, which may be "".
type Mailbox struct {
	Name    string `json:"name,omitempty"`
	Address string `json:"address"`
}

// ErrNoMailbox says that a sender or recipient has no mail address that is one.
var ErrNoMailbox = errors.New("no mail address")

// NewMailbox returns the mailbox of an address, which may begin with "mailto:".
// Errors: ErrNoMailbox, also for an address that mail programs read in more than one way.
func NewMailbox(name, address string) (Mailbox, error) {
	if len(address) > 7 && strings.EqualFold(address[:7], "mailto:") {
		address = address[7:]
	}
	parsed, err := mail.ParseAddress("<" + address + ">")
	if err != nil || parsed.Address != address || len(address) > 254 || strings.ContainsFunc(address, unsafe) {
		return Mailbox{}, fmt.Errorf("%.100q: %w", address, ErrNoMailbox)
	}
	m := Mailbox{Name: oneLine(name, 200), Address: address}
	if strings.ContainsFunc(m.Domain(), notOfDomains) {
		return Mailbox{}, fmt.Errorf("%.100q: %w", address, ErrNoMailbox)
	}
	return m, nil
}

// notOfDomains reports characters that no domain has (RFC 5321 §4.1.2), in lower case:
// "a@example.com?cc=b" is a link and no address.
func notOfDomains(r rune) bool {
	return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '.'
}

// unsafe reports characters that no address has which is written without quotes.
// Letters beyond ASCII would need a server that takes them (RFC 6531) all the way.
func unsafe(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune(`"(),:;<>[\]`, r) }

// Domain is what is behind the @, in lower case.
func (m Mailbox) Domain() string {
	return strings.ToLower(m.Address[strings.LastIndexByte(m.Address, '@')+1:])
}

// String is the mailbox as people read it: the name, and the address behind it; "" of
// the zero value.
func (m Mailbox) String() string {
	if m.Name == "" || strings.EqualFold(m.Name, m.Address) {
		return m.Address
	}
	return oneLine(m.Name, 100) + " <" + m.Address + ">"
}

// NewLetter makes the letter of a message to one of its recipients. Errors:
// ErrNoMailbox.
func NewLetter(m *scheduling.Message, to *scheduling.Party) (*Letter, error) {
	first := part(m.Data)
	from, err := NewMailbox(m.From.CN, senderAddress(m, first))
	if err != nil {
		return nil, fmt.Errorf("sender: %w", err)
	}
	recipient, err := NewMailbox(nameOf(first, to.Address), to.Address)
	if err != nil {
		return nil, fmt.Errorf("recipient: %w", err)
	}
	l := &Letter{Method: m.Method, Owner: m.From.GUID, From: from, To: recipient, UID: m.Data.UID, RIDs: rids(m.Data), Changed: changed(m),
		Language: to.Language, SenderLanguage: m.From.Language}
	l.Sequence, _ = strconv.Atoi(value(first, "SEQUENCE")) // 0: there is none
	l.Stamp = value(first, "DTSTAMP")
	if l.Ends, err = ends(m.Data); err != nil {
		return nil, err
	}
	sent := outside(m, from)
	l.SentBy = signer(m, sent)
	l.Calendar = string(sent.Append(nil))
	return l, nil
}

// signer is the mailbox of who sends a message in the name of somebody else: the one
// that the calendar part has as SENT-BY (RFC 5545 §3.2.18), so that both say the same.
func signer(m *scheduling.Message, sent *ical.Component) Mailbox {
	if m.SentBy == nil {
		return Mailbox{}
	}
	for _, c := range sent.Children {
		if c.Name != m.Data.Kind {
			continue
		}
		if line := ownLine(c, m.From, m.Method); line != nil {
			by, _ := NewMailbox(m.SentBy.CN, line.Param("SENT-BY")) // zero: they have no mail address
			return by
		}
	}
	return Mailbox{}
}

// senderAddress is the mail address under which the sender takes part in the meeting,
// or the one that they prefer.
func senderAddress(m *scheduling.Message, first *ical.Component) string {
	own := ownLine(first, m.From, m.Method)
	switch {
	case own != nil && own.Param("EMAIL") != "":
		return own.Param("EMAIL")
	case own != nil && strings.HasPrefix(strings.ToLower(own.Value), "mailto:"):
		return own.Value
	case len(m.From.Emails) > 0:
		return m.From.Emails[0]
	}
	return ""
}

// part is the component that stands for the whole message.
func part(o *ical.Object) *ical.Component {
	if o.Master != nil || len(o.Overrides) == 0 {
		return o.Master
	}
	return o.Overrides[0]
}

func value(c *ical.Component, name string) string {
	if p := c.Prop(name); p != nil {
		return p.Value
	}
	return ""
}

// nameOf is the name that a component has for an attendee or organizer.
func nameOf(c *ical.Component, address string) string {
	for i := range c.Props {
		p := &c.Props[i]
		if (p.Name == "ATTENDEE" || p.Name == "ORGANIZER") && scheduling.Normalize(p.Value) == scheduling.Normalize(address) {
			return p.Param("CN")
		}
	}
	return ""
}

// rids are the instances that a message is about, in order.
func rids(o *ical.Object) []string {
	var list []string
	if o.Master != nil {
		list = append(list, "")
	}
	for _, c := range o.Overrides {
		p := c.Prop("RECURRENCE-ID")
		rid := p.Value + ";" + p.Param("TZID")
		if t, err := p.DateTime(o.Zones); err == nil && t.Kind == ical.Zoned {
			rid = strconv.FormatInt(t.Unix(nil), 10)
		}
		list = append(list, rid)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// ends is when the last instance of an object is over, in Unix seconds.
func ends(o *ical.Object) (int64, error) {
	series, err := o.Series()
	if err != nil {
		return 0, err
	}
	_, end, open := series.Span(nil)
	if open {
		return math.MaxInt64, nil
	}
	return end, nil
}

// changed are the names of properties that people are told of.
func changed(m *scheduling.Message) []string {
	all := map[string]bool{}
	for _, names := range m.Changed {
		for name := range names {
			all[name] = true
		}
	}
	return slices.Sorted(maps.Keys(all))
}

// Encode is the letter as it waits in the queue.
func (l *Letter) Encode() ([]byte, error) { return json.Marshal(l) }

// Decode is the reverse of Encode.
func Decode(b []byte) (*Letter, error) {
	l := new(Letter)
	if err := json.Unmarshal(b, l); err != nil {
		return nil, fmt.Errorf("letter: %w", err)
	}
	return l, nil
}

// Thread is the same for all letters about one object to one recipient.
func (l *Letter) Thread() [32]byte {
	parts := []string{l.Owner, l.UID, strings.ToLower(l.To.Address)}
	if l.Asks != nil { // who may approve may be invited too
		parts = append(parts, l.Asks.Room)
		if l.Asks.NoShows { // it neither replaces a request, nor another of its kind
			parts = append(parts, "missed", strconv.FormatInt(l.Asks.Missed, 10))
		}
	}
	if l.Copied != nil { // as may who acts for somebody
		parts = append(parts, "for", l.Copied.GUID)
	}
	return sha256.Sum256([]byte(strings.Join(parts, "\x00")))
}

// Key is the same for letters that say the same.
func (l *Letter) Key() (sum [16]byte) {
	thread := l.Thread()
	says := fmt.Appendf(nil, "%x\x00%q\x00%d\x00%s\x00%s", thread, l.RIDs, l.Sequence, l.Stamp, l.Method)
	if l.Asks != nil {
		says = fmt.Appendf(says, "\x00%s\x00%t", l.Asks.ID, l.Asks.Reminder)
	}
	full := sha256.Sum256(says)
	copy(sum[:], full[:])
	return sum
}

// MessageID is the identifier of the letter's mail, without brackets: each attempt
// has the same.
func (l *Letter) MessageID(domain string) string { return fmt.Sprintf("%x@%s", l.Key(), domain) }

// SameInstances reports whether two letters are about the same instances.
func (l *Letter) SameInstances(m *Letter) bool { return slices.Equal(l.RIDs, m.RIDs) }

// Whole reports whether a letter is about all instances.
func (l *Letter) Whole() bool { return len(l.RIDs) > 0 && l.RIDs[0] == "" }

// Over reports whether all that a letter is about ended before a time.
func (l *Letter) Over(before time.Time) bool { return l.Ends < before.Unix() }

// fieldText is one line of text as a field of a header can have it: a reader must not
// take it for encoded (RFC 2047 §2), since what it would then be is not known here.
func fieldText(s string) string { return strings.ReplaceAll(s, "=?", "= ?") }

// oneLine is text without what could end a line or command a program, not longer
// than some number of characters.
func oneLine(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\r' || r == '\t' || r == ' ' || r == '\u2028' || r == '\u2029':
			return ' '
		case r < ' ' || r >= 0x7f && r < 0xa0 || r == '\ufeff' || r >= '\u202a' && r <= '\u202e' || r >= '\u2066' && r <= '\u2069':
			return -1 // of control, also of the direction of writing
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	s = strings.Join(strings.Fields(s), " ")
	if runes := []rune(s); len(runes) > most {
		s = string(runes[:most-1]) + "…"
	}
	return s
}
