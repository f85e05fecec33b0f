package caldav_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"convene/caldav"
	"convene/delegation"
	"convene/directory"
	"convene/internal/ical"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// A talk is a conversation. Each step is a number, which says what happens as far as
// that can happen after the steps before.
type talk struct {
	*env
	staff *staff
	r     *rand.Rand // of the step
	log   []string

	meetings []*agreed
	devices  map[deviceKey]*cached
}

// An agreed is a meeting, or one that has been.
type agreed struct {
	uid       string
	organizer int
	invited   map[string]bool // GUIDs of all whom somebody has ever invited
}

// A deviceKey is a device of somebody and a meeting in somebody's home.
type deviceKey struct {
	who, owner int
	stale      bool // it does not read before it writes
	uid        string
}

// A cached is what a device has read.
type cached struct {
	body, etag, tag string
	renamed         int // how often somebody had been renamed by then
}

func newTalk(p testing.TB, on storage) *talk {
	k := &talk{staff: newStaff(p), devices: map[deviceKey]*cached{}}
	k.env = newEnvIn(p, &k.staff.dir, on)
	k.rooms = func(_ context.Context, p *directory.Principal) (*policy.Policy, error) {
		c := rooms.Config{}
		return &c.Resolve(p, nil).Policy, nil
	}
	k.handle(caldav.DefaultLimits())
	k.delegate("ann", "bob", delegation.LevelWrite)
	return k
}

// deeds are what may happen, and how often.
var deeds = []struct {
	weight int
	do     func(*talk) string
}{
	{5, (*talk).create}, {12, (*talk).organizerEdits}, {3, (*talk).organizerRemoves}, {14, (*talk).attendeeEdits}, {4, (*talk).attendeeRemoves},
	{2, (*talk).moves}, {1, (*talk).copies}, {1, (*talk).removesCalendar}, {4, (*talk).rename}, {2, (*talk).blocks}, {2, (*talk).roomAnswers},
	{3, (*talk).writesAgain}, {1, (*talk).waits},
}

// step takes one, and looks whether all is well then.
func (k *talk) step(number uint64) {
	k.r = rand.New(rand.NewPCG(number, 0))
	total := 0
	for _, d := range deeds {
		total += d.weight
	}
	at, which := k.r.IntN(total), 0
	for ; at >= deeds[which].weight; which++ {
		at -= deeds[which].weight
	}
	k.log = append(k.log, "…")
	text := deeds[which].do(k)
	if text == "" {
		text = "nothing"
	}
	k.log[len(k.log)-1] = fmt.Sprintf("%2d. %s", len(k.log), text)
	if !k.t.Failed() {
		k.check()
	}
}

// note says what is about to happen, for when it goes wrong.
func (k *talk) note(format string, args ...any) { k.log[len(k.log)-1] = fmt.Sprintf(format, args...) }

// name is what logs call a record, whatever the directory calls it now.
func (k *talk) name(n int) string {
	return []string{"ann", "bob", "cy", "dan", "eve", "fay", "gil", "hal", "boss", "oak", "elm", "team"}[n]
}

func (k *talk) home(n int) string { return homeOf(k.name(n)) }

// ask sends a request of somebody. No request of a conversation is a failure of the
// server's.
func (k *talk) ask(who int, method, path, body string, headers ...string) answer {
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	k.h.Serve(w, r, k.staff.caller(k.t, who))
	if w.Code >= 500 {
		k.t.Fatalf("%s %s by %s: %d %s\n%s", method, path, k.name(who), w.Code, w.Body, body)
	}
	return answer{Status: w.Code, Header: w.Header(), Body: w.Body.String()}
}

// place is where somebody's home has a meeting; "": nowhere.
func (k *talk) place(owner int, uid string) (path string) {
	err := k.store.View(context.Background(), func(tx *store.Tx) error {
		path = ""
		home, err := tx.Home(k.staff.records[owner].GUID)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		col, name, err := tx.ObjectByUIDInHome(home.ID, uid)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err == nil {
			path = k.home(owner) + col.Name + "/" + name
		}
		return err
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return path
}

// read is what a device knows of a meeting: what there is now, or what it read before.
// nil: nothing.
func (k *talk) read(key deviceKey) *cached {
	if c := k.devices[key]; c != nil && key.stale {
		return c
	}
	path := k.place(key.owner, key.uid)
	if path == "" {
		delete(k.devices, key)
		return nil
	}
	a := k.ask(key.who, "GET", path, "")
	if a.Status != 200 {
		k.t.Fatalf("GET %s by %s: %d %s", path, k.name(key.who), a.Status, a.Body)
	}
	c := &cached{body: a.Body, etag: a.Header.Get("ETag"), tag: a.Header.Get("Schedule-Tag"), renamed: k.staff.renamed}
	k.devices[key] = c
	return c
}

// A condition is what a device says to the server to overwrite only what it has seen.
type condition int

const (
	blindly condition = iota
	byETag
	byTag
)

func (c condition) String() string {
	return [...]string{"blindly", "if the ETag matches", "if the Schedule-Tag matches"}[c]
}

// condition is one by chance. Devices that do not read before they write mostly have one.
func (k *talk) condition(stale bool) condition {
	if stale && k.r.IntN(4) > 0 {
		return byETag + condition(k.r.IntN(2))
	}
	return condition(k.r.IntN(3))
}

// write puts a meeting where a device knows it. It returns the status, 0 if there is no
// such thing any more.
func (k *talk) write(key deviceKey, c *cached, body string, when condition) answer {
	path := k.place(key.owner, key.uid)
	if path == "" {
		delete(k.devices, key)
		return answer{}
	}
	var headers []string
	switch {
	case when == byETag:
		headers = append(headers, "If-Match: "+c.etag)
	case when == byTag && c.tag != "":
		headers = append(headers, "If-Schedule-Tag-Match: "+c.tag)
	}
	a := k.ask(key.who, "PUT", path, body, headers...)
	switch {
	case a.Status/100 != 2:
		delete(k.devices, key) // it reads anew
	case a.Header.Get("ETag") != "":
		k.devices[key] = &cached{body, a.Header.Get("ETag"), a.Header.Get("Schedule-Tag"), k.staff.renamed}
	default:
		delete(k.devices, key)
	}
	return a
}

// parse reads what a device has.
func (k *talk) parse(body string) *ical.Draft {
	cal, err := ical.Decode([]byte(body), ical.DefaultLimits)
	if err != nil {
		k.t.Fatalf("%v in %s", err, body)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		k.t.Fatalf("%v in %s", err, body)
	}
	d, err := o.Draft(nil)
	if err != nil {
		k.t.Fatal(err)
	}
	return d
}

// text is what a device writes.
func (k *talk) text(d *ical.Draft) (string, bool) {
	if len(d.RIDs()) == 0 {
		return "", false
	}
	o, err := d.Object()
	if err != nil {
		return "", false // no client would write that
	}
	return string(o.Calendar.Append(nil)), true
}

// instance is one of the first few of what a device has; false: there is none.
func (k *talk) instance(d *ical.Draft) (ical.DateTime, bool) {
	s, err := d.Series()
	if err != nil {
		k.t.Fatal(err)
	}
	var all []ical.DateTime
	for i, err := range s.Instances(0, 1<<40, nil, ical.NewBudget(1000)) {
		if err != nil {
			k.t.Fatal(err)
		}
		if i.RecurrenceID.IsZero() {
			continue
		}
		if all = append(all, s.RID(i.RecurrenceID)); len(all) == 8 {
			break
		}
	}
	if len(all) == 0 || !s.Recurring() && d.Master() != nil {
		return ical.DateTime{}, false
	}
	return all[k.r.IntN(len(all))], true
}

// one is one of some.
func one[T any](k *talk, list ...T) T { return list[k.r.IntN(len(list))] }

// waits lets time pass.
func (k *talk) waits() string {
	k.now = k.now.Add(time.Duration(1+k.r.IntN(600)) * time.Minute)
	return "it is " + k.now.Format(time.RFC3339)
}
