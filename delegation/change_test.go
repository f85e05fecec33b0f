package delegation

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestWhoMayChange has each row of who may change what, and each column: the list,
// limits, deputies and who may name stand-ins, a stand-in.
func TestWhoMayChange(t *testing.T) {
	ctx := context.Background()
	sudo := author("ann")
	sudo.Sudo = "root"
	owner := FromDirectory(AttributeOwners, principal("neptune"), principal("fay"))
	tests := []struct {
		name                         string
		author                       Author
		of                           string
		list, limits, deputy, standI error
	}{
		{"delegator", author("ann"), "ann", nil, nil, nil, ErrDenied},
		{"administrator", admin, "ann", nil, nil, nil, nil},
		{"deputy", author("bob"), "ann", nil, nil, ErrDenied, ErrDenied},
		{"owner", author("fay"), "neptune", nil, nil, nil, ErrDenied},
		{"write delegate", author("cy"), "ann", ErrDenied, ErrDenied, ErrDenied, ErrDenied},
		{"write delegate with substitute", author("eve"), "ann", ErrDenied, ErrDenied, ErrDenied, ErrDenied},
		{"read delegate", author("dan"), "ann", ErrDenied, ErrDenied, ErrDenied, ErrDenied},
		{"stranger", author("zoe"), "ann", ErrDenied, ErrDenied, ErrDenied, ErrDenied},
		{"location itself has none", author("zoe"), "neptune", ErrDenied, ErrDenied, ErrDenied, ErrDenied},
		{"sudo as the delegator", sudo, "ann", nil, nil, nil, ErrDenied},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnv(t)
			e.put("ann", "bob", LevelWrite, manage)
			e.put("ann", "cy", LevelWrite)
			e.put("ann", "eve", LevelWrite, substitute)
			e.put("ann", "dan", LevelRead)
			to := target(tt.of)
			if tt.of == "neptune" {
				to = target("neptune", owner)
			}
			plain := PlainLimits(to.Kind)
			_, err := e.Put(ctx, tt.author, to, principal("new"), LevelRead, plain)
			wantError(t, "list: add", err, tt.list)
			_, err = e.ReplaceMembers(ctx, tt.author, to, LevelRead, []Principal{principal("dan"), principal("newer")})
			wantError(t, "list: replace", err, tt.list)
			e.put(tt.of, "new", LevelRead)
			limited := plain
			limited.Until = noon.Add(time.Hour)
			_, err = e.Put(ctx, tt.author, to, principal("new"), LevelRead, limited)
			wantError(t, "limits", err, tt.limits)
			for _, f := range []func(*Limits){manage, substitute} {
				l := limited
				f(&l)
				_, err = e.Put(ctx, tt.author, to, principal("new"), LevelRead, l)
				wantError(t, "deputy", err, tt.deputy)
			}
			_, err = e.AddStandIn(ctx, tt.author, StandIn{Delegate: "cy", StandIn: "gus", Until: noon.Add(time.Hour), For: []string{"ann"}}, nil)
			wantError(t, "stand-in of cy", err, tt.standI)
			_, err = e.Remove(ctx, tt.author, to, "new")
			wantError(t, "list: remove", err, tt.list)
		})
	}
	e := newEnv(t)
	e.put("ann", "eve", LevelWrite, substitute)
	if _, err := e.AddStandIn(ctx, author("eve"), StandIn{Delegate: "eve", StandIn: "gus", Until: noon.Add(time.Hour)}, nil); err != nil {
		t.Error("stand-in of one's own, with substitute:", err)
	}
	if _, err := e.Put(ctx, sudo, target("ann"), principal("dan"), LevelRead, PlainLimits(User)); err != nil {
		t.Fatal(err)
	}
	events, err := e.History(ctx, "root", time.Time{})
	if err != nil || len(events) != 1 || events[0].Actor != "ann" || events[0].Sudo != "root" || events[0].Via != "client" {
		t.Errorf("%+v, %v", events, err)
	}
}

// A deputy gives no more than they have, nor longer.
func TestDeputy(t *testing.T) {
	ctx := context.Background()
	end := noon.Add(48 * time.Hour)
	e := newEnv(t)
	e.put("ann", "bob", LevelWrite, manage, until(end), scope(1, 2), noSchedule)
	e.put("ann", "eve", LevelRead, manage)
	bob := author("bob")
	limits := func(edit ...func(*Limits)) Limits {
		l := PlainLimits(User)
		l.NoSchedule = true
		for _, f := range edit {
			f(&l)
		}
		return l
	}
	for _, tt := range []struct {
		name     string
		delegate string
		level    Level
		limits   Limits
		want     error
		until    time.Time
		scope    Scope
	}{
		{"add", "cy", LevelWrite, limits(), nil, end, Scope{Collections: []uint32{1, 2}}},
		{"beyond the own end", "dan", LevelRead, limits(until(end.Add(time.Hour))), nil, end, Scope{Collections: []uint32{1, 2}}},
		{"shorter", "dan", LevelRead, limits(until(noon.Add(time.Hour)), scope(2)), nil, noon.Add(time.Hour), Scope{Collections: []uint32{2}}},
		{"after the own end", "fay", LevelRead, limits(from(end)), ErrDenied, end, Scope{}},
		{"outside the own scope", "fay", LevelRead, limits(scope(3)), ErrDenied, end, Scope{}},
		{"private events", "fay", LevelRead, limits(seePrivate), ErrDenied, end, Scope{}},
		{"scheduling", "fay", LevelWrite, PlainLimits(User), ErrDenied, end, Scope{}},
		{"themselves, longer", "bob", LevelWrite, limits(manage, until(end.Add(time.Hour)), scope(1, 2)), ErrDenied, end, Scope{}},
		{"themselves, wider", "bob", LevelWrite, limits(manage, until(end)), ErrDenied, end, Scope{}},
		{"themselves, less", "bob", LevelRead, limits(manage, until(noon.Add(time.Hour)), scope(1)), nil, noon.Add(time.Hour), Scope{Collections: []uint32{1}}},
	} {
		_, err := e.Put(ctx, bob, target("ann"), principal(tt.delegate), tt.level, tt.limits)
		wantError(t, tt.name, err, tt.want)
		if it := e.read().find("ann", tt.delegate); err == nil && (!it.record.Until.Equal(tt.until) || !it.record.Scope.equal(tt.scope)) {
			t.Errorf("%s: %s", tt.name, it.record.describe())
		}
	}
	eve := author("eve")
	_, err := e.Put(ctx, eve, target("ann"), principal("fay"), LevelWrite, limits())
	wantError(t, "above the own level", err, ErrDenied)
	_, err = e.Remove(ctx, eve, target("ann"), "cy")
	wantError(t, "remove above the own level", err, ErrDenied)
	if _, err = e.Remove(ctx, eve, target("ann"), "eve"); err != nil {
		t.Error("themselves:", err)
	}
	e.now = end
	_, err = e.Remove(ctx, bob, target("ann"), "dan")
	wantError(t, "after their end", err, ErrDenied)
}

func TestInvalid(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	long := PlainLimits(User)
	long.Note = strings.Repeat("x", MaxNote+1)
	backwards := PlainLimits(User)
	backwards.From, backwards.Until = noon, noon
	both := Limits{Scope: Scope{All: true, Collections: []uint32{1}}}
	for _, tt := range []struct {
		delegator, delegate string
		level               Level
		limits              Limits
		want                error
	}{
		{"ann", "ann", LevelRead, PlainLimits(User), ErrSelf},
		{"ann", "neptune", LevelRead, PlainLimits(User), ErrRoomDelegate},
		{"ann", "projector", LevelRead, PlainLimits(User), ErrRoomDelegate},
		{"staff", "ann", LevelRead, PlainLimits(User), ErrNoCalendars},
		{"ann", "bob", LevelNone, PlainLimits(User), ErrLevel},
		{"ann", "bob", 3, PlainLimits(User), ErrLevel},
		{"ann", "", LevelRead, PlainLimits(User), ErrUnknownPrincipal},
		{"ann", "bob", LevelRead, long, ErrNoteTooLong},
		{"ann", "bob", LevelRead, backwards, ErrEndBeforeBegin},
		{"ann", "bob", LevelRead, both, ErrInvalid},
		{"ann", "bob", LevelRead, Limits{Notify: 3}, ErrInvalid},
	} {
		_, err := e.Put(ctx, admin, target(tt.delegator), principal(tt.delegate), tt.level, tt.limits)
		wantError(t, tt.delegator+" "+tt.delegate, err, tt.want)
	}
	_, err := e.Put(ctx, Author{Caller: Caller{GUID: "ann"}}, target("ann"), principal("bob"), LevelRead, PlainLimits(User))
	wantError(t, "no via", err, ErrAuthor)
	_, err = e.Remove(ctx, admin, target("ann"), "bob")
	wantError(t, "remove", err, ErrNotFound)
	_, err = e.RemoveStandIn(ctx, admin, 1)
	wantError(t, "remove stand-in", err, ErrNotFound)
	for _, x := range []StandIn{{Delegate: "bob", StandIn: "cy"}, {Delegate: "bob", StandIn: "bob", Until: noon},
		{Delegate: "bob", StandIn: "cy", Until: noon, For: []string{"cy"}}, {Delegate: "bob", StandIn: "cy", From: noon, Until: noon}} {
		if _, err := e.AddStandIn(ctx, admin, x, nil); err == nil {
			t.Errorf("%+v", x)
		}
	}
	if g := e.State().Mark.Generation; g != 1 {
		t.Errorf("generation %d after refused changes", g)
	}
}

// TestReplaceMembers: what a client that only knows names does.
func TestReplaceMembers(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	ann := author("ann")
	set := func(level Level, guids ...string) error {
		var list []Principal
		for _, g := range guids {
			list = append(list, principal(g))
		}
		_, err := e.ReplaceMembers(ctx, ann, target("ann"), level, list)
		return err
	}
	want := func(what string, level Level, guids ...string) {
		t.Helper()
		var got []string
		for _, r := range e.read().Delegates("ann", e.now) {
			if r.Level == level {
				got = append(got, r.Delegate)
			}
		}
		if !slices.Equal(got, guids) {
			t.Errorf("%s: %v, want %v", what, got, guids)
		}
	}
	e.put("ann", "bob", LevelRead, seePrivate, until(noon.Add(time.Hour)), substitute)
	e.put("ann", "later", LevelRead, from(noon.Add(time.Hour)))
	if err := set(LevelRead, "bob", "cy", "g3", "cy"); err != nil {
		t.Fatal(err)
	}
	want("named", LevelRead, "bob", "cy", "g3")
	r := e.read().find("ann", "bob").record
	if !r.SeePrivate || !r.Substitute || r.Until.IsZero() {
		t.Error("limits are lost:", r.describe())
	}
	if r := e.read().find("ann", "cy").record; !r.Limits.equal(PlainLimits(User)) {
		t.Error("not plain:", r.describe())
	}
	generation := e.State().Mark.Generation
	if err := set(LevelRead, "g3", "cy", "bob"); err != nil || e.State().Mark.Generation != generation {
		t.Error("the same again:", err, e.State().Mark.Generation, generation)
	}
	if err := set(LevelWrite, "bob"); err != nil {
		t.Fatal(err)
	}
	want("moved", LevelWrite, "bob")
	want("moved", LevelRead, "cy", "g3")
	if r := e.read().find("ann", "bob").record; !r.SeePrivate || r.Until.IsZero() || r.Level != LevelWrite {
		t.Error("limits are lost:", r.describe())
	}
	// One that is wrong, and nothing is done.
	err := set(LevelRead, "dan", "neptune")
	if m, ok := errors.AsType[*MemberError](err); !ok || m.GUID != "neptune" || !errors.Is(err, ErrRoomDelegate) {
		t.Error(err)
	}
	wantError(t, "self", set(LevelRead, "ann"), ErrSelf)
	want("after errors", LevelRead, "cy", "g3")
	if err := set(LevelRead); err != nil {
		t.Fatal(err)
	}
	want("emptied", LevelRead)
	want("emptied", LevelWrite, "bob")
	if e.read().find("ann", "later") == nil {
		t.Error("who was not shown was removed")
	}
	if err := set(LevelRead, "later"); err != nil {
		t.Fatal(err)
	}
	want("at once", LevelRead, "later")
	e.now = noon.Add(2 * time.Hour)
	if err := set(LevelWrite, "bob"); err != nil {
		t.Fatal(err)
	}
	if r := e.read().find("ann", "bob").record; !r.Limits.equal(PlainLimits(User)) {
		t.Error("who had ended is new:", r.describe())
	}
}

// Who comes from the directory cannot be left out, and is not stored when named.
func TestReplaceMembersOfDirectory(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	owner := FromDirectory(AttributeOwners, principal("neptune"), principal("bob"))
	to := target("neptune", owner)
	_, err := e.ReplaceMembers(ctx, author("bob"), to, LevelWrite, []Principal{principal("cy")})
	if m, ok := errors.AsType[*MemberError](err); !ok || m.GUID != "bob" || !errors.Is(err, ErrFromDirectory) || !strings.Contains(err.Error(), AttributeOwners) {
		t.Error(err)
	}
	if _, err := e.ReplaceMembers(ctx, author("bob"), to, LevelWrite, []Principal{principal("bob"), principal("cy")}); err != nil {
		t.Fatal(err)
	}
	if l := e.read().Records("neptune"); len(l) != 1 || l[0].Delegate != "cy" || !l[0].Approve {
		t.Errorf("%+v", l)
	}
}

// Each change is an entry, a line, and both witnesses know it.
func TestJournal(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelRead, func(l *Limits) { l.Note = "leave of \"Bob\"\n" })
	e.put("ann", "bob", LevelWrite, until(noon.Add(time.Hour)))
	if _, err := e.AddStandIn(ctx, admin, StandIn{Delegate: "bob", StandIn: "cy", Until: noon.Add(time.Hour)}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := e.Remove(ctx, author("ann"), target("ann"), "bob"); err != nil {
		t.Fatal(err)
	}
	events, err := e.History(ctx, "", time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	var verbs []string
	for _, ev := range events {
		verbs = append(verbs, ev.Verb)
	}
	if !slices.Equal(verbs, []string{"created", "add", "change", "add", "remove"}) {
		t.Error(verbs)
	}
	if n := len(events); events[2].Before.Level != LevelRead || events[2].After.Level != LevelWrite || events[n-1].After != nil {
		t.Errorf("%+v", events)
	}
	text, err := os.ReadFile(e.path(logName))
	if err != nil {
		t.Fatal(err)
	}
	const want = `2026-06-01T12:00:00Z seq=1 generation=2 verb=add actor=admin via=command delegator=ann delegate=bob now="id 1 read note \"leave of \\\"Bob\\\"\\n\""
2026-06-01T12:00:00Z seq=2 generation=3 verb=change actor=admin via=command delegator=ann delegate=bob was="id 1 read note \"leave of \\\"Bob\\\"\\n\"" now="id 1 write until 2026-06-01T13:00:00Z"
2026-06-01T12:00:00Z seq=3 generation=4 verb=add actor=admin via=command delegate=bob stand-in=cy now="id 2 until 2026-06-01T13:00:00Z by administrator"
2026-06-01T12:00:00Z seq=4 generation=5 verb=remove actor=ann via=client delegator=ann delegate=bob was="id 1 write until 2026-06-01T13:00:00Z"
`
	if string(text) != want {
		t.Errorf("%s", text)
	}
	beside, _, err := readMark(e.path(stateName))
	if m := e.State().Mark; err != nil || beside != m || e.witness.mark != m || m.Generation != 5 {
		t.Error(beside, e.witness.mark, m, err)
	}
	if err := e.Verify(ctx); err != nil {
		t.Error(err)
	}
}

// What ended stays listed for 90 days, whatever Tend does; the journal has it.
func TestExpiry(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	e.put("ann", "bob", LevelRead, until(noon.Add(time.Hour)))
	e.put("ann", "cy", LevelRead)
	e.now = noon.Add(90 * 24 * time.Hour)
	if err := e.Tend(ctx); err != nil || len(e.read().Records("ann")) != 2 {
		t.Fatal(err)
	}
	e.now = noon.Add(90*24*time.Hour + time.Hour)
	if err := e.Tend(ctx); err != nil || len(e.read().Records("ann")) != 1 {
		t.Fatal(err)
	}
	events, err := e.History(ctx, "bob", time.Time{})
	if err != nil || len(events) != 2 || events[1].Verb != "expire" || events[1].Actor != "server" {
		t.Error(events, err)
	}
	if r := e.put("ann", "dan", LevelRead); r.ID != 3 {
		t.Errorf("number %d", r.ID)
	}
}

func TestCheckAndExplain(t *testing.T) {
	e := newEnv(t)
	e.put("ann", "bob", LevelRead, until(noon))
	e.put("ann", "gone", LevelRead)
	e.put("left", "staff", LevelWrite, scope())
	if _, err := e.AddStandIn(context.Background(), admin, StandIn{Delegate: "gone", StandIn: "cy", Until: noon}, nil); err != nil {
		t.Fatal(err)
	}
	remarks, err := e.read().Check(e.now, func(guid string) (Known, bool, error) {
		return Known{Principal: principal(guid)}, guid != "gone" && guid != "left", nil
	})
	var got []string
	for _, r := range remarks {
		got = append(got, r.Problem)
	}
	want := []string{"has ended", "the delegate is unknown", "the delegator is unknown", "the group has no members", notAnywhere,
		"the delegate is unknown", "has ended"}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%q %v", got, err)
	}
	down := errors.New("directory is down")
	_, err = e.read().Check(e.now, func(string) (Known, bool, error) { return Known{}, false, down })
	wantError(t, "check", err, down)

	reasons := map[string]string{}
	for _, r := range e.read().Explain(caller("bob"), "ann", nil, e.now) {
		reasons[r.Record.Delegate] = r.Not
	}
	if reasons["bob"] != notAnyMore || reasons["gone"] != notNamed {
		t.Error(reasons)
	}
	l := e.read().Explain(caller("cy"), "ann", nil, e.now.Add(-time.Hour))
	if last := l[len(l)-1]; last.StandIn == nil || last.Not != "" || last.Record.Delegate != "gone" {
		t.Errorf("%+v", l)
	}
}
