package caldav

import (
	"cmp"
	"net/http"
	"slices"

	"convene/acl"
	"convene/internal/webdav"
	"convene/store"
)

// A homeItem is one response of a home's sync-collection, and the revision from
// which on it is told.
type homeItem struct {
	rev   store.Rev
	write func() error
}

// limitedHome is home for a client that takes so many responses and no more (RFC
// 6578 §3.7): the oldest changes, and a token to go on with. What has one revision,
// as a collection and its newest member, cannot be told apart by a token, and is
// told together or, if it is too much, not at all.
func (y *syncAnswer) limitedHome() error {
	items, next, err := y.homeItems()
	if err != nil {
		return err
	}
	slices.SortStableFunc(items, func(a, b homeItem) int { return cmp.Compare(a.rev, b.rev) })
	cut := len(items)
	if cut > y.ask.Limit {
		for cut = y.ask.Limit; cut > 0 && items[cut].rev == items[cut-1].rev; cut-- {
		}
		if cut == 0 {
			return &webdav.Error{Status: http.StatusInsufficientStorage, Condition: webdav.CondNumberOfMatches}
		}
		next = items[cut-1].rev
	}
	for _, item := range items[:cut] {
		if err := item.write(); err != nil {
			return err
		}
	}
	if cut < len(items) {
		y.truncated()
	}
	y.ms.SyncToken(y.s.tokenAt(y.self, next))
	return nil
}

// homeItems lists what home would tell, and the revision of the home.
func (y *syncAnswer) homeItems() (items []homeItem, next store.Rev, err error) {
	changes, next, err := y.s.tx.HomeChanges(y.self.home.ID, y.since)
	if err != nil {
		return nil, 0, err
	}
	for _, c := range changes {
		switch {
		case c.Name == homeFiles, c.Deleted && y.since == 0:
		case c.Deleted:
			items = append(items, homeItem{c.Rev, func() error {
				y.ms.ResponseStatus(y.s.req.target.collectionPath(c.Name), http.StatusNotFound, nil)
				return nil
			}})
		default:
			if items, err = y.collectionItems(items, c); err != nil {
				return nil, 0, err
			}
		}
	}
	if y.since == 0 { // the home itself is told first, and once
		items = append(items, homeItem{0, func() error { return y.q.write(y.s, y.ms, y.self) }})
	}
	return items, next, nil
}

// collectionItems adds a collection and, with level infinite, its members. Those
// of one that has come to its place since the token are told from then on, however
// old they are.
func (y *syncAnswer) collectionItems(items []homeItem, c store.Change) ([]homeItem, error) {
	r, err := y.s.readableNamed(c.Name, acl.Read)
	if err != nil || r == nil {
		return items, err
	}
	if r.kind == kindDropbox {
		return append(items, homeItem{c.Rev, func() error {
			y.ms.ResponseStatus(r.dir, http.StatusForbidden, &webdav.Error{Condition: webdav.CondSyncTraversal})
			return nil
		}}), nil
	}
	items = append(items, homeItem{c.Rev, func() error { return y.q.write(y.s, y.ms, r) }})
	if y.ask.Level != webdav.DepthInfinity || r.kind&(kindOutbox|kindFreeBusyURL) != 0 {
		return items, nil
	}
	since, placed := y.since, store.Rev(0)
	if c.Created {
		since, placed = 0, r.col.Placed
	}
	members, _, _, err := y.s.tx.Changes(r.col.ID, since, 0)
	if err != nil {
		return nil, err
	}
	for _, m := range members {
		items = append(items, homeItem{max(m.Rev, placed), func() error { return y.members(r, []store.Change{m}) }})
	}
	return items, nil
}
