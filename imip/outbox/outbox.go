package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"convene/calendar"
	"convene/imip"
	"convene/store"
)

// Settings say how mail is sent. They may change between two passes.
type Settings struct {
	Calendars  *calendar.Calendars
	Compose    imip.Options
	Submission Submission

	Connections int           // at the same time
	PerMinute   int           // mails of one sender; 0: without limit
	GiveUp      time.Duration // after so long
}

// Options are what an Outbox is made with.
type Options struct {
	Settings func() *Settings // asked before each pass; nil: nothing is sent now
	Log      *slog.Logger
	Now      func() time.Time

	// Trouble is told of letters that wait too long, and with nil when there are none
	// any more.
	Trouble func(error)
}

// An Outbox sends letters.
type Outbox struct {
	Options
	rates rates

	mu   sync.Mutex
	held map[store.QueueID]time.Time // until when
}

// New returns an Outbox that sends nothing before Run.
func New(o Options) *Outbox {
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	return &Outbox{Options: o, held: map[store.QueueID]time.Time{}}
}

// pollEvery is how often the queue is looked at. That costs the reads of two keys.
const pollEvery = time.Second

// Run sends letters when they are due, until ctx ends.
func (o *Outbox) Run(ctx context.Context) error {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		if s := o.Settings(); s != nil {
			more, err := o.pass(ctx, s)
			if err != nil && ctx.Err() == nil {
				o.Log.Warn("mail: the queue could not be worked on", "err", err)
			}
			if more && err == nil && ctx.Err() == nil {
				continue
			}
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// maxThreads is how many threads one pass looks at, so how many letters it sends.
const maxThreads = 200

// stuckAfter is how long a letter waits before the operator is told.
const stuckAfter = time.Hour

// pass sends what is due, and reports whether that was all it sends at once.
func (o *Outbox) pass(ctx context.Context, s *Settings) (more bool, err error) {
	now := o.Now()
	threads, err := o.threads(ctx, s, now)
	if err != nil {
		return false, err
	}
	var ready []waiting
	var marks []*store.Mark
	var postponed []calendar.Postponed
	for _, thread := range threads {
		keep, mark, err := o.reduced(ctx, s, thread, now)
		if err != nil {
			return false, err
		}
		if len(keep) == 0 {
			continue
		}
		until := now
		first, last := keep[0], keep[len(keep)-1]
		switch {
		case first.row.Due.After(now):
			until = first.row.Due
		case o.isHeld(first.row, now):
			continue
		default:
			until = o.rates.take(first.row.ID.Home, s.PerMinute, now)
		}
		if until.After(now) {
			postponed = append(postponed, calendar.Postponed{Thread: thread, Last: last.row.ID, Until: until})
		} else {
			ready, marks = append(ready, first), append(marks, mark)
		}
	}
	if len(postponed) > 0 {
		if err := s.Calendars.PostponeMail(ctx, postponed...); err != nil {
			return false, err
		}
	}
	o.sendAll(ctx, s, ready, marks)
	return len(threads) == maxThreads && len(ready)+len(postponed) > 0, nil
}

// threads are those that are due. The operator is told if a letter waits for too long.
func (o *Outbox) threads(ctx context.Context, s *Settings, now time.Time) (list []store.Thread, err error) {
	var oldest time.Time
	waits := false
	err = s.Calendars.Store.View(ctx, func(tx *store.Tx) error {
		list = nil
		if oldest, waits = tx.OldestQueued(); !waits {
			return nil
		}
		for thread := range tx.DueThreads(now) {
			if list = append(list, thread); len(list) == maxThreads {
				break
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if waits && now.Sub(oldest) > stuckAfter {
		o.Trouble(&StuckError{oldest})
	} else {
		o.Trouble(nil)
	}
	return list, nil
}

// A StuckError says since when the oldest letter waits.
type StuckError struct{ Since time.Time }

// Error says so.
func (e *StuckError) Error() string {
	return "the oldest mail has waited since " + e.Since.UTC().Format(time.RFC3339)
}

// reduced are the letters of a thread that are to be sent, in order, after those are
// dropped that need not be. One that cannot be read holds its thread up, until an operator
// drops it.
func (o *Outbox) reduced(ctx context.Context, s *Settings, thread store.Thread, now time.Time) ([]waiting, *store.Mark, error) {
	list, mark, bad, err := read(ctx, s.Calendars.Store, thread)
	if err != nil {
		return nil, nil, err
	}
	if bad != nil {
		o.Log.Error("mail: a letter cannot be read", "letter", bad.ID, "err", bad.Note)
		until, last := now.Add(delays[len(delays)-1]), list[len(list)-1].row.ID
		err := ignoreGone(s.Calendars.RetryMail(ctx, bad, until, bad.Note))
		if err == nil {
			err = s.Calendars.PostponeMail(ctx, calendar.Postponed{Thread: thread, Last: last, Until: until})
		}
		return nil, nil, err
	}
	keep, drop := reduce(list, mark, now)
	if len(drop) > 0 {
		var out []*store.Queued
		for _, w := range drop {
			out = append(out, w.row)
		}
		if err := s.Calendars.DropMail(ctx, out...); err != nil {
			return nil, nil, err
		}
	}
	return keep, mark, nil
}

// read reads the letters of a thread, and what was sent in it. bad is the first that
// cannot be read, with a note that says why.
func read(ctx context.Context, s *store.Store, thread store.Thread) (list []waiting, mark *store.Mark, bad *store.Queued, err error) {
	err = s.View(ctx, func(tx *store.Tx) error {
		list, bad = nil, nil
		rows, err := tx.ThreadRows(thread)
		if err != nil {
			return err
		}
		for _, q := range rows {
			l, err := imip.Decode(q.Payload)
			if err != nil && bad == nil {
				q.Note, bad = err.Error(), q
			}
			list = append(list, waiting{q, l})
		}
		mark, err = tx.Marked(thread)
		return err
	})
	return list, mark, bad, err
}

// sendAll sends letters over some connections at the same time.
func (o *Outbox) sendAll(ctx context.Context, s *Settings, list []waiting, marks []*store.Mark) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(max(s.Connections, 1), len(list)) {
		workers.Go(func() {
			w := worker{o: o, s: s}
			defer w.close()
			for i := range next {
				if err := w.deliver(ctx, &list[i], marks[i]); err != nil && ctx.Err() == nil {
					o.hold(list[i].row)
					o.Log.Warn("mail: what came of a letter could not be noted", "letter", list[i].row.ID, "err", err)
				}
			}
		})
	}
	for i := range list {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	workers.Wait()
}

// hold keeps a letter that was tried, when that could not be written down: a store
// that takes no changes must not make it go out again and again.
func (o *Outbox) hold(q *store.Queued) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.held[q.ID] = o.Now().Add(delayAfter(q.Tries))
}

// isHeld reports whether a letter is kept still.
func (o *Outbox) isHeld(q *store.Queued, now time.Time) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	until, held := o.held[q.ID]
	if held && !now.Before(until) {
		delete(o.held, q.ID)
		return false
	}
	return held
}

// A worker sends one letter after the other over one connection.
type worker struct {
	o       *Outbox
	s       *Settings
	session *session
	down    error // why there is no connection in this pass
}

func (w *worker) close() {
	if w.session != nil {
		w.session.close()
		w.session = nil
	}
}

// deliver tries a letter once, and notes what came of it.
func (w *worker) deliver(ctx context.Context, one *waiting, mark *store.Mark) error {
	row, l := one.row, one.letter
	if err := w.s.Calendars.BeginMail(ctx, row); err != nil {
		return ignoreGone(err)
	}
	at := imip.Occasion{Date: row.Queued}
	if mark != nil {
		at.First = mark.First
	}
	mail, err := imip.Compose(l, at, &w.s.Compose)
	if err != nil { // no attempt will make another
		return w.fail(ctx, one, statusUndelivered, err)
	}
	err = w.try(ctx, mail)
	switch status := finalStatus(err); {
	case ctx.Err() != nil: // nobody knows; it is tried again
		return nil
	case err == nil:
		w.o.Log.Info("mail: sent", "letter", row.ID, "to", l.To.Address, "method", l.Method)
		return ignoreGone(w.s.Calendars.MailSent(ctx, row, l, l.MessageID(w.s.Compose.Site.Domain())))
	case status != "":
		return w.fail(ctx, one, status, err)
	case w.o.Now().Sub(row.Queued) >= w.s.GiveUp:
		return w.fail(ctx, one, statusUndelivered, err)
	}
	due := w.o.Now().Add(delayAfter(row.Tries))
	if last := row.Queued.Add(w.s.GiveUp); due.After(last) {
		due = last
	}
	w.o.Log.Warn("mail: put off", "letter", row.ID, "to", l.To.Address, "tries", row.Tries, "until", due.UTC().Format(time.RFC3339), "err", err)
	return ignoreGone(w.s.Calendars.RetryMail(ctx, row, due, err.Error()))
}

// try sends a mail over the connection, made if there is none. A server that was away
// is not asked again in one pass.
func (w *worker) try(ctx context.Context, m *imip.Mail) (err error) {
	if w.down != nil {
		return w.down
	}
	if w.session != nil && !w.session.again() {
		w.close()
	}
	if w.session == nil {
		if w.session, err = w.s.Submission.dial(ctx); err != nil {
			w.down = err
			return err
		}
	}
	return w.session.send(m)
}

// fail gives a letter up.
func (w *worker) fail(ctx context.Context, one *waiting, status string, why error) error {
	w.o.Log.Warn("mail: given up", "letter", one.row.ID, "to", one.letter.To.Address, "status", status, "err", why)
	return ignoreGone(w.s.Calendars.MailFailed(ctx, one.row, one.letter, status, why.Error()))
}

// ignoreGone makes nothing of a letter that an operator has dropped meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, store.ErrNotFound) {
		return nil
	}
	return err
}

// rates bounds what each home sends in a minute.
type rates struct {
	since time.Time
	asked map[store.HomeID]int
}

// take is when a home may send one more: now, or in one of the minutes to come, each of
// which gets as many as may go in it.
func (r *rates) take(home store.HomeID, most int, now time.Time) time.Time {
	if now.Sub(r.since) >= time.Minute || now.Before(r.since) {
		r.since, r.asked = now, map[store.HomeID]int{}
	}
	before := r.asked[home]
	r.asked[home]++
	if most <= 0 || before < most {
		return now
	}
	return r.since.Add(time.Duration(before/most) * time.Minute)
}

// ErrOff says that no mail is configured.
var ErrOff = errors.New("no mail is configured")

// Test sends a mail to an address at once, which says only that.
func (o *Outbox) Test(ctx context.Context, address string) error {
	s := o.Settings()
	if s == nil {
		return ErrOff
	}
	to, err := imip.NewMailbox("", address)
	if err != nil {
		return err
	}
	m, err := imip.TestMail(to, o.Now(), &s.Compose)
	if err != nil {
		return err
	}
	session, err := s.Submission.dial(ctx)
	if err != nil {
		return fmt.Errorf("%s: %w", s.Submission.Address, err)
	}
	defer session.close()
	if err := session.send(m); err != nil {
		return fmt.Errorf("%s: %w", s.Submission.Address, err)
	}
	return nil
}
