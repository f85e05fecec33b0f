package delegation

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// How many copies are kept: the last ones, the last one of each day, of each
// month.
const (
	keepLast    = 10
	keepDaily   = 14
	keepMonthly = 12

	copyEvery = 10 * time.Minute
)

// copied is when the last copy was made, and of which generation.
type copied struct {
	at         time.Time
	generation uint64
}

// Tend does what is due; it is to be called about each minute. It sees whether the
// file is still there, takes ended records out, and copies: after a change, but not
// more often than every 10 minutes. Errors: ErrRefused, and why a copy could not be
// made; the log has been told.
func (b *Book) Tend(ctx context.Context) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.ready(ctx); err != nil {
		return err
	}
	err := b.expire(ctx)
	if due, err2 := b.copyDue(); err2 != nil || due {
		err2 = errors.Join(err2, b.copy(ctx))
		if err2 != nil && ctx.Err() == nil { // at the end of the process the copy can wait
			b.log.ErrorContext(ctx, "the delegate database could not be copied", "error", err2)
		}
		err = errors.Join(err, err2)
	}
	return err
}

func (b *Book) copyDue() (bool, error) {
	if b.copied.at.IsZero() { // the first time since the start
		list, err := listCopies(b.path(copiesName))
		if err != nil {
			return false, err
		}
		if len(list) > 0 {
			b.copied = copied{list[0].Time, list[0].Generation}
		}
	}
	waited := b.opt.Clock().Sub(b.copied.at)
	return b.copied.generation != b.state.Generation && (waited >= copyEvery || waited < 0), nil
}

// copy adds a verified copy to the folder of copies, and drops those that are not
// kept. A copy that is wrong never gets a name.
func (b *Book) copy(ctx context.Context) error {
	dir := b.path(copiesName)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	path := filepath.Join(dir, fmt.Sprintf("delegates-%d.db", b.state.Generation))
	if err := b.copyTo(ctx, path); err != nil {
		return err
	}
	now := b.opt.Clock()
	if err := errors.Join(writeSum(path), os.Chtimes(path, now, now)); err != nil {
		return err
	}
	b.copied = copied{now, b.state.Generation}
	return prune(dir)
}

// copyTo writes a snapshot, reads it back, and gives it its name only then.
func (b *Book) copyTo(ctx context.Context, path string) (err error) {
	temp := path + ".new"
	defer func() {
		if err != nil {
			err = errors.Join(err, removeFile(temp))
		}
	}()
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	err = b.engine.Backup(ctx, f)
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	c, err := inspect(ctx, temp, Mark{})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrCopy, err)
	}
	if c.state != b.state {
		return fmt.Errorf("%w: it is of another state", ErrCopy)
	}
	return rename(temp, path)
}

// Backup writes a verified copy to a new file at path. Errors: those of the
// database, ErrCopy, fs.ErrExist.
func (b *Book) Backup(ctx context.Context, path string) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.engine == nil {
		return &StateError{b.State()}
	}
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("backup to %s: %w", path, fs.ErrExist)
	}
	if err := b.copyTo(ctx, path); err != nil {
		return fmt.Errorf("backup to %s: %w", path, err)
	}
	return nil
}

// A Copy is one of the copies in delegates.d.
type Copy struct {
	Path       string    `json:"path"`
	Generation uint64    `json:"generation"`
	Time       time.Time `json:"time"`
}

// Copies returns the copies in delegates.d, the newest first.
func (b *Book) Copies() ([]Copy, error) { return listCopies(b.path(copiesName)) }

func listCopies(dir string) (list []Copy, err error) {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	for _, e := range entries {
		digits, isCopy := strings.CutPrefix(e.Name(), "delegates-")
		digits, isDB := strings.CutSuffix(digits, ".db")
		n, err := strconv.ParseUint(digits, 10, 64)
		info, err2 := e.Info()
		if isCopy && isDB && err == nil && err2 == nil {
			list = append(list, Copy{filepath.Join(dir, e.Name()), n, info.ModTime()})
		}
	}
	slices.SortFunc(list, func(a, b Copy) int {
		if c := b.Time.Compare(a.Time); c != 0 {
			return c
		}
		return strings.Compare(b.Path, a.Path)
	})
	return list, err
}

// kept returns which copies of a list, the newest first, are kept.
func kept(list []Copy) map[string]bool {
	keep := map[string]bool{}
	days, months := map[string]bool{}, map[string]bool{}
	for i, c := range list {
		day, month := c.Time.UTC().Format("2006-01-02"), c.Time.UTC().Format("2006-01")
		last := i < keepLast
		daily := !days[day] && len(days) < keepDaily
		monthly := !months[month] && len(months) < keepMonthly
		days[day] = days[day] || daily
		months[month] = months[month] || monthly
		keep[c.Path] = last || daily || monthly
	}
	return keep
}

func prune(dir string) error {
	list, err := listCopies(dir)
	if err != nil {
		return err
	}
	keep := kept(list)
	for _, c := range list {
		if !keep[c.Path] {
			err = errors.Join(err, removeFile(c.Path))
			if err2 := os.Remove(c.Path + sumSuffix); !errors.Is(err2, fs.ErrNotExist) {
				err = errors.Join(err, err2)
			}
		}
	}
	return err
}

// sumSuffix is of the file beside a copy that has its SHA-256, as sha256sum(1)
// writes and checks it.
const sumSuffix = ".sha256"

func fileSum(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(h, f)
	return hex.EncodeToString(h.Sum(nil)), errors.Join(err, f.Close())
}

func writeSum(path string) error {
	sum, err := fileSum(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path+sumSuffix, []byte(sum+"  "+filepath.Base(path)+"\n"), 0o600)
}

// checkSum compares a copy with the sum beside it, if there is one. Errors:
// ErrCopy.
func checkSum(path string) error {
	want, err := os.ReadFile(path + sumSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	sum, err := fileSum(path)
	if err == nil && !strings.HasPrefix(string(want), sum+" ") {
		err = fmt.Errorf("%w: %s has another sum", ErrCopy, path)
	}
	return err
}
