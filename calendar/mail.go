package calendar

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"convene/freebusy"
	"convene/imip"
	"convene/internal/ical"
	"convene/rooms/policy"
	"convene/scheduling"
	"convene/store"
)

// Mail says how people are told who have no home here.
type Mail struct {
	Delay  time.Duration // before the first try: what is changed meanwhile goes out once
	PerDay int           // letters that one home may send in a day; 0: without limit

	// Approve is the beginning of the URL of the page on which the request of a number
	// is answered; "": there is none.
	Approve string
}

// overFor is how long a meeting has been over of which nobody is told any more.
const overFor = 7 * 24 * time.Hour

// statusNobody says that a recipient has no address that mail can be sent to (RFC
// 6638 §3.2.9).
const statusNobody = "3.7"

// post queues a message for those of its recipients who get mail, in the
// transaction that causes it. failed gets the SCHEDULE-STATUS of those who are sent
// nothing.
func (tx *Tx) post(m *scheduling.Message, failed map[string]string) error {
	for _, to := range m.To {
		status, err := tx.postTo(m, to)
		if err != nil {
			return err
		}
		if status != statusQueued {
			failed[scheduling.Normalize(to.Address)] = status
		}
	}
	return nil
}

// statusQueued is what scheduling says of those who get mail.
const statusQueued = "1.1"

// postTo queues a message for one recipient, and returns its status; "": nothing was
// attempted.
func (tx *Tx) postTo(m *scheduling.Message, to *scheduling.Party) (status string, err error) {
	if tx.c.Mail == nil {
		return statusNobody, nil
	}
	if _, err := imip.NewMailbox("", to.Address); err != nil {
		return statusNobody, nil
	}
	l, err := imip.NewLetter(m, to)
	switch {
	case errors.Is(err, imip.ErrNoMailbox): // of the sender
		return statusFailed, nil
	case err != nil:
		return "", err
	case l.Over(tx.Now().Add(-overFor)):
		return "", nil
	}
	home, err := tx.homeFor(m.From)
	if err != nil {
		return "", err
	}
	if most := tx.c.Mail.PerDay; most > 0 && !tx.leaving {
		if n, err := tx.SentOn(home.ID, tx.Now()); err != nil || n >= most {
			return statusFailed, err
		}
	}
	return tx.enqueue(home, l)
}

// enqueue puts a letter into the queue.
func (tx *Tx) enqueue(home *store.Home, l *imip.Letter) (status string, err error) {
	q, err := tx.queued(l)
	if err != nil {
		return "", err
	}
	err = tx.Savepoint(func() error {
		return errors.Join(tx.Enqueue(home.ID, q), tx.CountSent(home.ID, 1))
	})
	var limit *store.LimitError
	if errors.As(err, &limit) {
		return statusFailed, nil
	}
	return statusQueued, err
}

// tellWatchers queues letters to those who act for a person, about a message from the
// organizer of a meeting that has come into the person's inbox. They do not count as mail
// that somebody sends.
func (tx *Tx) tellWatchers(w *scheduling.InboxWrite) error {
	m := w.Message
	if tx.c.Mail == nil || tx.sender == nil || tx.sender.Watchers == nil || w.To.Kind != scheduling.Person || m.Method == scheduling.Reply {
		return nil
	}
	home, err := tx.homeFor(w.To)
	if err != nil {
		return err
	}
	col, _, err := tx.holder(home, m.Data.UID)
	if err == nil && col == nil { // it was cancelled
		col, err = tx.DefaultCalendar(home, ComponentNamed(m.Data.Kind))
	}
	if err != nil || col == nil {
		return err
	}
	watchers, err := tx.sender.Watchers(w.To, col, !freebusy.Public(m.Data))
	if err != nil {
		return err
	}
	for i := range watchers {
		to := &watchers[i]
		if to.GUID == m.From.GUID { // it is their own
			continue
		}
		box, err := imip.NewMailbox(to.Name, to.Address)
		if err != nil { // as if they had none
			continue
		}
		l, err := imip.NewCopied(m, w.To, box, to.Language)
		if errors.Is(err, imip.ErrNoMailbox) { // of the organizer
			return nil
		}
		if err != nil {
			return err
		}
		if l.Over(tx.Now().Add(-overFor)) {
			return nil
		}
		q, err := tx.queued(l)
		if err != nil {
			return err
		}
		err = tx.Savepoint(func() error { return tx.Enqueue(home.ID, q) })
		if _, full := errors.AsType[*store.LimitError](err); full {
			return nil
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// queued is a letter as it waits.
func (tx *Tx) queued(l *imip.Letter) (*store.Queued, error) {
	payload, err := l.Encode()
	return &store.Queued{Due: tx.Now().Add(tx.c.Mail.Delay), Thread: l.Thread(), Payload: payload}, err
}

// A Note is what the caller has noted in the store under a name.
type Note struct {
	Name  string
	Value []byte
}

// PostNews queues letters about delegates, by the owner of the home in whose queue each
// waits, and notes how far the caller has come: both, or neither. They do not count as
// mail that the owners of the homes send.
func (c *Calendars) PostNews(ctx context.Context, letters map[string][]*imip.Letter, at ...Note) error {
	return c.Update(ctx, Actor{}, func(tx *Tx) error {
		for _, owner := range slices.Sorted(maps.Keys(letters)) {
			home, err := tx.Home(owner)
			if err != nil {
				return err
			}
			for _, l := range letters[owner] {
				q, err := tx.queued(l)
				if err == nil {
					err = tx.Enqueue(home.ID, q)
				}
				if err != nil {
					return err
				}
			}
		}
		for _, n := range at {
			if err := tx.SetNote(n.Name, n.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// BeginMail notes that a letter is about to be sent. After a crash it is known that
// its recipient may have it. Errors: store.ErrNotFound if it is not in the queue any
// more.
func (c *Calendars) BeginMail(ctx context.Context, q *store.Queued) error {
	return c.requeue(ctx, q, func(q *store.Queued) { q.Tries++ })
}

// RetryMail puts a letter off, and notes why. Errors: as BeginMail.
func (c *Calendars) RetryMail(ctx context.Context, q *store.Queued, due time.Time, note string) error {
	return c.requeue(ctx, q, func(q *store.Queued) { q.Due, q.Note = due, note })
}

func (c *Calendars) requeue(ctx context.Context, q *store.Queued, set func(*store.Queued)) error {
	var now store.Queued
	err := c.Update(ctx, Actor{}, func(tx *Tx) error {
		now = *q
		return tx.Requeue(&now, set)
	})
	if err == nil {
		*q = now
	}
	return err
}

// A Postponed is a thread of letters of which none is to be sent before a moment.
type Postponed struct {
	Thread store.Thread
	Last   store.QueueID // of its letters, as they were looked at
	Until  time.Time
}

// PostponeMail notes when threads are to be looked at again, but for those that a letter
// has come to since.
func (c *Calendars) PostponeMail(ctx context.Context, list ...Postponed) error {
	return c.Update(ctx, Actor{}, func(tx *Tx) error {
		for _, p := range list {
			if err := tx.PutOff(p.Thread, p.Last, p.Until); err != nil {
				return err
			}
		}
		return nil
	})
}

// MailSent notes that a letter was taken for delivery, under a Message-ID. Errors: as
// BeginMail.
func (c *Calendars) MailSent(ctx context.Context, q *store.Queued, l *imip.Letter, id string) error {
	return c.Update(ctx, Actor{}, func(tx *Tx) error {
		return errors.Join(tx.Dequeue(q), tx.MarkSent(q.Thread, id, l.Key()))
	})
}

// DropMail removes letters that are not to be sent. Errors: as BeginMail.
func (c *Calendars) DropMail(ctx context.Context, list ...*store.Queued) error {
	return c.Update(ctx, Actor{}, func(tx *Tx) error {
		for _, q := range list {
			if err := tx.Dequeue(q); err != nil {
				return err
			}
		}
		return nil
	})
}

// MailFailed gives a letter up. Its sender's object gets the SCHEDULE-STATUS of the
// recipient, under the Schedule-Tag that it has: the client need not have seen it to
// write again (RFC 6638 §3.2.10). An organizer finds a note in their inbox, which
// says why. Errors: as BeginMail.
func (c *Calendars) MailFailed(ctx context.Context, q *store.Queued, l *imip.Letter, status, why string) error {
	return c.Update(ctx, Actor{}, func(tx *Tx) error {
		if err := tx.Dequeue(q); err != nil {
			return err
		}
		if l.ForPeople() {
			return nil // what it says is seen by other means
		}
		home, err := tx.Home(l.Owner)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		sender := &scheduling.Party{Address: scheduling.CanonicalAddress(l.Owner), GUID: l.Owner}
		if err == nil { // what has no room is left out: the letter must leave the queue
			err = tx.attempt(sender, map[string]string{}, func() error { return tx.noteFailure(home, l, status) })
		}
		if err != nil || l.Method == scheduling.Reply {
			return err
		}
		note, err := failureNote(l, status, why, tx.Now())
		if err != nil {
			return err
		}
		return tx.attempt(note.To, map[string]string{}, func() error { return tx.deliverMessage(note, preparedFor(&scheduling.Writes{})) })
	})
}

// noteFailure writes the status of a letter into the object that it was sent for, if
// that is still the sender's and names the recipient.
func (tx *Tx) noteFailure(home *store.Home, l *imip.Letter, status string) error {
	col, e, err := tx.holder(home, l.UID)
	if err != nil || e == nil {
		return err
	}
	o, err := tx.stored(col, e)
	if err != nil {
		return err
	}
	want, role := scheduling.RoleOrganizer, scheduling.RoleOf(o, home.Owner)
	if l.Method == scheduling.Reply {
		want = scheduling.RoleAttendee
	}
	if role != want {
		return nil
	}
	n := scheduling.WithStatuses(o, role, map[string]string{scheduling.Normalize("mailto:" + l.To.Address): status})
	if n == o {
		return nil
	}
	data, err := dataOf(n)
	if err != nil {
		return err
	}
	change := &Change{Op: Put, At: Place{home, col, e.Name}, Was: e, Will: data, Component: data.Index.Component}
	return tx.change(change, func() error {
		_, _, err := tx.PutObject(col, e.Name, data.Body, data.Index, store.Match{}, tagOptions(roles[role], scheduling.TagKeep)...)
		return err
	})
}

// noteProps are the properties of a note about mail that was not delivered.
var noteProps = []string{"UID", "SEQUENCE", "RECURRENCE-ID", "DTSTART", "DTEND", "DUE", "DURATION", "SUMMARY"}

// failureNote is what an organizer finds in their inbox: a REPLY in the place of a
// recipient who was not reached, with the reason (RFC 5546 §3.6).
func failureNote(l *imip.Letter, status, why string, now time.Time) (*scheduling.InboxWrite, error) {
	cal, err := ical.Decode([]byte(l.Calendar), ical.DefaultLimits)
	if err != nil {
		return nil, err
	}
	cal.Remove("METHOD")
	organizer := &scheduling.Party{Address: scheduling.CanonicalAddress(l.Owner), GUID: l.Owner, Kind: scheduling.Person, CN: l.From.Name}
	recipient := &scheduling.Party{Address: scheduling.Normalize("mailto:" + l.To.Address), Kind: scheduling.External, CN: l.To.Name}
	for _, c := range cal.Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		line := ical.NewProperty("ATTENDEE", "mailto:"+l.To.Address)
		for _, p := range c.AllProps("ATTENDEE") {
			if p.Address() == recipient.Address {
				line = p.Clone()
			}
		}
		line.SetParam("SCHEDULE-STATUS", status)
		c.RemoveFunc(func(p *ical.Property) bool { return !slices.Contains(noteProps, p.Name) })
		from := ical.NewProperty("ORGANIZER", organizer.Address, ical.NewParam("EMAIL", l.From.Address))
		c.Add(from, line, ical.NewProperty("DTSTAMP", now.UTC().Format("20060102T150405Z")),
			ical.NewProperty("REQUEST-STATUS", status+";"+ical.EscapeText("Could not be delivered by mail")+";"+ical.EscapeText(why)))
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		return nil, err
	}
	return &scheduling.InboxWrite{
		To: organizer, Message: &scheduling.Message{Method: scheduling.Reply, From: recipient, To: []*scheduling.Party{organizer}, Data: o},
		Action: scheduling.Replied, Changes: scheduling.Changes{ical.DateTime{}: {"ATTENDEE": {"SCHEDULE-STATUS"}}},
	}, nil
}

// mailApprovers asks those by mail who may approve a booking. Who has no mailbox, or no
// room left for it in the booker's queue, learns of it in the room's inbox.
func (tx *Tx) mailApprovers(r *Request, o *ical.Object, booker *scheduling.Party, said *policy.Speech, reminder bool) error {
	if tx.c.Mail == nil || booker.GUID == "" {
		return nil
	}
	asks := imip.Asks{ID: r.ID.String(), Room: said.Room, Until: r.Expires, Zone: said.Zone.Name(), Against: len(r.Against) > 0, Reminder: reminder}
	if tx.c.Mail.Approve != "" {
		asks.URL = tx.c.Mail.Approve + asks.ID
	}
	return tx.mailAbout(o, booker, said.Mail, asks)
}

// mailOwners tells those who manage a room that nobody has come to a series three times in
// a row.
func (tx *Tx) mailOwners(k *keeper, b *Booked, released bool) error {
	if tx.c.Mail == nil || b.Organizer == "" {
		return nil
	}
	owners, err := tx.sender.Rooms.Owners(k.home.Owner)
	if err != nil || len(owners) == 0 {
		return err
	}
	booker, err := tx.party(b.Organizer)
	if err != nil || booker.GUID == "" {
		return err
	}
	said, err := tx.speech(k.home, b.Organizer, b.Start)
	if err != nil {
		return err
	}
	return tx.mailAbout(b.object, booker, owners, imip.Asks{Room: said.Room, Zone: said.Zone.Name(), NoShows: true, Missed: b.Start, Released: released})
}

// mailAbout queues letters about a booking to people who look after the room.
func (tx *Tx) mailAbout(o *ical.Object, booker *scheduling.Party, readers []policy.Reader, a imip.Asks) error {
	home, err := tx.homeFor(booker)
	if err != nil {
		return err
	}
	for _, to := range readers {
		l, err := imip.NewAsking(o, booker, to.Address, to.Lang, a)
		if errors.Is(err, imip.ErrNoMailbox) {
			continue
		}
		if err != nil {
			return err
		}
		if most := tx.c.Mail.PerDay; most > 0 {
			if n, err := tx.SentOn(home.ID, tx.Now()); err != nil || n >= most {
				return err
			}
		}
		if _, err := tx.enqueue(home, l); err != nil {
			return err
		}
	}
	return nil
}
