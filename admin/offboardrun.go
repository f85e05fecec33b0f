package admin

import (
	"context"
	"encoding/json"
	"fmt"
	"io"

	"convene/audit"
	"convene/delegation"
	"convene/directory"
)

// A run is one call of the verb.
type offboardRun struct {
	a      *Admin
	r      OffboardRequest
	by     audit.By
	record *OffboardRecord
	active bool
	out    io.Writer
}

// offboardStages are done in order: first nobody can work in their name any more, then
// others learn of it. Each may be done again.
var offboardStages = []struct {
	name string
	do   func(*offboardRun, context.Context) error
}{
	{"access", (*offboardRun).access},
	{"meetings", (*offboardRun).meetings},
	{"rooms", (*offboardRun).rooms},
	{"delegations", (*offboardRun).delegations},
	{"erase", (*offboardRun).erase},
}

func offboardAct(by audit.By, verb, guid, name string) audit.Act {
	return audit.Act{By: by, Verb: verb, Object: audit.Object{Type: "principal", GUID: guid, Name: name}}
}

func (a *Admin) offboard(ctx context.Context, r OffboardRequest, out io.Writer) error {
	guid, name, state, err := a.leaver(ctx, r.Who)
	if err != nil {
		return err
	}
	if r.Erase && state == StateActive {
		return fmt.Errorf("%s: %w", name, ErrStillActive)
	}
	to, err := a.successor(ctx, guid, &r)
	if err != nil {
		return err
	}
	if to != "" {
		if err := a.Offboarder.Prepare(ctx, to); err != nil {
			return err
		}
	}
	run := &offboardRun{a: a, r: r, by: a.Operator.By(r.By, r.Reason), active: state == StateActive, out: out}
	if run.record, err = a.beginOffboarding(ctx, guid, name, to, r.Erase); err != nil {
		return err
	}
	err = a.Audit.Do(ctx, offboardAct(run.by, "principal.offboard", guid, name), func() (any, error) {
		return run.record, run.all(ctx)
	})
	if err != nil {
		return err
	}
	return run.tell(OffboardProgress{Record: run.record})
}

// beginOffboarding is the record of a new run, or of the one that was interrupted.
func (a *Admin) beginOffboarding(ctx context.Context, guid, name, to string, erase bool) (*OffboardRecord, error) {
	r, err := a.offboardRecord(ctx, guid)
	if err != nil {
		return nil, err
	}
	if r != nil && r.Finished.IsZero() {
		if r.To != to && r.Stage != "erase" {
			return nil, fmt.Errorf("%w: %s", ErrBegun, successorText(r.To))
		}
		r.Erase = r.Erase || erase
		return r, nil
	}
	r = &OffboardRecord{GUID: guid, Name: name, To: to, Erase: erase, Begun: a.now().UTC(), Stage: offboardStages[0].name, Deeds: map[string]int{}}
	return r, a.noteOffboarding(ctx, r)
}

func successorText(guid string) string {
	if guid == "" {
		return "it cancels their meetings"
	}
	return "it hands their meetings over to " + guid
}

func (a *Admin) noteOffboarding(ctx context.Context, r *OffboardRecord) error {
	b, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return a.Store.SetNote(ctx, OffboardNote(r.GUID), b)
}

// all does the stages that are left.
func (run *offboardRun) all(ctx context.Context) error {
	rec, begun := run.record, false
	for _, s := range offboardStages {
		begun = begun || s.name == rec.Stage
		if !begun {
			continue
		}
		rec.Stage = s.name
		if err := run.a.noteOffboarding(ctx, rec); err != nil {
			return err
		}
		if err := run.step(0, 0); err != nil {
			return err
		}
		if err := s.do(run, ctx); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	rec.Finished = run.a.now().UTC()
	if rec.Erase {
		rec.Name, rec.Refused = "", nil
	}
	return run.a.noteOffboarding(ctx, rec)
}

func (run *offboardRun) step(done, total int) error {
	return run.tell(OffboardProgress{Stage: run.record.Stage, Done: done, Total: total})
}

// tell sends a line at once. Its error is that nobody is there any more: then the run ends,
// and can be taken up.
func (run *offboardRun) tell(p OffboardProgress) error {
	if err := json.NewEncoder(run.out).Encode(p); err != nil {
		return err
	}
	if f, is := run.out.(interface{ Flush() }); is {
		f.Flush()
	}
	return nil
}

// access ends sessions, device passwords and published links.
func (run *offboardRun) access(ctx context.Context) error {
	rec := run.record
	out, err := run.a.signOut(ctx, SignOutRequest{Who: rec.GUID, Devices: true, By: run.r.By, Reason: run.r.Reason})
	if err != nil {
		return err
	}
	rec.Sessions, rec.Devices = rec.Sessions+out.Sessions, rec.Devices+out.Devices
	n, err := run.a.Links.Count(ctx, rec.GUID)
	if err != nil || n == 0 {
		return err
	}
	return run.a.Audit.Do(ctx, offboardAct(run.by, "publish.revoke", rec.GUID, rec.Name), func() (any, error) {
		n, err := run.a.Links.RevokeAll(ctx, rec.GUID)
		rec.Links += n
		return map[string]int{"links": n}, err
	})
}

// meetings ends what binds them to meetings, one by one.
func (run *offboardRun) meetings(ctx context.Context) error {
	rec := run.record
	list, err := run.a.Offboarder.Obligations(ctx, rec.GUID, rec.Begun)
	if err != nil {
		return err
	}
	rec.Refused = nil
	for i, o := range list {
		var deeds map[string]int // as they are if this one is done; the transaction may run again
		refused, err := run.a.Offboarder.Discharge(ctx, rec.GUID, rec.To, o.UID, rec.Begun, func(deed string) ([]byte, error) {
			next := *rec
			next.Deeds = map[string]int{deed: rec.Deeds[deed] + 1}
			for k, v := range rec.Deeds {
				if k != deed {
					next.Deeds[k] = v
				}
			}
			deeds = next.Deeds
			return json.Marshal(&next)
		})
		switch {
		case err != nil:
			return fmt.Errorf("%s: %w", o.UID, err)
		case refused != "":
			rec.Refused = append(rec.Refused, o.UID+": "+refused)
		default:
			rec.Deeds = deeds
		}
		if err := run.step(i+1, len(list)); err != nil {
			return err
		}
	}
	return nil
}

// rooms gives back what rooms have of them although they have no such meeting themselves.
func (run *offboardRun) rooms(ctx context.Context) error {
	rec := run.record
	list, err := run.a.Offboarder.Bookings(ctx, rec.GUID)
	if err != nil {
		return err
	}
	for i, b := range list {
		err := run.a.Offboarder.GiveUp(ctx, rec.GUID, b, func() ([]byte, error) {
			next := *rec
			next.Rooms++
			return json.Marshal(&next)
		})
		if err != nil {
			return err
		}
		rec.Rooms++
		if err := run.step(i+1, len(list)); err != nil {
			return err
		}
	}
	return nil
}

// delegations ends those in both directions. The journal of the delegate database has them.
func (run *offboardRun) delegations(ctx context.Context) error {
	a, guid := run.a, run.record.GUID
	author, err := a.delegateAuthor(ctx, run.r.By)
	if err != nil {
		return err
	}
	set, err := a.Delegates.Read()
	if err != nil {
		return err
	}
	for _, d := range append(set.Records(guid), set.RecordsFor(guid)...) {
		target := delegation.Target{Principal: delegation.Principal{GUID: d.Delegator}}
		p := &directory.Principal{GUID: d.Delegator, Name: d.Delegator}
		_, err := a.changeDelegates(ctx, run.by, "delegate.remove", p, func() (delegation.Outcome, error) {
			return a.Delegates.Remove(ctx, author, target, d.Delegate)
		})
		if err != nil {
			return err
		}
		run.record.Delegations++
	}
	for _, x := range set.StandIns(guid) {
		p := &directory.Principal{GUID: x.Delegate, Name: x.Delegate}
		_, err := a.changeDelegates(ctx, run.by, "delegate.standin-remove", p, func() (delegation.Outcome, error) {
			return a.Delegates.RemoveStandIn(ctx, author, x.ID)
		})
		if err != nil {
			return err
		}
		run.record.Delegations++
	}
	return nil
}

// erase removes what they have stored, if that is wanted.
func (run *offboardRun) erase(ctx context.Context) error {
	if !run.record.Erase {
		return nil
	}
	return run.a.Audit.Do(ctx, offboardAct(run.by, "principal.erase", run.record.GUID, run.record.Name), func() (any, error) {
		return nil, run.a.Offboarder.Erase(ctx, run.record.GUID)
	})
}
