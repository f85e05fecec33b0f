package calendar_test

import (
	"context"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"convene/calendar"
	"convene/directory"
	"convene/internal/engine/enginetest"
	"convene/internal/webdav"
	"convene/quota"
	"convene/snapshot"
	"convene/store"
)

// ann is the owner of the home that tests work in.
var ann = &directory.Principal{GUID: "11111111-0000-0000-0000-000000000001", Type: directory.User}

// open makes calendars with ann's home, a second calendar "work" for events and an
// ordinary collection "files" in it.
func open(t *testing.T, limits quota.Limits) *calendar.Calendars {
	t.Helper()
	policy := &quota.Policy{Default: limits}
	s, err := store.Open(filepath.Join(t.TempDir(), "calendars.db"), store.Options{
		Indexer: calendar.Index, Quota: func() *quota.Policy { return policy }, Wrap: enginetest.Wrapper(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		problems, err := s.Verify(context.Background())
		if err != nil || len(problems) > 0 {
			t.Errorf("verify: %v, %v", problems, err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	c := &calendar.Calendars{Store: s, Snapshots: snapshot.New(snapshot.Options{})}
	if err := c.Provision(t.Context(), ann); err != nil {
		t.Fatal(err)
	}
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		_, err := tx.Create(home, store.NewCollection{Name: "work", Kind: store.KindCalendar, Components: store.VEVENT})
		if err == nil {
			_, err = tx.Create(home, store.NewCollection{Name: "files", Kind: store.KindCollection})
		}
		return err
	})
	return c
}

// update runs fn, which must succeed, on ann's home.
func update(t *testing.T, c *calendar.Calendars, fn func(*calendar.Tx, *store.Home) error) {
	t.Helper()
	if err := try(t, c, fn); err != nil {
		t.Fatal(err)
	}
}

func try(t *testing.T, c *calendar.Calendars, fn func(*calendar.Tx, *store.Home) error) error {
	return c.Update(t.Context(), calendar.Actor{Who: ann.GUID, As: ann.GUID}, func(tx *calendar.Tx) error {
		home, err := tx.Home(ann.GUID)
		if err != nil {
			return err
		}
		return fn(tx, home)
	})
}

// component is a small object of a type.
func component(kind, uid string) []byte {
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:" + kind + "\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260504T120000Z\r\nEND:" + kind + "\r\nEND:VCALENDAR\r\n")
}

// in is a collection of ann's home.
func in(t *testing.T, tx *calendar.Tx, home *store.Home, name string) *store.Collection {
	t.Helper()
	col, err := tx.Collection(home.ID, name)
	if err != nil {
		t.Fatal(err)
	}
	return col
}

// put writes an object of the test's own.
func put(t *testing.T, c *calendar.Calendars, collection, name, kind, uid string) error {
	t.Helper()
	d, err := c.Rules.Parse(component(kind, uid), calendar.ICalendar)
	if err != nil {
		t.Fatal(err)
	}
	return try(t, c, func(tx *calendar.Tx, home *store.Home) error {
		_, err := tx.Put(in(t, tx, home, collection), name, d)
		return err
	})
}

// The rules refuse a change whatever way it came.
func TestRules(t *testing.T) {
	c := open(t, quota.Limits{CollectionObjects: 2, Collections: 5, ObjectBytes: 400, Attendees: 1, Attachments: 1})
	for _, tt := range []struct {
		name, collection, object, kind, uid string
		want                                error
	}{
		{"an event", "work", "a.ics", "VEVENT", "a", nil},
		{"a task among events", "work", "t.ics", "VTODO", "t", calendar.ErrComponent},
		{"an event among files", "files", "a.ics", "VEVENT", "b", calendar.ErrLocation},
		{"an event in the inbox", "inbox", "a.ics", "VEVENT", "b", calendar.ErrLocation},
		{"an event in the outbox", "outbox", "a.ics", "VEVENT", "b", calendar.ErrLocation},
		{"another UID in its place", "work", "a.ics", "VEVENT", "b", store.ErrUIDChanged},
		{"the same UID beside it", "work", "b.ics", "VEVENT", "a", store.ErrUIDConflict},
		{"the same UID in another calendar", "calendar", "b.ics", "VEVENT", "a", store.ErrUIDConflict},
		{"a second", "work", "b.ics", "VEVENT", "b", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := put(t, c, tt.collection, tt.object, tt.kind, tt.uid); !errors.Is(err, tt.want) {
				t.Errorf("Put = %v, want %v", err, tt.want)
			}
		})
	}
	exceeds := func(err error, want quota.Limit) {
		t.Helper()
		if e, ok := errors.AsType[*quota.ExceededError](err); !ok || e.Limit != want {
			t.Errorf("%v, want the limit of %s exceeded", err, want)
		}
	}
	full := func(t *testing.T, err error, collections bool) {
		t.Helper()
		if collections {
			exceeds(err, quota.Collections)
		} else {
			exceeds(err, quota.CollectionObjects)
		}
	}
	full(t, put(t, c, "work", "c.ics", "VEVENT", "c"), false)
	exceeds(put(t, c, "calendar", "l.ics", "VEVENT", strings.Repeat("l", 400)), quota.ObjectBytes)
	exceeds(put(t, c, "calendar", "m.ics", "VEVENT", "m\r\nATTENDEE:mailto:a@example.com\r\nATTENDEE:mailto:b@example.com"), quota.Attendees)
	exceeds(put(t, c, "calendar", "n.ics", "VEVENT", "n\r\nATTACH:http://example.com/a\r\nATTACH:http://example.com/b"), quota.Attachments)
	if err := put(t, c, "work", "b.ics", "VEVENT", "b"); err != nil {
		t.Errorf("writing over one in a full calendar: %v", err)
	}
	if err := put(t, c, "calendar", "c.ics", "VEVENT", "c"); err != nil {
		t.Error(err)
	}
	full(t, try(t, c, func(tx *calendar.Tx, home *store.Home) error {
		from := in(t, tx, home, "calendar")
		e, err := tx.Entry(from, "c.ics")
		if err == nil {
			_, err = tx.Move(from, e, in(t, tx, home, "work"), "c.ics")
		}
		return err
	}), false)
	update(t, c, func(tx *calendar.Tx, home *store.Home) error { // within a full one
		work := in(t, tx, home, "work")
		e, err := tx.Entry(work, "b.ics")
		if err == nil {
			_, err = tx.Move(work, e, work, "renamed.ics")
		}
		return err
	})
	full(t, try(t, c, func(tx *calendar.Tx, home *store.Home) error {
		return tx.CopyTo(home, in(t, tx, home, "tasks"), home, "copy")
	}), true)
	full(t, try(t, c, func(tx *calendar.Tx, home *store.Home) error {
		_, err := tx.Create(home, store.NewCollection{Name: "more", Kind: store.KindCalendar})
		return err
	}), true)
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		return tx.MoveTo(home, in(t, tx, home, "work"), home, "renamed")
	})
}

// What every home has stays, and so does the calendar that invitations go to.
func TestWhatStays(t *testing.T) {
	c := open(t, quota.Limits{})
	remove := func(name string) error {
		return try(t, c, func(tx *calendar.Tx, home *store.Home) error { return tx.Remove(home, in(t, tx, home, name)) })
	}
	move := func(name string) error {
		return try(t, c, func(tx *calendar.Tx, home *store.Home) error {
			return tx.MoveTo(home, in(t, tx, home, name), home, "elsewhere")
		})
	}
	for name, want := range map[string]error{
		"inbox": calendar.ErrFixed, "outbox": calendar.ErrFixed, "notification": calendar.ErrFixed, "dropbox": calendar.ErrFixed,
		"freebusy": calendar.ErrFixed, "calendar": calendar.ErrDefaultCalendar,
	} {
		if err := remove(name); !errors.Is(err, want) {
			t.Errorf("removing %s: %v, want %v", name, err, want)
		}
		if want == calendar.ErrDefaultCalendar {
			continue // it may get another name: what names it follows
		}
		if err := move(name); !errors.Is(err, want) {
			t.Errorf("moving %s: %v, want %v", name, err, want)
		}
	}
	update(t, c, func(tx *calendar.Tx, home *store.Home) error { // another default
		value := webdav.NewElement(calendar.DefaultCalendarURL, webdav.NewHref("/calendars/__uids__/"+ann.GUID+"/work/"))
		return tx.Set(calendar.Place{Home: home, Collection: in(t, tx, home, calendar.Inbox)}, calendar.DefaultCalendarURL, value.Append(nil))
	})
	if err := remove("work"); !errors.Is(err, calendar.ErrDefaultCalendar) {
		t.Errorf("removing the new default: %v", err)
	}
	if err := remove("calendar"); err != nil {
		t.Errorf("removing the former default: %v", err)
	}
}

// A property of the inbox that names no calendar stands for the oldest.
func TestDefaultThatIsNone(t *testing.T) {
	c := open(t, quota.Limits{})
	for _, href := range []string{"/calendars/__uids__/" + ann.GUID + "/gone/", "/%zz/", "", "/"} {
		update(t, c, func(tx *calendar.Tx, home *store.Home) error {
			inbox := in(t, tx, home, calendar.Inbox)
			value := `<schedule-default-calendar-URL xmlns="urn:ietf:params:xml:ns:caldav"><href xmlns="DAV:">` + href + `</href></schedule-default-calendar-URL>`
			if err := tx.Set(calendar.Place{Home: home, Collection: inbox}, calendar.DefaultCalendarURL, []byte(value)); err != nil {
				return err
			}
			col, err := tx.DefaultCalendar(home, store.VEVENT)
			if err == nil && (col == nil || col.Name != "calendar") {
				t.Errorf("%q: %+v", href, col)
			}
			return err
		})
	}
}

// What goes from an ordinary collection into a calendar is checked as an upload
// is, and what goes the other way becomes a file; bytes and properties go along.
func TestBetweenFilesAndCalendars(t *testing.T) {
	c := open(t, quota.Limits{})
	files := map[string]string{"event.ics": string(component("VEVENT", "e")), "task.ics": string(component("VTODO", "t")), "note.txt": "hello"}
	color := webdav.Apple("calendar-color")
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		col := in(t, tx, home, "files")
		for name, body := range files {
			media := map[bool]string{true: "text/calendar; charset=utf-8"}[strings.HasSuffix(name, ".ics")]
			if _, err := tx.PutFile(col, name, []byte(body), media); err != nil {
				return err
			}
		}
		return tx.Set(calendar.Place{Home: home, Collection: col, Name: "event.ics"}, color, webdav.NewText(color, "red").Append(nil))
	})
	transfer := func(move bool, from, name, to, toName string) error {
		return try(t, c, func(tx *calendar.Tx, home *store.Home) error {
			source := in(t, tx, home, from)
			e, err := tx.Entry(source, name)
			if err != nil || e == nil {
				t.Fatalf("%s/%s: %v, %v", from, name, e, err)
			}
			write := tx.Copy
			if move {
				write = tx.Move
			}
			_, err = write(source, e, in(t, tx, home, to), toName)
			return err
		})
	}
	if err := transfer(false, "files", "note.txt", "work", "n.ics"); err == nil || !strings.Contains(err.Error(), "valid-calendar-data") {
		t.Errorf("text into a calendar: %v", err)
	}
	if err := transfer(true, "files", "task.ics", "work", "t.ics"); !errors.Is(err, calendar.ErrComponent) {
		t.Errorf("a task among events: %v", err)
	}
	if err := transfer(false, "files", "event.ics", "work", "e.ics"); err != nil {
		t.Error(err)
	}
	if err := transfer(true, "files", "event.ics", "calendar", "again.ics"); !errors.Is(err, store.ErrUIDConflict) {
		t.Errorf("one UID twice: %v", err)
	}
	if err := transfer(true, "work", "e.ics", "files", "moved.ics"); err != nil {
		t.Error(err)
	}
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		col := in(t, tx, home, "files")
		e, err := tx.Entry(col, "moved.ics")
		if err != nil || e == nil {
			t.Fatalf("moved.ics: %v, %v", e, err)
		}
		body, err := tx.Bytes(col, e)
		if err != nil || string(body) != files["event.ics"] {
			t.Errorf("moved.ics = %q, %v", body, err)
		}
		at := store.OfObject(col, "moved.ics")
		if raw := string(tx.Property(at, calendar.PropertyKey(color))); !strings.Contains(raw, "red") {
			t.Errorf("its colour: %q", raw)
		}
		if raw := string(tx.Property(at, calendar.PropertyKey(calendar.FileType))); !strings.Contains(raw, "text/calendar") {
			t.Errorf("its type: %q", raw)
		}
		gone, err := tx.Entry(in(t, tx, home, "work"), "e.ics")
		if gone != nil || err != nil {
			t.Errorf("e.ics is still there: %v", err)
		}
		return nil
	})
	if err := transfer(true, "files", "event.ics", "files", "event.ics"); !errors.Is(err, calendar.ErrSame) {
		t.Errorf("onto itself: %v", err)
	}
}

// A file of the home itself takes no collection's name.
func TestFilesOfTheHome(t *testing.T) {
	c := open(t, quota.Limits{})
	write := func(name string) error {
		return try(t, c, func(tx *calendar.Tx, home *store.Home) error {
			files, err := tx.Files(home)
			if err == nil {
				_, err = tx.PutFile(files, name, []byte("x"), "")
			}
			return err
		})
	}
	if err := write("work"); !errors.Is(err, calendar.ErrTaken) {
		t.Errorf("a file with a calendar's name: %v", err)
	}
	if err := write("readme.txt"); err != nil {
		t.Error(err)
	}
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		if files, file, err := tx.File(home, "readme.txt"); err != nil || file == nil || !calendar.HomeFiles(files.Name) {
			t.Errorf("readme.txt: %v, %v", file, err)
		}
		if _, file, err := tx.File(home, "other.txt"); err != nil || file != nil {
			t.Errorf("other.txt: %v, %v", file, err)
		}
		return nil
	})
}

// Data is refused with the condition that it does not meet, and an upload that is
// taken is kept byte for byte.
func TestParse(t *testing.T) {
	daily := strings.Replace(string(component("VEVENT", "d")), "DTSTART", "RRULE:FREQ=DAILY;COUNT=20\r\nDTSTART", 1)
	rules := calendar.Rules{Instances: 10}
	for name, tt := range map[string]struct {
		body      string
		form      calendar.Form
		condition string
	}{
		"an event":        {string(component("VEVENT", "a")), calendar.ICalendar, ""},
		"no calendar":     {"hello", calendar.ICalendar, "valid-calendar-data"},
		"no jCal":         {"[1]", calendar.JCal, "valid-calendar-data"},
		"with a METHOD":   {strings.Replace(string(component("VEVENT", "a")), "PRODID", "METHOD:PUBLISH\r\nPRODID", 1), calendar.ICalendar, "valid-calendar-object-resource"},
		"many instances":  {daily, calendar.ICalendar, "max-instances"},
		"not UTF-8":       {strings.Replace(string(component("VEVENT", "a")), "UID", "SUMMARY:\xff\r\nUID", 1), calendar.ICalendar, "valid-calendar-data"},
		"an unknown zone": {strings.Replace(string(component("VEVENT", "a")), "DTSTART:20260504T120000Z", "DTSTART;TZID=Nowhere:20260504T120000", 1), calendar.ICalendar, "valid-calendar-data"},
	} {
		t.Run(name, func(t *testing.T) {
			d, err := rules.Parse([]byte(tt.body), tt.form)
			if tt.condition == "" {
				if err != nil || string(d.Body) != tt.body || d.Edited {
					t.Errorf("Parse = %v, %v", d, err)
				}
				return
			}
			if e, ok := errors.AsType[*calendar.DataError](err); !ok || e.Condition != tt.condition {
				t.Errorf("Parse: %v, want %s", err, tt.condition)
			}
		})
	}
}
