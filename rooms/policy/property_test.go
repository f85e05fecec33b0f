package policy_test

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// A house is a room with the copies it has stored, and the ledger that follows from
// them: what the store does, without one.
type house struct {
	t      *testing.T
	p      *policy.Policy
	copies map[string]*ical.Object
	until  int64
}

func (h *house) ledger() *policy.Bookings {
	var all []policy.Booking
	for _, o := range h.copies {
		rows, err := policy.BookingsOf(o, []string{neptune}, h.p.Zone, h.until)
		if err != nil {
			h.t.Fatal(err)
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b policy.Booking) int {
		return cmp.Or(cmp.Compare(a.Start, b.Start), strings.Compare(a.UID, b.UID))
	})
	return policy.NewBookings(all...)
}

// write is the organizer's PUT.
func (h *house) write(m meeting) *policy.Answer {
	in := policy.Invite{Object: m.object(h.t), Old: h.copies[m.uid]}
	a := decide(h.t, h.p, in, facts(), h.ledger())
	h.copies[m.uid] = parse(h.t, string(a.Copy(h.p, in, facts(), now(h.t)).Append(nil)))
	return a
}

// most returns how many bookings there are at once, minute by minute.
func (h *house) most() int {
	rows := h.ledger().All()
	before, after := int64(h.p.BufferBefore)*60, int64(h.p.BufferAfter)*60
	most := 0
	for _, at := range rows {
		for _, minute := range []int64{at.Start - before, at.End + after - 60} {
			n := 0
			for _, b := range rows {
				if b.End > b.Start && b.Start-before <= minute && minute < b.End+after {
					n++
				}
			}
			most = max(most, n)
		}
	}
	return most
}

func drawMeeting(t *rapid.T, uid string) meeting {
	quarter := rapid.IntRange(0, 4*20).Draw(t, "quarter")
	length := rapid.IntRange(0, 12).Draw(t, "length")
	at := func(q int) string { return fmt.Sprintf("2026-12-%02d %02d:%02d", 1+q/96, q/4%24, q%4*15) }
	m := meeting{uid: uid, start: at(quarter), end: at(quarter + length), stat: rapid.SampledFrom([]string{"NEEDS-ACTION", "ACCEPTED", "DECLINED"}).Draw(t, "stat")}
	if rapid.IntRange(0, 2).Draw(t, "series") == 0 {
		m.lines = []string{fmt.Sprintf("RRULE:FREQ=HOURLY;INTERVAL=%d;COUNT=%d", rapid.IntRange(1, 20).Draw(t, "interval"), rapid.IntRange(1, 6).Draw(t, "count"))}
		if rapid.Bool().Draw(t, "override") {
			m.overrides = []string{m.override(zoned{}, m.start, at(rapid.IntRange(0, 80).Draw(t, "moved")), m.stat)}
		}
	}
	return m
}

// zoned lets meeting.text run outside of a test.
type zoned struct{ testing.TB }

func (zoned) Helper() {}

func drawPolicy(t *rapid.T, tt *testing.T) *policy.Policy {
	mode := rapid.SampledFrom([]string{"automatic", "accept-if-free", "decline-if-busy", "automatic", "accept-always"}).Draw(t, "mode")
	return set(tt, "mode="+mode, "exclusive=true", fmt.Sprint("slots=", rapid.IntRange(1, 3).Draw(t, "slots")),
		fmt.Sprint("buffer-before=", rapid.SampledFrom([]int{0, 0, 10}).Draw(t, "before")), fmt.Sprint("buffer-after=", rapid.SampledFrom([]int{0, 0, 15, 40}).Draw(t, "after")),
		fmt.Sprint("max-conflict-percent=", rapid.SampledFrom([]int{100, 100, 30, 0}).Draw(t, "percent")))
}

// Whatever is written in whatever order, the room never holds more than its slots; the
// same question has the same answer; and what was answered is not answered again.
func TestNeverTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &house{t: t, p: drawPolicy(rt, t), copies: map[string]*ical.Object{}, until: at(t, "2027-06-01 00:00")}
		for range rapid.IntRange(1, 12).Draw(rt, "writes") {
			uid := fmt.Sprint("m", rapid.IntRange(0, 5).Draw(rt, "uid"))
			if rapid.IntRange(0, 7).Draw(rt, "cancel") == 0 {
				delete(h.copies, uid)
				continue
			}
			m := drawMeeting(rt, uid)
			in := policy.Invite{Object: m.object(t), Old: h.copies[uid]}
			if a, b := decide(t, h.p, in, facts(), h.ledger()), decide(t, h.p, in, facts(), h.ledger()); !reflect.DeepEqual(a, b) {
				rt.Fatalf("two answers: %s and %s", told(a), told(b))
			}
			first := h.write(m)
			if n := h.most(); n > h.p.Slots {
				rt.Fatalf("%d bookings at once, %d slots, after\n%s", n, h.p.Slots, m.text(zoned{}))
			}
			for _, o := range first.Occurrences {
				if o.PartStat == policy.Declined && o.Judged && len(o.Reasons) == 0 {
					rt.Fatal("declined without a reason")
				}
			}
			again := policy.Invite{Object: h.copies[uid], Old: h.copies[uid]}
			second := decide(t, h.p, again, facts(), h.ledger())
			if stats(second) != stats(first) {
				rt.Fatalf("%s became %s", told(first), told(second))
			}
			if h.p.Mode == policy.ModeAutomatic && (second.Verdict == policy.Answered || second.Reply) {
				rt.Fatalf("answered again: %s", told(second))
			}
		}
	})
}

func stats(a *policy.Answer) string {
	var s []policy.PartStat
	for _, o := range a.Occurrences {
		s = append(s, o.PartStat)
	}
	return fmt.Sprint(s)
}

// Single meetings, against a model that counts minutes.
func TestAgainstModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := &house{t: t, p: drawPolicy(rt, t), copies: map[string]*ical.Object{}, until: at(t, "2027-06-01 00:00")}
		base := at(t, "2026-11-30 00:00")
		before, after := int64(h.p.BufferBefore), int64(h.p.BufferAfter)
		busy := map[int64]int{} // by minute
		for i := range rapid.IntRange(1, 20).Draw(rt, "meetings") {
			m := drawMeeting(rt, fmt.Sprint("m", i))
			m.lines, m.overrides = nil, nil
			a := h.write(m)
			o := a.Occurrences[0]
			from, to := (o.Instance.StartUnix-base)/60-before, (o.Instance.EndUnix-base)/60+after
			fits := true
			for minute := from; minute < to; minute++ {
				fits = fits && busy[minute] < h.p.Slots
			}
			if from+before == to-after { // an instant asks about its first second
				fits = busy[from+before] < h.p.Slots
			}
			accepts := h.p.Mode != policy.ModeDeclineIfBusy
			if got := o.PartStat == policy.Accepted; got != (fits && accepts) {
				rt.Fatalf("%s %s: %s, the model has %t", m.start, m.end, told(a), fits)
			}
			if o.PartStat == policy.Accepted && o.Instance.EndUnix > o.Instance.StartUnix {
				for minute := from; minute < to; minute++ {
					busy[minute]++
				}
			}
		}
	})
}

// What makes a room freer or its rules wider never declines what was accepted, and
// denying more never accepts.
func TestMonotone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMeeting(rt, "m")
		if m.lines != nil { // its dates are not in each other's way
			m.lines, m.overrides = []string{"RRULE:FREQ=DAILY;COUNT=5"}, nil
		}
		var spans []string
		for i := range rapid.IntRange(0, 8).Draw(rt, "taken") {
			q := rapid.IntRange(0, 90).Draw(rt, "at")
			spans = append(spans, fmt.Sprintf("2026-12-%02d %02d:%02d/23:59", 1+i%5, q/4, q%4*15))
		}
		knobs := map[string]string{"slots": "2", "window": "9", "max-conflicts": "1", "max-conflict-percent": "60", "hours": "Mon-Fri 06:00-20:00", "hours-only": "true", "book": "*"}
		wide := map[string]string{"slots": "3", "window": "12", "max-conflicts": "3", "max-conflict-percent": "90", "hours": "Mon-Sun 05:00-22:00", "hours-only": "false"}
		resolve := func(change string, value string) *policy.Policy {
			l := policy.Layer{Values: map[string]string{"timezone": "Europe/Berlin", "beyond-window": "decline-occurrences"}}
			for k, v := range knobs {
				l.Values[k] = v
			}
			if change != "" {
				l.Values[change] = value
			}
			return &policy.Resolve(policy.Location, "n", policy.Layers{Local: l}).Policy
		}
		in := policy.Invite{Object: m.object(t)}
		narrow := decide(t, resolve("", ""), in, facts(), taken(t, spans...))
		better := func(what string, a *policy.Answer) {
			for i := range a.Occurrences {
				if narrow.Occurrences[i].PartStat == policy.Accepted && a.Occurrences[i].PartStat != policy.Accepted {
					rt.Fatalf("%s: date %d of %s became %s", what, i, told(narrow), told(a))
				}
			}
		}
		for k, v := range wide {
			better(k, decide(t, resolve(k, v), in, facts(), taken(t, spans...)))
		}
		if len(spans) > 0 {
			i := rapid.IntRange(0, len(spans)-1).Draw(rt, "removed")
			better("one booking less", decide(t, resolve("", ""), in, facts(), taken(t, slices.Delete(slices.Clone(spans), i, i+1)...)))
		}
		denied := decide(t, resolve("deny", "user:ann"), in, facts(), taken(t, spans...))
		for _, o := range denied.Occurrences {
			if o.PartStat == policy.Accepted {
				rt.Fatal("accepted although denied")
			}
		}
	})
}

// A week later in the same half of the year everything is the same.
func TestShift(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := drawMeeting(rt, "m")
		m.overrides = nil
		later := m
		shift := func(s string) string { return s[:8] + fmt.Sprintf("%02d", 7+int(s[8]-'0')*10+int(s[9]-'0')) + s[10:] }
		later.start, later.end = shift(m.start), shift(m.end)
		p := set(t, "hours=Mon-Fri 06:00-20:00", "hours-only=true", "min-duration=15")
		a := decide(t, p, policy.Invite{Object: m.object(t)}, facts(), taken(t, "2026-12-01 09:00/12:00"))
		b := decide(t, p, policy.Invite{Object: later.object(t)}, facts(), taken(t, "2026-12-08 09:00/12:00"))
		if told(a) != told(b) {
			rt.Fatalf("%s, a week later %s", told(a), told(b))
		}
	})
}
