package enginetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"

	"convene/internal/engine"
)

// A Chaos is another engine that does whatever engine.Engine allows it to: it
// runs each function at least twice, with the effects of the last run alone; it
// lets reads fail and then runs the function again; it runs functions again
// although nothing failed, as an engine does that met a conflict; it overwrites
// what a read returned when the function has ended; and it refuses transactions
// inside others. Who uses it as the contract says sees the engine below it.
type Chaos struct {
	engine.Engine
	surface bool

	mu     sync.Mutex
	random *rand.Rand
}

// NewChaos returns a Chaos over e. What it does depends on seed, and on the order
// of concurrent calls.
func NewChaos(e engine.Engine, seed uint64) *Chaos {
	return &Chaos{Engine: e, random: rand.New(rand.NewPCG(seed, 0))}
}

// NewFailing is NewChaos but does not run a function again whose read failed: the
// caller gets an engine.ErrUnavailable.
func NewFailing(e engine.Engine, seed uint64) *Chaos {
	c := NewChaos(e, seed)
	c.surface = true
	return c
}

// Variable is the environment variable that says what tests run on: unset for
// the engine that the server uses, "chaos" for a Chaos over it, "chaos:SEED" to do
// the same as before. Tests of other names do other things with the same SEED.
const Variable = "CONVENE_TEST_ENGINE"

// Wrapper returns what tests put around each engine that they open, as Variable
// says; nil for nothing.
func Wrapper(tb testing.TB) func(engine.Engine) engine.Engine {
	tb.Helper()
	name, text, given := strings.Cut(os.Getenv(Variable), ":")
	if name == "" {
		return nil
	}
	seed, err := rand.Uint64(), error(nil)
	if given {
		seed, err = strconv.ParseUint(text, 10, 64)
	}
	if name != "chaos" || err != nil {
		tb.Fatalf("%s=%s: want chaos or chaos:SEED", Variable, os.Getenv(Variable))
	}
	tb.Logf("%s=chaos:%d", Variable, seed)
	test := fnv.New64a()
	test.Write([]byte(tb.Name())) // always nil
	seed ^= test.Sum64()
	return func(e engine.Engine) engine.Engine { return NewChaos(e, seed) }
}

// Wrap returns e as tests are to use it; see Wrapper.
func Wrap(tb testing.TB, e engine.Engine) engine.Engine {
	tb.Helper()
	if wrap := Wrapper(tb); wrap != nil {
		return wrap(e)
	}
	return e
}

var (
	errAgain    = errors.New("enginetest: run again")
	errInjected = fmt.Errorf("enginetest: injected failure: %w", engine.ErrUnavailable)
)

// An attempt is one transaction of the engine below.
type attempt struct {
	failAt int  // which read fails; 0: none
	again  bool // undo it in the end

	reads  int
	failed bool
	given  [][]byte // what the current run has read
}

// calm is the attempt from which on nothing goes wrong any more.
const calm = 4

func (c *Chaos) attempt(n int) *attempt {
	if n >= calm {
		return &attempt{}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	a := &attempt{again: c.random.IntN(4) == 0}
	if c.random.IntN(3) == 0 {
		a.failAt = 1 + c.random.IntN(1<<c.random.IntN(12))
	}
	return a
}

// View implements engine.Engine.
func (c *Chaos) View(ctx context.Context, fn func(engine.Reader) error) error {
	return c.repeat(ctx, func(ctx context.Context, a *attempt) error {
		return c.Engine.View(ctx, func(r engine.Reader) error {
			run := func() error { return fn(&chaosReader{r, a}) }
			_ = a.run(run) // the next run is the one that counts
			return a.outcome(a.run(run))
		})
	})
}

// Update implements engine.Engine.
func (c *Chaos) Update(ctx context.Context, fn func(engine.Writer) error) error {
	return c.repeat(ctx, func(ctx context.Context, a *attempt) error {
		return c.Engine.Update(ctx, func(w engine.Writer) error {
			run := func() error { return fn(&chaosWriter{chaosReader{w, a}, w}) }
			err := w.Savepoint(func() error {
				_ = a.run(run) // the next run is the one that counts
				return errAgain
			})
			if err != errAgain {
				return fmt.Errorf("enginetest: Savepoint returned %w", err)
			}
			return a.outcome(a.run(run))
		})
	})
}

// repeat calls do until it comes to an end. A context counts only until the
// function ran for the first time.
func (c *Chaos) repeat(ctx context.Context, do func(context.Context, *attempt) error) error {
	engine.NotNested()
	for n := 0; ; n++ {
		err := do(ctx, c.attempt(n))
		if err != errAgain && (err != errInjected || c.surface) {
			return err
		}
		ctx = context.WithoutCancel(ctx)
	}
}

// run runs fn, and then makes what it read useless.
func (a *attempt) run(fn func() error) error {
	defer func() {
		for _, b := range a.given {
			for i := range b {
				b[i] = 0xdb
			}
		}
		a.given = nil
	}()
	err := fn()
	if a.failed {
		panic("enginetest: a function went on after a read had failed")
	}
	return err
}

func (a *attempt) outcome(err error) error {
	if a.again {
		return errAgain
	}
	return err
}

// read counts a read, and fails if it is to.
func (a *attempt) read() {
	if a.reads++; a.reads == a.failAt {
		a.failed = true
		engine.Fail(errInjected)
	}
}

// give returns a copy of what was read, for as long as the run lasts.
func (a *attempt) give(b []byte) []byte {
	if b == nil {
		return nil
	}
	b = append(make([]byte, 0, len(b)), b...)
	a.given = append(a.given, b)
	return b
}

type chaosReader struct {
	r engine.Reader
	a *attempt
}

// Get implements engine.Reader.
func (c *chaosReader) Get(t engine.Table, key []byte) []byte {
	c.a.read()
	return c.a.give(c.r.Get(t, key))
}

// GetMany implements engine.Reader.
func (c *chaosReader) GetMany(t engine.Table, keys [][]byte) [][]byte {
	c.a.read()
	values := c.r.GetMany(t, keys)
	for i, v := range values {
		values[i] = c.a.give(v)
	}
	return values
}

// Scan implements engine.Reader.
func (c *chaosReader) Scan(t engine.Table, r engine.Range) iter.Seq2[[]byte, []byte] {
	r.From, r.To = bytes.Clone(r.From), bytes.Clone(r.To)
	pairs := c.r.Scan(t, r)
	return func(yield func(k, v []byte) bool) {
		c.a.read()
		for k, v := range pairs {
			c.a.read()
			if !yield(c.a.give(k), c.a.give(v)) {
				return
			}
		}
	}
}

type chaosWriter struct {
	chaosReader
	w engine.Writer
}

// Put implements engine.Writer.
func (c *chaosWriter) Put(t engine.Table, key, value []byte) error { return c.w.Put(t, key, value) }

// Delete implements engine.Writer.
func (c *chaosWriter) Delete(t engine.Table, key []byte) error { return c.w.Delete(t, key) }

// Guard implements engine.Writer.
func (c *chaosWriter) Guard(t engine.Table, key []byte) { c.w.Guard(t, key) }

// Savepoint implements engine.Writer.
func (c *chaosWriter) Savepoint(fn func() error) error { return c.w.Savepoint(fn) }

// Check implements engine.Checker.
func (c *Chaos) Check(ctx context.Context) []error {
	if e, ok := c.Engine.(engine.Checker); ok {
		return e.Check(ctx)
	}
	return nil
}

// FileID implements engine.Identified: of the engine inside, which has to be one.
func (c *Chaos) FileID() (uint64, error) {
	e, ok := c.Engine.(engine.Identified)
	if !ok {
		return 0, errors.New("the engine inside is no file")
	}
	return e.FileID()
}

// Follow implements engine.Follower: of the engine inside, which has to be one.
func (c *Chaos) Follow() (*engine.Feed, error) {
	e, ok := c.Engine.(engine.Follower)
	if !ok {
		return nil, errors.New("chaos: the engine inside cannot be followed")
	}
	return e.Follow()
}

// Snapshot implements engine.Snapshotter: of the engine inside, which has to be one.
func (c *Chaos) Snapshot(ctx context.Context) (*engine.Snapshot, error) {
	e, ok := c.Engine.(engine.Snapshotter)
	if !ok {
		return nil, errors.New("the engine inside takes no snapshots")
	}
	return e.Snapshot(ctx)
}

// Overwrite implements engine.Overwriter.
func (c *Chaos) Overwrite(ctx context.Context) error { return engine.Overwrite(ctx, c.Engine) }
