package engine

import (
	"errors"
	"fmt"
	"slices"
	"sync"

	"go.etcd.io/bbolt"
)

// A Follower is an engine whose commits can be followed, so that a copy of it keeps up.
type Follower interface {
	// Follow returns a Feed of all that is committed after the call. It must be closed.
	// Errors: ErrReadOnly, ErrClosed.
	Follow() (*Feed, error)
}

// maxFeed bounds what a Feed holds that nobody has taken, in bytes.
const maxFeed = 64 << 20

// ErrBehind: more was committed than a Feed can hold until it is taken.
var ErrBehind = errors.New("engine: a copy cannot keep up with what is written")

// A Commit is what was made durable at once. Commits of one file have ascending numbers.
type Commit struct {
	Seq    uint64
	Writes []byte // as a Copy takes them in
}

// A Feed gathers the commits of an engine.
type Feed struct {
	committer *committer

	mu      sync.Mutex
	commits []Commit
	bytes   int
	err     error
}

// Follow implements Follower.
func (e *boltEngine) Follow() (*Feed, error) {
	if e.commit == nil {
		return nil, ErrReadOnly
	}
	f, err := &Feed{committer: e.commit}, ErrClosed
	e.commit.alone(func() {
		e.commit.feeds = append(e.commit.feeds, f)
		err = nil
	})
	return f, err
}

// Take returns what was committed since the last call, in order. Errors: ErrBehind, for
// ever then.
func (f *Feed) Take() (commits []Commit, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	commits, f.commits, f.bytes = f.commits, nil, 0
	return commits, f.err
}

// Close ends the feed.
func (f *Feed) Close() {
	f.committer.alone(func() {
		f.committer.feeds = slices.DeleteFunc(f.committer.feeds, func(other *Feed) bool { return other == f })
	})
}

func (f *Feed) add(c Commit) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.bytes += len(c.Writes); f.bytes > maxFeed {
		f.commits, f.err = nil, ErrBehind
	}
	if f.err == nil {
		f.commits = append(f.commits, c)
	}
}

// feed tells who follows of what was made durable. It has the lead.
func (c *committer) feed(chunks [][]byte) {
	if len(c.feeds) == 0 {
		return
	}
	commit := Commit{c.log.seq, slices.Concat(chunks...)}
	for _, f := range c.feeds {
		f.add(commit)
	}
}

// copyBytes is how much of what a Copy takes in goes to the file in one transaction.
const copyBytes = 4 << 20

// A Copy is a file that Snapshot wrote, and that takes in what was committed since. It is
// for one goroutine.
type Copy struct {
	e       *boltEngine
	seq     uint64 // of the last commit it has
	pending *writes
	bytes   int
}

// OpenCopy opens the copy at path, which nobody else may use, and which has no log. Of o,
// Tables and Hot count. It must be closed, and is no file to be used if that fails. Errors:
// as OpenBolt.
func OpenCopy(path string, o BoltOptions) (c *Copy, err error) {
	o.setDefaults()
	o.NoSync = true // until Close
	e := &boltEngine{path: path, opt: o, hot: -1}
	defer e.unopenable(&err)
	defer faults()()
	if err := e.open(path); err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	c = &Copy{e: e, pending: newWrites()}
	err = e.db.View(func(tx *bbolt.Tx) (err error) {
		_, c.seq, err = logState(tx)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open %s: %w", path, err), e.db.Close())
	}
	return c, nil
}

// Take takes a commit in, unless the copy has it already. Errors: ErrDamaged, it is not the
// next one, or makes no sense; those of writing.
func (c *Copy) Take(commit Commit) error {
	if commit.Seq <= c.seq {
		return nil
	}
	if commit.Seq != c.seq+1 {
		return wrong("commit %d is missing, %d is there", c.seq+1, commit.Seq)
	}
	if err := addChunks(c.pending, commit.Writes); err != nil {
		return err
	}
	c.seq = commit.Seq
	if c.bytes += len(commit.Writes); c.bytes < copyBytes {
		return nil
	}
	return c.write()
}

func (c *Copy) write() error {
	if _, err := c.e.write(c.seq, c.pending); err != nil {
		return boltError(err)
	}
	c.pending, c.bytes = newWrites(), 0
	return nil
}

// Close makes the file durable with all that was taken in, and closes it.
func (c *Copy) Close() error {
	err := c.write()
	if err == nil {
		err = c.e.db.Sync()
	}
	return errors.Join(err, boltError(c.e.db.Close()))
}
