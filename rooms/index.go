package rooms

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"convene/directory"
	"convene/internal/engine"
	"convene/rooms/policy"
)

// A Known room is a record with how it is set. A pool is one too: a group of Rooms, of which
// Policy says only where they all are, what they all have, and the seats of the largest.
type Known struct {
	Record *directory.Principal
	Policy *policy.Policy
	IDs    map[string]string // the GUID of each of Policy.References that the directory knows
	Rooms  []*Known          // of a pool
}

// An Index has all rooms and resources of a directory that have calendars, by full name.
// What the directory says is read when it is asked for first, and by Refresh; what is set
// by command counts at once. It is safe for concurrent use.
type Index struct {
	// GroupSettings says that the directory has settings of groups, by which any group may
	// be a pool. It is set before anything is asked.
	GroupSettings bool

	dir      directory.Directory
	config   *Config
	settings *Settings // nil: nothing is set by command

	write sync.Mutex // held by who makes a new content
	last  atomic.Pointer[content]
	pools atomic.Pointer[poolList] // nil: nobody has asked for them
}

// content is never changed.
type content struct {
	records []*directory.Principal // all rooms and resources
	raw     map[string]string      // what settings held, by GUID
	changes uint64                 // the revision of settings before these were read
	all     []*Known
}

// NewIndex makes an index. settings may be nil.
func NewIndex(d directory.Directory, c *Config, settings *Settings) *Index {
	return &Index{dir: d, config: c, settings: settings}
}

// All returns the rooms, which must not be changed. It asks the directory only at first
// and about whom new settings name. Errors: those of the directory, ErrSettings, those of
// the engine.
func (x *Index) All(ctx context.Context) ([]*Known, error) {
	c := x.last.Load()
	if x.current(c) {
		return c.all, nil
	}
	x.write.Lock()
	defer x.write.Unlock()
	switch c = x.last.Load(); {
	case c == nil:
		return x.read(ctx)
	case x.current(c):
		return c.all, nil
	}
	return x.resolve(ctx, c.records, c)
}

// current reports whether nothing was set since a content was made.
func (x *Index) current(c *content) bool { return c != nil && c.changes == x.settings.revision() }

// Lists reports whether people who may do this with a room find it when they search.
func (x *Index) Lists(may policy.Permission) bool { return x.config.Lists(may) }

// Refresh reads the directory anew. On error all stays as it was: what the directory does
// not say now it has not taken back.
func (x *Index) Refresh(ctx context.Context) error {
	x.write.Lock()
	defer x.write.Unlock()
	_, err := x.read(ctx)
	if err == nil && x.pools.Load() != nil {
		_, _ = x.readPools(ctx) // whoever asks next tries again, and learns why not
	}
	return err
}

func (x *Index) read(ctx context.Context) ([]*Known, error) {
	found, err := x.dir.Search(ctx, directory.Query{Types: []directory.Type{directory.Location, directory.Resource}})
	if err != nil {
		return nil, fmt.Errorf("rooms: %w", err)
	}
	return x.resolve(ctx, found, nil)
}

// resolve makes the content of some records. What old has of a room is kept if it is set
// as it was.
func (x *Index) resolve(ctx context.Context, records []*directory.Principal, old *content) ([]*Known, error) {
	next := &content{records: records, changes: x.settings.revision()}
	raw, err := x.settings.raw(ctx)
	if err != nil {
		return nil, err
	}
	next.raw = raw
	kept := map[string]*Known{}
	if old != nil {
		for _, k := range old.all {
			kept[k.Record.GUID] = k
		}
	}
	find := references{ctx: ctx, dir: x.dir, known: map[string]string{}}
	for _, p := range records {
		if !p.CalendarEnabled {
			continue
		}
		k := kept[p.GUID]
		if k == nil || raw[p.GUID] != old.raw[p.GUID] {
			if k, err = x.know(p, raw[p.GUID], &find); err != nil {
				return nil, err
			}
		}
		next.all = append(next.all, k)
	}
	x.last.Store(next)
	return next.all, nil
}

func (x *Index) know(p *directory.Principal, raw string, find *references) (*Known, error) {
	var local map[string]Value
	if raw != "" {
		var err error
		if local, err = decodeValues([]byte(p.GUID), []byte(raw)); err != nil {
			return nil, err
		}
	}
	k := &Known{Record: p, Policy: &x.config.Resolve(p, local).Policy, IDs: map[string]string{}}
	for _, ref := range k.Policy.References() {
		switch id, err := find.id(ref); {
		case err != nil:
			return nil, err
		case id != "":
			k.IDs[ref] = id
		}
	}
	return k, nil
}

// references finds the GUIDs of those whom settings name, each once.
type references struct {
	ctx   context.Context
	dir   directory.Directory
	known map[string]string
}

// id is the GUID of a reference, "" if the directory knows nobody by it.
func (r *references) id(ref string) (string, error) {
	if id, ok := r.known[ref]; ok {
		return id, nil
	}
	id := ""
	if key, err := KeyOf(ref); err == nil {
		p, err := r.dir.Lookup(r.ctx, key)
		switch {
		case err == nil:
			id = p.GUID
		case errors.Is(err, directory.ErrUnavailable):
			return "", err
		}
	}
	r.known[ref] = id
	return id, nil
}

// raw returns the records of all rooms as they are stored.
func (s *Settings) raw(ctx context.Context) (map[string]string, error) {
	all := map[string]string{}
	if s == nil {
		return all, nil
	}
	err := s.Engine.View(ctx, func(r engine.Reader) error {
		clear(all)
		for k, v := range r.Scan(tableRooms, engine.Range{}) {
			all[string(k)] = string(v)
		}
		return nil
	})
	return all, err
}
