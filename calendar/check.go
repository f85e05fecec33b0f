package calendar

import (
	"context"
	"errors"
	"slices"

	"convene/directory"
	"convene/internal/ical"
	"convene/scheduling"
	"convene/store"
)

// A MeetingProblem is something of a meeting that its copies do not agree about.
type MeetingProblem struct {
	Owner    string // GUID of the home that the object is in
	UID      string
	Instance string // "": the object
	Detail   string
	Repaired bool
}

// maxMeetingProblems is how many findings are collected before the check ends.
const maxMeetingProblems = 1000

// CheckMeetings compares all copies of all meetings with what their organizers have.
// With repair, copies that are wrong are made anew from the organizer's, and keep what
// is their owner's own; nobody is told. It works on one meeting at a time, in a
// transaction of its own, so that it may run beside everything else. After 1,000
// findings it ends.
func (c *Calendars) CheckMeetings(ctx context.Context, repair bool) ([]MeetingProblem, error) {
	k := &meetingCheck{c: c, repair: repair}
	homes, err := k.homes(ctx)
	for i := 0; i < len(homes) && err == nil && len(k.found) < maxMeetingProblems; i++ {
		err = k.home(ctx, homes[i])
	}
	return k.found, err
}

// A meetingCheck is one run of CheckMeetings.
type meetingCheck struct {
	c      *Calendars
	repair bool
	found  []MeetingProblem
}

func (k *meetingCheck) homes(ctx context.Context) (all []string, err error) {
	err = k.c.View(ctx, Actor{}, func(tx *Tx) error {
		all = nil
		for h := range tx.Homes() {
			all = append(all, string(h.Owner))
		}
		return nil
	})
	return all, err
}

// home checks the meetings that one home has a part in.
func (k *meetingCheck) home(ctx context.Context, guid string) error {
	uids, err := k.uids(ctx, guid)
	for _, uid := range uids {
		if err == nil {
			err = k.meeting(ctx, guid, uid)
		}
	}
	return err
}

// uids are those of the meetings in a home.
func (k *meetingCheck) uids(ctx context.Context, guid string) (all []string, err error) {
	err = k.c.View(ctx, Actor{}, func(tx *Tx) error {
		all = nil
		home, err := tx.Tx.Home(guid)
		if errors.Is(err, store.ErrNotFound) {
			return nil // gone since it was listed
		}
		if err != nil {
			return err
		}
		cols, err := tx.Collections(home.ID)
		for _, col := range cols {
			if col.Kind != store.KindCalendar {
				continue
			}
			for e := range tx.Entries(col.ID) {
				if e.Role == store.RoleOrganizer || e.Role == store.RoleAttendee {
					all = append(all, e.UID)
				}
			}
		}
		return err
	})
	return all, err
}

// meeting checks one meeting, as seen from one home, and repairs it.
func (k *meetingCheck) meeting(ctx context.Context, guid, uid string) error {
	var problems []scheduling.Problem
	err := k.c.View(ctx, Actor{}, func(tx *Tx) (err error) {
		problems, err = tx.checkMeeting(guid, uid)
		return err
	})
	if err != nil || len(problems) == 0 {
		return err
	}
	left := problems
	if k.repair {
		err = k.c.Update(ctx, Actor{}, func(tx *Tx) (err error) {
			if problems, err = tx.checkMeeting(guid, uid); err != nil {
				return err
			}
			if err = tx.rederive(problems); err != nil {
				return err
			}
			left, err = tx.checkMeeting(guid, uid)
			return err
		})
	}
	for _, p := range problems {
		m := MeetingProblem{Owner: p.GUID, UID: p.UID, Detail: p.Text, Repaired: k.repair && !slices.Contains(left, p)}
		if !p.RID.IsZero() {
			m.Instance = p.RID.String()
		}
		k.found = append(k.found, m)
	}
	return err
}

// checkMeeting compares the copies of a meeting. Each is checked once: with the
// organizer's object, and from the home of an attendee only if that has none of it.
func (tx *Tx) checkMeeting(guid, uid string) ([]scheduling.Problem, error) {
	w := newWorld(tx)
	object, err := w.Copy(guid, uid)
	if object == nil || err != nil {
		return nil, err
	}
	held := []scheduling.Held{{GUID: guid, Objects: []*ical.Object{object}}}
	others := scheduling.Invited(object)
	if scheduling.RoleOf(object, guid) == scheduling.RoleAttendee {
		organizer := scheduling.GUIDOf(scheduling.OrganizerOf(object))
		theirs, err := w.Copy(organizer, uid)
		if err != nil || theirs != nil && slices.Contains(scheduling.Invited(theirs), guid) && scheduling.RoleOf(theirs, organizer) == scheduling.RoleOrganizer {
			return nil, err
		}
		others = []string{organizer}
	}
	for _, other := range others {
		if other == guid || other == "" {
			continue
		}
		_, err := tx.Tx.Home(other)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		h := scheduling.Held{GUID: other}
		copy, err := w.Copy(other, uid)
		if err != nil {
			return nil, err
		}
		if copy != nil {
			h.Objects = []*ical.Object{copy}
		}
		held = append(held, h)
	}
	return scheduling.Check(held, nil, tx.c.Scheduling)
}

// rederive makes the copies of attendees anew that have problems.
func (tx *Tx) rederive(problems []scheduling.Problem) error {
	done := map[string]bool{}
	for _, p := range problems {
		if done[p.GUID] {
			continue
		}
		done[p.GUID] = true
		if err := tx.rederiveCopy(p.GUID, p.UID); err != nil {
			return err
		}
	}
	return nil
}

func (tx *Tx) rederiveCopy(guid, uid string) error {
	home, err := tx.Tx.Home(guid)
	if err != nil {
		return err
	}
	w := newWorld(tx)
	was, err := w.Copy(guid, uid)
	if was == nil || err != nil || scheduling.RoleOf(was, guid) != scheduling.RoleAttendee {
		return err // an organizer's own object is what others are made from
	}
	organizer := scheduling.GUIDOf(scheduling.OrganizerOf(was))
	theirs, err := w.Copy(organizer, uid)
	if err != nil {
		return err
	}
	if scheduling.RoleOf(theirs, organizer) != scheduling.RoleOrganizer {
		theirs = nil
	}
	from := &scheduling.Party{Address: scheduling.CanonicalAddress(organizer), GUID: organizer, Kind: scheduling.Person}
	to := &scheduling.Party{Address: scheduling.CanonicalAddress(guid), GUID: guid, Kind: partyKindOf(home)}
	is, err := scheduling.Rederive(theirs, was, from, to, tx.Now(), tx.c.Scheduling)
	if err != nil || is == was {
		return err
	}
	col, e, err := tx.holder(home, uid)
	if err != nil {
		return err
	}
	data, err := dataOf(scheduling.Present(is, asNoted(home, to), ""))
	if err != nil {
		return err
	}
	if data, err = withAccess(e, data); err != nil {
		return err
	}
	_, _, err = tx.PutObject(col, e.Name, data.Body, data.Index, store.Match{}, tagOptions(roleIn(is, to), scheduling.TagNew)...)
	return err
}

// partyKindOf is what kind of party owns a home.
func partyKindOf(home *store.Home) scheduling.PartyKind {
	for kind, t := range recordTypes {
		if t == directory.Type(home.OwnerType) {
			return kind
		}
	}
	return scheduling.Person
}
