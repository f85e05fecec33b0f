package acl_test

import (
	"slices"
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
	const below = "read read-free-busy " + writes + " unlock read-acl write-acl read-current-user-privilege-set"
	for name, tt := range map[string]struct {
		on                    acl.Kind
		set                   acl.Privilege
		held, granted, covers string
	}{
		"all":    {acl.Calendar, acl.All, "all " + below, "all", "all"},
		"reader": {acl.Calendar, look, "read read-free-busy read-current-user-privilege-set", "read read-current-user-privilege-set", "all"},
		"self": {acl.Calendar, self, "read read-free-busy write-properties read-acl read-current-user-privilege-set",
			"read write-properties read-acl read-current-user-privilege-set", "all"},
		"busy times":       {acl.Calendar, acl.ReadFreeBusy, "read-free-busy", "read-free-busy", "read-free-busy"},
		"read but that":    {acl.Calendar, acl.ReadContent, "", "", "read"},
		"write":            {acl.Calendar, acl.Write, writes, "write", "write"},
		"write but that":   {acl.Calendar, acl.Write &^ acl.Bind, "write-content write-properties unbind", "write-content write-properties unbind", "write"},
		"bind":             {acl.Calendar, acl.Bind, "bind", "bind", "bind"},
		"read and its ACL": {acl.Calendar, acl.Read | acl.ReadACL, "read read-free-busy read-acl", "read read-acl", "all"},
		"all of an inbox": {acl.Inbox, acl.All, "all " + strings.Replace(below, "read-free-busy ", "", 1) +
			" schedule-deliver schedule-deliver-invite schedule-deliver-reply schedule-query-freebusy schedule", "all", "all"},
		"all of an outbox": {acl.Outbox, acl.All, "all " + strings.Replace(below, "read-free-busy ", "", 1) +
			" schedule-send schedule-send-invite schedule-send-reply schedule-send-freebusy schedule", "all", "all"},
		"to deliver":        {acl.Inbox, acl.ScheduleDeliver, "schedule-deliver schedule-deliver-invite schedule-deliver-reply schedule-query-freebusy schedule", "schedule-deliver", "schedule-deliver"},
		"to deliver a part": {acl.Inbox, acl.ScheduleDeliverReply, "schedule-deliver-reply", "schedule-deliver-reply", "schedule-deliver-reply"},
		"to send a part":    {acl.Outbox, acl.ScheduleSendFreeBusy, "schedule-send-freebusy", "schedule-send-freebusy", "schedule-send-freebusy"},
		"to deliver, there": {acl.Outbox, acl.ScheduleDeliver, "", "", "schedule-deliver"},
		"to send, there":    {acl.Calendar, acl.ScheduleSend | acl.ReadFreeBusy, "read-free-busy", "read-free-busy", "all"},
		"busy times, there": {acl.Inbox, acl.ReadFreeBusy, "", "", "read-free-busy"},
	} {
		t.Run(name, func(t *testing.T) {
			var held, granted []string
			for n := range tt.set.Held(tt.on) {
				held = append(held, n.Local)
			}
			for n := range tt.set.Granted(tt.on) {
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

// Each tree holds what it says: an aggregate what is below it, in the order in
// which that is written (RFC 3744 §3.12, §5.3), DAV:all everything, and no name
// twice.
func TestSupported(t *testing.T) {
	for _, kind := range kinds {
		var above []acl.Named // the path from the root
		names, leaves := map[string]bool{}, acl.None
		for n := range kind.Supported {
			if n.Depth > len(above) {
				t.Fatalf("kind %d: %s is %d deep below %d", kind, n.Name.Local, n.Depth, len(above))
			}
			if names[n.Name.Local] {
				t.Errorf("kind %d: %s twice", kind, n.Name.Local)
			}
			names[n.Name.Local] = true
			above = append(above[:n.Depth], n)
			for _, parent := range above {
				if !parent.Set.Has(n.Set) {
					t.Errorf("kind %d: %s does not contain %s", kind, parent.Name.Local, n.Name.Local)
				}
			}
			if n.Depth > 0 {
				leaves |= n.Set
			}
		}
		if all := above[0].Set; all != leaves {
			t.Errorf("kind %d: DAV:all is %b, what is below it %b", kind, all, leaves)
		}
		for name, on := range map[string][]acl.Kind{
			"schedule-deliver": {acl.Inbox}, "schedule-query-freebusy": {acl.Inbox}, "schedule-send": {acl.Outbox},
			"schedule-send-freebusy": {acl.Outbox}, "schedule": {acl.Inbox, acl.Outbox},
			"read-free-busy": {acl.Home, acl.Calendar, acl.Collection, acl.FreeBusyURL},
		} {
			if names[name] != slices.Contains(on, kind) {
				t.Errorf("kind %d: %s is %t", kind, name, names[name])
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
		{"POST", acl.Outbox, target(acl.ScheduleSendFreeBusy)}, {"POST", acl.FreeBusyURL, target(acl.ReadFreeBusy)}, {"POST", acl.Inbox, target(acl.Bind)},
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
