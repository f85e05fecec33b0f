package scheduling

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"convene/internal/ical"

	"pgregory.net/rapid"
)

// drawAgents draws the parameter of those to whom the server does not deliver: it is one
// in all instances (RFC 6638 §7.1).
func drawAgents(t *rapid.T) map[string]string {
	agents := map[string]string{}
	for _, guid := range []string{"a", "b", "c"} {
		if rapid.IntRange(0, 19).Draw(t, "agent"+guid) == 0 {
			agents[guid] = ";SCHEDULE-AGENT=NONE"
		}
	}
	return agents
}

// drawList draws ATTENDEE lines of some of A, B, C and O.
func drawList(t *rapid.T, label string, agents map[string]string) string {
	all := rapid.Bool().Draw(t, label+"all") // so that often nothing changes
	var list []string
	for _, guid := range []string{"a", "b", "c"} {
		answer := "in"
		if !all {
			answer = rapid.SampledFrom([]string{"out", "in", "accepted", "declined"}).Draw(t, label+guid)
		}
		switch answer {
		case "in":
			list = append(list, guid+agents[guid])
		case "accepted":
			list = append(list, guid+"=ACCEPTED"+agents[guid])
		case "declined":
			list = append(list, guid+"=DECLINED"+agents[guid])
		}
	}
	return att(strings.Join(append(list, "o=ACCEPTED"), " "))
}

// drawMeeting draws a meeting of O: a single event or a series with overrides and
// EXDATEs, in the words of a client that does not mind what was there before.
func drawMeeting(t *rapid.T) string {
	hour := rapid.SampledFrom([]int{8, 8, 8, 8, 9}).Draw(t, "hour")
	agents := drawAgents(t)
	at := func(day, hour int) string { return fmt.Sprintf("202404%02dT%02d0000Z", day, hour) }
	props := []string{"DTSTART:" + at(1, hour), "DTEND:" + at(1, hour+1), byO, drawList(t, "master", agents),
		"SUMMARY:" + rapid.SampledFrom([]string{"S", "S", "S", "T"}).Draw(t, "summary"), fmt.Sprintf("SEQUENCE:%d", rapid.IntRange(0, 2).Draw(t, "sequence"))}
	if rapid.IntRange(0, 9).Draw(t, "single") == 9 {
		return event(props...)
	}
	props = append(props, "RRULE:FREQ=WEEKLY;COUNT="+rapid.SampledFrom([]string{"4", "4", "4", "3"}).Draw(t, "count"))
	if rapid.IntRange(0, 9).Draw(t, "off") == 9 {
		props = append(props, "STATUS:CANCELLED")
	}
	overrides := ""
	for _, day := range []int{8, 15, 22} {
		id := at(day, hour)
		switch rapid.SampledFrom([]string{"series", "series", "excluded", "text", "moved", "cancelled"}).Draw(t, "instance") {
		case "excluded":
			props = append(props, "EXDATE:"+id)
		case "text":
			overrides += event("RECURRENCE-ID:"+id, "DTSTART:"+id, "DTEND:"+at(day, hour+1), byO, drawList(t, "text", agents), "SUMMARY:U")
		case "moved":
			overrides += event("RECURRENCE-ID:"+id, "DTSTART:"+at(day, hour+3), "DTEND:"+at(day, hour+4), byO, drawList(t, "moved", agents))
		case "cancelled":
			overrides += event("RECURRENCE-ID:"+id, "DTSTART:"+id, "DTEND:"+at(day, hour+1), byO, drawList(t, "cancelled", agents), "STATUS:CANCELLED")
		}
	}
	return event(props...) + overrides
}

func parseRapid(t *rapid.T, content string) *ical.Object {
	cal, err := ical.Decode([]byte(strings.ReplaceAll("BEGIN:VCALENDAR\nVERSION:2.0\n"+content+"END:VCALENDAR\n", "\n", "\r\n")), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func decideRapid(t *rapid.T, old, new *ical.Object) *Plan {
	p, err := decide(old, new, nil)
	if err != nil {
		t.Fatal(err)
	}
	if p.Store != nil {
		checkStored(t, p.Store)
	}
	for i := range p.Messages {
		if _, err := ical.NewObject(p.Messages[i].Data.Calendar); err != nil {
			t.Fatalf("message %d: %v\n%s", i, err, text(p.Messages[i].Data))
		}
	}
	return p
}

// checkStored checks what holds for all that is stored: it is one object, addresses
// are canonical, and no orders of the client are left in it.
func checkStored(t *rapid.T, o *ical.Object) {
	cal, err := ical.Decode(o.Calendar.Append(nil), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ical.NewObject(cal); err != nil {
		t.Fatalf("%v\n%s", err, text(o))
	}
	for c := range components(o) {
		for p := range attendees(c) {
			if GUIDOf(p.Address()) == "" || p.Has("SCHEDULE-FORCE-SEND") {
				t.Fatalf("stored: %s", c.Append(nil))
			}
		}
	}
}

// What comes back as it was sends nothing and changes nothing: as it is stored, and as
// clients see it.
func TestSameAgain(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := decideRapid(t, nil, parseRapid(t, drawMeeting(t)))
		stored := WithStatuses(p.Store, RoleOrganizer, map[string]string{"urn:x-uid:a": "1.2", "urn:x-uid:b": "2.0"})
		was := stored.Calendar.Append(nil)
		seen := Wire(stored.Calendar, MailAddresses)
		if bytes.Contains(seen.Append(nil), []byte("urn:x-uid:")) {
			t.Fatalf("clients see\n%s", seen.Append(nil))
		}
		read, err := ical.Decode(seen.Append(nil), ical.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		put, err := ical.NewObject(read)
		if err != nil {
			t.Fatal(err)
		}
		for _, new := range []*ical.Object{stored, put} {
			again := decideRapid(t, stored, new)
			if len(again.Messages) > 0 || !bytes.Equal(again.Store.Calendar.Append(nil), was) || again.Tag != TagKeep {
				t.Fatalf("messages %q, tag %d, stored\n%s\nwas\n%s", summary(again), again.Tag, text(again.Store), text(stored))
			}
		}
	})
}

// A copyModel is an attendee's copy as messages make it, by instance.
type copyModel map[ical.DateTime]*ical.Component

// apply does what a message says (RFC 5546 §3.2.2, §3.2.5).
func (c copyModel) apply(t *rapid.T, m *Message) {
	d, err := m.Data.Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	if m.Data.Master != nil {
		clear(c)
	}
	for _, rid := range d.RIDs() {
		c[rid] = d.At(rid)
		if m.Method == Cancel {
			c[rid] = nil
		}
	}
}

// at returns what the copy has of an instance; nil if there is nothing.
func (c copyModel) at(t *rapid.T, rid ical.DateTime) *ical.Component {
	if own, ok := c[rid]; ok || c[master] == nil {
		return live(own)
	}
	d, err := parseRapid(t, strings.ReplaceAll(string(c[master].Append(nil)), "\r\n", "\n")).Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	own, err := d.Derive(rid)
	if err != nil {
		t.Fatal(err)
	}
	return live(own)
}

// live returns c unless it is cancelled.
func live(c *ical.Component) *ical.Component {
	if c == nil || isCancelled(c) {
		return nil
	}
	return c
}

// drawAnswers lets attendees answer, in instances that have a component.
func drawAnswers(t *rapid.T, o *ical.Object) *ical.Object {
	d, err := o.Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rid := range d.RIDs() {
		eachLine(d, rid, func(address string, p *ical.Property) {
			if answer := rapid.SampledFrom([]string{"", "ACCEPTED", "TENTATIVE"}).Draw(t, "answer"); answer != "" && byServer(p) {
				p.SetParam("PARTSTAT", answer)
			}
		})
	}
	if o, err = d.Object(); err != nil {
		t.Fatal(err)
	}
	return o
}

// After each change, every attendee's copy has the instances that they are invited to,
// as the organizer has them, and no others; nobody has answered but themselves; old
// answers do not outlive a new time; no SEQUENCE falls.
func TestCopiesFollow(t *testing.T) {
	instances := []string{"20240401T080000Z", "20240408T080000Z", "20240415T080000Z", "20240422T080000Z",
		"20240401T090000Z", "20240408T090000Z", "20240415T090000Z", "20240422T090000Z"}
	rapid.Check(t, func(t *rapid.T) {
		copies := map[string]copyModel{"a": {}, "b": {}, "c": {}}
		var stored *ical.Object
		for range rapid.IntRange(2, 4).Draw(t, "changes") {
			put := parseRapid(t, drawMeeting(t))
			if stored != nil {
				stored = drawAnswers(t, stored)
			}
			old := stored
			p := decideRapid(t, old, put)
			stored = p.Store
			for i := range p.Messages {
				for _, to := range p.Messages[i].To {
					checkMessage(t, &p.Messages[i], to)
					copies[to.GUID].apply(t, &p.Messages[i])
				}
			}
			d, err := stored.Draft(nil)
			if err != nil {
				t.Fatal(err)
			}
			for guid, copied := range copies {
				for _, instance := range instances {
					rid, err := ical.ParseDateTime(instance, "", false, nil)
					if err != nil {
						t.Fatal(err)
					}
					checkInstance(t, d, guid, rid, copied.at(t, rid), summary(p))
				}
			}
			if old != nil {
				checkAnswers(t, old, d)
			}
		}
		off := decideRapid(t, stored, nil)
		for i := range off.Messages {
			copies[off.Messages[i].To[0].GUID].apply(t, &off.Messages[i])
		}
		for guid, copied := range copies {
			for _, instance := range instances {
				rid, _ := ical.ParseDateTime(instance, "", false, nil)
				if c := copied.at(t, rid); c != nil {
					t.Fatalf("%s still has %s after it is all off", guid, instance)
				}
			}
		}
	})
}

// checkMessage checks that a message says nothing that its recipient is not to know.
func checkMessage(t *rapid.T, m *Message, to *Party) {
	for c := range components(m.Data) {
		if serverLine := serverAttendee(c, to.Address); serverLine == nil {
			t.Fatalf("%s gets what they are not in:\n%s", to.GUID, text(m.Data))
		}
	}
	if bytes.Contains(m.Body().Append(nil), []byte("SCHEDULE-")) {
		t.Fatalf("between client and server:\n%s", text(m.Data))
	}
}

// checkInstance checks what somebody has of one instance.
func checkInstance(t *rapid.T, d *ical.Draft, guid string, rid ical.DateTime, got *ical.Component, messages string) {
	want, err := d.Effective(rid)
	if err != nil {
		t.Fatal(err)
	}
	want = live(want)
	if want != nil && serverAttendee(want, CanonicalAddress(guid)) == nil {
		want = nil
	}
	if (got == nil) != (want == nil) {
		t.Fatalf("%s has %v of %s, want %v; messages %s; stored\n%s", guid, got != nil, rid, want != nil, messages, text(d.Original()))
	}
	if got == nil {
		return
	}
	differ := DefaultOptions().differ()
	ignored := differ.IgnoreParam
	differ.IgnoreParam = func(property, param string) bool { return param == "PARTSTAT" || ignored(property, param) }
	if diff := differ.Diff(want, nil, got, nil); diff != nil {
		t.Fatalf("%s has %s otherwise in %v; messages %s\n%s", guid, rid, diff, messages, got.Append(nil))
	}
}

// checkAnswers checks the answers in a changed meeting, and its SEQUENCEs.
func checkAnswers(t *rapid.T, old *ical.Object, d *ical.Draft) {
	before, err := old.Draft(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, rid := range d.RIDs() {
		was, err := before.Effective(rid)
		if err != nil {
			t.Fatal(err)
		}
		is := d.At(rid)
		if sequenceOf(is) < highestSequence(before) {
			t.Fatalf("SEQUENCE fell to %d", sequenceOf(is))
		}
		for p := range attendees(is) {
			if p.Address() == "urn:x-uid:o" || !byServer(p) || partStat(p) == needsAction {
				continue
			}
			q := attendeeOf(was, p.Address())
			if q == nil || partStat(q) != partStat(p) {
				t.Fatalf("somebody answered for %s at %s", p.Address(), rid)
			}
			if was.Prop("DTSTART").Value != is.Prop("DTSTART").Value {
				t.Fatalf("%s has answered another time of %s", p.Address(), rid)
			}
		}
	}
}
