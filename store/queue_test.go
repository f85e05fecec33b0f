package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/internal/engine"
)

// queued are the rows of the queue, as "ID tries payload".
func queued(t *testing.T, s *Store) (list []*Queued) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		list = nil
		for q, err := range tx.Queue() {
			if err == nil {
				q, err = tx.QueuedRow(q)
			}
			if err != nil {
				return err
			}
			list = append(list, q)
		}
		return nil
	})
	return list
}

func payloads(list []*Queued) string {
	var all []string
	for _, q := range list {
		all = append(all, string(q.Payload))
	}
	return strings.Join(all, " ")
}

// What is queued comes in the order in which it is due, is changed and removed, and
// is gone with the transaction that failed.
func TestQueue(t *testing.T) {
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now, Indexer: testIndexer})
	h := home(t, s, "ann")
	thread := Thread{1, 2, 3}
	add := func(payload string, in time.Duration) error {
		return s.Update(ctx, func(tx *Tx) error {
			q := &Queued{Due: tx.Now().Add(in), Thread: thread, Payload: []byte(payload)}
			return errors.Join(tx.Enqueue(h.ID, q), tx.CountSent(h.ID, 1))
		})
	}
	for _, err := range []error{add("late", time.Hour), add("soon", time.Second), add("next", time.Second)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	refused := errors.New("no")
	err := s.Update(ctx, func(tx *Tx) error {
		err := tx.Savepoint(func() error {
			return errors.Join(tx.Enqueue(h.ID, &Queued{Due: tx.Now(), Payload: []byte("undone")}), refused)
		})
		if !errors.Is(err, refused) {
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	list := queued(t, s)
	wantString(t, "the queue", payloads(list), "soon next late")
	if list[0].ID.Rev >= list[1].ID.Rev || list[0].Thread != thread {
		t.Errorf("rows are %+v", list)
	}
	if id, err := ParseQueueID(list[1].ID.String()); err != nil || id != list[1].ID {
		t.Errorf("%v, %v", id, err)
	}

	update(t, s, func(tx *Tx) error {
		q := *list[0]
		return tx.Requeue(&q, func(q *Queued) { q.Due, q.Tries, q.Note = tx.Now().Add(time.Minute), 1, strings.Repeat("ü", 600) })
	})
	again := queued(t, s)
	wantString(t, "the queue", payloads(again), "next soon late")
	if q := again[1]; q.Tries != 1 || len(q.Note) > maxNote || !strings.HasPrefix(q.Note, "üü") || !q.Queued.Equal(list[0].Queued) {
		t.Errorf("the row is %+v", q)
	}
	wantErr(t, "a row that is not there any more", s.Update(ctx, func(tx *Tx) error { return tx.Dequeue(list[0]) }), ErrNotFound)
	wantErr(t, "a home that is not there", s.Update(ctx, func(tx *Tx) error { return tx.Enqueue(99, &Queued{}) }), ErrNotFound)
	update(t, s, func(tx *Tx) error { return tx.Dequeue(again[0]) })
	view(t, s, func(tx *Tx) error {
		if due, ok := tx.NextDue(); !ok || !due.Equal(clock.Now().Add(time.Minute)) {
			t.Errorf("next at %v, %v", due, ok)
		}
		if n, err := tx.SentOn(h.ID, tx.Now()); n != 3 || err != nil {
			t.Errorf("%d were queued today, %v", n, err)
		}
		if n, err := tx.SentOn(h.ID, tx.Now().AddDate(0, 0, 1)); n != 0 || err != nil {
			t.Errorf("%d will be queued tomorrow, %v", n, err)
		}
		return nil
	})
	sound(t, s)
}

// sound expects that Verify finds nothing, and that Reindex changes nothing.
func sound(t *testing.T, s *Store) {
	t.Helper()
	found, err := s.Verify(ctx)
	if err != nil || len(found) > 0 {
		t.Errorf("verify: %v, %v", found, err)
	}
	before := dump(t, s, Tables()...)
	if _, err := s.Reindex(ctx); err != nil {
		t.Error(err)
	}
	if dump(t, s, Tables()...) != before {
		t.Error("Reindex has changed a sound store")
	}
}

// A thread remembers its first message and the last ones, until nothing was sent in it
// for long.
func TestMarks(t *testing.T) {
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now, Indexer: testIndexer, Step: 2})
	thread := Thread{7}
	for i := range 40 {
		update(t, s, func(tx *Tx) error { return tx.MarkSent(thread, string(rune('A'+i)), [16]byte{byte(i)}) })
	}
	view(t, s, func(tx *Tx) error {
		m, err := tx.Marked(thread)
		if err != nil {
			return err
		}
		if m.First != "A" || len(m.Keys) != maxMarked || !m.Has([16]byte{39}, clock.Now()) || m.Has([16]byte{1}, time.Time{}) || m.Has([16]byte{39}, clock.Now().Add(time.Second)) {
			t.Errorf("the mark is %+v", m)
		}
		other, err := tx.Marked(Thread{8})
		if other != nil {
			t.Errorf("there is %+v", other)
		}
		return err
	})
	sound(t, s)
	clock.pass(markAge - time.Hour)
	for i := range 5 {
		update(t, s, func(tx *Tx) error { return tx.MarkSent(Thread{9, byte(i)}, "B", [16]byte{}) })
	}
	clock.pass(2 * time.Hour)
	if r, err := s.Maintain(ctx); err != nil || r.Expired != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	view(t, s, func(tx *Tx) error {
		old, err := tx.Marked(thread)
		now, err2 := tx.Marked(Thread{9, 4})
		if old != nil || now == nil {
			t.Errorf("old: %v, new: %v", old, now)
		}
		return errors.Join(err, err2)
	})
}

// Damage in the queue is found, by its checksum or by its form.
func TestQueueDamage(t *testing.T) {
	e := engine.OpenMemory(Tables())
	s := openOn(t, e, Options{Indexer: testIndexer})
	h := home(t, s, "ann")
	update(t, s, func(tx *Tx) error {
		return errors.Join(tx.Enqueue(h.ID, &Queued{Due: tx.Now(), Payload: []byte("x")}), tx.MarkSent(Thread{1}, "a", [16]byte{}), tx.CountSent(h.ID, 1))
	})
	for _, prefix := range []byte{lookupQueue, lookupSent, lookupTally} {
		var key, was []byte
		update(t, s, func(tx *Tx) error {
			for k, v := range tx.r.Scan(tableLookup, within([]byte{prefix})) {
				key, was = slices.Clone(k), slices.Clone(v)
			}
			return tx.w.Put(tableLookup, key, []byte{99})
		})
		found, err := s.Verify(ctx)
		if err != nil || len(found) != 1 || found[0].Kind != ProblemDamaged {
			t.Errorf("%c: %v, %v", prefix, found, err)
		}
		update(t, s, func(tx *Tx) error { return tx.w.Put(tableLookup, key, was) })
	}
	sound(t, s)
}
