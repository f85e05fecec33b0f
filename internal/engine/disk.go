package engine

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A disk is how the engine itself writes to files and waits until what was written
// lasts; bbolt does both on its own. Tests put in one that keeps a record, or fails.
type disk interface {
	writeAt(f *os.File, b []byte, off int64) error
	datasync(f *os.File) error // what was written
	sync(f *os.File) error     // all about f, but for its name
}

// systemDisk asks the operating system.
type systemDisk struct{}

func (systemDisk) writeAt(f *os.File, b []byte, off int64) error {
	_, err := f.WriteAt(b, off)
	return err
}

func (systemDisk) datasync(f *os.File) error { return datasync(f) }
func (systemDisk) sync(f *os.File) error     { return f.Sync() }

// metaPages is how many pages at the beginning of a bbolt file name a root each; the
// newest that is whole is in force.
const metaPages = 2

// confirm sees to it that the newest transaction which the file shows is on the disk,
// before anything is written on its word: over pages that were free in it, or over
// records of the log that it says the file holds.
//
// A process that is killed before it has synced a meta page leaves one that only the
// page cache has. Syncing is enough then. But when a sync fails, the system may drop
// what it could not write, go on to show it, and succeed the next time that it is
// asked. So the meta pages are also written again as they are. What they lead to was
// synced, without an error, before they were written first.
func (e *boltEngine) confirm() error {
	if e.opt.ReadOnly || e.opt.NoSync {
		return nil
	}
	pages := make([]byte, metaPages*e.db.Info().PageSize)
	if _, err := io.ReadFull(io.NewSectionReader(e.file, 0, int64(len(pages))), pages); err != nil {
		return fmt.Errorf("meta pages: %w", err)
	}
	// A file system that writes nothing in place may have no space. The sync, which is
	// what a kill needs, has to do then.
	if err := e.opt.disk.writeAt(e.file, pages, 0); err != nil && !isFull(err) {
		return fmt.Errorf("meta pages: %w", err)
	}
	if err := e.opt.disk.datasync(e.file); err != nil {
		return fmt.Errorf("the disk does not confirm what the file holds: %w", errors.Join(ErrUnavailable, err))
	}
	return nil
}
