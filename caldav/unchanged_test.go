package caldav_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"convene/caldav"
	"convene/calendar"
	"convene/directory"
	"convene/internal/ical"
	"convene/store"
)

// A written is a meeting that a client of somebody's wrote, for another server.
type written struct{ name, text string }

// writtenMeetings are those of an archive: see testdata/meetings/README.md.
func writtenMeetings(t *testing.T, archive string) (all []written) {
	t.Helper()
	f, err := os.Open("testdata/meetings/" + archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close() // only read
	unzipped, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unzipped); ; {
		h, err := files.Next()
		if err == io.EOF {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(files)
		if err != nil {
			t.Fatal(err)
		}
		if path.Ext(h.Name) == ".ics" {
			all = append(all, written{h.Name, string(text)})
		}
	}
}

var (
	lineEnd  = regexp.MustCompile(`\r?\n`)
	variable = regexp.MustCompile(`\$([a-z]+)(\d*):`)
	today    = regexp.MustCompile(`\$now\.(-?\d+):`)
	uidLine  = regexp.MustCompile(`(?m)^UID:.*\r$`)
	thisYear = regexp.MustCompile(`\$now\.year\.(-?\d+):`)
)

// localized is a text with the people, rooms and days of the test in the place of
// variables, and a UID that no other has.
func (k *talk) localized(w written, number int) string {
	text := lineEnd.ReplaceAllString(strings.TrimPrefix(w.text, "\ufeff"), "\r\n")
	offset := func(found string) int {
		n, err := strconv.Atoi(found[strings.LastIndex(found, ".")+1 : len(found)-1])
		if err != nil {
			k.t.Fatalf("%s: %v", w.name, err)
		}
		return n
	}
	text = thisYear.ReplaceAllStringFunc(text, func(found string) string { return k.now.AddDate(offset(found), 0, 0).Format("2006") })
	text = today.ReplaceAllStringFunc(text, func(found string) string { return k.now.AddDate(0, 0, offset(found)).Format("20060102") })
	text = variable.ReplaceAllStringFunc(text, func(found string) string {
		m := variable.FindStringSubmatch(found)
		return k.value(m[1], m[2])
	})
	return uidLine.ReplaceAllString(text, fmt.Sprintf("UID:written-%d\r", number))
}

// guest is the number of a person who is from elsewhere.
const guest = 3

// value is what stands for a variable: a person, a room or a group by their number, as
// the directory names them, or as somebody from elsewhere if it does not have so many.
func (k *talk) value(name, number string) string {
	n, _ := strconv.Atoi(number) // none: the first
	n, first, last := max(n, 1), 0, firstRoom
	rest, isRoom := strings.CutPrefix(name, "r")
	switch {
	case isRoom, strings.HasPrefix(name, "resource"):
		first, last = firstRoom, theGroup
	case strings.HasPrefix(name, "g"):
		n, first, last = 1, theGroup, theGroup+1
		rest = strings.TrimPrefix(name, "g")
	}
	if first+n > last || first == 0 && n == guest && !strings.HasSuffix(rest, "name") {
		address := fmt.Sprintf("guest%d@elsewhere.example", n)
		if strings.HasSuffix(rest, "email") {
			return address
		}
		return "mailto:" + address
	}
	r := k.staff.records[first+n-1]
	switch {
	case strings.HasSuffix(rest, "name"):
		return r.FullName
	case strings.HasSuffix(rest, "email"):
		return r.Emails[0]
	case strings.HasSuffix(rest, "cuaddrurn"):
		return "urn:uuid:" + r.GUID
	case strings.HasSuffix(rest, "cuaddralt"), strings.HasPrefix(rest, "principal"):
		return "/principals/__uids__/" + r.GUID + "/"
	case strings.HasSuffix(rest, "cuaddr"):
		return "mailto:" + r.Emails[0]
	}
	return name + number
}

// organized is the number of who organizes a meeting, and the meeting with ann as its
// organizer where that is nobody of the directory.
func (k *talk) organized(name, text string) (int, string) {
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		return 0, text // refused, as the test will see
	}
	for _, c := range cal.Children {
		p := c.Prop("ORGANIZER")
		if p == nil {
			continue
		}
		if n := k.staff.whose(p.Value); n >= 0 && n < firstRoom {
			return n, text
		}
		return 0, strings.ReplaceAll(text, ":"+p.Value+"\r\n", ":mailto:ann@example.com\r\n")
	}
	return 0, text
}

// What somebody writes as they have read it changes nothing but for its own ETag, and
// tells nobody: not by the organizer of a meeting, and not by those who have a copy of it.
// The meetings are those that the tests of other servers, clients and libraries are made
// of.
func TestUnchangedMeetings(t *testing.T) { unchangedMeetings(t, onMemory, 1) }

// The same over an engine that runs functions again and lets reads fail.
func TestUnchangedMeetingsOnChaos(t *testing.T) {
	seed := rand.Uint64() >> 12
	t.Logf("seed %d", seed)
	unchangedMeetings(t, onChaos(seed), 10)
}

// unchangedMeetings takes one in so many of the meetings.
func unchangedMeetings(t *testing.T, on storage, every int) {
	const together = 25 // in one store
	const least = 1000
	all := writtenMeetings(t, "caldavtester.tar.gz")
	tester := len(all)
	all = append(all, writtenMeetings(t, "others.tar.gz")...)
	meetings, copies, letters := 0, 0, 0
	var k *talk
	for i := 0; i < len(all); i += every {
		if i/every%together == 0 {
			k = newTalk(t, on)
			k.mail = &calendar.Mail{}
			k.handle(caldav.DefaultLimits())
		}
		before := len(k.letters())
		w := all[i]
		if i >= tester { // which name no people of ours
			w = k.peopled(w)
		}
		n := k.unchanged(w, i)
		letters += len(k.letters()) - before
		if n > 0 {
			meetings++
		}
		copies += n
	}
	t.Logf("%d meetings of %d, %d copies written again, %d letters", meetings, (len(all)+every-1)/every, copies, letters)
	if letters == 0 {
		t.Error("nobody from elsewhere is invited")
	}
	if meetings < least/every {
		t.Errorf("%d meetings, want %d", meetings, least/every)
	}
}

// unchanged invites to a meeting, and lets everybody write their copy as they have read
// it. It returns how many did; 0: the server does not take such a meeting, as some of
// those are that were made to be refused.
func (k *talk) unchanged(w written, number int) (copies int) {
	organizer, text := k.organized(w.name, k.localized(w, number))
	uid := fmt.Sprintf("written-%d", number)
	if a := k.ask(organizer, "PUT", k.home(organizer)+"calendar/"+uid+".ics", text); a.Status != 201 {
		return 0
	}
	for n := range theGroup {
		at := k.place(n, uid)
		if at == "" {
			continue
		}
		who := n
		if n >= firstRoom {
			who = slices.IndexFunc(k.staff.records, func(r directory.Record) bool { return r.Name == "boss" })
		}
		k.writeAgain(w.name, who, at)
		copies++
	}
	return copies
}

// writeAgain lets somebody write what they read.
func (k *talk) writeAgain(name string, who int, at string) {
	read := k.ask(who, "GET", at, "")
	if read.Status != 200 {
		k.t.Errorf("%s: GET %s: %d %s", name, at, read.Status, read.Body)
		return
	}
	places, homes, letters := k.places(), k.revisions(), k.letters()
	a := k.ask(who, "PUT", at, read.Body, "If-Match: "+read.Header.Get("ETag"))
	if a.Status != 204 && a.Status != 201 {
		k.t.Errorf("%s: %s writes what they read: %d %s\n%s", name, k.name(who), a.Status, a.Body, read.Body)
	}
	if again := k.ask(who, "GET", at, ""); again.Body != read.Body {
		k.t.Errorf("%s: %s writes what they read, and it changes:\n%s\n%s", name, k.name(who), read.Body, again.Body)
	}
	after := k.places()
	for _, other := range sortedKeys(places, after) {
		if places[other] != after[other] {
			k.t.Errorf("%s: %s writes what they read, and %s changes:\n%s\n%s", name, k.name(who), other, places[other], after[other])
		}
	}
	if is := k.letters(); !reflect.DeepEqual(is, letters) {
		k.t.Errorf("%s: %s writes what they read, and letters are sent:\n%v\n%v", name, k.name(who), letters, is)
	}
	for n, rev := range k.revisions() {
		if rev != homes[n] && !strings.HasPrefix(at, k.home(n)) {
			k.t.Errorf("%s: %s writes what they read, and the home of %s has another revision", name, k.name(who), k.name(n))
		}
	}
}

// letters are those to people from elsewhere that wait.
func (k *talk) letters() (all []store.Queued) {
	err := k.store.View(context.Background(), func(tx *store.Tx) error {
		all = nil
		for q, err := range tx.Queue() {
			if err != nil {
				return err
			}
			all = append(all, *q)
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}

// revisions are those of all homes, by their owners' numbers: any ETag in them is of such
// a revision.
func (k *talk) revisions() map[int]store.Rev {
	all := map[int]store.Rev{}
	err := k.store.View(context.Background(), func(tx *store.Tx) error {
		clear(all)
		for n := range theGroup {
			home, err := tx.Home(k.staff.records[n].GUID)
			if errors.Is(err, store.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			all[n] = home.Rev
		}
		return nil
	})
	if err != nil {
		k.t.Fatal(err)
	}
	return all
}
