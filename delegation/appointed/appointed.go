package appointed

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"convene/delegation"
	"convene/directory"
)

// A Lookup finds the record of a key, as directory.Directory.Lookup does; nil if
// there is none.
type Lookup func(directory.Key) (*directory.Principal, error)

// A Stray is a value of an attribute that leads to nobody who can be a delegate.
type Stray struct {
	Delegator string `json:"delegator"` // GUID
	Attribute string `json:"attribute"`
	Value     string `json:"value"`
}

// attributes are those that name delegates.
var attributes = [...]struct {
	name string
	of   func(*directory.Principal) []string
}{
	{delegation.AttributeOwners, func(p *directory.Principal) []string { return p.Owners }},
	{delegation.AttributeWrite, func(p *directory.Principal) []string { return p.WriteDelegates }},
	{delegation.AttributeRead, func(p *directory.Principal) []string { return p.ReadDelegates }},
}

// maxNamed bounds the values of one record that are looked up.
const maxNamed = 1000

// Of returns the delegates whom the record of a location or resource names; of
// others, none. A value that leads to nobody is no error: it may be somebody who has
// left. Errors: those of find.
func Of(p *directory.Principal, find Lookup) (list []delegation.Record, strays []Stray, err error) {
	if p.Type != directory.Location && p.Type != directory.Resource {
		return nil, nil, nil
	}
	left := maxNamed
	for _, a := range attributes {
		for _, value := range a.of(p) {
			if left--; left < 0 {
				return list, strays, nil
			}
			who, err := named(value, find)
			if err != nil {
				return nil, nil, fmt.Errorf("%s of %s: %w", a.name, p.GUID, err)
			}
			if who == nil || who.GUID == p.GUID || who.Type != directory.User && who.Type != directory.Group {
				strays = append(strays, Stray{p.GUID, a.name, value})
				continue
			}
			list = append(list, delegation.FromDirectory(a.name, Principal(p), Principal(who)))
		}
	}
	return list, strays, nil
}

// named finds whom a value means: as directories write references, or by the short
// name of a user or group.
func named(value string, find Lookup) (*directory.Principal, error) {
	key := directory.Reference(value)
	who, err := find(key)
	if err != nil || who != nil || key.By != directory.GUID {
		return who, err
	}
	for _, t := range []directory.Type{directory.User, directory.Group} {
		if who, err = find(directory.Key{By: directory.Name, Type: t, Value: value}); who != nil || err != nil {
			return who, err
		}
	}
	return nil, nil
}

// kinds are those of package delegation.
var kinds = map[directory.Type]delegation.Kind{
	directory.User: delegation.User, directory.Group: delegation.Group,
	directory.Location: delegation.Location, directory.Resource: delegation.Resource,
}

// Principal is what package delegation needs to know of a record.
func Principal(p *directory.Principal) delegation.Principal {
	return delegation.Principal{GUID: p.GUID, Kind: kinds[p.Type], Calendars: p.CalendarEnabled}
}

// Lookups makes a Lookup of a directory: who is not there, or is not meant alone, is
// nobody.
func Lookups(ctx context.Context, d directory.Directory) Lookup {
	return func(key directory.Key) (*directory.Principal, error) {
		p, err := d.Lookup(ctx, key)
		if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrAmbiguous) {
			return nil, nil
		}
		return p, err
	}
}

// A List has the delegates of all locations and resources of a directory, as it was
// read last: for the question for whom somebody is one. It is safe for concurrent
// use.
type List struct {
	dir  directory.Directory
	read sync.Mutex // held by who reads
	last atomic.Pointer[content]
}

type content struct {
	read    uint64 // the how manieth time
	records []delegation.Record
	strays  []Stray
}

// NewList makes a list, which is read when it is asked for first.
func NewList(d directory.Directory) *List { return &List{dir: d} }

// Read returns how often the list was read so far: while that stays the same, so does
// what All returns.
func (l *List) Read() uint64 {
	if c := l.last.Load(); c != nil {
		return c.read
	}
	return 0
}

// All returns the records of all. Errors: those of the directory, if it was never
// read.
func (l *List) All(ctx context.Context) ([]delegation.Record, error) {
	c, err := l.content(ctx)
	if err != nil {
		return nil, err
	}
	return c.records, nil
}

// Strays returns the values that lead to nobody. Errors: as of All.
func (l *List) Strays(ctx context.Context) ([]Stray, error) {
	c, err := l.content(ctx)
	if err != nil {
		return nil, err
	}
	return c.strays, nil
}

func (l *List) content(ctx context.Context) (*content, error) {
	if c := l.last.Load(); c != nil {
		return c, nil
	}
	l.read.Lock()
	defer l.read.Unlock()
	if c := l.last.Load(); c != nil {
		return c, nil
	}
	return l.refresh(ctx)
}

// Refresh reads the list anew. On error it stays as it was: what the directory does
// not say now it has not taken back.
func (l *List) Refresh(ctx context.Context) error {
	l.read.Lock()
	defer l.read.Unlock()
	_, err := l.refresh(ctx)
	return err
}

func (l *List) refresh(ctx context.Context) (*content, error) {
	c, find := new(content), Lookups(ctx, l.dir)
	for _, t := range []directory.Type{directory.Location, directory.Resource} {
		places, err := l.dir.Search(ctx, directory.Query{Types: []directory.Type{t}})
		if err != nil {
			return nil, fmt.Errorf("delegates of %s: %w", t, err)
		}
		for _, p := range places {
			list, strays, err := Of(p, find)
			if err != nil {
				return nil, err
			}
			c.records, c.strays = append(c.records, list...), append(c.strays, strays...)
		}
	}
	c.read, c.records = l.Read()+1, slices.Clip(c.records)
	l.last.Store(c)
	return c, nil
}
