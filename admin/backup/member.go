package backup

import (
	"context"
	"errors"
	"io"
)

// A Member is one file of the set.
type Member interface {
	// Name is the file's name, in the archive and in the data folder.
	Name() string

	// Snapshot keeps what it holds at this moment. Errors: fs.ErrNotExist if
	// there is no such file, which is a state like others.
	Snapshot(context.Context) (Snapshot, error)

	// Check opens the copy at path, reads all of it, and says what it holds and
	// what is wrong with it. It may change the copy's bytes, not what they mean.
	// Errors: ErrDamaged if it cannot be read at all, ErrNewer.
	Check(ctx context.Context, path string) (Facts, []string, error)

	// Restored tells the copy at path that it takes the place of one that went
	// on after the copy was made.
	Restored(ctx context.Context, path string) error
}

// A Snapshot is a member at one moment. It must be closed.
type Snapshot interface {
	Facts() Facts
	Size() int64 // what WriteTo writes, in bytes
	io.WriterTo
	io.Closer
}

// Facts are what a member holds: enough to see whether a copy is whole.
type Facts struct {
	ID      string           `json:"id,omitempty"` // identity of the file, the same in every copy
	Schema  uint64           `json:"schema,omitempty"`
	Changes uint64           `json:"changes,omitempty"` // that were counted, in all homes
	Counts  map[string]int64 `json:"counts,omitempty"`
}

// DelegatesName is the name of the file that says who acts for whom. It is
// restored only if that is asked for.
const DelegatesName = "delegates.db"

var (
	// ErrForeign: the file is no backup.
	ErrForeign = errors.New("not a backup of convene")

	// ErrDamaged: the backup is not whole, or not as it was written.
	ErrDamaged = errors.New("the backup is damaged")

	// ErrNewer: a later version wrote the backup.
	ErrNewer = errors.New("the backup was written by a later version")

	// ErrOccupied: there is data where the backup was to be restored.
	ErrOccupied = errors.New("there is data already")

	// ErrNoDelegates: the backup has no delegates to restore.
	ErrNoDelegates = errors.New("the backup has no " + DelegatesName)

	// ErrPartial: the backup has one member alone, which was not asked for.
	ErrPartial = errors.New("the backup has no more than one file of the set")

	// ErrInUse: another restore, or a server, uses the data folder.
	ErrInUse = errors.New("the data folder is in use")
)

// contextWriter ends with its context.
type contextWriter struct {
	ctx context.Context
	w   io.Writer
}

func (w contextWriter) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.w.Write(p)
}

// contextReader ends with its context.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (r contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.r.Read(p)
}
