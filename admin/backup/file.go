package backup

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/klauspost/compress/zstd"
)

// Extension ends the names of backups.
const Extension = ".cvb"

// Pack compresses what fill writes, has a checksum in each part, and encrypts it if there
// are recipients.
func Pack(w io.Writer, to []Recipient, fill func(io.Writer) error) error {
	out, end, err := encrypted(w, to)
	if err != nil {
		return err
	}
	z, err := zstd.NewWriter(out, zstd.WithEncoderCRC(true), zstd.WithEncoderConcurrency(1))
	if err != nil {
		return err
	}
	if err := fill(z); err != nil {
		return err // without the end of its frame
	}
	return errors.Join(z.Close(), end())
}

// WriteFile makes the backup at path of what fill writes: beside it first, synced and
// looked at by check, then in its place, durably. check may be nil. On error, what
// was at path before is there still. What an earlier one left that was killed is removed.
func WriteFile(path string, to []Recipient, fill func(io.Writer) error, check func(*os.File) error) (err error) {
	dir := filepath.Dir(path)
	if err := removeParts(path); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*"+partExtension)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(f.Name()))
		}
	}()
	if err = lockPart(f); err == nil {
		err = Pack(f, to, fill)
	}
	if err == nil {
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
	if err = removeIndex(path); err != nil { // it is of what was there before
		return err
	}
	if busy, err := removeLog(path); err != nil || busy {
		return errors.Join(err, fmt.Errorf("%s is followed by another command", path))
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	return syncFolder(dir)
}

// partExtension ends the name of a backup that is not complete.
const partExtension = ".part"

// lockPart holds a file that is being written, until it is closed: nobody removes it.
func lockPart(f *os.File) error { return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) }

// removeParts removes what is left beside path of backups that were killed: of that file,
// or of a folder's backups if it is one of those.
func removeParts(path string) error {
	of := escapeGlob(filepath.Base(path))
	if _, dated := fileTime(filepath.Base(path)); dated {
		of = "convene-*" + Extension
	}
	parts, err := filepath.Glob(filepath.Join(escapeGlob(filepath.Dir(path)), of+".*"+partExtension))
	if err != nil {
		return err
	}
	for _, part := range parts {
		f, err := os.OpenFile(part, os.O_RDWR, 0)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return err
		}
		if err = lockPart(f); err == nil {
			err = os.Remove(part)
		} else if errors.Is(err, syscall.EWOULDBLOCK) {
			err = nil // it is being written
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return nil
}

// escapeGlob is a path as a pattern that only it fits.
func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
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
// names. What a kept one continues is kept with it, and one that is being followed stays. Files
// with other names are left alone.
// Call it when a new one is complete.
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
	expired := keep.expired(times)
	if len(expired) == 0 {
		return removed, nil
	}
	goes := map[string]bool{}
	for _, t := range expired {
		goes[names[t]] = true
	}
	if err := keepBases(ctx, dir, goes); err != nil {
		return removed, err
	}
	for _, t := range expired {
		name := names[t]
		if !goes[name] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return removed, err
		}
		path := filepath.Join(dir, name)
		busy, err := removeLog(path)
		if err == nil && busy {
			continue
		}
		if err = errors.Join(err, os.Remove(path)); err != nil {
			return removed, fmt.Errorf("old backup: %w", err)
		}
		if err := removeIndex(path); err != nil {
			return removed, fmt.Errorf("old backup: %w", err)
		}
		removed = append(removed, name)
	}
	return removed, nil
}

// keepBases takes out of goes what those continue that stay, so that none is left
// without what it needs.
func keepBases(ctx context.Context, dir string, goes map[string]bool) error {
	list, err := Folder(ctx, dir, nil)
	if err != nil {
		return err
	}
	known := map[string]bool{}
	for _, b := range list {
		known[filepath.Base(b.Path)] = true
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, e := range files { // an encrypted one without an index may need any that is older
		name := e.Name()
		if _, dated := fileTime(name); !dated || known[name] || goes[name] {
			continue
		}
		if _, err := ReadManifest(ctx, filepath.Join(dir, name), nil); errors.Is(err, ErrEncrypted) {
			maps.DeleteFunc(goes, func(older string, _ bool) bool { return older < name })
		}
	}
	needed := map[string]bool{}               // IDs
	for _, b := range slices.Backward(list) { // what continues another is later than that
		name := filepath.Base(b.Path)
		if goes[name] && !needed[b.Manifest.ID] {
			continue
		}
		delete(goes, name)
		if b.Manifest.Base != nil {
			needed[b.Manifest.Base.ID] = true
		}
	}
	return nil
}

// removeIndex removes the index beside a backup, if there is one.
func removeIndex(path string) error {
	if err := os.Remove(path + IndexExtension); !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// SetIndex puts the index of the backup at path beside it, or with nil takes an earlier one
// away: of a backup that is not encrypted, it is read from that.
func SetIndex(path string, x *Index) error {
	if x == nil {
		return removeIndex(path)
	}
	return x.write(path)
}
