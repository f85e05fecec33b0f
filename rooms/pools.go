package rooms

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"convene/directory"
	"convene/rooms/policy"
)

// A poolList is the pools of a content of an Index. It is never changed.
type poolList struct {
	of  *content
	all []*Known
}

// Type is what a room is, or what the rooms of a pool are: resources if one of them is.
func (k *Known) Type() directory.Type {
	if slices.ContainsFunc(k.Each(), func(r *Known) bool { return r.Record.Type == directory.Resource }) {
		return directory.Resource
	}
	return k.Each()[0].Record.Type
}

// Name is what a room or pool is called in headers and by commands: "locations/neptune".
func (k *Known) Name() string { return KindOf(k.Record.Type).String() + "/" + k.Record.Name }

// Each is a room alone, and of a pool its rooms.
func (k *Known) Each() []*Known {
	if len(k.Rooms) > 0 {
		return k.Rooms
	}
	return []*Known{k}
}

// Pools returns the groups that are pools, with their rooms, by full name. They must not be
// changed. While the directory is away those known before stay, until Refresh. Errors: as All;
// directory.ErrTooMany.
func (x *Index) Pools(ctx context.Context) ([]*Known, error) {
	if _, err := x.All(ctx); err != nil {
		return nil, err
	}
	if p := x.pools.Load(); p != nil && p.of == x.last.Load() {
		return p.all, nil
	}
	x.write.Lock()
	defer x.write.Unlock()
	return x.readPools(ctx)
}

// readPools finds the pools of the content there is. Without a directory those known before
// stay, with the rooms as they are set now.
func (x *Index) readPools(ctx context.Context) ([]*Known, error) {
	c, old := x.last.Load(), x.pools.Load()
	if old != nil && old.of == c {
		return old.all, nil
	}
	next := &poolList{of: c}
	groups, err := x.poolGroups(ctx, c)
	for _, g := range groups {
		var k *Known
		if k, err = x.pool(ctx, g, c); err != nil {
			break
		}
		if k != nil {
			next.all = append(next.all, k)
		}
	}
	if err != nil {
		if old == nil || !errors.Is(err, directory.ErrUnavailable) {
			return nil, fmt.Errorf("pools: %w", err)
		}
		next.all = nil
		for _, was := range old.all {
			in := func(k *Known) bool {
				return slices.ContainsFunc(was.Rooms, func(room *Known) bool { return room.Record.GUID == k.Record.GUID })
			}
			if k := asPool(was.Record, was.Policy, c.all, in); k != nil {
				next.all = append(next.all, k)
			}
		}
	}
	x.pools.Store(next)
	return next.all, nil
}

// poolGroups are the groups that are set to be pools. All groups are read only where the
// configuration may mean any of them; otherwise those are looked up that a command has set.
func (x *Index) poolGroups(ctx context.Context, c *content) (list []*directory.Principal, err error) {
	const setting = "pool"
	everyGroup := x.GroupSettings || x.config.sets(setting)
	if everyGroup {
		if list, err = x.dir.Search(ctx, directory.Query{Types: []directory.Type{directory.Group}}); err != nil {
			return nil, err
		}
	}
	locals := map[string]map[string]Value{}
	for guid, raw := range c.raw {
		values, err := decodeValues([]byte(guid), []byte(raw))
		if err != nil {
			return nil, err
		}
		if _, has := values[setting]; !has {
			continue
		}
		locals[guid] = values
		if everyGroup {
			continue
		}
		p, err := x.dir.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
		switch {
		case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
		case err != nil:
			return nil, err
		case p.Type == directory.Group:
			list = append(list, p)
		}
	}
	list = slices.DeleteFunc(list, func(p *directory.Principal) bool { return !x.config.Resolve(p, locals[p.GUID]).Policy.Pool })
	slices.SortFunc(list, func(a, b *directory.Principal) int {
		if by := strings.Compare(a.FullName, b.FullName); by != 0 {
			return by
		}
		return strings.Compare(a.GUID, b.GUID)
	})
	return list, nil
}

// pool is a group with its rooms; nil if it has none, somebody in it is no room, or it has
// more members than the directory gives.
func (x *Index) pool(ctx context.Context, g *directory.Principal, c *content) (*Known, error) {
	members, err := x.dir.Members(ctx, g.GUID, directory.Nested)
	if errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrTooMany) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	in := map[string]bool{}
	for _, m := range members {
		switch {
		case KindOf(m.Type).Booked():
			in[m.GUID] = true
		case m.Type != directory.Group && m.CalendarEnabled:
			return nil, nil
		}
	}
	return asPool(g, &policy.Policy{Pool: true, Bookable: true}, c.all, func(k *Known) bool { return in[k.Record.GUID] }), nil
}

// asPool makes a pool of those rooms that are in it; nil: none is. Its place and features
// are what all of them have, and its seats those of the largest: whichever is booked is as it
// says.
func asPool(g *directory.Principal, rules *policy.Policy, all []*Known, in func(*Known) bool) *Known {
	own := *rules
	k := &Known{Record: g, Policy: &own}
	own.Capacity = 0
	for _, r := range all {
		if !in(r) {
			continue
		}
		place := &r.Policy.Place
		own.Capacity = max(own.Capacity, r.Policy.Capacity)
		if len(k.Rooms) == 0 {
			own.Place = policy.Place{Building: place.Building, Floor: place.Floor, Features: place.Features}
		}
		k.Rooms = append(k.Rooms, r)
		if !strings.EqualFold(own.Place.Building, place.Building) {
			own.Place.Building, own.Place.Floor = "", ""
		}
		if !strings.EqualFold(own.Place.Floor, place.Floor) {
			own.Place.Floor = ""
		}
		own.Place.Features = slices.DeleteFunc(slices.Clone(own.Place.Features), func(f string) bool { return !place.Features.HasFold(f) })
	}
	if len(k.Rooms) == 0 {
		return nil
	}
	return k
}
