//go:build unix

package snapshot

import (
	"runtime"

	"golang.org/x/sys/unix"
)

// offHeap returns n bytes that Go's collector does not count, nil if the system
// has none. They are the system's again when owner is collected.
func offHeap(owner *bodyCache, n int) []byte {
	bytes, err := unix.Mmap(-1, 0, n, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	if err != nil {
		return nil
	}
	runtime.AddCleanup(owner, func(bytes []byte) {
		// It fails only for what is not mapped.
		_ = unix.Munmap(bytes)
	}, bytes)
	return bytes
}
