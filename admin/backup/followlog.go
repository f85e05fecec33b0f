package backup

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"convene/internal/engine"
	"convene/store"
)

// LogExtension ends the name of the file beside a backup that has what changed after it.
const LogExtension = ".changes"

// A Log is the file beside a backup that takes in what changes after it: a line of JSON,
// logHead, then ticks. The last one may be torn, if the machine or whoever wrote it was
// stopped. While it is written, Prune leaves it and the backup alone.
type Log struct {
	f    *os.File
	size int64
}

// A logHead says what a Log is.
type logHead struct {
	Format  int    `json:"format"` // 1
	Program string `json:"program"`
	ID      string `json:"id"` // of the backup that is followed
}

// CreateLog begins the log of the backup at path, durably. It must be closed.
func CreateLog(path string, m *Manifest) (l *Log, err error) {
	head, err := json.Marshal(logHead{1, "convene", m.ID})
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(path+LogExtension, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	l = &Log{f: f}
	if err = lockPart(f); err == nil {
		err = l.Append(append(head, '\n'))
	}
	if err == nil {
		err = syncFolder(filepath.Dir(path))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// Append returns when what was appended is on the disk.
func (l *Log) Append(encoded []byte) error {
	n, err := l.f.Write(encoded)
	l.size += int64(n)
	if err != nil {
		return err
	}
	return l.f.Sync()
}

// Size is how many bytes it has.
func (l *Log) Size() int64 { return l.size }

// Close ends the log, which stays.
func (l *Log) Close() error { return l.f.Close() }

// removeLog removes the log beside the backup at path, if there is one. It reports whether
// it is being written, and then leaves it.
func removeLog(path string) (busy bool, err error) {
	f, err := os.OpenFile(path+LogExtension, os.O_RDWR, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if err := lockPart(f); errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	return false, os.Remove(f.Name())
}

// Until has f end with what there was at a moment, if what changed after it was followed.
func (f *File) Until(t time.Time) { f.until = t }

// takeIn has the members that were unpacked take in what changed after the backup. Errors:
// ErrDamaged, those of writing.
func (f *File) takeIn(ctx context.Context, u *unpacker) (err error) {
	file, err := os.Open(f.path + LogExtension)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	r := &logReader{file: file, buffered: bufio.NewReaderSize(file, 1<<20)}
	if err := r.begin(u.manifest.ID); err != nil {
		return err
	}
	c := &catchUp{dir: u.dir, want: u.want, copies: map[string]*engine.Copy{}, manifest: u.manifest}
	defer func() { err = errors.Join(err, c.close()) }()
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		t, err := r.next()
		if err != nil {
			return err
		}
		if t == nil || !f.until.IsZero() && t.time.After(f.until) {
			return nil
		}
		if err := c.take(t); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file.Name()), err)
		}
	}
}

// A logReader reads a Log.
type logReader struct {
	file     *os.File
	buffered *bufio.Reader
	at       int64
	ticks    uint64
}

func (r *logReader) begin(id string) error {
	line, err := r.buffered.ReadBytes('\n')
	if err == io.EOF && len(line) < 1<<10 {
		return nil // it was being begun
	}
	var head logHead
	if err != nil || json.Unmarshal(line, &head) != nil || head.Program != "convene" {
		return r.damaged()
	}
	if head.Format != 1 {
		return fmt.Errorf("%w: %s has format %d", ErrNewer, filepath.Base(r.file.Name()), head.Format)
	}
	if head.ID != id {
		return fmt.Errorf("%w: %s is of another backup", ErrDamaged, filepath.Base(r.file.Name()))
	}
	r.at = int64(len(line))
	return nil
}

func (r *logReader) damaged() error {
	return fmt.Errorf("%w: %s is not as it was written", ErrDamaged, filepath.Base(r.file.Name()))
}

// next returns the next tick, nil at the end. The last one may be torn.
func (r *logReader) next() (*tick, error) {
	encoded, t, err := readTick(r.buffered)
	switch {
	case err == io.EOF:
		return nil, nil
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ErrDamaged):
		last, err := r.nothingFollows()
		if err == nil && !last {
			err = r.damaged()
		}
		return nil, err
	case err != nil:
		return nil, err
	}
	r.at += int64(len(encoded))
	if r.ticks++; t.number <= r.ticks-1 {
		return nil, r.damaged()
	}
	r.ticks = t.number
	return t, nil
}

// nothingFollows reports whether no whole tick begins behind where r stands, so that what
// is there was torn.
func (r *logReader) nothingFollows() (bool, error) {
	rest := bufio.NewReaderSize(io.NewSectionReader(r.file, r.at+1, 1<<62), 1<<20)
	magic := (&tick{}).encode()[:4]
	for at := r.at + 1; ; at++ {
		head, err := rest.Peek(len(magic))
		if err == io.EOF {
			return true, nil
		}
		if err != nil {
			return false, err
		}
		if bytes.Equal(head, magic) {
			if _, _, err := readTick(io.NewSectionReader(r.file, at, 1<<62)); err == nil {
				return false, nil
			}
		}
		if _, err := rest.Discard(1); err != nil {
			return false, err
		}
	}
}

// A catchUp has copies of members take in ticks.
type catchUp struct {
	dir      string
	want     func(name string) bool
	manifest *Manifest
	copies   map[string]*engine.Copy
}

func (c *catchUp) take(t *tick) error {
	for _, p := range t.parts {
		if !c.want(p.name) {
			continue
		}
		if err := c.part(p); err != nil {
			return fmt.Errorf("%s: %w", p.name, err)
		}
	}
	c.manifest.Time = t.time.UTC().Truncate(time.Second)
	return nil
}

func (c *catchUp) part(p part) error {
	if p.seq > 0 {
		file, err := c.copyOf(p.name)
		if err == nil {
			err = file.Take(engine.Commit{Seq: p.seq, Writes: p.content})
		}
		if errors.Is(err, engine.ErrDamaged) {
			err = fmt.Errorf("%w: %w", ErrDamaged, err)
		}
		return err
	}
	c.changed(p.name)
	return writeFile(filepath.Join(c.dir, p.name), p.content)
}

// changed notes that a member is not what the backup says of it.
func (c *catchUp) changed(name string) *Entry {
	e := c.manifest.entry(name)
	if e == nil {
		c.manifest.Members = append(c.manifest.Members, Entry{Name: name})
		e = c.manifest.entry(name)
	}
	e.Facts = Facts{ID: e.ID}
	return e
}

func (c *catchUp) copyOf(name string) (*engine.Copy, error) {
	if file, ok := c.copies[name]; ok {
		return file, nil
	}
	path := filepath.Join(c.dir, name)
	var file *engine.Copy
	var err error
	switch name {
	case calendarsName:
		file, err = store.OpenCopy(path)
	case stateName:
		file, err = engine.OpenCopy(path, engine.BoltOptions{Tables: StateTables()})
	default:
		err = fmt.Errorf("%w: it has commits of %s", ErrNewer, name)
	}
	if err == nil {
		c.changed(name)
		c.copies[name] = file
	}
	return file, err
}

// close makes the copies durable, and says of all that has changed how long it is now.
func (c *catchUp) close() (err error) {
	for _, file := range c.copies {
		err = errors.Join(err, file.Close())
	}
	for i := range c.manifest.Members {
		e := &c.manifest.Members[i]
		if info, err := os.Stat(filepath.Join(c.dir, e.Name)); err == nil {
			e.Size = info.Size()
		}
	}
	return err
}

// writeFile puts a file in the place of one that nobody has open.
func writeFile(path string, content []byte) (err error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}
