package caldav

import (
	"errors"

	"convene/acl"
	"convene/calendar"
	"convene/delegation"
	"convene/directory"
	"convene/freebusy"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// timesOf is when a recipient is busy: by those calendars of theirs that count and
// that the caller may ask about, and by when they say to be there. Who has no
// calendars yet is free. Errors: errDenied.
func (s *scope) timesOf(ask *freebusy.Request, who *directory.Principal) (*freebusy.Times, error) {
	q := s.busyQuery(ask.From, ask.To)
	owner := s.req.target.owner
	q.Mask = freebusy.Mask{UID: ask.Mask, Own: who.GUID == owner.GUID,
		IsOrganizer: func(address string) bool { return isNamed(owner, s.h.addressKey(s.req, address)) }}
	if !ask.Extended {
		return s.busyTimes(q, owner.GUID, who, nothing)
	}
	return s.busyTimes(q, owner.GUID, who, s.detailOf(who))
}

// busyTimes is timesOf for a query of a record with a GUID; detail says what may be told
// of events besides.
func (s *scope) busyTimes(q calendar.BusyQuery, asker string, who *directory.Principal, detail func(*resource) freebusy.Detail) (*freebusy.Times, error) {
	times := &freebusy.Times{}
	found, err := s.mayAskWhenBusy(asker, who)
	if err != nil || found == nil {
		return times, err
	}
	if times.Unavailable, err = s.tx.Availability(found); err != nil {
		return nil, err
	}
	home := &resource{kind: kindHome, dir: homePath(who.GUID), owner: who, home: found}
	return times, s.homeTimes(times, home, q, detail)
}

// mayAskWhenBusy returns the home of somebody of whom a record with a GUID may ask when they
// are busy; nil: they have none yet. Errors: errDenied.
func (s *scope) mayAskWhenBusy(asker string, who *directory.Principal) (*store.Home, error) {
	home, err := s.tx.Home(who.GUID)
	if errors.Is(err, calendar.ErrNoHome) {
		return nil, permitted(s.rights(&resource{kind: kindInbox, owner: who}))
	}
	if err != nil {
		return nil, err
	}
	inbox, err := s.tx.Collection(home.ID, calendar.Inbox)
	if err != nil {
		return nil, err
	}
	return home, permitted(s.inboxRights(who, inbox, asker))
}

// permitted is errDenied without the privilege to ask about the owner of an inbox.
func permitted(p acl.Privilege) error {
	if p.Has(acl.ScheduleQueryFreeBusy) {
		return nil
	}
	return errDenied
}

// detailOf says what the caller may know of the events of a recipient, by what they
// may do with the calendar that these are in: everything of what is theirs or of
// whom they act for, what an event is about if they may read it or if the one they act
// for is a delegate there, and who has taken a room, as far as this shows it.
func (s *scope) detailOf(who *directory.Principal) func(*resource) freebusy.Detail {
	principal := s.req.target.owner.GUID
	own := who.GUID == principal || who.GUID == aclCaller(s.req.caller).GUID
	var reach delegation.Scope // of what the principal is a delegate for
	if !own && principal != aclCaller(s.req.caller).GUID {
		reach = s.reachOf(principal, who)
	}
	return func(in *resource) (detail freebusy.Detail) {
		room := s.viewer.room(in.col)
		if own || in.privileges.Has(acl.Read) && (room == nil || room.OthersSee == policy.SeeDetails) || reach.Covers(uint32(in.col.ID)) {
			detail |= freebusy.Summary
		}
		if own || rooms.KindOf(who.Type).Booked() && (room == nil || room.OthersSee != policy.SeeBusy) {
			detail |= freebusy.Organizer
		}
		return detail
	}
}

// busyQuery asks about the time from until before to, in Unix seconds.
func (s *scope) busyQuery(from, to int64) calendar.BusyQuery {
	return calendar.BusyQuery{From: from, To: to, Budget: s.budget()}
}

// periodSize is about what a busy period takes of memory, in bytes, when it is
// gathered, merged and written; eventSize what an event does.
const (
	periodSize = 128
	eventSize  = 2048
)

// homeTimes adds to times those of the calendars of a home that count (RFC 6638 §9.1)
// and that the caller may ask about. detail says of each what else may be told.
func (s *scope) homeTimes(times *freebusy.Times, home *resource, q calendar.BusyQuery, detail func(*resource) freebusy.Detail) error {
	cols, err := s.tx.Collections(home.home.ID)
	if err != nil {
		return err
	}
	for _, col := range cols {
		if col.Kind != store.KindCalendar { // nobody need find out what the caller may do there
			continue
		}
		in := s.collectionIn(home, col)
		if !in.privileges.Has(acl.ReadFreeBusy) {
			continue
		}
		if transparent, err := s.tx.Transparent(in.col); err != nil || transparent {
			if err != nil {
				return err
			}
			continue
		}
		q.Detail = detail(in)
		if err := s.calendarTimes(times, in, q); err != nil {
			return err
		}
	}
	return nil
}

// calendarTimes adds to times those of a calendar, object by object as the caller may
// ask about them (RFC 4791 §6.1.1).
func (s *scope) calendarTimes(times *freebusy.Times, in *resource, q calendar.BusyQuery) error {
	q.Counts = s.counts(in)
	if err := s.tx.Busy(times, in.col, &q); err != nil {
		return err
	}
	return s.fits(len(times.Periods)*periodSize + len(times.Events)*eventSize)
}

// counts says which objects of a collection the caller may know the times of; nil:
// all of them.
func (s *scope) counts(r *resource) func(*store.Entry) bool {
	if r.col.Rights.Objects == 0 && s.grantIn(r).members.Has(acl.ReadFreeBusy) {
		return nil
	}
	member := *r
	return func(e *store.Entry) bool {
		s.member(&member, e)
		return member.privileges.Has(acl.ReadFreeBusy)
	}
}
