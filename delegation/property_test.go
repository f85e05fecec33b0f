package delegation

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// A world is a random database, small enough for principals to meet.
type world struct {
	*env
	t         *rapid.T
	directory []Record
	groups    map[string][]string // expanded, of each
	members   map[string][]string
}

var folks = []string{"ann", "bob", "cy", "dan", "eve", "g1", "g2", "g3"}

func newWorld(t *testing.T, rt *rapid.T) *world {
	dir, err := os.MkdirTemp(t.TempDir(), "world")
	if err != nil {
		t.Fatal(err)
	}
	e := &env{t: t, dir: dir, store: storeID, witness: &memoryWitness{}, now: noon}
	e.open()
	rt.Cleanup(func() {
		if err := errors.Join(e.Close(), os.RemoveAll(dir)); err != nil {
			t.Error(err)
		}
	})
	w := &world{env: e, t: rt, groups: map[string][]string{}, members: map[string][]string{}}
	for _, member := range folks {
		for _, g := range []string{"g1", "g2", "g3"} {
			if g != member && rapid.Bool().Draw(rt, member+" in "+g) {
				w.groups[member] = append(w.groups[member], g)
			}
		}
	}
	for range len(folks) { // expand
		for m, of := range w.groups {
			for _, g := range of {
				for _, gg := range w.groups[g] {
					if !slices.Contains(w.groups[m], gg) {
						w.groups[m] = append(w.groups[m], gg)
					}
				}
			}
		}
	}
	for m, of := range w.groups {
		for _, g := range of {
			w.members[g] = append(w.members[g], m)
		}
	}
	for range rapid.IntRange(0, 3).Draw(rt, "directory") {
		w.directory = append(w.directory, FromDirectory(rapid.SampledFrom([]string{AttributeOwners, AttributeRead, AttributeWrite}).Draw(rt, "attribute"),
			principal("neptune"), principal(w.who("delegate"))))
	}
	return w
}

func (w *world) who(label string) string { return rapid.SampledFrom(folks).Draw(w.t, label) }

func (w *world) hours(label string) time.Time {
	h := rapid.IntRange(-3, 3).Draw(w.t, label)
	if h == 0 {
		return time.Time{}
	}
	return noon.Add(time.Duration(h) * time.Hour)
}

func (w *world) caller(guid string) Caller {
	c := Caller{GUID: guid, Groups: w.groups[guid], Replaces: map[string][]string{}}
	for _, a := range w.read().Replaced(guid, w.now) {
		c.Replaces[a] = w.groups[a]
	}
	return c
}

func (w *world) author() Author {
	a := Author{Caller: w.caller(w.who("author")), Via: "client", Administrator: rapid.Bool().Draw(w.t, "administrator")}
	return a
}

// act makes a random change, which may be refused.
func (w *world) act() {
	ctx := context.Background()
	delegator := rapid.SampledFrom([]string{"ann", "bob", "neptune"}).Draw(w.t, "delegator")
	to := target(delegator, w.directory...)
	level := rapid.SampledFrom([]Level{LevelRead, LevelWrite}).Draw(w.t, "level")
	var err error
	switch rapid.IntRange(0, 5).Draw(w.t, "act") {
	case 0, 1, 2:
		l := PlainLimits(to.Kind)
		l.From, l.Until = w.hours("from"), w.hours("until")
		l.Manage, l.Substitute = rapid.Bool().Draw(w.t, "manage"), rapid.Bool().Draw(w.t, "substitute")
		l.SeePrivate = rapid.Bool().Draw(w.t, "private")
		if rapid.Bool().Draw(w.t, "scoped") {
			l.Scope = normalScope(rapid.SliceOfN(rapid.Uint32Range(1, 3), 0, 2).Draw(w.t, "scope"))
		}
		_, err = w.Put(ctx, w.author(), to, principal(w.who("delegate")), level, l)
	case 3:
		var list []Principal
		for range rapid.IntRange(0, 3).Draw(w.t, "members") {
			list = append(list, principal(w.who("member")))
		}
		_, err = w.ReplaceMembers(ctx, w.author(), to, level, list)
	case 4:
		x := StandIn{Delegate: w.who("delegate"), StandIn: w.who("stand-in"), From: w.hours("from"), Until: noon.Add(5 * time.Hour)}
		if rapid.Bool().Draw(w.t, "named") {
			x.For = []string{delegator}
		}
		_, err = w.AddStandIn(ctx, w.author(), x, w.directory)
	case 5:
		_, err = w.Remove(ctx, w.author(), to, w.who("delegate"))
	}
	for _, ok := range []error{nil, ErrDenied, ErrSelf, ErrEndBeforeBegin, ErrNotFound, ErrFromDirectory, ErrRoomDelegate} {
		if errors.Is(err, ok) {
			return
		}
	}
	w.t.Fatal(err)
}

// naive is the rule, read aloud: it walks all records.
func (w *world) naive(s *Set, c Caller, delegator string, now time.Time) (g Grant) {
	if c.GUID == delegator {
		return g
	}
	all := append(s.Records(delegator), w.directory...)
	is := func(r Record, guid string, groups []string) bool {
		return r.Delegator == delegator && (r.Delegate == guid || slices.Contains(groups, r.Delegate)) &&
			!now.Before(r.From) && (r.Until.IsZero() || now.Before(r.Until)) && (r.Scope.All || len(r.Scope.Collections) > 0)
	}
	for _, r := range all {
		if is(r, c.GUID, c.Groups) {
			g.add(r.grant())
		}
		for _, x := range s.StandIns("") {
			if x.StandIn == c.GUID && x.Delegate != delegator && (x.Administrator || r.Substitute) && !now.Before(x.From) && now.Before(x.Until) &&
				(len(x.For) == 0 || slices.Contains(x.For, delegator)) && is(r, x.Delegate, w.groups[x.Delegate]) {
				one := r.grant()
				one.Manage, one.Substitute = false, false
				g.add(one)
			}
		}
	}
	return g
}

// check holds everything that is always so.
func (w *world) check() {
	s := w.read()
	for _, now := range []time.Time{w.now, noon.Add(2 * time.Hour)} {
		for _, guid := range folks {
			c := w.caller(guid)
			c.Replaces = w.groups // of everybody: more than is asked for does no harm
			listed := delegators(s.Delegators(c, w.directory, now))
			for _, delegator := range append([]string{"neptune"}, folks...) {
				d := s.Delegation(c, delegator, w.directory, now)
				want := w.naive(s, c, delegator, now)
				expanded := s.Expanded(delegator, w.members, w.directory, now)[guid]
				if d.Grant != want || listed[delegator] != want.Level || expanded != want.Level {
					w.t.Fatalf("%s for %s: %+v, want %+v; listed %v, expanded %v", guid, delegator, d.Grant, want, listed[delegator], expanded)
				}
				var explained Delegation
				for _, r := range s.Explain(c, delegator, w.directory, now) {
					if r.Not == "" {
						explained.add(r)
					}
				}
				if explained.Grant != d.Grant {
					w.t.Fatalf("%s for %s is explained as %+v, not %+v", guid, delegator, explained.Grant, d.Grant)
				}
				var grants, reasons []string
				s.Grants(c, delegator, w.directory, now, func(in Scope, g Grant) { grants = append(grants, fmt.Sprint(in, g)) })
				for _, r := range d.Reasons {
					reasons = append(reasons, fmt.Sprint(r.Record.Scope, r.Grant))
				}
				if !slices.Equal(grants, reasons) {
					w.t.Fatalf("%s for %s: grants %v, reasons %v", guid, delegator, grants, reasons)
				}
				for collection := range uint32(4) {
					if at, all := d.At(collection), d.Grant; at.Level > all.Level || at.SeePrivate && !all.SeePrivate {
						w.t.Fatalf("calendar %d: %+v of %+v", collection, at, all)
					}
				}
			}
		}
	}
	if err := w.Verify(context.Background()); err != nil { // also that the journal makes the records
		w.t.Fatal(err)
	}
	events, err := w.History(context.Background(), "", time.Time{})
	for _, ev := range events {
		if ev.Actor == "" || ev.Via == "" {
			w.t.Fatalf("%+v", ev)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
}

// TestProperties: after whatever changes, both directions and a naive reading of
// the rules agree, explanations say what counts, and the journal makes the
// records.
func TestProperties(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		for range rapid.IntRange(1, 12).Draw(rt, "changes") {
			w.act()
		}
		w.check()
	})
}

// TestTimeAlone: what somebody may do at a time depends on the time alone, not on
// when jobs ran, nor on restarts.
func TestTimeAlone(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		w := newWorld(t, rt)
		for range 4 {
			w.act()
		}
		at := func() string {
			var b bytes.Buffer
			for _, guid := range folks {
				for h := -4; h < 6; h++ {
					d := w.read().Delegation(w.caller(guid), "ann", w.directory, noon.Add(time.Duration(h)*time.Hour))
					fmt.Fprintf(&b, "%s %d: %+v\n", guid, h, d.Grant)
				}
			}
			return b.String()
		}
		before := at()
		for _, h := range rapid.SliceOfN(rapid.IntRange(-5, 5), 1, 3).Draw(rt, "clock") {
			w.now = noon.Add(time.Duration(h) * time.Hour)
			if err := w.Tend(context.Background()); err != nil {
				rt.Fatal(err)
			}
		}
		w.restart(func() {})
		w.now = noon
		if after := at(); after != before {
			rt.Fatalf("%s, then\n%s", before, after)
		}
	})
}
