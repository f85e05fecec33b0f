package rooms

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"iter"
	"math"
	"slices"

	"convene/rooms/policy"
)

// ErrDamaged says that a record of a ledger cannot be read. The transaction must end
// without writing; reindexing makes the ledger anew.
var ErrDamaged = errors.New("room ledger is damaged")

// KV is an ordered table within a transaction, with the contract of engine.Writer:
// slices that it returns are valid inside the transaction only, and it may run again.
type KV interface {
	Get(key []byte) []byte
	Put(key, value []byte) error
	Delete(key []byte) error
	// Range yields the pairs with from ≤ key < to, in order of the keys. A key is valid
	// until the next.
	Range(from, to []byte) iter.Seq2[[]byte, []byte]
}

// format is the first byte of each value.
const format = 1

// The kinds of records.
const (
	kindBooking  = 'b'
	kindVerified = 'v'
	kindMade     = 'm'
)

// classes are the longest bookings of each class, in seconds.
var classes = [...]int64{86400, 16 * 86400, 256 * 86400, math.MaxInt64}

func classOf(b *policy.Booking) int {
	return slices.IndexFunc(classes[:], func(most int64) bool { return b.End-b.Start <= most })
}

// A Ledger is the times at which one room is taken. It is a policy.Ledger for as long
// as the transaction of its KV.
type Ledger struct {
	kv   KV
	room uint32
	err  error
}

// Of returns the ledger of a room, by the number of its home.
func Of(kv KV, room uint32) *Ledger { return &Ledger{kv: kv, room: room} }

// Err returns the first damage that was met. What was decided by a ledger counts only
// if there was none.
func (l *Ledger) Err() error { return l.err }

// An Object names a copy in one of the room's calendars.
type Object struct {
	Collection uint32
	Name       string
}

// Overlaps implements policy.Ledger. The UID of what it yields is "".
func (l *Ledger) Overlaps(from, to int64, exceptUIDs []string) iter.Seq[policy.Booking] {
	except := make([][8]byte, len(exceptUIDs))
	for i, uid := range exceptUIDs {
		except[i] = hashOf(uid)
	}
	return func(yield func(policy.Booking) bool) {
		var found []policy.Booking
		for class := 0; class < len(classes); {
			first := int64(math.MinInt64)
			if longest := classes[class]; from > math.MinInt64+longest {
				first = from - longest
			}
			class = l.starting(class, first, to, func(r row) {
				if r.End > from && r.End > r.Start && !slices.Contains(except, r.uid) {
					found = append(found, r.booking())
				}
			})
		}
		slices.SortStableFunc(found, func(a, b policy.Booking) int { return cmp.Compare(a.Start, b.Start) })
		for _, b := range found {
			if !yield(b) {
				return
			}
		}
	}
}

// starting calls fn with the bookings of a class that start from a moment until before
// another, and returns the next class that has any. Hardly a room has bookings of more
// than a day: one read tells that of all these classes.
func (l *Ledger) starting(class int, from, to int64, fn func(row)) (next int) {
	until := l.start(class, to)
	behind := until
	if class > 0 {
		behind = l.start(len(classes), math.MinInt64)
	}
	next = len(classes)
	for k, v := range l.kv.Range(l.start(class, from), behind) {
		if bytes.Compare(k, until) >= 0 {
			next = max(int(k[classAt]), class+1)
			break
		}
		r, err := decodeRow(k, v)
		if err != nil {
			l.err = cmp.Or(l.err, err)
			return len(classes)
		}
		fn(r)
	}
	if class == 0 {
		return 1
	}
	return next
}

// class yields the bookings of a class that start from a moment until before another.
func (l *Ledger) class(class int, from, to int64) iter.Seq[policy.Booking] {
	return func(yield func(policy.Booking) bool) {
		for k, v := range l.kv.Range(l.start(class, from), l.start(class, to)) {
			r, err := decodeRow(k, v)
			if err != nil {
				l.err = cmp.Or(l.err, err)
				return
			}
			if !yield(r.booking()) {
				return
			}
		}
	}
}

// All yields everything that the room is taken by, in the order of the records.
func (l *Ledger) All() iter.Seq[policy.Booking] {
	return func(yield func(policy.Booking) bool) {
		for class := range classes {
			for b := range l.class(class, math.MinInt64, math.MaxInt64) {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// Compare compares the ledger with what it should say, in any order: each booking with
// its UID, and where its copy is. missing are those that it lacks, or has otherwise;
// extra is what it has besides, without UIDs. Errors: ErrDamaged.
func (l *Ledger) Compare(want []policy.Booking) (missing, extra []policy.Booking, err error) {
	left := make(map[string]*policy.Booking, len(want))
	for i := range want {
		b := &want[i]
		left[string(l.key(Object{b.Collection, b.Object}, b))] = b
	}
	for class := range classes {
		for k, v := range l.kv.Range(l.start(class, math.MinInt64), l.start(class, math.MaxInt64)) {
			r, err := decodeRow(k, v)
			if err != nil {
				return nil, nil, err
			}
			w := left[string(k)]
			if w == nil {
				extra = append(extra, r.booking())
			} else if w.End == r.End && w.State == r.State && hashOf(w.UID) == r.uid {
				delete(left, string(k))
			}
		}
	}
	for i := range want {
		b := &want[i]
		if left[string(l.key(Object{b.Collection, b.Object}, b))] == b {
			missing = append(missing, *b)
		}
	}
	return missing, extra, nil
}

// Replace makes what a copy takes of the room now, in place of what it took: was and
// now are what policy.BookingsOf says of the copy before and after. Rows that stay are
// not written. Errors: those of the table.
func (l *Ledger) Replace(o Object, was, now []policy.Booking) error {
	next := make(map[string][]byte, len(now))
	for i := range now {
		k := l.key(o, &now[i])
		next[string(k)] = encodeBooking(k, &now[i])
	}
	for i := range was {
		k := l.key(o, &was[i])
		v, stays := next[string(k)]
		switch {
		case !stays:
			if err := l.kv.Delete(k); err != nil {
				return err
			}
		case bytes.Equal(l.kv.Get(k), v):
			delete(next, string(k))
		}
	}
	for i := range now { // in order, so that the same writes come in the same order
		k := l.key(o, &now[i])
		if v, ok := next[string(k)]; ok {
			if err := l.kv.Put(k, v); err != nil {
				return err
			}
			delete(next, string(k))
		}
	}
	return nil
}

// SetVerified notes until when the dates of a copy were looked at (see
// policy.Answer.VerifiedUntil); 0: it has none behind that, or is gone. Errors: those
// of the table.
func (l *Ledger) SetVerified(o Object, until int64) error {
	k := append(l.prefix(kindVerified), o.bytes()...)
	if until == 0 {
		return l.kv.Delete(k)
	}
	return l.kv.Put(k, seal(k, appendTime([]byte{format}, until)))
}

// Verified returns what SetVerified noted, 0 if it did not. Errors: ErrDamaged.
func (l *Ledger) Verified(o Object) (int64, error) {
	k := append(l.prefix(kindVerified), o.bytes()...)
	v := l.kv.Get(k)
	if v == nil {
		return 0, nil
	}
	return decodeVerified(k, v)
}

// Behind yields the copies whose dates were looked at until before a moment: those
// that a daily job has to look at again. Damage is left to Err.
func (l *Ledger) Behind(until int64) iter.Seq2[Object, int64] {
	return func(yield func(Object, int64) bool) {
		from := l.prefix(kindVerified)
		for k, v := range l.kv.Range(from, after(from)) {
			at, err := decodeVerified(k, v)
			if err != nil || len(k) < len(from)+4 {
				l.err = cmp.Or(l.err, err, damaged(k))
				return
			}
			rest := k[len(from):]
			if at < until && !yield(Object{binary.BigEndian.Uint32(rest), string(rest[4:])}, at) {
				return
			}
		}
	}
}

// Made returns what SetMade noted; "": the ledger has not been made, and what it says
// counts for nothing. Errors: ErrDamaged.
func (l *Ledger) Made() (by string, err error) {
	k := l.prefix(kindMade)
	v := l.kv.Get(k)
	if v == nil {
		return "", nil
	}
	body, ok := unseal(k, v)
	if !ok || len(body) < 1 || body[0] != format {
		return "", damaged(k)
	}
	return string(body[1:]), nil
}

// SetMade notes that the ledger has all that the room's calendars hold, and by which
// settings that was read from them; "": it may lack something. Errors: those of the
// table.
func (l *Ledger) SetMade(by string) error {
	k := l.prefix(kindMade)
	if by == "" {
		return l.kv.Delete(k)
	}
	return l.kv.Put(k, seal(k, append([]byte{format}, by...)))
}

// Clear removes all records of the room. Errors: those of the table.
func (l *Ledger) Clear() error {
	from, to := binary.BigEndian.AppendUint32(nil, l.room), append(binary.BigEndian.AppendUint32(nil, l.room), 0xff)
	var keys [][]byte
	for k := range l.kv.Range(from, to) {
		keys = append(keys, bytes.Clone(k))
	}
	for _, k := range keys {
		if err := l.kv.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

func (l *Ledger) prefix(kind byte) []byte {
	return append(binary.BigEndian.AppendUint32(make([]byte, 0, commonKey), l.room), kind)
}

// after returns the first key behind all that begin with prefix.
func after(prefix []byte) []byte {
	end := slices.Clone(prefix)
	end[len(end)-1]++
	return end
}

func (l *Ledger) start(class int, at int64) []byte {
	return appendTime(append(l.prefix(kindBooking), byte(class)), at)
}

func (o Object) bytes() []byte {
	return append(binary.BigEndian.AppendUint32(nil, o.Collection), o.Name...)
}

func (l *Ledger) key(o Object, b *policy.Booking) []byte {
	return appendTime(append(l.start(classOf(b), b.Start), o.bytes()...), b.ID)
}

// fixedKey is the length of a booking's key without the name of its object, and commonKey
// that of most, whose objects were named by the server.
const (
	fixedKey  = 4 + 1 + 1 + 8 + 4 + 8
	commonKey = fixedKey + 36
	classAt   = 4 + 1 // where the class stands in it
)

func encodeBooking(key []byte, b *policy.Booking) []byte {
	v := appendTime(append(make([]byte, 0, 1+8+1+8+4), format), b.End)
	uid := hashOf(b.UID)
	return seal(key, append(append(v, byte(b.State)), uid[:]...))
}

// A row is a record of a booking. The name of its object is still in the key: of all that
// a search comes by, little is what it is for.
type row struct {
	policy.Span
	ID         int64
	State      policy.State
	Collection uint32
	name       []byte
	uid        [8]byte
}

func (r *row) booking() policy.Booking {
	return policy.Booking{Span: r.Span, State: r.State, ID: r.ID, Collection: r.Collection, Object: string(r.name)}
}

// decodeRow reads a record. Its checksum is over the key as well, so one that is in
// another place is damaged too.
func decodeRow(k, v []byte) (r row, err error) {
	body, ok := unseal(k, v)
	if !ok || len(k) < fixedKey || len(body) != 1+8+1+8 || body[0] != format {
		return r, damaged(k)
	}
	r.Start, r.End = readTime(k[6:]), readTime(body[1:])
	r.Collection = binary.BigEndian.Uint32(k[14:])
	r.name = k[18 : len(k)-8]
	r.ID = readTime(k[len(k)-8:])
	r.State = policy.State(body[9])
	if copy(r.uid[:], body[10:]); r.State < policy.Booked || r.State > policy.Blocked {
		return r, damaged(k)
	}
	return r, nil
}

func decodeVerified(k, v []byte) (int64, error) {
	body, ok := unseal(k, v)
	if !ok || len(body) != 1+8 || body[0] != format {
		return 0, damaged(k)
	}
	return readTime(body[1:]), nil
}

func damaged(key []byte) error { return fmt.Errorf("%w: record %x", ErrDamaged, key) }

// appendTime appends a time so that earlier ones sort first, those before 1970 too.
func appendTime(b []byte, at int64) []byte {
	return binary.BigEndian.AppendUint64(b, uint64(at)^1<<63)
}

func readTime(b []byte) int64 { return int64(binary.BigEndian.Uint64(b) ^ 1<<63) }

func hashOf(uid string) (h [8]byte) {
	sum := sha256.Sum256([]byte(uid))
	copy(h[:], sum[:])
	return h
}

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func seal(key, value []byte) []byte {
	return binary.BigEndian.AppendUint32(value, sumOf(key, value))
}

func unseal(key, v []byte) (value []byte, ok bool) {
	n := len(v) - 4
	if n < 0 || binary.BigEndian.Uint32(v[n:]) != sumOf(key, v[:n]) {
		return nil, false
	}
	return v[:n], true
}

func sumOf(key, value []byte) uint32 {
	return crc32.Update(crc32.Checksum(key, castagnoli), castagnoli, value)
}
