package server

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"convene/calendar"
	"convene/delegation"
	"convene/delegation/appointed"
	"convene/imip"
	"convene/store"
)

// tellEvery is how often it is looked whether people are to be told of delegates. While
// nothing has changed that costs some comparisons, however many delegates there are.
const tellEvery = time.Second

// maxTold is how many letters one transaction queues.
const maxTold = 200

// A herald tells people by mail who acts for them. It follows the journal of the delegate
// database, and how far it has come is a note in the calendar store, which is written
// together with the letters: a crash at any moment loses no letter, and queues none twice.
type herald struct {
	s       *Server
	told    toldMark
	offSaid bool // that no mail is configured

	// What was looked at last, so that it is not again while it is the same.
	heard   uint64          // up to which generation the journal was read
	ending  *delegation.Set // in which the next end was looked for
	nextEnd time.Time       // the first one behind told.Ends; zero: there is none
	named   *appointed.List // what the directory names
	read    uint64          // how often that had been read
}

// A toldMark is how far people have been told.
type toldMark struct {
	Generation uint64    `json:"generation"`     // of the delegate database
	Done       int       `json:"done,omitempty"` // people who were told of the one after it
	Ends       time.Time `json:"ends"`           // up to which moment ends were told

	// Appointed are the delegates whom the directory named last; nil: nobody has asked.
	// They are a note of their own, which is long and seldom another one.
	Appointed []appointment `json:"-"`
}

// An appointment is one delegate whom the directory names.
type appointment struct {
	Delegator string           `json:"delegator"`
	Delegate  string           `json:"delegate"`
	Kind      delegation.Kind  `json:"kind"`
	Level     delegation.Level `json:"level"`
	Manage    bool             `json:"manage,omitempty"`
}

// The names of the notes.
const (
	toldNote      = "delegates-told"
	appointedNote = "delegates-appointed"
)

// openHerald reads how far people were told. With the first start nobody is told of what
// was before.
func (s *Server) openHerald(ctx context.Context) (*herald, error) {
	h := &herald{s: s}
	text, err := s.data.store.Note(ctx, toldNote)
	if err != nil {
		return nil, err
	}
	if text == nil {
		h.told = toldMark{Generation: s.data.delegates.State().Mark.Generation, Ends: s.now().UTC()}
		return h, h.note(admitted(ctx), h.told)
	}
	if err := json.Unmarshal(text, &h.told); err != nil {
		return nil, fmt.Errorf("the note of who was told about delegates: %w", err)
	}
	text, err = s.data.store.Note(ctx, appointedNote)
	if err == nil && text != nil {
		err = json.Unmarshal(text, &h.told.Appointed)
	}
	if err != nil {
		return nil, fmt.Errorf("the note of delegates whom the directory named: %w", err)
	}
	return h, nil
}

// notes are those that say how far people are told, as far as they are others than before.
func (h *herald) notes(to toldMark) (list []calendar.Note, err error) {
	text, err := json.Marshal(to)
	list = append(list, calendar.Note{Name: toldNote, Value: text})
	if err == nil && to.Appointed != nil && !slices.Equal(to.Appointed, h.told.Appointed) {
		text, err = json.Marshal(to.Appointed)
		list = append(list, calendar.Note{Name: appointedNote, Value: text})
	}
	return list, err
}

// note writes down how far people are told, when nobody is to be told of it.
func (h *herald) note(ctx context.Context, to toldMark) error {
	list, err := h.notes(to)
	if err == nil {
		err = h.s.data.store.Update(ctx, func(tx *store.Tx) (err error) {
			for _, n := range list {
				err = errors.Join(err, tx.SetNote(n.Name, n.Value))
			}
			return err
		})
	}
	if err == nil {
		h.told = to
	}
	return err
}

// run tells people, until ctx ends.
func (h *herald) run(ctx context.Context) error {
	tick := time.NewTicker(tellEvery)
	defer tick.Stop()
	logged := ""
	for {
		text := ""
		if err := h.pass(ctx); err != nil && ctx.Err() == nil && h.s.maintenance.gate(ctx) == nil {
			text = err.Error()
		}
		if text != logged && text != "" {
			h.s.log.Warn("people are not told of their delegates yet", "err", text)
		}
		logged = text
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// pass tells people of all that is new.
func (h *herald) pass(ctx context.Context) error {
	if h.s.maintenance.gate(ctx) != nil {
		return nil
	}
	current := h.s.current.Load()
	if !current.enter() {
		return nil // a reload is about to exchange it
	}
	defer current.leave()
	set, err := h.s.data.delegates.Read()
	if err != nil {
		return nil // nobody knows who acts for whom: health says so
	}
	return errors.Join(h.changes(ctx, current, set), h.ends(ctx, current, set), h.appointed(ctx, current, set))
}

// changes tells of what the journal has, one act after the other.
func (h *herald) changes(ctx context.Context, g *generation, set *delegation.Set) error {
	now := h.s.data.delegates.State().Mark.Generation
	if now <= h.told.Generation || now == h.heard {
		return nil
	}
	events, err := h.s.data.delegates.News(ctx, h.told.Generation)
	for len(events) > 0 && err == nil {
		n := 1
		for n < len(events) && events[n].Generation == events[0].Generation {
			n++
		}
		err = h.act(ctx, g, set, events[:n])
		events = events[n:]
	}
	if err == nil {
		h.heard = now // what is in the journal and tells nobody anything is not read again
	}
	return err
}

// act tells of the events of one change.
func (h *herald) act(ctx context.Context, g *generation, set *delegation.Set, events []delegation.Event) error {
	first := &events[0]
	to := h.told
	to.Generation, to.Done = first.Generation, 0
	n := h.newsOf(ctx, g, set)
	n.actor = cmp.Or(first.Sudo, first.Actor)
	for i := range events {
		ev := &events[i]
		switch was, now := ev.Before, ev.After; {
		case ev.StandInAfter != nil:
			n.standIn(imip.NewsAdded, ev.StandInAfter)
		case ev.StandInBefore != nil && !ended(ev.StandInBefore.Until, ev.Time):
			n.standIn(imip.NewsRemoved, ev.StandInBefore)
		case was == nil && now != nil:
			n.record(imip.NewsAdded, now)
		case now != nil:
			n.record(imip.NewsChanged, now)
		case was != nil && !was.Ended(ev.Time):
			n.record(imip.NewsRemoved, was)
		}
	}
	by, name := imip.ByPerson, ""
	if account, is := strings.CutPrefix(n.actor, "account:"); is {
		by, name = imip.ByAccount, account
	} else if p := n.find(n.actor); p != nil {
		name = cmp.Or(p.FullName, p.Name)
	}
	return h.send(ctx, g, n, imip.News{ID: fmt.Sprintf("delegates-%d", first.Generation), By: by, Name: cmp.Or(name, n.actor)}, to)
}

func ended(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

// ends tells of delegations that are over since their time is.
func (h *herald) ends(ctx context.Context, g *generation, set *delegation.Set) error {
	now := h.s.now().UTC()
	if h.ending != set {
		h.nextEnd, _ = set.NextEnd(h.told.Ends)
		h.ending = set
	}
	if h.nextEnd.IsZero() || now.Before(h.nextEnd) {
		return nil
	}
	h.ending = nil // there may be more ends behind these
	records, standIns := set.EndedSince(h.told.Ends, now)
	if len(records)+len(standIns) == 0 {
		return nil // the note stays as it is: what ends later lies behind it as well
	}
	to := h.told
	to.Ends, to.Done = now, 0
	n := h.newsOf(ctx, g, set)
	for i := range records {
		n.record(imip.NewsEnded, &records[i])
	}
	for i := range standIns {
		n.standIn(imip.NewsEnded, &standIns[i])
	}
	return h.send(ctx, g, n, imip.News{ID: fmt.Sprintf("delegates-end-%d", now.Unix()), By: imip.ByTime}, to)
}

// appointed tells those who look after rooms of delegates whom the directory names now
// and did not before, and the reverse.
func (h *herald) appointed(ctx context.Context, g *generation, set *delegation.Set) error {
	read := g.appointed.Read()
	if h.named == g.appointed && h.read == read {
		return nil
	}
	list, err := g.appointed.All(ctx)
	if err != nil {
		return err
	}
	if err = h.tellAppointed(ctx, g, set, list); err == nil {
		h.named, h.read = g.appointed, read
	}
	return err
}

// tellAppointed tells what is another in a list than when people were told last.
func (h *herald) tellAppointed(ctx context.Context, g *generation, set *delegation.Set, list []delegation.Record) error {
	now := make([]appointment, 0, len(list))
	for _, r := range list {
		now = append(now, appointment{r.Delegator, r.Delegate, r.Kind, r.Level, r.Manage})
	}
	slices.SortFunc(now, func(a, b appointment) int {
		return cmp.Or(strings.Compare(a.Delegator, b.Delegator), strings.Compare(a.Delegate, b.Delegate), cmp.Compare(a.Level, b.Level))
	})
	before := h.told.Appointed
	if slices.Equal(before, now) && before != nil {
		return nil
	}
	to := h.told
	to.Appointed, to.Done = now, 0
	if before == nil {
		return h.note(ctx, to)
	}
	n := h.newsOf(ctx, g, set)
	for _, side := range []struct {
		what        string
		these, rest []appointment
	}{{imip.NewsAdded, now, before}, {imip.NewsRemoved, before, now}} {
		for _, a := range side.these {
			if !slices.Contains(side.rest, a) {
				n.record(side.what, &delegation.Record{Delegator: a.Delegator, Delegate: a.Delegate, Kind: a.Kind, Level: a.Level,
					Limits: delegation.Limits{Scope: delegation.Scope{All: true}, Manage: a.Manage}})
			}
		}
	}
	return h.send(ctx, g, n, imip.News{ID: fmt.Sprintf("delegates-directory-%d", h.s.now().UnixNano()), By: imip.ByDirectory}, to)
}

// send queues the letters of one act, and notes that it is told. Who is told of much has
// one letter.
func (h *herald) send(ctx context.Context, g *generation, n *news, about imip.News, to toldMark) error {
	if n.err != nil {
		return n.err
	}
	people := slices.Sorted(maps.Keys(n.parts))
	if g.mail == nil {
		if len(people) > 0 && !h.offSaid {
			h.s.log.Info("delegates have changed, and nobody is told: no mail is configured", "setting", "mail.server")
			h.offSaid = true
		}
		return h.note(ctx, to)
	}
	for at := h.told.Done; ; {
		letters, done := map[string][]*imip.Letter{}, at
		for count := 0; done < len(people) && count < maxTold; done++ {
			home, l, err := n.letter(ctx, people[done], about)
			if err != nil {
				return err
			}
			if l != nil {
				letters[home] = append(letters[home], l)
				count++
			}
		}
		next := to
		if done < len(people) {
			next = h.told
			next.Done = done
		}
		notes, err := h.notes(next)
		if err == nil {
			err = g.calendarData.PostNews(ctx, letters, notes...)
		}
		if err != nil {
			return err
		}
		h.told, at = next, done
		if done == len(people) {
			return nil
		}
	}
}
