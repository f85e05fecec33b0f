package scheduling

import (
	"slices"
	"strings"

	"convene/internal/ical"
)

// A Gate is a World that does not let every message into every home: for want of
// rights (RFC 6638 §6.2) or room.
type Gate interface {
	// Refuses returns the SCHEDULE-STATUS of a message that is not to be delivered;
	// "" if it may.
	Refuses(to *Party, m *Message) string
}

// Converse carries a plan out: it lets rooms answer, takes their answers into the
// organizer's object, and brings the messages, which say what was answered, to the copies
// of their other recipients. Who is sent none is told of the answers. A refresh causes
// nothing further, so that this ends. A copy is written once, whatever came to it.
func Converse(p *Plan, w World, o *Options) (*Writes, error) {
	if o == nil {
		o = DefaultOptions()
	}
	c := &conversation{p: p, w: w, o: o, own: p.Store, answers: slices.Clone(p.Answers), homes: map[string]*home{}, memo: newMemo(), statuses: map[string]string{}}
	for address, status := range p.Statuses {
		c.statuses[address] = status
	}
	for i := range p.Messages {
		if err := c.ask(&p.Messages[i]); err != nil {
			return nil, err
		}
	}
	if err := c.takeAnswers(); err != nil {
		return nil, err
	}
	for i := range p.Messages {
		m, err := c.settled.message(&p.Messages[i], c.rest(&p.Messages[i]))
		if err != nil {
			return nil, err
		}
		if err := c.send(m); err != nil {
			return nil, err
		}
	}
	c.finishOwn()
	if err := c.refresh(); err != nil {
		return nil, err
	}
	return c.writes(), nil
}

// A conversation is a plan that is being carried out.
type conversation struct {
	p    *Plan
	w    World
	o    *Options
	memo *memo

	own      *ical.Object      // what the home of who began it is to hold
	statuses map[string]string // of delivery, by address

	homes   map[string]*home // by GUID
	answers []*Message       // of rooms, to be taken into own
	settled *settled         // what is sent after that; nil: nothing was answered
	replies []answered       // what was taken into organizers' objects
	inbox   []InboxWrite
	told    []InboxWrite // of answers, to the owner
	mail    []Message
}

// A home is the copy that a recipient has of the object.
type home struct {
	to       *Party
	was, is  *ical.Object // nil: none
	tag      TagRule
	aside    bool
	answered bool // it is the organizer's, and has a new answer
}

// An answered says that an attendee's answer is another in some instances.
type answered struct {
	by   *Party
	rids []ical.DateTime
}

// home returns the copy of a recipient.
func (c *conversation) home(to *Party) (*home, error) {
	if h := c.homes[to.GUID]; h != nil {
		return h, nil
	}
	copy, err := c.w.Copy(to.GUID, c.p.UID)
	if err != nil {
		return nil, err
	}
	h := &home{to: to, was: copy, is: copy}
	c.homes[to.GUID] = h
	return h, nil
}

// asks reports whether somebody answers at once. Nothing that others have of the meeting
// matters to the answer.
func (c *conversation) asks(to *Party) bool { return to.Policy != nil && c.reaches(to) }

// reaches reports whether a recipient is here, and another than who began it.
func (c *conversation) reaches(to *Party) bool { return to.Local() && to.GUID != c.p.Owner.GUID }

// ask brings one message to those who answer at once.
func (c *conversation) ask(m *Message) error {
	for _, to := range m.To {
		if !c.asks(to) {
			continue
		}
		status, err := c.deliver(m, to)
		if err != nil {
			return err
		}
		c.note(addressOf(to), status)
	}
	return nil
}

// rest returns the recipients of a message who do not answer at once.
func (c *conversation) rest(m *Message) []*Party {
	if !slices.ContainsFunc(m.To, c.asks) {
		return m.To
	}
	return slices.DeleteFunc(slices.Clone(m.To), c.asks)
}

// send brings one message to its recipients, but for those who were asked. Those that are
// elsewhere get mail.
func (c *conversation) send(m *Message) error {
	var away []*Party
	for _, to := range m.To {
		status := statusUnknown
		var err error
		switch {
		case c.asks(to), to.Kind == Group, to.isPool():
			continue
		case c.reaches(to):
			status, err = c.deliver(m, to)
		case to.Kind == External:
			away = append(away, to)
			status = statusSent
		}
		if err != nil {
			return err
		}
		c.note(addressOf(to), status)
	}
	c.post(m, away)
	return nil
}

// note keeps what became of a message. That something else which the client wanted was not
// understood is said beside it (RFC 6638 §7.2).
func (c *conversation) note(address, status string) {
	if c.p.Statuses[address] == statusIgnored {
		status += "," + statusIgnored
	}
	c.statuses[address] = status
}

// post mails a message.
func (c *conversation) post(m *Message, to []*Party) {
	if len(to) == 0 {
		return
	}
	letter := *m
	letter.To = to
	c.mail = append(c.mail, letter)
}

// addressOf returns the address of a party as Property.Address has it.
func addressOf(p *Party) string {
	if p.Hosted() {
		return p.Address
	}
	return Normalize(p.Address)
}

// deliver brings one message to one recipient who is here.
func (c *conversation) deliver(m *Message, to *Party) (status string, err error) {
	if gate, ok := c.w.(Gate); ok {
		if status := gate.Refuses(to, m); status != "" {
			return status, nil
		}
	}
	h, err := c.home(to)
	if err != nil {
		return "", err
	}
	receipt, err := c.memo.receive(m, to, h.is, c.o)
	if err != nil {
		return "", err
	}
	if to.Policy != nil && m.Method == Request && receipt.Store != nil && m.Cause != Refresh {
		if receipt, err = c.letAnswer(m, to, h.is, receipt); err != nil {
			return "", err
		}
	}
	if to.Policy != nil && m.Method == Cancel && receipt.Action == Cancelled && m.Cause != Refresh {
		if receipt, err = c.letKnow(m, to, receipt); err != nil {
			return "", err
		}
	}
	h.apply(receipt)
	if receipt.Inbox {
		c.inbox = append(c.inbox, InboxWrite{To: to, Message: m, Action: receipt.Action, Changes: receipt.Changes})
	}
	if m.Method == Reply || m.Method == Counter {
		if rids := receipt.Changes.answersChanged(); len(rids) > 0 {
			h.answered = true
			c.replies = append(c.replies, answered{m.From, rids})
		}
	}
	return receipt.Status, nil
}

// apply notes what a receipt says of the copy. Its Schedule-Tag changes if any of
// the messages says so.
func (h *home) apply(r *Receipt) {
	if r.Same {
		return
	}
	h.is = r.Store
	h.tag = max(h.tag, r.Tag)
	h.aside = h.aside || r.Aside
}

// takeAnswers takes the answers of rooms into the object of who began it.
func (c *conversation) takeAnswers() error {
	if c.own == nil || len(c.answers) == 0 {
		return nil
	}
	for _, m := range c.answers {
		receipt, err := Receive(m, c.p.Owner, c.own, c.o)
		if err != nil {
			return err
		}
		if receipt.Store != nil {
			c.own = receipt.Store
		}
		if receipt.Inbox {
			c.told = append(c.told, InboxWrite{To: c.p.Owner, Message: m, Action: receipt.Action, Changes: receipt.Changes})
		}
		if rids := receipt.Changes.answersChanged(); len(rids) > 0 {
			c.replies = append(c.replies, answered{m.From, rids})
		}
	}
	if len(c.replies) == 0 {
		return nil
	}
	var err error
	c.settled, err = c.settle()
	return err
}

// finishOwn makes the object of who began it what it is to be: with the statuses of
// delivery. That of who answered is said in instances, too, that were answered before.
func (c *conversation) finishOwn() {
	c.inbox = append(c.inbox, c.told...)
	if c.own == nil {
		return
	}
	for _, m := range c.answers {
		c.statuses[addressOf(m.From)] = statusAnswered
	}
	c.own = WithStatuses(c.own, c.p.Role, c.statuses)
}

// refresh tells the other attendees of the answers that were given (RFC 6638
// §3.2.2.3): once, from the organizer's object as it is in the end.
func (c *conversation) refresh() error {
	if len(c.replies) == 0 {
		return nil
	}
	organizer, object := c.p.Owner, c.own
	for _, h := range c.homes {
		if h.answered {
			organizer, object = h.to, h.is
		}
	}
	r := refresher{c: c, organizer: organizer, object: object, settled: c.settled, except: map[string]bool{organizer.Address: true}}
	if len(c.replies) == 1 {
		// The copy that the answer came from has it. If there are several, each has its
		// own alone.
		r.except[c.replies[0].by.Address] = true
	}
	for _, reply := range c.replies {
		r.rids = append(r.rids, reply.rids...)
	}
	return r.run()
}

// writes returns all that is to be written, each copy once.
func (c *conversation) writes() *Writes {
	w := &Writes{Own: c.own, Outcome: c.p.Outcome, Tag: c.p.Tag, Inbox: c.inbox, Mail: c.mail, Statuses: c.statuses}
	var last []CopyWrite
	for _, guid := range c.order() {
		h := c.homes[guid]
		if h.is == h.was && !h.aside {
			continue
		}
		write := CopyWrite{To: h.to, UID: c.p.UID, Store: h.is, Tag: h.tag, Aside: h.aside}
		if h.is != nil && h.isOrganizer() {
			last = append(last, write)
			continue
		}
		w.Copies = append(w.Copies, write)
	}
	w.Copies = append(w.Copies, last...)
	return w
}

// isOrganizer reports whether the home is that of the organizer: a client that sees
// their object as it is in the end sees all others' so.
func (h *home) isOrganizer() bool {
	p := organizerOf(h.is)
	return p != nil && sameAddress(p, h.to.Address)
}

// order returns the GUIDs of all homes in order.
func (c *conversation) order() []string {
	all := make([]string, 0, len(c.homes))
	for guid := range c.homes {
		all = append(all, guid)
	}
	slices.SortFunc(all, strings.Compare)
	return all
}
