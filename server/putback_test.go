package server_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"convene/admin"
	"convene/admin/backup"
	"convene/audit"
	"convene/config"
	"convene/server"
	"convene/testenv"
)

// A putting puts back what ann had in a backup.
type putting struct {
	t    *testing.T
	conn admin.Conn
	copy string // of calendars.db
}

func newPutting(t *testing.T, c config.Config, b []byte) *putting {
	t.Helper()
	dir := testenv.Dir(t)
	for _, name := range []string{"calendars.db", backup.DelegatesName} {
		if _, err := backup.Extract(t.Context(), bytes.NewReader(b), dir, name, server.BackupSet(), nil); err != nil {
			t.Fatal(err)
		}
	}
	return &putting{t, dialAdmin(t, c), filepath.Join(dir, "calendars.db")}
}

// put returns the results, a line "result calendar/name" for each, and the reasons.
func (p *putting) put(w server.Wanted, how admin.PutBack) (results, reasons string) {
	p.t.Helper()
	w.Owner = "11111111-0000-0000-0000-000000000001"
	err := server.ReadKept(p.t.Context(), p.copy, w, func(col admin.KeptCollection, objects []admin.KeptObject) error {
		how.Who, how.Collection, how.Objects, how.By = w.Owner, col, objects, "root"
		done, err := admin.PutBackObjects(p.t.Context(), p.conn, how)
		for _, r := range done {
			results += fmt.Sprintf("%s %s/%s\n", r.Result, r.Calendar, r.Name)
			reasons += r.Reason + "\n"
		}
		return err
	})
	if err != nil {
		p.t.Fatal(err)
	}
	return results, reasons
}

// What somebody had in a backup is put back while the server runs: one object, one
// calendar, all of them. Nobody hears of it, what has changed since stays, and a room
// that is taken meanwhile keeps what it has.
func TestPutBack(t *testing.T) {
	m := testenv.NewSMTP(t, testenv.SMTPOptions{})
	c := roomConfig(t, m)
	c.Rooms.Defaults = map[string]string{"timezone": "Europe/Berlin", "horizon": "3660"}
	c.Delegates.Tell = false // the letters that are counted are those about meetings
	s := serve(t, c)
	request := func(method, who, path, body string, want int) string {
		t.Helper()
		header := "Content-Type: text/calendar"
		if method != "PUT" {
			header = "Content-Type: application/xml"
		}
		a := do(t, client(), method, s.HTTP+path, who, body, header, "Depth: 0")
		if a.StatusCode != want {
			t.Fatalf("%s %s: %d, want %d\n%s", method, path, a.StatusCode, want, a.Body)
		}
		return a.Body
	}
	const bobHome = "/calendars/users/bob/"
	work := `<C:mkcalendar xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:set><D:prop><D:displayname>Plans &amp; such</D:displayname></D:prop></D:set></C:mkcalendar>`
	request("MKCALENDAR", "ann", annHome+"work/", work, 201)
	request("MKCALENDAR", "ann", annHome+"empty/", work, 201)
	for name, path := range map[string]string{"one": "calendar", "two": "calendar", "w1": "work"} {
		request("PUT", "ann", annHome+path+"/"+name+".ics", anEvent(name, "as it was"), 201)
	}
	patch := `<D:propertyupdate xmlns:D="DAV:"><D:set><D:prop><x:note xmlns:x="urn:x">kept</x:note></D:prop></D:set></D:propertyupdate>`
	request("PROPPATCH", "ann", annHome+"calendar/one.ics", patch, 207)
	request("PUT", "ann", annHome+"calendar/meet.ics", invitation("meet", "Budget", "oak@example.com", "guest@elsewhere.example"), 201)
	if got := answerOf(t, s, "meet"); got != "ACCEPTED" {
		t.Fatalf("the room says %s", got)
	}
	mails(t, m, 1)
	was := map[string]string{}
	for _, path := range []string{"calendar/one", "calendar/two", "calendar/meet", "work/w1"} {
		was[path] = request("GET", "ann", annHome+path+".ics", "", 200)
	}
	conn := dialAdmin(t, c)
	delegation := admin.DelegateChange{Delegator: "ann", Delegate: "bob", By: "root"}
	if err := delegation.Level.UnmarshalText([]byte("read")); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.AddDelegate(t.Context(), conn, delegation); err != nil {
		t.Fatal(err)
	}
	b := backUp(t, c)

	request("DELETE", "ann", annHome+"calendar/one.ics", "", 204)
	request("PUT", "ann", annHome+"calendar/two.ics", anEvent("two", "changed"), 204)
	request("DELETE", "ann", annHome+"work/", "", 204)
	request("DELETE", "ann", annHome+"empty/", "", 204)
	request("DELETE", "ann", annHome+"calendar/meet.ics", "", 204)
	mails(t, m, 2) // cancelled
	others := strings.NewReplacer("ann@", "bob@", "UID:meet", "UID:other").Replace(invitation("meet", "Other", "oak@example.com"))
	others = strings.ReplaceAll(others, "mailto:bob@example.com", "urn:uuid:11111111-0000-0000-0000-000000000002")
	request("PUT", "bob", bobHome+"calendar/other.ics", others, 201)
	if _, err := admin.RemoveDelegate(t.Context(), conn, delegation); err != nil {
		t.Fatal(err)
	}

	p := newPutting(t, c, b)
	const want = "conflict calendar/meet.ics\ncreated calendar/one.ics\ndiffers calendar/two.ics\ncreated empty/\ncreated work/w1.ics\n"
	results, reasons := p.put(server.Wanted{}, admin.PutBack{DryRun: true})
	if results != want || !strings.Contains(reasons, "locations/oak has no time from 2030-05-06T10:00:00Z") || !strings.Contains(reasons, "calendar/two.ics is another now") {
		t.Errorf("dry run:\n%s%s", results, reasons)
	}
	request("GET", "ann", annHome+"calendar/one.ics", "", 404)
	request("PROPFIND", "ann", annHome+"work/", "", 404)
	if results, _ := p.put(server.Wanted{}, admin.PutBack{}); results != want {
		t.Errorf("real:\n%s", results)
	}
	same := func(path string) {
		t.Helper()
		if got := request("GET", "ann", annHome+path+".ics", "", 200); got != was[path] {
			t.Errorf("%s:\n%s\nwas:\n%s", path, got, was[path])
		}
	}
	same("calendar/one")
	same("work/w1")
	request("GET", "ann", annHome+"calendar/meet.ics", "", 404)
	ask := `<D:propfind xmlns:D="DAV:" xmlns:x="urn:x"><D:prop><D:displayname/><x:note/></D:prop></D:propfind>`
	if got := request("PROPFIND", "ann", annHome+"work/", ask, 207); !strings.Contains(got, "Plans &amp; such") {
		t.Errorf("calendar: %s", got)
	}
	if got := request("PROPFIND", "ann", annHome+"calendar/one.ics", ask, 207); !strings.Contains(got, "kept") {
		t.Errorf("object: %s", got)
	}

	if results, _ := p.put(server.Wanted{UID: "two"}, admin.PutBack{Replace: true}); results != "replaced calendar/two.ics\n" {
		t.Errorf("replaced:\n%s", results)
	}
	same("calendar/two")
	var restored []deed
	for _, name := range []string{"calendar", "empty", "tasks", "work", "calendar"} {
		restored = append(restored, deed{"calendar.restore", audit.Socket, "", name, false})
	}
	wantDeeds(t, c.Server.Data, nil, restored...)

	// The room is free again, and is booked with the meeting.
	request("DELETE", "bob", bobHome+"calendar/other.ics", "", 204)
	if results, _ := p.put(server.Wanted{UID: "meet"}, admin.PutBack{}); results != "created calendar/meet.ics\n" {
		t.Errorf("meeting:\n%s", results)
	}
	same("calendar/meet")
	late := strings.ReplaceAll(others, "UID:other", "UID:late")
	request("PUT", "bob", bobHome+"calendar/late.ics", late, 201)
	if got := request("GET", "bob", bobHome+"calendar/late.ics", "", 200); !strings.Contains(got, "PARTSTAT=DECLINED") {
		t.Errorf("the room is not taken:\n%s", got)
	}
	request("DELETE", "bob", bobHome+"calendar/late.ics", "", 204)
	mails(t, m, 2)
	// It is ann's meeting again: what she does to it others hear of.
	request("DELETE", "ann", annHome+"calendar/meet.ics", "", 204)
	mails(t, m, 3)
	if results, _ := p.put(server.Wanted{UID: "meet"}, admin.PutBack{}); results != "created calendar/meet.ics\n" {
		t.Errorf("meeting again:\n%s", results)
	}

	request("DELETE", "ann", annHome+"calendar/two.ics", "", 204)
	if results, _ := p.put(server.Wanted{Calendar: "Plans & such"}, admin.PutBack{Into: "Restored June"}); results != "same work/w1.ics\n" {
		t.Errorf("by the name that people see:\n%s", results)
	}
	if results, _ := p.put(server.Wanted{UID: "two"}, admin.PutBack{Into: "Restored June"}); results != "created calendar/two.ics\n" {
		t.Errorf("into another:\n%s", results)
	}
	if got := request("GET", "ann", annHome+"restored-june/two.ics", "", 200); got != was["calendar/two"] {
		t.Errorf("into another:\n%s", got)
	}
	const all = "same calendar/meet.ics\nsame calendar/one.ics\nsame calendar/two.ics\nsame work/w1.ics\n"
	if results, _ := p.put(server.Wanted{}, admin.PutBack{}); results != all {
		t.Errorf("again:\n%s", results)
	}

	// A quota counts.
	request("DELETE", "ann", annHome+"calendar/one.ics", "", 204)
	if _, err := admin.SetQuota(t.Context(), conn, admin.QuotaRequest{Who: "ann", Limit: 10, By: "root"}); err != nil {
		t.Fatal(err)
	}
	if results, reasons := p.put(server.Wanted{UID: "one"}, admin.PutBack{}); results != "refused calendar/one.ics\n" || !strings.Contains(reasons, "used of 10") {
		t.Errorf("over quota:\n%s%s", results, reasons)
	}

	// Who acts for her, by the delegate database's own door.
	copied, err := os.ReadFile(filepath.Join(filepath.Dir(p.copy), backup.DelegatesName))
	if err != nil {
		t.Fatal(err)
	}
	request("GET", "bob", annHome+"calendar/meet.ics", "", 403)
	list, err := admin.RestoreDelegates(t.Context(), conn, admin.DelegateRestore{Copy: copied, Who: "ann", By: "root"})
	if err != nil || len(list) != 1 {
		t.Fatalf("%+v %v", list, err)
	}
	request("GET", "bob", annHome+"calendar/meet.ics", "", 200)

	mails(t, m, 3)
	text, err := os.ReadFile(filepath.Join(c.Server.Data, "audit.log"))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), `"after":{"of":"`); n != 15 { // one for each part that was put back

		t.Errorf("%d lines in the audit log", n)
	}
	if report, err := admin.VerifyLedgers(t.Context(), conn, admin.MeetingRequest{}); err != nil || len(report.Problems) > 0 {
		t.Errorf("ledgers: %+v %v", report, err)
	}
	if report, err := admin.VerifyMeetings(t.Context(), conn, admin.MeetingRequest{}); err != nil || len(report.Problems) > 0 {
		t.Errorf("meetings: %+v %v", report, err)
	}
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	verified(t, c)
}
