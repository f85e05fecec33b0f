package engine

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What was deleted or replaced is in the files no longer, while somebody reads who began
// before and others write; what is there stays.
func TestOverwrite(t *testing.T) {
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "a.db")
	opened, err := OpenBolt(path, BoltOptions{Tables: []Table{"a"}})
	if err != nil {
		t.Fatal(err)
	}
	e := opened.(*boltEngine)
	put := func(i int, text string) {
		t.Helper()
		err := e.Update(ctx, func(w Writer) error { return w.Put("a", fmt.Appendf(nil, "k%d", i), []byte(strings.Repeat(text, 200))) })
		if err != nil {
			t.Fatal(err)
		}
	}
	for i := range 300 {
		put(i, "secret-marker ")
	}
	if err := e.commit.inFile(noFiller); err != nil { // the log is in the file now
		t.Fatal(err)
	}
	for i := range 300 {
		switch {
		case i%2 == 0:
			put(i, "something else ")
		default:
			if err := e.Update(ctx, func(w Writer) error { return w.Delete("a", fmt.Appendf(nil, "k%d", i)) }); err != nil {
				t.Fatal(err)
			}
		}
	}
	files := func() []byte {
		t.Helper()
		var all []byte
		for _, name := range []string{path, logPath(path)} {
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, b...)
		}
		return all
	}
	if !bytes.Contains(files(), []byte("secret-marker")) {
		t.Fatal("what was deleted is not there to be overwritten")
	}
	// A view that began before keeps its pages until it ends.
	reading, ended, end := make(chan bool), make(chan error, 1), make(chan bool)
	go func() {
		ended <- e.View(ctx, func(r Reader) error {
			reading <- true
			<-end
			if v := r.Get("a", []byte("k0")); !bytes.HasPrefix(v, []byte("something else")) {
				return fmt.Errorf("the view reads %.20q", v)
			}
			return nil
		})
	}()
	<-reading
	done := make(chan error, 1)
	go func() { done <- e.Overwrite(ctx) }()
	put(1000, "written meanwhile ")
	close(end)
	for _, c := range []chan error{ended, done} {
		if err := <-c; err != nil {
			t.Fatal(err)
		}
	}
	if at := bytes.Index(files(), []byte("secret-marker")); at >= 0 {
		t.Errorf("a deleted byte is left at %d", at)
	}
	size, err := e.Size()
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Overwrite(ctx); err != nil {
		t.Fatal(err)
	}
	if again, err := e.Size(); err != nil || again > size+size/4 {
		t.Errorf("%d bytes became %d: %v", size, again, err)
	}
	if errs := e.Check(ctx); len(errs) > 0 {
		t.Error(errs)
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if opened, err = OpenBolt(path, BoltOptions{Tables: []Table{"a"}}); err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	n := 0
	err = opened.View(ctx, func(r Reader) error {
		for k, v := range r.Scan("a", Range{}) {
			want := "something else "
			if string(k) == "k1000" {
				want = "written meanwhile "
			}
			if !bytes.HasPrefix(v, []byte(want)) {
				t.Errorf("%s is %.20q", k, v)
			}
			n++
		}
		return nil
	})
	if err != nil || n != 151 {
		t.Errorf("%d pairs, want 151: %v", n, err)
	}
}
