package caldav_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/store"
)

// How long and which conversations TestConversations has: so many steps (a few
// seconds' without it), or that of one seed alone.
const (
	stepsVariable = "CONVENE_TEST_STEPS"
	seedVariable  = "CONVENE_TEST_SEED"
)

const (
	// A conversation is this many steps long.
	conversationSteps = 60

	// mostFailures is after how many conversations that fail the test ends.
	mostFailures = 5
)

// TestConversations lets people invite, answer, change, move and remove meetings with
// two devices each, while the directory renames them, and looks after each step whether
// all homes agree. A conversation that fails is made shorter for as long as it fails,
// and printed.
func TestConversations(t *testing.T) {
	if text := os.Getenv(seedVariable); text != "" {
		seed, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
		converse(t, seed, onMemory)
		return
	}
	steps := 1800
	if text := os.Getenv(stepsVariable); text != "" {
		var err error
		if steps, err = strconv.Atoi(text); err != nil {
			t.Fatalf("%s: %v", stepsVariable, err)
		}
	}
	first := rand.Uint64() >> 12
	t.Logf("%d steps, seeds from %d", steps, first)
	failed := 0
	for n := range uint64((steps + conversationSteps - 1) / conversationSteps) {
		if !converse(t, first+n, onMemory) {
			if failed++; failed == mostFailures {
				return
			}
		}
	}
}

// The same over an engine that runs functions again and lets reads fail.
func TestConversationsOnChaos(t *testing.T) {
	first := rand.Uint64() >> 12
	for n := range uint64(4) {
		if !converse(t, first+n, onChaos(first+n)) {
			return
		}
	}
}

// A storage opens a store.
type storage func(store.Options) (*store.Store, error)

func onMemory(o store.Options) (*store.Store, error) {
	return store.OpenEngine(engine.OpenMemory(store.Tables()), o)
}

func onChaos(seed uint64) storage {
	return func(o store.Options) (*store.Store, error) {
		o.Wrap = func(e engine.Engine) engine.Engine { return enginetest.NewChaos(e, seed) }
		return onMemory(o)
	}
}

// converse has the conversation of a seed.
func converse(t *testing.T, seed uint64, on storage) bool {
	random := rand.New(rand.NewPCG(seed, 0))
	steps := make([]uint64, conversationSteps)
	for i := range steps {
		steps[i] = random.Uint64()
	}
	return t.Run(fmt.Sprint(seed), func(t *testing.T) {
		log, failure := runTalk(t, steps, on)
		if failure == "" {
			return
		}
		short := shrink(steps[:len(log)], func(steps []uint64) bool {
			_, failure := runTalk(t, steps, on)
			return failure != ""
		})
		log, failure = runTalk(t, short, on)
		t.Errorf("%s=%d fails after\n%s\n%s", seedVariable, seed, strings.Join(log, "\n"), failure)
	})
}

// shrink drops steps for as long as what is left fails.
func shrink(steps []uint64, fails func([]uint64) bool) []uint64 {
	for size := len(steps) / 2; size > 0; {
		dropped := false
		for at := 0; at+size <= len(steps); {
			less := slices.Delete(slices.Clone(steps), at, at+size)
			if fails(less) {
				steps, dropped = less, true
			} else {
				at += size
			}
		}
		if !dropped || size > 1 {
			size /= 2
		}
	}
	return steps
}

// A probe takes the failures of one run, so that it can be run again with fewer steps.
type probe struct {
	testing.TB
	failure string
	cleanup []func()
}

// stopped is what a probe panics with when a run cannot go on.
type stopped struct{}

func (p *probe) Helper() {}

func (p *probe) Cleanup(f func()) { p.cleanup = append(p.cleanup, f) }

func (p *probe) fail(text string) {
	if p.failure == "" {
		p.failure = text
	}
}

func (p *probe) Error(args ...any)                 { p.fail(fmt.Sprint(args...)) }
func (p *probe) Errorf(format string, args ...any) { p.fail(fmt.Sprintf(format, args...)) }
func (p *probe) Failed() bool                      { return p.failure != "" }

func (p *probe) Fatal(args ...any) {
	p.fail(fmt.Sprint(args...))
	panic(stopped{})
}

func (p *probe) Fatalf(format string, args ...any) {
	p.fail(fmt.Sprintf(format, args...))
	panic(stopped{})
}

// end runs what was to be done in the end.
func (p *probe) end() {
	for _, f := range slices.Backward(p.cleanup) {
		f()
	}
}

// runTalk takes steps, up to the first after which something is wrong. It returns what
// happened, a line for each, and what is wrong; "": nothing.
func runTalk(t *testing.T, steps []uint64, on storage) (log []string, failure string) {
	p := &probe{TB: t}
	var k *talk
	p.guard(func() {
		k = newTalk(p, on)
		for _, step := range steps {
			k.step(step)
			if p.Failed() {
				return
			}
		}
		k.checkStore()
	})
	p.guard(p.end)
	if k != nil {
		log = k.log
	}
	return log, p.failure
}

// guard runs f until it ends or fails.
func (p *probe) guard(f func()) {
	defer func() {
		if r := recover(); r != nil && r != any(stopped{}) {
			p.fail(fmt.Sprintf("panic: %v\n%s", r, debug.Stack()))
		}
	}()
	f()
}
