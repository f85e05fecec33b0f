package audit_test

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"convene/audit"
)

// at is the clock of these tests.
func at() time.Time { return time.Date(2026, 11, 21, 10, 4, 5, 0, time.UTC) }

func filesIn(dir string) audit.Files {
	return audit.Files{Path: filepath.Join(dir, "audit.log"), Witness: filepath.Join(dir, "audit.head")}
}

func open(t testing.TB, f audit.Files, maxSize int64, errs *bytes.Buffer) *audit.Log {
	t.Helper()
	o := audit.Options{Files: f, MaxSize: maxSize, Now: at}
	if errs != nil {
		o.Log = slog.New(slog.NewTextHandler(errs, nil))
	}
	l, err := audit.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func act(name string) audit.Act {
	return audit.Act{
		By:   audit.By{Actor: audit.Who{Name: "root"}, Via: audit.Via{How: audit.Command}},
		Verb: "quota.set", Object: audit.Object{Type: "principal", Name: name},
	}
}

// record writes lines of which each is an act of its own.
func record(t testing.TB, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Record(act(fmt.Sprintf("person %d", i)), nil); err != nil {
			t.Fatal(err)
		}
	}
}

func lines(t testing.TB, f audit.Files) (out []audit.Line) {
	t.Helper()
	if err := audit.Read(f, 1, func(l *audit.Line, _ []byte) error { out = append(out, *l); return nil }); err != nil {
		t.Fatal(err)
	}
	return out
}

func verify(t testing.TB, f audit.Files) audit.Report {
	t.Helper()
	r, err := audit.Verify(f, 1)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func read(t testing.TB, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func write(t testing.TB, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// An act is an intent and an outcome, and the file is its owner's alone.
func TestActs(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 0, nil)
	failed := errors.New("no place")
	if err := l.Do(t.Context(), act("ann"), func() (any, error) { return 5, nil }); err != nil {
		t.Error(err)
	}
	if err := l.Do(t.Context(), act("bob"), func() (any, error) { return nil, failed }); !errors.Is(err, failed) {
		t.Error(err)
	}
	if _, err := l.Begin(t.Context(), act("cy")); err != nil {
		t.Error(err)
	}
	got := lines(t, f)
	if len(got) != 5 || got[0].Kind != audit.Intent || got[1].Kind != audit.Outcome || got[1].Of != 1 || string(got[1].After) != "5" ||
		got[1].Outcome != audit.Done || got[3].Outcome != audit.Failed || got[3].Error != "no place" || !got[0].Time.Equal(at()) {
		t.Errorf("%+v", got)
	}
	acts, err := audit.Acts(f, audit.Query{})
	if err != nil || len(acts) != 3 || acts[0].Seq != 2 || acts[2].Outcome != audit.Unknown || acts[2].Object.Name != "cy" {
		t.Errorf("%+v, %v", acts, err)
	}
	if info, err := os.Stat(f.Path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	var off *audit.Log
	if err := errors.Join(off.Do(t.Context(), act("ann"), func() (any, error) { return nil, nil }), off.Record(act("ann"), nil), off.Err(), off.Reopen(), off.Close()); err != nil {
		t.Errorf("a log that is off: %v", err)
	}
}

// Whatever is done to the files, verify says where.
func TestTampering(t *testing.T) {
	line := func(text string, i int) string { return strings.SplitAfter(text, "\n")[i] }
	for name, tt := range map[string]struct {
		spoil func(t *testing.T, f audit.Files, text string)
		file  string
		line  int
		want  string
	}{
		"nothing": {spoil: func(*testing.T, audit.Files, string) {}},
		"changed": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, "person 2", "person 9", 1))
		}, "audit.log", 3, "was changed"},
		"changed, with a hash that fits": {func(t *testing.T, f audit.Files, text string) {
			other := filesIn(t.TempDir())
			l := open(t, other, 0, nil)
			record(t, l, 2)
			if err := l.Record(act("mallory"), nil); err != nil {
				t.Fatal(err)
			}
			write(t, f.Path, strings.Replace(text, line(text, 2), line(read(t, other.Path), 2), 1))
		}, "audit.log", 4, "does not follow"},
		"removed": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, line(text, 2), "", 1))
		}, "audit.log", 3, "lines 3 to 3 are missing"},
		"first removed": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, line(text, 0), "", 1))
		}, "audit.log", 1, "lines 1 to 1 are missing"},
		"inserted": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, line(text, 2), line(text, 2)+line(text, 1), 1))
		}, "audit.log", 4, "stands behind line 3"},
		"something inserted": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, line(text, 2), "hello\n"+line(text, 2), 1))
		}, "audit.log", 3, "no line"},
		"reordered": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.Replace(text, line(text, 1)+line(text, 2), line(text, 2)+line(text, 1), 1))
		}, "audit.log", 2, "lines 2 to 2 are missing"},
		"end cut off": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, strings.TrimSuffix(text, line(text, 4)))
		}, "", 0, "lines 5 to 5 are missing at the end"},
		"cut off within a line": {func(t *testing.T, f audit.Files, text string) {
			write(t, f.Path, text[:len(text)-9])
		}, "audit.log", 5, "the file ends within it"},
		"emptied": {func(t *testing.T, f audit.Files, _ string) { write(t, f.Path, "") }, "", 0, "lines 1 to 5 are missing at the end"},
		"file removed": {func(t *testing.T, f audit.Files, _ string) {
			if err := os.Remove(f.Path); err != nil {
				t.Fatal(err)
			}
		}, "", 0, "lines 1 to 5 are missing at the end"},
		"added behind": {func(t *testing.T, f audit.Files, text string) {
			head := read(t, f.Witness)
			l := open(t, f, 0, nil)
			record(t, l, 2)
			write(t, f.Witness, head)
		}, "", 0, "lines 6 to 7 were not written by the server"},
		"another log": {func(t *testing.T, f audit.Files, text string) {
			other := filesIn(t.TempDir())
			l := open(t, other, 0, nil)
			record(t, l, 4)
			if err := l.Record(act("mallory"), nil); err != nil {
				t.Fatal(err)
			}
			write(t, f.Path, read(t, other.Path))
		}, "", 0, "line 5 is not the one that was written"},
		"witness removed": {func(t *testing.T, f audit.Files, _ string) {
			if err := os.Remove(f.Witness); err != nil {
				t.Fatal(err)
			}
		}, "", 0, "were not written by the server"},
		"witness damaged": {func(t *testing.T, f audit.Files, _ string) { write(t, f.Witness, "{") }, "audit.head", 0, "cannot be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := filesIn(t.TempDir())
			l := open(t, f, 0, nil)
			record(t, l, 5)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			tt.spoil(t, f, read(t, f.Path))
			r := verify(t, f)
			if tt.want == "" {
				if len(r.Problems) != 0 || r.Lines != 5 || r.First != 1 || r.Head.Seq != 5 {
					t.Errorf("%+v", r)
				}
				return
			}
			if len(r.Problems) == 0 {
				t.Fatal("not noticed")
			}
			if p := r.Problems[0]; p.File != tt.file || p.Line != tt.line || !strings.Contains(p.Detail, tt.want) {
				t.Errorf("%+v, want %s:%d %q", p, tt.file, tt.line, tt.want)
			}
			// The log goes on, says what is missing at its end, and stays broken.
			var errs bytes.Buffer
			l = open(t, f, 0, &errs)
			record(t, l, 1)
			atEnd := tt.file == "" || strings.Contains(name, "within") || strings.Contains(name, "damaged")
			if said := strings.Contains(read(t, f.Path), `"verb":"audit.gap"`); said != atEnd || atEnd && !strings.Contains(errs.String(), "level=ERROR") {
				t.Errorf("said in the log: %v, want %v; %s", said, atEnd, errs.String())
			}
			if r := verify(t, f); (len(r.Problems) == 0) != (strings.HasPrefix(name, "witness") || name == "added behind") {
				t.Errorf("afterwards: %+v", r)
			}
		})
	}
}

// The chain goes on through files that the log rotates, that logrotate renames and
// compresses, or that are moved to an archive.
func TestRotation(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 1500, nil)
	record(t, l, 20)
	rotated, err := filepath.Glob(f.Path + ".0*")
	if err != nil || len(rotated) < 3 {
		t.Fatalf("%v, %v", rotated, err)
	}
	if r := verify(t, f); len(r.Problems) != 0 || r.Lines != 20 || r.Files != len(rotated)+1 {
		t.Fatalf("%+v", r)
	}
	// logrotate: renamed, written to for a while, opened anew at SIGHUP, compressed.
	if err := os.Rename(f.Path, f.Path+"-20261121"); err != nil {
		t.Fatal(err)
	}
	record(t, l, 1)
	if err := l.Reopen(); err != nil {
		t.Fatal(err)
	}
	record(t, l, 1)
	for _, name := range []string{rotated[1], f.Path + "-20261121"} {
		var z bytes.Buffer
		w := gzip.NewWriter(&z)
		if _, err := w.Write([]byte(read(t, name))); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(w.Close(), os.WriteFile(name+".gz", z.Bytes(), 0o600), os.Remove(name)); err != nil {
			t.Fatal(err)
		}
	}
	if r := verify(t, f); len(r.Problems) != 0 || r.Lines != 22 {
		t.Errorf("%+v", r)
	}
	if got := lines(t, f); len(got) != 22 || got[21].Seq != 22 {
		t.Errorf("%d lines", len(got))
	}
	// An archive.
	if err := os.Remove(rotated[0]); err != nil {
		t.Fatal(err)
	}
	r := verify(t, f)
	if len(r.Problems) != 1 || !strings.Contains(r.Problems[0].Detail, "are missing before it") {
		t.Fatalf("%+v", r)
	}
	if rest, err := audit.Verify(f, r.First); err != nil || len(rest.Problems) != 0 {
		t.Errorf("from %d on: %+v, %v", r.First, rest, err)
	}
	if err := os.Remove(rotated[2]); err != nil {
		t.Fatal(err)
	}
	if rest, err := audit.Verify(f, r.First); err != nil || len(rest.Problems) != 1 {
		t.Errorf("a file from the middle: %+v, %v", rest, err)
	}
}

// A log that is removed or cut off under a server that runs is said in the next line.
func TestRemovedWhileOpen(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"removed": os.Remove,
		"cut off": func(path string) error { return os.Truncate(path, 0) },
	} {
		t.Run(name, func(t *testing.T) {
			f := filesIn(t.TempDir())
			var errs bytes.Buffer
			l := open(t, f, 0, &errs)
			record(t, l, 3)
			if err := spoil(f.Path); err != nil {
				t.Fatal(err)
			}
			record(t, l, 1)
			got := lines(t, f)
			if len(got) != 2 || got[0].Verb != "audit.gap" || got[0].Seq != 4 || got[1].Seq != 5 || !strings.Contains(errs.String(), "level=ERROR") {
				t.Errorf("%+v\n%s", got, errs.String())
			}
		})
	}
}

// A line that was not finished is cut off, kept, and said.
func TestTornLine(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 0, nil)
	record(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, f.Path, read(t, f.Path)+`{"seq":3,"ti`)
	var errs bytes.Buffer
	l = open(t, f, 0, &errs)
	record(t, l, 1)
	got := lines(t, f)
	if len(got) != 4 || got[2].Verb != "audit.torn" || string(got[2].Before) != `{"bytes":12,"text":"{\"seq\":3,\"ti"}` || !strings.Contains(errs.String(), "level=ERROR") {
		t.Errorf("%+v\n%s", got, errs.String())
	}
	if r := verify(t, f); len(r.Problems) != 0 {
		t.Errorf("%+v", r)
	}
}

// A file that is something else is left alone.
func TestForeign(t *testing.T) {
	f := filesIn(t.TempDir())
	write(t, f.Path, "2026-11-21T10:04:05.123Z INFO sacl: rule set\n")
	if _, err := audit.Open(audit.Options{Files: f, Now: at}); !errors.Is(err, audit.ErrForeign) {
		t.Error(err)
	}
}

func TestConcurrent(t *testing.T) {
	f := filesIn(t.TempDir())
	l := open(t, f, 4000, nil)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 10 {
				if err := l.Do(t.Context(), act("ann"), func() (any, error) { return nil, nil }); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Go(func() {
		for range 5 {
			if err := l.Reopen(); err != nil {
				t.Error(err)
			}
			if r := verify(t, f); len(r.Problems) != 0 {
				t.Errorf("while it is written: %+v", r.Problems)
			}
		}
	})
	all.Wait()
	if r := verify(t, f); len(r.Problems) != 0 || r.Lines != 160 {
		t.Errorf("%+v", r)
	}
	if acts, err := audit.Acts(f, audit.Query{}); err != nil || len(acts) != 80 || acts[0].Outcome != audit.Done {
		t.Errorf("%d acts, %v", len(acts), err)
	}
}

// Verify accepts what was written, whatever it is, and nothing else: no byte can be
// changed, taken away or put in.
func TestVerifyAcceptsWhatWasWritten(t *testing.T) {
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		f := filesIn(filepath.Join(dir, fmt.Sprint(n)))
		if err := os.Mkdir(filepath.Dir(f.Path), 0o700); err != nil {
			t.Fatal(err)
		}
		l := open(t, f, 0, nil)
		names := rapid.SliceOfN(rapid.String(), 1, 4).Draw(r, "names")
		for _, name := range names {
			a := act(name)
			a.Reason, a.Before = name, map[string]string{name: name}
			if err := l.Record(a, nil); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for i, one := range lines(t, f) {
			if want := strings.ToValidUTF8(names[i], "\ufffd"); one.Object.Name != want || one.Reason != want {
				r.Fatalf("%q, want %q", one.Object.Name, want)
			}
		}
		if v := verify(t, f); len(v.Problems) != 0 {
			r.Fatalf("%+v", v)
		}
		text := read(t, f.Path)
		i := rapid.IntRange(0, len(text)-1).Draw(r, "at")
		b := rapid.Byte().Draw(r, "byte")
		var spoilt string
		switch rapid.IntRange(0, 2).Draw(r, "how") {
		case 0:
			spoilt = text[:i] + string([]byte{b}) + text[i+1:]
		case 1:
			spoilt = text[:i] + text[i+1:]
		case 2:
			spoilt = text[:i] + string([]byte{b}) + text[i:]
		}
		write(t, f.Path, spoilt)
		if v := verify(t, f); (len(v.Problems) == 0) != (spoilt == text) {
			r.Fatalf("byte %d of %q: %+v", i, spoilt, v)
		}
	})
}

// The reader takes whatever there is in the file.
func FuzzRead(fuzz *testing.F) {
	f := filesIn(fuzz.TempDir())
	l := open(fuzz, f, 0, nil)
	record(fuzz, l, 2)
	fuzz.Add([]byte(read(fuzz, f.Path)))
	fuzz.Add([]byte("{}\n"))
	fuzz.Add([]byte(`{"seq":1,"hash":"` + strings.Repeat("0", 64) + "\"}\n"))
	fuzz.Add(bytes.Repeat([]byte("x"), 3<<20))
	dir := fuzz.TempDir()
	fuzz.Fuzz(func(t *testing.T, text []byte) {
		f := filesIn(dir)
		write(t, f.Path, string(text))
		var n uint64
		for _, one := range lines(t, f) {
			n++
			if one.Seq == 0 || len(one.Hash) != 64 {
				t.Errorf("%+v", one)
			}
		}
		r := verify(t, f)
		if r.Lines != n {
			t.Errorf("%d lines are read, %d verified", n, r.Lines)
		}
		if len(text) > 0 && n == 0 && len(r.Problems) == 0 {
			t.Error("there is no line, and no problem")
		}
	})
}
