package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Extension ends the names of backups.
const Extension = ".cvb"

// Pack compresses what fill writes, and has a checksum in each part.
func Pack(w io.Writer, fill func(io.Writer) error) error {
	z, err := zstd.NewWriter(w, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := fill(z); err != nil {
		return err // without the end of its frame
	}
	return z.Close()
}

// WriteFile makes the backup at path of what fill writes: beside it first, synced and
// looked at by check, then in its place, durably. check may be nil. On error, what
// was at path before is there still.
func WriteFile(path string, fill func(io.Writer) error, check func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.part")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = Pack(f, fill); err == nil {
		err = f.Sync()
	}
	if err == nil && check != nil {
		if _, err = f.Seek(0, io.SeekStart); err == nil {
			err = check(f)
		}
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// FileName is the name of a backup in a folder of backups.
func FileName(t time.Time) string { return "convene-" + t.UTC().Format(stamp) + Extension }

// fileTime returns the time in the name of a backup.
func fileTime(name string) (time.Time, bool) {
	text, ok := strings.CutPrefix(name, "convene-")
	text, ok2 := strings.CutSuffix(text, Extension)
	t, err := time.Parse(stamp, text)
	return t, ok && ok2 && err == nil
}

// Prune removes the backups in a folder that keep does not keep, and returns their
// names. Files with other names are left alone. Call it when a new one is complete.
func Prune(ctx context.Context, dir string, keep Keep) (removed []string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	names := map[time.Time]string{}
	var times []time.Time
	for _, e := range entries {
		if t, ok := fileTime(e.Name()); ok && e.Type().IsRegular() {
			names[t] = e.Name()
			times = append(times, t)
		}
	}
	removed = []string{}
	for _, t := range keep.expired(times) {
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		if err := os.Remove(filepath.Join(dir, names[t])); err != nil {
			return removed, fmt.Errorf("old backup: %w", err)
		}
		removed = append(removed, names[t])
	}
	return removed, nil
}
