package store

import (
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"convene/quota"
)

func TestPutObject(t *testing.T) {
	c := newClock()
	s := openTest(t, Options{Now: c.Now})
	h := home(t, s, "ann")
	var first Rev
	for _, tt := range []struct { // in order: each row sees the rows before it
		name, uid, text string
		m               Match
		created         bool
		err             error
	}{
		{"a.ics", "a", "one", Match{IfMatchAny: true}, false, ErrChanged},
		{"a.ics", "a", "one", Match{IfMatch: []Rev{1}}, false, ErrChanged},
		{"a.ics", "a", "one", Match{IfNoneMatchAny: true}, true, nil},
		{"a.ics", "a", "two", Match{IfNoneMatchAny: true}, false, ErrChanged},
		{"a.ics", "a", "two", Match{IfMatch: []Rev{1, 2}}, false, ErrChanged},
		{"a.ics", "a", "two", Match{IfMatchAny: true}, false, nil},
		{"a.ics", "a", "three", Match{Check: func(e *Entry) bool { return e == nil }}, false, ErrChanged},
		{"a.ics", "a", "three", Match{Check: func(e *Entry) bool { return e.Rev > first }}, false, nil},
		{"a.ics", "b", "", Match{}, false, ErrUIDChanged},
		{"b.ics", "a", "", Match{}, false, ErrUIDConflict},
		{"", "x", "", Match{}, false, ErrLimit},
		{"bad\xff.ics", "x", "", Match{}, false, ErrLimit},
		{strings.Repeat("n", 256), "x", "", Match{}, false, ErrLimit},
		{strings.Repeat("ü", 127), "x", "", Match{}, true, nil},
		{"long.ics", strings.Repeat("u", 1025), "", Match{}, false, ErrLimit},
		{"long.ics", strings.Repeat("u", 1024), "", Match{}, true, nil},
		{"none.ics", "", "no UID at all", Match{}, true, nil},
		{"none2.ics", "", "nor here", Match{}, true, nil},
	} {
		c.pass(time.Second)
		ix := event(tt.uid)
		var e *Entry
		var created bool
		err := try(s, h.ID, "work", func(tx *Tx, c *Collection) (err error) {
			e, created, err = tx.PutObject(c, tt.name, body(ix, tt.text), ix, tt.m)
			return err
		})
		if !errors.Is(err, tt.err) || created != tt.created {
			t.Errorf("put %.20q with UID %.20q: %v, created %t; want %v, %t", tt.name, tt.uid, err, created, tt.err, tt.created)
		}
		if first == 0 && err == nil {
			first = e.Rev
		}
	}
	view(t, s, func(tx *Tx) error {
		work, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		o, err := tx.Object(work.ID, "a.ics")
		if err != nil {
			return err
		}
		want := Entry{
			Name: "a.ics", Rev: first + 2, Size: len(o.Body), CreatedRev: first, ScheduleTag: first + 2,
			Created: 1_800_000_003, Modified: 1_800_000_008, Index: event("a"),
		}
		if o.Entry != want || string(o.Body) != string(body(event("a"), "three")) {
			t.Errorf("object %+v %q, want %+v", o.Entry, o.Body, want)
		}
		if work.Objects != 5 || work.Count(VEVENT) != 5 || work.Count(VTODO) != 0 || work.Rev <= o.Rev {
			t.Errorf("collection %+v", work)
		}
		_, err = tx.Object(work.ID, "nothing.ics")
		wantErr(t, "Object", err, ErrNotFound)
		_, _, err = tx.Body(work.ID, "nothing.ics")
		wantErr(t, "Body", err, ErrNotFound)
		_, err = tx.Entry(work.ID, "nothing.ics")
		wantErr(t, "Entry", err, ErrNotFound)
		return nil
	})
}

// TestEntryExtremes stores every corner of an Index and reads it back.
func TestEntryExtremes(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	for i, ix := range []Index{
		{},
		{UID: "x", Start: math.MinInt64 / 2, End: math.MaxInt64 / 2},
		{UID: ".ics", Component: VPOLL, Start: -1, End: OpenEnded, Flags: math.MaxUint16, Busy: BusyUnavailable},
		{UID: "u", Component: VTODO, Start: 10, End: 5},
	} {
		name := string(rune('a' + i))
		err := try(s, h.ID, "inbox", func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, name, body(ix, ""), ix, Match{})
			if err != nil {
				return err
			}
			e, err := tx.Entry(c.ID, name)
			if err == nil && (e.Index != ix || e.Name != name) {
				t.Errorf("read %+v, wrote %+v", e, ix)
			}
			return err
		})
		if err != nil {
			t.Errorf("%+v: %v", ix, err)
		}
	}
}

func TestDeleteObject(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	e := putEvent(t, s, h.ID, "work", "a", "text")
	del := func(m Match) error {
		return try(s, h.ID, "work", func(tx *Tx, c *Collection) error { return tx.DeleteObject(c, "a.ics", m) })
	}
	wantErr(t, "delete with another ETag", del(Match{IfMatch: []Rev{e.Rev + 1}}), ErrChanged)
	if err := del(Match{IfMatch: []Rev{e.Rev}}); err != nil {
		t.Fatal(err)
	}
	wantErr(t, "delete again", del(Match{}), ErrNotFound)
	wantErr(t, "delete again with If-Match", del(Match{IfMatchAny: true}), ErrChanged)
	wantString(t, "names", names(t, s, h.ID, "work"), "")
	if c := mustCollection(t, s, h.ID, "work"); c.Objects != 0 || c.Bytes != 0 || c.Count(VEVENT) != 0 || c.Rev != e.Rev+1 {
		t.Errorf("collection %+v", c)
	}
	if again := putEvent(t, s, h.ID, "work", "a", "text"); again.Rev != e.Rev+2 || again.CreatedRev != again.Rev {
		t.Errorf("made again: %+v", again)
	}
}

func TestScheduleTag(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	first := putEvent(t, s, h.ID, "work", "a", "1")
	for _, tt := range []struct {
		opts []PutOption
		want Rev
	}{
		{[]PutOption{KeepScheduleTag}, first.Rev},
		{[]PutOption{KeepScheduleTag}, first.Rev},
		{nil, first.Rev + 3},
	} {
		err := try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			e, _, err := tx.PutObject(c, "a.ics", body(event("a"), "2"), event("a"), Match{}, tt.opts...)
			if err == nil && e.ScheduleTag != tt.want {
				t.Errorf("schedule tag %d, want %d", e.ScheduleTag, tt.want)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestUIDs(t *testing.T) {
	s := openTest(t, Options{})
	h := home(t, s, "ann")
	try1 := func(collection, name, uid string, opts ...PutOption) error {
		return try(s, h.ID, collection, func(tx *Tx, c *Collection) error {
			_, _, err := tx.PutObject(c, name, body(event(uid), ""), event(uid), Match{}, opts...)
			return err
		})
	}
	for _, tt := range []struct { // in order
		collection, name, uid string
		opts                  []PutOption
		conflict              string // "collection/name" of the one that has it
	}{
		{"work", "x.ics", "x", nil, ""},
		{"work", "other.ics", "x", nil, "work/x.ics"},
		{"work", "odd name", "y", nil, ""},
		{"work", "y.ics", "y", nil, "work/odd name"},
		{"work", "y.ics", "z", nil, ""}, // named like another one's UID
		{"work", "z.ics", "z", nil, "work/y.ics"},
		{"work", "z.ics", "y", nil, "work/odd name"},
		{"rest", "x.ics", "x", nil, ""}, // another calendar
		{"rest", "y.ics", "y", []PutOption{UniqueInHome}, "work/odd name"},
		{"rest", "x.ics", "x", []PutOption{UniqueInHome}, ""}, // it was there before
		{"inbox", "1", "x", []PutOption{UniqueInHome}, ""},
		{"inbox", "2", "x", nil, ""}, // inboxes have no rule
	} {
		err := try1(tt.collection, tt.name, tt.uid, tt.opts...)
		var conflict *UIDConflictError
		got := ""
		if errors.As(err, &conflict) {
			got = conflict.InName + "/" + conflict.Name
			wantErr(t, "conflict", err, ErrUIDConflict)
		} else if err != nil {
			t.Errorf("%s/%s: %v", tt.collection, tt.name, err)
		}
		wantString(t, tt.collection+"/"+tt.name+" conflicts with", got, tt.conflict)
	}
	view(t, s, func(tx *Tx) error {
		work, err := tx.Collection(h.ID, "work")
		if err != nil {
			return err
		}
		for uid, want := range map[string]string{"x": "x.ics", "y": "odd name", "z": "y.ics", "none": "", strings.Repeat("l", 300): ""} {
			name, err := tx.ObjectByUID(work, uid)
			if name != want || (want == "") != errors.Is(err, ErrNotFound) {
				t.Errorf("ObjectByUID(%.10q) = %q, %v; want %q", uid, name, err, want)
			}
			c, name, err := tx.ObjectByUIDInHome(h.ID, uid)
			if (want == "") != errors.Is(err, ErrNotFound) || want != "" && name == "" {
				t.Errorf("ObjectByUIDInHome(%.10q) = %v, %q, %v", uid, c, name, err)
			}
		}
		return nil
	})
	// A UID is free again once its object is gone.
	err := try(s, h.ID, "work", func(tx *Tx, c *Collection) error { return tx.DeleteObject(c, "odd name", Match{}) })
	if err := errors.Join(err, try1("rest", "y.ics", "y", UniqueInHome)); err != nil {
		t.Error(err)
	}
}

func TestQuota(t *testing.T) {
	s := openTest(t, Options{Quota: limited(quota.Limits{Bytes: 1000})})
	h := home(t, s, "ann")
	other := home(t, s, "bob")
	write := func(uid string, n int) error {
		return try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			b := body(event(uid), "")
			b = append(b, strings.Repeat("x", n-len(b))...)
			_, _, err := tx.PutObject(c, uid+".ics", b, event(uid), Match{})
			return err
		})
	}
	used := func(want int64) {
		t.Helper()
		view(t, s, func(tx *Tx) error {
			h, err := tx.Home("ann")
			if err == nil && h.UsedBytes != want {
				t.Errorf("%d bytes used, want %d", h.UsedBytes, want)
			}
			return err
		})
	}
	if err := errors.Join(write("a", 600), write("b", 400)); err != nil {
		t.Fatal(err)
	}
	used(1000)
	wantErr(t, "one more", write("c", 100), ErrQuota)
	wantErr(t, "one larger", write("b", 401), ErrQuota)
	used(1000)
	if err := errors.Join(write("a", 500), write("b", 500)); err != nil { // shrink, grow
		t.Error(err)
	}
	update(t, s, func(tx *Tx) error { return tx.SetQuota(h.ID, 300) })
	if err := write("b", 450); err != nil { // above its quota, but less than before
		t.Errorf("smaller: %v", err)
	}
	wantErr(t, "larger again", write("b", 451), ErrQuota)
	update(t, s, func(tx *Tx) error { return tx.SetQuota(h.ID, -1) })
	if err := write("c", 5000); err != nil {
		t.Errorf("without a limit: %v", err)
	}
	used(5950)
	// Copy and move into another home count there.
	for what, op := range map[string]func(tx *Tx, from, to *Collection) error{
		"CopyObject": func(tx *Tx, from, to *Collection) error {
			_, _, err := tx.CopyObject(from, "c.ics", to, "c.ics", Match{})
			return err
		},
		"MoveObject": func(tx *Tx, from, to *Collection) error {
			_, _, err := tx.MoveObject(from, "c.ics", to, "c.ics", Match{})
			return err
		},
		"CopyCollection": func(tx *Tx, from, _ *Collection) error {
			_, err := tx.CopyCollection(h.ID, "work", other.ID, "copy")
			return err
		},
		"MoveCollection": func(tx *Tx, from, _ *Collection) error {
			_, err := tx.MoveCollection(h.ID, "work", other.ID, "moved")
			return err
		},
	} {
		err := try(s, h.ID, "work", func(tx *Tx, from *Collection) error {
			to, err := tx.Collection(other.ID, "work")
			if err != nil {
				return err
			}
			return op(tx, from, to)
		})
		wantErr(t, what, err, ErrQuota)
	}
	update(t, s, func(tx *Tx) error { return tx.DeleteCollection(h.ID, "work") })
	used(0)
}

func TestLimits(t *testing.T) {
	s := openTest(t, Options{
		Quota:         limited(quota.Limits{ObjectBytes: 100, CollectionObjects: 2, Objects: 4, Collections: 4}),
		MaxProperties: 2, MaxPropertyBytes: 10,
	})
	h := home(t, s, "ann")
	exceeded := func(what string, err error, want quota.Limit) {
		t.Helper()
		if e, ok := errors.AsType[*quota.ExceededError](err); !ok || e.Limit != want || !errors.Is(err, ErrQuota) {
			t.Errorf("%s: %v, want the limit of %s", what, err, want)
		}
	}
	limit := func(what string, err error, want Limit) {
		t.Helper()
		var le *LimitError
		if !errors.As(err, &le) || le.Limit != want || !errors.Is(err, ErrLimit) {
			t.Errorf("%s: %v, want the limit of %s", what, err, want)
		}
	}
	exceeded("large object", try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "a.ics", make([]byte, 101), event("a"), Match{})
		return err
	}), quota.ObjectBytes)
	putEvent(t, s, h.ID, "work", "a", "")
	putEvent(t, s, h.ID, "work", "b", "")
	putEvent(t, s, h.ID, "work", "b", "again")
	exceeded("third object", try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "c.ics", body(event("c"), ""), event("c"), Match{})
		return err
	}), quota.CollectionObjects)
	putEvent(t, s, h.ID, "rest", "d", "")
	putEvent(t, s, h.ID, "inbox", "e", "")
	exceeded("fifth object in the home", try(s, h.ID, "rest", func(tx *Tx, c *Collection) error {
		_, _, err := tx.PutObject(c, "f.ics", body(event("f"), ""), event("f"), Match{})
		return err
	}), quota.Objects)
	create := func(name string) error {
		return s.Update(ctx, func(tx *Tx) error {
			_, err := tx.CreateCollection(h.ID, NewCollection{Name: name, Kind: KindCalendar})
			return err
		})
	}
	if err := create("fourth"); err != nil {
		t.Error(err)
	}
	exceeded("fourth beside those that every home has", create("fifth"), quota.Collections)
	limit("long name", create(strings.Repeat("n", 256)), LimitName)
	set := func(name, value string) error {
		return try(s, h.ID, "work", func(tx *Tx, c *Collection) error {
			return tx.SetProperty(OfCollection(c), name, []byte(value))
		})
	}
	if err := errors.Join(set("{x}1", "v"), set("{x}2", "v"), set("{x}2", "w")); err != nil {
		t.Error(err)
	}
	limit("third property", set("{x}3", "v"), LimitProperties)
	limit("long property", set("{x}1", "12345678901"), LimitPropertyBytes)
	limit("property without a name", set("", "v"), LimitName)
	err := s.Update(ctx, func(tx *Tx) error { _, err := tx.EnsureHome("", nil); return err })
	limit("home of nobody", err, LimitName)
}
