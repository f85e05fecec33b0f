package scheduling

import (
	"errors"
	"strings"
	"testing"

	"convene/internal/ical"
)

// A heldWorld has the homes of mapWorld, and objects of one UID in them.
type heldWorld struct {
	mapWorld
	held map[string]*ical.Object // by GUID
}

func (w heldWorld) Copy(guid, _ string) (*ical.Object, error) { return w.held[guid], nil }

// organizersIn are the ORGANIZER lines of an object, one for each component.
func organizersIn(o *ical.Object) string {
	var list []string
	for l := range strings.SplitSeq(text(o), "\n") {
		if strings.HasPrefix(l, "ORGANIZER") {
			list = append(list, l)
		}
	}
	return strings.Join(list, "\n")
}

// C writes for O: what is stored in O's home, and what messages say.
func TestOnBehalf(t *testing.T) {
	const (
		byC       = "ORGANIZER;CN=C;EMAIL=c@example.com:urn:x-uid:c"
		byA       = "ORGANIZER;CN=A;EMAIL=a@example.com:urn:x-uid:a"
		signedByC = `ORGANIZER;CN=O;EMAIL=o@example.com;SENT-BY="mailto:c@example.com":urn:x-uid:o`
		signedByB = `ORGANIZER;CN=O;EMAIL=o@example.com;SENT-BY="mailto:b@example.com":urn:x-uid:o`
	)
	series := func(organizer string) string {
		return event(week, organizer, att("o=ACCEPTED a")) + event(on(second), organizer, att("o=ACCEPTED a"))
	}
	one := func(organizer, list string) string { return event(at9, organizer, att(list)) }
	owner := func(c *Change) { c.Caller = nil }
	by := func(s SentBy) func(*Change) {
		return func(c *Change) { c.Options = DefaultOptions(); c.Options.SentBy = s }
	}
	for name, tt := range map[string]struct {
		given, put string
		held       string // in C's own home
		heldByA    string
		change     func(*Change)
		refused    string
		organizers string // of what is stored
		messages   string
		sender     string // SENT-BY of the first message, in the line of its sender
		claimed    string
		lacks      string // in what is stored
	}{
		"the owner organizes":            {put: one(byO, "a"), organizers: signedByC, messages: "REQUEST a [all]", sender: "mailto:c@example.com"},
		"all components":                 {put: series(byO), organizers: signedByC + "\n" + signedByC, messages: "REQUEST a [all " + second + "]", sender: "mailto:c@example.com"},
		"the assistant as organizer":     {put: one(byC, "a"), organizers: signedByC, messages: "REQUEST a [all]", sender: "mailto:c@example.com", lacks: "urn:x-uid:c"},
		"the assistant by mail address":  {put: one("ORGANIZER:mailto:C@example.com", "a"), organizers: signedByC, messages: "REQUEST a [all]", sender: "mailto:c@example.com"},
		"the assistant is invited too":   {put: one(byC, "a c"), organizers: signedByC, messages: "REQUEST a c [all]", sender: "mailto:c@example.com"},
		"nobody as organizer":            {put: event(week, att("a")) + event(on(second), att("a")), organizers: signedByC + "\n" + signedByC, messages: "REQUEST a [all " + second + "]", sender: "mailto:c@example.com"},
		"neither organizer nor attendee": {put: event(at9)},
		"organizer in one component":     {put: event(week, byC, att("a")) + event(on(second), att("a")), organizers: signedByC + "\n" + signedByC, messages: "REQUEST a [all " + second + "]", sender: "mailto:c@example.com"},
		"two organizers":                 {put: event(week, byO, att("a")) + event(on(second), byC, att("a")), refused: "single-organizer"},

		"assistant takes a meeting over":        {given: one(byO, "a"), put: one(byC, "a"), refused: "valid-organizer-change"},
		"assistant makes a meeting of an event": {given: event(at9), put: one(byC, "a"), refused: "valid-organizer-change"},
		"attendees come without an organizer":   {given: event(at9), put: event(at9, att("a")), refused: "organizer-allowed"},
		"organizer goes, attendees stay":        {given: one(byO, "a"), put: event(at9, att("a")), refused: "organizer-allowed"},
		"third person, owner invited":           {put: one(byA, "o"), heldByA: one(byA, "o"), organizers: byA},
		"third person, owner not invited":       {put: one(byA, "b"), heldByA: one(byA, "b"), refused: "attendee-allowed"},
		"third person elsewhere, not invited":   {put: event(at9, "ORGANIZER:mailto:x@elsewhere.org", att("b")), refused: "attendee-allowed"},
		"third person, client delivers":         {put: event(at9, "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org", att("b")), organizers: "ORGANIZER;SCHEDULE-AGENT=CLIENT:mailto:x@elsewhere.org"},
		"third person, has been there":          {given: event(at9, "ORGANIZER:mailto:x@elsewhere.org", att("b")), put: event(at9, "ORGANIZER:mailto:x@elsewhere.org", att("b"), "X-FOO:1"), organizers: "ORGANIZER;SCHEDULE-AGENT=NONE;SCHEDULE-STATUS=5.3:mailto:x@elsewhere.org"},
		"the assistant's own meeting":           {put: one(byC, "o a"), held: one(byC, "o a"), organizers: byC},
		"the assistant's own, owner not in it":  {put: one(byC, "a"), held: one(byC, "a"), refused: "attendee-allowed"},

		"answer for the owner": {given: one(byA, "o b"), put: one(byA, "o=ACCEPTED b"), heldByA: one(byA, "o b"), organizers: byA,
			messages: "REPLY a [all]", sender: "mailto:c@example.com", lacks: "SENT-BY"},
		"answer for the owner in the assistant's meeting": {given: one(byC, "o b"), put: one(byC, "o=ACCEPTED b"), held: one(byC, "o b"), organizers: byC,
			messages: "REPLY c [all]", sender: "mailto:c@example.com", lacks: "SENT-BY"},
		"the assistant answers for nobody else": {given: one(byA, "o c"), put: one(byA, "o c=ACCEPTED"), heldByA: one(byA, "o c"), organizers: byA, lacks: "c@example.com;PARTSTAT=ACCEPTED"},
		"owner answers": {given: one(byA, "o b"), put: one(byA, "o=ACCEPTED;SENT-BY=\"mailto:b@example.com\" b"), heldByA: one(byA, "o b"), change: owner, organizers: byA,
			messages: "REPLY a [all]"},

		"client's own, another address of the assistant's": {put: one(strings.Replace(signedByC, "mailto:c@", "MAILTO:C@", 1), "a"),
			organizers: strings.Replace(signedByC, "mailto:c@", "MAILTO:C@", 1), messages: "REQUEST a [all]", sender: "MAILTO:C@example.com"},
		"client's own, of somebody else": {put: one(signedByB, "a"), organizers: signedByC, messages: "REQUEST a [all]", sender: "mailto:c@example.com", claimed: "mailto:b@example.com"},
		"of who wrote it before": {given: one(signedByB, "a"), put: strings.Replace(one(signedByB, "a"), "SUMMARY:S", "SUMMARY:T", 1),
			organizers: signedByC, messages: "REQUEST a [all]", sender: "mailto:c@example.com"},
		"owner writes later":                 {given: one(signedByC, "a"), put: strings.Replace(one(signedByC, "a"), "SUMMARY:S", "SUMMARY:T", 1), change: owner, organizers: byO, messages: "REQUEST a [all]"},
		"owner changes what others see not":  {given: one(signedByC, "a"), put: strings.Replace(one(signedByC, "a"), "SUMMARY:S", "SUMMARY:S\nX-FOO:1", 1), change: owner, organizers: byO},
		"owner writes what they read":        {given: one(signedByC, "a"), put: one(signedByC, "a"), change: owner, organizers: signedByC},
		"assistant writes what they read":    {given: one(byO, "a"), put: one(byO, "a"), organizers: byO},
		"owner removes what C wrote":         {given: one(signedByC, "a"), change: owner, messages: "CANCEL a [all]"},
		"assistant removes what O wrote":     {given: one(byO, "a"), messages: "CANCEL a [all]", sender: "mailto:c@example.com"},
		"in messages only":                   {put: one(byC, "a"), change: by(SentByMessages), organizers: byO, messages: "REQUEST a [all]", sender: "mailto:c@example.com"},
		"in messages only, what was stored":  {given: one(signedByC, "a"), put: strings.Replace(one(signedByC, "a"), "SUMMARY:S", "SUMMARY:S\nX-FOO:1", 1), change: by(SentByMessages), organizers: byO},
		"nowhere":                            {put: one(signedByC, "a"), change: by(SentByNever), organizers: byO, messages: "REQUEST a [all]"},
		"an answer, nowhere":                 {given: one(byA, "o"), put: one(byA, "o=ACCEPTED"), heldByA: one(byA, "o"), change: by(SentByNever), organizers: byA, messages: "REPLY a [all]"},
		"a room is written to by who may":    {put: event(at9, att("a")), change: roomOwns, lacks: "ORGANIZER"},
		"a room does not invite for anybody": {put: one(byC, "a"), change: roomOwns, organizers: strings.Replace(byC, "EMAIL=c@example.com", "EMAIL=c@example.com;SCHEDULE-AGENT=NONE;SCHEDULE-STATUS=5.3", 1)},
	} {
		t.Run(name, func(t *testing.T) {
			parties := company()
			w := heldWorld{mapWorld{parties}, map[string]*ical.Object{"c": parse(t, tt.held), "a": parse(t, tt.heldByA)}}
			c := Change{Owner: parties["urn:x-uid:o"], Caller: parties["urn:x-uid:c"], Old: parse(t, tt.given), New: parse(t, tt.put), Now: now}
			if tt.change != nil {
				tt.change(&c)
			}
			p, err := Decide(c, w)
			if refusal, ok := errors.AsType[*Refusal](err); ok && tt.refused != "" {
				if refusal.Condition.Local != tt.refused {
					t.Errorf("refused: %v, want %s", err, tt.refused)
				}
				return
			}
			if err != nil || tt.refused != "" {
				t.Fatalf("error %v, want %q", err, tt.refused)
			}
			if got := organizersIn(p.Store); got != tt.organizers {
				t.Errorf("stored:\n%s\nwant\n%s", got, tt.organizers)
			}
			if tt.lacks != "" && strings.Contains(text(p.Store), tt.lacks) {
				t.Errorf("stored: %s", text(p.Store))
			}
			if got := summary(p); got != tt.messages {
				t.Errorf("messages %s, want %s", got, tt.messages)
			}
			if p.Claimed != tt.claimed {
				t.Errorf("claimed %q, want %q", p.Claimed, tt.claimed)
			}
			for i := range p.Messages {
				if got := sendersOf(&p.Messages[i]); got != tt.sender {
					t.Errorf("message %d is sent by %q, want %q", i, got, tt.sender)
				}
			}
		})
	}
}

// roomOwns makes a room the owner of the home.
func roomOwns(c *Change) { c.Owner = company()["urn:x-uid:r"] }

// sendersOf are the SENT-BYs in all components of a message, in the line of whoever
// sends it; those that differ are joined. Others must have none.
func sendersOf(m *Message) string {
	seen := map[string]bool{}
	for _, c := range m.Body().Children {
		for i, p := range c.Props {
			if i == m.senderLine(c) {
				seen[p.Param(sentBy)] = true
			} else if p.Has(sentBy) {
				seen[p.Name+" "+p.Param(sentBy)] = true
			}
		}
	}
	var list []string
	for s := range seen {
		list = append(list, s)
	}
	return strings.Join(list, ",")
}

// Copies of attendees say what is stored: with "messages", nobody is named in them.
func TestSentByInCopies(t *testing.T) {
	for mode, want := range map[SentBy]bool{SentByAlways: true, SentByMessages: false, SentByNever: false} {
		parties := company()
		w := mapWorld{parties}
		o := DefaultOptions()
		o.SentBy = mode
		p, err := Decide(Change{Owner: parties["urn:x-uid:o"], Caller: parties["urn:x-uid:c"], New: parse(t, event(at9, byO, att("a"))), Now: now, Options: o}, w)
		if err != nil {
			t.Fatal(err)
		}
		writes, err := Converse(p, w, o)
		if err != nil {
			t.Fatal(err)
		}
		if len(writes.Copies) != 1 || len(writes.Inbox) != 1 {
			t.Fatalf("%d copies, %d messages", len(writes.Copies), len(writes.Inbox))
		}
		if got := strings.Contains(text(writes.Copies[0].Store), "SENT-BY"); got != want {
			t.Errorf("%d: the copy has SENT-BY: %v", mode, got)
		}
		body := string(writes.Inbox[0].Message.Body().Append(nil))
		if got := strings.Contains(body, "SENT-BY"); got != (mode != SentByNever) {
			t.Errorf("%d: the message has SENT-BY: %v", mode, got)
		}
	}
}
