// Command go-webdav is the client of github.com/emersion/go-webdav at work; lib.sh
// says what is in the environment and which lines are written. The library makes
// no calendars and knows no ETags in conditions: those are not checked.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/emersion/go-ical"
	"github.com/emersion/go-webdav"
	"github.com/emersion/go-webdav/caldav"
)

// A session is one conversation.
type session struct {
	url, home, calendar string // URL of the server; paths of the home and of the calendar made in it
	web                 webdav.HTTPClient
	c                   *caldav.Client
	principal           string
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run() error {
	user := os.Getenv("CLIENT_USER")
	s := &session{url: os.Getenv("URL"), home: os.Getenv("HOME_PATH")}
	s.calendar = s.home + "with-go-webdav/"
	s.web = webdav.HTTPClientWithBasicAuth(&http.Client{Timeout: 30 * time.Second}, user, os.Getenv("CLIENT_PASSWORD"))
	c, err := caldav.NewClient(s.web, s.url)
	if err != nil {
		return err
	}
	s.c = c
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := s.device(ctx, "MKCALENDAR", s.calendar, ""); err != nil {
		return err
	}
	for _, x := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"principal from bare URL", s.discover},
		{"calendar home", s.findHome},
		{"list calendars", s.list},
		{"create a series", s.create},
		{"read", s.read("one.ics", "Café ☕")},
		{"create a task", s.task},
		{"time range, in the series", s.query},
		{"multiget", s.multiget},
		{"change", s.change},
		{"changed elsewhere", s.elsewhere},
		{"a second object of one UID is refused", s.copy},
		{"move", s.move},
		{"files", s.files},
		{"delete", s.remove},
		{"delete the calendar", s.removeCalendar},
	} {
		verdict := "ok"
		if err := x.do(ctx); err != nil {
			verdict = "FAILED " + strings.Join(strings.Fields(err.Error()), " ")
		}
		fmt.Printf("%s: %s\n", x.name, verdict)
	}
	return nil
}

// device sends a request of the user's other device, which must succeed.
func (s *session) device(ctx context.Context, method, path, body string) error {
	r, err := http.NewRequestWithContext(ctx, method, s.url+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	if body != "" {
		r.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	}
	resp, err := s.web.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 400 {
		text, err := io.ReadAll(resp.Body)
		return fmt.Errorf("other device: %s %s: %s: %s: %v", method, path, resp.Status, text, err)
	}
	return nil
}

func (s *session) discover(ctx context.Context) (err error) {
	s.principal, err = s.c.FindCurrentUserPrincipal(ctx)
	return firstOf(err, same(s.principal, os.Getenv("PRINCIPAL")))
}

func (s *session) findHome(ctx context.Context) error {
	home, err := s.c.FindCalendarHomeSet(ctx, s.principal)
	return firstOf(err, same(home, s.home))
}

func (s *session) list(ctx context.Context) error {
	all, err := s.c.FindCalendars(ctx, s.home)
	var paths []string
	for _, c := range all {
		paths = append(paths, c.Path)
	}
	if err == nil && (!slices.Contains(paths, s.home+"calendar/") || !slices.Contains(paths, s.calendar)) {
		return fmt.Errorf("%q", paths)
	}
	return err
}

// object is one component of a kind, in March 2031.
func object(kind, uid, summary, rule string) *ical.Calendar {
	c := ical.NewComponent(kind)
	c.Props.SetText(ical.PropUID, uid)
	c.Props.SetDateTime(ical.PropDateTimeStamp, time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC))
	c.Props.SetDateTime(ical.PropDateTimeStart, time.Date(2031, 3, 5, 10, 0, 0, 0, time.UTC))
	c.Props.SetText(ical.PropSummary, summary)
	if rule != "" {
		p := ical.NewProp(ical.PropRecurrenceRule)
		p.Value = rule
		c.Props.Set(p)
	}
	all := ical.NewCalendar()
	all.Props.SetText(ical.PropVersion, "2.0")
	all.Props.SetText(ical.PropProductID, "-//convene//clients//EN")
	all.Children = append(all.Children, c)
	return all
}

func (s *session) create(ctx context.Context) error {
	o, err := s.c.PutCalendarObject(ctx, s.calendar+"one.ics", object(ical.CompEvent, "go-1", "Café ☕", "FREQ=WEEKLY;COUNT=4"))
	if err == nil && o.ETag == "" {
		return fmt.Errorf("no ETag")
	}
	return err
}

func (s *session) task(ctx context.Context) error {
	if _, err := s.c.PutCalendarObject(ctx, s.calendar+"two.ics", object(ical.CompToDo, "go-2", "Úkol", "")); err != nil {
		return err
	}
	return s.read("two.ics", "Úkol")(ctx)
}

// read returns a check of an object's summary.
func (s *session) read(name, want string) func(context.Context) error {
	return func(ctx context.Context) error {
		o, err := s.c.GetCalendarObject(ctx, s.calendar+name)
		if err != nil {
			return err
		}
		return same(summary(o.Data), want)
	}
}

func summary(c *ical.Calendar) string {
	for _, x := range c.Children {
		if p := x.Props.Get(ical.PropSummary); p != nil {
			return p.Value
		}
	}
	return ""
}

func (s *session) query(ctx context.Context) error {
	got, err := s.c.QueryCalendar(ctx, s.calendar, &caldav.CalendarQuery{
		CompRequest: everything,
		CompFilter: caldav.CompFilter{Name: "VCALENDAR", Comps: []caldav.CompFilter{{
			Name:  "VEVENT",
			Start: time.Date(2031, 3, 26, 0, 0, 0, 0, time.UTC),
			End:   time.Date(2031, 3, 27, 0, 0, 0, 0, time.UTC),
		}}},
	})
	return firstOf(err, found(got, s.calendar+"one.ics"))
}

// everything asks for whole objects.
var everything = caldav.CalendarCompRequest{Name: "VCALENDAR", AllProps: true, AllComps: true}

func (s *session) multiget(ctx context.Context) error {
	want := []string{s.calendar + "one.ics", s.calendar + "two.ics"}
	got, err := s.c.MultiGetCalendar(ctx, s.calendar, &caldav.CalendarMultiGet{Paths: want, CompRequest: everything})
	return firstOf(err, found(got, want...))
}

func (s *session) change(ctx context.Context) error {
	if _, err := s.c.PutCalendarObject(ctx, s.calendar+"one.ics", object(ical.CompEvent, "go-1", "Tea ☕", "")); err != nil {
		return err
	}
	return s.read("one.ics", "Tea ☕")(ctx)
}

func (s *session) elsewhere(ctx context.Context) error {
	var text strings.Builder
	if err := ical.NewEncoder(&text).Encode(object(ical.CompEvent, "go-1", "Changed elsewhere", "")); err != nil {
		return err
	}
	if err := s.device(ctx, http.MethodPut, s.calendar+"one.ics", text.String()); err != nil {
		return err
	}
	return s.read("one.ics", "Changed elsewhere")(ctx)
}

func (s *session) copy(ctx context.Context) error {
	if err := s.c.Copy(ctx, s.calendar+"one.ics", s.calendar+"three.ics", nil); err == nil {
		return fmt.Errorf("accepted")
	}
	return s.missing(ctx, s.calendar+"three.ics")
}

func (s *session) move(ctx context.Context) error {
	if err := s.c.Move(ctx, s.calendar+"one.ics", s.calendar+"three.ics", nil); err != nil {
		return err
	}
	return firstOf(s.read("three.ics", "Changed elsewhere")(ctx), s.missing(ctx, s.calendar+"one.ics"))
}

func (s *session) files(ctx context.Context) error {
	all, err := s.c.ReadDir(ctx, s.calendar, false)
	var paths []string
	for _, f := range all {
		if !f.IsDir {
			paths = append(paths, f.Path)
		}
	}
	slices.Sort(paths)
	return firstOf(err, same(strings.Join(paths, " "), s.calendar+"three.ics "+s.calendar+"two.ics"))
}

func (s *session) remove(ctx context.Context) error {
	return firstOf(s.c.RemoveAll(ctx, s.calendar+"three.ics"), s.missing(ctx, s.calendar+"three.ics"))
}

func (s *session) removeCalendar(ctx context.Context) error {
	return firstOf(s.c.RemoveAll(ctx, s.calendar), s.missing(ctx, s.calendar))
}

// missing fails if something is at a path.
func (s *session) missing(ctx context.Context, path string) error {
	if _, err := s.c.Stat(ctx, path); err == nil || !strings.Contains(err.Error(), "404") {
		return fmt.Errorf("%s: %v, not 404", path, err)
	}
	return nil
}

// found fails unless objects are those at some paths, in any order.
func found(got []caldav.CalendarObject, want ...string) error {
	var paths []string
	for _, o := range got {
		paths = append(paths, o.Path)
	}
	slices.Sort(paths)
	return same(strings.Join(paths, " "), strings.Join(want, " "))
}

func same(got, want string) error {
	if got != want {
		return fmt.Errorf("%q, not %q", got, want)
	}
	return nil
}

// firstOf returns the first error.
func firstOf(list ...error) error {
	for _, err := range list {
		if err != nil {
			return err
		}
	}
	return nil
}
