package caldav

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strconv"
	"strings"

	"convene/acl"
	"convene/store"
)

// A sync token names what it is a state of, the epoch of the store, what the caller
// saw of it, and the revision: "data:,c7-9d3f01ab-1f2a" for collection 7,
// "data:,h3-9d3f01ab-1f2a" for a home (RFC 6578 §3.2: a valid URI), and
// "data:,c7-9d3f01ab-1e00.5d1c0a3b-1f2a" for somebody from whom a part is hidden, or
// may have been.
const tokenPrefix = "data:,"

// syncToken is the token of the present state of a collection or home.
func (s *scope) syncToken(r *resource) string {
	if r.col != nil {
		return s.tokenAt(r, r.col.Rev)
	}
	return s.tokenAt(r, r.home.Rev)
}

// tokenAt is the token of the state of a revision.
func (s *scope) tokenAt(r *resource, rev store.Rev) string {
	letter, number, view := 'h', uint64(r.home.ID), ""
	if r.col != nil {
		letter, number, view = 'c', uint64(r.col.ID), s.viewOf(r)
	} else {
		view = s.viewOfHome(r)
	}
	if view != "" {
		view += "-"
	}
	return fmt.Sprintf("%s%c%x-%x-%s%x", tokenPrefix, letter, number, r.home.Epoch, view, rev)
}

// parseToken returns the revision of a token of r. One of another resource, of
// another server, of what this one was before it was restored from a copy, or of
// what the caller saw before the rights changed, is not valid (RFC 6578 §3.2):
// what came and went with a right is in no log of changes. Errors:
// store.ErrTokenExpired.
func (s *scope) parseToken(r *resource, token string) (store.Rev, error) {
	want := s.syncToken(r)
	ours := want[:strings.LastIndexByte(want, '-')+1]
	rev, ok := strings.CutPrefix(token, ours)
	n, err := strconv.ParseUint(rev, 16, 64)
	if !ok || err != nil {
		return 0, fmt.Errorf("token %.100q: %w", token, store.ErrTokenExpired)
	}
	return store.Rev(n), nil
}

// viewOf says which part of a collection the caller sees: when lists were changed
// last, and a sum over what is hidden. It is "" for those from whom nothing can be
// hidden, and where no list was ever set and nothing is.
func (s *scope) viewOf(r *resource) string {
	g := s.grantIn(r)
	listed := r.listed()
	caller := s.req.asks()
	private := caller.Private(listed)
	if g.granted == acl.All || r.col.Rights.Rev == 0 && g.members.Has(acl.Read) && !private {
		return ""
	}
	hidden := fnv.New32a()
	fmt.Fprintf(hidden, "%t %t", g.members.Has(acl.Read), private)
	if r.col.Rights.Objects > 0 && g.objects == nil {
		g.objects = s.objectRights(r)
	}
	for _, name := range slices.Sorted(maps.Keys(g.objects)) {
		if !g.objects[name].Has(acl.Read) {
			fmt.Fprintf(hidden, " %q", name)
		}
	}
	return fmt.Sprintf("%x.%x", r.col.Rights.Rev, hidden.Sum32())
}

// viewOfHome is viewOf for a home: a sum over its collections.
func (s *scope) viewOfHome(r *resource) string {
	if s.rights(r) == acl.All {
		return ""
	}
	sum, partial := fnv.New32a(), false
	for c, err := range s.readableIn(r, acl.None) {
		if err != nil {
			s.fault = err
			return ""
		}
		view, shown := s.viewOf(c), c.privileges.Has(acl.Read)
		partial = partial || view != "" || !shown
		sum.Write(binary.BigEndian.AppendUint32(nil, uint32(c.col.ID)))
		fmt.Fprintf(sum, "%s %t", view, shown)
	}
	if !partial {
		return ""
	}
	return fmt.Sprintf("%x", sum.Sum32())
}
