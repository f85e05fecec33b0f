package engine

import (
	"bytes"
	"errors"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// trim unmaps the first used bytes of the file if the process has mapped more than
// MaxMapped bytes of files since the last time. What stayed mapped then is the program
// itself and other files. The pages stay in the page cache. A transaction must be open,
// so that the mapping stays where it is.
func (e *boltEngine) trim(used int64) {
	if e.opt.MaxMapped < 0 || used < e.opt.MaxMapped || mappedFiles()-e.space.others < e.opt.MaxMapped {
		return
	}
	_, _, errno := unix.Syscall(unix.SYS_MADVISE, e.db.Info().Data, uintptr(used), unix.MADV_DONTNEED)
	if errno != 0 {
		return // advice not taken costs memory only
	}
	e.space.others = mappedFiles()
}

// mappedFiles returns the bytes of files that are mapped into this process and
// resident, 0 if the system does not tell.
func mappedFiles() int64 {
	b, err := os.ReadFile("/proc/self/statm") // size resident shared …, in pages
	if err != nil {
		return 0
	}
	fields := bytes.Fields(b)
	if len(fields) < 3 {
		return 0
	}
	n, err := strconv.ParseInt(string(fields[2]), 10, 64)
	if err != nil {
		return 0
	}
	return n * int64(os.Getpagesize())
}

// datasync returns when what was written to f is on the disk.
func datasync(f *os.File) error {
	for {
		if err := unix.Fdatasync(int(f.Fd())); !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}
