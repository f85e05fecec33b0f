package scheduling

import (
	"hash/maphash"
	"strings"

	"convene/internal/ical"
)

// A memo keeps what a message did to copies that are all alike: most attendees of a
// meeting have the same bytes, or none yet.
type memo struct {
	seed  maphash.Seed
	known map[memoKey]*Receipt
	text  []byte // scratch
	state strings.Builder
}

// A memoKey is all that a receipt depends on, unless it is about the recipient's own
// line.
type memoKey struct {
	message *Message
	stored  uint64 // hash of the stored bytes; 0: none
	length  int
	state   string // what the recipient answers, in message and copy
	people  bool
	auto    bool
}

func newMemo() *memo { return &memo{seed: maphash.MakeSeed(), known: map[memoKey]*Receipt{}} }

// receive is Receive, but for equal copies it is done once.
func (t *memo) receive(m *Message, to *Party, stored *ical.Object, o *Options) (*Receipt, error) {
	if m.Method != Request && m.Method != Cancel || len(m.To) == 1 {
		return Receive(m, to, stored, o)
	}
	key, alike := t.key(m, to, stored)
	if !alike {
		return Receive(m, to, stored, o)
	}
	if receipt := t.known[key]; receipt != nil {
		return receipt, nil
	}
	receipt, err := Receive(m, to, stored, o)
	if err == nil {
		t.known[key] = receipt
	}
	return receipt, err
}

// key returns what the receipt for a copy depends on. alike: others may have the
// same, since nothing will be changed in the recipient's own line.
func (t *memo) key(m *Message, to *Party, stored *ical.Object) (key memoKey, alike bool) {
	key = memoKey{message: m, people: to.Kind == Person, auto: to.Policy != nil}
	t.state.Reset()
	if !t.add(m.Data, to.Address, m.Method == Request) {
		return key, false
	}
	if stored != nil {
		if !t.add(stored, to.Address, false) {
			return key, false
		}
		t.text = stored.Calendar.Append(t.text[:0])
		key.stored, key.length = maphash.Bytes(t.seed, t.text), len(t.text)
	}
	key.state = t.state.String()
	return key, true
}

// add notes what an attendee answers in all components of o. It reports whether
// their line says no more than that; strict: and is as it will be stored.
func (t *memo) add(o *ical.Object, me string, strict bool) bool {
	alike := true
	anyComponent(o, func(c *ical.Component) bool {
		p := attendeeLine(c, me)
		if p == nil {
			t.state.WriteString("-,")
			return false
		}
		s := partStat(p)
		t.state.WriteString(s)
		t.state.WriteByte(',')
		alike = !p.Has(stampParam) && !p.Has(autoParam) && (!strict || s == needsAction || !p.Has("RSVP"))
		return !alike
	})
	return alike
}
