package scheduling

import (
	"hash/maphash"
	"iter"
	"strings"

	"convene/internal/ical"
)

// A memo keeps what a message did to copies that are all alike: most attendees of a
// meeting have the same bytes, or none yet.
type memo struct {
	known  map[memoKey]*Receipt
	hashes map[*ical.Object]hashed
	lines  map[*ical.Object][]lineup // of the components, by value; nil: it was looked at once
	hash   maphash.Hash
	state  strings.Builder
}

// hashed is what a memo knows of a copy.
type hashed struct {
	sum   uint64
	props int
}

// A memoKey is all that a receipt depends on, unless it is about the recipient's own
// line.
type memoKey struct {
	message *Message
	stored  uint64 // hash of what is stored
	props   int    // how many properties that has; 0: there is none
	state   string // what the recipient answers, in message and copy
	people  bool
	auto    bool
}

func newMemo() *memo {
	return &memo{known: map[memoKey]*Receipt{}, hashes: map[*ical.Object]hashed{}, lines: map[*ical.Object][]lineup{}}
}

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
		h, known := t.hashes[stored] // receipts are shared, so that many have this very copy
		if !known {
			t.hash.Reset()
			h.props = t.write(stored.Calendar)
			h.sum = t.hash.Sum64()
			t.hashes[stored] = h
		}
		key.stored, key.props = h.sum, h.props
	}
	key.state = t.state.String()
	return key, true
}

// add notes what an attendee answers in all components of o. It reports whether
// their line says no more than that; strict: and is as it will be stored.
func (t *memo) add(o *ical.Object, me string, strict bool) bool {
	for p := range t.linesOf(o, me) {
		if p == nil {
			t.state.WriteString("-,")
			continue
		}
		s := partStat(p)
		t.state.WriteString(s)
		t.state.WriteByte(',')
		if p.Has(stampParam) || p.Has(autoParam) || strict && s != needsAction && p.Has("RSVP") {
			return false
		}
	}
	return true
}

// linesOf yields the line of somebody in each component of o, as attendeeLine does. What
// more than one has is not searched for each of them.
func (t *memo) linesOf(o *ical.Object, me string) iter.Seq[*ical.Property] {
	return func(yield func(*ical.Property) bool) {
		var all []lineup
		if GUIDOf(me) != "" {
			all = t.indexed(o)
		}
		i := 0
		for c := range components(o) {
			var p *ical.Property
			if all == nil {
				p = attendeeLine(c, me)
			} else {
				p = all[i][me]
			}
			if !yield(p) {
				return
			}
			i++
		}
	}
}

// indexed is the lines of an object that is looked at again; nil: it is not.
func (t *memo) indexed(o *ical.Object) []lineup {
	all, again := t.lines[o]
	if !again {
		t.lines[o] = nil
		return nil
	}
	if all != nil {
		return all
	}
	for c := range components(o) {
		l := lineup{}
		for p := range attendees(c) {
			if l[p.Value] == nil {
				l[p.Value] = p
			}
		}
		all = append(all, l)
	}
	t.lines[o] = all
	return all
}

// write hashes what a component says, however it is spelled, and returns how many
// properties that is. Names and values have no control characters: those keep them
// apart.
func (t *memo) write(c *ical.Component) (props int) {
	t.part('\x01', c.Name)
	for i := range c.Props {
		p := &c.Props[i]
		t.part('\x02', p.Name)
		for j := range p.Params {
			t.part('\x03', p.Params[j].Name)
			for _, value := range p.Params[j].Values {
				t.part('\x04', value)
			}
		}
		t.part('\x05', p.Value)
	}
	props = len(c.Props)
	for _, child := range c.Children {
		props += t.write(child)
	}
	_ = t.hash.WriteByte('\x06')
	return props
}

func (t *memo) part(kind byte, text string) {
	_ = t.hash.WriteByte(kind)
	_, _ = t.hash.WriteString(text)
}
