package scheduling

import (
	"slices"
	"time"

	"convene/internal/ical"
)

// A refresher sends attendees the organizer's object because somebody answered.
type refresher struct {
	c         *conversation
	organizer *Party
	object    *ical.Object
	settled   *settled        // nil: nothing was sent of it yet
	except    map[string]bool // addresses
	rids      []ical.DateTime // with another answer in them
}

// organizersMeeting takes an organizer's object in work, for what is to be sent of
// it.
func organizersMeeting(o *ical.Object, organizer *Party, now time.Time, options *Options, w World) (*meeting, error) {
	b := ical.NewBudget(ical.DefaultBudget)
	d, err := o.Draft(b)
	if err != nil {
		return nil, err
	}
	step := &decision{Change: Change{Owner: organizer, Now: now}, world: w, options: options, budget: b, self: organizer.Address}
	return &meeting{decision: step, new: d}, nil
}

// viewOf returns what an attendee sees of an organizer's object; nil if they are not
// in it (RFC 5546 §3.2.2).
func (m *meeting) viewOf(address string) (*ical.Object, error) {
	rids := m.seats(m.new, nil)[address]
	if len(rids) == 0 {
		return nil, nil
	}
	return m.newViews(nil).data(&class{rids: rids, whole: true})
}

// run sends the refresh. Beyond a number of attendees there is none: they would be
// told all day.
func (r *refresher) run() error {
	v, err := r.views()
	if err != nil {
		return err
	}
	all := v.seats(v.new, nil)
	if len(all) > r.c.o.RefreshMost {
		return nil
	}
	asked := r.asked(all)
	if len(asked) == 0 {
		return nil
	}
	list := make([]string, 0, len(asked))
	for address := range asked {
		list = append(list, address)
	}
	to, err := v.recipients(list)
	if err != nil {
		return err
	}
	// One elsewhere gets mail, and is told when all have answered.
	waiting := r.waiting(v.new)
	to = slices.DeleteFunc(to, func(p recipient) bool { return !p.Local() && waiting })
	for _, cl := range classes(to, asked) {
		data, err := v.data(cl)
		if err != nil {
			return err
		}
		if err := r.send(&Message{Method: Request, From: r.organizer, To: cl.to, Cause: Refresh, Data: data}); err != nil {
			return err
		}
	}
	return nil
}

// views are those of the object. Statuses of delivery, which it has got since answers
// were taken into it, are not seen by others.
func (r *refresher) views() (*views, error) {
	if r.settled != nil {
		return r.settled.views, nil
	}
	m, err := organizersMeeting(r.object, r.organizer, r.c.p.Now, r.c.o, r.c.w)
	if err != nil {
		return nil, err
	}
	return m.newViews(nil), nil
}

// asked returns who is told of what: all of a series, if the answer is to all of it,
// else the instances in which it is another. Who was sent that has it.
func (r *refresher) asked(all seats) map[string]class {
	asked := map[string]class{}
	for address, rids := range all {
		if r.except[address] {
			continue
		}
		want := class{rids: rids, whole: true}
		if !slices.Contains(r.rids, master) || !slices.Contains(rids, master) {
			want = class{rids: slices.DeleteFunc(slices.Clone(rids), func(rid ical.DateTime) bool { return !slices.Contains(r.rids, rid) })}
		}
		if len(want.rids) > 0 && !r.settled.sent(address, &want) {
			asked[address] = want
		}
	}
	return asked
}

// waiting reports whether somebody has not answered yet.
func (r *refresher) waiting(d *ical.Draft) bool {
	for _, rid := range d.RIDs() {
		c := d.At(rid)
		for p := range attendees(c) {
			if !isCancelled(c) && byServer(p) && !isGroup(p) && partStat(p) == needsAction {
				return true
			}
		}
	}
	return false
}

// send brings a refresh to its recipients. Nothing is said of it in statuses.
func (r *refresher) send(m *Message) error {
	var away []*Party
	for _, to := range m.To {
		if !to.Local() {
			away = append(away, to)
			continue
		}
		if to.GUID == r.c.p.Owner.GUID {
			continue
		}
		if _, err := r.c.deliver(m, to); err != nil {
			return err
		}
	}
	r.c.post(m, away)
	return nil
}
