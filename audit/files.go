package audit

import (
	"cmp"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files are where a log is.
type Files struct {
	Path    string // of the file that is written; those rotated lie beside it, as Path.ANYTHING or Path-ANYTHING
	Witness string
}

// A file is one of those that make a log.
type file struct {
	path  string
	first uint64 // number of its first line that is one; 0: it has none

	foreign bool // it has lines, and none that is one
}

// list returns the files of a log that hold something, in the order of their lines.
func (f Files) list() ([]file, error) {
	dir, base := filepath.Split(f.Path)
	entries, err := os.ReadDir(filepath.Clean(dir))
	if err != nil {
		return nil, err
	}
	var out []file
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '-' || !e.Type().IsRegular() || f.isWitness(path) {
			continue
		}
		one, empty, err := look(path)
		if err != nil {
			return nil, err
		}
		if !empty {
			out = append(out, one)
		}
	}
	slices.SortFunc(out, func(a, b file) int { return cmp.Or(cmp.Compare(a.first, b.first), cmp.Compare(a.path, b.path)) })
	return out, nil
}

// isWitness reports whether path is the witness, or one that is being written.
func (f Files) isWitness(path string) bool {
	rest, ok := strings.CutPrefix(path, filepath.Clean(f.Witness))
	return ok && (rest == "" || strings.HasSuffix(rest, ".tmp"))
}

var errStop = errors.New("enough")

// look finds the first line of a file that is one.
func look(path string) (f file, empty bool, err error) {
	f, empty = file{path: path}, true
	err = readFile(path, func(r raw) error {
		empty = false
		if l, err := r.line(); err == nil {
			f.first, f.foreign = l.Seq, false
			return errStop
		}
		f.foreign = f.foreign || !r.torn
		return nil
	})
	if errors.Is(err, errStop) || unreadable(path, err) {
		err = nil
	}
	return f, empty, err
}

// unreadable reports whether err says that a compressed file is damaged, which is
// for Verify to tell of.
func unreadable(path string, err error) bool {
	var failed *fs.PathError
	return err != nil && strings.HasSuffix(path, ".gz") && !errors.As(err, &failed)
}

// readFile calls fn for each line of a file, which may be compressed.
func readFile(path string, fn func(raw) error) (err error) {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	var in io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		in = z
	}
	return readLines(in, fn)
}

// Read calls fn for each line from number from on, and the bytes that it has in
// its file, which stay valid; a file that was rotated meanwhile is read under its
// new name. Lines that are none are left out: they are for Verify to tell of.
func Read(f Files, from uint64, fn func(*Line, []byte) error) error {
	list, err := f.list()
	if err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	next := from
	for i, one := range list {
		if i+1 < len(list) && list[i+1].first <= from {
			continue
		}
		err := readFile(one.path, func(r raw) error {
			l, err := r.line()
			if err != nil || l.Seq < from {
				return nil
			}
			next = max(next, l.Seq+1)
			return fn(l, slices.Clone(r.text))
		})
		if errors.Is(err, fs.ErrNotExist) {
			return Read(f, next, fn)
		}
		if err != nil && !unreadable(one.path, err) {
			return err
		}
	}
	return nil
}
