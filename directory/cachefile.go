package directory

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"convene/internal/atomicfile"
)

// The cache's file is a copy of what the directory said, so one that is
// damaged or of another version is simply not used. It has a line of text,
// the source, the results, and the SHA-256 of all that. Numbers are varints,
// text is preceded by its length.

// cacheMagic begins the file; the number is the version, to be raised with
// every change of Principal or of what follows.
const cacheMagic = "convene directory cache 6\n"

// Kinds of result in the file.
const (
	kindEnd       = 0
	kindPrincipal = 1
	kindKey       = 2 // another way to find a principal
	kindGroups    = 3
	kindName      = 4 // whose a short name is or was
)

var errDamaged = errors.New("damaged")

// Save writes the file.
func (c *Cache) Save() error {
	c.save.Lock()
	defer c.save.Unlock()
	return atomicfile.Write(c.o.File, 0o600, c.write)
}

func (c *Cache) write(f io.Writer) error {
	sum := sha256.New()
	w := bufio.NewWriterSize(io.MultiWriter(f, sum), 64<<10)
	var buf []byte
	var failed error
	put := func(b []byte) {
		if _, err := w.Write(b); failed == nil {
			failed = err
		}
		buf = b[:0]
	}
	put(appendText([]byte(cacheMagic), c.o.Source))
	oldest := c.o.Now().Add(-c.o.StaleFor).UnixNano()
	c.principals.all(func(it *item[Key, *Principal]) {
		switch {
		case it.at <= oldest:
		case it.key.By == GUID && it.key.Type == AnyType:
			put(appendPrincipal(appendTime(append(buf, kindPrincipal), it.at), it.v))
		default:
			b := appendTime(append(buf, kindKey), it.at)
			b = append(b, byte(it.key.By), byte(it.key.Type))
			put(appendText(appendText(b, it.key.Value), it.v.GUID))
		}
	})
	c.groups.all(func(it *item[string, []string]) {
		if it.at > oldest {
			put(appendTexts(appendText(appendTime(append(buf, kindGroups), it.at), it.key), it.v))
		}
	})
	c.names.all(func(it *item[Key, string]) {
		b := append(appendTime(append(buf, kindName), it.at), byte(it.key.Type))
		put(appendText(appendText(b, it.key.Value), it.v))
	})
	put(append(buf, kindEnd))
	if err := errors.Join(failed, w.Flush()); err != nil {
		return err
	}
	_, err := f.Write(sum.Sum(nil))
	return err
}

// load reads the file. That there is none is no error.
func (c *Cache) load() error {
	b, err := os.ReadFile(c.o.File)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	body := len(b) - sha256.Size
	if body < 0 || !bytes.HasPrefix(b, []byte(cacheMagic)) {
		return fmt.Errorf("%w, or of another version", errDamaged)
	}
	if sum := sha256.Sum256(b[:body]); !bytes.Equal(sum[:], b[body:]) {
		return fmt.Errorf("checksum: %w", errDamaged)
	}
	d := decoder{rest: string(b[len(cacheMagic):body])} // one copy, which all text shares
	if d.text() != c.o.Source {
		return errors.New("written under another configuration")
	}
	return c.restore(&d)
}

// restore puts the results into the tables. Those from times to come would be
// kept for ever, those too old are useless.
func (c *Cache) restore(d *decoder) error {
	now := c.o.Now().UnixNano()
	valid := func(at int64) bool { return at <= now && now-at < int64(c.o.StaleFor) }
	type alias struct {
		key  Key
		guid string
		at   int64
	}
	var aliases []alias
	known := map[string]*Principal{}
	for {
		kind := d.byte()
		if kind == kindEnd || d.bad {
			break
		}
		at := d.time()
		switch kind {
		case kindPrincipal:
			p := d.principal()
			if valid(at) && !d.bad {
				known[p.GUID] = p
				c.principals.put(Key{By: GUID, Value: p.GUID}, p, at)
			}
		case kindKey:
			k := Key{By: KeyKind(d.byte()), Type: Type(d.byte()), Value: d.text()}
			if guid := d.text(); valid(at) && !d.bad {
				aliases = append(aliases, alias{k, guid, at})
			}
		case kindGroups:
			guid, list := d.text(), d.texts()
			if valid(at) && !d.bad {
				c.groups.put(guid, c.shared(list), at)
			}
		case kindName:
			k := Key{By: Name, Type: Type(d.byte()), Value: d.text()}
			if guid := d.text(); at <= now && !d.bad {
				c.names.put(k, guid, at)
			}
		default:
			d.bad = true
		}
	}
	for _, a := range aliases {
		if p := known[a.guid]; p != nil {
			c.principals.put(a.key, p, a.at)
		}
	}
	if d.bad {
		return errDamaged
	}
	return nil
}

func appendTime(b []byte, at int64) []byte { return binary.AppendVarint(b, at/int64(time.Second)) }

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func appendTexts(b []byte, list []string) []byte {
	b = binary.AppendUvarint(b, uint64(len(list)))
	for _, s := range list {
		b = appendText(b, s)
	}
	return b
}

// principalTexts and principalLists list the fields of a principal in the
// order in which they are written.
func principalTexts(p *Principal) []*string {
	return []*string{&p.GUID, &p.SID, &p.Name, &p.FullName, &p.GivenName, &p.Surname, &p.DN, &p.AutoSchedule, &p.AutoAcceptGroup,
		&p.Building, &p.Floor, &p.Room, &p.Address, &p.Geo, &p.CalendarAccess, &p.Language}
}

func principalLists(p *Principal) []*[]string {
	return []*[]string{&p.Aliases, &p.Emails, &p.Kerberos, &p.Realms, &p.Features, &p.Owners, &p.WriteDelegates, &p.ReadDelegates}
}

func appendPrincipal(b []byte, p *Principal) []byte {
	flags := byte(0)
	if p.CalendarEnabled {
		flags |= 1
	}
	if p.LoginEnabled {
		flags |= 2
	}
	if p.ActiveDirectory {
		flags |= 4
	}
	if p.Hidden {
		flags |= 8
	}
	b = binary.AppendVarint(append(b, byte(p.Type), flags), int64(p.Capacity))
	for _, s := range principalTexts(p) {
		b = appendText(b, *s)
	}
	for _, l := range principalLists(p) {
		b = appendTexts(b, *l)
	}
	b = appendAccount(b, &p.Account)
	b = binary.AppendUvarint(b, uint64(len(p.Attributes)))
	for name, list := range p.Attributes {
		b = appendTexts(appendText(b, name), list)
	}
	b = binary.AppendUvarint(b, uint64(len(p.RoomSettings)))
	for name, value := range p.RoomSettings {
		b = appendText(appendText(b, name), value)
	}
	return b
}

// accountTimes lists the times of an account in the order in which they are written.
func accountTimes(a *Account) []*time.Time {
	return []*time.Time{&a.Expires, &a.LockedUntil, &a.PasswordExpires}
}

// firstSecond is the zero Time in seconds since 1970.
var firstSecond = time.Time{}.Unix()

func appendAccount(b []byte, a *Account) []byte {
	flags := byte(0)
	if a.MustChange {
		flags = 1
	}
	b = appendText(append(b, flags), a.Hours)
	for _, t := range accountTimes(a) {
		b = binary.AppendVarint(b, t.Unix()-firstSecond)
	}
	return b
}

func (d *decoder) account(a *Account) {
	a.MustChange = d.byte()&1 != 0
	a.Hours = d.text()
	for _, t := range accountTimes(a) {
		if n := d.varint(); n != 0 {
			*t = time.Unix(n+firstSecond, 0).UTC()
		}
	}
}

// decoder takes values off the front of rest. After a mistake it is bad, and
// all further values are zero.
type decoder struct {
	rest string
	bad  bool
}

func (d *decoder) byte() byte {
	if d.rest == "" {
		d.bad = true
		return 0
	}
	c := d.rest[0]
	d.rest = d.rest[1:]
	return c
}

func (d *decoder) uvarint() uint64 {
	var v uint64
	for shift := uint(0); shift < 64; shift += 7 {
		c := d.byte()
		v |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return v
		}
	}
	d.bad = true
	return 0
}

func (d *decoder) varint() int64 {
	u := d.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (d *decoder) time() int64 { return d.varint() * int64(time.Second) }

func (d *decoder) text() string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.rest)) {
		d.bad = true
		return ""
	}
	s := d.rest[:n]
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) texts() []string {
	n := d.uvarint()
	if d.bad || n > uint64(len(d.rest)) { // each takes a byte at least
		d.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	out := make([]string, n)
	for i := range out {
		out[i] = d.text()
	}
	return out
}

func (d *decoder) principal() *Principal {
	p := &Principal{Type: Type(d.byte())}
	flags := d.byte()
	p.CalendarEnabled, p.LoginEnabled, p.ActiveDirectory = flags&1 != 0, flags&2 != 0, flags&4 != 0
	p.Hidden = flags&8 != 0
	p.Capacity = int(d.varint())
	for _, s := range principalTexts(p) {
		*s = d.text()
	}
	for _, l := range principalLists(p) {
		*l = d.texts()
	}
	d.account(&p.Account)
	if n := d.uvarint(); n > 0 && n <= uint64(len(d.rest)) {
		p.Attributes = make(map[string][]string, n)
		for range n {
			name := d.text()
			p.Attributes[name] = d.texts()
		}
	}
	if n := d.uvarint(); n > 0 && n <= uint64(len(d.rest)) {
		p.RoomSettings = make(map[string]string, n)
		for range n {
			name := d.text()
			p.RoomSettings[name] = d.text()
		}
	}
	return p
}
