package backup

import (
	"archive/tar"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	maxManifest = 1 << 20 // bytes, and of the checksums
	maxWindow   = 128 << 20
)

// Progress is told how far something has come: bytes of all bytes.
type Progress func(done, total int64)

// unpack reads a backup, puts its members into dir, each synced to the disk, and
// compares the checksums. want says which members are put there; the others are
// read all the same. What the backup continues is read too, if it is a File, and what
// changed after it is taken in. Errors:
// ErrForeign, ErrNewer, ErrDamaged, ErrChain, those of Decrypted and of writing.
func unpack(ctx context.Context, r io.Reader, dir string, want func(name string) bool, progress Progress) (*Manifest, error) {
	u := &unpacker{dir: dir, sums: map[string]string{}, want: want, progress: progress}
	if err := u.read(ctx, r); err != nil {
		return nil, err
	}
	if f, ok := r.(*File); ok && f.written && f.depth == 0 {
		if err := f.takeIn(ctx, u); err != nil {
			return nil, err
		}
	}
	return u.manifest, nil
}

type unpacker struct {
	tar      *tar.Reader
	dir      string
	want     func(name string) bool
	progress Progress

	// blocks takes in calendars.db; nil: it is put into dir, if it is wanted.
	blocks *differ

	manifest *Manifest
	sums     map[string]string // name → checksum, of what was read
	done     int64
}

// read reads a backup to its end.
func (u *unpacker) read(ctx context.Context, r io.Reader) error {
	var z io.Reader
	return inArchive(ctx, r, func(t *tar.Reader, stream io.Reader) error {
		u.tar, z = t, stream
		if err := u.all(ctx, r); err != nil {
			return err
		}
		// To the end: what follows could not be seen by anybody else either.
		if n, err := io.Copy(io.Discard, z); err != nil || n > maxManifest {
			return fmt.Errorf("%w: something follows its end", ErrDamaged)
		}
		return nil
	})
}

func (u *unpacker) readManifest() (*Manifest, error) {
	text, err := u.small(manifestName, maxManifest)
	if err != nil {
		return nil, err
	}
	return parseManifest(text)
}

// all reads the entries. from is where they come from, for what they continue.
func (u *unpacker) all(ctx context.Context, from io.Reader) (err error) {
	if u.manifest, err = u.readManifest(); err != nil {
		return err
	}
	for i := range u.manifest.Members {
		e := &u.manifest.Members[i]
		if e.Changed != nil {
			err = u.changes(ctx, from, e)
		} else {
			err = u.member(e)
		}
		if err != nil {
			return err
		}
	}
	text, err := u.small(sumsName, maxManifest)
	if err != nil {
		return err
	}
	return u.compare(text)
}

// changes reads what a member is to the one of the backup that this one continues, and
// makes it of that.
func (u *unpacker) changes(ctx context.Context, from io.Reader, e *Entry) error {
	path := filepath.Join(u.dir, e.Name)
	wanted := u.want(e.Name)
	if wanted {
		if err := u.base(ctx, from); err != nil {
			return err
		}
	}
	h, err := u.next(changedName)
	if err != nil {
		return err
	}
	if h.Size != *e.Changed {
		return fmt.Errorf("%w: %s has %d bytes, the manifest says %d", ErrDamaged, changedName, h.Size, *e.Changed)
	}
	sum := sha256.New()
	if wanted {
		r, w := io.Pipe()
		done := make(chan error, 1)
		go func() {
			err := applyBlocks(path, e.Size, r)
			r.CloseWithError(err) // always nil
			done <- err
		}()
		err := u.copy(changedName, io.MultiWriter(sum, w))
		w.CloseWithError(err) // always nil
		if applied := <-done; err == nil {
			err = applied
		}
		if err != nil {
			return ofReading(changedName, err)
		}
	} else if err := u.copy(changedName, sum); err != nil {
		return err
	}
	u.sums[changedName] = hex.EncodeToString(sum.Sum(nil))
	sums, err := u.small(blockSumsName, blocksOf(e.Size)*sumSize)
	if err != nil {
		return err
	}
	if u.blocks != nil {
		u.blocks.sums = sums
	}
	if wanted {
		return compareBlocks(path, sums)
	}
	return nil
}

// base puts calendars.db of the backup that this one continues into u.dir. Errors: those
// of unpack.
func (u *unpacker) base(ctx context.Context, from io.Reader) error {
	f, ok := from.(*File)
	if !ok {
		return fmt.Errorf("%w: it continues another backup: name its file, beside which that one is", ErrChain)
	}
	b := u.manifest.Base
	next, err := f.base(ctx, b)
	if err != nil {
		return err
	}
	m, err := unpack(ctx, next, u.dir, func(name string) bool { return name == calendarsName }, nil)
	if err = errors.Join(err, next.Close()); err != nil {
		return fmt.Errorf("%s: %w", filepath.Base(next.path), err)
	}
	if m.ID != b.ID || !m.Has(calendarsName) {
		return fmt.Errorf("%w: %s is not what it continues", ErrChain, filepath.Base(next.path))
	}
	return nil
}

// next goes to the entry called name, which must be the next one.
func (u *unpacker) next(name string) (*tar.Header, error) {
	h, err := u.tar.Next()
	if name == manifestName && (err == io.EOF || errors.Is(err, tar.ErrHeader) || err == nil && h.Name != name) {
		return nil, fmt.Errorf("%w: it does not begin with %s", ErrForeign, name)
	}
	if err == nil && (h.Name != name || h.Typeflag != tar.TypeReg) {
		return nil, fmt.Errorf("%w: %q is where %s should be", ErrDamaged, h.Name, name)
	}
	if err != nil {
		return nil, ofReading(name, err)
	}
	return h, nil
}

// ofReading says of an error of reading that it is the backup's fault.
func ofReading(name string, err error) error {
	switch {
	case isContext(err), errors.As(err, new(*fs.PathError)), errors.Is(err, ErrDamaged):
		return err
	case err == io.EOF, errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("%w: it ends before the end of %s", ErrDamaged, name)
	}
	return fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
}

func isContext(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// small reads an entry into memory.
func (u *unpacker) small(name string, most int64) ([]byte, error) {
	h, err := u.next(name)
	if err != nil {
		return nil, err
	}
	if h.Size > most {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrDamaged, name, h.Size)
	}
	text, err := io.ReadAll(u.tar)
	if err != nil {
		return nil, ofReading(name, err)
	}
	sum := sha256.Sum256(text)
	u.sums[name] = hex.EncodeToString(sum[:])
	return text, nil
}

func (u *unpacker) member(e *Entry) (err error) {
	h, err := u.next(e.Name)
	if err != nil {
		return err
	}
	if h.Size != e.Size {
		return fmt.Errorf("%w: %s has %d bytes, the manifest says %d", ErrDamaged, e.Name, h.Size, e.Size)
	}
	sum := sha256.New()
	out := io.Writer(sum)
	if u.blocks != nil && e.Name == calendarsName {
		if err := u.copy(e.Name, io.MultiWriter(sum, u.blocks)); err != nil {
			return err
		}
		if err := u.blocks.end(); err != nil {
			return err
		}
	} else if u.want(e.Name) {
		f, err := os.OpenFile(filepath.Join(u.dir, e.Name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, f.Close()) }()
		if err := u.copy(e.Name, io.MultiWriter(sum, f)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	} else if err := u.copy(e.Name, out); err != nil {
		return err
	}
	u.sums[e.Name] = hex.EncodeToString(sum.Sum(nil))
	return nil
}

// copy copies the current entry, and tells errors of reading from those of writing.
func (u *unpacker) copy(name string, w io.Writer) error {
	buf := make([]byte, 256<<10)
	for {
		n, err := u.tar.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
			u.done += int64(n)
			if u.progress != nil {
				u.progress(u.done, u.manifest.Bytes())
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return ofReading(name, err)
		}
	}
}

// compare compares what was read with the list of checksums.
func (u *unpacker) compare(list []byte) error {
	delete(u.sums, sumsName)
	for line := range strings.Lines(string(list)) {
		sum, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  ")
		got, known := u.sums[name]
		if !ok || !known {
			return fmt.Errorf("%w: its checksums name %q", ErrDamaged, name)
		}
		if got != sum {
			return fmt.Errorf("%w: %s is not as it was written", ErrDamaged, name)
		}
		delete(u.sums, name)
	}
	for name := range u.sums {
		return fmt.Errorf("%w: there is no checksum of %s", ErrDamaged, name)
	}
	return nil
}
