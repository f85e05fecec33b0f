package directory

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// The cache's file has one JSON object per line: a header, then principals,
// keys and groups, then a trailer. The file is a copy of what the directory
// said, so one that is damaged or of another version is simply not used.

const (
	cacheFormat  = "convene directory cache"
	cacheVersion = 1
)

// cacheLine is any line.
type cacheLine struct {
	// Header.
	Format  string `json:"format,omitempty"`
	Version int    `json:"version,omitempty"`
	Source  string `json:"source,omitempty"`

	// One of the answers, with its time (Unix s).
	Principal *Principal `json:"principal,omitempty"`
	Key       *Key       `json:"key,omitempty"`  // of the principal
	GUID      string     `json:"guid,omitempty"` // of the key's principal, or of the groups
	Groups    []string   `json:"groups,omitempty"`
	At        int64      `json:"at,omitempty"`

	// Trailer: how many answers there were.
	End int `json:"end,omitempty"`
}

// Save writes the file: under another name first, so that there is always a
// complete one.
func (c *Cache) Save() error {
	c.save.Lock()
	defer c.save.Unlock()
	f, err := os.CreateTemp(filepath.Dir(c.o.File), filepath.Base(c.o.File)+".*")
	if err != nil {
		return err
	}
	err = c.write(f)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), c.o.File)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

func (c *Cache) write(f *os.File) error {
	w := bufio.NewWriterSize(f, 64<<10)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(cacheLine{Format: cacheFormat, Version: cacheVersion, Source: c.o.Source}); err != nil {
		return err
	}
	var failed error
	n := 0
	put := func(l cacheLine) {
		if n++; failed == nil {
			failed = enc.Encode(l)
		}
	}
	oldest := c.o.Now().Add(-c.o.StaleFor).UnixNano()
	second := int64(time.Second)
	c.principals.all(func(it *item[Key, *Principal]) {
		switch {
		case it.at <= oldest:
		case it.key.By == GUID && it.key.Type == AnyType:
			put(cacheLine{Principal: it.v, At: it.at / second})
		default:
			put(cacheLine{Key: &it.key, GUID: it.v.GUID, At: it.at / second})
		}
	})
	c.groups.all(func(it *item[string, []string]) {
		if it.at > oldest {
			put(cacheLine{GUID: it.key, Groups: it.v, At: it.at / second})
		}
	})
	if failed != nil {
		return failed
	}
	if err := enc.Encode(cacheLine{End: n + 1}); err != nil {
		return err
	}
	return w.Flush()
}

// load reads the file. That there is none is no error.
func (c *Cache) load() error {
	f, err := os.Open(c.o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines, err := c.readLines(f)
	if err != nil {
		return err
	}
	// Times to come would keep an answer for ever; ones too old are useless.
	now := c.o.Now().Unix()
	oldest := now - int64(c.o.StaleFor/time.Second)
	valid := func(l *cacheLine) bool { return l.At > oldest && l.At <= now }
	known := make(map[string]*Principal, len(lines))
	for i := range lines {
		if l := &lines[i]; l.Principal != nil && valid(l) {
			known[l.Principal.GUID] = l.Principal
			c.principals.put(Key{By: GUID, Value: l.Principal.GUID}, l.Principal, l.At*int64(time.Second))
		}
	}
	for i := range lines {
		l := &lines[i]
		switch {
		case l.Principal != nil || !valid(l):
		case l.Key != nil && known[l.GUID] != nil:
			c.principals.put(*l.Key, known[l.GUID], l.At*int64(time.Second))
		case l.Key == nil && l.GUID != "":
			c.groups.put(l.GUID, l.Groups, l.At*int64(time.Second))
		}
	}
	return nil
}

// readLines reads and checks the whole file.
func (c *Cache) readLines(f *os.File) ([]cacheLine, error) {
	d := json.NewDecoder(bufio.NewReaderSize(f, 64<<10))
	var head cacheLine
	if err := d.Decode(&head); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	if head.Format != cacheFormat || head.Version != cacheVersion {
		return nil, fmt.Errorf("not a %s of version %d", cacheFormat, cacheVersion)
	}
	if head.Source != c.o.Source {
		return nil, errors.New("written under another configuration")
	}
	var out []cacheLine
	for {
		var l cacheLine
		if err := d.Decode(&l); err != nil {
			return nil, fmt.Errorf("answer %d: %w", len(out)+1, err)
		}
		if l.End != 0 {
			if l.End != len(out)+1 {
				return nil, fmt.Errorf("%d answers, not %d", len(out), l.End-1)
			}
			return out, nil
		}
		out = append(out, l)
	}
}
