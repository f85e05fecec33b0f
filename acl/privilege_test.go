package acl_test

import (
	"strings"
	"testing"

	"convene/acl"
)

func TestHas(t *testing.T) {
	for _, tt := range []struct {
		have, need acl.Privilege
		want       bool
	}{
		{acl.All, acl.Write, true}, {acl.Write, acl.Bind, true}, {acl.Bind, acl.Write, false},
		{acl.Read, acl.ReadFreeBusy, true}, {acl.ReadFreeBusy, acl.Read, false}, {acl.None, acl.None, true},
	} {
		if tt.have.Has(tt.need) != tt.want {
			t.Errorf("%b has %b: %v", tt.have, tt.need, !tt.want)
		}
	}
}

// The names by which a set is told: all that it holds, the fewest that grant it,
// and the smallest that covers it.
func TestNames(t *testing.T) {
	const writes = "write write-content write-properties bind unbind"
	for name, tt := range map[string]struct {
		set                   acl.Privilege
		held, granted, covers string
	}{
		"all":    {acl.All, "all read read-free-busy " + writes + " unlock read-acl write-acl read-current-user-privilege-set", "all", "all"},
		"reader": {look, "read read-free-busy read-current-user-privilege-set", "read read-current-user-privilege-set", "all"},
		"self": {self, "read read-free-busy write-properties read-acl read-current-user-privilege-set",
			"read write-properties read-acl read-current-user-privilege-set", "all"},
		"busy times":       {acl.ReadFreeBusy, "read-free-busy", "read-free-busy", "read-free-busy"},
		"read but that":    {acl.ReadContent, "", "", "read"},
		"write":            {acl.Write, writes, "write", "write"},
		"write but that":   {acl.Write &^ acl.Bind, "write-content write-properties unbind", "write-content write-properties unbind", "write"},
		"bind":             {acl.Bind, "bind", "bind", "bind"},
		"read and its ACL": {acl.Read | acl.ReadACL, "read read-free-busy read-acl", "read read-acl", "all"},
	} {
		t.Run(name, func(t *testing.T) {
			var held, granted []string
			for n := range tt.set.Held {
				held = append(held, n.Local)
			}
			for n := range tt.set.Granted {
				granted = append(granted, n.Local)
			}
			if got := strings.Join(held, " "); got != tt.held {
				t.Errorf("held: %s, want %s", got, tt.held)
			}
			if got := strings.Join(granted, " "); got != tt.granted {
				t.Errorf("granted: %s, want %s", got, tt.granted)
			}
			if got := tt.set.Name().Local; got != tt.covers {
				t.Errorf("name: %s, want %s", got, tt.covers)
			}
		})
	}
}

// The tree holds what it says: an aggregate what is below it, and in the order in
// which that is written (RFC 3744 §3.12, §5.3).
func TestSupported(t *testing.T) {
	var above []acl.Named // the path from the root
	for n := range acl.Supported {
		if n.Depth > len(above) {
			t.Fatalf("%s is %d deep below %d", n.Name.Local, n.Depth, len(above))
		}
		above = append(above[:n.Depth], n)
		for _, parent := range above {
			if !parent.Set.Has(n.Set) {
				t.Errorf("%s does not contain %s", parent.Name.Local, n.Name.Local)
			}
		}
	}
}

// RFC 3744 Appendix B.
func TestRequired(t *testing.T) {
	target := func(p acl.Privilege) acl.Requirement { return acl.Requirement{Target: p} }
	parent := func(p acl.Privilege) acl.Requirement { return acl.Requirement{Parent: p} }
	for _, tt := range []struct {
		method string
		on     acl.Kind
		want   acl.Requirement
	}{
		{"OPTIONS", acl.Calendar, acl.Requirement{}}, {"OPTIONS", acl.Missing, acl.Requirement{}},
		{"GET", acl.Object, target(acl.Read)}, {"HEAD", acl.Home, target(acl.Read)}, {"GET", acl.Missing, target(acl.Read)},
		{"GET", acl.FreeBusyURL, target(acl.ReadFreeBusy)}, {"PROPFIND", acl.FreeBusyURL, target(acl.Read)},
		{"PROPFIND", acl.Calendar, target(acl.Read)}, {"COPY", acl.Object, target(acl.Read)},
		{"REPORT", acl.Calendar, target(acl.ReadFreeBusy)}, {"REPORT", acl.Home, target(acl.Read)}, {"REPORT", acl.Object, target(acl.Read)},
		{"PUT", acl.Object, target(acl.WriteContent)}, {"PUT", acl.Missing, parent(acl.Bind)},
		{"MKCOL", acl.Missing, parent(acl.Bind)}, {"MKCALENDAR", acl.Calendar, parent(acl.Bind)}, {"MKCOL", acl.Home, target(acl.Bind)},
		{"POST", acl.Calendar, target(acl.Bind)}, {"POST", acl.Missing, target(acl.Read)},
		{"DELETE", acl.Object, parent(acl.Unbind)}, {"MOVE", acl.Calendar, parent(acl.Unbind)}, {"DELETE", acl.Missing, target(acl.Read)},
		{"PROPPATCH", acl.Home, target(acl.WriteProperties)}, {"PROPPATCH", acl.Missing, target(acl.Read)},
		{"ACL", acl.Calendar, target(acl.WriteACL)}, {"ACL", acl.Missing, target(acl.Read)},
		{"FROB", acl.Calendar, target(acl.All)},
	} {
		if got := acl.Required(tt.method, tt.on); got != tt.want {
			t.Errorf("%s on %d: %+v, want %+v", tt.method, tt.on, got, tt.want)
		}
	}
}
