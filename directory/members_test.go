package directory_test

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
	"convene/testenv"
)

// TestMemberGUIDsOfLargeGroup: what is read of each member is no more than its type and
// identity, and it is the same list.
func TestMemberGUIDsOfLargeGroup(t *testing.T) {
	s, d := serve(t, directorytest.Crowd{People: 300, Groups: 3, Teamed: 300, Large: 200})
	group := find(t, d, directory.Key{By: directory.Name, Type: directory.Group, Value: "large"})
	list, err := d.Members(t.Context(), group.GUID, directory.Direct)
	if err != nil || len(list) != 200 {
		t.Fatal(len(list), err)
	}
	var want []string
	for _, p := range list {
		want = append(want, p.GUID)
	}
	before := s.Logged("SRCH attr=", " mail ")
	got, err := d.MemberGUIDs(t.Context(), group.GUID, directory.Direct)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("%d GUIDs, %v; of %d members", len(got), err, len(want))
	}
	// The group itself is looked up like any record.
	if n := s.Logged("SRCH attr=", " mail ") - before; n > 1 {
		t.Errorf("%d searches for more than identities", n)
	}
}

// TestCacheMemberGUIDs: who is in a group is remembered, also while the directory is
// away, until something of the group or of a member changes.
func TestCacheMemberGUIDs(t *testing.T) {
	d, now := newSwitchable(t), newClock()
	c := directory.NewCache(d, directory.CacheOptions{TTL: time.Minute, StaleFor: time.Hour, Now: now.Now, Patience: 50 * time.Millisecond})
	staff := find(t, d, key("staff"))
	alice := find(t, d, key("alice"))
	d.asked.Store(0)
	ask := func(want int64) {
		t.Helper()
		list, err := c.MemberGUIDs(t.Context(), staff.GUID, directory.Nested)
		if err != nil || !slices.Contains(list, alice.GUID) {
			t.Errorf("members: %v, %v", list, err)
		}
		if n := d.asked.Swap(0); n != want {
			t.Errorf("asked %d times, want %d", n, want)
		}
	}
	ask(1)
	ask(0)
	c.FlushChanges(directory.Changes{GUIDs: []string{alice.GUID}})
	ask(1)
	c.FlushChanges(directory.Changes{GUIDs: []string{fmt.Sprintf("%036d", 7)}})
	ask(0)
	now.add(2 * time.Minute)
	d.set(&directory.UnavailableError{Err: fmt.Errorf("test")})
	ask(1)
}

// crowded is a directory whose groups "g…" have many members each.
type crowded struct {
	*directory.Static
	list []*directory.Principal
	ask  atomic.Int64
}

func (c *crowded) Members(context.Context, string, directory.Expansion) ([]*directory.Principal, error) {
	c.ask.Add(1)
	return c.list, nil
}

func (c *crowded) MemberGUIDs(context.Context, string, directory.Expansion) ([]string, error) {
	c.ask.Add(1)
	var out []string
	for _, p := range c.list {
		out = append(out, p.GUID)
	}
	return out, nil
}

// TestCacheMembersBounded: however many large groups are asked for, the lists kept have
// no more than the memory allowed. What is used goes on being remembered, and a list
// larger than all that is allowed is, too, until the next one comes.
func TestCacheMembersBounded(t *testing.T) {
	d := &crowded{Static: newSwitchable(t).Static}
	for i := range 1000 {
		d.list = append(d.list, &directory.Principal{GUID: fmt.Sprintf("%036d", i), Name: fmt.Sprintf("u%d", i), Emails: []string{fmt.Sprintf("u%d@example.com", i)}})
	}
	for _, tt := range []struct {
		name  string
		bytes int // for each of the two kinds
		ask   func(c *directory.Cache, group string) error
		most  int // lists kept of those asked for
	}{
		{"GUIDs", 300_000, func(c *directory.Cache, group string) error {
			_, err := c.MemberGUIDs(t.Context(), group, directory.Direct)
			return err
		}, 8},
		{"records", 3_000_000, func(c *directory.Cache, group string) error {
			_, err := c.Members(t.Context(), group, directory.Direct)
			return err
		}, 6},
		{"larger than allowed", 10, func(c *directory.Cache, group string) error {
			_, err := c.Members(t.Context(), group, directory.Direct)
			return err
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := directory.NewCache(d, directory.CacheOptions{MemberBytes: 2 * tt.bytes})
			d.ask.Store(0)
			ask := func(group string, want int64) {
				t.Helper()
				if err := tt.ask(c, group); err != nil {
					t.Fatal(err)
				}
				if n := d.ask.Swap(0); n != want {
					t.Errorf("%s: asked %d times, want %d", group, n, want)
				}
			}
			for i := range 100 {
				ask(fmt.Sprintf("g%d", i), 1)
				if tt.most == 1 {
					ask(fmt.Sprintf("g%d", i), 0)
				} else if i > 0 {
					ask("g0", 0)
				}
			}
			if n := c.Stats().Members; n < 1 || n > tt.most || tt.most > 1 && n < 2 {
				t.Errorf("%d lists kept, want at most %d", n, tt.most)
			}
			ask("g50", 1)
		})
	}
}

// TestMembersThatAreNoRecords: members that are none of the records here, such as a folder
// or a role, or that are gone, do not count, though the server finds them by their names.
func TestMembersThatAreNoRecords(t *testing.T) {
	group := "dn: cn=mixed,ou=groups," + base + "\nobjectClass: groupOfNames\ncn: mixed\n"
	for _, dn := range []string{"uid=u000001,ou=people,", "cn=team0000,ou=groups,", "ou=people,", "cn=desk,ou=people,", "uid=gone,ou=people,"} {
		group += "member: " + dn + base + "\n"
	}
	crowd := directorytest.Crowd{People: 10, Groups: 1, Teamed: 10}
	s := testenv.OpenLDAP(t, testenv.LDAPOptions{LDIF: crowd.LDIF(testHash("pw")) +
		"dn: cn=desk,ou=people," + base + "\nobjectClass: organizationalRole\ncn: desk\n\n" + group + "\n"})
	d := open(t, directory.LDAPConfig{URLs: []string{s.URL}, BindDN: s.ServiceDN, BindPassword: s.ServicePassword, Base: []string{base}})
	id := func(typ directory.Type, name string) string {
		return find(t, d, directory.Key{By: directory.Name, Type: typ, Value: name}).GUID
	}
	mixed, want := id(directory.Group, "mixed"), []string{id(directory.User, "u000001"), id(directory.Group, "team0000")}
	slices.Sort(want)
	got, err := d.MemberGUIDs(t.Context(), mixed, directory.Direct)
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("MemberGUIDs: %v, %v; want %v", got, err, want)
	}
	list, err := d.Members(t.Context(), mixed, directory.Direct)
	if err != nil || len(list) != 2 {
		t.Errorf("Members: %v, %v", list, err)
	}
}
