package engine

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// branchFile makes a file with two levels of branch pages, closed, and returns the
// branch pages, those that are free too.
func branchFile(t *testing.T) (path string, content []byte, branches []int) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{NoSync: true})
	err := e.Update(ctx, func(w Writer) error {
		for i := range 300 {
			key := make([]byte, 400)
			order.PutUint32(key, uint32(i)*2654435761)
			if err := w.Put("a", key, make([]byte, 500)); err != nil {
				return err
			}
		}
		return nil
	})
	if err := errors.Join(err, e.Close()); err != nil {
		t.Fatal(err)
	}
	if content, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	size := os.Getpagesize()
	for page := 2; (page+1)*size <= len(content); page++ {
		p := content[page*size:]
		if order.Uint16(p[8:]) == pageBranch && order.Uint64(p) == uint64(page) {
			branches = append(branches, page)
		}
	}
	return path, content, branches
}

// openBytes opens a file with that content.
func openBytes(t *testing.T, path string, content []byte) error {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	e, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, NoSync: true, ReadOnly: true})
	if err != nil {
		return err
	}
	return e.Close()
}

// TestCircleAtOpening: a file in which a branch page leads back to itself is refused
// when it is opened; one that leads to another branch page is refused or can be used.
func TestCircleAtOpening(t *testing.T) {
	path, content, branches := branchFile(t)
	size := os.Getpagesize()
	live := 0
	for _, page := range branches {
		for _, element := range []int{0, int(order.Uint16(content[page*size+10:])) - 1} {
			at := page*size + pageHeader + element*pageElement + 8
			for _, target := range []int{page, branches[0], branches[len(branches)-1]} {
				bad := bytes.Clone(content)
				order.PutUint64(bad[at:], uint64(target))
				opened := openBytes(t, path, bad)
				if opened != nil && !errors.Is(opened, ErrDamaged) {
					t.Fatalf("page %d to %d: %v, want ErrDamaged", page, target, opened)
				}
				if target != page {
					continue // perhaps to one below that, which is no circle
				}
				whole := CheckFile(ctx, path)
				if (whole == nil) != (opened == nil) {
					t.Errorf("page %d to itself: opened: %v, checked: %v", page, opened, whole)
				}
				if whole != nil { // the page is no free one
					live++
				}
			}
		}
	}
	if live < 2*3 {
		t.Errorf("%d circles, want some on several levels", live)
	}
	if err := openBytes(t, path, content); err != nil {
		t.Error(err)
	}
}

// TestFreePageAtOpening: a page that is free and reached is refused, as what it leads
// to is of another time.
func TestFreePageAtOpening(t *testing.T) {
	path, content, branches := branchFile(t)
	c := &pageCheck{ctx: ctx, file: bytes.NewReader(content), length: uint64(len(content))}
	if err := c.check(); err != nil {
		t.Fatal(err)
	}
	reached := c.used
	meta, err := c.begin()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.free(order.Uint64(meta[32:])); err != nil {
		t.Fatal(err)
	}
	size, tried := os.Getpagesize(), 0
	for free, is := range c.used {
		if !is || !reached[free] || uint64(free) == order.Uint64(meta[32:]) {
			continue
		}
		for _, page := range branches {
			if c.used[page] {
				continue
			}
			bad := bytes.Clone(content)
			order.PutUint64(bad[page*size+pageHeader+8:], uint64(free))
			if err := openBytes(t, path, bad); !errors.Is(err, ErrDamaged) {
				t.Errorf("page %d to the free page %d: %v, want ErrDamaged", page, free, err)
			}
			tried++
		}
		break
	}
	if tried == 0 {
		t.Error("no page is free")
	}
}
