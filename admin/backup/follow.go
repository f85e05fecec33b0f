package backup

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"convene/internal/engine"
)

// FollowEvery is how often Follow looks for changes.
const FollowEvery = 250 * time.Millisecond

// ErrAnew: what follows a backup cannot go on; another one is to be begun.
var ErrAnew = errors.New("a new backup is to be begun")

// A followed member tells of what is committed after a Snapshot.
type followed interface {
	Member
	Follow() (*engine.Feed, error)
}

// A versioned member is small, and kept as a whole when it has changed. Version is another
// one then; "": there is none.
type versioned interface {
	Member
	Version() (string, error)
}

// Follow writes a backup as Write does, and then what changes, until ctx ends: see
// FollowReader. Each tick has what changed in all members since the last one, so that
// nothing in it is torn; there is one, without changes if need be, every second at least.
// flush is called behind each. Errors: as Write; ErrAnew.
func Follow(ctx context.Context, w io.Writer, flush func(), members []Member, o Origin) (err error) {
	f := &follow{versions: map[string]string{}}
	defer func() { f.close() }()
	if err := f.begin(members); err != nil {
		return err
	}
	pieces := &pieceWriter{w}
	if _, err := Write(ctx, pieces, members, o); err != nil {
		return err
	}
	if err := pieces.end(); err != nil {
		return err
	}
	ticker := time.NewTicker(FollowEvery)
	defer ticker.Stop()
	for told := time.Now(); ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case now := <-ticker.C:
			parts, err := f.changes(ctx)
			if err != nil {
				return err
			}
			if len(parts) == 0 && now.Sub(told) < time.Second {
				continue
			}
			told = now
			f.ticks++
			if _, err := w.Write((&tick{f.ticks, now, parts}).encode()); err != nil {
				return err
			}
			flush()
		}
	}
}

// A follow gathers what changes.
type follow struct {
	names    []string // of the members with feeds
	feeds    []*engine.Feed
	small    []versioned
	versions map[string]string
	ticks    uint64
}

// begin begins to gather, before the backup is written that is followed. What that has
// already will be told once more.
func (f *follow) begin(members []Member) error {
	for _, m := range members {
		switch m := m.(type) {
		case followed:
			feed, err := m.Follow()
			if err != nil {
				return err
			}
			f.names, f.feeds = append(f.names, m.Name()), append(f.feeds, feed)
		case versioned:
			v, err := m.Version()
			if err != nil {
				return err
			}
			f.small, f.versions[m.Name()] = append(f.small, m), v
		}
	}
	return nil
}

func (f *follow) close() {
	for _, feed := range f.feeds {
		feed.Close()
	}
}

// changes returns what has changed since the last call. The small members are looked at
// last: they may be newer than what the others note of them, not older.
func (f *follow) changes(ctx context.Context) (parts []part, err error) {
	var commits []part
	for i, feed := range f.feeds {
		list, err := feed.Take()
		if err != nil {
			return nil, fmt.Errorf("%w: %s: %w", ErrAnew, f.names[i], err)
		}
		for _, c := range list {
			commits = append(commits, part{f.names[i], c.Seq, c.Writes})
		}
	}
	for _, m := range f.small {
		v, err := m.Version()
		if err != nil || v == f.versions[m.Name()] {
			if err != nil {
				return nil, err
			}
			continue
		}
		if v == "" {
			return nil, fmt.Errorf("%w: %s is not there any more", ErrAnew, m.Name())
		}
		content, err := contentOf(ctx, m)
		if err != nil {
			return nil, err
		}
		f.versions[m.Name()] = v
		parts = append(parts, part{name: m.Name(), content: content})
	}
	return append(parts, commits...), nil
}

func contentOf(ctx context.Context, m Member) (b []byte, err error) {
	s, err := m.Snapshot(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%w: %w", ErrAnew, err)
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	var out bytes.Buffer
	_, err = s.WriteTo(&out)
	return out.Bytes(), err
}

// fileVersion is a version of small content.
func fileVersion(content []byte) string {
	sum := sha256.Sum256(content)
	return string(sum[:])
}

// A pieceWriter writes what is of unknown length: before each piece its length, 32 bits
// big-endian, and in the end a length of 0.
type pieceWriter struct{ w io.Writer }

func (p *pieceWriter) Write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if _, err := p.w.Write(binary.BigEndian.AppendUint32(nil, uint32(len(b)))); err != nil {
		return 0, err
	}
	return p.w.Write(b)
}

func (p *pieceWriter) end() error {
	_, err := p.w.Write(make([]byte, 4))
	return err
}

// A pieceReader reads what a pieceWriter wrote, and nothing behind it.
type pieceReader struct {
	r    io.Reader
	left uint32
	done bool
}

func (p *pieceReader) Read(b []byte) (int, error) {
	if p.left == 0 && !p.done {
		var head [4]byte
		if _, err := io.ReadFull(p.r, head[:]); err != nil {
			return 0, cut(err)
		}
		p.left = binary.BigEndian.Uint32(head[:])
		p.done = p.left == 0
	}
	if p.done {
		return 0, io.EOF
	}
	n, err := p.r.Read(b[:min(len(b), int(p.left))])
	p.left -= uint32(n)
	return n, cut(err)
}

// cut is the error of a stream that ends where it must not.
func cut(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// FollowReader reads what Follow writes: base gets the archive, and tick each tick behind
// it, as it is kept in a Log, with its time and whether anything has changed. It returns
// the first error, of reading in the end.
func FollowReader(r io.Reader, base func(io.Reader) error, tick func(encoded []byte, at time.Time, changed bool) error) error {
	archive := &pieceReader{r: r}
	if err := base(archive); err != nil {
		return err
	}
	if !archive.done {
		return fmt.Errorf("%w: something follows the end of the archive", ErrDamaged)
	}
	for {
		encoded, t, err := readTick(r)
		if err != nil {
			return err
		}
		if err := tick(encoded, t.time, len(t.parts) > 0); err != nil {
			return err
		}
	}
}
