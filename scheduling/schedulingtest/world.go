// Package schedulingtest plays conversations between people with calendars: over
// maps, so that what scheduling decides can be seen without a server, and by an
// interface that a server can be put behind.
package schedulingtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/internal/ical"
	"convene/scheduling"
)

// A World is homes that are maps, and the people they belong to.
type World struct {
	Now     time.Time
	Options *scheduling.Options
	People  scheduling.Parties
	Homes   map[string]*Home // by GUID

	// Refused is the SCHEDULE-STATUS with which a home refuses messages, by GUID.
	Refused map[string]string
}

// A Home is what one person has.
type Home struct {
	Objects map[string]*Object // by UID
	Inbox   []scheduling.InboxWrite
	Cleared int // how many items of the inbox were removed
}

// An Object is a calendar object with its Schedule-Tag.
type Object struct {
	Data *ical.Object
	Tag  int // 0: none
}

// New returns a world with these people, each with an empty home, and the addresses
// of those who have none: X is elsewhere, U is unknown, D has no calendars.
func New(names ...string) *World {
	w := &World{
		Now: time.Date(2026, 1, 1, 8, 0, 0, 0, time.UTC), Options: scheduling.DefaultOptions(),
		People: scheduling.Parties{}, Homes: map[string]*Home{}, Refused: map[string]string{},
	}
	for _, name := range names {
		w.Add(&scheduling.Party{Address: scheduling.CanonicalAddress(name), GUID: name, Kind: scheduling.Person, CN: "Person " + name,
			Emails: []string{strings.ToLower(name) + "@example.com"}})
	}
	w.Add(&scheduling.Party{Address: scheduling.CanonicalAddress("D"), GUID: "D", Kind: scheduling.Disabled, Emails: []string{"d@example.com"}})
	w.name("mailto:x@example.net", &scheduling.Party{Address: "mailto:x@example.net", Kind: scheduling.External, Emails: []string{"x@example.net"}})
	w.name("mailto:u@example.com", &scheduling.Party{Address: "mailto:u@example.com", Kind: scheduling.Unknown})
	return w
}

// Add takes somebody in.
func (w *World) Add(p *scheduling.Party) {
	w.name(p.Address, p)
	for _, mail := range p.Emails {
		w.name("mailto:"+mail, p)
	}
	if p.Local() {
		w.Homes[p.GUID] = &Home{Objects: map[string]*Object{}}
	}
}

func (w *World) name(address string, p *scheduling.Party) {
	w.People[scheduling.Normalize(address)] = p
}

// Party is that method of scheduling.World.
func (w *World) Party(address string) (*scheduling.Party, error) { return w.People.Party(address) }

// Copy is that method of scheduling.World.
func (w *World) Copy(guid, uid string) (*ical.Object, error) {
	if o := w.Homes[guid].Objects[uid]; o != nil {
		return o.Data, nil
	}
	return nil, nil
}

// Busy is that method of scheduling.World.
func (w *World) Busy(guid string, from, to int64, exceptUID string) ([]ical.BusyPeriod, error) {
	var busy []ical.BusyPeriod
	for uid, o := range w.Homes[guid].Objects {
		if uid == exceptUID {
			continue
		}
		var err error
		if busy, err = o.Data.AppendBusy(busy, from, to, nil, nil); err != nil {
			return nil, err
		}
	}
	return ical.MergeBusy(busy), nil
}

// Refuses is that method of scheduling.Gate.
func (w *World) Refuses(to *scheduling.Party, _ *scheduling.Message) string {
	return w.Refused[to.GUID]
}

// A Done is what became of a change.
type Done struct {
	Outcome scheduling.Outcome
	Mail    []scheduling.Message
	Sent    int // messages, before those that they caused
}

// Change carries out what somebody does to an object of their home. Of c, Owner, Old,
// Now and Options are filled in; new data is as a client sends it.
func (w *World) Change(who, uid string, c scheduling.Change) (*Done, error) {
	w.Now = w.Now.Add(time.Minute)
	owner, err := w.Party(scheduling.CanonicalAddress(who))
	if err != nil {
		return nil, err
	}
	c.Owner, c.Now, c.Options = owner, w.Now, w.Options
	if old := w.Homes[who].Objects[uid]; old != nil {
		c.Old = old.Data
	}
	plan, err := scheduling.Decide(c, w)
	if err != nil {
		return nil, err
	}
	writes, err := scheduling.Converse(plan, w, w.Options)
	if err != nil {
		return nil, err
	}
	w.write(who, uid, writes)
	return &Done{Outcome: writes.Outcome, Mail: writes.Mail, Sent: len(plan.Messages)}, nil
}

// write puts all that a conversation asks for.
func (w *World) write(who, uid string, writes *scheduling.Writes) {
	for _, c := range writes.Copies {
		home := w.Homes[c.To.GUID]
		if c.Aside {
			w.setAside(home, c.UID)
		}
		home.put(c.UID, c.Store, c.Tag)
	}
	for _, item := range writes.Inbox {
		home := w.Homes[item.To.GUID]
		home.Inbox = append(home.Inbox, item)
	}
	switch writes.Outcome {
	case scheduling.Stored:
		w.Homes[who].put(uid, writes.Own, writes.Tag)
	case scheduling.Deleted:
		w.Homes[who].put(uid, nil, scheduling.TagNone)
	}
}

// setAside gives the object with a UID another.
func (w *World) setAside(h *Home, uid string) {
	old := h.Objects[uid]
	cal := old.Data.Calendar.Clone()
	for _, c := range cal.Children {
		if c.Name == old.Data.Kind {
			c.SetValue("UID", uid+"-aside")
		}
	}
	data, err := ical.NewObject(cal)
	if err != nil {
		panic(err) // it was one before
	}
	h.Objects[uid+"-aside"] = &Object{Data: data}
	delete(h.Objects, uid)
}

// put stores data, nil to remove it.
func (h *Home) put(uid string, data *ical.Object, tag scheduling.TagRule) {
	if data == nil {
		delete(h.Objects, uid)
		return
	}
	o := h.Objects[uid]
	if o == nil {
		o = &Object{}
		h.Objects[uid] = o
	}
	o.Data = data
	switch tag {
	case scheduling.TagNew:
		o.Tag++
	case scheduling.TagNone:
		o.Tag = 0
	}
}

// Guids returns the names of all homes in order.
func (w *World) Guids() []string {
	var all []string
	for guid := range w.Homes {
		all = append(all, guid)
	}
	slices.Sort(all)
	return all
}

// Text returns the object with a UID as it is stored; "" if there is none.
func (w *World) Text(who, uid string) string {
	if o := w.Homes[who].Objects[uid]; o != nil {
		return string(o.Data.Calendar.Append(nil))
	}
	return ""
}

// Parse reads what a client sends.
func Parse(text string) (*ical.Object, error) {
	cal, err := ical.Decode([]byte(text), ical.Limits{})
	if err != nil {
		return nil, err
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		return nil, fmt.Errorf("%w in\n%s", err, text)
	}
	return o, nil
}

// Check compares all homes: see scheduling.Check.
func (w *World) Check() ([]scheduling.Problem, error) {
	var homes []scheduling.Held
	for _, guid := range w.Guids() {
		held := scheduling.Held{GUID: guid}
		for _, o := range w.Homes[guid].Objects {
			held.Objects = append(held.Objects, o.Data)
		}
		homes = append(homes, held)
	}
	return scheduling.Check(homes, w.People, w.Options)
}
