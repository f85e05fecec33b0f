package delegation

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"
)

func until(t time.Time) func(*Limits)   { return func(l *Limits) { l.Until = t } }
func from(t time.Time) func(*Limits)    { return func(l *Limits) { l.From = t } }
func scope(ids ...uint32) func(*Limits) { return func(l *Limits) { l.Scope = Scope{Collections: ids} } }
func manage(l *Limits)                  { l.Manage = true }
func substitute(l *Limits)              { l.Substitute = true }
func seePrivate(l *Limits)              { l.SeePrivate = true }
func noSchedule(l *Limits)              { l.NoSchedule = true }

func delegators(list []Delegator) map[string]Level {
	m := map[string]Level{}
	for _, d := range list {
		m[d.GUID] = d.Level
	}
	return m
}

func TestDelegation(t *testing.T) {
	tests := []struct {
		name      string
		given     func(*env)
		directory []Record
		caller    Caller
		of        string
		at        time.Duration
		want      Grant
	}{
		{"nobody", func(*env) {}, nil, caller("bob"), "ann", 0, Grant{}},
		{"read", func(e *env) { e.put("ann", "bob", LevelRead) }, nil, caller("bob"), "ann", 0, Grant{Level: LevelRead}},
		{"write", func(e *env) { e.put("ann", "bob", LevelWrite) }, nil, caller("bob"), "ann", 0, Grant{Level: LevelWrite, Schedule: true}},
		{"write of a location", func(e *env) { e.put("neptune", "bob", LevelWrite) }, nil, caller("bob"), "neptune", 0,
			Grant{Level: LevelWrite, Schedule: true, Approve: true}},
		{"read of a location", func(e *env) { e.put("neptune", "bob", LevelRead) }, nil, caller("bob"), "neptune", 0, Grant{Level: LevelRead}},
		{"three groups deep", func(e *env) { e.put("ann", "g3", LevelWrite) }, nil, caller("bob"), "ann", 0, Grant{Level: LevelWrite, Schedule: true}},
		{"groups in a loop", func(e *env) { e.put("ann", "gx", LevelRead) }, nil, caller("cy"), "ann", 0, Grant{Level: LevelRead}},
		{"a group's own records only", func(e *env) { e.put("dan", "cy", LevelRead) }, nil, caller("cy"), "staff", 0, Grant{}},
		{"oneself, through a group", func(e *env) { e.put("ann", "staff", LevelWrite) }, nil, caller("ann"), "ann", 0, Grant{}},
		{"union", func(e *env) {
			e.put("ann", "bob", LevelRead, seePrivate)
			e.put("ann", "g2", LevelWrite, noSchedule)
		}, nil, caller("bob"), "ann", 0, Grant{Level: LevelWrite, SeePrivate: true}},
		{"before the end", func(e *env) { e.put("ann", "bob", LevelRead, until(noon)) }, nil, caller("bob"), "ann", -time.Millisecond, Grant{Level: LevelRead}},
		{"at the end", func(e *env) { e.put("ann", "bob", LevelRead, until(noon)) }, nil, caller("bob"), "ann", 0, Grant{}},
		{"before the begin", func(e *env) { e.put("ann", "bob", LevelRead, from(noon)) }, nil, caller("bob"), "ann", -time.Millisecond, Grant{}},
		{"at the begin", func(e *env) { e.put("ann", "bob", LevelRead, from(noon)) }, nil, caller("bob"), "ann", 0, Grant{Level: LevelRead}},
		{"empty scope", func(e *env) { e.put("ann", "bob", LevelRead, scope()) }, nil, caller("bob"), "ann", 0, Grant{}},
		{"no chain", func(e *env) {
			e.put("ann", "bob", LevelWrite)
			e.put("bob", "cy", LevelWrite)
		}, nil, caller("cy"), "ann", 0, Grant{}},
		{"owner of a location", func(*env) {}, []Record{FromDirectory(AttributeOwners, principal("neptune"), principal("bob"))},
			caller("bob"), "neptune", 0, Grant{Level: LevelWrite, Schedule: true, Manage: true, Approve: true}},
		{"reader of a location, by a group", func(*env) {}, []Record{FromDirectory(AttributeRead, principal("neptune"), principal("g3"))},
			caller("bob"), "neptune", 0, Grant{Level: LevelRead}},
		{"another's directory record", func(*env) {}, []Record{FromDirectory(AttributeWrite, principal("neptune"), principal("bob"))},
			caller("bob"), "projector", 0, Grant{}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			tt.given(e)
			now := noon.Add(tt.at)
			s := e.read()
			d := s.Delegation(tt.caller, tt.of, tt.directory, now)
			if d.Grant != tt.want || (len(d.Reasons) > 0) != (tt.want.Level > 0) {
				t.Errorf("%+v, want %+v", d, tt.want)
			}
			for _, r := range s.Explain(tt.caller, tt.of, tt.directory, now) {
				if counts := r.Not == ""; counts != slices.ContainsFunc(d.Reasons, func(x Reason) bool { return x.Record.Delegate == r.Record.Delegate }) {
					t.Errorf("explained: %+v", r)
				}
			}
			listed := delegators(s.Delegators(tt.caller, tt.directory, now))[tt.of]
			expanded := s.Expanded(tt.of, members(), tt.directory, now)[tt.caller.GUID]
			if listed != tt.want.Level || expanded != tt.want.Level {
				t.Errorf("listed at %v, expanded at %v", listed, expanded)
			}
		})
	}
}

// Only records whose scope covers a calendar count there.
func TestScope(t *testing.T) {
	e := newEnv(t)
	e.put("ann", "bob", LevelWrite, scope(7, 3, 7))
	e.put("ann", "g1", LevelRead, scope(9), seePrivate)
	d := e.delegation(caller("bob"), "ann")
	for collection, want := range map[uint32]Grant{
		3: {Level: LevelWrite, Schedule: true}, 7: {Level: LevelWrite, Schedule: true},
		9: {Level: LevelRead, SeePrivate: true}, 8: {}} {
		if got := d.At(collection); got != want {
			t.Errorf("calendar %d: %+v, want %+v", collection, got, want)
		}
	}
	if d.Scope.All || !slices.Equal(d.Scope.Collections, []uint32{3, 7, 9}) {
		t.Error(d.Scope)
	}
}

// What begins later or has ended is no member, but listed.
func TestDelegatesInForce(t *testing.T) {
	e := newEnv(t)
	e.put("ann", "bob", LevelRead, from(noon.Add(24*time.Hour)))
	e.put("ann", "cy", LevelRead, until(noon.Add(time.Hour)))
	if l := e.read().Delegates("ann", e.now); len(l) != 1 || l[0].Delegate != "cy" {
		t.Error(l)
	}
	if l := e.read().Delegates("ann", e.now.Add(time.Hour)); len(l) != 0 {
		t.Error(l)
	}
	if l := e.read().Records("ann"); len(l) != 2 {
		t.Error(l)
	}
}

func TestStandIn(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelWrite, scope(4), noSchedule, manage)
	x := StandIn{Delegate: "bob", StandIn: "cy", From: noon, Until: noon.Add(120 * time.Hour), For: []string{"ann"}}
	_, err := e.AddStandIn(ctx, author("bob"), x, nil)
	wantError(t, "without substitute", err, ErrDenied)
	r := e.put("ann", "bob", LevelWrite, scope(4), noSchedule, manage, substitute)
	e.put("dan", "bob", LevelWrite)
	if _, err = e.AddStandIn(ctx, author("bob"), x, nil); err != nil {
		t.Fatal(err)
	}
	cy := caller("cy")
	d := e.delegation(cy, "ann")
	if d.Grant != (Grant{Level: LevelWrite}) || !slices.Equal(d.Scope.Collections, []uint32{4}) || d.Reasons[0].Until != x.Until {
		t.Errorf("%+v", d)
	}
	if d := e.delegation(cy, "dan"); d.Level != 0 {
		t.Errorf("for somebody else: %+v", d)
	}
	if got := e.read().Replaced("cy", e.now); !slices.Equal(got, []string{"bob"}) {
		t.Error(got)
	}
	if got := delegators(e.read().Delegators(cy, nil, e.now)); !maps.Equal(got, map[string]Level{"ann": LevelWrite}) {
		t.Error(got)
	}
	// The stand-in's stand-in has nothing, nor has the delegate's own delegate.
	if _, err := e.AddStandIn(ctx, admin, StandIn{Delegate: "cy", StandIn: "dan", Until: x.Until}, nil); err != nil {
		t.Fatal(err)
	}
	if d := e.delegation(caller("dan"), "ann"); d.Level != 0 {
		t.Errorf("stand-in of a stand-in: %+v", d)
	}
	for _, at := range []time.Time{noon.Add(-time.Second), x.Until} {
		if d := e.read().Delegation(cy, "ann", nil, at); d.Level != 0 {
			t.Errorf("at %v: %+v", at, d)
		}
	}
	// It ends with what it stands on.
	if _, err := e.Remove(ctx, admin, target("ann"), "bob"); err != nil {
		t.Fatal(err)
	}
	if d := e.delegation(cy, "ann"); d.Level != 0 {
		t.Errorf("after the delegate left: %+v", d)
	}
	_ = r
}

// A stand-in has what the delegate has through groups, if those are told.
func TestStandInThroughGroup(t *testing.T) {
	e := newEnv(t)
	e.put("ann", "g3", LevelRead)
	x := StandIn{Delegate: "bob", StandIn: "cy", Until: noon.Add(time.Hour)}
	if _, err := e.AddStandIn(context.Background(), admin, x, nil); err != nil {
		t.Fatal(err)
	}
	cy := caller("cy")
	if d := e.delegation(cy, "ann"); d.Level != 0 {
		t.Errorf("%+v", d)
	}
	cy.Replaces = map[string][]string{"bob": groups["bob"]}
	if d := e.delegation(cy, "ann"); d.Level != LevelRead || d.Reasons[0].Group != "g3" {
		t.Errorf("%+v", d)
	}
}

// 100,000 delegations, of which 300 people have each other's: a question costs
// microseconds.
func BenchmarkQuestions(b *testing.B) {
	s := newSet()
	id := uint64(0)
	add := func(delegator, delegate string, kind Kind) {
		id++
		s.apply(nil, &item{record: &Record{ID: id, Delegator: delegator, Delegate: delegate, Kind: kind, Level: LevelWrite, Limits: PlainLimits(User)}})
	}
	name := func(n int) string { return string(rune('a'+n%26)) + time.Duration(n).String() }
	for i := range 300 {
		for j := range 300 {
			if i != j {
				add(name(i), name(j), User)
			}
		}
	}
	for i := range 10_300 {
		add("other"+name(i), "group"+name(i%100), Group)
	}
	c := Caller{GUID: name(7)}
	for i := range 30 {
		c.Groups = append(c.Groups, "group"+name(i))
	}
	b.Run("Delegation", func(b *testing.B) {
		for b.Loop() {
			if d := s.Delegation(c, name(200), nil, noon); d.Level != LevelWrite {
				b.Fatal(d)
			}
		}
	})
	b.Run("Delegators", func(b *testing.B) {
		for b.Loop() {
			if l := s.Delegators(Caller{GUID: c.GUID}, nil, noon); len(l) != 299 {
				b.Fatal(len(l))
			}
		}
	})
	b.Run("DelegatorsByGroups", func(b *testing.B) { // 3,389 of them
		for b.Loop() {
			if l := s.Delegators(c, nil, noon); len(l) != 299+30*103 {
				b.Fatal(len(l))
			}
		}
	})
	b.Run("Delegates", func(b *testing.B) {
		for b.Loop() {
			if l := s.Delegates(name(200), noon); len(l) != 299 {
				b.Fatal(len(l))
			}
		}
	})
}
