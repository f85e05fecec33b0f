package directory

import (
	"fmt"
	"net/url"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"convene/directory/ldif"
)

// KeyKind says what a Key's value is.
type KeyKind uint8

// The kinds of key.
const (
	GUID         KeyKind = iota + 1 // the record's identity
	Name                            // short name, within Key.Type if that is set
	Address                         // calendar user address: mailto:, urn:uuid:, urn:x-uid:, a principal's path, or a bare mail address
	Login                           // what a person types: short name, mail address, UPN, DOMAIN\name
	DN                              // LDAP distinguished name
	KerberosName                    // name@REALM
)

var keyKindNames = [...]string{"", "GUID", "name", "address", "login", "DN", "Kerberos name"}

// String names the kind in messages.
func (k KeyKind) String() string {
	if int(k) < len(keyKindNames) {
		return keyKindNames[k]
	}
	return fmt.Sprintf("key(%d)", uint8(k))
}

// Key names one record.
type Key struct {
	By    KeyKind
	Type  Type // for Name: the type it is unique in; else, if set, the type wanted
	Value string
}

// String shows the key in messages.
func (k Key) String() string {
	if k.Type != AnyType {
		return fmt.Sprintf("%s %s %q", k.Type, k.By, k.Value)
	}
	return fmt.Sprintf("%s %q", k.By, k.Value)
}

// maxKey is the length in bytes of the longest value worth looking up.
const maxKey = 1024

// Canonical returns the form of k under which equal keys are equal: UUIDs in
// upper case, names, addresses and logins in lower case, and an address that names a GUID or a principal's path as that
// key. ErrNotFound: no record can
// have such a key. A canonical key costs no allocation.
func (k Key) Canonical() (Key, error) {
	if k.Value == "" || len(k.Value) > maxKey || strings.ContainsRune(k.Value, 0) || !utf8.ValidString(k.Value) {
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	switch k.By {
	case GUID:
		k.Value = CanonicalGUID(k.Value)
	case Name:
		k.Value = ldif.Fold(k.Value)
	case Login:
		k.Value = foldLogin(k.Value)
	case DN:
		k.Value = ldif.FoldDN(k.Value)
	case Address:
		return k.address()
	case KerberosName: // whether letter case matters depends on the record
	default:
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	return k, nil
}

// foldLogin gives the many ways to write a login one form: each that names
// somebody is remembered, and anybody may send as many as they like.
func foldLogin(s string) string { return ldif.Fold(norm.NFKC.String(s)) }

// withoutDomain returns the login \name for DOMAIN\name, and false for others.
func (k Key) withoutDomain() (Key, bool) {
	i := strings.IndexByte(k.Value, '\\')
	if k.By != Login || i <= 0 {
		return k, false
	}
	k.Value = k.Value[i:]
	return k, true
}

// address resolves the forms of a calendar user address.
func (k Key) address() (Key, error) {
	v := k.Value
	scheme, rest, ok := strings.Cut(v, ":")
	if ok && strings.EqualFold(scheme, "mailto") {
		if strings.IndexByte(rest, '%') >= 0 {
			if u, err := url.PathUnescape(rest); err == nil {
				rest = u
			}
		}
		rest, _, _ = strings.Cut(rest, "?") // header fields (RFC 6068 §2)
		v = rest
	} else if ok && strings.EqualFold(scheme, "urn") {
		nid, id, _ := strings.Cut(rest, ":")
		if !strings.EqualFold(nid, "uuid") && !strings.EqualFold(nid, "x-uid") || id == "" {
			return k, fmt.Errorf("%v: %w", k, ErrNotFound)
		}
		return Key{By: GUID, Type: k.Type, Value: CanonicalGUID(id)}, nil
	} else if strings.HasPrefix(v, "/") {
		return k.path()
	}
	if strings.IndexByte(v, '@') <= 0 {
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	return Key{By: Address, Type: k.Type, Value: ldif.Fold(v)}, nil
}

// path resolves /principals/__uids__/GUID/ and /principals/TYPE/NAME/.
func (k Key) path() (Key, error) {
	seg := strings.Split(strings.TrimSuffix(k.Value, "/"), "/")
	if len(seg) != 4 || seg[1] != "principals" {
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	last, err := url.PathUnescape(seg[3])
	if err != nil || last == "" {
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	if seg[2] == "__uids__" {
		return Key{By: GUID, Type: k.Type, Value: CanonicalGUID(last)}, nil
	}
	t, ok := ParseType(seg[2])
	if !ok || t.String() != seg[2] || k.Type != AnyType && k.Type != t {
		return k, fmt.Errorf("%v: %w", k, ErrNotFound)
	}
	return Key{By: Name, Type: t, Value: ldif.Fold(last)}, nil
}

// Reference returns the key for a reference to a record as directories write
// them in attributes: a distinguished name, a mail address, or a GUID.
func Reference(s string) Key {
	s = strings.TrimSpace(s)
	switch {
	case strings.HasPrefix(s, "mailto:"), strings.HasPrefix(s, "urn:"), strings.HasPrefix(s, "/"):
		return Key{By: Address, Value: s}
	case strings.Contains(s, "="):
		return Key{By: DN, Value: s}
	case strings.Contains(s, "@"):
		return Key{By: Address, Value: s}
	}
	return Key{By: GUID, Value: s}
}

// CanonicalGUID writes a UUID in upper case, and returns other text as it is.
func CanonicalGUID(s string) string {
	if isUUID(s) {
		return strings.ToUpper(s)
	}
	return s
}

// isUUID reports whether s has the form 8-4-4-4-12 of hexadecimal digits.
func isUUID(s string) bool { return len(s) == 36 && uuid.Validate(s) == nil }

// escapeSegment percent-encodes one segment of a path, and "@" is left alone
// as RFC 3986 §3.3 allows.
func escapeSegment(s string) string { return url.PathEscape(s) }
