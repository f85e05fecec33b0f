package auth

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
	"time"
	"unicode/utf8"

	"convene/directory"
	"convene/internal/engine"
)

const (
	// maxSessions are the sessions of one principal; a new one ends the one that was
	// used least recently.
	maxSessions = 32
	// seenResolution is how exactly the last use of a session is known: each note of it
	// is a commit.
	seenResolution = time.Minute
	tokenSize      = 32 // random bytes of a token
	maxAgent       = 160
)

// ErrNoSession says that a token opens no session: there never was one, or it has
// ended.
var ErrNoSession = errors.New("no such session")

// A Session is that of a browser in which somebody has signed in.
type Session struct {
	ID      string    // 16 hexadecimal digits: it names the session, and opens nothing
	GUID    string    // whose it is
	Login   string    // as typed or as in the ticket
	Scheme  string    // how they signed in
	Created time.Time // UTC, as all
	Seen    time.Time // to about a minute
	Fresh   time.Time // when they last signed in, or used what is only for who did so recently
	Address string    // of the last use
	Agent   string    // the browser's User-Agent
}

// Expires is when the session ends unless it is used.
func (s *Session) Expires(l SessionLimits) time.Time {
	idle, life := s.Seen.Add(l.Idle), s.Created.Add(l.Life)
	if life.Before(idle) {
		return life
	}
	return idle
}

// SessionLimits say how long sessions last.
type SessionLimits struct {
	Idle time.Duration // without use
	Life time.Duration // in all
}

// A Visit is what a session notes of a request.
type Visit struct {
	Address string
	Agent   string
}

// Sessions are the sessions of browsers. Of a session's token only the SHA-256 is
// kept, which opens nothing. They outlive the Authenticator that let people in: whether
// their record may still do so is to be asked for each request. It is safe for use by
// many goroutines.
type Sessions struct {
	Engine engine.Engine
	Now    func() time.Time
	Rand   io.Reader // nil: crypto/rand

	// Ended is told whose sessions were ended, some or all; "" is everybody. It must not wait.
	// nil: nobody is told.
	Ended func(guid string)
}

// sessionRecord is the JSON in tableSession.
type sessionRecord struct {
	ID      string    `json:"id"`
	GUID    string    `json:"guid"`
	Login   string    `json:"login"`
	Scheme  string    `json:"scheme"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"`
	Fresh   time.Time `json:"fresh"`
	Address string    `json:"address"`
	Agent   string    `json:"agent"`
	Epoch   uint32    `json:"epoch"` // the person's, when they signed in
}

func (r *sessionRecord) session() Session {
	return Session{r.ID, r.GUID, r.Login, r.Scheme, r.Created, r.Seen, r.Fresh, r.Address, r.Agent}
}

func (r *sessionRecord) expired(now time.Time, l SessionLimits) bool {
	s := r.session()
	return !now.Before(s.Expires(l))
}

// ownerKey is the key of a session among those of its owner.
func (r *sessionRecord) ownerKey() []byte { return append(devicePrefix(r.GUID), r.ID...) }

func tokenHash(token string) []byte {
	h := sha256.Sum256([]byte(token))
	return h[:]
}

// Begin begins a session for who has just signed in, and ends the one that replaced
// opens, which may be "": whoever knew its token does not know the new one. It returns
// the token, which cannot be had again.
func (s *Sessions) Begin(ctx context.Context, c *Caller, v Visit, replaced string) (token string, _ Session, err error) {
	random := s.Rand
	if random == nil {
		random = rand.Reader
	}
	secret := make([]byte, tokenSize+8)
	if _, err := io.ReadFull(random, secret); err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	token = base64.RawURLEncoding.EncodeToString(secret[:tokenSize])
	now := s.Now().UTC()
	rec := sessionRecord{
		ID: hex.EncodeToString(secret[tokenSize:]), GUID: c.Principal.GUID, Login: c.Login, Scheme: c.Scheme,
		Created: now, Seen: now, Fresh: now, Address: v.Address, Agent: cleanAgent(v.Agent),
	}
	err = s.Engine.Update(ctx, func(w engine.Writer) error {
		w.Guard(tableSessionEpoch, []byte(rec.GUID))
		rec.Epoch = getUint32(w.Get(tableSessionEpoch, []byte(rec.GUID)))
		if replaced != "" {
			if err := s.remove(w, tokenHash(replaced)); err != nil && !errors.Is(err, ErrNoSession) {
				return err
			}
		}
		if err := s.makeRoom(w, rec.GUID); err != nil {
			return err
		}
		value, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		hash := tokenHash(token)
		return errors.Join(w.Put(tableSession, hash, value), w.Put(tableSessionOf, rec.ownerKey(), hash))
	})
	if err != nil {
		return "", Session{}, fmt.Errorf("session: %w", err)
	}
	return token, rec.session(), nil
}

// cleanAgent makes of a User-Agent something to show.
func cleanAgent(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == utf8.RuneError || r == 0x7f {
			return -1
		}
		return r
	}, s)
	if len(s) > maxAgent {
		s = strings.ToValidUTF8(s[:maxAgent], "")
	}
	return s
}

// makeRoom ends the sessions of a principal that are too many for one more.
func (s *Sessions) makeRoom(w engine.Writer, guid string) error {
	list, err := sessionsOf(w, guid)
	if err != nil || len(list) < maxSessions {
		return err
	}
	slices.SortFunc(list, func(a, b ownSession) int { return a.Seen.Compare(b.Seen) })
	var errs []error
	for _, old := range list[:len(list)-maxSessions+1] {
		errs = append(errs, s.remove(w, old.hash))
	}
	return errors.Join(errs...)
}

// ownSession is a session with the hash of its token.
type ownSession struct {
	sessionRecord
	hash []byte
}

// sessionsOf reads the sessions of a principal, also those that have ended by
// themselves.
func sessionsOf(r engine.Reader, guid string) ([]ownSession, error) {
	prefix := devicePrefix(guid)
	var hashes [][]byte
	for _, v := range r.Scan(tableSessionOf, engine.Range{From: prefix, To: prefixEnd(prefix)}) {
		hashes = append(hashes, bytes.Clone(v))
	}
	var out []ownSession
	for i, v := range r.GetMany(tableSession, hashes) {
		if v == nil {
			continue
		}
		one := ownSession{hash: hashes[i]}
		if err := json.Unmarshal(v, &one.sessionRecord); err != nil {
			return nil, fmt.Errorf("session: %w", err)
		}
		out = append(out, one)
	}
	return out, nil
}

// read reads the session of a token's hash. Error: ErrNoSession, also for one whose
// owner has ended all that there were.
func (s *Sessions) read(r engine.Reader, hash []byte) (rec sessionRecord, err error) {
	v := r.Get(tableSession, hash)
	if v == nil {
		return rec, ErrNoSession
	}
	if err := json.Unmarshal(v, &rec); err != nil {
		return rec, fmt.Errorf("session: %w", err)
	}
	if getUint32(r.Get(tableSessionEpoch, []byte(rec.GUID))) != rec.Epoch {
		return rec, ErrNoSession
	}
	return rec, nil
}

func (s *Sessions) remove(w engine.Writer, hash []byte) error {
	v := w.Get(tableSession, hash)
	if v == nil {
		return ErrNoSession
	}
	var rec sessionRecord
	if err := json.Unmarshal(v, &rec); err != nil {
		return fmt.Errorf("session: %w", err)
	}
	return errors.Join(w.Delete(tableSession, hash), w.Delete(tableSessionOf, rec.ownerKey()))
}

// Find returns the session that a token opens, which is no use of it. Errors: ErrNoSession,
// those of the engine.
func (s *Sessions) Find(ctx context.Context, token string, l SessionLimits) (Session, error) {
	var rec sessionRecord
	err := s.Engine.View(ctx, func(r engine.Reader) (err error) {
		rec, err = s.read(r, tokenHash(token))
		return err
	})
	if err == nil && rec.expired(s.Now().UTC(), l) {
		err = ErrNoSession
	}
	if err != nil {
		return Session{}, err
	}
	return rec.session(), nil
}

// Use returns the session that a token opens, and notes the visit. Errors: as Find.
func (s *Sessions) Use(ctx context.Context, token string, v Visit, l SessionLimits) (Session, error) {
	hash, now := tokenHash(token), s.Now().UTC()
	found, err := s.Find(ctx, token, l)
	if err != nil || now.Sub(found.Seen) < seenResolution && found.Address == v.Address {
		return found, err
	}
	return s.note(ctx, hash, func(r *sessionRecord) {
		r.Seen, r.Address, r.Agent = now, v.Address, cleanAgent(v.Agent)
	})
}

// Refresh notes that a session was just used for what is only for those who signed in
// recently. Errors: as Use.
func (s *Sessions) Refresh(ctx context.Context, token string) (Session, error) {
	now := s.Now().UTC()
	return s.note(ctx, tokenHash(token), func(r *sessionRecord) { r.Fresh = now })
}

// note changes what is known of a session that there is. Where nothing can be written
// for lack of space it goes on as it was.
func (s *Sessions) note(ctx context.Context, hash []byte, change func(*sessionRecord)) (Session, error) {
	var rec sessionRecord
	err := s.Engine.Update(ctx, func(w engine.Writer) (err error) {
		if rec, err = s.read(w, hash); err != nil {
			return err
		}
		change(&rec)
		value, err := json.Marshal(rec)
		if err != nil {
			return err
		}
		return w.Put(tableSession, hash, value)
	})
	if errors.Is(err, engine.ErrFull) || errors.Is(err, engine.ErrReadOnly) {
		err = s.Engine.View(ctx, func(r engine.Reader) (err error) {
			rec, err = s.read(r, hash)
			return err
		})
	}
	return rec.session(), err
}

// List returns the sessions of a principal that have not ended, the one used last
// first.
func (s *Sessions) List(ctx context.Context, guid string, l SessionLimits) (out []Session, err error) {
	now := s.Now().UTC()
	err = s.Engine.View(ctx, func(r engine.Reader) error {
		out = nil
		list, err := sessionsOf(r, guid)
		epoch := getUint32(r.Get(tableSessionEpoch, []byte(guid)))
		for _, one := range list {
			if one.Epoch == epoch && !one.expired(now, l) {
				out = append(out, one.session())
			}
		}
		return err
	})
	slices.SortFunc(out, func(a, b Session) int { return cmp.Or(b.Seen.Compare(a.Seen), strings.Compare(a.ID, b.ID)) })
	return out, err
}

// End ends one session of a principal. Error: directory.ErrNotFound, they have no such
// session.
func (s *Sessions) End(ctx context.Context, guid, id string) error {
	err := s.Engine.Update(ctx, func(w engine.Writer) error {
		hash := bytes.Clone(w.Get(tableSessionOf, append(devicePrefix(guid), id...)))
		if hash == nil {
			return fmt.Errorf("session %q: %w", id, directory.ErrNotFound)
		}
		return s.remove(w, hash)
	})
	s.tell(guid, err)
	return err
}

// tell tells that sessions of somebody were ended, if they were.
func (s *Sessions) tell(guid string, err error) {
	if err == nil && s.Ended != nil {
		s.Ended(guid)
	}
}

// EndAll ends all sessions of a principal, also those that begin at the same time, and
// returns how many there were.
func (s *Sessions) EndAll(ctx context.Context, guid string) (n int, err error) {
	err = s.Engine.Update(ctx, func(w engine.Writer) error {
		list, err := sessionsOf(w, guid)
		if err != nil {
			return err
		}
		n = len(list)
		key := []byte(guid)
		errs := []error{w.Put(tableSessionEpoch, key, putUint32(getUint32(w.Get(tableSessionEpoch, key))+1))}
		for _, one := range list {
			errs = append(errs, s.remove(w, one.hash))
		}
		return errors.Join(errs...)
	})
	s.tell(guid, err)
	return n, err
}

// EndEverybody ends all sessions of everybody and returns how many there were.
func (s *Sessions) EndEverybody(ctx context.Context) (n int, err error) {
	err = s.Engine.Update(ctx, func(w engine.Writer) error {
		n = 0
		for range w.Scan(tableSession, engine.Range{KeysOnly: true}) {
			n++
		}
		return endSessions(w)
	})
	s.tell("", err)
	return n, err
}

// Count returns how many sessions there are.
func (s *Sessions) Count(ctx context.Context) (n int, err error) {
	err = s.Engine.View(ctx, func(r engine.Reader) error {
		n = 0
		for range r.Scan(tableSession, engine.Range{KeysOnly: true}) {
			n++
		}
		return nil
	})
	return n, err
}

// Sweep removes what is left of sessions that have ended by themselves.
func (s *Sessions) Sweep(ctx context.Context, l SessionLimits) error {
	now := s.Now().UTC()
	var ended [][]byte
	err := s.Engine.View(ctx, func(r engine.Reader) error {
		ended = nil
		for k, v := range r.Scan(tableSession, engine.Range{}) {
			var rec sessionRecord
			if err := json.Unmarshal(v, &rec); err != nil {
				return fmt.Errorf("session: %w", err)
			}
			if rec.expired(now, l) {
				ended = append(ended, bytes.Clone(k))
			}
		}
		return nil
	})
	if err != nil || len(ended) == 0 {
		return err
	}
	return s.Engine.Update(ctx, func(w engine.Writer) error {
		for _, hash := range ended {
			rec, err := s.read(w, hash)
			if err == nil && !rec.expired(now, l) {
				continue // used meanwhile
			}
			if err := s.remove(w, hash); err != nil && !errors.Is(err, ErrNoSession) {
				return err
			}
		}
		return nil
	})
}

// endSessions ends all sessions of everybody.
func endSessions(w engine.Writer) error {
	var errs []error
	for _, t := range []engine.Table{tableSession, tableSessionOf} {
		var keys [][]byte
		for k := range w.Scan(t, engine.Range{KeysOnly: true}) {
			keys = append(keys, bytes.Clone(k))
		}
		for _, k := range keys {
			errs = append(errs, w.Delete(t, k))
		}
	}
	return errors.Join(errs...)
}
