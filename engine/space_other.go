//go:build !linux

package engine

// trim does nothing where unmapping cannot be advised.
func (e *boltEngine) trim(int64) {}
