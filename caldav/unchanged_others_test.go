package caldav_test

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"convene/caldav"
	"convene/calendar"
	"convene/internal/ical"
)

// meetingsIn are the meetings of all .ics files below a folder, each as a client would
// write it: files of several calendars and of messages are taken apart. unread is how many
// files are no calendar to us.
func meetingsIn(t *testing.T, folder string) (all []written, unread int) {
	t.Helper()
	err := filepath.WalkDir(folder, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.EqualFold(filepath.Ext(name), ".ics") {
			return err
		}
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		unfolded := lineEnd.ReplaceAllString(strings.TrimPrefix(string(text), "\ufeff"), "\r\n")
		cal, err := ical.Decode([]byte(unfolded), ical.DefaultLimits)
		if err != nil {
			unread++
			return nil
		}
		var uids []string
		objects := map[string]*ical.Component{}
		for _, c := range cal.Children {
			if c.Name != "VEVENT" || c.Prop("ORGANIZER") == nil || c.Prop("ATTENDEE") == nil || c.Prop("UID") == nil {
				continue
			}
			uid := c.Prop("UID").Value
			if objects[uid] == nil {
				uids = append(uids, uid)
				object := cal.Clone()
				object.Remove("METHOD")
				object.RemoveChildren(func(o *ical.Component) bool {
					return o.Name != "VTIMEZONE" && (o.Name != "VEVENT" || o.Prop("UID") == nil || o.Prop("UID").Value != uid)
				})
				objects[uid] = object
			}
		}
		for i, uid := range uids {
			all = append(all, written{fmt.Sprintf("%s %d", name, i), string(objects[uid].Append(nil))})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all, unread
}

// withAttendees puts people of the directory into the places of the first attendees of a
// meeting, so that others than its organizer have copies of it.
func (k *talk) withAttendees(text string, organizer int) string {
	cal, err := ical.Decode([]byte(text), ical.DefaultLimits)
	if err != nil {
		return text // refused, as the test will see
	}
	var mine []int
	for n := range firstRoom {
		if n != organizer {
			mine = append(mine, n)
		}
	}
	known := map[string]string{}
	for _, c := range cal.Children {
		own := ""
		if p := c.Prop("ORGANIZER"); p != nil {
			own = p.Address()
		}
		for i := range c.Props {
			p := &c.Props[i]
			if p.Name != "ATTENDEE" || p.Address() == own {
				continue
			}
			address := p.Address()
			if known[address] == "" && len(mine) > 0 {
				known[address] = "mailto:" + k.staff.records[mine[0]].Emails[0]
				mine = mine[1:]
			}
			if known[address] != "" {
				p.Value = known[address]
			}
		}
	}
	return string(cal.Append(nil))
}

// peopled is a meeting of people of the directory, in place of those whom it names.
func (k *talk) peopled(w written) written {
	organizer, text := k.organized(w.name, w.text)
	return written{w.name, k.withAttendees(text, organizer)}
}

// What was read changes nothing when it is written, whoever's meetings they are: those of
// the files in a folder, such as the test data of other projects.
func TestUnchangedMeetingsOfOthers(t *testing.T) {
	folder := cmp.Or(os.Getenv("CONVENE_MEETINGS"), "../web/edit/testdata") // that of make meetings, or what forms make
	const together = 25                                                     // in one store
	all, unread := meetingsIn(t, folder)
	var k *talk
	taken, copies := 0, 0
	var refused []string
	for i, w := range all {
		if i%together == 0 {
			k = newTalk(t, onMemory)
			k.mail = &calendar.Mail{}
			k.handle(caldav.DefaultLimits())
		}
		if n := k.unchanged(k.peopled(w), i); n > 0 {
			taken++
			copies += n
		} else {
			refused = append(refused, w.name)
		}
	}
	slices.Sort(refused)
	t.Logf("%d meetings of %d, %d copies written again; %d files are no calendars", taken, len(all), copies, unread)
	t.Logf("refused: %s", strings.Join(refused, ", "))
	if taken == 0 {
		t.Error("no meeting was taken")
	}
}
