package acl

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// MaxEntries is how many entries may be set on one resource.
const MaxEntries = 100

// Conflict returns an entry of r's list that denying what a denies would take
// something from, though nothing can go before it (RFC 3744 §8.1.1): one that is
// inherited, if there is one, and else one that is protected. It reports false if
// there is none. Only what is about the very same principal is in conflict: that
// somebody is also in a group that is denied something is what lists are for.
func (p *Policy) Conflict(r Resource, a ACE) (with ACE, found bool) {
	if a.Grant {
		return ACE{}, false
	}
	denied := a.Principal.named(&r)
	p.each(&r, func(e ACE) {
		if !e.Protected || !e.Grant || e.Privileges&a.Privileges == None || denied.GUID == "" || e.Principal.named(&r) != denied {
			return
		}
		if !found || with.Inherited == NotInherited && e.Inherited != NotInherited {
			with, found = e, true
		}
	})
	return with, found
}

// A list is kept as one value: its version, and for each entry its form and whether
// it grants, a byte each, its privileges, u32 big-endian, and for forms that have
// one the GUID behind its length, a byte. The numbers of forms and privileges in it
// are those of the constants: they never change.
const listVersion = 1

// errList is what a value is that no list is kept as.
var errList = errors.New("not an access control list")

// hasGUID reports whether a form names a principal.
func (f Form) hasGUID() bool { return f == Href || f == ProxyReader || f == ProxyWriter }

// Encode returns how entries that were set on a resource are kept; nil for none.
// Errors: there are more than MaxEntries; one cannot be set.
func Encode(list []ACE) ([]byte, error) {
	if len(list) == 0 {
		return nil, nil
	}
	if len(list) > MaxEntries {
		return nil, fmt.Errorf("%d entries: %w", len(list), errList)
	}
	b := []byte{listVersion}
	for _, a := range list {
		f, guid := a.Principal.Form, a.Principal.GUID
		if f > ProxyWriter || f.hasGUID() != (guid != "") || len(guid) > 255 || a.Privileges == None || a.Privileges&^All != 0 || a.Protected || a.Inherited != NotInherited {
			return nil, fmt.Errorf("entry %+v: %w", a, errList)
		}
		grant := byte(0)
		if a.Grant {
			grant = 1
		}
		b = binary.BigEndian.AppendUint32(append(b, byte(f), grant), uint32(a.Privileges))
		if f.hasGUID() {
			b = append(append(b, byte(len(guid))), guid...)
		}
	}
	return b, nil
}

// Decode returns the entries that Encode made a value of; none of nil. Error: it is
// no such value, and then nobody knows who was denied what.
func Decode(value []byte) ([]ACE, error) {
	if len(value) == 0 {
		return nil, nil
	}
	if value[0] != listVersion {
		return nil, fmt.Errorf("version %d: %w", value[0], errList)
	}
	var list []ACE
	for rest := value[1:]; len(rest) > 0; {
		a, n := decodeACE(rest)
		if n == 0 || len(list) == MaxEntries {
			return nil, fmt.Errorf("entry %d: %w", len(list), errList)
		}
		list, rest = append(list, a), rest[n:]
	}
	return list, nil
}

// decodeACE takes an entry from the beginning of b and returns how many bytes it
// has; 0: there is none.
func decodeACE(b []byte) (a ACE, n int) {
	const fixed = 6
	if len(b) < fixed || b[0] > byte(ProxyWriter) || b[1] > 1 {
		return a, 0
	}
	a = ACE{Principal: Principal{Form: Form(b[0])}, Grant: b[1] == 1, Privileges: Privilege(binary.BigEndian.Uint32(b[2:]))}
	if a.Privileges == None || a.Privileges&^All != 0 {
		return a, 0
	}
	if !a.Principal.Form.hasGUID() {
		return a, fixed
	}
	if len(b) <= fixed || b[fixed] == 0 || len(b) < fixed+1+int(b[fixed]) {
		return a, 0
	}
	n = fixed + 1 + int(b[fixed])
	a.Principal.GUID = string(b[fixed+1 : n])
	return a, n
}

// A Step is one entry of a list in the evaluation for a caller.
type Step struct {
	ACE
	About   bool      // it is about the caller
	Settles Privilege // what is granted or denied by it, and by no entry before it
}

// Explain is Privileges, entry by entry.
func (p *Policy) Explain(r Resource, c Caller) (steps []Step, granted Privilege) {
	var e evaluation
	p.each(&r, func(a ACE) {
		settles := e.add(&a, &r, &c)
		steps = append(steps, Step{a, a.Principal.matches(&r, &c), settles})
	})
	return steps, e.granted
}
