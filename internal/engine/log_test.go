package engine

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// copyAt copies the file and its log to path as a crash at this moment would
// leave them: nothing is appended to the log meanwhile, but what is being moved
// to the file goes on.
func copyAt(t testing.TB, e *boltEngine, path string) {
	t.Helper()
	e.commit.alone(func() {
		for from, to := range map[string]string{e.path: path, logPath(e.path): logPath(path)} {
			b, err := os.ReadFile(from)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err := errors.Join(err, os.WriteFile(to, b, 0o600)); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestCrashAnywhere has writers count, each in a record of its own and in a
// second table, and crashes again and again while they do: what was
// acknowledged before is there, and no update is there by half.
func TestCrashAnywhere(t *testing.T) {
	const writers, crashes = 4, 25
	o := BoltOptions{logHalf: 128 << 10, NoSync: true}
	dir := t.TempDir()
	e := openBolt(t, filepath.Join(dir, "test.db"), o)
	var acked [writers]atomic.Uint64
	stop := make(chan struct{})
	var wg sync.WaitGroup
	for g := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			random := rand.New(rand.NewPCG(1, uint64(g)))
			for n := uint64(1); ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				value := append(binary.BigEndian.AppendUint64(nil, n), make([]byte, random.IntN(3000))...)
				err := e.Update(ctx, func(w Writer) error {
					return errors.Join(w.Put("a", []byte{byte(g)}, value), w.Put("b", []byte{byte(g)}, value),
						w.Put("a", fmt.Appendf(nil, "%d/%d", g, n), nil), w.Delete("a", fmt.Appendf(nil, "%d/%d", g, n-10)))
				})
				if err != nil {
					t.Error(err)
					return
				}
				acked[g].Store(n)
			}
		}()
	}
	for i := range crashes {
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		path := filepath.Join(dir, fmt.Sprintf("crash%d.db", i))
		var before [writers]uint64
		for g := range before {
			before[g] = acked[g].Load()
		}
		copyAt(t, e, path)
		crashed := openBolt(t, path, o)
		err := crashed.View(ctx, func(r Reader) error {
			for g, least := range before {
				a, b := r.Get("a", []byte{byte(g)}), r.Get("b", []byte{byte(g)})
				if a == nil && least == 0 {
					continue
				}
				n := binary.BigEndian.Uint64(a)
				if n < least || !bytes.Equal(a, b) || r.Get("a", fmt.Appendf(nil, "%d/%d", g, n)) == nil ||
					n > 10 && r.Get("a", fmt.Appendf(nil, "%d/%d", g, n-10)) != nil {
					return fmt.Errorf("writer %d: has %d, %d were acknowledged; same in both tables: %t", g, n, least, bytes.Equal(a, b))
				}
			}
			return nil
		})
		if err != nil {
			t.Errorf("crash %d: %v", i, err)
		}
		if errs := crashed.Check(ctx); len(errs) > 0 {
			t.Errorf("crash %d: %v", i, errs)
		}
		if err := crashed.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(logPath(path)); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("crash %d: a log is left after Close: %v", i, err)
		}
	}
	close(stop)
	wg.Wait()
}

// crashed writes n records and returns a copy as a crash would leave it.
func crashed(t *testing.T, n int, size int) string {
	t.Helper()
	dir := t.TempDir()
	e := openBolt(t, filepath.Join(dir, "test.db"), BoltOptions{NoSync: true})
	for i := range n {
		if err := putOne(e, fmt.Sprintf("%03d", i), bytes.Repeat([]byte{'x'}, size)); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "crashed.db")
	copyAt(t, e, path)
	return path
}

// TestTornRecord: a crash while the last record was written leaves any part of
// it. That update is not there, all before it are, and writing goes on.
func TestTornRecord(t *testing.T) {
	const n, size = 5, 10_000
	whole := recordSize(size + 10)
	for _, tear := range []int64{0, 1, 20, logHeader, logPage - 1, logPage, 2 * logPage, size} {
		path := crashed(t, n, size)
		b, err := os.ReadFile(logPath(path))
		if err != nil {
			t.Fatal(err)
		}
		clear(b[logPage+(n-1)*whole+tear:])
		if err := os.WriteFile(logPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		e := openBolt(t, path, BoltOptions{NoSync: true})
		if got := count(t, e, "a"); got != n-1 {
			t.Errorf("torn after %d bytes: %d records, want %d", tear, got, n-1)
		}
		if err := errors.Join(putOne(e, "next", nil), e.Close()); err != nil {
			t.Errorf("torn after %d bytes: %v", tear, err)
		}
	}
}

// TestDamagedLog: a record that is damaged although others followed it was
// acknowledged. That is told, not passed over.
func TestDamagedLog(t *testing.T) {
	path := crashed(t, 5, 100)
	b, err := os.ReadFile(logPath(path))
	if err != nil {
		t.Fatal(err)
	}
	b[3*logPage+50]++
	if err := os.WriteFile(logPath(path), b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, readOnly := range []bool{true, false} {
		if _, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, ReadOnly: readOnly}); !errors.Is(err, ErrLog) {
			t.Errorf("read-only %t: %v, want ErrLog", readOnly, err)
		}
	}
	if left, err := os.ReadFile(logPath(path)); err != nil || !bytes.Equal(left, b) {
		t.Errorf("the log was changed: %v", err)
	}
	if err := os.Remove(logPath(path)); err != nil {
		t.Fatal(err)
	}
	if n := count(t, openBolt(t, path, BoltOptions{}), "a"); n != 0 {
		t.Errorf("%d records in the file alone", n)
	}
}

// TestOtherLog: a log that is of another file, or is written in a way that is not
// known, is refused and left as it is, with a first page and without; one that the
// file has all of is read and passed over.
func TestOtherLog(t *testing.T) {
	path, other := crashed(t, 3, 10), crashed(t, 5, 10)
	theirs, err := os.ReadFile(logPath(other))
	mine, err2 := os.ReadFile(logPath(path))
	if err := errors.Join(err, err2); err != nil {
		t.Fatal(err)
	}
	header := func(change func(h []byte)) []byte {
		b := bytes.Clone(mine)
		change(b[:headerLength])
		return b
	}
	for _, tt := range []struct {
		name string
		log  []byte
		says string
	}{
		{"another file's", theirs, "belongs to the file"},
		{"another file's, without a first page", theirs[logPage:], "belongs to the file"},
		{"damaged first page", header(func(h []byte) { h[10]++ }), "first page is damaged"},
		{"later version", header(func(h []byte) {
			h[7]++
			binary.BigEndian.PutUint32(h[24:], crc32.Checksum(h[:24], crcTable))
		}), "version 2"},
	} {
		if err := os.WriteFile(logPath(path), tt.log, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, readOnly := range []bool{true, false} {
			_, err := OpenBolt(path, BoltOptions{Tables: []Table{"a", "b"}, ReadOnly: readOnly})
			if !errors.Is(err, ErrLog) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("%s, read-only %t: %v, want ErrLog with %q", tt.name, readOnly, err, tt.says)
			}
		}
		if left, err := os.ReadFile(logPath(path)); err != nil || !bytes.Equal(left, tt.log) {
			t.Errorf("%s: the log was changed: %v", tt.name, err)
		}
	}
	for range 2 {
		if err := os.WriteFile(logPath(path), mine, 0o600); err != nil {
			t.Fatal(err)
		}
		e := openBolt(t, path, BoltOptions{})
		if n := count(t, e, "a"); n != 3 {
			t.Errorf("%d records, want 3", n)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestOldLog: a log from before there was a first page is read, and so is one with
// halves of any size; then the log goes on with a first page and halves of its own.
func TestOldLog(t *testing.T) {
	for _, tt := range []struct {
		name         string
		first        bool
		before, then int64
	}{
		{"without a first page", false, 64 << 10, 64 << 10},
		{"smaller halves", true, 64 << 10, 32 << 10},
		{"larger halves", true, 64 << 10, 256 << 10},
		{"smaller halves, without a first page", false, 64 << 10, 32 << 10},
	} {
		dir := t.TempDir()
		e := openBolt(t, filepath.Join(dir, "test.db"), BoltOptions{NoSync: true, logHalf: tt.before})
		const n = 25 // a page each: the second half is begun
		for i := range n {
			if err := putOne(e, fmt.Sprintf("%03d", i), make([]byte, 100)); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, "crashed.db")
		copyAt(t, e, path)
		b, err := os.ReadFile(logPath(path))
		if err != nil {
			t.Fatal(err)
		}
		if !tt.first {
			b = b[logPage:]
		}
		if err := os.WriteFile(logPath(path), b, 0o600); err != nil {
			t.Fatal(err)
		}
		o := BoltOptions{NoSync: true, logHalf: tt.then}
		for i := range 3 {
			e := openBolt(t, path, o)
			if got := count(t, e, "a"); got != n+i {
				t.Errorf("%s: %d records, want %d", tt.name, got, n+i)
			}
			if err := putOne(e, fmt.Sprint("more", i), nil); err != nil {
				t.Fatal(err)
			}
			next := filepath.Join(t.TempDir(), "next.db")
			copyAt(t, e, next)
			path = next
		}
		if b, err = os.ReadFile(logPath(path)); err != nil || binary.BigEndian.Uint32(b) != headerMagic || binary.BigEndian.Uint64(b[8:]) != uint64(tt.then) {
			t.Errorf("%s: the log goes on with % x: %v", tt.name, b[:headerLength], err)
		}
	}
}

// TestReadOnlyLog: a reader sees what is in the log, and leaves it.
func TestReadOnlyLog(t *testing.T) {
	path := crashed(t, 3, 10)
	for range 2 {
		e := openBolt(t, path, BoltOptions{ReadOnly: true})
		if n := count(t, e, "a"); n != 3 {
			t.Errorf("%d records, want 3", n)
		}
		if err := e.Backup(ctx, new(bytes.Buffer)); !errors.Is(err, ErrReadOnly) {
			t.Errorf("Backup: %v, want ErrReadOnly", err)
		}
		if err := e.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestAged: what is in the log goes to the file in time, without another update.
func TestAged(t *testing.T) {
	e := openBolt(t, filepath.Join(t.TempDir(), "test.db"), BoltOptions{NoSync: true})
	if err := putOne(e, "k", nil); err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		if v := e.version.Load(); v.active.Len() == 0 && v.frozen == nil {
			if n := count(t, e, "a"); n != 1 {
				t.Errorf("%d records", n)
			}
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the log is not emptied")
}

// TestBulk: an update larger than the log goes to the file at once, over what is
// in the log, and small ones go on.
func TestBulk(t *testing.T) {
	path := filepath.Join(t.TempDir(), "test.db")
	e := openBolt(t, path, BoltOptions{NoSync: true, logHalf: 32 << 10})
	for i := range 200 {
		size := 100
		if i%7 == 0 {
			size = 40_000
		}
		err := e.Update(ctx, func(w Writer) error {
			return errors.Join(w.Put("a", fmt.Appendf(nil, "%03d", i), make([]byte, size)), w.Put("b", []byte("last"), []byte{byte(i)}))
		})
		if err != nil {
			t.Fatal(err)
		}
		if i%50 == 0 {
			copied := filepath.Join(t.TempDir(), "crashed.db")
			copyAt(t, e, copied)
			if n := count(t, openBolt(t, copied, BoltOptions{logHalf: 32 << 10}), "a"); n != i+1 {
				t.Errorf("%d records after a crash, want %d", n, i+1)
			}
		}
		if n := count(t, e, "a"); n != i+1 {
			t.Fatalf("%d records, want %d", n, i+1)
		}
	}
	if err := e.Close(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, openBolt(t, path, BoltOptions{}), "a"); n != 200 {
		t.Errorf("%d records in the end", n)
	}
}

// FuzzLog reads logs that no crash leaves: they are refused, or what is in them
// makes sense, and is what writing it again gives.
func FuzzLog(f *testing.F) {
	l := log{path: filepath.Join(f.TempDir(), "log"), id: 7, halfSize: 64 << 10, disk: systemDisk{}}
	o := newOverlay(numberTables([]Table{"a"}), nothing{})
	for i := range 3 {
		if err := errors.Join(o.Put("a", fmt.Appendf(nil, "%d", i), make([]byte, i*20)), o.Delete("a", []byte{byte(i)}), l.append([][]byte{o.chunk()})); err != nil {
			f.Fatal(err)
		}
	}
	if err := l.close(false); err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(l.path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(b[:2*logPage], uint64(0))
	b = b[logPage : 4*logPage]
	f.Add(b, uint64(0))
	f.Add(b[logPage:], uint64(1))
	f.Add(b, uint64(2))
	f.Add(append(bytes.Clone(b[logPage:]), b...), uint64(0))
	f.Add(o.chunk(), uint64(0))
	f.Fuzz(func(t *testing.T, b []byte, seq uint64) {
		checkChunks(t, b)
		l := log{id: 7, seq: seq}
		if err := l.checkOwner(b); err != nil {
			if !errors.Is(err, ErrLog) {
				t.Fatal(err)
			}
			return
		}
		records, err := l.inOrder(l.records(b))
		if err != nil && !errors.Is(err, ErrLog) {
			t.Fatal(err)
		}
		for _, r := range records {
			checkChunks(t, r)
		}
	})
}

// checkChunks reads chunks, and compares what they say with what the writes
// themselves say as a chunk.
func checkChunks(t *testing.T, b []byte) {
	w, again := newWrites(), newWrites()
	if err := addChunks(w, b); err != nil {
		if !errors.Is(err, errChunk) {
			t.Fatal(err)
		}
		return
	}
	o := overlay{layer: layer{writes: w}}
	if err := addChunks(again, o.chunk()); err != nil || again.Len() != w.Len() {
		t.Fatalf("%d writes, then %d: %v", w.Len(), again.Len(), err)
	}
	w.Scan(func(x write) bool {
		y, ok := again.Get(x)
		if !ok || y.deleted != x.deleted || !bytes.Equal(y.value, x.value) {
			t.Fatalf("%q is %+v, then %+v", x.key, x, y)
		}
		return true
	})
}
