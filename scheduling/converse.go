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

// Converse carries a plan out: it brings the messages to the copies of their
// recipients, lets rooms answer, takes their answers into the organizer's object,
// and tells the others of what was answered. A refresh causes nothing further, so
// that this ends. A copy is written once, whatever came to it.
func Converse(p *Plan, w World, o *Options) (*Writes, error) {
	if o == nil {
		o = DefaultOptions()
	}
	c := &conversation{p: p, w: w, o: o, own: p.Store, answers: slices.Clone(p.Answers), homes: map[string]*home{}, memo: newMemo(), statuses: map[string]string{}}
	for address, status := range p.Statuses {
		c.statuses[address] = status
	}
	for i := range p.Messages {
		if err := c.send(&p.Messages[i]); err != nil {
			return nil, err
		}
	}
	if err := c.finishOwn(); err != nil {
		return nil, err
	}
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
	replies []answered       // what was taken into organizers' objects
	inbox   []InboxWrite
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

// send brings one message to its recipients. Those that are elsewhere get mail.
func (c *conversation) send(m *Message) error {
	var away []*Party
	for _, to := range m.To {
		status := statusUnknown
		var err error
		switch {
		case to.Local() && to.GUID != c.p.Owner.GUID:
			status, err = c.deliver(m, to)
		case to.Kind == External:
			away = append(away, to)
			status = statusSent
		case to.Kind == Group, to.isPool():
			continue
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

// finishOwn makes the object of who began it what it is to be: with the statuses of
// delivery, and the answers of rooms.
func (c *conversation) finishOwn() error {
	if c.own == nil {
		return nil
	}
	for _, m := range c.answers { // also in instances that were answered before
		c.statuses[addressOf(m.From)] = statusAnswered
	}
	c.own = WithStatuses(c.own, c.p.Role, c.statuses)
	for _, m := range c.answers {
		receipt, err := Receive(m, c.p.Owner, c.own, c.o)
		if err != nil {
			return err
		}
		if receipt.Store != nil {
			c.own = receipt.Store
		}
		if receipt.Inbox {
			c.inbox = append(c.inbox, InboxWrite{To: c.p.Owner, Message: m, Action: receipt.Action, Changes: receipt.Changes})
		}
		if rids := receipt.Changes.answersChanged(); len(rids) > 0 {
			c.replies = append(c.replies, answered{m.From, rids})
		}
	}
	return nil
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
	r := refresher{c: c, organizer: organizer, object: object, except: map[string]bool{organizer.Address: true}}
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
