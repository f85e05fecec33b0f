package directory

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// ErrBadRef says that a text does not name a record.
var ErrBadRef = errors.New("does not name a record")

// A Ref names a record as an operator does: a user or group by its short name, or
// any record by its GUID. The zero Ref names none.
type Ref struct {
	Type Type   // User, Group, or AnyType if only the GUID is known
	GUID string // canonical; "" if only the name is known
	Name string // as written; "" if only the GUID is known
}

// ParseRef reads "user:NAME", "group:NAME", "user:GUID", "group:GUID", "guid:GUID",
// or a GUID that is a UUID. Errors: ErrBadRef.
func ParseRef(s string) (Ref, error) {
	kind, value, prefixed := strings.Cut(s, ":")
	switch {
	case !prefixed && isUUID(s):
		return Ref{GUID: CanonicalGUID(s)}, nil
	case !prefixed || value == "":
	case kind == "guid":
		return Ref{GUID: CanonicalGUID(value)}, nil
	case kind == "user":
		return typedRef(User, value), nil
	case kind == "group":
		return typedRef(Group, value), nil
	}
	return Ref{}, fmt.Errorf("%q %w; write user:NAME, group:NAME or a GUID", s, ErrBadRef)
}

func typedRef(t Type, value string) Ref {
	if isUUID(value) {
		return Ref{Type: t, GUID: CanonicalGUID(value)}
	}
	return Ref{Type: t, Name: value}
}

// RefTo returns the reference to a record that was found.
func RefTo(p *Principal) Ref {
	r := Ref{GUID: p.GUID, Name: p.Name}
	if p.Type == User || p.Type == Group {
		r.Type = p.Type
	}
	return r
}

// String returns the form that ParseRef reads, by name if it is known. Of a location
// or resource it is the name alone.
func (r Ref) String() string {
	switch {
	case r.Type == AnyType && r.Name != "":
		return r.Name
	case r.Type == AnyType:
		return "guid:" + r.GUID
	case r.Name != "":
		return r.Type.singular() + ":" + r.Name
	}
	return r.Type.singular() + ":" + r.GUID
}

// Key returns the key that finds the record: by GUID if it is known.
func (r Ref) Key() Key {
	if r.GUID != "" {
		return Key{By: GUID, Value: r.GUID}
	}
	return Key{By: Name, Type: r.Type, Value: r.Name}
}

// Find looks the record up. Errors: those of Directory.Lookup.
func (r Ref) Find(ctx context.Context, d Directory) (*Principal, error) {
	return d.Lookup(ctx, r.Key())
}

// Resolve returns the record's GUID, and asks d only if it is not known. Errors:
// those of Directory.Lookup.
func (r Ref) Resolve(ctx context.Context, d Directory) (string, error) {
	if r.GUID != "" {
		return r.GUID, nil
	}
	p, err := r.Find(ctx, d)
	if err != nil {
		return "", err
	}
	return p.GUID, nil
}

// Find returns the one record that an operator means by who: a reference with a
// prefix (see ParseRef), a GUID, what the person types to sign in, or the short name
// of any record. Errors: those of Directory.Lookup.
func Find(ctx context.Context, d Directory, who string) (*Principal, error) {
	if r, err := ParseRef(who); err == nil && strings.Contains(who, ":") {
		return r.Find(ctx, d)
	}
	for _, by := range []KeyKind{GUID, Login, Name} {
		p, err := d.Lookup(ctx, Key{By: by, Value: who})
		if !errors.Is(err, ErrNotFound) {
			return p, err
		}
	}
	return nil, fmt.Errorf("%q: %w", who, ErrNotFound)
}
