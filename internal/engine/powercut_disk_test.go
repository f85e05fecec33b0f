//go:build powercut

package engine

import (
	"bytes"
	"errors"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// A recorder is the disk of a process whose power is cut later. It keeps all writes,
// syncs and acknowledgements in one order, and does the writes, as the page cache
// would; it syncs nothing.
type recorder struct {
	mu  sync.Mutex
	ops []op

	deaf bool // what the engine itself does to the bbolt file does not reach the disk
}

// An op is one thing that was done.
type op struct {
	kind opKind
	log  bool // to the log, not to the bbolt file
	off  int64
	data []byte

	writer int // opAcked: this one has been told that
	count  uint64
}

type opKind int

const (
	opWrite     opKind = iota
	opTruncate         // to off bytes; always longer
	opSyncBegun        // the sync takes what was done before
	opSyncEnded
	opAcked
	opLost // a write that only the page cache has: the system gave up writing it
)

func (r *recorder) add(o op) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ops = append(r.ops, o)
}

// taken returns what was done so far.
func (r *recorder) taken() []op {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ops[:len(r.ops):len(r.ops)]
}

func isLogFile(f *os.File) bool { return strings.HasSuffix(f.Name(), "-log") }

func (r *recorder) WriteAt(f *os.File, b []byte, off int64) error {
	r.add(op{kind: opWrite, log: isLogFile(f), off: off, data: bytes.Clone(b)})
	_, err := f.WriteAt(b, off)
	return err
}

func (r *recorder) Truncate(f *os.File, n int64) error {
	r.add(op{kind: opTruncate, log: isLogFile(f), off: n})
	return f.Truncate(n)
}

func (r *recorder) Datasync(f *os.File) error {
	r.add(op{kind: opSyncBegun, log: isLogFile(f)})
	time.Sleep(100 * time.Microsecond) // others go on meanwhile
	r.add(op{kind: opSyncEnded, log: isLogFile(f)})
	return nil
}

func (r *recorder) Sync(f *os.File) error { return r.Datasync(f) }

// The engine's own writes; see disk.
func (r *recorder) writeAt(f *os.File, b []byte, off int64) error {
	if r.deaf && !isLogFile(f) {
		return nil
	}
	return r.WriteAt(f, b, off)
}

func (r *recorder) datasync(f *os.File) error {
	if r.deaf && !isLogFile(f) {
		return nil
	}
	return r.Datasync(f)
}

func (r *recorder) sync(f *os.File) error { return r.datasync(f) }

// acked returns what each writer was told last.
func acked(ops []op) (last [allWriters]uint64) {
	for _, o := range ops {
		if o.kind == opAcked {
			last[o.writer] = max(last[o.writer], o.count)
		}
	}
	return last
}

// A loss says what a disk that loses power keeps of what was not synced.
type loss struct {
	sector int     // bytes that are written as a whole or not at all
	keep   float64 // the part of the unsynced sectors that is kept
	random *rand.Rand
}

// losses are what disks do: lose all, nothing, or some, in any order.
func losses(n int, random *rand.Rand) loss {
	l := loss{sector: []int{512, 4096}[random.IntN(2)], random: random}
	l.keep = []float64{0, 1, 0.5, 0.1, 0.95}[n%5]
	return l
}

// keeps reports whether a part is kept that was not synced.
func (l loss) keeps() bool { return l.random.Float64() < l.keep }

// powerCut makes at path, and beside it, the files that are left when the power is
// cut after ops.
func powerCut(path string, ops []op, l loss) error {
	return errors.Join(leave(path, ops, false, l), leave(logPath(path), ops, true, l))
}

// kill makes the files that are left when the process is killed: the page cache stays.
func kill(path string, ops []op) error {
	return powerCut(path, ops, loss{sector: 4096, keep: 1, random: rand.New(rand.NewPCG(0, 0))})
}

func leave(path string, ops []op, log bool, l loss) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	synced, begun, named := -1, -1, false
	for i, o := range ops {
		switch {
		case o.log != log || o.kind == opAcked:
			continue
		case o.kind == opSyncBegun:
			begun = i
		case o.kind == opSyncEnded:
			synced = begun
		}
		named = true
	}
	if !named {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	for i, o := range ops {
		if o.log == log && err == nil {
			err = l.apply(f, o, i < synced)
		}
	}
	return errors.Join(err, f.Close())
}

// apply does to f what is left of o.
func (l loss) apply(f *os.File, o op, synced bool) error {
	switch o.kind {
	case opTruncate:
		if info, err := f.Stat(); err != nil || info.Size() >= o.off || !synced && !l.keeps() {
			return err
		}
		return f.Truncate(o.off)
	case opWrite:
		if synced || l.random.IntN(2) == 0 && l.keeps() {
			_, err := f.WriteAt(o.data, o.off)
			return err
		}
		for x := 0; x < len(o.data); x += l.sector {
			if !l.keeps() {
				continue
			}
			if _, err := f.WriteAt(o.data[x:min(x+l.sector, len(o.data))], o.off+int64(x)); err != nil {
				return err
			}
		}
	}
	return nil
}

// clearFiles removes the files of earlier cuts.
func clearFiles(dir string) error {
	names, err := filepath.Glob(filepath.Join(dir, "*.db*"))
	for _, n := range names {
		err = errors.Join(err, os.Remove(n))
	}
	return err
}
