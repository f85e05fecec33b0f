package caldav_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"convene/calendar"
	"convene/store"
)

// damage writes an object of a home as an editor of bytes would, past all rules; nil
// removes it.
func (e *env) damage(owner, uid string, change func(string) string) {
	e.t.Helper()
	err := e.store.Update(context.Background(), func(tx *store.Tx) error {
		home, err := tx.Home(guid(owner))
		if err != nil {
			return err
		}
		col, name, err := tx.ObjectByUIDInHome(home.ID, uid)
		if err != nil {
			return err
		}
		body, _, err := tx.Body(col.ID, name)
		if err != nil {
			return err
		}
		was, err := tx.Entry(col.ID, name)
		if err != nil {
			return err
		}
		if change == nil {
			return tx.DeleteObject(col, name, store.Match{})
		}
		data := []byte(change(unfolded(string(body))))
		index, err := calendar.Index(data)
		if err != nil {
			return err
		}
		_, _, err = tx.PutObject(col, name, data, index, store.Match{}, store.As(was.Role)...)
		return err
	})
	if err != nil {
		e.t.Fatal(err)
	}
}

// Copies that say something else than the organizer's are found, and made anew with
// what is their owner's own.
func TestCheckMeetings(t *testing.T) {
	ctx := context.Background()
	replace := func(from, to string) func(string) string {
		return func(body string) string {
			if !strings.Contains(body, from) {
				t.Fatalf("no %q in %s", from, body)
			}
			return strings.Replace(body, from, to, 1)
		}
	}
	const alarm = "BEGIN:VALARM\r\nACTION:AUDIO\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\n"
	for name, tt := range map[string]struct {
		owner  string // whose copy is damaged
		change func(string) string
		of     string // in whose home the problem is
		detail string
		after  []string // of bob's copy, when it is repaired
	}{
		"another summary":  {"bob", replace("SUMMARY:plan\r\n", "SUMMARY:other\r\n"), "bob", "SUMMARY", []string{"SUMMARY:plan\r\n", alarm}},
		"another time":     {"bob", replace("DTSTART:20260504T12", "DTSTART:20260504T15"), "bob", "DTSTART", []string{"DTSTART:20260504T120000Z", alarm}},
		"another answer":   {"bob", replace("ATTENDEE;PARTSTAT=ACCEPTED", "ATTENDEE;PARTSTAT=DECLINED"), "bob", "ATTENDEE", []string{alarm}},
		"a later sequence": {"bob", replace("SUMMARY:plan\r\n", "SUMMARY:plan\r\nSEQUENCE:7\r\n"), "bob", "SEQUENCE 7", []string{alarm}},
		"organizer lost it": {"ann", nil, "bob", "no such meeting",
			[]string{"STATUS:CANCELLED", "SUMMARY:plan\r\n", alarm}},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEnv(t)
			e.must(201, "ann", "PUT", annsMeetings+"plan.ics", meeting("plan", "20260504T120000Z", "ATTENDEE:mailto:bob@example.com", "ATTENDEE:mailto:boss@example.com"))
			path := e.only("bob", bobsMeetings)
			is := e.must(200, "bob", "GET", path, "").Body
			e.must(204, "bob", "PUT", path, strings.Replace(is, "END:VEVENT", alarm+"END:VEVENT", 1))
			if found, err := e.h.Calendars.CheckMeetings(ctx, true); err != nil || len(found) != 0 {
				t.Fatalf("before: %v, %v", found, err)
			}
			whole := e.must(200, "bob", "GET", path, "").Body
			messages := len(e.members("bob", "/calendars/users/bob/inbox/"))
			e.damage(tt.owner, "plan", tt.change)
			found, err := e.h.Calendars.CheckMeetings(ctx, false)
			if err != nil || len(found) == 0 {
				t.Fatalf("not found: %v", err)
			}
			for _, p := range found {
				if p.Repaired || p.UID != "plan" {
					t.Errorf("%+v", p)
				}
			}
			if !slices.ContainsFunc(found, func(p calendar.MeetingProblem) bool {
				return p.Owner == guid(tt.of) && strings.Contains(p.Detail, tt.detail)
			}) {
				t.Errorf("%+v, want %q in the home of %s", found, tt.detail, tt.of)
			}
			if again, err := e.h.Calendars.CheckMeetings(ctx, false); err != nil || len(again) != len(found) {
				t.Errorf("without repair something was changed: %v, %v", again, err)
			}
			repaired, err := e.h.Calendars.CheckMeetings(ctx, true)
			if err != nil || len(repaired) != len(found) {
				t.Fatalf("%v, %v", repaired, err)
			}
			for _, p := range repaired {
				if !p.Repaired {
					t.Errorf("not repaired: %+v", p)
				}
			}
			if left, err := e.h.Calendars.CheckMeetings(ctx, true); err != nil || len(left) != 0 {
				t.Errorf("left: %v, %v", left, err)
			}
			got := unfolded(e.must(200, "bob", "GET", path, "").Body)
			for _, want := range tt.after {
				if !strings.Contains(got, want) {
					t.Errorf("%q is not in bob's copy: %s", want, got)
				}
			}
			if tt.owner == "bob" && line(got, "ATTENDEE", "ann@") != line(whole, "ATTENDEE", "ann@") {
				t.Errorf("bob's copy: %s, was %s", got, whole)
			}
			if n := len(e.members("bob", "/calendars/users/bob/inbox/")); n != messages {
				t.Errorf("%d messages more", n-messages)
			}
		})
	}
}
