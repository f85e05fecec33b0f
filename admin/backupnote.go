package admin

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"convene/internal/atomicfile"
)

// BackupDone says that a backup is complete, where it belongs.
type BackupDone struct {
	File      string    `json:"file"`  // as the command was told; a matter of its folder and machine
	Bytes     int64     `json:"bytes"` // of the file
	Of        time.Time `json:"of"`    // the state that is in it
	Verified  bool      `json:"verified"`
	Encrypted bool      `json:"encrypted"`
}

// backupNote is the file in the data folder that says which backup was the last one.
const backupNote = "backup.json"

// NoteBackup notes the last backup that was completed, for whoever asks whether there is
// a late one.
func NoteBackup(ctx context.Context, c Conn, d BackupDone) error {
	_, err := call[None](ctx, c, "backup-done", d)
	return err
}

// LastBackup returns the last backup that was completed; nil: there was none.
func LastBackup(ctx context.Context, c Conn) (*BackupDone, error) {
	return call[*BackupDone](ctx, c, "backup-last", None{})
}

func (a *Admin) backupDone(_ context.Context, d BackupDone) (None, error) {
	text, err := json.Marshal(d)
	if err != nil {
		return None{}, err
	}
	return None{}, atomicfile.Write(filepath.Join(a.Data, backupNote), 0o600, func(w io.Writer) error {
		_, err := w.Write(append(text, '\n'))
		return err
	})
}

func (a *Admin) backupLast(context.Context, None) (*BackupDone, error) { return ReadLastBackup(a.Data) }

// ReadLastBackup is LastBackup of a data folder.
func ReadLastBackup(dataDir string) (*BackupDone, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, backupNote))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var d BackupDone
	return &d, json.Unmarshal(text, &d)
}
