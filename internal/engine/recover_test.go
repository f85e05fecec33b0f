package engine

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"testing"
	"time"
)

// TestRecover: of a damaged log the file takes in what continues it; the log is kept
// under another name, and the report names the records that are lost.
func TestRecover(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	o := BoltOptions{Tables: []Table{"a", "b"}}
	for _, tt := range []struct {
		name            string
		damage          func(log []byte)
		applied         int
		missing, unused string
	}{
		{"none", func([]byte) {}, 5, "[]", "[]"},
		{"a payload", func(b []byte) { b[3*logPage+50]++ }, 2, "[3]", "[4 to 5]"},
		{"two payloads", func(b []byte) { b[2*logPage+50]++; b[4*logPage+50]++ }, 1, "[2 4]", "[3 5]"},
		{"a header", func(b []byte) { clear(b[3*logPage : 3*logPage+8]) }, 2, "[3]", "[4 to 5]"},
		{"a number", func(b []byte) { b[3*logPage+16] = 0xff }, 2, "[3]", "[4 to 5]"},
		{"the last", func(b []byte) { b[5*logPage+50]++ }, 4, "[5]", "[]"},
		{"the log's own page", func(b []byte) { b[10]++ }, 5, "[]", "[]"},
		{"the first", func(b []byte) { b[logPage+50]++ }, 0, "[1]", "[2 to 5]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := crashed(t, 5, 100)
			b, err := os.ReadFile(logPath(path))
			if err != nil {
				t.Fatal(err)
			}
			tt.damage(b)
			if err := os.WriteFile(logPath(path), b, 0o600); err != nil {
				t.Fatal(err)
			}
			r, err := Recover(path, o, now)
			if err != nil || r.Applied != tt.applied || r.Last != uint64(tt.applied) || fmt.Sprint(r.Missing) != tt.missing || fmt.Sprint(r.Unused) != tt.unused {
				t.Errorf("%+v, %v", r, err)
			}
			if _, err := os.Stat(logPath(path)); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the log is left: %v", err)
			}
			aside := logPath(path) + "-damaged-20260102T030405Z"
			if tt.missing == "[]" {
				aside = ""
			}
			if r.Aside != aside {
				t.Errorf("aside is %q", r.Aside)
			} else if left, err := os.ReadFile(aside); aside != "" && (err != nil || !bytes.Equal(left, b)) {
				t.Errorf("the log that was set aside differs: %v", err)
			}
			e := openBolt(t, path, BoltOptions{})
			if n := count(t, e, "a"); n != tt.applied {
				t.Errorf("%d records, want %d", n, tt.applied)
			}
			if err := errors.Join(putOne(e, "next", nil), e.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestRecoverOther: the log of another file is left alone, whatever state it is in,
// and so is the file.
func TestRecoverOther(t *testing.T) {
	path := crashed(t, 5, 100)
	for name, damage := range map[string]func([]byte){"whole": func([]byte) {}, "damaged": func(b []byte) { b[10]++ }} {
		b, err := os.ReadFile(logPath(crashed(t, 3, 100)))
		if err != nil {
			t.Fatal(err)
		}
		damage(b)
		if err := os.WriteFile(logPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Recover(path, BoltOptions{Tables: []Table{"a", "b"}}, time.Now()); !errors.Is(err, ErrLog) {
			t.Errorf("%s: %v, want ErrLog", name, err)
		}
		if left, err := os.ReadFile(logPath(path)); err != nil || !bytes.Equal(left, b) {
			t.Errorf("%s: the log was changed: %v", name, err)
		}
	}
}

// TestRecoverInUse: a file that is open is left alone.
func TestRecoverInUse(t *testing.T) {
	path := crashed(t, 5, 100)
	openBolt(t, path, BoltOptions{})
	if _, err := Recover(path, BoltOptions{Tables: []Table{"a", "b"}, LockTimeout: time.Millisecond}, time.Now()); !errors.Is(err, ErrInUse) {
		t.Errorf("%v, want ErrInUse", err)
	}
	if _, err := os.Stat(logPath(path)); err != nil {
		t.Error(err)
	}
}
