package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// A tb lets a program use package testenv, which is made for tests. What a test
// would fail for ends the program.
type tb struct {
	testing.TB // has what nobody calls; nil

	ctx context.Context

	mu       sync.Mutex
	failed   bool
	cleanups []func()
}

// fatal is the panic that ends a program's work.
type fatal struct{}

func (t *tb) Name() string             { return "harness" }
func (t *tb) Helper()                  {}
func (t *tb) Context() context.Context { return t.ctx }

func (t *tb) Failed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *tb) Cleanup(fn func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.cleanups = append(t.cleanups, fn)
}

func (t *tb) Log(args ...any)                 { fmt.Fprintln(os.Stderr, args...) }
func (t *tb) Logf(format string, args ...any) { fmt.Fprintf(os.Stderr, format+"\n", args...) }

func (t *tb) Errorf(format string, args ...any) {
	t.mu.Lock()
	t.failed = true
	t.mu.Unlock()
	t.Logf("harness: "+format, args...)
}
func (t *tb) Error(args ...any) { t.Errorf("%s", fmt.Sprint(args...)) }

func (t *tb) Fatal(args ...any) {
	t.Error(args...)
	panic(fatal{})
}

func (t *tb) Fatalf(format string, args ...any) {
	t.Errorf(format, args...)
	panic(fatal{})
}

func (t *tb) Skipf(format string, args ...any) { t.Fatalf(format, args...) }

// clean runs the cleanups, the last first.
func (t *tb) clean() {
	for {
		t.mu.Lock()
		n := len(t.cleanups)
		if n == 0 {
			t.mu.Unlock()
			return
		}
		fn := t.cleanups[n-1]
		t.cleanups = t.cleanups[:n-1]
		t.mu.Unlock()
		fn()
	}
}

// withHarness runs do with a harness, cleans up, and returns the program's
// status.
func withHarness(ctx context.Context, do func(*harness) int) (status int) {
	t := &tb{ctx: ctx}
	defer t.clean()
	defer func() {
		if p := recover(); p != nil {
			if _, ok := p.(fatal); !ok {
				panic(p)
			}
			status = 2
		}
	}()
	return do(newHarness(t))
}
