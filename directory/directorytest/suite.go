package directorytest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"convene/directory"
)

// Backend is a directory that holds the company, and what it can.
type Backend struct {
	Directory directory.Directory

	NamesOnly bool // knows of people only the short names and passwords, and has no places (htpasswd)
	NoRoom    bool // does not know the numbers of rooms

	Down func() // makes it unavailable; nil: it cannot be
	Up   func() // undoes Down

	// Rename gives a user another short name; nil: it cannot.
	Rename func(t *testing.T, from, to string)
}

// Run asks all questions.
func Run(t *testing.T, b Backend) {
	for _, tt := range []struct {
		name string
		test func(*testing.T, Backend) // nil: not asked of this backend
	}{
		{"Lookup", testLookup}, {"Fields", testFields}, {"NotFound", testNotFound}, {"Groups", testGroups},
		{"Members", testMembers}, {"Search", testSearch}, {"Authenticate", testAuthenticate},
		{"Concurrent", testConcurrent}, {"Cancelled", testCancelled}, {"Rename", b.renameTest()}, {"Outage", b.outageTest()},
	} {
		if tt.test == nil {
			continue
		}
		t.Run(tt.name, func(t *testing.T) { tt.test(t, b) })
	}
}

// lookup finds a record that must exist.
func (b Backend) lookup(t *testing.T, key directory.Key) *directory.Principal {
	t.Helper()
	p, err := b.Directory.Lookup(t.Context(), key)
	if err != nil {
		t.Fatalf("Lookup(%v): %v", key, err)
	}
	return p
}

func (b Backend) guid(t *testing.T, name string) string {
	t.Helper()
	return b.lookup(t, directory.Key{By: directory.Name, Value: name}).GUID
}

func testLookup(t *testing.T, b Backend) {
	alice := b.lookup(t, directory.Key{By: directory.Name, Type: directory.User, Value: "alice"})
	keys := []directory.Key{
		{By: directory.GUID, Value: alice.GUID}, {By: directory.GUID, Value: strings.ToLower(alice.GUID)},
		{By: directory.Name, Value: "ALICE"}, {By: directory.Login, Value: "alice"}, {By: directory.Login, Value: "Alice"},
		{By: directory.Address, Value: "urn:uuid:" + alice.GUID}, {By: directory.Address, Value: "urn:x-uid:" + alice.GUID},
		{By: directory.Address, Value: "/principals/__uids__/" + alice.GUID + "/"},
		{By: directory.Address, Value: "/principals/users/alice"},
	}
	if !b.NamesOnly {
		keys = append(keys, directory.Key{By: directory.Address, Value: "mailto:Alice@Example.com"},
			directory.Key{By: directory.Address, Value: "mailto:alice%40example.com"},
			directory.Key{By: directory.Login, Value: "alice@example.com"})
	}
	if alice.DN != "" {
		keys = append(keys, directory.Key{By: directory.DN, Value: alice.DN},
			directory.Key{By: directory.DN, Value: strings.ToUpper(strings.ReplaceAll(alice.DN, ",ou", ", ou"))})
	}
	for _, k := range keys {
		if p := b.lookup(t, k); p.GUID != alice.GUID || p.Name != "alice" || p.Type != directory.User {
			t.Errorf("Lookup(%v) = %+v", k, p)
		}
	}
	if b.NamesOnly {
		return
	}
	if p := b.lookup(t, directory.Key{By: directory.Address, Value: "mailto:robert@example.com"}); p.Name != "bob" {
		t.Errorf("second address belongs to %q", p.Name)
	}
	for name, want := range map[string]directory.Type{"aspen": directory.Location, "projector": directory.Resource, "staff": directory.Group} {
		p := b.lookup(t, directory.Key{By: directory.Name, Value: name})
		if p.Type != want {
			t.Errorf("%s is one of the %v", name, p.Type)
		}
		if q := b.lookup(t, directory.Key{By: directory.GUID, Value: p.GUID}); q.Name != name {
			t.Errorf("GUID of %s belongs to %s", name, q.Name)
		}
	}
}

func testFields(t *testing.T, b Backend) {
	for _, want := range People() {
		p := b.lookup(t, directory.Key{By: directory.Name, Type: directory.User, Value: want.Name})
		if p.GUID == "" || p.GUID != directory.CanonicalGUID(p.GUID) {
			t.Errorf("%s: GUID %q", want.Name, p.GUID)
		}
		if b.NamesOnly {
			continue
		}
		if p.FullName != want.Full || p.GivenName != want.Given || p.Surname != want.Surname || !slices.Equal(p.Emails, want.Mails) {
			t.Errorf("%s = %q, %q, %q, %q", want.Name, p.FullName, p.GivenName, p.Surname, p.Emails)
		}
		if p.LoginEnabled == want.Disabled || p.CalendarEnabled == want.NoCalendar {
			t.Errorf("%s: login %v, calendar %v; evidence %v", want.Name, p.LoginEnabled, p.CalendarEnabled, p.Attributes)
		}
		if a := p.Addresses(); a[0] != "mailto:"+want.Mails[0] || !slices.Contains(a, "/principals/users/"+want.Name+"/") {
			t.Errorf("%s: addresses %q", want.Name, a)
		}
	}
	if b.NamesOnly {
		return
	}
	for _, want := range Places() {
		p := b.lookup(t, directory.Key{By: directory.Name, Type: want.Type, Value: want.Name})
		if p.FullName != want.Full || p.Capacity != want.Capacity || p.Building != want.Building || p.Floor != want.Floor {
			t.Errorf("%s = %+v", want.Name, p)
		}
		if !b.NoRoom && p.Room != want.Room {
			t.Errorf("%s: room %q", want.Name, p.Room)
		}
		if p.LoginEnabled || !p.CalendarEnabled {
			t.Errorf("%s: login %v, calendar %v", want.Name, p.LoginEnabled, p.CalendarEnabled)
		}
	}
}

func testNotFound(t *testing.T, b Backend) {
	for _, k := range []directory.Key{
		{By: directory.Name, Value: "nobody"}, {By: directory.Name, Type: directory.Group, Value: "alice"},
		{By: directory.Name, Value: "*"}, {By: directory.Name, Value: "al*"}, {By: directory.Name, Value: "alice)(uid=*"},
		{By: directory.Name, Value: `\2a`}, {By: directory.Name, Value: "\x00"}, {By: directory.Name, Value: ""},
		{By: directory.Name, Value: "josé"}, {By: directory.Name, Value: "\xff\xfe"}, {By: directory.Name, Value: strings.Repeat("a", 5000)},
		{By: directory.GUID, Value: "00000000-0000-0000-0000-000000000000"}, {By: directory.GUID, Value: "*"}, {By: directory.GUID, Value: "x"},
		{By: directory.Address, Value: "mailto:*@example.com"}, {By: directory.Address, Value: "mailto:"}, {By: directory.Address, Value: "http://x/"},
		{By: directory.Address, Value: "/principals/groups/alice/"}, {By: directory.Address, Value: "/calendars/users/alice/"},
		{By: directory.DN, Value: "cn=nobody,dc=example,dc=com"}, {By: directory.DN, Value: "not a name"}, {By: directory.DN, Value: "*"},
		{By: directory.Login, Value: "*"}, {By: directory.KerberosName, Value: "alice@ELSEWHERE.ORG"}, {Value: "alice"},
	} {
		if p, err := b.Directory.Lookup(t.Context(), k); !errors.Is(err, directory.ErrNotFound) {
			t.Errorf("Lookup(%v) = %+v, %v", k, p, err)
		}
	}
	if _, err := b.Directory.Groups(t.Context(), "00000000-0000-0000-0000-000000000000"); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("Groups of nobody: %v", err)
	}
	if _, err := b.Directory.Members(t.Context(), "x", directory.Direct); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("Members of nothing: %v", err)
	}
	if _, err := b.Directory.MemberGUIDs(t.Context(), "x", directory.Direct); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("GUIDs of members of nothing: %v", err)
	}
}

func testGroups(t *testing.T, b Backend) {
	for name, want := range map[string][]string{
		"alice": {"staff", "devs", "ops"}, "jose": {"ops", "devs", "staff"}, "carol": {"devs", "staff", "ops"},
		"dave": nil, "staff": {"ops", "devs"}, "empty": nil,
	} {
		var guids []string
		for _, g := range want {
			guids = append(guids, b.guid(t, g))
		}
		slices.Sort(guids)
		got, err := b.Directory.Groups(t.Context(), b.guid(t, name))
		if err != nil || !slices.Equal(got, guids) {
			t.Errorf("Groups(%s) = %v, %v; want %v", name, got, err, guids)
		}
	}
}

func testMembers(t *testing.T, b Backend) {
	for _, tt := range []struct {
		name string
		e    directory.Expansion
		want []string
	}{
		{"staff", directory.Direct, []string{"alice", "bob", "devs"}},
		{"ops", directory.Direct, []string{"jose", "staff"}},
		{"staff", directory.Nested, []string{"alice", "bob", "carol", "jose"}},
		{"devs", directory.Nested, []string{"alice", "bob", "carol", "jose"}},
		{"empty", directory.Direct, nil}, {"empty", directory.Nested, nil}, {"alice", directory.Direct, nil},
	} {
		list, err := b.Directory.Members(t.Context(), b.guid(t, tt.name), tt.e)
		if err != nil || !slices.Equal(names(list), tt.want) {
			t.Errorf("Members(%s, %v) = %v, %v", tt.name, tt.e, names(list), err)
		}
		if !slices.IsSortedFunc(list, func(a, b *directory.Principal) int { return strings.Compare(a.GUID, b.GUID) }) {
			t.Errorf("Members(%s) not sorted", tt.name)
		}
		var want []string
		for _, p := range list {
			want = append(want, p.GUID)
		}
		guids, err := b.Directory.MemberGUIDs(t.Context(), b.guid(t, tt.name), tt.e)
		if err != nil || !slices.Equal(guids, want) {
			t.Errorf("MemberGUIDs(%s, %v) = %v, %v; want %v", tt.name, tt.e, guids, err, want)
		}
	}
}

// names returns the short names in order.
func names(list []*directory.Principal) []string {
	var out []string
	for _, p := range list {
		out = append(out, p.Name)
	}
	slices.Sort(out)
	return out
}

func testAuthenticate(t *testing.T, b Backend) {
	for _, p := range People() {
		got, err := b.Directory.Authenticate(t.Context(), p.Name, p.Password)
		switch {
		case p.Disabled && !b.NamesOnly:
			if !errors.Is(err, directory.ErrAccountDisabled) || !errors.Is(err, directory.ErrInvalidCredentials) {
				t.Errorf("%s: %v", p.Name, err)
			}
		case err != nil || got.Name != p.Name:
			t.Errorf("%s: %+v, %v", p.Name, got, err)
		}
	}
	logins := [][2]string{{"alice", "wrong"}, {"alice", ""}, {"nobody", "Pw!alice1"}, {"", "x"}, {"*", "Pw!alice1"}, {"alice)(cn=*", "x"},
		{"alice", "Pw!alice1\x00"}, {"staff", "x"}, {"josé", "Pw!jose1"}, {"alice\x00", "Pw!alice1"}}
	if !b.NamesOnly {
		logins = append(logins, [2]string{"aspen", "x"})
		if p, err := b.Directory.Authenticate(t.Context(), "Bob@Example.com", "Pw!bob1"); err != nil || p.Name != "bob" {
			t.Errorf("by mail: %+v, %v", p, err)
		}
	}
	for _, l := range logins {
		if p, err := b.Directory.Authenticate(t.Context(), l[0], l[1]); !errors.Is(err, directory.ErrInvalidCredentials) || errors.Is(err, directory.ErrUnavailable) {
			t.Errorf("Authenticate(%q, %q) = %+v, %v", l[0], l[1], p, err)
		}
	}
}

func testConcurrent(t *testing.T, b Backend) {
	var wg sync.WaitGroup
	errs := make(chan error, 200)
	for i := range 20 {
		wg.Go(func() {
			for _, p := range People()[:5] {
				got, err := b.Directory.Lookup(t.Context(), directory.Key{By: directory.Name, Type: directory.User, Value: p.Name})
				if err == nil && got.Name != p.Name {
					err = fmt.Errorf("%d: %s is %s", i, p.Name, got.Name)
				}
				if err == nil {
					_, err = b.Directory.Groups(t.Context(), got.GUID)
				}
				if err != nil {
					errs <- err
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		t.Error(err)
	}
}

// ask calls every method and returns its errors.
func ask(ctx context.Context, d directory.Directory, guid string) map[string]error {
	out := map[string]error{}
	_, out["Lookup"] = d.Lookup(ctx, directory.Key{By: directory.Name, Value: "somebody-else"})
	_, out["Groups"] = d.Groups(ctx, guid)
	_, out["Members"] = d.Members(ctx, guid, directory.Nested)
	_, out["MemberGUIDs"] = d.MemberGUIDs(ctx, guid, directory.Nested)
	_, out["Search"] = d.Search(ctx, directory.Query{Terms: []directory.Term{{Value: "a"}}})
	_, out["Authenticate"] = d.Authenticate(ctx, "alice", "Pw!alice1")
	return out
}

func testCancelled(t *testing.T, b Backend) {
	guid := b.guid(t, "devs")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for what, err := range ask(ctx, b.Directory, guid) {
		if err == nil && what != "Authenticate" {
			continue // known already
		}
		if !errors.Is(err, directory.ErrUnavailable) || errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrInvalidCredentials) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func (b Backend) renameTest() func(*testing.T, Backend) {
	if b.Rename == nil {
		return nil
	}
	return testRename
}

func testRename(t *testing.T, b Backend) {
	before := b.lookup(t, directory.Key{By: directory.Name, Value: "erin"})
	b.Rename(t, "erin", "erin.new")
	after := b.lookup(t, directory.Key{By: directory.GUID, Value: before.GUID})
	if after.GUID != before.GUID || after.Name != "erin.new" {
		t.Errorf("after renaming: %+v", after)
	}
	if _, err := b.Directory.Lookup(t.Context(), directory.Key{By: directory.Name, Value: "erin"}); !errors.Is(err, directory.ErrNotFound) {
		t.Errorf("old name: %v", err)
	}
	b.Rename(t, "erin.new", "erin")
}

func (b Backend) outageTest() func(*testing.T, Backend) {
	if b.Down == nil {
		return nil
	}
	return testOutage
}

func testOutage(t *testing.T, b Backend) {
	guid := b.guid(t, "devs")
	if d, ok := b.Directory.(interface{ Forget() }); ok {
		d.Forget() // else groups of a moment ago go on being known
	}
	b.Down()
	for what, err := range ask(t.Context(), b.Directory, guid) {
		if !errors.Is(err, directory.ErrUnavailable) || errors.Is(err, directory.ErrNotFound) || errors.Is(err, directory.ErrInvalidCredentials) {
			t.Errorf("%s: %v", what, err)
		}
		if d := directory.RetryAfter(err); d < time.Second || d > time.Minute {
			t.Errorf("%s: retry after %v", what, d)
		}
	}
	b.Up()
	start := time.Now()
	for {
		_, err := b.Directory.Lookup(t.Context(), directory.Key{By: directory.Name, Value: "alice"})
		if err == nil {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatalf("still down after %v: %v", time.Since(start), err)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Logf("back after %v", time.Since(start).Round(time.Millisecond))
}
