package store

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"convene/internal/engine"
	"convene/quota"
)

// Options sets a store's rules. The zero value of each field but Indexer is a
// sensible default.
type Options struct {
	// Indexer computes the index of a body at Reindex and Verify, exactly as
	// the caller computed it for PutObject. Both fail without it.
	Indexer func(body []byte) (Index, error)

	Now          func() time.Time // nil: time.Now
	NewUUID      func() string    // for ResourceID; nil: random (RFC 9562 version 4)
	NewEpoch     func() Epoch     // nil: random
	ChangeLogAge time.Duration    // how long a sync position lives at least; 0: 30 days

	// Quota returns what may be stored. Each transaction asks it once, so that it
	// may answer anew at any time. nil: there are no limits.
	Quota func() *quota.Policy
	// FreeDisk returns the bytes of the disk that may still be written, for
	// quota.Store.Reserve. nil: the reserve is not looked after.
	FreeDisk func() (int64, error)

	MaxProperties    int // on one resource; 0: 200
	MaxPropertyBytes int // of one property; 0: 64 KB
	CachedHomes      int // homes whose collections are kept decoded; 0: 1,024
	Step             int // records that one transaction of Maintain, Verify or Reindex handles; 0: 500

	// Of the file; OpenEngine does not look at them.
	MaxSize int64        // bytes that it may grow to; 0: the disk is the limit
	NoSync  bool         // leave out the waits for the disk: for tests and bulk loads into a new file
	Log     *slog.Logger // what an operator should know of it; nil: nobody is told
	Trouble func(error)  // engine.BoltOptions.Trouble

	// Gate is asked in each Update before anything is changed, with its context; its
	// error is that of the Update. It must not wait. nil: the gate is open.
	Gate func(context.Context) error

	// Wrap returns what is used in place of the engine that was opened: for
	// tests. nil: the engine itself.
	Wrap func(engine.Engine) engine.Engine
}

func (o *Options) setDefaults() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Quota == nil {
		unlimited := new(quota.Policy)
		o.Quota = func() *quota.Policy { return unlimited }
	}
	if o.Gate == nil {
		o.Gate = func(context.Context) error { return nil }
	}
	if o.NewUUID == nil {
		o.NewUUID = uuid.NewString
	}
	if o.NewEpoch == nil {
		o.NewEpoch = newEpoch
	}
	if o.ChangeLogAge == 0 {
		o.ChangeLogAge = 30 * 24 * time.Hour
	}
	for _, d := range []struct {
		field *int
		value int
	}{
		{&o.MaxProperties, 200}, {&o.MaxPropertyBytes, 64 << 10}, {&o.CachedHomes, 1024}, {&o.Step, 500},
	} {
		if *d.field == 0 {
			*d.field = d.value
		}
	}
}

// MaxBody is the length of the longest body that any quota can allow, in bytes: a
// value of the engine less more than an object's header and checksum.
const MaxBody = engine.MaxValue - 2<<10

func newEpoch() Epoch {
	var b [4]byte
	rand.Read(b[:]) // never fails (crypto/rand)
	return Epoch(binary.BigEndian.Uint32(b[:]))
}

// A Store keeps the calendars of all principals. Its methods may be called from
// many goroutines.
type Store struct {
	engine  engine.Engine
	opt     Options
	cache   *homeCache
	disk    disk
	numbers numberPool
	total   total
	watches watches

	epoch   atomic.Uint32 // of the file
	repairs atomic.Uint64 // see Tx.Repairs

	migrated bool // by this process, from an older format
}

// Open opens the store file at path, creating it if it does not exist, and
// migrates an older format. Errors: ErrNewer, ErrForeign, ErrInUse, ErrDamaged.
func Open(path string, o Options) (*Store, error) {
	var sealed atomic.Bool // all values have checksums
	e, err := engine.OpenBolt(path, engine.BoltOptions{
		Tables: Tables(), Hot: tableMeta, MaxSize: o.MaxSize, NoSync: o.NoSync, Log: o.Log, Trouble: o.Trouble, Mark: true,
		Proves: func(t engine.Table, key, value []byte) bool { return !sealed.Load() || proves(t, key, value) },
	})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	s, err := OpenEngine(e, o)
	if err != nil {
		return nil, err
	}
	whole, err := s.whole(e.(engine.Snapshotter))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), s.Close())
	}
	sealed.Store(whole)
	if err := s.restored(path, e.(engine.Witness)); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// whole reports whether all values in the file have checksums. If it was of an older
// format when it was opened, they are in the log so far, and it is the file of which
// proof is asked: so they are moved there. On a full disk they stay in the log, and
// nothing is asked until the next start.
func (s *Store) whole(e engine.Snapshotter) (bool, error) {
	if !s.migrated {
		return true, nil
	}
	file, err := e.Snapshot(context.Background())
	if errors.Is(err, ErrFull) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return true, file.Close()
}

// restored begins a new epoch if the file at path is an older copy of itself.
func (s *Store) restored(path string, w engine.Witness) error {
	if !w.Behind() {
		return nil
	}
	if s.opt.Log != nil {
		s.opt.Log.Warn("the file is older than it was: it was restored from a copy, and clients are told to read everything anew", "file", path)
	}
	if err := s.MarkRestored(context.Background()); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	w.CaughtUp()
	return nil
}

// OpenEngine opens a store on an engine, which it then owns and closes even
// when it returns an error.
func OpenEngine(e engine.Engine, o Options) (*Store, error) {
	o.setDefaults()
	if o.Wrap != nil {
		e = o.Wrap(e)
	}
	s := &Store{engine: e, opt: o, cache: newHomeCache(o.CachedHomes)}
	if err := s.migrate(context.Background()); err != nil {
		return nil, errors.Join(fmt.Errorf("store: %w", err), e.Close())
	}
	if s.QuotaPolicy().Store.MaxBytes > 0 {
		if err := s.addUp(context.Background()); err != nil {
			return nil, errors.Join(fmt.Errorf("store: %w", err), e.Close())
		}
	}
	return s, nil
}

// View runs fn on one committed state. fn may run more than once. A read that
// fails, or meets a damaged record where no error can be returned, leaves fn at
// once with that error; see engine.Engine.
func (s *Store) View(ctx context.Context, fn func(*Tx) error) error {
	repairs := s.repairs.Load() // before the state is taken
	return s.engine.View(ctx, func(r engine.Reader) error {
		return fn(s.newTx(r, nil, repairs))
	})
}

// Writable returns the error that Update would end with for the gate's sake, so that
// nothing need be got ready for it.
func (s *Store) Writable(ctx context.Context) error { return s.opt.Gate(ctx) }

// Update runs fn in a write transaction and returns when what it wrote is on
// disk, or with the error that undid it. fn may run more than once, on another
// goroutine, and must never wait; see engine.Engine.
func (s *Store) Update(ctx context.Context, fn func(*Tx) error) error {
	end, err := s.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	repairs := s.repairs.Load()
	var grown, freed int64
	var blocks map[string]block
	var tx *Tx
	err = s.engine.Update(ctx, func(w engine.Writer) error {
		s.total.add(-grown) // fn ran before, for nothing
		grown, freed, blocks = 0, 0, nil
		if err := s.opt.Gate(ctx); err != nil {
			return err
		}
		tx = s.newTx(w, w, repairs)
		if err := fn(tx); err != nil {
			return err
		}
		if err := tx.flush(); err != nil {
			return err
		}
		n := tx.grown()
		grown, freed, blocks = max(n, 0), min(n, 0), tx.blocks
		s.total.add(grown)
		return nil
	})
	if err == nil {
		s.total.add(freed) // only now: what is undone has freed nothing
		s.numbers.give(blocks)
		s.watches.tell(tx)
	} else {
		s.total.add(-grown)
	}
	return err
}

// Close waits for what runs and closes the file.
func (s *Store) Close() error { return s.engine.Close() }

// Backup writes a complete copy of the file as last committed, while the store
// goes on. The copy can be opened as it is.
func (s *Store) Backup(ctx context.Context, w io.Writer) error { return s.engine.Backup(ctx, w) }
