package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"go.etcd.io/bbolt"
)

// ErrNoFile: there is a log, and the file that it belongs to is not there.
var ErrNoFile = errors.New("engine: the file is missing")

// unopenable is to be deferred by what opens e. It makes an error of a fault, and of
// the panic with which bbolt meets a page that cannot be one.
func (e *boltEngine) unopenable(err *error) {
	if p := recover(); p != nil {
		// Nobody can close what bbolt was opening. The lock would stay with its
		// mapping of the file.
		*err = errors.Join(fmt.Errorf("open %s: %w", e.path, damage(p)), syscall.Flock(int(e.file.Fd()), syscall.LOCK_UN), e.file.Close())
	}
}

// checkLength refuses a file that ends before its last page, such as a copy that
// was cut short. Reading beyond the end would end the process.
func (e *boltEngine) checkLength() error {
	info, err := e.file.Stat()
	if err != nil {
		return err
	}
	return e.db.View(func(tx *bbolt.Tx) error {
		if want := tx.Size(); info.Size() < want {
			return fmt.Errorf("%w: it has %d bytes of %d", ErrDamaged, info.Size(), want)
		}
		return nil
	})
}

// logAlone refuses to make a new file beside a log: whatever became of the file, the
// log holds what was acknowledged last, and a new file would not know it.
func logAlone(path string) error {
	switch info, err := os.Stat(path); {
	case err == nil && info.Size() > 0:
		return nil
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return err
	}
	info, err := os.Stat(logPath(path))
	if errors.Is(err, fs.ErrNotExist) || err == nil && info.Size() == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	return fmt.Errorf("%w, but its log %s is there: put the file back, or restore a backup; to begin without both, move the log away", ErrNoFile, logPath(path))
}
