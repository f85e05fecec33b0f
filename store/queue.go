package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"convene/internal/engine"
)

// A QueueID names a row of the queue for all time: the home that it was queued in,
// and the home's Rev then. Rows of one home are in the order of their Revs.
type QueueID struct {
	Home HomeID
	Rev  Rev
}

// String returns both numbers, such as "3-17".
func (id QueueID) String() string { return fmt.Sprintf("%d-%d", id.Home, id.Rev) }

// ParseQueueID is the reverse of String.
func ParseQueueID(s string) (QueueID, error) {
	home, rev, _ := strings.Cut(s, "-")
	h, err := strconv.ParseUint(home, 10, 32)
	r, err2 := strconv.ParseUint(rev, 10, 64)
	if errors.Join(err, err2) != nil {
		return QueueID{}, fmt.Errorf("%q is not a number of the queue, such as 3-17", s)
	}
	return QueueID{HomeID(h), Rev(r)}, nil
}

// A Thread is what rows have in common that are to be sent in the order in which
// they were queued: a hash that the caller computes.
type Thread [32]byte

// A Queued is a row of the queue: something that is to be sent.
type Queued struct {
	ID      QueueID
	Due     time.Time // when it is to be tried next; whole seconds, as Queued
	Queued  time.Time
	Tries   int // that were begun
	Thread  Thread
	Note    string // what the last attempt met, in words
	Payload []byte // the caller's
}

// maxNote bounds Queued.Note, in bytes.
const maxNote = 500

// waitingKey is where a row lies.
func (id QueueID) waitingKey() []byte {
	return appendRev(appendU32(append(make([]byte, 0, 13), lookupWaiting), id.Home), id.Rev)
}

// ageKey is that of the record by which the oldest row is found.
func (q *Queued) ageKey() []byte {
	b := binary.BigEndian.AppendUint64(append(make([]byte, 0, 21), lookupAge), uint64(max(q.Queued.Unix(), 0)))
	return appendRev(appendU32(b, q.ID.Home), q.ID.Rev)
}

func (q *Queued) encode() []byte {
	b := append(make([]byte, 0, 64+len(q.Note)+len(q.Payload)), formatQueued)
	b = binary.AppendVarint(b, q.Queued.Unix())
	b = binary.AppendVarint(b, q.Due.Unix())
	b = binary.AppendUvarint(b, uint64(q.Tries))
	b = append(b, q.Thread[:]...)
	b = appendString(b, q.Note)
	return append(b, q.Payload...)
}

// idIn is the number at the end of a key of the queue that has so many bytes.
func idIn(k []byte, size int) (QueueID, error) {
	if len(k) != size {
		return QueueID{}, fmt.Errorf("queue: key %x: %w", k, ErrCorrupt)
	}
	return QueueID{HomeID(binary.BigEndian.Uint32(k[size-12:])), revOf(k)}, nil
}

func decodeQueued(k, v []byte) (*Queued, error) {
	id, err := idIn(k, 13)
	if err != nil {
		return nil, err
	}
	d := decoder{b: v}
	d.format(formatQueued)
	q := &Queued{ID: id, Queued: time.Unix(d.varint(), 0).UTC(), Due: time.Unix(d.varint(), 0).UTC(), Tries: int(d.uvarint())}
	copy(q.Thread[:], d.take(uint64(len(q.Thread))))
	q.Note = d.string()
	q.Payload = d.b
	return q, d.err("queue")
}

// Enqueue adds a row to the queue, as part of a change in a home. It sets ID and
// Queued. Errors: ErrNotFound if there is no such home; LimitError.
func (tx *Tx) Enqueue(home HomeID, q *Queued) error {
	if len(q.Payload) > MaxBody {
		return fmt.Errorf("queue: %w", &LimitError{LimitQueued, MaxBody})
	}
	h, err := tx.changingHome(home)
	if err != nil {
		return err
	}
	q.ID, q.Queued, q.Due = QueueID{home, tx.nextRev(h)}, tx.second(), q.Due.UTC().Truncate(time.Second)
	return tx.addQueued(q)
}

// addQueued writes a new row, with the records that lead to it.
func (tx *Tx) addQueued(q *Queued) error {
	if err := tx.w.Put(tableLookup, q.ageKey(), []byte{formatAge}); err != nil {
		return err
	}
	if err := tx.w.putOwn(tableLookup, q.ID.waitingKey(), q.encode()); err != nil {
		return err
	}
	return tx.joinThread(q)
}

// Queue walks over all rows, the oldest first. The payloads are good as long as the
// transaction.
func (tx *Tx) Queue() iter.Seq2[*Queued, error] {
	return func(yield func(*Queued, error) bool) {
		for k := range tx.r.Scan(tableLookup, keysWithin([]byte{lookupAge})) {
			q, err := tx.agedRow(k)
			if !yield(q, err) || err != nil {
				return
			}
		}
	}
}

// agedRow is the row that a record of its age leads to.
func (tx *Tx) agedRow(k []byte) (*Queued, error) {
	id, err := idIn(k, 21)
	if err != nil {
		return nil, err
	}
	v := tx.r.Get(tableLookup, id.waitingKey())
	if v == nil {
		return nil, fmt.Errorf("queue: age of %s leads nowhere: %w", id, ErrCorrupt)
	}
	return decodeQueued(id.waitingKey(), v)
}

// QueuedRow returns a row as it is now, for good. Errors: ErrNotFound.
func (tx *Tx) QueuedRow(id QueueID) (*Queued, error) {
	v := tx.r.Get(tableLookup, id.waitingKey())
	if v == nil {
		return nil, fmt.Errorf("queue: %s: %w", id, ErrNotFound)
	}
	q, err := decodeQueued(id.waitingKey(), v)
	if err == nil {
		q.Payload = bytes.Clone(q.Payload)
	}
	return q, err
}

// HasQueued reports whether a row waits that was queued in a home.
func (tx *Tx) HasQueued(home HomeID) bool {
	for range tx.r.Scan(tableLookup, keysWithin(appendU32([]byte{lookupWaiting}, home))) {
		return true
	}
	return false
}

// OldestQueued returns when the row was queued that has waited for longest; ok is false
// if the queue is empty.
func (tx *Tx) OldestQueued() (at time.Time, ok bool) { return tx.firstTime(lookupAge, 21) }

// firstTime is the time in the first key of a kind, which is so long.
func (tx *Tx) firstTime(kind byte, size int) (at time.Time, ok bool) {
	first := keysWithin([]byte{kind})
	first.Limit = 1
	for k := range tx.r.Scan(tableLookup, first) {
		if len(k) == size {
			return time.Unix(int64(binary.BigEndian.Uint64(k[1:])), 0).UTC(), true
		}
	}
	return time.Time{}, false
}

// Requeue writes a row anew as set changes it, which may be all but ID, Queued and
// Thread. q, which is as it was read before, becomes what it is now. Errors: ErrNotFound
// if it is not there any more.
func (tx *Tx) Requeue(q *Queued, set func(*Queued)) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	now, err := tx.QueuedRow(q.ID)
	if err != nil {
		return err
	}
	set(now)
	now.Due = now.Due.UTC().Truncate(time.Second)
	if len(now.Note) > maxNote {
		now.Note = strings.ToValidUTF8(now.Note[:maxNote], "")
	}
	if err := tx.w.putOwn(tableLookup, now.ID.waitingKey(), now.encode()); err != nil {
		return err
	}
	*q = *now
	return tx.wake(now.Thread, nil)
}

// Dequeue removes a row that was read before. Errors: ErrNotFound if it is not there any
// more.
func (tx *Tx) Dequeue(q *Queued) error {
	if tx.w == nil {
		return engine.ErrReadOnly
	}
	if tx.r.Get(tableLookup, q.ID.waitingKey()) == nil {
		return fmt.Errorf("queue: %s: %w", q.ID, ErrNotFound)
	}
	if err := tx.w.Delete(tableLookup, q.ID.waitingKey()); err != nil {
		return err
	}
	if err := tx.w.Delete(tableLookup, q.ageKey()); err != nil {
		return err
	}
	return tx.wake(q.Thread, &q.ID)
}

// A Mark remembers what was sent in a thread.
type Mark struct {
	First string // the caller's name of the first
	Last  time.Time
	Keys  []MarkedKey // of the last ones, oldest first
}

// A MarkedKey is the caller's hash of something that was sent, and when.
type MarkedKey struct {
	Sum [16]byte
	At  time.Time
}

// maxMarked is how many keys a mark keeps, markAge for how long a thread is
// remembered in which nothing is sent.
const (
	maxMarked = 32
	markAge   = 90 * 24 * time.Hour
)

// Has reports whether something was sent, at since or later.
func (m *Mark) Has(sum [16]byte, since time.Time) bool {
	for _, k := range m.Keys {
		if k.Sum == sum && !k.At.Before(since) {
			return true
		}
	}
	return false
}

func markKey(t Thread) []byte { return append([]byte{lookupSent}, t[:]...) }

func (m *Mark) encode() []byte {
	b := append(make([]byte, 0, 64+24*len(m.Keys)), formatMark)
	b = appendString(binary.AppendVarint(b, m.Last.Unix()), m.First)
	for _, k := range m.Keys {
		b = binary.AppendVarint(append(b, k.Sum[:]...), k.At.Unix())
	}
	return b
}

func decodeMark(v []byte) (*Mark, error) {
	d := decoder{b: v}
	d.format(formatMark)
	m := &Mark{Last: time.Unix(d.varint(), 0).UTC(), First: d.string()}
	for len(d.b) > 0 {
		var k MarkedKey
		copy(k.Sum[:], d.take(uint64(len(k.Sum))))
		k.At = time.Unix(d.varint(), 0).UTC()
		m.Keys = append(m.Keys, k)
	}
	return m, d.err("mark")
}

// Marked returns what was sent in a thread; nil: nothing, as far as is remembered.
func (tx *Tx) Marked(t Thread) (*Mark, error) {
	v := tx.r.Get(tableLookup, markKey(t))
	if v == nil {
		return nil, nil
	}
	return decodeMark(v)
}

// MarkSent notes that something was sent in a thread. name is its own; that of the
// first one is kept.
func (tx *Tx) MarkSent(t Thread, name string, sum [16]byte) error {
	m, err := tx.Marked(t)
	if err != nil {
		return err
	}
	if m == nil {
		m = &Mark{First: name}
	}
	m.Last = tx.second()
	m.Keys = append(m.Keys, MarkedKey{sum, m.Last})
	if len(m.Keys) > maxMarked {
		m.Keys = m.Keys[len(m.Keys)-maxMarked:]
	}
	return tx.w.Put(tableLookup, markKey(t), m.encode())
}

// SentOn returns how much was queued in a home on the day of a time, in UTC.
func (tx *Tx) SentOn(home HomeID, day time.Time) (int, error) {
	v := tx.r.Get(tableLookup, tallyKey(home))
	if v == nil {
		return 0, nil
	}
	at, n, err := decodeTally(v)
	if err != nil || at != dayOf(day) {
		return 0, err
	}
	return n, nil
}

// CountSent adds to what was queued in a home today.
func (tx *Tx) CountSent(home HomeID, n int) error {
	before, err := tx.SentOn(home, tx.Now())
	if err != nil {
		return err
	}
	b := binary.AppendUvarint([]byte{formatTally}, dayOf(tx.Now()))
	return tx.w.Put(tableLookup, tallyKey(home), binary.AppendUvarint(b, uint64(before+n)))
}

func tallyKey(h HomeID) []byte { return appendU32([]byte{lookupTally}, h) }

// dayOf numbers the days in UTC.
func dayOf(t time.Time) uint64 { return uint64(max(t.Unix(), 0) / 86400) }

func decodeTally(v []byte) (day uint64, n int, err error) {
	d := decoder{b: v}
	d.format(formatTally)
	day, n = d.uvarint(), int(d.uvarint())
	return day, n, d.err("tally")
}

// forgetSent forgets the threads in which nothing was sent for long, a step at a
// time.
func (s *Store) forgetSent(ctx context.Context, r *MaintainReport) error {
	from := []byte{lookupSent}
	for from != nil {
		n := 0
		var next []byte
		err := s.Update(ctx, func(tx *Tx) (err error) {
			n, next, err = tx.forgetSome(from)
			return err
		})
		if err != nil {
			return err
		}
		r.Expired += n
		from = next
	}
	return nil
}

// forgetSome forgets what is old of some threads, and returns where to go on; nil:
// that was all.
func (tx *Tx) forgetSome(from []byte) (n int, next []byte, err error) {
	before, seen := tx.Now().Add(-markAge), 0
	for k, v := range tx.r.Scan(tableLookup, engine.Range{From: from, To: []byte{lookupSent + 1}}) {
		if seen++; seen > tx.s.opt.Step {
			return n, bytes.Clone(k), nil
		}
		m, err := decodeMark(v)
		if err != nil {
			return n, nil, err
		}
		if m.Last.Before(before) {
			n++
			if err := tx.w.Delete(tableLookup, bytes.Clone(k)); err != nil {
				return n, nil, err
			}
		}
	}
	return n, nil, nil
}
