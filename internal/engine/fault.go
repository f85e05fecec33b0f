package engine

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"go.etcd.io/bbolt"
)

// bbolt reads the file as memory. Where the disk cannot deliver a page of it, or the
// file has become shorter, the system raises a fault, which ends the process unless
// the goroutine asked for a panic instead (debug.SetPanicOnFault). A page that cannot
// be one has bbolt panic, or lead it to such memory. Both are made ErrDamaged.
//
// Not so where bbolt begins a transaction: it reads the meta pages under a lock that it
// would never give back. A fault there ends the process.

// isFault reports whether p, from recover, is of a fault in mapped memory. Code
// without package unsafe meets no other fault that has an address.
func isFault(p any) bool {
	err, ok := p.(runtime.Error)
	if !ok {
		return false
	}
	_, ok = err.(interface{ Addr() uintptr })
	return ok
}

// damage makes an error of p, which bbolt or a fault panicked with.
func damage(p any) error {
	if isFault(p) {
		return fmt.Errorf("%w: a page of the file cannot be read", ErrDamaged)
	}
	return fmt.Errorf("%w: %v", ErrDamaged, p)
}

// faults makes faults of this goroutine panics until the function that is returned
// is called.
func faults() (restore func()) {
	before := debug.SetPanicOnFault(true)
	return func() { debug.SetPanicOnFault(before) }
}

// damaged is to be deferred by what reads from s, or hands on what s returned: it
// makes an error of a fault, and of the panic with which bbolt meets a page that
// cannot be one.
func (s *boltState) damaged() {
	p := recover()
	if p == nil {
		return
	}
	if s.reading || isFault(p) {
		s.reading = false
		Fail(damage(p))
	}
	panic(p)
}

// begin opens s. Errors: ErrDamaged.
func (s *boltState) begin() error {
	return Run(func() error {
		defer s.damaged()
		s.open()
		return nil
	})
}

// unreadable is to be deferred by what reads from the file outside of a boltState. It
// makes an error of a fault, and of the panic with which bbolt meets damage.
func unreadable(err *error) {
	if p := recover(); p != nil {
		*err = damage(p)
	}
}

// unwritable is to be deferred by what writes in tx. It undoes tx if bbolt met
// damage, and makes an error of that. bbolt's list of free pages may then be wrong:
// nothing more may be written until the file is opened again.
func unwritable(tx *bbolt.Tx, err *error) {
	if p := recover(); p != nil {
		rollback(tx)
		*err = damage(p)
	}
}
