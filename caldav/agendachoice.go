package caldav

import (
	"cmp"
	"slices"
	"strings"

	"convene/store"
)

// A candidate is an instance of an event that may be wanted. Of an event that does not recur,
// and has a time, the index knows when it is: what it says is read when it is wanted.
type candidate struct {
	AgendaTime
	of   unread
	made *AgendaEvent // nil: not read yet
}

// candidateSize is about how many bytes a candidate takes.
const candidateSize = 128

// consider adds the instances of an event to the candidates.
func (x *agendaRun) consider(u *unread) error {
	m := u.match
	if !m.Inexact && m.Entry.Flags&(store.FlagRecurring|store.FlagFloating) == 0 && len(m.Instances) == 1 {
		x.all = append(x.all, candidate{AgendaTime: AgendaTime{Start: m.Instances[0].Start, End: m.Instances[0].End}, of: *u})
		return nil
	}
	events, err := x.made(u)
	for _, ev := range events {
		x.all = append(x.all, candidate{ev.AgendaTime, *u, ev})
	}
	return err
}

// made are the instances of an event. The list is good until the next call.
func (x *agendaRun) made(u *unread) ([]*AgendaEvent, error) {
	like := &AgendaEvent{}
	u.begin(like)
	x.a.Events = x.a.Events[:0]
	err := x.object(like, u.in, u.match)
	return x.a.Events, err
}

// choose makes the agenda of what is wanted of the candidates.
func (x *agendaRun) choose() error {
	slices.SortStableFunc(x.all, func(a, b candidate) int {
		return cmp.Or(a.compare(&b.AgendaTime), strings.Compare(a.of.in.dir, b.of.in.dir), strings.Compare(a.of.match.Entry.Name, b.of.match.Entry.Name))
	})
	times := make([]AgendaTime, len(x.all))
	for i := range x.all {
		times[i] = x.all[i].AgendaTime
	}
	wanted := x.q.Choose(times)
	read := 0
	for i := range x.all {
		c := &x.all[i]
		if !wanted[i] || c.made != nil {
			continue
		}
		events, err := x.made(&c.of)
		if err == nil {
			read++
			err = x.s.fits(read*eventSize/4 + len(x.all)*candidateSize)
		}
		if err != nil {
			return err
		}
		if wanted[i] = len(events) == 1; wanted[i] { // as of all that does not recur
			c.made = events[0]
		}
	}
	x.a.Times, x.a.Events = times, make([]*AgendaEvent, len(x.all))
	for i := range x.all {
		if wanted[i] {
			x.a.Events[i] = x.all[i].made
		}
	}
	x.sortEqual(wanted)
	return nil
}

// sortEqual orders what is wanted of events at the same time as an agenda has it: by what they
// say, which was not known before.
func (x *agendaRun) sortEqual(wanted []bool) {
	var same []*AgendaEvent
	for i := 0; i < len(wanted); {
		end := i + 1
		for end < len(wanted) && x.a.Times[end].compare(&x.a.Times[i]) == 0 {
			end++
		}
		same = same[:0]
		for n := i; n < end; n++ {
			if wanted[n] {
				same = append(same, x.a.Events[n])
			}
		}
		slices.SortFunc(same, compareEvents)
		for n, next := i, 0; n < end; n++ {
			if wanted[n] {
				x.a.Events[n], next = same[next], next+1
			}
		}
		i = end
	}
}
