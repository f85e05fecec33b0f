package backup

import (
	"archive/tar"
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/klauspost/compress/zstd"

	"convene/internal/atomicfile"
)

// maxChain bounds how many backups one may rest on.
const maxChain = 1000

// ErrChain: a backup that another one continues is not there, or is not the one that it
// was.
var ErrChain = errors.New("the chain of backups is broken")

// A Base is the backup that another one continues.
type Base struct {
	ID   string    `json:"id"`
	Time time.Time `json:"time"`
}

// A File is a backup in a file. It is read from the beginning, decrypted; what it
// continues, and what was followed after it, is looked for in its folder.
type File struct {
	f     *os.File
	path  string
	keys  []Identity
	plain io.Reader // nil before the first Read
	depth int

	written bool      // and may have been followed
	until   time.Time // zero: all that followed
}

// Open opens the backup at path. keys decrypt it, and those that it continues.
func Open(path string, keys []Identity) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	file := FileAt(f, path, keys)
	file.written = true
	return file, nil
}

// FileAt is the backup that is being written to f, and will be at path. Its Close closes
// f.
func FileAt(f *os.File, path string, keys []Identity) *File {
	return &File{f: f, path: path, keys: keys}
}

// Read implements io.Reader. Errors: those of Decrypted.
func (f *File) Read(p []byte) (n int, err error) {
	if f.plain == nil {
		if f.plain, err = Decrypted(f.f, f.keys); err != nil {
			return 0, err
		}
	}
	return f.plain.Read(p)
}

// Close implements io.Closer.
func (f *File) Close() error { return f.f.Close() }

// base opens what f continues. Errors: ErrChain.
func (f *File) base(ctx context.Context, b *Base) (*File, error) {
	if f.depth == maxChain {
		return nil, fmt.Errorf("%w: it has more than %d members", ErrChain, maxChain)
	}
	list, err := Folder(ctx, filepath.Dir(f.path), f.keys)
	if err != nil {
		return nil, err
	}
	for _, m := range list {
		if m.Manifest.ID == b.ID && m.Path != f.path {
			next, err := Open(m.Path, f.keys)
			if err == nil {
				next.depth = f.depth + 1
			}
			return next, err
		}
	}
	return nil, fmt.Errorf("%w: %s continues the backup of %s, which is not in its folder", ErrChain, filepath.Base(f.path), b.Time.Format(time.RFC3339))
}

// A Stored is a backup in a folder.
type Stored struct {
	Path     string
	Manifest *Manifest
}

// Folder lists the backups in a folder, the oldest first. Files that are none, are
// damaged at their beginning or cannot be decrypted are left out, but for encrypted ones
// with an index beside them.
func Folder(ctx context.Context, dir string, keys []Identity) ([]Stored, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []Stored
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		path := filepath.Join(dir, e.Name())
		if !strings.HasSuffix(e.Name(), Extension) || !e.Type().IsRegular() {
			continue
		}
		if m, err := ReadManifest(ctx, path, keys); err == nil {
			list = append(list, Stored{path, m})
		} else if index, err := readIndexFile(path); err == nil {
			list = append(list, Stored{path, index.manifest()})
		}
	}
	slices.SortStableFunc(list, func(a, b Stored) int { return a.Manifest.Time.Compare(b.Manifest.Time) })
	return list, nil
}

// At returns the newest backup of a folder that is not later than a moment. Errors:
// fs.ErrNotExist.
func At(ctx context.Context, dir string, keys []Identity, at time.Time) (path string, err error) {
	list, err := Folder(ctx, dir, keys)
	if err != nil {
		return "", err
	}
	for _, b := range slices.Backward(list) {
		if b.Manifest.Only == "" && !b.Manifest.Time.After(at) {
			return b.Path, nil
		}
	}
	return "", fmt.Errorf("%s: no backup of %s or before: %w", dir, at.Format(time.RFC3339), fs.ErrNotExist)
}

// ReadManifest reads the manifest of a backup, and nothing behind it. Errors: those of
// Verify.
func ReadManifest(ctx context.Context, path string, keys []Identity) (m *Manifest, err error) {
	f, err := Open(path, keys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	err = inArchive(ctx, f, func(r *tar.Reader, _ io.Reader) error {
		u := &unpacker{tar: r, sums: map[string]string{}}
		m, err = u.readManifest()
		return err
	})
	return m, err
}

// inArchive gives fn the tar archive in a backup.
func inArchive(ctx context.Context, r io.Reader, fn func(t *tar.Reader, stream io.Reader) error) error {
	buffered := bufio.NewReaderSize(contextReader{ctx, r}, 1<<20)
	if magic, err := buffered.Peek(4); err != nil || !bytes.Equal(magic, []byte{0x28, 0xb5, 0x2f, 0xfd}) {
		switch {
		case err != nil && errors.Is(err, io.ErrUnexpectedEOF):
			return fmt.Errorf("%w: it ends at its beginning", ErrDamaged)
		case err != nil && err != io.EOF:
			return err
		}
		return ErrForeign
	}
	z, err := zstd.NewReader(buffered, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderConcurrency(1))
	if err != nil {
		return err
	}
	defer z.Close()
	return fn(tar.NewReader(z), z)
}

// An Index is what must be known of a backup to write one that continues it.
type Index struct {
	Base
	Continues *Base  `json:"continues,omitempty"`
	File      string `json:"file"` // identity of calendars.db
	Sum       string `json:"sum"`  // SHA-256 of Blocks
	Blocks    []byte `json:"-"`    // sums of the blocks of calendars.db
}

func (x *Index) manifest() *Manifest {
	return &Manifest{ID: x.ID, Time: x.Time, Base: x.Continues}
}

// indexOf is the index of a backup with blocks of these sums.
func indexOf(m *Manifest, sums []byte) *Index {
	sum := sha256.Sum256(sums)
	x := &Index{Base: Base{m.ID, m.Time}, Continues: m.Base, Sum: hex.EncodeToString(sum[:]), Blocks: sums}
	if e := m.entry(calendarsName); e != nil {
		x.File = e.ID
	}
	return x
}

// IndexExtension ends the name of the file beside an encrypted backup that has its Index:
// whoever continues the backup needs no key.
const IndexExtension = ".index"

// write writes the index beside the backup at path.
func (x *Index) write(path string) error {
	head, err := json.Marshal(x)
	if err != nil {
		return err
	}
	return atomicfile.Write(path+IndexExtension, 0o600, func(w io.Writer) error {
		for _, b := range [][]byte{head, {'\n'}, x.Blocks} {
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// readIndexFile reads the index beside the backup at path. Errors: fs.ErrNotExist,
// ErrDamaged.
func readIndexFile(path string) (*Index, error) {
	text, err := os.ReadFile(path + IndexExtension)
	if err != nil {
		return nil, err
	}
	var x Index
	head, blocks, found := bytes.Cut(text, []byte{'\n'})
	sum := sha256.Sum256(blocks)
	if err := json.Unmarshal(head, &x); err != nil || !found || x.Sum != hex.EncodeToString(sum[:]) || len(blocks)%sumSize != 0 {
		return nil, fmt.Errorf("%w: %s is not as it was written", ErrDamaged, filepath.Base(path)+IndexExtension)
	}
	x.Blocks = blocks
	return &x, nil
}

// ReadIndex returns the index of the backup at path: from beside it, or by reading all of
// it. Errors: those of Verify; ErrChain, it cannot be continued.
func ReadIndex(ctx context.Context, path string, keys []Identity) (x *Index, err error) {
	if x, err = readIndexFile(path); !errors.Is(err, fs.ErrNotExist) {
		return x, err
	}
	f, err := Open(path, keys)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	u := &unpacker{sums: map[string]string{}, want: func(string) bool { return false }, blocks: &differ{}}
	if err := u.read(ctx, f); err != nil {
		return nil, err
	}
	switch m := u.manifest; {
	case m.ID == "":
		return nil, fmt.Errorf("%w: %s is of an earlier version: begin with a whole backup", ErrChain, filepath.Base(path))
	case !m.Has(calendarsName):
		return nil, fmt.Errorf("%w: %s has no %s", ErrChain, filepath.Base(path), calendarsName)
	default:
		return indexOf(m, u.blocks.sums), nil
	}
}

// ErrReplaces: a backup would take the place of one that it needs.
var ErrReplaces = errors.New("the backup would replace one that it continues")

// ReadBase is ReadIndex for a backup that will be at path and continue the one at last,
// beside it. Errors: as ReadIndex; ErrReplaces; ErrChain, they are in different folders,
// or last needs one that is not there.
func ReadBase(ctx context.Context, last, path string, keys []Identity) (*Index, error) {
	folder := filepath.Dir(path)
	a, err := os.Stat(filepath.Dir(last))
	if err != nil {
		return nil, err
	}
	b, err := os.Stat(folder)
	if err != nil {
		return nil, err
	}
	x, err := ReadIndex(ctx, last, keys)
	if err != nil {
		return nil, err
	}
	if !os.SameFile(a, b) {
		return nil, fmt.Errorf("%w: it would not be beside %s, which it continues", ErrChain, last)
	}
	if filepath.Base(last) == filepath.Base(path) {
		return nil, fmt.Errorf("%w: %s", ErrReplaces, path)
	}
	list, err := Folder(ctx, folder, keys)
	if err != nil {
		return nil, err
	}
	for next, n := x.Continues, 0; next != nil && n < maxChain; n++ {
		i := slices.IndexFunc(list, func(s Stored) bool { return s.Manifest.ID == next.ID })
		if i < 0 {
			return nil, fmt.Errorf("%w: the backup of %s is missing, which %s needs", ErrChain, next.Time.Format(time.RFC3339), filepath.Base(last))
		}
		if filepath.Base(list[i].Path) == filepath.Base(path) {
			return nil, fmt.Errorf("%w: %s", ErrReplaces, path)
		}
		next = list[i].Manifest.Base
	}
	return x, nil
}

// WriteSince writes a backup that continues base to w, not compressed: what is another in
// calendars.db, and the other members whole. whole writes all of it, as Write does. It
// uses a folder below temp. Errors: those of whole and of writing; ErrChain, base is of
// another server.
func WriteSince(ctx context.Context, w io.Writer, base *Index, whole func(io.Writer) error, temp string) (m *Manifest, x *Index, err error) {
	dir, err := os.MkdirTemp(temp, "convene-since-")
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	changed, err := os.OpenFile(filepath.Join(dir, changedName), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, changed.Close()) }()
	out := bufio.NewWriterSize(changed, 1<<20)
	u := &unpacker{
		dir: dir, sums: map[string]string{}, want: func(name string) bool { return name != calendarsName },
		blocks: &differ{base: base.Blocks, changed: out},
	}
	if err := u.piped(ctx, whole); err != nil {
		return nil, nil, err
	}
	if err := out.Flush(); err != nil {
		return nil, nil, err
	}
	m = u.manifest
	e := m.entry(calendarsName)
	if e == nil || e.ID != base.File {
		return nil, nil, fmt.Errorf("%w: the backup of %s is of another server", ErrChain, base.Time.Format(time.RFC3339))
	}
	e.Changed = &u.blocks.written
	m.Format, m.Base = formatChain, &base.Base
	return m, indexOf(m, u.blocks.sums), u.writeChain(ctx, w)
}

// piped reads what whole writes.
func (u *unpacker) piped(ctx context.Context, whole func(io.Writer) error) error {
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := whole(w)
		w.CloseWithError(err) // always nil
		done <- err
	}()
	u.tar = tar.NewReader(contextReader{ctx, r})
	err := u.all(ctx, nil)
	if err == nil {
		_, err = io.Copy(io.Discard, r) // the padding at the end
	}
	// A writer that is told why is the first to know what went wrong.
	r.CloseWithError(err) // always nil
	if failed := <-done; failed != nil {
		return failed
	}
	return err
}

// writeChain writes the archive of what was read into u.dir.
func (u *unpacker) writeChain(ctx context.Context, w io.Writer) error {
	a := newArchive(contextWriter{ctx, w}, u.manifest.Time)
	text, err := json.MarshalIndent(u.manifest, "", "  ")
	if err != nil {
		return err
	}
	if err := a.add(manifestName, content(append(text, '\n'))); err != nil {
		return err
	}
	for _, e := range u.manifest.Members {
		if e.Changed == nil {
			err = a.addFile(e.Name, filepath.Join(u.dir, e.Name))
		} else if err = a.addFile(changedName, filepath.Join(u.dir, changedName)); err == nil {
			err = a.add(blockSumsName, content(u.blocks.sums))
		}
		if err != nil {
			return err
		}
	}
	return a.close()
}

func (a *archive) addFile(name, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil {
		err = a.add(name, fileContent{f, info.Size()})
	}
	return errors.Join(err, f.Close())
}

// fileContent is a file as the content of an entry.
type fileContent struct {
	f    *os.File
	size int64
}

func (fileContent) Facts() Facts                         { return Facts{} }
func (c fileContent) Size() int64                        { return c.size }
func (fileContent) Close() error                         { return nil }
func (c fileContent) WriteTo(w io.Writer) (int64, error) { return io.Copy(w, c.f) }

// An Indexer takes in a whole archive as it is written, and makes its Index.
type Indexer struct {
	w    *io.PipeWriter
	done chan error
	u    *unpacker
}

// NewIndexer returns an Indexer. Index or Abandon must be called.
func NewIndexer() *Indexer {
	r, w := io.Pipe()
	x := &Indexer{w, make(chan error, 1), &unpacker{sums: map[string]string{}, want: func(string) bool { return false }, blocks: &differ{}}}
	go func() {
		x.u.tar = tar.NewReader(r)
		err := x.u.all(context.Background(), nil)
		if err == nil {
			_, err = io.Copy(io.Discard, r)
		}
		r.CloseWithError(err) // always nil
		x.done <- err
	}()
	return x
}

// Write implements io.Writer.
func (x *Indexer) Write(p []byte) (int, error) { return x.w.Write(p) }

// Index returns the index after all was written.
func (x *Indexer) Index() (*Index, error) {
	if err := errors.Join(x.w.Close(), <-x.done); err != nil {
		return nil, err
	}
	return indexOf(x.u.manifest, x.u.blocks.sums), nil
}

// errAbandoned ends an Indexer.
var errAbandoned = errors.New("abandoned")

// Abandon ends what is not written to its end.
func (x *Indexer) Abandon() error {
	x.w.CloseWithError(errAbandoned) // always nil
	<-x.done
	return nil
}
