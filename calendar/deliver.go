package calendar

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/directory"
	"convene/internal/ical"
	"convene/quota"
	"convene/scheduling"
	"convene/store"
)

// What SCHEDULE-STATUS says of a delivery that failed (RFC 6638 §3.2.9).
const (
	statusFailed      = "5.1" // could not complete delivery
	statusUnsupported = "5.3" // the recipient has no place for it
	statusDenied      = "3.8" // the sender may not
)

// maxDelivered is how many bytes of copies and messages one transaction may write in
// others' homes: they are in memory together, and all other writers wait. What
// many get counts once.
const maxDelivered = 256 << 20

// ErrDelivered: a meeting is too large for as many as are invited.
var ErrDelivered = errors.New("too large to be brought to all who are invited")

// delivers counts what is about to be written in somebody else's home. What many get is
// there once.
func (tx *Tx) delivers(d *Data) error {
	if d.shared == nil || !tx.shared[d.shared] {
		tx.delivered += int64(len(d.Body))
	}
	if d.shared != nil {
		if tx.shared == nil {
			tx.shared = map[*store.Body]bool{}
		}
		tx.shared[d.shared] = true
	}
	switch {
	case tx.delivered > maxDelivered:
		return ErrDelivered
	case tx.sender != nil && tx.sender.Delivers != nil:
		return tx.sender.Delivers(tx.delivered)
	}
	return nil
}

// Refuses implements scheduling.Gate: a message goes into an inbox that takes it from
// this sender. One that has not been made yet takes everybody's.
func (w *world) Refuses(to *scheduling.Party, m *scheduling.Message) string {
	if w.tx.sender.MayDeliver == nil {
		return ""
	}
	key := gateKey{to.GUID, m.From.GUID, m.Method}
	may, known := w.gates[key]
	if !known {
		var err error
		may, err = w.mayDeliver(to, m)
		w.err = errors.Join(w.err, err)
		w.gates[key] = may
	}
	if may {
		return ""
	}
	return statusDenied
}

func (w *world) mayDeliver(to *scheduling.Party, m *scheduling.Message) (bool, error) {
	home, err := w.tx.Tx.Home(to.GUID)
	if errors.Is(err, store.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	inbox, err := w.tx.Collection(home.ID, Inbox)
	if err != nil {
		return false, err
	}
	return w.tx.sender.MayDeliver(home, inbox, m)
}

// deliver writes the copies and messages that others get. What a recipient has no
// room for is noted in the owner's object, which is returned, and stops nothing
// else (RFC 6638 §3.2.1).
func (tx *Tx) deliver(world *world, w *scheduling.Writes, role scheduling.Role) (own *ical.Object, err error) {
	failed := map[string]string{}
	ready := preparedFor(w)
	for i := range w.Copies {
		c := &w.Copies[i]
		if err := tx.attempt(c.To, failed, func() error { return tx.deliverCopy(world, c, ready) }); err != nil {
			return nil, err
		}
	}
	for i := range w.Inbox {
		m := &w.Inbox[i]
		if failed[m.To.Address] != "" {
			continue
		}
		if err := tx.attempt(m.To, failed, func() error { return tx.deliverMessage(m, ready) }); err != nil {
			return nil, err
		}
		if failed[m.To.Address] == "" {
			if err := tx.tellWatchers(m); err != nil {
				return nil, err
			}
		}
	}
	for i := range w.Mail {
		if err := tx.post(&w.Mail[i], failed); err != nil {
			return nil, err
		}
	}
	if w.Own == nil || len(failed) == 0 {
		return w.Own, nil
	}
	return scheduling.WithStatuses(w.Own, role, failed), nil
}

// attempt does something for a recipient. That their home does not take it is
// noted, and is no error.
func (tx *Tx) attempt(to *scheduling.Party, failed map[string]string, do func() error) error {
	err := tx.Savepoint(do)
	if err == nil {
		return nil
	}
	var exceeded *quota.ExceededError
	var limit *store.LimitError
	switch {
	case errors.As(err, &exceeded), errors.As(err, &limit):
		failed[to.Address] = statusFailed
		return nil
	case errors.Is(err, ErrComponent), errors.Is(err, store.ErrUIDConflict):
		failed[to.Address] = statusUnsupported
		return nil
	}
	return err
}

// deliverCopy writes or removes a party's copy of an object, wherever it lies in
// their home; a new one goes to the default calendar.
func (tx *Tx) deliverCopy(w *world, c *scheduling.CopyWrite, ready *prepared) error {
	home, err := tx.homeFor(c.To)
	if err != nil {
		return err
	}
	col, e, err := w.held(home, c.UID)
	if err == nil && c.Aside && e != nil {
		err, e = tx.putAside(home, col, e), nil
	}
	if err != nil {
		return err
	}
	if c.Store == nil {
		if e == nil {
			return nil
		}
		return tx.change(&Change{Op: Delete, Delivered: true, At: Place{home, col, e.Name}, Was: e, Component: e.Component},
			func() error { return tx.DeleteObject(col, e.Name, store.Match{}) })
	}
	object := ready.presented(home, c.To, c.Store)
	data, err := ready.object(object)
	if err != nil {
		return err
	}
	at := Place{Home: home, Collection: col}
	if e != nil {
		at.Name = e.Name
		if data, err = withAccess(e, data); err != nil {
			return err
		}
		if object != c.Store { // else the messages have changed something
			if same, err := tx.hasAlready(col, e, data); same || err != nil {
				return err
			}
		}
	} else {
		if at, err = tx.placeForNew(home, data); err != nil {
			return err
		}
		if data, err = tx.withDefaultAlarms(at.Collection, data); err != nil {
			return err
		}
	}
	change := &Change{Op: Put, Delivered: true, At: at, Was: e, Will: data, Component: data.Index.Component}
	return tx.change(change, func() error {
		return tx.putDelivered(at, data, tagOptions(ready.roleIn(c.Store, c.To), c.Tag)...)
	})
}

// hasAlready reports whether an object is stored as data is.
func (tx *Tx) hasAlready(col *store.Collection, e *store.Entry, data *Data) (bool, error) {
	body, _, err := tx.Tx.Body(col.ID, e.Name)
	return bytes.Equal(body, data.Body), err
}

// putAside gives an object that is of no meeting another UID and name: that of a
// meeting is the same, and nobody may take an object of somebody's by its UID. Who may
// see it, and what is known of it, goes with it.
func (tx *Tx) putAside(home *store.Home, col *store.Collection, e *store.Entry) error {
	o, err := tx.stored(col, e)
	if err != nil {
		return err
	}
	name := objectName(fmt.Sprint(e.UID, "\x00", home.Rev), 0)
	cal := o.Calendar.Clone()
	for _, c := range cal.Children {
		if c.Name == o.Kind {
			c.SetValue("UID", strings.TrimSuffix(name, ".ics"))
		}
	}
	if o, err = ical.NewObject(cal); err != nil {
		return err
	}
	data, err := dataOf(o)
	if err != nil {
		return err
	}
	list := slices.Clone(tx.ACL(col, e.Name))
	props, err := tx.Properties(store.OfObject(col, e.Name))
	if err != nil {
		return err
	}
	was := &Change{Op: Delete, At: Place{home, col, e.Name}, Was: e, Component: e.Component}
	if err := tx.change(was, func() error { return tx.DeleteObject(col, e.Name, store.Match{}) }); err != nil {
		return err
	}
	is := &Change{Op: Put, At: Place{home, col, name}, Will: data, Component: e.Component}
	return tx.change(is, func() error {
		if _, _, err := tx.PutObject(col, name, data.Body, data.Index, store.Match{}); err != nil {
			return err
		}
		for _, p := range props {
			if err := tx.SetProperty(store.OfObject(col, name), p.Name, p.Value); err != nil {
				return err
			}
		}
		return tx.Tx.SetACL(col, name, list)
	})
}

// roleIn is the role of an object in the home of a party that a message has reached.
func roleIn(o *ical.Object, p *scheduling.Party) store.Role {
	return roles[scheduling.RoleOf(o, p.GUID)]
}

// placeForNew is where a party's new copy of an object goes: into the default
// calendar, under a name that its UID gives.
func (tx *Tx) placeForNew(home *store.Home, d *Data) (Place, error) {
	col, err := tx.defaultCalendarFor(home, d.Index.Component)
	if err != nil {
		return Place{}, err
	}
	for i := 0; ; i++ {
		name := objectName(d.Index.UID, i)
		found, err := tx.Exists(col.ID, name)
		if err != nil || !found {
			return Place{home, col, name}, err
		}
	}
}

// objectName is the name of what the server makes: n is the number of the attempt.
func objectName(key string, n int) string {
	b := append(append(make([]byte, 0, len(key)+8), key...), 0)
	sum := sha256.Sum256(strconv.AppendInt(b, int64(n), 10))
	return string(append(hex.AppendEncode(make([]byte, 0, 36), sum[:16]), ".ics"...))
}

// recordTypes are the types of the records that have a home, by kind of party.
var recordTypes = map[scheduling.PartyKind]directory.Type{
	scheduling.Person: directory.User, scheduling.Room: directory.Location,
	scheduling.Resource: directory.Resource, scheduling.Group: directory.Group,
}

// homeFor is the home of a party, made if there is none yet.
func (tx *Tx) homeFor(p *scheduling.Party) (*store.Home, error) {
	return tx.EnsureHome(p.GUID, func(b *store.HomeBuilder) {
		b.SetOwnerType(uint8(recordTypes[p.Kind]))
		for _, n := range defaultCollections {
			b.Add(n)
		}
	})
}

// What many get is stored once if that saves as much as a page, at least. Two more records
// are written for it, and one more is read each time, so that it does not pay for small
// bodies, however many there are.
const (
	sharedFrom  = 1 << 10
	sharedSaves = 4 << 10
)

// prepared keeps what was made ready for the store of objects, and of messages about
// them: most attendees get the same. It is shared and must not be changed.
type prepared struct {
	data    map[any]*Data
	uses    map[any]int // how many get it
	rolls   map[*ical.Object]*scheduling.Roll
	created []byte // scheduleChanges of a new meeting
}

// preparedFor is for what is to be delivered.
func preparedFor(w *scheduling.Writes) *prepared {
	p := &prepared{data: map[any]*Data{}, uses: map[any]int{}, rolls: map[*ical.Object]*scheduling.Roll{}}
	for i := range w.Copies {
		p.uses[w.Copies[i].Store]++
	}
	for i := range w.Inbox {
		p.uses[w.Inbox[i].Message]++
	}
	return p
}

// roll is who takes part in an object: with as many as get it, looking for each of them
// in its lines takes most of the time.
func (p *prepared) roll(o *ical.Object) *scheduling.Roll {
	r := p.rolls[o]
	if r == nil {
		r = scheduling.NewRoll(o)
		p.rolls[o] = r
	}
	return r
}

// presented is an object, or a message, as it is put into the home of its recipient: with
// the address there that the home notes, or that the directory has if it notes none.
func (p *prepared) presented(home *store.Home, to *scheduling.Party, o *ical.Object) *ical.Object {
	return p.roll(o).Present(asNoted(home, to))
}

func (p *prepared) roleIn(o *ical.Object, to *scheduling.Party) store.Role {
	return roles[p.roll(o).Role(to.GUID)]
}

// object is dataOf, done once.
func (p *prepared) object(o *ical.Object) (*Data, error) {
	return p.once(o, func() (*Data, error) { return dataOf(o) })
}

// message is what is put into an inbox.
func (p *prepared) message(m *scheduling.Message) (*Data, error) {
	return p.once(m, func() (*Data, error) {
		ix, err := indexOf(m.Data)
		return &Data{Body: m.Body().Append(nil), Index: ix}, err
	})
}

// changes is scheduleChanges, which says the same to all who are invited anew.
func (p *prepared) changes(m *scheduling.InboxWrite, form scheduling.AddressForm, now time.Time) []byte {
	if m.Action != scheduling.Created {
		return scheduleChanges(m, form, now)
	}
	if p.created == nil {
		p.created = scheduleChanges(m, form, now)
	}
	return p.created
}

func (p *prepared) once(of any, prepare func() (*Data, error)) (*Data, error) {
	if d := p.data[of]; d != nil {
		return d, nil
	}
	d, err := prepare()
	if err != nil {
		return nil, err
	}
	if n := len(d.Body); n >= sharedFrom && (p.uses[of]-1)*n >= sharedSaves {
		d.shared = store.NewBody(d.Body)
	}
	p.data[of] = d
	return d, nil
}

// putDelivered writes what was prepared.
func (tx *Tx) putDelivered(at Place, d *Data, opts ...store.PutOption) (err error) {
	if err := tx.delivers(d); err != nil {
		return err
	}
	if d.shared != nil {
		_, _, err = tx.PutShared(at.Collection, at.Name, d.shared, d.Index, store.Match{}, opts...)
	} else {
		_, _, err = tx.PutObject(at.Collection, at.Name, d.Body, d.Index, store.Match{}, opts...)
	}
	return err
}

// deliverMessage puts a message into a party's inbox.
func (tx *Tx) deliverMessage(m *scheduling.InboxWrite, ready *prepared) error {
	home, err := tx.homeFor(m.To)
	if err != nil {
		return err
	}
	inbox, err := tx.Collection(home.ID, Inbox)
	if err != nil {
		return err
	}
	message := m.Message
	if o := ready.presented(home, m.To, message.Data); o != message.Data {
		other := *message // shared
		other.Data, message = o, &other
	}
	data, err := ready.message(message)
	if err != nil {
		return err
	}
	at := Place{home, inbox, objectName(fmt.Sprint(m.Message.Data.UID, "\x00", home.Rev), 0)}
	change := &Change{Op: Deliver, Delivered: true, At: at, Will: data, Component: data.Index.Component}
	return tx.change(change, func() error {
		if err := tx.putDelivered(at, data); err != nil {
			return err
		}
		return tx.SetProperty(at.Resource(), scheduleChangesKey, ready.changes(m, tx.c.Scheduling.Addresses, tx.Now()))
	})
}
