package rooms_test

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"convene/internal/engine"
	"convene/rooms"
	"convene/rooms/policy"
)

// table is a KV in a map.
type table map[string][]byte

func (t table) Get(key []byte) []byte { return t[string(key)] }

func (t table) Put(key, value []byte) error {
	t[string(key)] = slices.Clone(value)
	return nil
}

func (t table) Delete(key []byte) error {
	delete(t, string(key))
	return nil
}

func (t table) Range(from, to []byte) iter.Seq2[[]byte, []byte] {
	return func(yield func(k, v []byte) bool) {
		for _, k := range slices.Sorted(maps.Keys(t)) {
			if k >= string(from) && k < string(to) && !yield([]byte(k), t[k]) {
				return
			}
		}
	}
}

func booking(uid string, id, start, end int64) policy.Booking {
	return policy.Booking{Span: policy.Span{Start: start, End: end}, State: policy.Booked, UID: uid, ID: id}
}

// Whatever copies come and go, the ledger gives what a list of their bookings gives,
// and its records are those of a ledger that was made of the copies at once.
func TestLedger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		kv := table{}
		l := rooms.Of(kv, 7)
		copies := map[rooms.Object][]policy.Booking{}
		for range rapid.IntRange(1, 30).Draw(t, "changes") {
			o := rooms.Object{Collection: uint32(rapid.IntRange(1, 2).Draw(t, "collection")), Name: rapid.SampledFrom([]string{"a.ics", "ab.ics", "\x00", "z"}).Draw(t, "name")}
			var now []policy.Booking
			for i := range rapid.IntRange(0, 4).Draw(t, "rows") {
				start := rapid.Int64Range(-3, 40).Draw(t, "start") * 10000
				length := rapid.SampledFrom([]int64{0, 60, 86400, 86401, 16 * 86400, 300 * 86400}).Draw(t, "length")
				now = append(now, booking(fmt.Sprint(o), int64(i), start, start+length))
			}
			if err := l.Replace(o, copies[o], now); err != nil {
				t.Fatal(err)
			}
			copies[o] = now
		}
		fresh := table{}
		var all []policy.Booking
		for o, rows := range copies {
			all = append(all, rows...)
			if err := rooms.Of(fresh, 7).Replace(o, nil, rows); err != nil {
				t.Fatal(err)
			}
		}
		if !maps.EqualFunc(kv, fresh, slices.Equal) {
			t.Fatalf("%d records, made at once %d", len(kv), len(fresh))
		}
		model := policy.NewBookings(all...)
		except := []string{fmt.Sprint(rooms.Object{Collection: 1, Name: "a.ics"})}
		for range 5 {
			from := rapid.Int64Range(-50, 420).Draw(t, "from") * 1000
			to := from + rapid.Int64Range(0, 100000).Draw(t, "span")
			if got, want := spans(l.Overlaps(from, to, except)), spans(model.Overlaps(from, to, except)); got != want {
				t.Fatalf("%d to %d: %s, want %s", from, to, got, want)
			}
		}
		if got := len(slices.Collect(l.All())); got != len(all) || l.Err() != nil {
			t.Fatalf("%d of %d bookings, %v", got, len(all), l.Err())
		}
	})
}

func spans(rows iter.Seq[policy.Booking]) string {
	all := slices.SortedFunc(rows, func(a, b policy.Booking) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(a.End, b.End))
	})
	s := ""
	for _, b := range all {
		s += fmt.Sprint(b.Start, "-", b.End, " ")
	}
	return s
}

// A damaged record is an error, and never a free hour.
func TestDamage(t *testing.T) {
	kv := table{}
	o := rooms.Object{Collection: 3, Name: "m.ics"}
	if err := rooms.Of(kv, 7).Replace(o, nil, []policy.Booking{booking("m", 0, 1000, 5000)}); err != nil {
		t.Fatal(err)
	}
	var key string
	for key = range kv {
	}
	whole := kv[key]
	for i := range whole {
		kv[key] = slices.Clone(whole)
		kv[key][i] ^= 4
		l := rooms.Of(kv, 7)
		for b := range l.Overlaps(0, 9000, nil) {
			t.Errorf("byte %d: %v", i, b)
		}
		if !errors.Is(l.Err(), rooms.ErrDamaged) {
			t.Errorf("byte %d: %v", i, l.Err())
		}
	}
	kv[key] = whole
	moved := []byte(key)
	moved[7] ^= 1 // another start
	kv[string(moved)] = whole
	l := rooms.Of(kv, 7)
	for range l.All() {
	}
	if !errors.Is(l.Err(), rooms.ErrDamaged) {
		t.Errorf("a record under another key: %v", l.Err())
	}
}

func TestRoomsAreApart(t *testing.T) {
	kv := table{}
	o := rooms.Object{Collection: 3, Name: "m.ics"}
	if err := rooms.Of(kv, 7).Replace(o, nil, []policy.Booking{booking("m", 0, 1000, 5000)}); err != nil {
		t.Fatal(err)
	}
	for _, room := range []uint32{6, 8, 7 << 8} {
		for b := range rooms.Of(kv, room).Overlaps(0, 9000, nil) {
			t.Errorf("room %d: %v", room, b)
		}
	}
	for b := range rooms.Of(kv, 7).Overlaps(0, 9000, nil) {
		if b.Object != "m.ics" || b.Collection != 3 || b.ID != 0 || b.State != policy.Booked {
			t.Errorf("%+v", b)
		}
	}
}

func TestVerified(t *testing.T) {
	l := rooms.Of(table{}, 7)
	a, b := rooms.Object{Collection: 1, Name: "a"}, rooms.Object{Collection: 2, Name: "b"}
	for o, until := range map[rooms.Object]int64{a: 100, b: 200} {
		if err := l.SetVerified(o, until); err != nil {
			t.Fatal(err)
		}
	}
	if at, err := l.Verified(b); at != 200 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	if got := maps.Collect(l.Behind(200)); len(got) != 1 || got[a] != 100 {
		t.Errorf("%v", got)
	}
	if err := l.SetVerified(a, 0); err != nil {
		t.Fatal(err)
	}
	if at, err := l.Verified(a); at != 0 || err != nil {
		t.Errorf("%d, %v", at, err)
	}
	if got := maps.Collect(l.Behind(200)); len(got) != 0 || l.Err() != nil {
		t.Errorf("%v, %v", got, l.Err())
	}
}

// transaction is a KV within an update of an engine.
type transaction struct{ engine.Writer }

const ledgerTable engine.Table = "ledger"

func (t transaction) Get(key []byte) []byte       { return t.Writer.Get(ledgerTable, key) }
func (t transaction) Put(key, value []byte) error { return t.Writer.Put(ledgerTable, key, value) }
func (t transaction) Delete(key []byte) error     { return t.Writer.Delete(ledgerTable, key) }
func (t transaction) Range(from, to []byte) iter.Seq2[[]byte, []byte] {
	return t.Scan(ledgerTable, engine.Range{From: from, To: to})
}

// An hour asked about in a year of bookings, and a block of a year beside them.
func BenchmarkOverlaps(b *testing.B) {
	e := engine.OpenMemory([]engine.Table{ledgerTable})
	defer func() { _ = e.Close() }()
	ctx := context.Background()
	err := e.Update(ctx, func(w engine.Writer) error {
		l := rooms.Of(transaction{w}, 1)
		for i := range int64(5000) {
			o := rooms.Object{Collection: 1, Name: fmt.Sprint(i)}
			if err := l.Replace(o, nil, []policy.Booking{booking(o.Name, 0, i*7200, i*7200+3600)}); err != nil {
				return err
			}
		}
		return l.Replace(rooms.Object{Collection: 1, Name: "block"}, nil, []policy.Booking{booking("block", 0, 0, 365*86400)})
	})
	if err != nil {
		b.Fatal(err)
	}
	err = e.Update(ctx, func(w engine.Writer) error {
		l := rooms.Of(transaction{w}, 1)
		for b.Loop() {
			for range l.Overlaps(30000000, 30003600, nil) {
			}
		}
		return l.Err()
	})
	if err != nil {
		b.Fatal(err)
	}
}
