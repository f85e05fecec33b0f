package publish

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"convene/internal/engine"
)

// The tables of links.
const (
	tableLink   engine.Table = "publish"    // SHA-256 of the token → JSON of record
	tableLinkOf engine.Table = "publish-of" // GUID 0 id → SHA-256 of the token
)

// Tables returns the tables with which the engine of Links is opened.
func Tables() []engine.Table { return []engine.Table{tableLink, tableLinkOf} }

const (
	maxLinks     = 100 // of one person
	maxTitle     = 100 // characters
	MaxCalendars = 50  // of one link
	tokenSize    = 24  // random bytes of a token
	// hitsAfter is how long hits wait to be written: a feed that is asked for all the time
	// costs few commits. A crash loses the last of them.
	hitsAfter = 10 * time.Second
)

var (
	// ErrNoLink says that there is no such link: there never was one, it was revoked, or its
	// time is over.
	ErrNoLink = errors.New("no such published link")
	// ErrTooMany says that somebody has as many links as are allowed.
	ErrTooMany = errors.New("too many published links")
)

// A Link shows calendars to whoever has its token.
type Link struct {
	ID        string // 16 hexadecimal digits: it names the link, and opens nothing
	GUID      string // whose calendars
	Title     string
	Calendars []uint32  // by the numbers of their collections, which stay when they are renamed
	BusyOnly  bool      // when the owner is busy, and not with what
	Created   time.Time // UTC, as all
	Expires   time.Time // zero: never
	Hits      int       // how often it was asked for
	LastHit   time.Time // zero: never
}

// record is the JSON in tableLink.
type record struct {
	ID        string    `json:"id"`
	GUID      string    `json:"guid"`
	Title     string    `json:"title"`
	Calendars []uint32  `json:"calendars"`
	BusyOnly  bool      `json:"busyOnly,omitempty"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires,omitzero"`
	Hits      int       `json:"hits,omitempty"`
	LastHit   time.Time `json:"lastHit,omitzero"`
}

// Links are the links of everybody. It is safe for use by many goroutines.
type Links struct {
	Engine engine.Engine
	Now    func() time.Time
	Rand   io.Reader // nil: crypto/rand

	mu      sync.Mutex
	hits    map[[sha256.Size]byte]hits // not yet written
	flushed time.Time
}

type hits struct {
	n    int
	last time.Time
}

func hashOf(token string) [sha256.Size]byte { return sha256.Sum256([]byte(token)) }

func ownerPrefix(guid string) []byte { return append([]byte(guid), 0) }

// newToken makes a token and the number of a link.
func (l *Links) newToken() (token, id string, err error) {
	random := l.Rand
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, tokenSize+8)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", "", fmt.Errorf("published link: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret[:tokenSize]), hex.EncodeToString(secret[tokenSize:]), nil
}

// Add makes a link of what link says of GUID, Title, Calendars, BusyOnly and Expires. It
// returns the token, which cannot be had again. Errors: ErrTooMany, those of the engine.
func (l *Links) Add(ctx context.Context, link Link) (Link, string, error) {
	if len(link.Calendars) == 0 || len(link.Calendars) > MaxCalendars {
		return Link{}, "", fmt.Errorf("published link: %d calendars, want 1 to %d", len(link.Calendars), MaxCalendars)
	}
	token, id, err := l.newToken()
	if err != nil {
		return Link{}, "", err
	}
	rec := record{
		ID: id, GUID: link.GUID, Title: cleanTitle(link.Title), Calendars: slices.Clone(link.Calendars), BusyOnly: link.BusyOnly,
		Created: l.Now().UTC().Truncate(time.Second), Expires: link.Expires.UTC(),
	}
	hash := hashOf(token)
	err = l.Engine.Update(ctx, func(w engine.Writer) error {
		prefix, n := ownerPrefix(rec.GUID), 0
		for range w.Scan(tableLinkOf, within(prefix)) {
			n++
		}
		if n >= maxLinks {
			return ErrTooMany
		}
		return put(w, hash[:], rec)
	})
	if err != nil {
		return Link{}, "", fmt.Errorf("published link: %w", err)
	}
	return Link(rec), token, nil
}

func within(prefix []byte) engine.Range {
	return engine.Range{From: prefix, To: append(bytes.Clone(prefix[:len(prefix)-1]), 1)}
}

func put(w engine.Writer, hash []byte, rec record) error {
	value, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return errors.Join(w.Put(tableLink, hash, value), w.Put(tableLinkOf, append(ownerPrefix(rec.GUID), rec.ID...), hash))
}

// get reads the record of a token's hash. Error: ErrNoLink.
func get(r engine.Reader, hash []byte) (rec record, err error) {
	v := r.Get(tableLink, hash)
	if v == nil {
		return rec, ErrNoLink
	}
	if err := json.Unmarshal(v, &rec); err != nil {
		return rec, fmt.Errorf("published link: %w", err)
	}
	return rec, nil
}

// Open returns the link of a token. Errors: ErrNoLink, those of the engine.
func (l *Links) Open(ctx context.Context, token string) (Link, error) {
	hash := hashOf(token)
	var rec record
	err := l.Engine.View(ctx, func(r engine.Reader) (err error) {
		rec, err = get(r, hash[:])
		return err
	})
	if err == nil && !rec.Expires.IsZero() && !l.Now().Before(rec.Expires) {
		err = ErrNoLink
	}
	return Link(rec), err
}

// Hit counts that a link was asked for. Error: that of the engine; then it counts later.
func (l *Links) Hit(ctx context.Context, token string) error {
	hash, now := hashOf(token), l.Now().UTC().Truncate(time.Second)
	l.mu.Lock()
	if l.hits == nil {
		l.hits = map[[sha256.Size]byte]hits{}
	}
	h := l.hits[hash]
	l.hits[hash] = hits{h.n + 1, now}
	due := now.Sub(l.flushed) >= hitsAfter
	if due {
		l.flushed = now
	}
	l.mu.Unlock()
	if !due {
		return nil
	}
	return l.Flush(ctx)
}

// Flush writes how often links were asked for.
func (l *Links) Flush(ctx context.Context) error {
	l.mu.Lock()
	counted := l.hits
	l.hits = nil
	l.mu.Unlock()
	if len(counted) == 0 {
		return nil
	}
	err := l.Engine.Update(ctx, func(w engine.Writer) error {
		for hash, h := range counted {
			rec, err := get(w, hash[:])
			if errors.Is(err, ErrNoLink) {
				continue // revoked meanwhile
			}
			if err != nil {
				return err
			}
			rec.Hits += h.n
			rec.LastHit = h.last
			if err := put(w, hash[:], rec); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.hits == nil {
			l.hits = map[[sha256.Size]byte]hits{}
		}
		for hash, h := range counted {
			newer := l.hits[hash]
			if newer.n > 0 {
				h.last = newer.last
			}
			l.hits[hash] = hits{h.n + newer.n, h.last}
		}
	}
	return err
}

// List returns somebody's links, also those whose time is over, the newest first.
func (l *Links) List(ctx context.Context, guid string) (out []Link, err error) {
	err = l.Engine.View(ctx, func(r engine.Reader) error {
		out = nil
		var hashes [][]byte
		for _, v := range r.Scan(tableLinkOf, within(ownerPrefix(guid))) {
			hashes = append(hashes, bytes.Clone(v))
		}
		for _, hash := range hashes {
			rec, err := get(r, hash)
			if err != nil {
				return err
			}
			link := Link(rec)
			l.pending(hash, &link)
			out = append(out, link)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Link) int { return cmp.Or(b.Created.Compare(a.Created), strings.Compare(a.ID, b.ID)) })
	return out, err
}

// pending adds what was not written yet.
func (l *Links) pending(hash []byte, link *Link) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h, ok := l.hits[[sha256.Size]byte(hash)]; ok {
		link.Hits += h.n
		link.LastHit = h.last
	}
}

// Revoke ends a link at once and returns what it was. Error: ErrNoLink, they have no such
// link.
func (l *Links) Revoke(ctx context.Context, guid, id string) (Link, error) {
	var rec record
	err := l.Engine.Update(ctx, func(w engine.Writer) (err error) {
		var hash []byte
		if hash, rec, err = find(w, guid, id); err != nil {
			return err
		}
		return errors.Join(w.Delete(tableLink, hash), w.Delete(tableLinkOf, append(ownerPrefix(guid), id...)))
	})
	return Link(rec), err
}

// Count is how many links somebody has.
func (l *Links) Count(ctx context.Context, guid string) (n int, err error) {
	list, err := l.List(ctx, guid)
	return len(list), err
}

// RevokeAll ends all links of somebody at once, and returns how many there were.
func (l *Links) RevokeAll(ctx context.Context, guid string) (n int, err error) {
	err = l.Engine.Update(ctx, func(w engine.Writer) error {
		n = 0
		own := map[string][]byte{} // by key of tableLinkOf
		for k, hash := range w.Scan(tableLinkOf, within(ownerPrefix(guid))) {
			own[string(k)] = bytes.Clone(hash)
		}
		for k, hash := range own {
			if err := errors.Join(w.Delete(tableLink, hash), w.Delete(tableLinkOf, []byte(k))); err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

// Rotate gives a link another token, which it returns: what was handed out before opens
// nothing any more. Error: ErrNoLink.
func (l *Links) Rotate(ctx context.Context, guid, id string) (Link, string, error) {
	token, _, err := l.newToken()
	if err != nil {
		return Link{}, "", err
	}
	var rec record
	fresh := hashOf(token)
	err = l.Engine.Update(ctx, func(w engine.Writer) (err error) {
		var hash []byte
		if hash, rec, err = find(w, guid, id); err != nil {
			return err
		}
		return errors.Join(w.Delete(tableLink, hash), put(w, fresh[:], rec))
	})
	return Link(rec), token, err
}

func find(r engine.Reader, guid, id string) ([]byte, record, error) {
	hash := bytes.Clone(r.Get(tableLinkOf, append(ownerPrefix(guid), id...)))
	if hash == nil {
		return nil, record{}, ErrNoLink
	}
	rec, err := get(r, hash)
	return hash, rec, err
}

// cleanTitle makes a title one line of bounded length.
func cleanTitle(s string) string {
	r := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(s, "")), " "))
	return string(r[:min(len(r), maxTitle)])
}
