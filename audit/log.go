package audit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options is what Open needs.
type Options struct {
	Files
	MaxSize int64        // of a file in bytes, about; then it is rotated. 0: without limit
	Log     *slog.Logger // told of what should not be; nil: nobody
	Now     func() time.Time

	// Trouble is told when a line could not be written, and with nil when one was
	// written again. It must not call the log. nil: nobody is told.
	Trouble func(err error)
}

// ErrNotRecorded says that an act could not be recorded: it must not be done.
var ErrNotRecorded = errors.New("the audit log cannot be written")

// ErrForeign says that a file in the place of the log is something else.
var ErrForeign = errors.New("not an audit log; move it away")

// A Log is an audit log that is open for writing. It is safe for use by many
// goroutines; no two processes may have it open, which its owner sees to. A nil
// Log records nothing and refuses nothing.
type Log struct {
	o Options

	mu    sync.Mutex
	f     *os.File
	size  int64  // of f; what is behind that was not acknowledged
	first uint64 // number of the first line in f; 0: it is empty
	head  Head
	noted Head  // what the witness says
	err   error // of the last line, nil if it was written

	closed bool
}

// Open opens the log, and creates it if it was never there. A line that was begun
// and not finished, and lines that are missing, are said in the log and to
// Options.Log. Errors: ErrForeign, and those of the files.
func Open(o Options) (*Log, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Trouble == nil {
		o.Trouble = func(error) {}
	}
	l := &Log{o: o}
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.load(); err != nil {
		return nil, fmt.Errorf("audit log: %w", err)
	}
	return l, nil
}

// load opens the file, finds the end of the chain, and says in a line what is
// wrong with it. After an error there is no file.
func (l *Log) load() (err error) {
	defer func() {
		if err != nil {
			err = errors.Join(err, l.closeFile())
		}
	}()
	if l.noted, err = readWitness(l.o.Witness); err != nil {
		// The file says how far the chain goes; that nobody confirms it is said.
		l.o.Log.Error("audit log: the witness cannot be read", "err", err)
		l.noted = Head{}
	}
	unread := err
	if err := l.openFile(); err != nil {
		return err
	}
	found, torn, err := l.findEnd()
	if err != nil {
		return err
	}
	l.head = found
	if found.Seq < l.noted.Seq || found.Seq == l.noted.Seq && found.Hash != l.noted.Hash {
		l.head = l.noted
	}
	return l.sayWhatIsWrong(found, torn, unread)
}

// sayWhatIsWrong writes the lines about what load has found.
func (l *Log) sayWhatIsWrong(found Head, torn []byte, unread error) error {
	noted := l.noted
	if torn != nil {
		l.o.Log.Error("audit log: the last line was not finished; it is cut off", "file", l.o.Path, "bytes", len(torn))
		err := l.own("audit.torn", map[string]any{"bytes": len(torn), "text": string(torn[:min(len(torn), maxTorn)])}, found)
		if err != nil {
			return err
		}
	}
	behind := found.Seq < noted.Seq || found.Seq == noted.Seq && found.Hash != noted.Hash
	if behind || found.Seq > noted.Seq+1 || unread != nil {
		l.o.Log.Error("audit log: it does not end where it was left; lines were removed, or added by somebody else",
			"file", l.o.Path, "left", noted.Seq, "found", found.Seq)
		return l.own("audit.gap", noted, found)
	}
	return nil
}

// maxTorn is how much of a line that was not finished is kept, in bytes.
const maxTorn = 4096

// own writes a line of the log about itself.
func (l *Log) own(verb string, before, after any) error {
	act := Act{By: By{Via: Via{How: Server}}, Verb: verb, Object: Object{Type: "audit", Path: l.o.Path}, Before: before, After: after}
	line, err := act.line()
	if err != nil {
		return err
	}
	line.Kind, line.Outcome = Event, Done
	return l.append(line)
}

// openFile opens the file that is written, and creates it if need be.
func (l *Log) openFile() error {
	f, err := os.OpenFile(l.o.Path, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm()&0o077 != 0 {
		err = f.Chmod(0o600)
	}
	if err = errors.Join(err, syncFolder(l.o.Path)); err != nil {
		return errors.Join(err, f.Close())
	}
	l.f, l.size, l.first = f, info.Size(), 0
	return nil
}

// findEnd finds the last line of the chain in the files, cuts off one that was not
// finished, and returns what it was.
func (l *Log) findEnd() (found Head, torn []byte, err error) {
	list, err := l.o.list()
	if err != nil {
		return found, nil, err
	}
	for i, one := range list {
		written := one.path == filepath.Clean(l.o.Path)
		if written && one.foreign && l.noted.Seq == 0 {
			return found, nil, fmt.Errorf("%s: %w", l.o.Path, ErrForeign)
		}
		if written {
			l.first = one.first
		} else if i+1 < len(list) {
			continue // the end is in the last one
		}
		err := readFile(one.path, func(r raw) error {
			if r.torn && written {
				torn = append([]byte{}, r.text...)
			} else if line, err := r.line(); err == nil && line.Seq >= found.Seq {
				found = Head{line.Seq, line.Hash}
			}
			return nil
		})
		if err != nil {
			return found, nil, err
		}
	}
	if torn != nil {
		info, err := l.f.Stat()
		if err != nil {
			return found, nil, err
		}
		l.size = info.Size() - int64(len(torn))
		return found, torn, errors.Join(l.f.Truncate(l.size), l.f.Sync())
	}
	return found, nil, nil
}

// syncFolder makes what happened to the name of a file durable.
func syncFolder(path string) error {
	d, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// line makes the line of an act.
func (a *Act) line() (*Line, error) {
	l := &Line{By: a.By, Verb: a.Verb, Object: a.Object}
	for _, text := range []*string{&l.Reason, &l.Via.Says, &l.Object.Name, &l.Object.Path} {
		*text = cut(*text)
	}
	for _, v := range []struct {
		from any
		to   *json.RawMessage
	}{{a.Before, &l.Before}, {a.After, &l.After}} {
		if v.from == nil {
			continue
		}
		text, err := json.Marshal(v.from)
		if err == nil {
			text, err = bounded(text)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", a.Verb, err)
		}
		*v.to = text
	}
	return l, nil
}

// A Pending is an act that is about to be done.
type Pending struct {
	log *Log
	act Act
	seq uint64
}

// Begin writes that an act is about to be done; After is what is wanted. Error:
// ErrNotRecorded, and then it must not be done; that of ctx.
func (l *Log) Begin(ctx context.Context, a Act) (*Pending, error) {
	if err := ctx.Err(); err != nil || l == nil {
		return nil, err
	}
	line, err := a.line()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	line.Kind = Intent
	if err := l.write(line); err != nil {
		return nil, err
	}
	return &Pending{l, a, line.Seq}, nil
}

// End writes what came of the act: after is the state of its object if failed is
// nil, which says why it was not done. Error: ErrNotRecorded; the act was done, or
// was not, all the same.
func (p *Pending) End(after any, failed error) error {
	if p == nil {
		return nil
	}
	p.act.After = after
	line, err := p.act.line()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	line.Kind, line.Of = Outcome, p.seq
	line.Outcome, line.Error = outcome(failed)
	return p.log.write(line)
}

// Do does an act between its two lines: do returns the state of the object
// afterwards. Errors: ErrNotRecorded if it was not begun, and that of do. That the
// second line could not be written is said to Options.Log and by Err, and is no
// error of the act.
func (l *Log) Do(ctx context.Context, a Act, do func() (after any, err error)) error {
	p, err := l.Begin(ctx, a)
	if err != nil {
		return err
	}
	after, err := do()
	_ = p.End(after, err) // write has told of it
	return err
}

// Record writes what was done, or failed, in one line. Error: ErrNotRecorded.
func (l *Log) Record(a Act, failed error) error {
	if l == nil {
		return nil
	}
	line, err := a.line()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	line.Kind = Event
	line.Outcome, line.Error = outcome(failed)
	return l.write(line)
}

func outcome(failed error) (word, why string) {
	if failed == nil {
		return Done, ""
	}
	return Failed, cut(failed.Error())
}

// Err returns why the last line could not be written, nil if it was.
func (l *Log) Err() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.err
}

// Close closes the file.
func (l *Log) Close() error {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	return l.closeFile()
}

func (l *Log) closeFile() error {
	if l.f == nil {
		return nil
	}
	err := l.f.Close()
	l.f = nil
	return err
}
