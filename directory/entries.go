package directory

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"

	"github.com/go-ldap/ldap/v3"
)

// An entryReader is a connection to an LDAP server that takes the entries of a search
// out of what comes, while somebody collects them: the LDAP library, which has all
// else, makes a tree of some 25 packets of each entry, in many times the time that the
// server took to find it.
type entryReader struct {
	net.Conn
	in   *bufio.Reader
	left int    // bytes of the message that is being handed on
	raw  bool   // something else than messages came: all is handed on
	msg  []byte // the last entry's message, used again

	mu   sync.Mutex
	into *entryList // nil: entries are handed on as all else is
}

// An entryList is what was collected of one search.
type entryList struct {
	entries []*ldap.Entry
	names   map[string]string // of attributes: the same few in every entry
	err     error             // why an entry cannot be read
}

func newEntryReader(c net.Conn) *entryReader {
	return &entryReader{Conn: c, in: bufio.NewReaderSize(c, 16<<10)}
}

// collect makes the entries that come from now on those of the list that is returned,
// until the next call of collect or release.
func (r *entryReader) collect() *entryList {
	list := &entryList{names: make(map[string]string)}
	r.mu.Lock()
	r.into = list
	r.mu.Unlock()
	return list
}

// release ends collect. The list is the caller's.
func (r *entryReader) release() {
	r.mu.Lock()
	r.into = nil
	r.mu.Unlock()
}

// The header of an entry's message: SEQUENCE, its length, INTEGER of at most four bytes,
// [APPLICATION 4] and its length.
const (
	maxLength  = 5 // bytes of a length that says how many follow
	headerSize = 1 + maxLength + 2 + 4 + 1
)

// A larger message is handed on: whoever reads it has a limit of their own.
const maxEntry = 64 << 20

// Read implements net.Conn. It returns what comes but the messages that are collected.
func (r *entryReader) Read(p []byte) (int, error) {
	for r.left == 0 && !r.raw {
		size, entry, err := r.next()
		if err != nil {
			return 0, err
		}
		if size == 0 {
			r.raw = true // no message as we know them: the library says what is wrong with it
			break
		}
		if entry && r.take(size) {
			continue
		}
		r.left = size
	}
	if r.raw {
		return r.in.Read(p)
	}
	n, err := r.in.Read(p[:min(len(p), r.left)])
	r.left -= n
	return n, err
}

// next looks at the message that comes next: its size with its header, and whether it is
// an entry. The size is 0 if that cannot be told.
func (r *entryReader) next() (size int, entry bool, err error) {
	// Of the shortest messages fewer bytes may ever come than a header has.
	head, err := r.in.Peek(2)
	if err != nil {
		return 0, false, err
	}
	if head[0] != tagSequence {
		return 0, false, nil
	}
	n := lengthBytes(head[1])
	if n >= maxLength {
		return 0, false, nil
	}
	if head, err = r.in.Peek(2 + n); err != nil {
		return 0, false, err
	}
	length, start, ok := berLength(head[1:])
	if !ok || length > maxEntry {
		return 0, false, nil
	}
	start++
	size = start + length
	if head, err = r.in.Peek(min(size, headerSize)); err != nil {
		return 0, false, err
	}
	tag, _, rest, err := element(head[start:])
	return size, err == nil && tag == tagInteger && len(rest) > 0 && rest[0] == tagEntry, nil
}

// take collects the message that comes next; false: nobody wants it.
func (r *entryReader) take(size int) bool {
	r.mu.Lock()
	list := r.into
	r.mu.Unlock()
	if list == nil {
		return false
	}
	if cap(r.msg) < size {
		r.msg = make([]byte, size)
	}
	msg := r.msg[:size]
	if size > 1<<20 {
		r.msg = nil // such are rare, and connections many
	}
	_, err := io.ReadFull(r.in, msg)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.into != list {
		return true // of a search that was given up
	}
	if err == nil {
		err = list.add(msg)
	}
	if err != nil && list.err == nil {
		list.err = err
	}
	return true
}

// errEntry is an entry that is not as RFC 4511 §4.5.2 has it.
var errEntry = errors.New("malformed entry")

// add reads a message:
//
//	SEQUENCE { INTEGER, [APPLICATION 4] SEQUENCE { LDAPDN,
//		SEQUENCE OF SEQUENCE { AttributeDescription, SET OF AttributeValue } } … }
func (l *entryList) add(msg []byte) error {
	body, _, err := expect(msg, tagSequence)
	if err != nil {
		return err
	}
	_, body, err = expect(body, tagInteger)
	if err != nil {
		return err
	}
	body, _, err = expect(body, tagEntry)
	if err != nil {
		return err
	}
	dn, body, err := expect(body, tagString)
	if err != nil {
		return err
	}
	attributes, _, err := expect(body, tagSequence)
	if err != nil {
		return err
	}
	e := &ldap.Entry{DN: string(dn)}
	for len(attributes) > 0 {
		var attribute, name, set []byte
		if attribute, attributes, err = expect(attributes, tagSequence); err != nil {
			return err
		}
		if name, attribute, err = expect(attribute, tagString); err != nil {
			return err
		}
		if set, _, err = expect(attribute, tagSet); err != nil {
			return err
		}
		values, err := strings8(set)
		if err != nil {
			return err
		}
		e.Attributes = append(e.Attributes, &ldap.EntryAttribute{Name: l.name(name), Values: values})
	}
	l.entries = append(l.entries, e)
	return nil
}

// strings8 reads the values of a set. Counted first, they take one allocation.
func strings8(set []byte) ([]string, error) {
	n := 0
	for rest := set; len(rest) > 0; n++ {
		_, after, err := expect(rest, tagString)
		if err != nil {
			return nil, err
		}
		rest = after
	}
	values := make([]string, 0, n)
	for len(set) > 0 {
		v, after, err := expect(set, tagString)
		if err != nil {
			return nil, err
		}
		values, set = append(values, string(v)), after
	}
	return values, nil
}

// name returns the name of an attribute, which all entries of a search share.
func (l *entryList) name(b []byte) string {
	if s, ok := l.names[string(b)]; ok {
		return s
	}
	s := string(b)
	if len(l.names) < 100 {
		l.names[s] = s
	}
	return s
}

// The tags in an entry's message (X.690 §8.1.2, RFC 4511 §4.2 and §5.1).
const (
	tagInteger  = 0x02
	tagString   = 0x04
	tagSequence = 0x30
	tagSet      = 0x31
	tagEntry    = 0x64 // [APPLICATION 4]
)

// expect reads an element with a tag: its contents and what is behind it.
func expect(b []byte, tag byte) (contents, rest []byte, err error) {
	got, contents, rest, err := element(b)
	if err == nil && got != tag {
		err = fmt.Errorf("%w: tag %#x where %#x is due", errEntry, got, tag)
	}
	return contents, rest, err
}

// element reads any element with a tag of one byte and a definite length, as LDAP has
// them (RFC 4511 §5.1).
func element(b []byte) (tag byte, contents, rest []byte, err error) {
	if len(b) < 2 {
		return 0, nil, nil, fmt.Errorf("%w: it ends early", errEntry)
	}
	length, start, ok := berLength(b[1:])
	if !ok || length > len(b)-1-start {
		return 0, nil, nil, fmt.Errorf("%w: a length beyond its end", errEntry)
	}
	start++
	return b[0], b[start : start+length], b[start+length:], nil
}

// berLength reads a definite length (X.690 §8.1.3), and how many bytes it takes.
func berLength(b []byte) (length, size int, ok bool) {
	if len(b) == 0 {
		return 0, 0, false
	}
	if b[0] < 0x80 {
		return int(b[0]), 1, true
	}
	n := lengthBytes(b[0])
	if n == 0 || n >= maxLength || len(b) <= n {
		return 0, 0, false
	}
	for _, digit := range b[1 : 1+n] {
		length = length<<8 | int(digit)
	}
	return length, 1 + n, length >= 0
}

// lengthBytes is how many bytes follow the first one of a length.
func lengthBytes(first byte) int {
	if first < 0x80 {
		return 0
	}
	return int(first & 0x7f)
}
