package caldav

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"convene/auth"
	"convene/calendar"
	"convene/directory"
	"convene/internal/ical"
	"convene/internal/logging"
	"convene/internal/webdav"
	"convene/rooms"
	"convene/rooms/policy"
)

// roomsPath is where rooms are looked for.
const roomsPath = "/rooms"

// getRooms serves GET /rooms: which rooms suit a meeting, the best first.
func (h *Handler) getRooms(r *request) (action, error) {
	v, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, webdav.BadRequest("the query is not well-formed")
	}
	search, err := h.roomSearch(r, v)
	if wrong, ok := errors.AsType[*rooms.FieldError](err); ok {
		resp, err := jsonResponse(http.StatusBadRequest, wrong)
		return func(*scope) (*webdav.Response, error) { return resp, err }, nil
	}
	if err != nil {
		return nil, err
	}
	return func(s *scope) (*webdav.Response, error) {
		found, err := search.run(s)
		if err != nil {
			return nil, err
		}
		return jsonResponse(http.StatusOK, found)
	}, nil
}

func jsonResponse(status int, value any) (*webdav.Response, error) {
	body, err := json.Marshal(value)
	return &webdav.Response{Status: status, Header: http.Header{"Content-Type": {"application/json"}}, Body: append(body, '\n')}, err
}

// FindRooms is GET /rooms with the parameters v, for a caller. Errors: *rooms.FieldError,
// and those of the directory and the store.
func (h *Handler) FindRooms(ctx context.Context, caller *auth.Caller, v url.Values) (found *rooms.Finding, err error) {
	err = h.asCaller(ctx, caller, http.MethodGet, roomsPath, func(req *request) (action, error) {
		search, err := h.roomSearch(req, v)
		if err != nil {
			return nil, err
		}
		return func(s *scope) (*webdav.Response, error) {
			found, err = search.run(s)
			return nil, err
		}, nil
	})
	return found, err
}

// asCaller runs an action that only reads for somebody who is not at a connection.
func (h *Handler) asCaller(ctx context.Context, caller *auth.Caller, method, path string, do func(*request) (action, error)) error {
	r, err := http.NewRequestWithContext(ctx, method, path, http.NoBody)
	if err != nil {
		return err
	}
	mem := h.newMemory()
	defer mem.Release()
	req := &request{Request: r, caller: caller, now: h.Now(), line: &logging.Entry{}, memory: mem}
	if err := mem.reserve(ctx, leastMemory); err != nil {
		return err
	}
	if req.target, err = parseTarget(r.URL.EscapedPath()); err != nil {
		return err
	}
	act, err := do(req)
	if err != nil {
		return err
	}
	return h.supplied(ctx, req, func() error {
		return h.Calendars.View(ctx, h.actor(req), func(tx *calendar.Tx) error {
			s, err := h.scope(tx, req)
			if err != nil {
				return err
			}
			s.meet()
			_, err = act(s)
			return s.outcome(err)
		})
	})
}

// A roomSearch is a query with whom and what it is about.
type roomSearch struct {
	*roomQuery
	dates  []policy.Span
	known  []*rooms.Known
	pools  []*rooms.Known
	people []*directory.Principal // who come, the caller first
	heads  int
	rank   rooms.Ranking
}

// roomSearch reads a query and asks the directory about it. It may wait. Errors:
// *rooms.FieldError.
func (h *Handler) roomSearch(r *request, v url.Values) (*roomSearch, error) {
	if h.RoomIndex == nil {
		return nil, errNoSuchPath
	}
	q, err := parseRoomQuery(v, r.now)
	if err != nil {
		return nil, err
	}
	f := &roomSearch{roomQuery: q}
	if f.dated() && q.until == 0 {
		if f.dates, err = q.dates(r.now); err != nil {
			return nil, err
		}
	}
	if f.people, err = h.attendees(r, q.people); err != nil {
		return nil, err
	}
	if f.heads = q.Heads; f.heads == 0 {
		f.heads = len(f.people)
		q.Heads = f.heads
	}
	f.rank = rooms.Ranking{Building: q.Building, Heads: f.heads}
	if q.Building == "" {
		f.rank.Building = most(f.people, func(p *directory.Principal) string { return p.Building })
	}
	f.rank.Floor = most(f.people, func(p *directory.Principal) string {
		if !strings.EqualFold(p.Building, f.rank.Building) {
			return ""
		}
		return p.Floor
	})
	if f.known, err = h.RoomIndex.All(r.Context()); err != nil {
		return nil, err
	}
	if f.pools, err = h.pools(r.Context()); err != nil {
		return nil, err
	}
	if f.dated() {
		h.makeLedgers(r.Context(), f)
	}
	return f, nil
}

// pools are the pools of rooms. If there are more groups than the directory gives, rooms are
// found without them.
func (h *Handler) pools(ctx context.Context) ([]*rooms.Known, error) {
	list, err := h.RoomIndex.Pools(ctx)
	if errors.Is(err, directory.ErrTooMany) {
		h.Log.WarnContext(ctx, "pools of rooms are not found", "err", err)
		return nil, nil
	}
	return list, err
}

// makeLedgers makes those ledgers that are missing of the rooms that suit. If it cannot, as
// while nothing may be written, their calendars are read instead.
func (h *Handler) makeLedgers(ctx context.Context, f *roomSearch) {
	all := map[string]*policy.Policy{}
	for _, k := range slices.Concat(f.known, f.pools) {
		if !f.Fits(k) {
			continue
		}
		for _, room := range k.Each() {
			all[room.Record.GUID] = room.Policy
		}
	}
	if err := h.Calendars.MakeLedgers(ctx, all); err != nil {
		h.Log.WarnContext(ctx, "ledgers of rooms are not made", "err", err)
	}
}

// attendees are the caller and those whom words name, by addresses or short names; of
// groups their members.
func (h *Handler) attendees(r *request, words []string) ([]*directory.Principal, error) {
	wrong := func(reason string) error { return &rooms.FieldError{Field: "for", Reason: reason} }
	list := []*directory.Principal{r.caller.Principal}
	add := func(p *directory.Principal) {
		if !slices.ContainsFunc(list, func(q *directory.Principal) bool { return q.GUID == p.GUID }) {
			list = append(list, p)
		}
	}
	most := h.Limits.FreeBusyPeople
	for _, word := range words {
		p, err := h.whom(r, word)
		switch {
		case len(list) > most+1:
			return nil, wrong(tooManyPeople) // before the next group is looked up
		case errors.Is(err, directory.ErrNotFound), errors.Is(err, directory.ErrAmbiguous):
			return nil, wrong(word + " is nobody, or not one alone")
		case err != nil:
			return nil, err
		case p.Type != directory.Group:
			add(p)
			continue
		}
		members, err := h.Directory.Members(r.Context(), p.GUID, directory.Nested)
		if errors.Is(err, directory.ErrTooMany) {
			return nil, wrong(word + " has too many members")
		}
		if err != nil {
			return nil, err
		}
		for _, m := range members {
			if m.Type == directory.User {
				add(m)
			}
		}
	}
	if len(list) > most+1 {
		return nil, wrong(tooManyPeople)
	}
	return list, nil
}

const tooManyPeople = "these are more people than one may ask about at once"

// whom finds the record of an address or a user's short name.
func (h *Handler) whom(r *request, word string) (*directory.Principal, error) {
	if strings.Contains(word, "@") && !strings.Contains(word, ":") {
		word = "mailto:" + word
	}
	if strings.ContainsAny(word, ":/") {
		return h.Directory.Lookup(r.Context(), h.addressKey(r, word))
	}
	return h.Directory.Lookup(r.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: word})
}

// most is what most of some people have, as far as the directory says, in lower case.
func most(people []*directory.Principal, of func(*directory.Principal) string) (best string) {
	count := map[string]int{}
	for _, p := range people {
		v := strings.ToLower(of(p))
		if v == "" {
			continue
		}
		if count[v]++; count[v] > count[best] {
			best = v
		}
	}
	return best
}

// A prospect is a room that suits, with what is known of it, or a pool.
type prospect struct {
	*rooms.Known
	facts   *policy.Facts
	of      []*prospect // of a pool: those of its rooms that the asker may have, the best first
	may     policy.Permission
	times   policy.Ledger
	damage  func() error
	unknown bool // it cannot be said when it is taken, or the asker may not know
	outlook *policy.Outlook
}

// run looks for the rooms in a transaction.
func (f *roomSearch) run(s *scope) (*rooms.Finding, error) {
	all, err := f.prospects(s)
	if err != nil || !s.lack.nothing() {
		return nil, err
	}
	found := &rooms.Finding{Heads: f.heads, Rooms: []rooms.Found{}}
	dates := f.dates
	if f.until != 0 {
		if dates, err = f.firstSlot(s, all, found); err != nil {
			return nil, err
		}
	}
	if len(dates) > 0 {
		found.From, found.To, found.Dates = f.text(dates[0].Start), f.text(dates[0].End), len(dates)
		if found.More, err = f.foresee(s, all, dates); err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(all, f.compare)
	for _, p := range all {
		if len(found.Rooms) == f.limit {
			found.More = true
			break
		}
		found.Rooms = append(found.Rooms, f.tell(p))
	}
	return found, nil
}

// prospects are the rooms and pools that suit whenever they are free, the best first.
func (f *roomSearch) prospects(s *scope) (all []*prospect, err error) {
	made := map[string]*prospect{}
	prospectOf := func(k *rooms.Known) (*prospect, error) {
		if p := made[k.Record.GUID]; p != nil {
			return p, nil
		}
		p := &prospect{Known: k}
		made[k.Record.GUID] = p
		if p.facts, err = s.factsOf(k, aclCaller(s.req.caller).GUID, ""); err != nil {
			return nil, err
		}
		p.may = p.facts.Permission(k.Policy)
		return p, nil
	}
	for _, k := range slices.Concat(f.known, f.pools) {
		if !f.Fits(k) {
			continue
		}
		var p *prospect
		if len(k.Rooms) > 0 {
			p, err = f.poolProspect(k, prospectOf)
		} else {
			p, err = prospectOf(k)
		}
		if err != nil {
			return nil, err
		}
		if s.h.RoomIndex.Lists(p.may) {
			all = append(all, p)
		}
	}
	slices.SortStableFunc(all, f.better)
	return all, nil
}

// poolProspect is a pool with those of its rooms that it would give to the asker.
func (f *roomSearch) poolProspect(k *rooms.Known, of func(*rooms.Known) (*prospect, error)) (*prospect, error) {
	p := &prospect{Known: k, may: policy.MayNot}
	for _, room := range k.Rooms {
		one, err := of(room)
		if err != nil {
			return nil, err
		}
		if one.facts.Offers(room.Policy) {
			p.of, p.may = append(p.of, one), policy.MayBook
		}
	}
	slices.SortStableFunc(p.of, f.better)
	return p, nil
}

// better orders prospects as they are ranked, a pool behind the best room that it has for so
// many people.
func (f *roomSearch) better(a, b *prospect) int {
	return cmp.Or(f.rank.Compare(f.best(a).Known, f.best(b).Known), len(a.Rooms)-len(b.Rooms), strings.Compare(a.Record.FullName, b.Record.FullName))
}

func (f *roomSearch) best(p *prospect) *prospect {
	for _, room := range p.of {
		if room.Policy.SeatsInPool(f.heads) {
			return room
		}
	}
	return p
}

// choice is a room alone, and of a pool the rooms that it would give to so many people.
func (f *roomSearch) choice(p *prospect) []*prospect {
	if len(p.Rooms) == 0 {
		return []*prospect{p}
	}
	return slices.DeleteFunc(slices.Clone(p.of), func(room *prospect) bool { return !room.Policy.SeatsInPool(f.heads) })
}

// asked asks when a room is taken and closed within some time, if the caller may know. A
// ledger that is damaged, or an availability that takes too long, is the trouble of this
// room alone: then it is unknown.
func (p *prospect) asked(s *scope, within policy.Span, ask func()) (err error) {
	if p.times == nil && !p.unknown {
		if _, err = s.mayAskWhenBusy(aclCaller(s.req.caller).GUID, p.Record); errors.Is(err, errDenied) {
			p.unknown = true
			return nil
		}
		if err != nil {
			return err
		}
		if p.times, p.damage, err = s.tx.Times(p.Record.GUID, p.Policy); err == nil {
			err = s.tx.Opens(p.facts, within)
		}
	}
	if err == nil && !p.unknown {
		ask()
		err = p.damage()
	}
	if errors.Is(err, rooms.ErrDamaged) || errors.Is(err, ical.ErrBudget) {
		s.h.Log.Error("it is not known when a room is taken", "room", p.Record.Name, "err", err)
		p.unknown, err = true, nil
	}
	return err
}

// foresee says of the rooms whether they are free for some dates, the best first; more:
// there were so many that the last were left out.
func (f *roomSearch) foresee(s *scope, all []*prospect, dates []policy.Span) (more bool, err error) {
	tries := 0
	for _, p := range all {
		choice := f.choice(p)
		for _, room := range choice {
			if room.outlook != nil {
				continue
			}
			if tries += len(dates); tries > maxForesights {
				return true, nil
			}
			if err := f.look(s, room, dates); err != nil {
				return false, err
			}
		}
		if len(p.Rooms) > 0 {
			p.outlook = f.poolOutlook(p, choice, len(dates))
		}
	}
	return false, nil
}

// look finds out how a room stands to some dates.
func (f *roomSearch) look(s *scope, p *prospect, dates []policy.Span) error {
	within := policy.Span{Start: dates[0].Start, End: dates[len(dates)-1].End}
	err := p.asked(s, within, func() {
		o := policy.Foresee(p.Policy, p.facts, p.times, policy.Wish{Dates: dates, Heads: f.heads}, s.tx.Now().Unix())
		p.outlook = &o
	})
	if p.unknown {
		p.outlook = &policy.Outlook{Reason: policy.Reason{Code: notKnown}}
	}
	return err
}

// poolOutlook is how a pool stands to so many dates: one of its rooms is booked for all of
// them, or none.
func (f *roomSearch) poolOutlook(p *prospect, choice []*prospect, dates int) *policy.Outlook {
	for _, room := range choice {
		if room.outlook.Free == dates {
			return room.outlook
		}
	}
	if len(choice) > 0 {
		return &policy.Outlook{Reason: choice[0].outlook.Reason}
	}
	return &policy.Outlook{Reason: f.unsuited(p)}
}

// unsuited is why a pool has no room for so many people.
func (f *roomSearch) unsuited(p *prospect) policy.Reason {
	if len(p.of) == 0 {
		return policy.Reason{Code: policy.CodeNotAllowed}
	}
	most := slices.MaxFunc(p.of, func(a, b *prospect) int { return a.Policy.Capacity - b.Policy.Capacity })
	return policy.Reason{Code: policy.CodeCapacity, Limit: most.Policy.Capacity, Have: f.heads}
}

// notKnown is the reason of a room of which it cannot be said when it is taken, at least
// not to the asker.
const notKnown policy.Code = "unknown"

// compare orders what was found: first what the asker may have, of this what is free for
// the most dates, then as ranked.
func (f *roomSearch) compare(a, b *prospect) int {
	score := func(p *prospect) int {
		n := 0
		if p.outlook != nil {
			n = p.outlook.Free
		}
		if p.may == policy.MayNot {
			n -= maxDates + 1
		}
		return n
	}
	return score(b) - score(a)
}

func (f *roomSearch) tell(p *prospect) rooms.Found {
	told := rooms.FoundOf(p.Known, p.may)
	for _, room := range p.Rooms {
		told.Rooms = append(told.Rooms, room.Name())
	}
	if p.outlook != nil {
		told.Free, told.Reason = &p.outlook.Free, string(p.outlook.Reason.Code)
	}
	return told
}

// firstSlot looks for the first time at which the people and one of the rooms are free:
// of several rooms that are free then the best. The result is that time, if there is one.
func (f *roomSearch) firstSlot(s *scope, all []*prospect, found *rooms.Finding) ([]policy.Span, error) {
	search := policy.Search{From: f.from, Until: f.until, Length: f.length, Heads: f.heads}
	var err error
	if search.Busy, err = f.busy(s, found); err != nil {
		return nil, err
	}
	var best *prospect
	for _, p := range all {
		if p.may == policy.MayNot {
			continue
		}
		for _, room := range f.choice(p) {
			at, ok := int64(0), false
			err := room.asked(s, policy.Span{Start: f.from, End: f.until + f.length}, func() {
				at, ok = policy.FirstFree(room.Policy, room.facts, room.times, search, s.tx.Now().Unix())
			})
			if err != nil {
				return nil, err
			}
			if ok && !room.unknown {
				best, search.Until = p, at
			}
		}
		if search.Until <= search.From {
			break
		}
	}
	if best == nil {
		return nil, nil
	}
	date := policy.Span{Start: search.Until, End: search.Until + f.length}
	found.Slot = &rooms.Slot{From: f.text(date.Start), To: f.text(date.End), Room: best.Record.Addresses()[0]}
	return []policy.Span{date}, nil
}

// busy is when the people have no time, those together whom the caller may ask about.
func (f *roomSearch) busy(s *scope, found *rooms.Finding) (all []policy.Span, err error) {
	until := f.until + f.length
	var periods []ical.BusyPeriod
	for _, who := range f.people {
		if !who.CalendarEnabled {
			found.Unknown = append(found.Unknown, who.FullName)
			continue
		}
		times, err := s.busyTimes(s.busyQuery(f.from, until), aclCaller(s.req.caller).GUID, who, nothing)
		var own []ical.BusyPeriod
		if err == nil {
			own, err = times.Merged(f.from, until, s.budget())
		}
		switch {
		case errors.Is(err, errDenied), errors.Is(err, ical.ErrBudget):
			found.Unknown = append(found.Unknown, who.FullName)
		case err != nil:
			return nil, err
		}
		periods = append(periods, own...)
	}
	slices.SortFunc(periods, func(a, b ical.BusyPeriod) int { return cmp.Compare(a.Start, b.Start) })
	for _, b := range periods {
		if n := len(all); n > 0 && b.Start <= all[n-1].End {
			all[n-1].End = max(all[n-1].End, b.End)
		} else {
			all = append(all, policy.Span{Start: b.Start, End: b.End})
		}
	}
	return all, nil
}
