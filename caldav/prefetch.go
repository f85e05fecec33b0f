package caldav

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// An action must not wait, and so cannot ask the directory or make a home. What it
// lacks it notes, with s.record, s.members or s.groups, and goes on as if that did
// not exist; then nothing of it counts: its transaction is undone, respond supplies
// what was noted and runs the action again, which now finds it. Each run notes all
// that it misses, so there are as many runs as steps from one unknown to the next.

// facts are what a request knows of the directory.
type facts struct {
	records map[directory.Key]*directory.Principal // nil: there is none
	members map[string][]*directory.Principal      // direct members of a group, by its GUID
	listed  map[membership][]string                // GUIDs of the members of a group
	groups  map[string][]string                    // GUIDs of all groups of a record, by its GUID

	// presented: whose homes were seen to, for their owner to stand there with their
	// present address, by GUID.
	presented map[string]bool

	rooms map[string]*policy.Policy // how a room or resource is set, by its GUID
	index []*rooms.Known            // all of them, as far as they are known; not changed

	// The delegates whom the directory names, of all locations and resources.
	appointed struct {
		known   bool
		records []delegation.Record
	}
}

// A membership is the members of the group with a GUID: the direct ones, or those of
// groups in it too.
type membership struct {
	group string
	of    directory.Expansion
}

// A lack is what an action found missing among the facts.
type lack struct {
	home    *directory.Principal // whose home has not been made yet
	present string               // GUID of one who has another mail address than in their home
	records []directory.Key
	members []string
	listed  []membership
	groups  []string
	rooms   []*directory.Principal

	appointed bool
}

func (l *lack) Error() string {
	return fmt.Sprintf("facts missing: home %t, address %t, %d records, %d member lists, %d group lists, %d rooms, delegates of locations %t",
		l.home != nil, l.present != "", len(l.records), len(l.members)+len(l.listed), len(l.groups), len(l.rooms), l.appointed)
}

func (l *lack) nothing() bool {
	return l.home == nil && l.present == "" && l.count() == 0 && !l.appointed
}

// count is how many single facts are missing.
func (l *lack) count() int {
	return len(l.records) + len(l.members) + len(l.groups) + len(l.listed) + len(l.rooms)
}

// record is the directory's record, nil if there is none or it is not known yet.
func (s *scope) record(key directory.Key) *directory.Principal {
	if key.By == directory.GUID {
		p := s.atHand(key.Value)
		if p == nil { // most GUIDs come from records, where they are canonical
			p = s.atHand(directory.CanonicalGUID(key.Value))
		}
		if p != nil {
			return p
		}
	}
	p, known := s.req.facts.records[key]
	if !known {
		s.lack.records = append(s.lack.records, key)
	}
	return p
}

// atHand is the caller's record or that of the target's owner, if one has the GUID.
func (s *scope) atHand(guid string) *directory.Principal {
	switch caller, owner := s.req.caller.Principal, s.req.target.owner; {
	case caller != nil && caller.GUID == guid:
		return caller
	case owner != nil && owner.GUID == guid:
		return owner
	}
	return nil
}

// recordByGUID is record for a GUID.
func (s *scope) recordByGUID(guid string) *directory.Principal {
	return s.record(directory.Key{By: directory.GUID, Value: guid})
}

// members are the direct members of a group, none if they are not known yet.
func (s *scope) members(guid string) []*directory.Principal {
	members, known := s.req.facts.members[guid]
	if !known {
		s.lack.members = append(s.lack.members, guid)
	}
	return members
}

// memberGUIDs are the GUIDs of the members of a group, none if they are not known yet.
func (s *scope) memberGUIDs(group string, of directory.Expansion) []string {
	list, known := s.req.facts.listed[membership{group, of}]
	if !known {
		s.lack.listed = append(s.lack.listed, membership{group, of})
	}
	return list
}

// allAppointed are the delegates whom the directory names, of all locations and
// resources; none if they are not known yet.
func (s *scope) allAppointed() []delegation.Record {
	if !s.req.facts.appointed.known {
		s.lack.appointed = true
	}
	return s.req.facts.appointed.records
}

// groups are the GUIDs of the groups that a record is in, directly or through
// others, none if they are not known yet. The caller's came with the sign-in.
func (s *scope) groups(guid string) []string {
	if p := s.req.caller.Principal; p != nil && p.GUID == guid {
		return s.req.caller.Groups
	}
	groups, known := s.req.facts.groups[guid]
	if !known {
		s.lack.groups = append(s.lack.groups, guid)
	}
	return groups
}

// homeOf is the home of a record in a transaction. Errors: *lack, it has not been
// made yet.
func homeOf(tx *calendar.Tx, owner *directory.Principal) (*store.Home, error) {
	home, err := tx.Home(owner.GUID)
	if errors.Is(err, calendar.ErrNoHome) {
		return nil, &lack{home: owner}
	}
	return home, err
}

// presents sees to it that the owner of a home stands there with their present
// address. Errors: *lack, it has changed.
func (s *scope) presents(home *store.Home, owner *directory.Principal) error {
	if s.h.Calendars.IsPresent(home, owner) || s.req.facts.presented[owner.GUID] {
		return nil
	}
	return &lack{present: owner.GUID}
}

// maxRuns bounds how often an action is run for one request: for as many steps of
// expand-property as anybody asks, and some more.
const maxRuns = 12

// errRestless ends a request whose action lacks something else each time.
var errRestless = &webdav.Error{Status: http.StatusServiceUnavailable, Description: "what this is about is changing too fast; try again"}

// supplied runs fn, supplies what it lacks, and runs it again until it lacks
// nothing. Errors: fn's, and those of the directory and the store.
func (h *Handler) supplied(ctx context.Context, req *request, fn func() error) error {
	return h.suppliedEach(ctx, func() (*request, error) { return req, fn() })
}

// suppliedEach is supplied for what several requests do: fn says which of them lacks
// something.
func (h *Handler) suppliedEach(ctx context.Context, fn func() (*request, error)) error {
	for range maxRuns {
		req, err := fn()
		missing, ok := errors.AsType[*lack](err)
		if !ok {
			return err
		}
		if err := h.supply(ctx, req, missing); err != nil {
			return err
		}
	}
	return errRestless
}

// supply adds to the facts what is missing. It may wait.
func (h *Handler) supply(ctx context.Context, req *request, missing *lack) error {
	f := &req.facts
	if missing.home != nil {
		if err := h.Calendars.Provision(ctx, missing.home); err != nil {
			return err
		}
	}
	if missing.present != "" {
		if err := h.supplyPresent(ctx, f, missing.present); err != nil {
			return err
		}
	}
	for _, key := range missing.records {
		if _, known := f.records[key]; known {
			continue
		}
		p, err := h.Directory.Lookup(ctx, key)
		if err != nil && !errors.Is(err, directory.ErrNotFound) && !errors.Is(err, directory.ErrAmbiguous) {
			return err
		}
		set(&f.records, key, p)
		if p != nil { // rights ask for it by its GUID, whatever it was found by
			set(&f.records, directory.Key{By: directory.GUID, Value: p.GUID}, p)
		}
	}
	for _, guid := range missing.members {
		if _, known := f.members[guid]; known {
			continue
		}
		members, err := h.Directory.Members(ctx, guid, directory.Direct)
		if err != nil {
			return err
		}
		set(&f.members, guid, members)
	}
	for _, guid := range missing.groups {
		if _, known := f.groups[guid]; known {
			continue
		}
		groups, err := h.Directory.Groups(ctx, guid)
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return err
		}
		set(&f.groups, guid, groups)
	}
	for _, m := range missing.listed {
		if _, known := f.listed[m]; known {
			continue
		}
		list, err := h.Directory.MemberGUIDs(ctx, m.group, m.of)
		if err != nil && !errors.Is(err, directory.ErrNotFound) {
			return err
		}
		set(&f.listed, m, list)
	}
	if err := h.supplyRooms(ctx, f, missing.rooms); err != nil {
		return err
	}
	if missing.appointed && !f.appointed.known {
		list, err := h.Delegates.Appointed.All(ctx)
		if err != nil {
			return err
		}
		f.appointed.known, f.appointed.records = true, list
	}
	return nil
}

// supplyPresent has the owner of a home stand there with their present address. What
// the directory says of the GUID counts, which is the newest that is known, whatever the
// target was found by. That it could not be written, because there is no room for
// it or the server is read-only, keeps nobody from reading what is there.
func (h *Handler) supplyPresent(ctx context.Context, f *facts, guid string) error {
	owner, err := h.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: guid})
	if err != nil {
		return err
	}
	if err := h.Calendars.Present(ctx, owner); errors.Is(err, store.ErrFull) {
		h.Log.WarnContext(ctx, "a changed mail address is not written into its owner's calendars", "guid", guid, "err", err)
	} else if err != nil && !errors.Is(err, store.ErrPaused) {
		return err
	}
	set(&f.presented, guid, true)
	return nil
}

// supplyActing finds out what the caller may do for a delegator, outside of any
// transaction.
func (h *Handler) supplyActing(ctx context.Context, req *request, delegator string) error {
	if !h.mayAct(req, delegator) {
		return nil
	}
	return h.supplied(ctx, req, func() error {
		s := &scope{h: h, req: req}
		delete(req.proxies, delegator) // what a run found that lacked something is not all
		s.actsFor(delegator)
		if !s.lack.nothing() {
			return &s.lack
		}
		return nil
	})
}

// set is m[k] = v for a map that may not have been made yet.
func set[K comparable, V any](m *map[K]V, k K, v V) {
	if *m == nil {
		*m = map[K]V{}
	}
	(*m)[k] = v
}
