package caldav

import (
	"errors"
	"net/http"

	"convene/acl"
	"convene/internal/webdav"
	"convene/store"
)

// reportSync serves sync-collection (RFC 6578) on a collection, and on the home,
// where it tells of collections (level 1) or of all that is in them as well
// (level infinite; Apple's calendarserver-home-sync).
func (h *Handler) reportSync(r *request, body *webdav.Element) (action, error) {
	depth, err := webdav.ParseDepth(r.Header, webdav.Depth0)
	if err != nil {
		return nil, err
	}
	ask, err := webdav.ParseSync(body, depth)
	if err != nil {
		return nil, err
	}
	q := queryProperties(webdav.PropfindRequest{Props: ask.Props}, r)
	if q.data, err = calendarDataOf(r, ask.Props); err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		if err := s.mustExist(); err != nil {
			return nil, err
		}
		y := &syncAnswer{s: s, q: q, self: s.resource(), ms: h.multistatus(), ask: ask}
		if ask.Token != "" {
			if y.since, err = s.parseToken(y.self, ask.Token); err != nil {
				return nil, err
			}
		}
		switch {
		case y.self.kind != kindHome:
			err = y.collection()
		case y.ask.Limit > 0:
			err = y.limitedHome()
		default:
			err = y.home()
		}
		if errors.Is(err, store.ErrTokenExpired) {
			return nil, precondition(webdav.CondValidSyncToken)
		}
		if err != nil {
			return nil, err
		}
		return applied(y.ms.Response(), webdav.ParsePrefer(r.Header)), nil
	}, nil
}

// A syncAnswer is a sync-collection report being answered.
type syncAnswer struct {
	s     *scope
	q     *propertyRequest
	self  *resource
	ms    *webdav.Multistatus
	ask   webdav.SyncRequest
	since store.Rev // 0: initial
}

// collection tells what changed in the target since the token; without a token,
// all members and the collection itself.
func (y *syncAnswer) collection() error {
	if y.since == 0 && y.ask.Limit == 0 {
		if err := y.q.write(y.s, y.ms, y.self); err != nil {
			return err
		}
		if err := y.s.eachObject(y.self, func(r *resource) error { return y.q.write(y.s, y.ms, r) }); err != nil {
			return err
		}
		y.ms.SyncToken(y.s.syncToken(y.self))
		return nil
	}
	changes, next, more, err := y.s.tx.Changes(y.self.col.ID, y.since, y.ask.Limit)
	if err != nil {
		return err
	}
	if y.since == 0 && !more {
		if err := y.q.write(y.s, y.ms, y.self); err != nil {
			return err
		}
	}
	if err := y.members(y.self, changes); err != nil {
		return err
	}
	if more {
		y.truncated()
	}
	y.ms.SyncToken(y.s.tokenAt(y.self, next))
	return nil
}

// members writes the responses of changed objects: their properties, or 404 if
// they are gone (RFC 6578 §3.5).
func (y *syncAnswer) members(in *resource, changes []store.Change) error {
	r := *in
	shown := y.s.grantIn(in).members.Has(acl.Read) // what has gone and had no list of its own
	for _, c := range changes {
		if c.Deleted {
			if y.since != 0 && shown {
				y.ms.ResponseStatus(in.dir+c.Name, http.StatusNotFound, nil)
			}
			continue
		}
		if !y.s.member(&r, c.Entry) {
			// It may have been less private when the client saw it last.
			if y.since != 0 && shown && !c.Created && !y.s.isShown(in.col, c.Entry) {
				y.ms.ResponseStatus(in.dir+c.Name, http.StatusNotFound, nil)
			}
			continue
		}
		if err := y.q.write(y.s, y.ms, &r); err != nil {
			return err
		}
	}
	return nil
}

// truncated says that there is more (RFC 6578 §3.6).
func (y *syncAnswer) truncated() {
	y.ms.ResponseStatus(y.self.dir, http.StatusInsufficientStorage, &webdav.Error{Condition: webdav.CondNumberOfMatches})
}

// home tells which collections changed since the token, and with level infinite
// which of their members did. Collections that do not synchronize are told with
// 403 at the start (RFC 6578 §3.3).
func (y *syncAnswer) home() error {
	deep := y.ask.Level == webdav.DepthInfinity
	if y.since == 0 {
		if err := y.q.write(y.s, y.ms, y.self); err != nil {
			return err
		}
	}
	changes, _, err := y.s.tx.HomeChanges(y.self.home.ID, y.since)
	if err != nil {
		return err
	}
	for _, c := range changes {
		if c.Name == homeFiles {
			continue // what lies in the home itself does not synchronize
		}
		if c.Deleted {
			if y.since != 0 {
				y.ms.ResponseStatus(y.s.req.target.collectionPath(c.Name), http.StatusNotFound, nil)
			}
			continue
		}
		if err := y.homeMember(c, deep); err != nil {
			return err
		}
	}
	y.ms.SyncToken(y.s.syncToken(y.self))
	return nil
}

func (y *syncAnswer) homeMember(c store.Change, deep bool) error {
	r, err := y.s.readableNamed(c.Name, acl.Read)
	if err != nil || r == nil {
		return err
	}
	if r.kind == kindDropbox {
		y.ms.ResponseStatus(r.dir, http.StatusForbidden, &webdav.Error{Condition: webdav.CondSyncTraversal})
		return nil
	}
	if err := y.q.write(y.s, y.ms, r); err != nil {
		return err
	}
	if !deep || r.kind&(kindOutbox|kindFreeBusyURL) != 0 {
		return nil
	}
	since := y.since
	if c.Created {
		since = 0 // another collection had the name, or none
	}
	members, _, _, err := y.s.tx.Changes(r.col.ID, since, 0)
	if err != nil {
		return err
	}
	return y.members(r, members)
}
