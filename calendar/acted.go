package calendar

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"convene/directory"
	"convene/internal/ical"
	"convene/store"
)

// An Act is what somebody else did last with an object in a person's calendars. It is kept
// for keepActs, with the home, by the transaction that did it.
type Act struct {
	By         string    `json:"by"` // GUID
	At         time.Time `json:"at"` // to the second
	Did        Did       `json:"did"`
	Collection string    `json:"collection"` // the name that the calendar had
	Object     string    `json:"object"`     // the object's in it
	Title      string    `json:"title"`      // SUMMARY, shortened; "" where there is none

	// Maker is who of others made the object, and when; "": the owner did, or it is not
	// known any more.
	Maker string    `json:"maker,omitempty"`
	Made  time.Time `json:"made,omitzero"`
}

// Did is what an Act did.
type Did string

// What an Act can do.
const (
	Created Did = "created"
	Changed Did = "changed"
	Deleted Did = "deleted" // or moved elsewhere
)

const (
	// keepActs is how long it is known what others did with an object.
	keepActs = 90 * 24 * time.Hour

	// mostActs is of how many objects of a home it is known; the oldest are forgotten first.
	mostActs = 500

	// mostTitle is how many bytes of a title are kept.
	mostTitle = 200
)

func actKey(col store.CollectionID, name string) []byte {
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint32(nil, uint32(col)), name...))
	return sum[:]
}

// actedOn reports whether a change of an object at p is of somebody else than the person
// whose it is.
func (tx *Tx) actedOn(p Place) bool {
	return p.Home != nil && p.Collection != nil && p.Collection.Kind == store.KindCalendar && p.Name != "" &&
		directory.Type(p.Home.OwnerType) == directory.User && tx.by.As != "" && tx.by.As != p.Home.Owner
}

// acts are what is to be noted of a change that is about to be made: nothing, if it is the
// owner's own, or follows from a change elsewhere.
func (tx *Tx) acts(c *Change) (list []noted, err error) {
	if c.Delivered || c.Op == Deliver {
		return nil, nil
	}
	gone := Place{}
	switch c.Op {
	case Delete:
		gone = c.At
	case Move:
		gone = c.From
	}
	if tx.actedOn(gone) {
		title, err := tx.titleAt(gone)
		if err != nil {
			return nil, err
		}
		list = append(list, noted{gone, Deleted, title})
	}
	if c.writesObject() && tx.actedOn(c.At) {
		did := Changed
		if c.Was == nil {
			did = Created
		}
		list = append(list, noted{c.At, did, ""})
	}
	return list, nil
}

// A noted is a place in which an act is to be noted.
type noted struct {
	Place
	did   Did
	title string // of what is not there any more
}

// titleAt is the title of what is at a place, "" if nothing is.
func (tx *Tx) titleAt(p Place) (string, error) {
	e, err := tx.Entry(p.Collection, p.Name)
	if err != nil || e == nil {
		return "", err
	}
	o, err := tx.stored(p.Collection, e)
	if err != nil {
		return "", err
	}
	return titleOf(o), nil
}

func titleOf(o *ical.Object) string {
	c := o.Master
	if c == nil && len(o.Overrides) > 0 {
		c = o.Overrides[0]
	}
	if c == nil {
		return ""
	}
	p := c.Prop("SUMMARY")
	if p == nil {
		return ""
	}
	s := p.Text()
	if len(s) > mostTitle {
		s = strings.ToValidUTF8(s[:mostTitle], "") + "…"
	}
	return s
}

// note notes an act, in place of what was noted of the object before.
func (tx *Tx) note(n noted) error {
	title := n.title
	if n.did != Deleted {
		var err error
		if title, err = tx.titleAt(n.Place); err != nil {
			return err
		}
	}
	a := Act{By: tx.by.As, At: tx.Now().UTC().Truncate(time.Second), Did: n.did, Collection: n.Collection.Name, Object: n.Name, Title: title}
	before, err := tx.Act(n.Home, n.Collection, n.Name)
	switch {
	case err != nil:
		return err
	case before == nil:
		if err := tx.forgetActs(n.Home); err != nil {
			return err
		}
	}
	switch {
	case n.did == Created:
		a.Maker, a.Made = a.By, a.At
	case before != nil:
		a.Maker, a.Made = before.Maker, before.Made
	}
	m := &store.Matter{Home: n.Home.ID, Kind: matterActed, Key: actKey(n.Collection.ID, n.Name), Due: a.At.Add(keepActs)}
	if m.Payload, err = json.Marshal(&a); err != nil {
		return err
	}
	return tx.SetMatter(m)
}

// forgetActs makes room for another act.
func (tx *Tx) forgetActs(home *store.Home) error {
	var oldest *store.Matter
	count := 0
	for m, err := range tx.Matters(home.ID, matterActed) {
		if err != nil {
			return err
		}
		if count++; oldest == nil || m.Due.Before(oldest.Due) {
			oldest = m
		}
	}
	if count < mostActs {
		return nil
	}
	return tx.DropMatter(oldest)
}

// Act is what somebody else did last with the object name of a person's calendar; nil:
// nothing, or so long ago that it is not known any more.
func (tx *Tx) Act(home *store.Home, col *store.Collection, name string) (*Act, error) {
	m, err := tx.Matter(home.ID, matterActed, actKey(col.ID, name))
	if err != nil || m == nil {
		return nil, err
	}
	return actOf(m)
}

func actOf(m *store.Matter) (*Act, error) {
	a := new(Act)
	if err := json.Unmarshal(m.Payload, a); err != nil {
		return nil, fmt.Errorf("what somebody did: %w", errors.Join(store.ErrCorrupt, err))
	}
	return a, nil
}

// Acts are what others did last with the objects in a person's calendars, the newest
// first; of one moment by the names of calendar and object.
func (tx *Tx) Acts(home *store.Home) (list []Act, err error) {
	for m, err := range tx.Matters(home.ID, matterActed) {
		if err != nil {
			return nil, err
		}
		a, err := actOf(m)
		if err != nil {
			return nil, err
		}
		list = append(list, *a)
	}
	slices.SortFunc(list, func(a, b Act) int {
		if c := b.At.Compare(a.At); c != 0 {
			return c
		}
		return strings.Compare(a.Collection+"/"+a.Object, b.Collection+"/"+b.Object)
	})
	return list, nil
}
