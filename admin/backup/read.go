package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
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

	"github.com/klauspost/compress/zstd"
)

const (
	maxManifest = 1 << 20 // bytes, and of the checksums
	maxWindow   = 128 << 20
)

// Progress is told how far something has come: bytes of all bytes.
type Progress func(done, total int64)

// unpack reads a backup, puts its members into dir, each synced to the disk, and
// compares the checksums. want says which members are put there; the others are
// read all the same. Errors: ErrForeign, ErrNewer, ErrDamaged, and those of writing.
func unpack(ctx context.Context, r io.Reader, dir string, want func(name string) bool, progress Progress) (*Manifest, error) {
	buffered := bufio.NewReaderSize(contextReader{ctx, r}, 1<<20)
	if magic, err := buffered.Peek(4); err != nil || !bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		if err != nil && err != io.EOF {
			return nil, err
		}
		return nil, ErrForeign
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return nil, err
	}
	defer z.Close()
	u := &unpacker{tar: tar.NewReader(z), dir: dir, sums: map[string]string{}, want: want, progress: progress}
	if err := u.all(); err != nil {
		return nil, err
	}
	// To the end: what follows could not be seen by anybody else either.
	if n, err := io.Copy(io.Discard, z); err != nil || n > maxManifest {
		return nil, fmt.Errorf("%w: something follows its end", ErrDamaged)
	}
	return u.manifest, nil
}

type unpacker struct {
	tar      *tar.Reader
	dir      string
	want     func(name string) bool
	progress Progress

	manifest *Manifest
	sums     map[string]string // name → checksum, of what was read
	done     int64
}

func (u *unpacker) all() error {
	text, err := u.small(manifestName)
	if err != nil {
		return err
	}
	if u.manifest, err = parseManifest(text); err != nil {
		return err
	}
	for _, e := range u.manifest.Members {
		if err := u.member(e); err != nil {
			return err
		}
	}
	if text, err = u.small(sumsName); err != nil {
		return err
	}
	return u.compare(text)
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
	case isContext(err), errors.As(err, new(*fs.PathError)):
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
func (u *unpacker) small(name string) ([]byte, error) {
	h, err := u.next(name)
	if err != nil {
		return nil, err
	}
	if h.Size > maxManifest {
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

func (u *unpacker) member(e Entry) (err error) {
	h, err := u.next(e.Name)
	if err != nil {
		return err
	}
	if h.Size != e.Size {
		return fmt.Errorf("%w: %s has %d bytes, the manifest says %d", ErrDamaged, e.Name, h.Size, e.Size)
	}
	sum := sha256.New()
	out := io.Writer(sum)
	if u.want(e.Name) {
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
