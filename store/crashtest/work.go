package crashtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"

	"convene/store"
)

// Indexer is the store.Options.Indexer for the bodies that Work writes: the UID
// is their first line.
func Indexer(body []byte) (store.Index, error) {
	uid, _, ok := bytes.Cut(body, []byte("\n"))
	if !ok {
		return store.Index{}, errors.New("body has no first line")
	}
	return store.Index{UID: string(uid), Component: store.VEVENT, Start: int64(len(body)), End: store.OpenEnded}, nil
}

// Work has writers change the store all at once, each its own objects in
// collections that they share, and reports to w before and after each change.
// It ends when ctx is done or the store or w fails. Numbers of operations begin
// at from.
func Work(ctx context.Context, s *store.Store, w io.Writer, writers int, seed uint64, from int64) error {
	k := &workers{store: s, out: w}
	k.id.Store(from)
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	err := s.Update(ctx, func(tx *store.Tx) error { return k.prepare(tx) })
	if err != nil {
		return err
	}
	var wg sync.WaitGroup
	for i := range writers {
		wg.Add(1)
		go func() {
			defer wg.Done()
			u := &worker{workers: k, n: i, rand: rand.New(rand.NewPCG(seed, uint64(i)))}
			for ctx.Err() == nil {
				if err := u.step(ctx); err != nil {
					stop(err)
				}
			}
		}()
	}
	for ctx.Err() == nil {
		if _, err := s.Maintain(ctx); err != nil {
			stop(err)
		}
	}
	wg.Wait()
	return context.Cause(ctx)
}

type workers struct {
	store *store.Store
	id    atomic.Int64

	mu  sync.Mutex
	out io.Writer
}

var (
	owners      = []string{"ann", "bob"}
	collections = []string{"work", "rest"}
)

func (k *workers) prepare(tx *store.Tx) error {
	for _, owner := range owners {
		_, err := tx.EnsureHome(owner, func(b *store.HomeBuilder) {
			for _, name := range collections {
				b.Add(store.NewCollection{Name: name, Kind: store.KindCalendar})
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (k *workers) report(l line) error {
	b, err := json.Marshal(l)
	if err != nil {
		return err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	_, err = k.out.Write(append(b, '\n'))
	return err
}

// A worker changes the objects whose names begin with its number, and a
// collection of its own that comes and goes.
type worker struct {
	*workers
	n    int
	rand *rand.Rand
}

const namesPerWorker = 12

func (u *worker) pick() Key {
	k := Key{Owner: owners[u.rand.IntN(len(owners))], Name: fmt.Sprintf("%d-%d.ics", u.n, u.rand.IntN(namesPerWorker))}
	if i := u.rand.IntN(len(collections) + 1); i < len(collections) {
		k.Collection = collections[i]
	} else {
		k.Collection = fmt.Sprintf("own%d", u.n)
	}
	return k
}

// body returns a body whose UID is that of the name, sometimes one that the
// name does not tell.
func (u *worker) body(k Key) []byte {
	uid := strings.TrimSuffix(k.Name, ".ics")
	if uid[len(uid)-1]%2 == 0 {
		uid = "uid of " + uid
	}
	return fmt.Appendf(nil, "%s\n%d %s", uid, u.rand.Uint64(), strings.Repeat("x", u.rand.IntN(3000)))
}

// step does one operation and reports it.
func (u *worker) step(ctx context.Context) error {
	id := u.id.Add(1)
	effect, do, err := u.plan(ctx)
	if err != nil || effect == nil {
		return err
	}
	if err := u.report(line{ID: id, Begin: effect}); err != nil {
		return err
	}
	err = u.store.Update(ctx, do)
	switch {
	case err == nil:
		return u.report(line{ID: id, Done: true})
	case errors.Is(err, store.ErrNotFound), errors.Is(err, store.ErrExists), errors.Is(err, store.ErrUIDConflict), errors.Is(err, store.ErrUIDChanged):
		return u.report(line{ID: id})
	case ctx.Err() != nil:
		return nil
	}
	return errors.Join(err, u.report(line{ID: id, Failed: err.Error()}))
}

// plan draws an operation and what it will change. A nil effect means that
// there is nothing to do.
func (u *worker) plan(ctx context.Context) (Effect, func(*store.Tx) error, error) {
	k, to := u.pick(), u.pick()
	switch u.rand.IntN(10) {
	case 0, 1:
		return Effect{k: Gone}, func(tx *store.Tx) error {
			c, err := find(tx, k)
			if err != nil {
				return err
			}
			return tx.DeleteObject(c, k.Name, store.Match{})
		}, nil
	case 2, 3:
		return u.planTransfer(ctx, k, to)
	case 4:
		return u.planCollection(ctx, k.Owner)
	}
	body := u.body(k)
	ix, err := Indexer(body)
	return Effect{k: Sum(body)}, func(tx *store.Tx) error {
		c, err := find(tx, k)
		if err != nil {
			return err
		}
		_, _, err = tx.PutObject(c, k.Name, body, ix, store.Match{})
		return err
	}, err
}

func find(tx *store.Tx, k Key) (*store.Collection, error) {
	h, err := tx.Home(k.Owner)
	if err != nil {
		return nil, err
	}
	return tx.Collection(h.ID, k.Collection)
}

// planTransfer copies or moves an object. Nobody else changes it, so its body
// is known beforehand.
func (u *worker) planTransfer(ctx context.Context, k, to Key) (Effect, func(*store.Tx) error, error) {
	move := u.rand.IntN(2) == 0
	var sum string
	err := u.store.View(ctx, func(tx *store.Tx) error {
		c, err := find(tx, k)
		if err != nil {
			return err
		}
		body, _, err := tx.Body(c.ID, k.Name)
		sum = Sum(body)
		return err
	})
	if errors.Is(err, store.ErrNotFound) || ctx.Err() != nil {
		return nil, nil, nil
	}
	effect := Effect{to: sum}
	if move && k != to {
		effect[k] = Gone
	}
	return effect, func(tx *store.Tx) error {
		from, err := find(tx, k)
		if err != nil {
			return err
		}
		dst, err := find(tx, to)
		if err != nil {
			return err
		}
		do := tx.CopyObject
		if move {
			do = tx.MoveObject
		}
		_, _, err = do(from, k.Name, dst, to.Name, store.Match{})
		return err
	}, err
}

// planCollection makes the worker's own collection, or deletes it with all that
// is in it.
func (u *worker) planCollection(ctx context.Context, owner string) (Effect, func(*store.Tx) error, error) {
	k := Key{Owner: owner, Collection: fmt.Sprintf("own%d", u.n)}
	effect := Effect{}
	err := u.store.View(ctx, func(tx *store.Tx) error {
		c, err := find(tx, k)
		if err != nil {
			return err
		}
		for e := range tx.Entries(c.ID) {
			effect[Key{k.Owner, k.Collection, e.Name}] = Gone
		}
		return nil
	})
	if ctx.Err() != nil {
		return nil, nil, nil
	}
	exists := err == nil
	return effect, func(tx *store.Tx) error {
		h, err := tx.Home(k.Owner)
		if err != nil {
			return err
		}
		if exists {
			return tx.DeleteCollection(h.ID, k.Collection)
		}
		_, err = tx.CreateCollection(h.ID, store.NewCollection{Name: k.Collection, Kind: store.KindCalendar})
		return err
	}, nil
}
