package engine

import (
	"reflect"
	"runtime"
)

// failure is the panic by which a function is left when a read failed. It never
// passes Run.
type failure struct{ err error }

// Fail leaves the function that is given to View or Update at once, which
// returns err. It is for engines whose read fails, and for whoever finds that
// what was read makes no sense where no error can be returned, as in an iterator.
func Fail(err error) { panic(&failure{err}) }

// Run runs a function of View or Update for an engine. It returns the function's
// error, or what Fail was given in it. Every engine runs them through it, also
// because NotNested looks for it.
//
//go:noinline
func Run(fn func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			f, ok := p.(*failure)
			if !ok {
				panic(p)
			}
			err = f.err
		}
	}()
	return fn()
}

const inAnother = "engine: a transaction inside another one: use the transaction that is there"

// NotNested panics if its goroutine is inside a function that Run runs: a
// transaction is about to begin inside another. It costs some microseconds, so
// engines for tests ask before each, and bbolt's asks when an update has waited for
// long.
func NotNested() {
	if nested() {
		panic(inAnother)
	}
}

// nested reports whether its goroutine is inside a function that Run runs.
func nested() bool {
	const longest = 4 << 10 // more than the bytes of code of Run
	run := reflect.ValueOf(Run).Pointer()
	var callers [256]uintptr
	for _, pc := range callers[:runtime.Callers(2, callers[:])] {
		if pc < run || pc >= run+longest {
			continue
		}
		if f := runtime.FuncForPC(pc); f != nil && f.Entry() == run {
			return true
		}
	}
	return false
}
