package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"testing"
	"time"

	"convene/internal/engine"
)

// encodeLegacyQueued writes a row as formats 3 to 5 had it.
func encodeLegacyQueued(q *Queued) (key, value []byte) {
	key = binary.BigEndian.AppendUint64([]byte{legacyQueue}, uint64(q.Due.Unix()))
	key = appendRev(appendU32(key, q.ID.Home), q.ID.Rev)
	value = binary.AppendVarint([]byte{legacyQueued}, q.Queued.Unix())
	value = append(binary.AppendUvarint(value, uint64(q.Tries)), q.Thread[:]...)
	return key, append(appendString(value, q.Note), q.Payload...)
}

// formerQueue makes a store one of format 5, with a queue of 20 rows in seven threads.
func formerQueue(t *testing.T, s *Store) (want []Queued) {
	t.Helper()
	h := home(t, s, "ann")
	now := newClock().Now().UTC()
	for i := range 20 {
		want = append(want, Queued{
			ID: QueueID{h.ID, h.Rev + Rev(i) + 1}, Due: now.Add(time.Duration(i*37%60) * time.Minute), Queued: now.Add(time.Duration(i-20) * time.Minute),
			Tries: i % 3, Thread: Thread{byte(i % 7)}, Note: fmt.Sprint("note ", i), Payload: []byte(fmt.Sprint("letter ", i)),
		})
	}
	err := s.engine.Update(ctx, func(w engine.Writer) error {
		st, err := readState(w)
		st.Version = 5
		err = errors.Join(err, writeState(w, &st))
		in := &sealed{r: w, w: w}
		for _, q := range want {
			k, v := encodeLegacyQueued(&q)
			err = errors.Join(err, in.Put(tableLookup, k, v))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	return want
}

// A queue of format 5 is what it was, however often its migration is ended and goes on:
// each row once, its thread due when it is.
func TestMigrationOfQueue(t *testing.T) {
	for _, step := range []int{1, 3, 100} {
		path := tempPath(t)
		want := formerQueue(t, openFile(t, path, Options{}))
		for {
			e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
			if err != nil {
				t.Fatal(err)
			}
			s, err := OpenEngine(&dying{e, 2}, Options{Step: step, NewEpoch: steadyEpoch})
			if err == nil {
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				break
			}
			if !errors.Is(err, errKilled) {
				t.Fatal(err)
			}
		}
		s := openFile(t, path, Options{})
		got := queued(t, s)
		if len(got) != len(want) {
			t.Fatalf("step %d: %d rows, want %d", step, len(got), len(want))
		}
		for i, q := range got {
			if fmt.Sprintf("%+v", *q) != fmt.Sprintf("%+v", want[i]) {
				t.Errorf("step %d: row %+v, want %+v", step, *q, want[i])
			}
		}
		due := map[byte]time.Time{}
		for _, q := range want {
			if at, has := due[q.Thread[0]]; !has || q.Due.Before(at) {
				due[q.Thread[0]] = q.Due
			}
		}
		for thread, at := range due {
			before, after := threadsDue(t, s, at.Add(-time.Second)), threadsDue(t, s, at)
			if bytes.IndexByte(before, thread) >= 0 || bytes.IndexByte(after, thread) < 0 {
				t.Errorf("step %d: thread %d is due at %v: %v, %v", step, thread, at, before, after)
			}
		}
		sound(t, s)
	}
}

// A row that is damaged stays where it was; the others go on without it.
func TestMigrationOfDamagedQueue(t *testing.T) {
	path := tempPath(t)
	want := formerQueue(t, openFile(t, path, Options{}))
	e, err := engine.OpenBolt(path, engine.BoltOptions{Tables: Tables(), Hot: tableMeta, NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	bad, _ := encodeLegacyQueued(&want[3])
	form, _ := encodeLegacyQueued(&want[4])
	err = e.Update(ctx, func(w engine.Writer) error {
		return errors.Join(w.Put(tableLookup, bad, []byte("no checksum")), (&sealed{r: w, w: w}).Put(tableLookup, form, []byte{99}))
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := OpenEngine(e, Options{Indexer: testIndexer, Now: newClock().Now, Step: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := len(queued(t, s)); n != len(want)-2 {
		t.Errorf("%d rows, want %d", n, len(want)-2)
	}
	if found, err := s.Verify(ctx); err != nil || len(found) != 2 || found[0].Kind != ProblemDamaged || found[1].Kind != ProblemDamaged {
		t.Errorf("Verify: %v, %v", found, err)
	}
}
