package server_test

import (
	"fmt"
	"testing"
	"time"

	"convene/admin"
	"convene/audit"
	"convene/delegation"
	"convene/sacl"
)

// TestAuditOfCommands: each act of an operator through the control socket, and each of
// clients that changes who may do what, is in the audit log: what was meant before it, with
// who, through which door and why, and its outcome after.
func TestAuditOfCommands(t *testing.T) {
	c := smallConfig(t)
	s := serve(t, c)
	conn := control(t, c.Server.Data)
	ctx := t.Context()
	var standIn uint64
	dav := func(method, path, body string) func(string) error {
		return func(string) error {
			if got := do(t, client(), method, s.HTTP+path, "ann", body, "Content-Type: text/xml", "Depth: 0"); got.StatusCode/100 != 2 {
				return fmt.Errorf("%s %s: %s", method, got.Status, got.Body)
			}
			return nil
		}
	}
	if err := dav("MKCALENDAR", annHome+"second/", "")(""); err != nil {
		t.Fatal(err)
	}
	until := time.Now().Add(time.Hour)
	for _, tt := range []struct {
		verb string
		door string
		do   func(why string) error
	}{
		{"quota.set", audit.Socket, func(why string) error {
			return errOf(admin.SetQuota(ctx, conn, admin.QuotaRequest{Who: "ann", Limit: 1 << 20, By: "op", Reason: why}))
		}},
		{"device.add", audit.Socket, func(why string) error {
			return errOf(admin.AddDevice(ctx, conn, admin.DeviceRequest{Who: "ann", Label: "phone", By: "op", Reason: why}))
		}},
		{"device.revoke", audit.Socket, func(why string) error {
			return errOf(admin.RevokeDevices(ctx, conn, admin.DeviceRequest{Who: "ann", By: "op", Reason: why}))
		}},
		{"signout", audit.Socket, func(why string) error {
			return errOf(admin.SignOut(ctx, conn, admin.SignOutRequest{Who: "ann", By: "op", Reason: why}))
		}},
		{"directory.flush", audit.Socket, func(why string) error {
			return errOf(admin.FlushDirectory(ctx, conn, admin.FlushRequest{Who: "ann", By: "op", Reason: why}))
		}},
		{"sacl.set", audit.Socket, func(why string) error {
			return errOf(admin.ChangeSACL(ctx, conn, admin.SACLChange{Service: sacl.Calendar, Effect: sacl.Deny, Who: "user:bob", By: "op", Reason: why}))
		}},
		{"sacl.clear", audit.Socket, func(why string) error {
			return errOf(admin.ChangeSACL(ctx, conn, admin.SACLChange{Service: sacl.Calendar, Who: "user:bob", By: "op", Reason: why}))
		}},
		{"delegate.add", audit.Socket, func(why string) error {
			return errOf(admin.AddDelegate(ctx, conn, admin.DelegateChange{Delegator: "ann", Delegate: "bob", Level: delegation.LevelWrite, By: "op", Reason: why}))
		}},
		{"delegate.standin", audit.Socket, func(why string) error {
			done, err := admin.ChangeStandIn(ctx, conn, admin.StandInChange{Delegate: "bob", StandIn: "eve", Until: until, By: "op", Reason: why})
			if err == nil && len(done.StandIns) == 1 {
				standIn = done.StandIns[0].ID
			}
			return err
		}},
		{"delegate.standin-remove", audit.Socket, func(why string) error {
			return errOf(admin.ChangeStandIn(ctx, conn, admin.StandInChange{Remove: standIn, By: "op", Reason: why}))
		}},
		{"delegate.remove", audit.Socket, func(why string) error {
			return errOf(admin.RemoveDelegate(ctx, conn, admin.DelegateChange{Delegator: "ann", Delegate: "bob", By: "op", Reason: why}))
		}},
		{"store.reindex", audit.Socket, func(why string) error {
			return errOf(admin.Reindex(ctx, conn, admin.Request{By: "op", Reason: why}))
		}},
		{"meetings.repair", audit.Socket, func(why string) error {
			return errOf(admin.VerifyMeetings(ctx, conn, admin.MeetingRequest{Repair: true, Request: admin.Request{By: "op", Reason: why}}))
		}},
		{"rooms.repair", audit.Socket, func(why string) error {
			return errOf(admin.VerifyLedgers(ctx, conn, admin.MeetingRequest{Repair: true, Request: admin.Request{By: "op", Reason: why}}))
		}},
		{"server.reload", audit.Socket, func(why string) error {
			return admin.Reload(ctx, conn, admin.Request{By: "op", Reason: why})
		}},
		{"maintenance.on", audit.Socket, func(why string) error {
			return errOf(admin.SwitchMaintenance(ctx, conn, admin.MaintenanceRequest{Switch: "on", By: "op", Reason: why}))
		}},
		{"maintenance.off", audit.Socket, func(why string) error {
			return errOf(admin.SwitchMaintenance(ctx, conn, admin.MaintenanceRequest{Switch: "off", By: "op", Reason: why}))
		}},
		{"acl.set", audit.DAV, dav("ACL", annHome+"second/", `<acl xmlns="DAV:"><ace><principal><href>/principals/__uids__/11111111-0000-0000-0000-000000000002/</href></principal><grant><privilege><read/></privilege></grant></ace></acl>`)},
		{"delegate.set", audit.DAV, dav("PROPPATCH", "/principals/users/ann/calendar-proxy-read/", `<propertyupdate xmlns="DAV:"><set><prop><group-member-set><href>/principals/users/bob/</href></group-member-set></prop></set></propertyupdate>`)},
	} {
		var last uint64
		for _, l := range auditLines(t, c.Server.Data) {
			last = max(last, l.Seq)
		}
		why := "because of " + tt.verb
		if err := tt.do(why); err != nil {
			t.Errorf("%s: %v", tt.verb, err)
			continue
		}
		var kinds []audit.Kind
		for _, l := range auditLines(t, c.Server.Data) {
			if l.Seq <= last || l.Verb != tt.verb {
				continue
			}
			kinds = append(kinds, l.Kind)
			if l.Via.How != tt.door || tt.door == audit.Socket && l.Reason != why || l.Kind == audit.Outcome && l.Outcome != audit.Done {
				t.Errorf("%s: %+v", tt.verb, l)
			}
		}
		if len(kinds) != 2 || kinds[0] != audit.Intent || kinds[1] != audit.Outcome {
			t.Errorf("%s has the lines %q", tt.verb, kinds)
		}
	}
}

func errOf[T any](_ T, err error) error { return err }
