package store

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/internal/engine"
)

// queued are the rows of the queue.
func queued(t *testing.T, s *Store) (list []*Queued) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		list = nil
		for q, err := range tx.Queue() {
			if err == nil {
				q, err = tx.QueuedRow(q.ID)
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

// What is queued comes in the order in which it was, is changed and removed, and is gone
// with the transaction that failed.
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
	wantString(t, "the queue", payloads(list), "late soon next")
	if soon := list[1]; list[0].ID.Rev >= soon.ID.Rev || soon.Thread != thread || !soon.Due.Equal(clock.Now().Add(time.Second)) {
		t.Errorf("rows are %+v", list)
	}
	if id, err := ParseQueueID(list[1].ID.String()); err != nil || id != list[1].ID {
		t.Errorf("%v, %v", id, err)
	}

	update(t, s, func(tx *Tx) error {
		q := *list[1]
		q.Tries = 7 // as somebody read it long ago
		return tx.Requeue(&q, func(q *Queued) {
			q.Due, q.Tries, q.Note = tx.Now().Add(time.Minute), q.Tries+1, strings.Repeat("ü", 600)
		})
	})
	again := queued(t, s)
	wantString(t, "the queue", payloads(again), "late soon next")
	if q := again[1]; q.Tries != 1 || len(q.Note) > maxNote || !strings.HasPrefix(q.Note, "üü") || !q.Queued.Equal(list[1].Queued) {
		t.Errorf("the row is %+v", q)
	}
	wantErr(t, "a home that is not there", s.Update(ctx, func(tx *Tx) error { return tx.Enqueue(99, &Queued{}) }), ErrNotFound)
	update(t, s, func(tx *Tx) error { return tx.Dequeue(again[2]) })
	gone := *again[2]
	wantErr(t, "a row that is not there any more", s.Update(ctx, func(tx *Tx) error { return tx.Dequeue(&gone) }), ErrNotFound)
	wantErr(t, "the same", s.Update(ctx, func(tx *Tx) error { return tx.Requeue(&gone, func(*Queued) {}) }), ErrNotFound)
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
	for _, prefix := range []byte{lookupWaiting, lookupThread, lookupThreadDue, lookupAge, lookupSent, lookupTally} {
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

// threadsDue are the first bytes of the threads that are due, in order.
func threadsDue(t *testing.T, s *Store, at time.Time) (all []byte) {
	t.Helper()
	view(t, s, func(tx *Tx) error {
		all = nil
		for thread := range tx.DueThreads(at) {
			all = append(all, thread[0])
		}
		return nil
	})
	return all
}

// A thread is due when the first of its rows is, unless it was put off; whatever changes
// in it has it looked at.
func TestQueueThreads(t *testing.T) {
	clock := newClock()
	s := openTest(t, Options{Now: clock.Now, Indexer: testIndexer})
	now := clock.Now()
	h := home(t, s, "ann")
	add := func(thread byte, due time.Time) QueueID {
		var q *Queued
		update(t, s, func(tx *Tx) error {
			q = &Queued{Due: due, Thread: Thread{thread}}
			return tx.Enqueue(h.ID, q)
		})
		clock.pass(time.Second)
		return q.ID
	}
	postpone := func(thread byte, last QueueID, until time.Time) {
		update(t, s, func(tx *Tx) error { return tx.PutOff(Thread{thread}, last, until) })
	}
	want := func(what string, at time.Time, threads ...byte) {
		t.Helper()
		if got := threadsDue(t, s, at); !slices.Equal(got, threads) {
			t.Errorf("%s: due are %v, want %v", what, got, threads)
		}
		sound(t, s)
	}
	late := now.Add(time.Hour)
	first := add(1, late)
	add(2, now)
	want("two threads", now, 2)
	want("an hour later", late, 2, 1)
	second := add(1, now.Add(-time.Minute))
	want("a second row, due before", now, 1, 2)
	postpone(1, second, late)
	want("put off", now, 2)
	third := add(1, now)
	postpone(1, second, late)
	want("put off by who has not seen the third", now, 1, 2)
	postpone(1, third, late)
	want("put off by who has", now, 2)
	postpone(9, third, late)
	view(t, s, func(tx *Tx) error {
		rows, err := tx.ThreadRows(Thread{1})
		if len(rows) != 3 || rows[0].ID != first || rows[1].ID != second || rows[2].ID != third {
			t.Errorf("rows are %+v", rows)
		}
		none, err2 := tx.ThreadRows(Thread{9})
		if none != nil {
			t.Errorf("rows are %+v", none)
		}
		if oldest, ok := tx.OldestQueued(); !ok || !oldest.Equal(now) {
			t.Errorf("the oldest is of %v, %v", oldest, ok)
		}
		if !tx.HasQueued(h.ID) || tx.HasQueued(h.ID+1) {
			t.Error("rows of another home")
		}
		return errors.Join(err, err2)
	})
	update(t, s, func(tx *Tx) error {
		q, err := tx.QueuedRow(first)
		if err != nil {
			return err
		}
		return tx.Dequeue(q)
	})
	want("without its first", now, 1, 2)
	for len(queued(t, s)) > 0 {
		update(t, s, func(tx *Tx) error { return tx.Dequeue(queuedFirst(tx)) })
	}
	want("all gone", late)
	view(t, s, func(tx *Tx) error {
		_, waits := tx.OldestQueued()
		if _, due := tx.NextDue(); waits || due {
			t.Error("something waits")
		}
		for _, kind := range []byte{lookupWaiting, lookupThread, lookupThreadDue, lookupAge} {
			for k := range tx.r.Scan(tableLookup, keysWithin([]byte{kind})) {
				t.Errorf("%x is left", k)
			}
		}
		return nil
	})
}

func queuedFirst(tx *Tx) *Queued {
	for q, err := range tx.Queue() {
		if err == nil {
			return q
		}
	}
	return nil
}

// What leads to the rows of the queue is made of them, whatever of it is lost or wrong.
func TestQueueIsReindexed(t *testing.T) {
	late := newClock().Now().Add(time.Hour)
	one, other := Thread{1}, Thread{2}
	row := QueueID{Home: 1, Rev: 1}
	for _, c := range []struct {
		name string
		do   func(tx *Tx, first, last *Queued) error
	}{
		{"ages are lost", func(tx *Tx, first, last *Queued) error {
			return errors.Join(tx.w.Delete(tableLookup, first.ageKey()), tx.w.Delete(tableLookup, last.ageKey()))
		}},
		{"an age of nothing", func(tx *Tx, _, _ *Queued) error {
			return tx.w.Put(tableLookup, (&Queued{ID: row, Queued: late}).ageKey(), []byte{formatAge})
		}},
		{"another age", func(tx *Tx, first, _ *Queued) error {
			return tx.w.Put(tableLookup, (&Queued{ID: first.ID, Queued: late}).ageKey(), []byte{formatAge})
		}},
		{"a thread is lost", func(tx *Tx, first, _ *Queued) error { return tx.w.Delete(tableLookup, threadKey(first.Thread)) }},
		{"a thread cannot be read", func(tx *Tx, first, _ *Queued) error {
			return tx.w.Put(tableLookup, threadKey(first.Thread), []byte{99})
		}},
		{"a thread is never due", func(tx *Tx, first, _ *Queued) error {
			return tx.w.Delete(tableLookup, threadDueKey(first.Due, first.Thread))
		}},
		{"a thread is due twice", func(tx *Tx, first, _ *Queued) error {
			return tx.w.Put(tableLookup, threadDueKey(late, first.Thread), []byte{formatThread})
		}},
		{"when a thread is due cannot be read", func(tx *Tx, first, _ *Queued) error {
			return tx.w.Put(tableLookup, threadDueKey(first.Due, first.Thread), nil)
		}},
		{"no thread is due", func(tx *Tx, _, _ *Queued) error {
			return tx.w.Put(tableLookup, threadDueKey(late, Thread{9}), []byte{formatThread})
		}},
		{"a thread without its rows", func(tx *Tx, _, _ *Queued) error {
			return tx.w.Put(tableLookup, threadKey(one), (&queueThread{due: newClock().Now(), rows: []QueueID{row}}).encode())
		}},
		{"a thread with a row of another", func(tx *Tx, first, last *Queued) error {
			return tx.w.Put(tableLookup, threadKey(other), (&queueThread{due: last.Due, rows: []QueueID{first.ID, last.ID}}).encode())
		}},
		{"a thread of nothing", func(tx *Tx, _, _ *Queued) error {
			return tx.w.Put(tableLookup, threadKey(Thread{9}), (&queueThread{due: late, rows: []QueueID{row}}).encode())
		}},
		{"all of it", func(tx *Tx, _, _ *Queued) error {
			for _, kind := range []byte{lookupThread, lookupThreadDue, lookupAge} {
				for k := range tx.r.Scan(tableLookup, keysWithin([]byte{kind})) {
					if err := tx.w.Delete(tableLookup, slices.Clone(k)); err != nil {
						return err
					}
				}
			}
			return nil
		}},
	} {
		for _, step := range []int{1, 100} {
			s := openTest(t, Options{Indexer: testIndexer, Step: step})
			h := home(t, s, "ann")
			update(t, s, func(tx *Tx) error {
				for i, thread := range []Thread{one, one, other} {
					if err := tx.Enqueue(h.ID, &Queued{Due: tx.Now().Add(time.Duration(i) * time.Minute), Thread: thread, Payload: []byte("x")}); err != nil {
						return err
					}
				}
				return nil
			})
			good, list := dump(t, s), queued(t, s)
			update(t, s, func(tx *Tx) error { return c.do(tx, list[0], list[2]) })
			if found, err := s.Verify(ctx); err != nil || !hasKind(found, ProblemLookup) && !hasKind(found, ProblemDamaged) {
				t.Errorf("%s: Verify: %v, %v", c.name, found, err)
			}
			if _, err := s.Reindex(ctx); err != nil {
				t.Errorf("%s: Reindex: %v", c.name, err)
			}
			wantString(t, c.name+": after Reindex", dump(t, s), good)
		}
	}
}
