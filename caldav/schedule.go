package caldav

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"convene/acl"
	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/internal/header"
	"convene/internal/ical"
	"convene/internal/webdav"
	"convene/scheduling"
	"convene/store"
)

// partyKinds are the kinds of party that records with calendars are.
var partyKinds = map[directory.Type]scheduling.PartyKind{
	directory.User: scheduling.Person, directory.Location: scheduling.Room,
	directory.Resource: scheduling.Resource, directory.Group: scheduling.Group,
}

// Party implements calendar.Parties, from what the request knows of the directory.
// What it does not know yet is noted as a lack. All who ask get the same party.
func (s *scope) Party(address string) (*scheduling.Party, error) {
	if p := s.parties[address]; p != nil {
		return p, nil
	}
	p, err := s.findParty(address)
	if err == nil {
		set(&s.parties, address, p)
	}
	return p, err
}

func (s *scope) findParty(address string) (*scheduling.Party, error) {
	key, err := s.h.addressKey(s.req, address).Canonical()
	if err != nil { // no record can have this address
		return s.h.outsider(address), nil
	}
	before := len(s.lack.records)
	p := s.record(key)
	switch {
	case len(s.lack.records) > before:
		return nil, &scheduling.NeedError{Addresses: []string{address}}
	case p == nil:
		if former := s.former(address); former != nil {
			return former, nil
		}
		return s.h.outsider(address), nil
	}
	return s.partyOf(p)
}

// partyOf is what scheduling needs to know of a record.
func (s *scope) partyOf(p *directory.Principal) (*scheduling.Party, error) {
	party := &scheduling.Party{
		Address: scheduling.CanonicalAddress(p.GUID), GUID: p.GUID, Kind: partyKinds[p.Type],
		CN: p.FullName, Emails: p.Emails, Street: p.Address, Geo: strings.TrimPrefix(p.Geo, "geo:"), Language: p.Language,
	}
	switch {
	case p.Type == directory.Group:
		var err error
		if party.Members, err = s.nestedMembers(p.GUID); err == nil {
			party.Kind, err = s.poolKind(p, party.Members)
		}
		return party, err
	case !p.CalendarEnabled:
		party.Kind = scheduling.Disabled
		if d := s.departed[p.GUID]; d != nil { // their meetings end as those of a person
			party.Kind = d.party.Kind
		}
	}
	return party, nil
}

// maxGroups is how many groups one attendee's group may be made of.
const maxGroups = 1000

// nestedMembers are the GUIDs of those in a group who are no groups themselves.
func (s *scope) nestedMembers(guid string) ([]string, error) {
	seen, queue, found := map[string]bool{guid: true}, []string{guid}, []string(nil)
	for len(queue) > 0 {
		before := len(s.lack.members)
		members := s.members(queue[0])
		if len(s.lack.members) > before {
			return nil, &scheduling.NeedError{Addresses: []string{scheduling.CanonicalAddress(queue[0])}}
		}
		queue = queue[1:]
		for _, m := range members {
			switch {
			case seen[m.GUID]:
				continue
			case m.Type == directory.Group:
				queue = append(queue, m.GUID)
			case m.CalendarEnabled:
				found = append(found, m.GUID)
			}
			seen[m.GUID] = true
			if len(seen) > maxGroups {
				return nil, directory.ErrTooMany
			}
		}
	}
	slices.Sort(found)
	return found, nil
}

// outsider is the party of an address that no record has.
func (h *Handler) outsider(address string) *scheduling.Party {
	party := &scheduling.Party{Address: address, Kind: scheduling.Unreachable}
	scheme, mail, _ := strings.Cut(address, ":")
	switch strings.ToLower(scheme) {
	case "mailto":
		_, domain, _ := strings.Cut(mail, "@")
		switch {
		case slices.ContainsFunc(h.Domains, func(d string) bool { return strings.EqualFold(d, domain) }):
			party.Kind = scheduling.Unknown
		case h.Mail:
			party.Kind, party.Emails = scheduling.External, []string{strings.ToLower(mail)}
		}
	case "urn", "http", "https":
		party.Kind = scheduling.Unknown
	default:
		if strings.HasPrefix(address, "/") {
			party.Kind = scheduling.Unknown
		}
	}
	return party
}

// introduce asks the directory about everybody whom calendar data names, so that
// the transaction need not be run twice. It may wait. Errors: those of the directory.
func (h *Handler) introduce(ctx context.Context, req *request, d *calendar.Data) error {
	if h.Calendars.Scheduling == nil || d == nil || d.Object == nil || d.Index.Flags&store.FlagScheduled == 0 {
		return nil
	}
	return h.introduceNamed(ctx, req, d.Object.Calendar)
}

// introduceNamed is introduce for the calendar of any message.
func (h *Handler) introduceNamed(ctx context.Context, req *request, cal *ical.Component) error {
	var missing lack
	for _, c := range cal.Children {
		for i := range c.Props {
			if p := &c.Props[i]; p.Name == "ATTENDEE" || p.Name == "ORGANIZER" {
				if key, err := h.addressKey(req, scheduling.Normalize(p.Value)).Canonical(); err == nil {
					missing.records = append(missing.records, key)
				}
			}
		}
	}
	if err := h.supply(ctx, req, &missing); err != nil {
		return err
	}
	return h.introduceRooms(ctx, req, missing.records)
}

// meet tells the transaction as whom, and with which rights, the request changes
// meetings.
func (s *scope) meet() {
	if s.h.Calendars.Scheduling == nil {
		return
	}
	var known calendar.Rooms
	if s.h.Rooms != nil {
		known = s
	}
	s.tx.Meet(calendar.Sender{
		Parties: s, Rooms: known, MayNot: s.mayNotSend, MayNotMeet: s.mayNotMeet, MayDeliver: s.mayDeliver, Watchers: s.watchers,
		Delivers: s.req.memory.delivers, Claimed: func(address string) { s.req.claimed = address },
		Merge: s.merging(), Silent: strings.EqualFold(strings.TrimSpace(header.Get(s.req.Header, "Schedule-Reply")), "F"),
		FixTransp: oldAnswers(s.req.UserAgent()),
	})
}

// watchers implements calendar.Sender: the delegates who are told by mail. Who may not see
// private events is not told of them, and who makes the change knows of it. While it is not
// known who acts for somebody, nobody is told: that must not keep invitations away.
func (s *scope) watchers(to *scheduling.Party, col *store.Collection, private bool) (list []calendar.Watcher, err error) {
	if s.h.Delegates.Book == nil {
		return nil, nil
	}
	set, now, err := s.delegates()
	if err != nil {
		return nil, nil
	}
	private = private && s.h.Limits.Class != ClassIgnored
	caller, before := aclCaller(s.req.caller).GUID, s.lack.count()
	for _, r := range set.Delegates(to.GUID, now) {
		if r.Notify != delegation.NotifyMail || r.Delegate == caller || !r.Scope.Covers(uint32(col.ID)) || private && !r.SeePrivate {
			continue
		}
		if p := s.recordByGUID(r.Delegate); p != nil && len(p.Emails) > 0 {
			list = append(list, calendar.Watcher{GUID: p.GUID, Name: p.FullName, Address: p.Emails[0], Language: p.Language})
		}
	}
	return list, s.needSince(before, to.GUID)
}

// mayNotSend is the error of a change in a home that would send messages, unless the
// caller may send them from its outbox (RFC 6638 §6.2).
func (s *scope) mayNotSend(home *store.Home) error {
	outbox, err := s.tx.Collection(home.ID, calendar.Outbox)
	if err != nil {
		return err
	}
	const need = acl.ScheduleSendInvite | acl.ScheduleSendReply
	if missing := need &^ s.rightsIn(s.ownerOf(home), outbox); missing != 0 {
		return s.req.refusal(s.h, homePath(home.Owner)+calendar.Outbox+"/", missing)
	}
	return nil
}

// mayNotMeet is the error of a change of a meeting by a delegate who was not given the
// right to schedule: they change what is of nobody else alone.
func (s *scope) mayNotMeet(home *store.Home) error {
	p := s.req.proxies[home.Owner]
	if p == nil || !slices.ContainsFunc(p.Grants, func(g acl.ProxyGrant) bool { return g.Write }) {
		return nil
	}
	outbox, err := s.tx.Collection(home.ID, calendar.Outbox)
	if err != nil || s.rightsIn(s.ownerOf(home), outbox).Has(acl.ScheduleSendInvite) {
		return err
	}
	return s.req.refusal(s.h, homePath(home.Owner)+calendar.Outbox+"/", acl.ScheduleSendInvite)
}

// ownerOf is the record of a home's owner, as far as rights need to know of it.
func (s *scope) ownerOf(home *store.Home) *directory.Principal {
	if p := s.req.target.owner; p != nil && p.GUID == home.Owner {
		return p
	}
	if d := s.req.destination; d != nil && d.owner != nil && d.owner.GUID == home.Owner {
		return d.owner
	}
	return &directory.Principal{GUID: home.Owner, Type: directory.Type(home.OwnerType)}
}

// deliveries are the privileges on an inbox that messages need (RFC 6638 §6.1).
var deliveries = map[scheduling.Method]acl.Privilege{
	scheduling.Request: acl.ScheduleDeliverInvite, scheduling.Cancel: acl.ScheduleDeliverInvite, scheduling.DeclineCounter: acl.ScheduleDeliverInvite,
	scheduling.Reply: acl.ScheduleDeliverReply, scheduling.Counter: acl.ScheduleDeliverReply,
}

// mayDeliver reports whether whoever a message is from may put it into an inbox.
func (s *scope) mayDeliver(home *store.Home, inbox *store.Collection, m *scheduling.Message) (bool, error) {
	return s.inboxRights(s.ownerOf(home), inbox, m.From.GUID).Has(deliveries[m.Method]), nil
}

// inboxRights is what a record may do to the inbox of owner: not the caller, if they act
// for the record (RFC 6638 §11.2, §11.3). Without a list on the inbox, all may do the
// same, and nobody's groups are asked for.
func (s *scope) inboxRights(owner *directory.Principal, inbox *store.Collection, from string) acl.Privilege {
	if from == "" || from == aclCaller(s.req.caller).GUID || !inbox.Rights.Own {
		return s.rightsIn(owner, inbox)
	}
	listed := s.listed(&resource{kind: kindHome, owner: owner, col: inbox})
	return s.h.Access.Privileges(listed, acl.Caller{GUID: from, Groups: s.groups(from)})
}

// oldAnswers reports whether a client leaves TRANSP as it was when it answers an
// invitation: iOS 8.0 to 8.2.
func oldAnswers(agent string) bool {
	for _, version := range []string{"iOS/8.0", "iOS/8.1", "iOS/8.2"} {
		if _, rest, ok := strings.Cut(agent, version); ok && (rest == "" || rest[0] < '0' || rest[0] > '9') {
			return true
		}
	}
	return false
}

// checkScheduleReply refuses a Schedule-Reply header that says neither T nor F (RFC
// 6638 §8.1).
func checkScheduleReply(r *http.Request) error {
	switch strings.ToUpper(strings.TrimSpace(header.Get(r.Header, "Schedule-Reply"))) {
	case "", "T", "F":
		return nil
	}
	return webdav.BadRequest("Schedule-Reply is T or F")
}

// scheduleTagOf is the Schedule-Tag of an object as it stands in headers; "" if it
// is not of a meeting (RFC 6638 §3.2.10).
func (s *scope) scheduleTagOf(home *store.Home, col *store.Collection, e *store.Entry) string {
	if e == nil || e.Role == store.RoleNone {
		return ""
	}
	return etagOf(home.Epoch, col, e.ScheduleTag)
}

// tagged adds the Schedule-Tag of what a request has written or reads.
func (s *scope) tagged(resp *webdav.Response, home *store.Home, col *store.Collection, e *store.Entry) {
	if tag := s.scheduleTagOf(home, col, e); tag != "" {
		resp.Header["Schedule-Tag"] = []string{tag}
	}
}

// checkScheduleTag judges If-Schedule-Tag-Match (RFC 6638 §8.3): 412 unless the
// target has that tag.
func (s *scope) checkScheduleTag() error {
	want := strings.TrimSpace(header.Get(s.req.Header, "If-Schedule-Tag-Match"))
	if want == "" {
		return nil
	}
	if have := s.scheduleTagOf(s.home, s.col, s.object); have == "" || have != want {
		return &webdav.Error{Status: http.StatusPreconditionFailed}
	}
	return nil
}

// merging reports whether the client has proven that it has seen all of an object
// but others' answers: it names its Schedule-Tag, or an ETag that the object had
// since it got the tag (RFC 6638 §3.2.10).
func (s *scope) merging() bool {
	if s.object == nil || s.object.Role == store.RoleNone {
		return false
	}
	return header.Get(s.req.Header, "If-Schedule-Tag-Match") != "" || s.weaklyMatched()
}

// weaklyMatched reports whether If-Match names an ETag that the target had since it
// got its Schedule-Tag.
func (s *scope) weaklyMatched() bool {
	if s.object == nil || s.object.Role == store.RoleNone || header.Get(s.req.Header, "If-Match") == "" {
		return false
	}
	tags, err := webdav.ParseETags(s.req.Header, "If-Match")
	if err != nil {
		return false
	}
	return slices.ContainsFunc(tags.Tags, func(tag webdav.ETag) bool {
		rev, ok := revOf(tag, s.home.Epoch, s.col)
		return ok && rev >= s.object.ScheduleTag && rev <= s.object.Rev
	})
}

// revOf is the revision that an entity tag of an object of col names.
func revOf(tag webdav.ETag, epoch store.Epoch, col *store.Collection) (store.Rev, bool) {
	before := strings.TrimSuffix(etagOf(epoch, col, 0), `0"`)
	digits, ok := strings.CutPrefix(string(tag), before)
	if !ok {
		return 0, false
	}
	rev, err := strconv.ParseUint(strings.TrimSuffix(digits, `"`), 16, 64)
	return store.Rev(rev), err == nil
}

// schedulingProperties are those of meetings and of the messages about them.
func schedulingProperties() []property {
	return []property{
		textProperty(webdav.CalDAV("schedule-tag"), kindObject, func(s *scope, r *resource) string { return s.scheduleTagOf(r.home, r.col, r.object) }),
		{name: calendar.ScheduleChanges, on: kindObject, get: func(s *scope, r *resource, w *webdav.Writer) (bool, error) {
			raw := s.tx.Property(store.OfObject(r.col, r.object.Name), calendar.PropertyKey(calendar.ScheduleChanges))
			if raw == nil {
				return false, nil
			}
			e, err := webdav.ParseXML(raw, webdav.DefaultXMLLimits)
			if err != nil {
				return false, err
			}
			for _, c := range e.Children {
				w.Element(c)
			}
			return true, nil
		}},
	}
}
