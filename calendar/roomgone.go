package calendar

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"convene/directory"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// A Left is a meeting that has a room to come although the one who organizes it, or the
// room itself, is not in the directory any more.
type Left struct {
	UID       string
	Organizer string      // GUID; "": somebody outside the directory
	Code      policy.Code // policy.CodeOrganizerLeft or CodeClosedDown
	Gone      []string    // GUIDs of who has left: the organizer, the room, or both
	Room      string      // how the meeting calls the room
}

// A Departure says what becomes of bookings when somebody leaves the directory.
type Departure struct {
	After     time.Duration // they have been gone for so long
	Organizer bool          // bookings of organizers are given back; else only those of rooms that are gone
}

// rememberGone is how long it is kept since when somebody has been gone.
const rememberGone = 10 * 365 * 24 * time.Hour

// maxLeft is how many meetings of a room are given back at once; the rest come next.
const maxLeft = 500

// Leavers returns the meetings of a room that are to be given back. Since when somebody
// has been gone is noted when that is first seen, and forgotten when they are back: what
// an administrator has removed by mistake, or a directory that was emptied, costs no
// booking at once.
func (tx *Tx) Leavers(home *store.Home, d Departure) (list []Left, err error) {
	k, closed, err := tx.keeperOfAny(home)
	if errors.Is(err, ErrNoBooking) { // it is no room any more, and nobody who left
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	meetings, err := k.meetings()
	if err != nil {
		return nil, err
	}
	noted := map[string]bool{}
	for _, m := range meetings {
		organizerGone, err := k.gone(m.Organizer)
		if err != nil {
			return nil, err
		}
		if organizerGone {
			m.Gone = append(m.Gone, m.Organizer)
		}
		switch {
		case closed:
			m.Code, m.Gone = policy.CodeClosedDown, append(m.Gone, home.Owner)
		case organizerGone && d.Organizer:
			m.Code = policy.CodeOrganizerLeft
		default:
			continue
		}
		who := m.Gone[len(m.Gone)-1] // the one for whom it is given back
		noted[string(goneKey(who))] = true
		over, err := tx.goneFor(home, who, d.After)
		if err != nil {
			return nil, err
		}
		if over && len(list) < maxLeft {
			list = append(list, m)
		}
	}
	return list, tx.forgetGone(home, noted)
}

// keeperOfAny is keeperOf, also for a room that the directory does not know any more: its
// ledger is that of a room without settings.
func (tx *Tx) keeperOfAny(home *store.Home) (k *keeper, closed bool, err error) {
	owner, err := tx.party(home.Owner)
	if err != nil {
		return nil, false, err
	}
	if owner.GUID != "" {
		k, err = tx.keeperOf(home)
		return k, false, err
	}
	p := Closed(home).Policy
	l, err := tx.ledger(home, p)
	return &keeper{tx: tx, home: home, ledger: l, policy: p, label: home.Owner}, true, err
}

// Closed is how a room or resource is set that the directory does not know any more.
func Closed(home *store.Home) *Room {
	kind := rooms.KindOf(directory.Type(home.OwnerType))
	return &Room{Name: kind.String() + "/" + home.Owner, Policy: &policy.Resolve(kind, "", policy.Layers{}).Policy}
}

// meetings are the meetings that have a date of the room to come.
func (k *keeper) meetings() (list []Left, err error) {
	now := k.tx.Now().Unix()
	seen := map[rooms.Object]bool{}
	var rows []policy.Booking
	for b := range k.ledger.Overlaps(now, k.horizon(), nil) {
		o := rooms.Object{Collection: b.Collection, Name: b.Object}
		if b.Start >= now && b.State != policy.Blocked && !seen[o] {
			seen[o] = true
			rows = append(rows, b)
		}
	}
	if err := k.ledger.Err(); err != nil {
		return nil, err
	}
	for i := range rows {
		o, err := k.tx.objectOf(&rows[i])
		if err != nil {
			return nil, err
		}
		if o != nil && hasOrganizer(o) {
			list = append(list, Left{UID: o.UID, Organizer: scheduling.GUIDOf(scheduling.OrganizerOf(o)), Room: calledIn(o, k.home.Owner)})
		}
	}
	return list, nil
}

func goneKey(guid string) []byte {
	sum := sha256.Sum256([]byte(guid))
	return sum[:]
}

// goneFor reports whether somebody has been gone for so long, and notes it if it is new.
func (tx *Tx) goneFor(home *store.Home, guid string, after time.Duration) (bool, error) {
	m, err := tx.Matter(home.ID, matterGone, goneKey(guid))
	if err != nil {
		return false, err
	}
	if m == nil {
		m = &store.Matter{Home: home.ID, Kind: matterGone, Key: goneKey(guid), Due: tx.Now().Add(rememberGone),
			Payload: binary.BigEndian.AppendUint64(nil, uint64(tx.Now().Unix()))}
		if err := tx.SetMatter(m); err != nil {
			return false, err
		}
	}
	since, err := goneSince(m)
	return !tx.Now().Before(since.Add(after)), err
}

// GoneSince is since when the owner of a home is known to have left the directory; zero:
// they have not, as far as is known.
func (tx *Tx) GoneSince(guid string) (time.Time, error) {
	home, err := tx.Home(guid)
	if errors.Is(err, ErrNoHome) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	m, err := tx.Matter(home.ID, matterGone, goneKey(guid))
	if err != nil || m == nil {
		return time.Time{}, err
	}
	return goneSince(m)
}

func goneSince(m *store.Matter) (time.Time, error) {
	if len(m.Payload) != 8 {
		return time.Time{}, fmt.Errorf("who has left: %w", store.ErrCorrupt)
	}
	return time.Unix(int64(binary.BigEndian.Uint64(m.Payload)), 0).UTC(), nil
}

// NoteGone notes that the owner of a home has left the directory, or is there. It returns
// since when they have been gone; zero: they are there. What an administrator has removed
// by mistake comes back as it was.
func (tx *Tx) NoteGone(home *store.Home, gone bool) (time.Time, error) {
	m := &store.Matter{Home: home.ID, Kind: matterGone, Key: goneKey(home.Owner)}
	if !gone {
		return time.Time{}, tx.DropMatter(m)
	}
	if _, err := tx.goneFor(home, home.Owner, 0); err != nil {
		return time.Time{}, err
	}
	return tx.GoneSince(home.Owner)
}

// forgetGone forgets those who are not gone any more, or have no bookings left.
func (tx *Tx) forgetGone(home *store.Home, noted map[string]bool) error {
	var old []*store.Matter
	for m, err := range tx.Matters(home.ID, matterGone) {
		if err != nil {
			return err
		}
		if !noted[string(m.Key)] {
			old = append(old, m)
		}
	}
	for _, m := range old {
		if err := tx.DropMatter(m); err != nil {
			return err
		}
	}
	return nil
}

// GiveUp gives back what is to come of a meeting that is left. Everybody who is invited
// sees it in their copy. It is for a transaction in which those who have left are known
// as they were: see Departed. Errors: ErrNoBooking, there is nothing to be given back.
func (tx *Tx) GiveUp(home *store.Home, l *Left) error {
	text, err := tx.tells(home, l.Organizer, tx.Now().Unix(), policy.Event{Code: l.Code})
	if err != nil {
		return err
	}
	_, err = tx.AnswerForRoom(home, &RoomAnswer{
		UID: l.UID, From: []policy.PartStat{policy.Accepted, policy.Held}, Since: tx.Now().Unix(), To: policy.Declined, Text: text,
	})
	return err
}

// calledIn is how a meeting calls one of its attendees, by GUID.
func calledIn(o *ical.Object, guid string) string {
	for _, c := range o.Calendar.Children {
		for _, p := range c.AllProps("ATTENDEE") {
			if cn := p.Param("CN"); cn != "" && p.Address() == scheduling.CanonicalAddress(guid) {
				return cn
			}
		}
	}
	return guid
}

// Departed is the party that somebody was before they left the directory, as far as their
// home has it: what they have stored is reached all the same. Errors: ErrNoHome.
func (tx *Tx) Departed(guid string) (*scheduling.Party, *store.Home, error) {
	home, err := tx.Home(guid)
	if err != nil {
		return nil, nil, err
	}
	p := &scheduling.Party{Address: scheduling.CanonicalAddress(guid), GUID: guid, Kind: scheduling.Person, Emails: noteOf(home).present}
	for kind, t := range recordTypes {
		if t == directory.Type(home.OwnerType) {
			p.Kind = kind
		}
	}
	return p, home, nil
}
