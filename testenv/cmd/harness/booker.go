package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"convene/admin"
)

const (
	roomPath    = "/calendars/locations/oak/calendar/"
	roomAddress = "oak@example.com"
	poolAddress = "rooms@example.com" // of a pool that has the room alone
)

// A booker books the room on every way that there is, one after the other, and gives it
// back.
type booker struct {
	race   *race
	user   string
	random *rand.Rand
	client *http.Client
	count  int

	browser *http.Client // with a session of the pages; nil: not yet

	history  []roomOp // of this round
	refused  error    // an answer that no correct server gives
	failed   error    // there was none
	failedAt int64
}

// slotLength is from one slot to the next. What is booked in one begins in its first
// half hour and ends in its second hour, so that any two overlap.
const slotLength = 2 * time.Hour

// A wish is a meeting that somebody wants to have in the room.
type wish struct {
	slot       int
	name       string
	start, end time.Time
}

// wish draws a time in one of the slots from first on.
func (b *booker) wish(first int) wish {
	b.count++
	return b.at(fmt.Sprintf("%s-%d", b.user, b.count), first+b.random.IntN(slotsPerRound))
}

func (b *booker) at(name string, slot int) wish {
	from := b.race.first.Add(time.Duration(slot) * slotLength)
	quarter := func(first, n int) time.Time {
		return from.Add(time.Duration(first+b.random.IntN(n)) * 15 * time.Minute)
	}
	return wish{slot, name, quarter(0, 3), quarter(4, 4)}
}

// event is the meeting without anybody else; invited are lines for those.
func (w wish) event(invited ...string) string {
	lines := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//harness//EN", "BEGIN:VEVENT", "UID:" + w.name, "DTSTAMP:20260101T000000Z",
		"DTSTART:" + w.start.Format(utcForm), "DTEND:" + w.end.Format(utcForm), "SUMMARY:" + w.name}
	return strings.Join(append(append(lines, invited...), "END:VEVENT", "END:VCALENDAR", ""), "\r\n")
}

// invitation is the meeting with the room.
func (w wish) invitation(user string) string { return w.inviting(user, roomAddress) }

func (w wish) inviting(user, address string) string {
	self := "mailto:" + user + "@example.com"
	return w.event("ORGANIZER:"+self, "ATTENDEE;PARTSTAT=ACCEPTED:"+self, "ATTENDEE;RSVP=TRUE:mailto:"+address)
}

// A way books a slot. It returns where the meeting is then that gives it back when it is
// removed, also if the room was not to be had; "": there is none.
type way func(b *booker, w wish) (path string, won bool, err error)

var ways = []way{
	(*booker).invite, (*booker).invitePool, (*booker).write, transfer("COPY"), transfer("MOVE"),
	(*booker).importOwn, (*booker).importRoom, (*booker).command, (*booker).page,
}

// errAnswer is an answer that no correct server gives here.
var errAnswer = errors.New("unexpected answer")

// book books until stop, or until the server is gone. What it has then it keeps.
func (b *booker) book(stop <-chan struct{}, first int) {
	defer b.client.CloseIdleConnections()
	for {
		err := b.turn(stop, first)
		switch {
		case errors.Is(err, errStopped):
			return
		case errors.Is(err, errAnswer):
			b.refused = err
			return
		case err != nil:
			b.failed, b.failedAt = err, b.race.clock()
			return
		}
	}
}

var errStopped = errors.New("it is over")

// turn books one slot, and if it had it moves it or gives it back.
func (b *booker) turn(stop <-chan struct{}, first int) error {
	select {
	case <-stop:
		return errStopped
	default:
	}
	w := b.wish(first)
	path, won, err := ways[b.random.IntN(len(ways))](b, w)
	if err != nil || path == "" {
		return err
	}
	if !won {
		return b.remove(path)
	}
	select {
	case <-stop:
		return errStopped
	case <-time.After(time.Duration(b.random.IntN(20)) * time.Millisecond):
	}
	if path == b.own(w) && b.random.IntN(3) == 0 {
		next := b.at(w.name, first+b.random.IntN(slotsPerRound))
		if next.slot != w.slot {
			if won, err = b.reschedule(w, next); err != nil || !won {
				return err // the meeting stays without the room
			}
			w = next
		}
	}
	_, err = b.ask(roomOp{slot: w.slot, kind: cancel, name: w.name}, func() (bool, error) { return true, b.remove(path) })
	return err
}

func (b *booker) home() string { return "/calendars/users/" + b.user + "/calendar/" }

// own is where a meeting is in the booker's own calendar.
func (b *booker) own(w wish) string { return b.home() + w.name + ".ics" }

// ask does an operation and notes when, and what became of it.
func (b *booker) ask(op roomOp, do func() (bool, error)) (ok bool, err error) {
	op.called = b.race.clock()
	ok, err = do()
	op.returned = b.race.clock()
	switch {
	case err != nil:
	case ok:
		op.outcome = yes
	default:
		op.outcome = no
	}
	b.history = append(b.history, op)
	return ok, err
}

func (b *booker) asked(w wish, do func() (bool, error)) (bool, error) {
	return b.ask(roomOp{slot: w.slot, kind: book, name: w.name}, do)
}

// invite is the PUT of a meeting with the room.
func (b *booker) invite(w wish) (string, bool, error) { return b.inviting(w, roomAddress) }

// invitePool is the PUT of a meeting with the pool, which has this room to give or none.
func (b *booker) invitePool(w wish) (string, bool, error) { return b.inviting(w, poolAddress) }

func (b *booker) inviting(w wish, address string) (string, bool, error) {
	won, err := b.asked(w, func() (bool, error) {
		a, err := b.expect("PUT", b.own(w), w.inviting(b.user, address), http.StatusCreated)
		if err != nil {
			return false, err
		}
		return taken(a.header.Get("Convene-Booking"))
	})
	return b.own(w), won, err
}

// taken reads the room's answer.
func taken(answer string) (bool, error) {
	switch {
	case strings.Contains(answer, "answer=accepted"):
		return true, nil
	case strings.Contains(answer, "answer=declined; reason=conflict"), strings.Contains(answer, "answer=declined; reason=blocked"):
		return false, nil
	}
	return false, fmt.Errorf("%w of the room: %q", errAnswer, answer)
}

// reschedule moves a meeting to another slot: the room gives back the one and is asked
// for the other, whatever it answers.
func (b *booker) reschedule(from, to wish) (bool, error) {
	n := len(b.history)
	won, err := b.asked(to, func() (bool, error) {
		a, err := b.expect("PUT", b.own(to), to.invitation(b.user), http.StatusNoContent)
		if err != nil {
			return false, err
		}
		return taken(a.header.Get("Convene-Booking"))
	})
	left := b.history[n]
	left.slot, left.kind = from.slot, cancel
	if left.outcome != unknown {
		left.outcome = yes
	}
	b.history = append(b.history, left)
	return won, err
}

// write is the PUT of an event into the room's calendar, by a delegate.
func (b *booker) write(w wish) (string, bool, error) {
	path := roomPath + w.name + ".ics"
	won, err := b.asked(w, func() (bool, error) { return b.into(b.do("PUT", path, w.event())) })
	return ifWon(path, won), won, err
}

func ifWon(path string, won bool) string {
	if won {
		return path
	}
	return ""
}

// into reads the answer to a write into the room's calendar.
func (b *booker) into(a reply, err error) (bool, error) {
	switch {
	case err != nil:
		return false, err
	case a.status == http.StatusCreated:
		return true, nil
	case a.status == http.StatusForbidden && strings.Contains(a.body, "no-conflict"):
		return false, nil
	}
	return false, fmt.Errorf("%w: %d %s", errAnswer, a.status, a.body)
}

// transfer copies or moves an event of the booker's own into the room's calendar.
func transfer(method string) way {
	return func(b *booker, w wish) (string, bool, error) {
		if _, err := b.expect("PUT", b.own(w), w.event(), http.StatusCreated); err != nil {
			return "", false, err
		}
		path := roomPath + w.name + ".ics"
		won, err := b.asked(w, func() (bool, error) {
			return b.into(b.do(method, b.own(w), "", "Destination: http://"+b.host()+path))
		})
		if err == nil && (method == "COPY" || !won) {
			err = b.remove(b.own(w))
		}
		return ifWon(path, won), won, err
	}
}

var hrefs = regexp.MustCompile(`href>([^<]*\.ics)<`)

// importRoom adds an event to the room's calendar as an import does.
func (b *booker) importRoom(w wish) (path string, won bool, err error) {
	won, err = b.asked(w, func() (bool, error) {
		a, err := b.expect("POST", roomPath, w.event(), http.StatusMultiStatus)
		switch {
		case err != nil:
			return false, err
		case strings.Contains(a.body, "no-conflict"):
			return false, nil
		}
		path, err = hrefIn(a)
		return true, err
	})
	return path, won, err
}

// importOwn imports a meeting with the room into the booker's calendar. The room's answer
// is read afterwards, from the meeting.
func (b *booker) importOwn(w wish) (path string, won bool, err error) {
	op := roomOp{slot: w.slot, kind: book, name: w.name, called: b.race.clock()}
	defer func() { b.history = append(b.history, op) }()
	a, err := b.expect("POST", b.home(), w.invitation(b.user), http.StatusMultiStatus)
	if err != nil {
		return "", false, err
	}
	returned := b.race.clock()
	if path, err = hrefIn(a); err != nil {
		return "", false, err
	}
	if won, err = b.accepted(path); err != nil {
		return "", false, err
	}
	op.returned, op.outcome = returned, no
	if won {
		op.outcome = yes
	}
	return path, won, nil
}

func hrefIn(a reply) (string, error) {
	if m := hrefs.FindStringSubmatch(a.body); m != nil {
		return m[1], nil
	}
	return "", fmt.Errorf("%w: %s", errAnswer, a.body)
}

// accepted reads from a meeting of the booker's whether the room has accepted it.
func (b *booker) accepted(path string) (bool, error) {
	all, err := b.readCalendar(path)
	if err != nil {
		return false, err
	}
	switch {
	case len(all) == 1 && all[0].partStat == "ACCEPTED":
		return true, nil
	case len(all) == 1 && all[0].partStat == "DECLINED":
		return false, nil
	}
	return false, fmt.Errorf("%w: %+v", errAnswer, all)
}

// command books as an operator does, through the server's control socket.
func (b *booker) command(w wish) (path string, won bool, err error) {
	conn, err := admin.Dial(context.Background(), b.race.h.config.Server.Data)
	if err != nil {
		return "", false, err
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	won, err = b.asked(w, func() (bool, error) {
		got, err := admin.BookRooms(context.Background(), conn, admin.RoomQuestion{As: b.user, Rooms: []string{"oak"}, Query: url.Values{
			"from": {w.start.Format(time.RFC3339)}, "to": {w.end.Format(time.RFC3339)}, "summary": {w.name},
		}})
		switch {
		case errors.Is(err, admin.ErrDeclined):
			return false, nil
		case err != nil:
			return false, err
		}
		path = got.Path
		return got.Taken, nil
	})
	return path, won, err
}

// signIn gives the booker a session of the browser pages.
func (b *booker) signIn() (*http.Client, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	c := *b.client
	c.Jar, c.CheckRedirect = jar, func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	status, _, err := b.post(&c, "/signin", url.Values{"login": {b.user}, "password": {b.user}})
	if err == nil && status != http.StatusSeeOther {
		err = fmt.Errorf("%w: sign-in: %d", errAnswer, status)
	}
	return &c, err
}

// post sends a form as a browser does.
func (b *booker) post(c *http.Client, path string, form url.Values) (status int, body string, err error) {
	r, err := http.NewRequest(http.MethodPost, "http://"+b.host()+path, strings.NewReader(form.Encode()))
	if err != nil {
		return 0, "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	resp, err := c.Do(r)
	if err != nil {
		return 0, "", err
	}
	text, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text), errors.Join(err, resp.Body.Close())
}

// page books by the button of the browser pages. Where the meeting is then is asked for
// afterwards, by its title.
func (b *booker) page(w wish) (path string, won bool, err error) {
	if b.browser == nil {
		if b.browser, err = b.signIn(); err != nil {
			b.browser = nil
			return "", false, err
		}
	}
	won, err = b.asked(w, func() (bool, error) {
		status, body, err := b.post(b.browser, "/my/rooms/book", url.Values{
			"room": {"locations/oak"}, "from": {w.start.Format(time.RFC3339)}, "for": {strconv.Itoa(int(w.end.Sub(w.start).Minutes()))}, "title": {w.name},
		})
		switch {
		case err != nil:
			return false, err
		case status == http.StatusSeeOther:
			return true, nil
		case status == http.StatusConflict:
			return false, nil
		}
		return false, fmt.Errorf("%w of the page: %d %s", errAnswer, status, body)
	})
	if err != nil || !won {
		return "", won, err
	}
	a, err := b.do("REPORT", b.home(), fmt.Sprintf(`<C:calendar-query xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:D="DAV:"><D:prop><D:getetag/></D:prop>`+
		`<C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match match-type="equals">%s</C:text-match>`+
		`</C:prop-filter></C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`, w.name), "Content-Type: application/xml", "Depth: 1")
	if err != nil {
		return "", true, err
	}
	path, err = hrefIn(a)
	return path, true, err
}

// A reply is what came back.
type reply struct {
	status int
	header http.Header
	body   string
}

func (b *booker) host() string { return fmt.Sprintf("127.0.0.1:%d", b.race.h.http) }

// do sends a request; the error means that there was no answer.
func (b *booker) do(method, path, body string, headers ...string) (reply, error) {
	r, err := http.NewRequest(method, "http://"+b.host()+path, strings.NewReader(body))
	if err != nil {
		return reply{}, err
	}
	r.SetBasicAuth(b.user, b.user)
	r.Header.Set("Content-Type", "text/calendar; charset=utf-8")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	resp, err := b.client.Do(r)
	if err != nil {
		return reply{}, err
	}
	text, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(text)}, errors.Join(err, resp.Body.Close())
}

func (b *booker) expect(method, path, body string, status int) (reply, error) {
	a, err := b.do(method, path, body)
	if err == nil && a.status != status {
		err = fmt.Errorf("%w: %s %s: %d %s", errAnswer, method, path, a.status, a.body)
	}
	return a, err
}

func (b *booker) remove(path string) error {
	_, err := b.expect("DELETE", path, "", http.StatusNoContent)
	return err
}
