package auth

import (
	"bytes"
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"convene/directory"
	"convene/internal/engine"
)

const (
	maxDevices     = 32 // device passwords of one principal
	maxLabel       = 64 // characters
	maxLoginForms  = 8  // login names for which an HA1 is kept
	usedResolution = 10 * time.Minute
)

// ErrTooManyDevices says that a principal has as many device passwords as are
// allowed.
var ErrTooManyDevices = errors.New("too many device passwords")

// Device is an enrolled device password without its secret.
type Device struct {
	ID       string    // 16 hexadecimal digits
	Label    string    // what the owner calls it
	Created  time.Time // UTC
	LastUsed time.Time // UTC, to about ten minutes; zero: never
	Address  string    // of the client that used it last, "" until one has
	Agent    string    // what that client called itself (User-Agent); "" if nothing
	Logins   []string  // names with which Digest works
}

// Devices manages device passwords: secrets made by the server, one for each
// phone or program, that open the calendar and nothing else. They are what
// makes Digest possible beside a directory that only takes binds, and keep
// directory passwords out of phones.
//
// A secret has 95 random bits. It is stored as a keyed hash, for Basic, and as
// its HA1 for MD5 and SHA-256 under each name its owner may sign in with. An
// HA1 is as good as the secret for Digest (RFC 7616 §5.10): the file must be
// readable by the server only.
type Devices struct {
	a  *Authenticator
	st *state

	mu   sync.Mutex
	used map[string]deviceUse // table key → not yet recorded
}

// A deviceUse is when a device password was used last, and by whom.
type deviceUse struct {
	at time.Time
	Visit
}

// deviceRecord is the JSON in tableDevice.
type deviceRecord struct {
	Label    string    `json:"label"`
	Created  time.Time `json:"created"`
	LastUsed time.Time `json:"used,omitzero"`
	Address  string    `json:"address,omitempty"`
	Agent    string    `json:"agent,omitempty"`
	Logins   []string  `json:"logins"`
	Hash     []byte    `json:"hash"` // key in tableDeviceHash
}

func newDevices(a *Authenticator, st *state) *Devices {
	return &Devices{a: a, st: st, used: map[string]deviceUse{}}
}

// Add enrols a device password for a principal and returns its secret, which
// cannot be had again. Errors: ErrNotEnabled, ErrTooManyDevices, and those of
// the directory.
func (d *Devices) Add(ctx context.Context, guid, label string) (Device, string, error) {
	p, err := d.a.o.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if err != nil {
		return Device{}, "", fmt.Errorf("device password: %w", err)
	}
	if why := p.Closed(d.a.now()); why != nil {
		return Device{}, "", fmt.Errorf("device password for %s: %w: %w", p.Name, ErrNotEnabled, why)
	}
	secret, err := newSecret(d.a.o.Rand)
	if err != nil {
		return Device{}, "", fmt.Errorf("device password: %w", err)
	}
	id := make([]byte, 8)
	if _, err := io.ReadFull(d.a.o.Rand, id); err != nil {
		return Device{}, "", fmt.Errorf("device password: %w", err)
	}
	rec := deviceRecord{Label: cleanLabel(label), Created: d.a.now().UTC().Truncate(time.Second), Logins: loginForms(p), Hash: d.hash(secret)}
	dev := rec.device(hex.EncodeToString(id))
	err = d.st.engine.Update(ctx, func(w engine.Writer) error { return d.insert(w, p.GUID, dev.ID, rec, secret) })
	if err != nil {
		return Device{}, "", fmt.Errorf("device password: %w", err)
	}
	d.a.log.Info("device password enrolled", "principal", p.GUID, "name", p.Name, "device", dev.ID, "label", dev.Label)
	return dev, secret, nil
}

// insert writes one device password's rows.
func (d *Devices) insert(w engine.Writer, guid, id string, rec deviceRecord, secret string) error {
	prefix := devicePrefix(guid)
	n := 0
	for range w.Scan(tableDevice, engine.Range{From: prefix, To: prefixEnd(prefix)}) {
		n++
	}
	if n >= maxDevices {
		return ErrTooManyDevices
	}
	value, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	key := append(slices.Clip(prefix), id...)
	if err := errors.Join(w.Put(tableDevice, key, value), w.Put(tableDeviceHash, rec.Hash, key)); err != nil {
		return err
	}
	for _, alg := range algorithms {
		for _, l := range rec.Logins {
			k := append(ha1Prefix(guid, alg, l), id...)
			if err := w.Put(tableDeviceHA1, k, alg.ha1(l, d.a.o.Realm, secret)); err != nil {
				return err
			}
		}
	}
	return nil
}

// List returns the device passwords of a principal, the oldest first.
func (d *Devices) List(ctx context.Context, guid string) ([]Device, error) {
	var out []Device
	prefix := devicePrefix(guid)
	err := d.st.engine.View(ctx, func(r engine.Reader) error {
		out = out[:0]
		for k, v := range r.Scan(tableDevice, engine.Range{From: prefix, To: prefixEnd(prefix)}) {
			var rec deviceRecord
			if err := json.Unmarshal(v, &rec); err != nil {
				return fmt.Errorf("record %s: %w", k[len(prefix):], err)
			}
			dev := rec.device(string(k[len(prefix):]))
			d.mu.Lock()
			if u, ok := d.used[string(k)]; ok {
				dev.LastUsed, dev.Address, dev.Agent = u.at, u.Address, u.Agent
			}
			d.mu.Unlock()
			out = append(out, dev)
		}
		return nil
	})
	slices.SortFunc(out, func(a, b Device) int {
		return cmp.Or(a.Created.Compare(b.Created), strings.Compare(a.ID, b.ID))
	})
	return out, err
}

// Revoke ends a device password at once. Errors: directory.ErrNotFound, the
// principal has no such device password.
func (d *Devices) Revoke(ctx context.Context, guid, id string) error {
	key := append(devicePrefix(guid), id...)
	err := d.st.engine.Update(ctx, func(w engine.Writer) error { return d.remove(w, guid, key) })
	if err != nil {
		return fmt.Errorf("device password %q: %w", id, err)
	}
	d.a.Forget(guid)
	d.a.log.Info("device password revoked", "principal", guid, "device", id)
	return nil
}

// RevokeAll ends all device passwords of a principal and returns how many.
func (d *Devices) RevokeAll(ctx context.Context, guid string) (int, error) {
	list, err := d.List(ctx, guid)
	if err != nil {
		return 0, err
	}
	for i, dev := range list {
		if err := d.Revoke(ctx, guid, dev.ID); err != nil {
			return i, err
		}
	}
	return len(list), nil
}

func (d *Devices) remove(w engine.Writer, guid string, key []byte) error {
	v := w.Get(tableDevice, key)
	if v == nil {
		return directory.ErrNotFound
	}
	var rec deviceRecord
	if err := json.Unmarshal(v, &rec); err != nil {
		return err
	}
	err := errors.Join(w.Delete(tableDevice, key), w.Delete(tableDeviceHash, rec.Hash))
	id := key[len(devicePrefix(guid)):]
	for _, alg := range algorithms {
		for _, l := range rec.Logins {
			err = errors.Join(err, w.Delete(tableDeviceHA1, append(ha1Prefix(guid, alg, l), id...)))
		}
	}
	return err
}

// check finds the device password with a secret, as normalizeSecret returned
// it. Errors: ErrMismatch.
func (d *Devices) check(ctx context.Context, guid, secret string) (id string, err error) {
	prefix := devicePrefix(guid)
	err = d.st.engine.View(ctx, func(r engine.Reader) error {
		key := r.Get(tableDeviceHash, d.hash(secret))
		if !bytes.HasPrefix(key, prefix) { // none, or somebody else's
			return ErrMismatch
		}
		id = string(key[len(prefix):])
		return nil
	})
	return id, err
}

// exists reports whether there is a device password with a secret, whose ever. If the
// state cannot be read there is none.
func (d *Devices) exists(ctx context.Context, secret string) (found bool) {
	err := d.st.engine.View(ctx, func(r engine.Reader) error {
		found = r.Get(tableDeviceHash, d.hash(secret)) != nil
		return nil
	})
	return err == nil && found
}

// deviceHA1 is one of the secrets that a Digest response may have been made
// with.
type deviceHA1 struct {
	id  string
	ha1 []byte
}

// ha1s returns the HA1 of each device password under a login.
func (d *Devices) ha1s(ctx context.Context, guid, login string, alg algorithm) ([]deviceHA1, error) {
	var out []deviceHA1
	prefix := ha1Prefix(guid, alg, login)
	err := d.st.engine.View(ctx, func(r engine.Reader) error {
		out = out[:0]
		for k, v := range r.Scan(tableDeviceHA1, engine.Range{From: prefix, To: prefixEnd(prefix)}) {
			out = append(out, deviceHA1{string(k[len(prefix):]), bytes.Clone(v)})
		}
		return nil
	})
	return out, err
}

// touch notes that a device password was used; flush records it.
func (d *Devices) touch(guid, id string, v Visit) {
	v.Agent = cleanAgent(v.Agent)
	d.mu.Lock()
	d.used[string(devicePrefix(guid))+id] = deviceUse{d.a.now().UTC().Truncate(time.Second), v}
	d.mu.Unlock()
}

// flush records when device passwords were last used.
func (d *Devices) flush(ctx context.Context) error {
	d.mu.Lock()
	used := d.used
	d.used = make(map[string]deviceUse)
	d.mu.Unlock()
	if len(used) == 0 {
		return nil
	}
	err := d.st.engine.Update(ctx, func(w engine.Writer) error {
		for key, u := range used {
			if err := recordUse(w, []byte(key), u); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil { // keep what is newer than the failed attempt
		d.mu.Lock()
		maps.Copy(used, d.used)
		d.used = used
		d.mu.Unlock()
	}
	return err
}

func recordUse(w engine.Writer, key []byte, u deviceUse) error {
	v := w.Get(tableDevice, key)
	if v == nil { // revoked meanwhile
		return nil
	}
	var rec deviceRecord
	if err := json.Unmarshal(v, &rec); err != nil {
		return nil // List says that it cannot be read; the others are recorded
	}
	if u.at.Sub(rec.LastUsed) < usedResolution && rec.Address == u.Address && rec.Agent == u.Agent {
		return nil
	}
	rec.LastUsed, rec.Address, rec.Agent = u.at, u.Address, u.Agent
	v, err := json.Marshal(rec)
	if err != nil {
		return err
	}
	return w.Put(tableDevice, key, v)
}

func (r deviceRecord) device(id string) Device {
	return Device{ID: id, Label: r.Label, Created: r.Created, LastUsed: r.LastUsed, Address: r.Address, Agent: r.Agent, Logins: r.Logins}
}

// hash is fast on purpose: a secret of 95 random bits cannot be found by trying.
func (d *Devices) hash(secret string) []byte {
	h := hmac.New(sha256.New, d.st.deviceKey)
	h.Write([]byte(secret))
	return h.Sum(nil)
}

func devicePrefix(guid string) []byte { return append([]byte(guid), 0) }

func ha1Prefix(guid string, alg algorithm, login string) []byte {
	b := append(devicePrefix(guid), byte(alg))
	return append(append(b, login...), 0)
}

// loginForms lists the names that the owner of a device password may sign in
// with; Digest needs an HA1 for each.
func loginForms(p *directory.Principal) []string {
	var out []string
	for _, list := range [][]string{{p.Name}, p.Emails, p.Kerberos, p.Aliases} {
		for _, l := range list {
			if l != "" && !strings.ContainsRune(l, 0) && !slices.Contains(out, l) && len(out) < maxLoginForms {
				out = append(out, l)
			}
		}
	}
	return out
}

// cleanLabel makes a label one line of at most 64 characters.
func cleanLabel(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == utf8.RuneError {
			return ' '
		}
		return r
	}, s)
	r := []rune(strings.Join(strings.Fields(s), " "))
	return string(r[:min(len(r), maxLabel)])
}
