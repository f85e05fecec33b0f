//go:build !linux

package engine

import "os"

// trim does nothing where unmapping cannot be advised.
func (e *boltEngine) trim(int64) {}

// datasync returns when what was written to f is on the disk.
func datasync(f *os.File) error { return f.Sync() }
