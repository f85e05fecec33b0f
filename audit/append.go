package audit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// write appends a line to the chain, durably. Error: ErrNotRecorded.
func (l *Log) write(line *Line) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	err := l.ready()
	if err == nil {
		err = l.append(line)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrNotRecorded, err)
		l.o.Log.Error("audit log not written", "verb", line.Verb, "kind", line.Kind, "err", err)
	}
	before := l.err
	l.err = err
	if err != nil || before != nil {
		l.o.Trouble(err)
	}
	return err
}

// ready makes sure that the file is there, ends where it was left, and has place
// for a line.
func (l *Log) ready() error {
	if l.closed {
		return os.ErrClosed
	}
	if l.f == nil {
		return l.load() // something has failed half-way
	}
	info, err := l.f.Stat()
	if err != nil {
		return err
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Nlink == 0 {
		return l.reload() // somebody has removed it
	}
	if info.Size() != l.size {
		return l.reload() // cut off, or written to by somebody else
	}
	if l.noted != l.head {
		if err := l.note(); err != nil {
			return err
		}
	}
	if l.o.MaxSize > 0 && l.size >= l.o.MaxSize {
		return l.rotate(info)
	}
	return nil
}

// append writes a line, and then the witness. After an error the file is as it
// was, or will be read anew before the next line.
func (l *Log) append(line *Line) (err error) {
	line.Seq, line.Prev, line.Time = l.head.Seq+1, l.head.Hash, l.o.Now().UTC()
	text, err := line.encode()
	if err != nil {
		return err
	}
	_, err = l.f.Write(text)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		return errors.Join(err, l.takeBack())
	}
	l.size += int64(len(text))
	l.head = Head{line.Seq, line.Hash}
	if l.first == 0 {
		l.first = line.Seq
	}
	return l.note()
}

// takeBack cuts off what a failed write has left.
func (l *Log) takeBack() error {
	err := l.f.Truncate(l.size)
	if err == nil {
		err = l.f.Sync()
	}
	if err != nil {
		return errors.Join(err, l.closeFile())
	}
	return nil
}

// note makes the witness follow the file.
func (l *Log) note() error {
	if err := l.head.write(l.o.Witness); err != nil {
		return err
	}
	l.noted = l.head
	return nil
}

// reload opens the file anew and compares it with the witness.
func (l *Log) reload() error {
	if err := l.closeFile(); err != nil {
		return err
	}
	return l.load()
}

// rotate renames the file that is written, after its first line, and begins a new
// one. A name that is taken stays what it is: the file goes on to grow.
func (l *Log) rotate(open os.FileInfo) error {
	if there, err := os.Stat(l.o.Path); err != nil || !os.SameFile(there, open) {
		return l.reload() // somebody else has renamed it
	}
	to := fmt.Sprintf("%s.%012d", l.o.Path, l.first)
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		l.o.Log.Error("audit log not rotated", "err", errors.Join(fmt.Errorf("%s: %w", to, fs.ErrExist), err))
		return nil
	}
	if err := os.Rename(l.o.Path, to); err != nil {
		l.o.Log.Error("audit log not rotated", "err", err)
		return nil
	}
	if err := l.closeFile(); err != nil {
		return err
	}
	return l.openFile()
}

// Reopen opens the file anew, after logrotate has renamed it. A file that is there
// already must be part of the log.
func (l *Log) Reopen() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return os.ErrClosed
	}
	if err := l.reload(); err != nil {
		return fmt.Errorf("audit log: %w", err)
	}
	return nil
}
