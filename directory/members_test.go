package directory_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"convene/directory"
	"convene/directory/directorytest"
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
