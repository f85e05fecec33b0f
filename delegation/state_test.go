package delegation

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"convene/internal/engine"
)

// edit writes to a closed file behind the back of the database.
func (e *env) edit(fn func(w engine.Writer) error) {
	e.t.Helper()
	k, err := engine.OpenBolt(e.path(fileName), engine.BoltOptions{Tables: tables(), Hot: tableMeta})
	if err == nil {
		err = errors.Join(k.Update(context.Background(), fn), k.Close())
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// editState changes the state record and its checksum.
func (e *env) editState(fn func(*fileState)) {
	e.edit(func(w engine.Writer) error {
		st, err := decodeState(bytes.Clone(w.Get(tableMeta, keyState)))
		if err != nil {
			return err
		}
		fn(st)
		return w.Put(tableMeta, keyState, st.encode())
	})
}

func key(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

// wantServed checks what readers and writers get in the present state.
func (e *env) wantServed(served, changeable bool) {
	e.t.Helper()
	ctx := context.Background()
	s := e.State()
	if s.Served() != served || s.Changeable() != changeable {
		e.t.Errorf("%v: served %t, changeable %t", s, s.Served(), s.Changeable())
	}
	if (s.Cure() == "") != (s.Condition == Good || s.Condition == Created) {
		e.t.Errorf("%v: cure %q", s, s.Cure())
	}
	set, err := e.Read()
	if (err == nil) != served || !served && !errors.Is(err, ErrRefused) {
		e.t.Errorf("read: %v", err)
	}
	if served && set.Delegation(caller("bob"), "ann", nil, e.now).Level != LevelRead {
		e.t.Error("bob is no delegate")
	}
	_, err = e.Put(ctx, admin, target("dan"), principal("bob"), LevelRead, PlainLimits(User))
	if (err == nil) != changeable || !changeable && !errors.Is(err, ErrRefused) {
		e.t.Errorf("change: %v", err)
	}
	if !changeable {
		if err := e.Backup(ctx, e.path("backup")); served != (err == nil) {
			e.t.Errorf("backup: %v", err)
		}
	}
}

// TestStates has each row of the table of states.
func TestStates(t *testing.T) {
	ctx := context.Background()
	tests := []struct {
		name   string
		spoil  func(*env) // while the database is closed
		want   Condition
		detail string
		served bool
	}{
		{"good", func(*env) {}, Good, "", true},
		{"file is one newer", func(e *env) {
			e.witness.mark.Generation, e.witness.mark.Head = 3, e.mark(3).Head
			if err := writeMark(e.path(stateName), e.witness.mark); err != nil {
				e.t.Fatal(err)
			}
		}, Good, "", true},
		{"only delegates.state is left", func(e *env) { e.witness.mark = e.mark(3) }, Good, "", true},
		{"only the calendar store knows", func(e *env) { remove(e.t, e.path(stateName)) }, Good, "", true},
		{"delegates.state is damaged", func(e *env) {
			b, err := os.ReadFile(e.path(stateName))
			if err != nil {
				e.t.Fatal(err)
			}
			b[bytes.IndexByte(b, ':')+3] ^= 1
			if err := os.WriteFile(e.path(stateName), b, 0o600); err != nil {
				e.t.Fatal(err)
			}
		}, Good, "", true},
		{"lost", func(e *env) { remove(e.t, e.path(fileName)) }, Lost, "generation 4", false},
		{"lost, only the calendar store knows", func(e *env) {
			remove(e.t, e.path(fileName), e.path(stateName), e.path(logName))
		}, Lost, "generation 4", false},
		{"lost, only its log of lines is left", func(e *env) {
			remove(e.t, e.path(fileName), e.path(stateName))
			e.witness.mark = Mark{}
		}, Lost, "", false},
		{"damaged record", func(e *env) {
			e.edit(func(w engine.Writer) error {
				v := bytes.Clone(w.Get(tableRecords, key(2)))
				v[5] ^= 4
				return w.Put(tableRecords, key(2), v)
			})
		}, Damaged, "0000000000000002", false},
		{"record under another number", func(e *env) {
			e.edit(func(w engine.Writer) error {
				v := bytes.Clone(w.Get(tableRecords, key(2)))
				return errors.Join(w.Delete(tableRecords, key(2)), w.Put(tableRecords, key(3), v))
			})
		}, Damaged, "under another number", false},
		{"record gone", func(e *env) {
			e.edit(func(w engine.Writer) error { return w.Delete(tableRecords, key(2)) })
		}, Damaged, "1 records, 2 expected", false},
		{"no state", func(e *env) {
			e.edit(func(w engine.Writer) error { return w.Delete(tableMeta, keyState) })
		}, Damaged, "state of the file", false},
		{"half a file", func(e *env) {
			if err := os.Truncate(e.path(fileName), 3*int64(os.Getpagesize())); err != nil {
				e.t.Fatal(err)
			}
		}, Damaged, "", false},
		{"another kind of file", func(e *env) {
			if err := os.WriteFile(e.path(fileName), []byte("hello"), 0o600); err != nil {
				e.t.Fatal(err)
			}
		}, Damaged, "", false},
		{"journal entry edited", func(e *env) {
			e.edit(func(w engine.Writer) error {
				n, err := decodeEntry(bytes.Clone(w.Get(tableJournal, key(2))))
				if err != nil {
					return err
				}
				n.Actor = "somebody else"
				return w.Put(tableJournal, key(2), n.encode())
			})
		}, Tampered, "entry 3", false},
		{"journal entry gone", func(e *env) {
			e.edit(func(w engine.Writer) error { return w.Delete(tableJournal, key(1)) })
		}, Tampered, "entry 1", false},
		{"head of another journal", func(e *env) { e.editState(func(st *fileState) { st.Head[3] ^= 1 }) }, Tampered, "ends", false},
		{"record edited with all sums", func(e *env) {
			e.edit(func(w engine.Writer) error {
				it, err := decodeItem(bytes.Clone(w.Get(tableRecords, key(2))))
				if err != nil {
					return err
				}
				before := it.raw
				it.record.Level = LevelWrite
				st, err := decodeState(bytes.Clone(w.Get(tableMeta, keyState)))
				if err != nil {
					return err
				}
				st.Sum.xor(before)
				st.Sum.xor(it.encode())
				return errors.Join(w.Put(tableRecords, key(2), it.raw), w.Put(tableMeta, keyState, st.encode()))
			})
		}, Tampered, "record 2", false},
		{"fork", func(e *env) {
			e.witness.mark.Head[0] ^= 1
			if err := writeMark(e.path(stateName), e.witness.mark); err != nil {
				e.t.Fatal(err)
			}
		}, Tampered, "generation 4", false},
		{"old copy put back", func(e *env) { copyTo(e.t, e.path("old"), e.path(fileName)) }, RolledBack, "from generation 4 to 2", false},
		{"old copy of all but calendars.db", func(e *env) {
			copyTo(e.t, e.path("old"), e.path(fileName))
			copyTo(e.t, e.path("old.state"), e.path(stateName))
		}, RolledBack, "from generation 4 to 2", false},
		{"calendars restored", func(e *env) { e.witness.mark = e.mark(2) }, Ahead, "generation 4", true},
		{"calendars restored, no delegates.state", func(e *env) {
			e.witness.mark = e.mark(2)
			remove(e.t, e.path(stateName))
		}, Ahead, "generation 4", true},
		{"bound to another store", func(e *env) { e.store = "calendars-2" }, OtherServer, "calendars-2", false},
		{"another file of the same store", func(e *env) {
			e.editState(func(st *fileState) { st.File[0] ^= 1 })
		}, OtherServer, "", false},
		{"newer format", func(e *env) {
			e.edit(func(w engine.Writer) error {
				v := w.Get(tableMeta, keyState)
				v = bytes.Clone(v[:len(v)-sumSize])
				v[0] = format + 1
				return w.Put(tableMeta, keyState, seal(v))
			})
		}, Newer, "format 1", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.put("ann", "bob", LevelRead) // generation 2
			if err := e.Backup(ctx, e.path("old")); err != nil {
				t.Fatal(err)
			}
			copyTo(t, e.path(stateName), e.path("old.state"))
			e.put("ann", "cy", LevelRead, until(noon.Add(time.Hour)))
			e.put("ann", "cy", LevelRead, until(noon.Add(2*time.Hour))) // generation 4
			e.restart(func() { tt.spoil(e) })
			before, _ := os.ReadFile(e.path(fileName))
			e.wantState(tt.want)
			if s := e.State(); !strings.Contains(s.Detail, tt.detail) {
				t.Errorf("%q, want %q", s.Detail, tt.detail)
			}
			e.wantServed(tt.served, tt.served)
			if after, _ := os.ReadFile(e.path(fileName)); !tt.served && !bytes.Equal(before, after) {
				t.Error("the file was written to")
			}
			// A good state mends the witness, a bad one stays bad.
			e.restart(func() {})
			if s := e.State(); s.Served() != tt.served || tt.served && (s.Condition != Good || e.witness.mark != s.Mark) {
				t.Errorf("at the next start: %v", s)
			}
		})
	}
}

// mark returns the mark that the journal has for a generation.
func (e *env) mark(generation uint64) Mark {
	e.t.Helper()
	k, err := engine.OpenBolt(e.path(fileName), engine.BoltOptions{Tables: tables(), Hot: tableMeta, ReadOnly: true})
	if err != nil {
		e.t.Fatal(err)
	}
	c, err := examine(context.Background(), k, Mark{Generation: generation})
	if err := errors.Join(err, k.Close()); err != nil {
		e.t.Fatal(err)
	}
	return Mark{File: c.state.File, Generation: generation, Head: c.headThen}
}

func TestFirstStart(t *testing.T) {
	e := newEnv(t)
	e.wantState(Created)
	info, err := os.Stat(e.path(fileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info, err)
	}
	events, err := e.History(context.Background(), "", time.Time{})
	if err != nil || len(events) != 1 || events[0].Seq != 0 || events[0].Verb != "created" {
		t.Error(events, err)
	}
	e.restart(func() {})
	e.wantState(Good)
	// A start that was cut short before the file had its name is another first one.
	e.restart(func() {
		remove(t, e.path(stateName))
		if err := os.Rename(e.path(fileName), e.path(fileName+".new")); err != nil {
			t.Fatal(err)
		}
		e.witness.mark = Mark{}
	})
	e.wantState(Created)
	// What cannot be known is no state.
	down := errors.New("calendars.db cannot be read")
	e.witness.fail = down
	_, err = Open(context.Background(), e.options())
	wantError(t, "open", err, down)
	e.witness.fail = nil
	_, err = Open(context.Background(), e.options())
	wantError(t, "open twice", err, engine.ErrInUse)
}

// failing refuses updates.
type failing struct {
	engine.Engine
	err error
}

func (f *failing) Update(ctx context.Context, fn func(engine.Writer) error) error {
	if f.err != nil {
		return f.err
	}
	return f.Engine.Update(ctx, fn)
}

// TestFullOrReadOnly: what is stored counts, changes do not get through, until
// they do.
func TestFullOrReadOnly(t *testing.T) {
	ctx := context.Background()
	for _, tt := range []struct {
		err, want error
		state     Condition
	}{
		{engine.ErrFull, ErrFull, Full},
		{syscall.ENOSPC, ErrFull, Full},
		{engine.ErrReadOnly, ErrReadOnly, Unwritable},
		{syscall.EROFS, ErrReadOnly, Unwritable},
		{engine.ErrUnknownOutcome, ErrReadOnly, Unwritable},
	} {
		e := newEnv(t)
		e.put("ann", "bob", LevelRead)
		f := &failing{e.engine, tt.err}
		e.engine = f
		_, err := e.Remove(ctx, admin, target("ann"), "bob")
		wantError(t, "change", err, tt.want)
		e.wantState(tt.state)
		if d := e.delegation(caller("bob"), "ann"); d.Level != LevelRead {
			t.Error("what is stored does not count")
		}
		f.err = nil
		if _, err := e.Remove(ctx, admin, target("ann"), "bob"); err != nil {
			t.Error(err)
		}
		e.wantState(Good)
	}
}

// A change whose witness beside the file cannot be written is done; no second one
// is made before that has succeeded.
func TestWitnessFails(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	block := func() {
		if err := errors.Join(os.Remove(e.path(stateName)), os.MkdirAll(e.path(stateName+"/x"), 0o700)); err != nil {
			t.Fatal(err)
		}
	}
	block()
	// The write fails in a way that is no full disk, since what is there is a folder.
	e.put("ann", "bob", LevelRead)
	e.wantState(Unwritable)
	if d := e.delegation(caller("bob"), "ann"); d.Level != LevelRead {
		t.Error("the change is not in force")
	}
	_, err := e.Put(ctx, admin, target("ann"), principal("cy"), LevelRead, PlainLimits(User))
	wantError(t, "a second change", err, ErrReadOnly)
	remove(t, e.path(stateName))
	e.put("ann", "cy", LevelRead)
	e.wantState(Good)
	e.witness.fail = errors.New("calendars.db is busy")
	e.put("ann", "dan", LevelRead)
	e.wantState(Good)
	e.witness.fail = nil
	e.restart(func() {})
	e.wantState(Good)
}

// TestReplaced: the file vanishes, or another takes its place, while running.
func TestReplaced(t *testing.T) {
	ctx := context.Background()
	for _, spoil := range []func(*env){
		func(e *env) { remove(e.t, e.path(fileName)) },
		func(e *env) {
			copyTo(e.t, e.path(fileName), e.path("other"))
			if err := os.Rename(e.path("other"), e.path(fileName)); err != nil {
				e.t.Fatal(err)
			}
		},
	} {
		e := newEnv(t)
		e.put("ann", "bob", LevelRead)
		copyTo(t, e.path(fileName), e.path("kept"))
		spoil(e)
		wantError(t, "tend", e.Tend(ctx), ErrRefused)
		e.wantState(Replaced)
		e.wantServed(true, false)
		wantError(t, "verify", e.Verify(ctx), ErrRefused)
	}
}

// TestBitFlips: whichever bit of the file is wrong, the database is refused, or is
// as it was.
func TestBitFlips(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	for i := range 60 {
		e.put("ann", string(rune('A'+i)), Level(1+i%2), until(noon.Add(time.Duration(i)*time.Hour)))
	}
	for i := range 20 {
		if _, err := e.Remove(ctx, admin, target("ann"), string(rune('A'+3*i))); err != nil {
			t.Fatal(err)
		}
	}
	want := e.read()
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(e.path(fileName))
	if err != nil {
		t.Fatal(err)
	}
	used := int64(len(bytes.TrimRight(good, "\x00")))
	random, seen := seeded(1), map[Condition]int{}
	page := int64(os.Getpagesize())
	for i := range 250 {
		at := random.Int64N(used)
		if i%2 == 0 { // headers mislead most
			at = random.Int64N((used+page-1)/page)*page + random.Int64N(400)
		}
		bad := bytes.Clone(good[:(used+page-1)/page*page])
		at %= int64(len(bad))
		bad[at] ^= 1 << random.IntN(8)
		if err := os.WriteFile(e.path(fileName), bad, 0o600); err != nil {
			t.Fatal(err)
		}
		e.open()
		s := e.State()
		seen[s.Condition]++
		if got, err := e.Read(); err == nil {
			if err := e.Verify(ctx); err != nil || len(compareSets(want, got, "")) > 0 {
				t.Errorf("byte %d: %v, but %v", at, s, err)
			}
		} else if slices.Contains([]Condition{Good, Created, Ahead, Full, Unwritable, Replaced}, s.Condition) {
			t.Errorf("byte %d: %v, but %v", at, s, err)
		}
		if err := e.Close(); err != nil {
			t.Errorf("byte %d: %v", at, err)
		}
	}
	t.Log(seen)
	if seen[Good] == 250 || seen[Damaged] == 0 || seen[Tampered] == 0 || seen[Newer] > 0 {
		t.Error("not what single bits lead to")
	}
	if err := os.WriteFile(e.path(fileName), good, 0o600); err != nil {
		t.Fatal(err)
	}
	e.open()
	e.wantState(Good)
}
