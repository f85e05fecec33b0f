package backup

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"convene/internal/atomicfile"
)

// A work is the folder of a restore, and the lock that keeps others out of the data
// folder as long as the restore is under way.
type work struct {
	data string
	dir  string
	lock *os.File

	// committed: there is a journal, so the folder is not to be removed before
	// all is done.
	committed bool
}

const (
	lockName    = "lock"
	journalName = "journal.json"
)

// startWork makes the folder. What an earlier restore has left is finished or
// removed first. Errors: ErrInUse.
func startWork(data string) (*work, error) {
	if _, err := Resume(data); err != nil {
		return nil, err
	}
	w := &work{data: data, dir: filepath.Join(data, workName)}
	if err := os.Mkdir(w.dir, 0o700); err != nil {
		return nil, err
	}
	if err := w.take(); err != nil {
		return nil, err
	}
	return w, nil
}

// take takes the lock. Errors: ErrInUse.
func (w *work) take() (err error) {
	w.lock, err = os.OpenFile(filepath.Join(w.dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	err = syscall.Flock(int(w.lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = fmt.Errorf("%s: %w: a restore is under way", w.data, ErrInUse)
	}
	if err != nil {
		return errors.Join(err, w.lock.Close())
	}
	return nil
}

// end removes the folder, unless the exchange was begun and not finished, and gives
// the lock back.
func (w *work) end() error {
	var err error
	if !w.committed {
		err = os.RemoveAll(w.dir)
	}
	return errors.Join(err, w.lock.Close())
}

// A journal says which files change places. Once it is on the disk, the restore will
// be finished.
type journal struct {
	Folder string   `json:"folder"` // in the data folder, for the old files
	Aside  []string `json:"aside"`  // files that are moved there
	In     []string `json:"in"`     // files that take their place
}

func (j *journal) write(dir string) error {
	text, err := json.Marshal(j)
	if err != nil {
		return err
	}
	return atomicfile.Write(filepath.Join(dir, journalName), 0o600, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// readJournal returns fs.ErrNotExist if the exchange was not begun.
func readJournal(dir string) (*journal, error) {
	text, err := os.ReadFile(filepath.Join(dir, journalName))
	if err != nil {
		return nil, err
	}
	var j journal
	if err := json.Unmarshal(text, &j); err != nil {
		return nil, fmt.Errorf("journal of a restore: %w", err)
	}
	return &j, nil
}

// exchange moves the old files out and the new ones in. It may be run again after an
// interruption anywhere: while a new file is still in the work folder, the one in
// its place is old.
func (w *work) exchange(j *journal, at func(step string) error) error {
	w.committed = true
	aside := filepath.Join(w.data, j.Folder)
	if len(j.Aside) > 0 {
		if err := os.Mkdir(aside, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	for _, name := range j.Aside {
		if err := at("aside " + name); err != nil {
			return err
		}
		if err := w.setAside(j, name, filepath.Join(aside, name)); err != nil {
			return err
		}
	}
	if len(j.Aside) > 0 {
		if err := errors.Join(syncFolder(aside), syncFolder(w.data)); err != nil {
			return err
		}
	}
	for _, name := range j.In {
		if err := at("in " + name); err != nil {
			return err
		}
		err := os.Rename(filepath.Join(w.dir, name), filepath.Join(w.data, name))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := errors.Join(syncFolder(w.data), at("end")); err != nil {
		return err
	}
	// The journal first: what is left without it is only removed.
	if err := os.Remove(filepath.Join(w.dir, journalName)); err != nil {
		return err
	}
	w.committed = false
	return syncFolder(w.dir)
}

// setAside moves an old file away, unless that was done before.
func (w *work) setAside(j *journal, name, to string) error {
	if _, err := os.Lstat(to); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return os.Rename(filepath.Join(w.data, name), to)
}

// Outcome says what Resume found.
type Outcome string

const (
	Nothing  Outcome = ""         // no restore was interrupted
	Undone   Outcome = "undone"   // one that had changed nothing yet
	Finished Outcome = "finished" // one that had begun to put its files in place
)

// Resume is called before anything in a data folder is opened: it finishes a restore
// that was interrupted, or removes what it had prepared. Errors: ErrInUse if one is
// under way.
func Resume(data string) (o Outcome, err error) {
	w := &work{data: data, dir: filepath.Join(data, workName)}
	if _, err := os.Stat(w.dir); errors.Is(err, fs.ErrNotExist) {
		return Nothing, nil
	}
	if err := w.take(); err != nil {
		return Nothing, err
	}
	defer func() { err = errors.Join(err, w.end()) }()
	j, err := readJournal(w.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return Undone, nil
	}
	if err == nil {
		err = w.exchange(j, func(string) error { return nil })
	} else {
		w.committed = true
	}
	if err != nil {
		return Nothing, fmt.Errorf("restore that was interrupted: %w", err)
	}
	return Finished, nil
}

// UnderWay reports whether a restore is preparing files in a data folder, or was
// interrupted.
func UnderWay(data string) bool {
	_, err := os.Stat(filepath.Join(data, workName))
	return err == nil
}

// syncFolder makes the names in a folder last.
func syncFolder(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
