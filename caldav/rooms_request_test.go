package caldav_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// asking makes oak a room that ann has to ask for, and boss approves.
func asking(t *testing.T, more map[string]string) *env {
	settings := map[string]string{"book": "user:bob", "request": "user:ann", "approvers": "user:boss"}
	for k, v := range more {
		settings[k] = v
	}
	return newEnv(t).withRooms(settings)
}

// requests are the open requests for oak.
func (e *env) requests() (list []*calendar.Request) {
	e.t.Helper()
	err := e.h.Calendars.View(context.Background(), calendar.Actor{}, func(tx *calendar.Tx) error {
		list = nil
		home, err := tx.Home(guid("oak"))
		if errors.Is(err, calendar.ErrNoHome) {
			return nil
		}
		if err != nil {
			return err
		}
		for r, err := range tx.Requests(home.ID) {
			if err != nil {
				return err
			}
			list = append(list, r)
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return list
}

// one is the only open request for oak.
func (e *env) one() *calendar.Request {
	e.t.Helper()
	list := e.requests()
	if len(list) != 1 {
		e.t.Fatalf("%d requests are open", len(list))
	}
	return list[0]
}

// act does something for oak without a request of HTTP.
func (e *env) act(by calendar.Actor, fn func(tx *calendar.Tx) error) error {
	e.t.Helper()
	return e.h.Act(context.Background(), by, fn)
}

func (e *env) verdict(id store.QueueID, v calendar.Verdict) (r *calendar.Request, err error) {
	err = e.act(calendar.Actor{Who: v.By, As: v.By}, func(tx *calendar.Tx) (err error) {
		r, err = tx.AnswerRequest(id, &v)
		return err
	})
	return r, err
}

// settle does what is due.
func (e *env) settle() {
	e.t.Helper()
	var due []*store.Matter
	err := e.store.View(context.Background(), func(tx *store.Tx) error {
		due = nil
		for m, err := range tx.DueMatters(e.now) {
			if err != nil {
				return err
			}
			due = append(due, m)
		}
		return nil
	})
	for _, m := range due {
		err = errors.Join(err, e.act(calendar.Actor{}, func(tx *calendar.Tx) error { return tx.SettleMatter(m) }))
	}
	if err != nil {
		e.t.Fatal(err)
	}
}

// inbox is what ann was told, all of it.
func (e *env) inboxOf(name string) string {
	e.t.Helper()
	var all strings.Builder
	err := e.store.View(context.Background(), func(tx *store.Tx) error {
		all.Reset()
		home, err := tx.Home(guid(name))
		if err != nil {
			return err
		}
		col, err := tx.Collection(home.ID, "inbox")
		if err != nil {
			return err
		}
		for entry := range tx.Entries(col.ID) {
			body, _, err := tx.Body(col.ID, entry.Name)
			if err != nil {
				return err
			}
			all.WriteString(strings.ReplaceAll(string(body), "\r\n ", ""))
		}
		return nil
	})
	if err != nil {
		e.t.Fatal(err)
	}
	return all.String()
}

// A booking that needs approval holds its time, is answered by the first who does, and
// the organizer is told.
func TestRequestsForRooms(t *testing.T) {
	boss := calendar.Verdict{By: guid("boss"), Name: "The Boss"}
	approve, deny := boss, boss
	approve.Approve, approve.Comment = true, "bring chairs"
	deny.Comment = "the beamer is broken"
	for name, c := range map[string]struct {
		answer      func(e *env) error
		stat, told  string
		state       rooms.ApprovalState
		thenIsTaken bool
	}{
		"approved": {func(e *env) error { _, err := e.verdict(e.one().ID, approve); return err }, "ACCEPTED", "Approved by The Boss: bring chairs.", rooms.Approved, true},
		"denied":   {func(e *env) error { _, err := e.verdict(e.one().ID, deny); return err }, "DECLINED", "Declined by The Boss: the beamer is broken.", rooms.Denied, false},
		"expired": {func(e *env) error {
			e.now = e.now.Add(72*time.Hour - time.Minute)
			e.settle()
			if got := e.partStats("one"); got != "TENTATIVE" {
				e.t.Errorf("before it expires: %s", got)
			}
			e.now = e.now.Add(time.Minute)
			e.settle()
			return nil
		}, "DECLINED", "Declined: nobody approved until Thu 7 May 2026 12:00.", rooms.Expired, false},
		"by PUT": {func(e *env) error {
			path, text := e.roomCopy("one")
			e.must(204, "boss", "PUT", path, strings.Replace(text, "PARTSTAT=TENTATIVE", "PARTSTAT=ACCEPTED", 1))
			return nil
		}, "ACCEPTED", "", rooms.Approved, true},
		"declined by PUT": {func(e *env) error {
			path, text := e.roomCopy("one")
			e.must(204, "boss", "PUT", path, strings.Replace(text, "PARTSTAT=TENTATIVE", "PARTSTAT=DECLINED", 1))
			return nil
		}, "DECLINED", "", rooms.Denied, false},
	} {
		t.Run(name, func(t *testing.T) {
			e := asking(t, nil)
			if got := e.books("one", "1000"); got != "TENTATIVE" {
				t.Fatalf("%s", got)
			}
			r := e.one()
			if r.UID != "one" || r.Booker != guid("ann") || r.Dates != 1 || !r.Held || r.Start != time.Date(2026, 6, 1, 10, 0, 0, 0, time.UTC).Unix() {
				t.Errorf("%+v", r)
			}
			if got := e.booksAs("bob", "during", "1030"); got != "DECLINED" {
				t.Errorf("what waits is not held: %s", got)
			}
			if err := c.answer(e); err != nil {
				t.Fatal(err)
			}
			if got := e.partStats("one"); got != c.stat {
				t.Errorf("%s, want %s", got, c.stat)
			}
			if !strings.Contains(e.inboxOf("ann"), c.told) {
				t.Errorf("ann is told %s", e.inboxOf("ann"))
			}
			_, err := e.verdict(r.ID, approve)
			answered, ok := errors.AsType[*calendar.AnsweredError](err)
			if !ok || answered.State != c.state {
				t.Errorf("a second answer: %v", err)
			}
			want := "ACCEPTED"
			if c.thenIsTaken {
				want = "DECLINED"
			}
			if got := e.booksAs("bob", "after", "1030"); got != want {
				t.Errorf("then: %s, want %s", got, want)
			}
			e.checkRooms()
		})
	}
}

// booksAs is books for somebody else.
func (e *env) booksAs(who, uid, clock string) string {
	e.t.Helper()
	text := strings.ReplaceAll(bookingOf(uid, clock), "ann@example.com", who+"@example.com")
	path := homeOf(who) + "calendar/" + uid + ".ics"
	if a := e.do(who, "PUT", path, text); a.Status/100 != 2 {
		e.t.Fatalf("%d %s", a.Status, a.Body)
	}
	text = strings.ReplaceAll(e.must(200, who, "GET", path, "").Body, "\r\n ", "")
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "ATTENDEE") && strings.Contains(line, "oak@") {
			_, stat, _ := strings.Cut(line, "PARTSTAT=")
			return stat[:strings.IndexAny(stat, ";:")]
		}
	}
	return ""
}

// What the organizer does with the meeting, while it waits.
func TestRequestsFollowTheMeeting(t *testing.T) {
	series := func(e *env) {
		e.put("one", bookingOf("one", "1000", "RRULE:FREQ=DAILY;COUNT=4"))
	}
	for name, c := range map[string]struct {
		do    func(e *env)
		same  bool // the request is still the same
		dates int
		state rooms.ApprovalState // of the first request, if it is another
	}{
		"text":     {func(e *env) { e.put("one", bookingOf("one", "1000", "LOCATION:Oak")) }, true, 1, ""},
		"moved":    {func(e *env) { e.put("one", bookingOf("one", "1300")) }, false, 1, rooms.Replaced},
		"deleted":  {func(e *env) { e.must(204, "ann", "DELETE", homeOf("ann")+"calendar/one.ics", "") }, false, 0, rooms.Withdrawn},
		"a series": {series, false, 4, rooms.Replaced},
		"a copy of the room's moved": {func(e *env) {
			path, _ := e.roomCopy("one")
			e.must(201, "boss", "MKCALENDAR", homeOf("oak")+"more/", "")
			e.must(201, "boss", "MOVE", path, "", "Destination: http://example.com"+homeOf("oak")+"more/x.ics")
		}, true, 1, ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := asking(t, nil)
			e.books("one", "1000")
			first := e.one()
			c.do(e)
			list := e.requests()
			if c.dates == 0 && len(list) != 0 || c.dates != 0 && (len(list) != 1 || list[0].Dates != c.dates || (list[0].ID == first.ID) != c.same) {
				t.Errorf("open: %+v", list)
			}
			if !c.same {
				_, err := e.verdict(first.ID, calendar.Verdict{Approve: true})
				if answered, ok := errors.AsType[*calendar.AnsweredError](err); !ok || answered.State != c.state {
					t.Errorf("the first one: %v", err)
				}
			}
			e.checkRooms()
		})
	}
}

// A part of a series can be approved, and the rest later.
func TestRequestAnsweredInParts(t *testing.T) {
	e := asking(t, nil)
	e.put("one", bookingOf("one", "1000", "RRULE:FREQ=DAILY;COUNT=4"))
	day := func(n int) int64 { return time.Date(2026, 6, n, 10, 0, 0, 0, time.UTC).Unix() }
	r, err := e.verdict(e.one().ID, calendar.Verdict{Approve: true, Dates: []int64{day(2), day(3)}, By: guid("boss"), Name: "The Boss"})
	if err != nil || r.State != rooms.Open || r.Dates != 2 {
		t.Fatalf("%+v %v", r, err)
	}
	if got := e.partStats("one"); got != "TENTATIVE ACCEPTED ACCEPTED" {
		t.Errorf("%s", got)
	}
	e.checkRooms()
	if r, err = e.verdict(r.ID, calendar.Verdict{By: guid("boss"), Name: "The Boss"}); err != nil || r.State != rooms.Denied {
		t.Fatalf("%+v %v", r, err)
	}
	if got := e.partStats("one"); got != "DECLINED ACCEPTED ACCEPTED" {
		t.Errorf("%s", got)
	}
	if _, err := e.verdict(store.QueueID{Home: r.ID.Home, Rev: 9999}, calendar.Verdict{}); !errors.Is(err, calendar.ErrNoRequest) {
		t.Errorf("%v", err)
	}
	e.checkRooms()
}

// A request that does not hold its time can find it taken: then it still waits.
func TestRequestWithoutHold(t *testing.T) {
	e := asking(t, map[string]string{"pending": "free"})
	e.books("one", "1000")
	if got := e.booksAs("bob", "other", "1030"); got != "ACCEPTED" {
		t.Fatalf("%s", got)
	}
	r := e.one()
	_, err := e.verdict(r.ID, calendar.Verdict{Approve: true, By: guid("boss"), Name: "The Boss"})
	if _, taken := errors.AsType[*calendar.ConflictError](err); !taken || e.one().ID != r.ID || e.partStats("one") != "TENTATIVE" {
		t.Errorf("%v %s", err, e.partStats("one"))
	}
	e.must(204, "bob", "DELETE", homeOf("bob")+"calendar/other.ics", "")
	if _, err := e.verdict(r.ID, calendar.Verdict{Approve: true, By: guid("boss"), Name: "The Boss"}); err != nil || e.partStats("one") != "ACCEPTED" {
		t.Errorf("%v %s", err, e.partStats("one"))
	}
	e.checkRooms()
}

// What nobody answers is accepted, where the room is set so, unless it is taken.
func TestRequestExpiresToAccept(t *testing.T) {
	for taken, want := range map[bool]string{false: "ACCEPTED", true: "DECLINED"} {
		e := asking(t, map[string]string{"pending": "free", "on-expiry": "accept", "remind-after": "0"})
		e.books("one", "1000")
		if taken {
			e.booksAs("bob", "other", "1030")
		}
		e.now = e.now.Add(10 * 24 * time.Hour) // the server was not there
		e.settle()
		e.settle()
		if got := e.partStats("one"); got != want || len(e.requests()) != 0 {
			t.Errorf("taken %t: %s, %d open", taken, got, len(e.requests()))
		}
		e.checkRooms()
	}
}

// Approving what is against the rules is noted with the rules.
func TestRequestAgainstTheRules(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"book": "user:bob", "request-out": "user:ann", "approvers": "user:boss", "max-duration": "30"})
	e.books("one", "1000")
	if r := e.one(); fmt.Sprint(r.Against) != "["+string(policy.CodeMaxDuration)+"]" {
		t.Errorf("%v", r.Against)
	}
	r, err := e.verdict(e.one().ID, calendar.Verdict{Approve: true, By: guid("boss"), Name: "The Boss"})
	if err != nil || e.partStats("one") != "ACCEPTED" || len(r.Against) != 1 {
		t.Errorf("%+v %v", r, err)
	}
}

// Nobody could approve it: it is declined at once, and does not wait for ever.
func TestRequestThatNobodyCanApprove(t *testing.T) {
	e := newEnv(t).withRooms(map[string]string{"book": "user:bob", "request": "user:ann"})
	if got := e.books("one", "1000"); got != "DECLINED" || len(e.requests()) != 0 {
		t.Errorf("%s, %d", got, len(e.requests()))
	}
}

// An answered request is known for a while, and then forgotten.
func TestRequestsAreForgotten(t *testing.T) {
	e := asking(t, nil)
	e.books("one", "1000")
	r := e.one()
	if _, err := e.verdict(r.ID, calendar.Verdict{Approve: true, By: guid("boss"), Name: "The Boss"}); err != nil {
		t.Fatal(err)
	}
	e.now = e.now.AddDate(0, 0, 91)
	e.settle()
	if _, err := e.verdict(r.ID, calendar.Verdict{Approve: true}); !errors.Is(err, calendar.ErrNoRequest) {
		t.Errorf("%v", err)
	}
}

// While the directory is away nothing is decided, and it is not forgotten either.
func TestRequestsWaitForTheDirectory(t *testing.T) {
	e := asking(t, nil)
	e.books("one", "1000")
	id := e.one().ID
	e.rooms = func(context.Context, *directory.Principal) (*policy.Policy, error) {
		return nil, directory.ErrUnavailable
	}
	e.handle(caldav.DefaultLimits())
	if _, err := e.verdict(id, calendar.Verdict{Approve: true}); !errors.Is(err, directory.ErrUnavailable) {
		t.Errorf("%v", err)
	}
	if e.one().ID != id {
		t.Error("the request is another")
	}
}

// Two approvers answer at the same moment: one of them is the first.
func TestFirstAnswerWins(t *testing.T) {
	e := asking(t, nil)
	e.books("one", "1000")
	id := e.one().ID
	errs := make(chan error, 2)
	for _, approve := range []bool{true, false} {
		go func() {
			_, err := e.verdict(id, calendar.Verdict{Approve: approve, By: guid("boss"), Name: "The Boss"})
			errs <- err
		}()
	}
	won := 0
	for range 2 {
		switch err := <-errs; {
		case err == nil:
			won++
		default:
			if _, second := errors.AsType[*calendar.AnsweredError](err); !second {
				t.Errorf("%v", err)
			}
		}
	}
	if got := e.partStats("one"); won != 1 || got == "TENTATIVE" {
		t.Errorf("%d have won, the answer is %s", won, got)
	}
	e.checkRooms()
}

// Who is no approver does not answer, and who is one is named as who sent the answer.
func TestWhoAnswersRequests(t *testing.T) {
	e := asking(t, nil)
	e.books("one", "1000")
	id := e.one().ID
	if _, err := e.verdict(id, calendar.Verdict{Approve: true, By: guid("bob"), Name: "Bob Baker"}); !errors.Is(err, calendar.ErrNotApprover) {
		t.Errorf("%v", err)
	}
	if _, err := e.verdict(id, calendar.Verdict{Approve: true, By: guid("boss"), Name: "The Boss"}); err != nil {
		t.Fatal(err)
	}
	if told := e.inboxOf("ann"); !strings.Contains(told, `SENT-BY="mailto:boss@example.com"`) && !strings.Contains(told, `SENT-BY="urn:x-uid:`+guid("boss")) {
		t.Errorf("ann is told %s", told)
	}
}
