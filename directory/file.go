package directory

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"convene/internal/filewatch"
	"convene/internal/password"
)

// File is a Directory kept in files. Make one with OpenFile. Files are looked
// at again, at most every CheckEvery, when a question comes.
type File struct {
	cfg FileConfig
	log *slog.Logger

	hashing *semaphore.Weighted // see password.NewLimit

	now     atomic.Pointer[Static]
	checked atomic.Int64 // Unix ns of the last look

	mu    sync.Mutex // one reload at a time
	seen  []stamp
	files []string
}

// stamp is what is remembered of a file to see whether it has changed.
type stamp struct {
	version filewatch.Version
	sum     [sha256.Size]byte
}

// The formats of FileConfig.Format.
const (
	formatLDIF     = "ldif"
	formatAccounts = "accounts"
	formatHtpasswd = "htpasswd"
	formatHtdigest = "htdigest"
)

// maxFile is the size in bytes of the largest file read.
const maxFile = 512 << 20

// OpenFile reads the files of cfg. Error: a file cannot be read or has a
// mistake in it.
func OpenFile(cfg FileConfig, o Options) (*File, error) {
	f := &File{cfg: cfg, log: cmp.Or(o.Log, slog.New(slog.DiscardHandler)), hashing: password.NewLimit()}
	if err := cfg.Check(); err != nil {
		return nil, err
	}
	f.cfg.Format = cfg.format()
	if htpasswd := f.cfg.Format == formatHtpasswd || f.cfg.Format == formatHtdigest; htpasswd && cfg.GroupFile == "" {
		beside := filepath.Join(filepath.Dir(cfg.File), "groups")
		if _, err := os.Stat(beside); err == nil {
			f.cfg.GroupFile = beside
		}
	}
	f.files = append([]string{cfg.File}, cfg.Extra...)
	if f.cfg.GroupFile != "" {
		f.files = append(f.files, f.cfg.GroupFile)
	}
	if err := f.load(true); err != nil {
		return nil, err
	}
	return f, nil
}

// guessFormat finds the format by the file's name.
func guessFormat(file string) string {
	name := strings.ToLower(filepath.Base(file))
	switch {
	case strings.HasSuffix(name, ".ldif"):
		return formatLDIF
	case strings.HasSuffix(name, ".xml"):
		return formatAccounts
	case strings.Contains(name, "digest"):
		return formatHtdigest
	}
	return formatHtpasswd
}

// Reload reads the files again if they have changed. On error the records
// stay as they were.
func (f *File) Reload(context.Context) error { return f.load(true) }

// Close ends the use of the files.
func (f *File) Close() error { return nil }

// Source identifies the configuration for CacheOptions.Source.
func (c FileConfig) Source() string {
	c.CheckEvery = 0
	return fingerprint("file", c)
}

// load reads the files if their contents differ from those read last. Unless
// look is set, files whose size and time are the same are not opened.
func (f *File) load(look bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	stamps := make([]stamp, len(f.files))
	changed := false
	for i, name := range f.files {
		version, err := filewatch.Look(name)
		if err != nil {
			return err
		}
		if version.Size() > maxFile {
			return fmt.Errorf("%s: larger than %d bytes", name, maxFile)
		}
		stamps[i] = stamp{version: version}
		changed = changed || f.seen == nil || !f.seen[i].version.Same(version)
	}
	if !changed && !look {
		return nil
	}
	contents := make([][]byte, len(f.files))
	same := f.seen != nil
	for i, name := range f.files {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		contents[i], stamps[i].sum = b, sha256.Sum256(b)
		same = same && f.seen[i].sum == stamps[i].sum
	}
	if same {
		f.seen = stamps
		return nil
	}
	s, err := f.parse(contents)
	if err != nil {
		return err
	}
	f.seen = stamps
	f.now.Store(s)
	f.checked.Store(time.Now().UnixNano())
	return nil
}

// parse makes the records of the files' contents, in the order of f.files.
func (f *File) parse(contents [][]byte) (*Static, error) {
	var records []Record
	var err error
	groups := []byte(nil)
	if f.cfg.GroupFile != "" {
		groups, contents = contents[len(contents)-1], contents[:len(contents)-1]
	}
	switch f.cfg.Format {
	case formatLDIF:
		records, err = readLDIF(&f.cfg, bytes.Join(contents, []byte("\n\n")), f.log)
	case formatAccounts:
		records, err = readAccounts(&f.cfg, contents)
	case formatHtpasswd:
		records, err = readHtpasswd(&f.cfg, contents[0], groups)
	case formatHtdigest:
		records, err = readHtdigest(&f.cfg, contents[0], groups)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.cfg.File, err)
	}
	if f.cfg.Format != formatLDIF { // its mapping has done so
		f.addKerberos(records)
	}
	s, err := newStatic(records, f.cfg.SearchCap, f.hashing)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.cfg.File, err)
	}
	return s, nil
}

func (f *File) addKerberos(records []Record) {
	for i := range records {
		if r := &records[i]; r.Type == User {
			r.inRealms(f.cfg.KerberosRealms)
		}
	}
}

// current returns the records, having looked whether the files have changed.
// One that cannot be read any more is logged, and the records stay.
func (f *File) current() *Static {
	last, now := f.checked.Load(), time.Now().UnixNano()
	if now-last > int64(cmp.Or(f.cfg.CheckEvery, DefaultFileConfig().CheckEvery)) && f.checked.CompareAndSwap(last, now) {
		if err := f.load(false); err != nil {
			level := slog.LevelError
			if errors.Is(err, fs.ErrNotExist) {
				level = slog.LevelWarn // being replaced by an editor, perhaps
			}
			f.log.Log(context.Background(), level, "directory file not reloaded", "err", err)
		}
	}
	return f.now.Load()
}

// Lookup implements Directory.
func (f *File) Lookup(ctx context.Context, key Key) (*Principal, error) {
	return f.current().Lookup(ctx, key)
}

// Groups implements Directory.
func (f *File) Groups(ctx context.Context, guid string) ([]string, error) {
	return f.current().Groups(ctx, guid)
}

// Members implements Directory.
func (f *File) Members(ctx context.Context, guid string, e Expansion) ([]*Principal, error) {
	return f.current().Members(ctx, guid, e)
}

// MemberGUIDs implements Directory.
func (f *File) MemberGUIDs(ctx context.Context, guid string, e Expansion) ([]string, error) {
	return f.current().MemberGUIDs(ctx, guid, e)
}

// Search implements Directory.
func (f *File) Search(ctx context.Context, q Query) ([]*Principal, error) {
	return f.current().Search(ctx, q)
}

// Authenticate implements Directory.
func (f *File) Authenticate(ctx context.Context, login, password string) (*Principal, error) {
	return f.current().Authenticate(ctx, login, password)
}

// DigestSecrets implements DigestSource.
func (f *File) DigestSecrets(ctx context.Context, guid string) (*DigestSecrets, error) {
	return f.current().DigestSecrets(ctx, guid)
}

// AsksServer implements DigestSource: nothing is asked.
func (f *File) AsksServer() bool { return false }

// HasHA1 implements DigestSource.
func (f *File) HasHA1() bool { return f.current().HasHA1() }

// HA1ForAll implements DigestSource.
func (f *File) HA1ForAll(algorithm string) bool { return f.current().HA1ForAll(algorithm) }
