package scheduling

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"convene/internal/ical"
)

// The people of the tests: O invites, A, B and C are invited, X has only mail.
// Addresses are NAME@example.com, GUIDs are the names in lower case.
func company() Parties {
	all := Parties{}
	add := func(p *Party, addresses ...string) {
		for _, address := range addresses {
			all[Normalize(address)] = p
		}
	}
	for guid, kind := range map[string]PartyKind{"o": Person, "a": Person, "b": Person, "c": Person, "d": Disabled, "r": Room, "g": Group} {
		p := &Party{Address: CanonicalAddress(guid), GUID: guid, Kind: kind, CN: strings.ToUpper(guid), Emails: []string{guid + "@example.com"}}
		switch guid {
		case "a":
			p.Emails = append(p.Emails, "alias@example.com")
		case "g":
			p.Members = []string{"b", "c"}
		}
		add(p, p.Address, "/principals/__uids__/"+guid+"/", "urn:uuid:"+guid)
		for _, email := range p.Emails {
			add(p, "mailto:"+email)
		}
	}
	add(&Party{Address: "mailto:x@elsewhere.org", Kind: External}, "mailto:x@elsewhere.org")
	add(&Party{Address: "mailto:nobody@example.com", Kind: Unknown}, "mailto:nobody@example.com")
	return all
}

// A mapWorld has no homes: Decide for an organizer reads none.
type mapWorld struct{ Parties }

func (mapWorld) Copy(string, string) (*ical.Object, error) { return nil, nil }
func (mapWorld) Busy(string, int64, int64, string) ([]ical.BusyPeriod, error) {
	return nil, nil
}

var now = time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)

// parse reads the content of a VCALENDAR; lines end in LF.
func parse(t testing.TB, content string) *ical.Object {
	t.Helper()
	if content == "" {
		return nil
	}
	text := "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n" + strings.TrimSpace(content) + "\nEND:VCALENDAR\n"
	cal, err := ical.Decode([]byte(strings.ReplaceAll(text, "\n", "\r\n")), ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// text writes an object with LF, without its VCALENDAR.
func text(o *ical.Object) string {
	if o == nil {
		return ""
	}
	var b []byte
	for _, c := range o.Calendar.Children {
		b = c.Append(b)
	}
	return strings.ReplaceAll(strings.ReplaceAll(string(b), "\r\n ", ""), "\r\n", "\n")
}

// event returns a VEVENT; lines are separated by LF.
func event(props ...string) string {
	return "BEGIN:VEVENT\nUID:u\nDTSTAMP:20240101T000000Z\n" + strings.Join(props, "\n") + "\nEND:VEVENT\n"
}

const (
	at9                   = "DTSTART:20240401T090000Z\nDTEND:20240401T100000Z\nSUMMARY:S"
	week                  = at9 + "\nRRULE:FREQ=WEEKLY;COUNT=6"
	byO                   = "ORGANIZER;CN=O;EMAIL=o@example.com:urn:x-uid:o"
	second, third, fourth = "20240408T090000Z", "20240415T090000Z", "20240422T090000Z"
)

// on returns the start of an override of week.
func on(rid string) string {
	return "RECURRENCE-ID:" + rid + "\nDTSTART:" + rid + "\nDTEND:" + strings.Replace(rid, "T09", "T10", 1) + "\nSUMMARY:S"
}

// att returns ATTENDEE lines: "a b=ACCEPTED c;X-FOO=1".
func att(list string) string {
	var lines []string
	for _, item := range strings.Fields(list) {
		item, params, _ := strings.Cut(item, ";")
		guid, stat, ok := strings.Cut(item, "=")
		if !ok {
			stat = needsAction
		}
		if params != "" {
			params = ";" + params
		}
		lines = append(lines, fmt.Sprintf("ATTENDEE;CN=%s;EMAIL=%s@example.com;PARTSTAT=%s%s:urn:x-uid:%s", strings.ToUpper(guid), guid, stat, params, guid))
	}
	return strings.Join(lines, "\n")
}

// decide runs Decide for O.
func decide(old, new *ical.Object, change func(*Change)) (*Plan, error) {
	parties := company()
	c := Change{Owner: parties["urn:x-uid:o"], Old: old, New: new, Now: now}
	if change != nil {
		change(&c)
	}
	return Decide(c, mapWorld{parties})
}

// summary writes the messages of a plan: "CANCEL a [all]; REQUEST a b [all 20240408T090000Z]".
func summary(p *Plan) string {
	var out []string
	for i := range p.Messages {
		m := &p.Messages[i]
		line := string(m.Method)
		for _, to := range m.To {
			line += " " + strings.TrimPrefix(to.Address, canonicalScheme)
		}
		var rids []string
		if m.Data.Master != nil {
			rids = append(rids, "all")
		}
		for _, c := range m.Data.Overrides {
			rids = append(rids, c.Prop("RECURRENCE-ID").Value)
		}
		out = append(out, line+" ["+strings.Join(rids, " ")+"]")
	}
	return strings.Join(out, "; ")
}

// answersIn writes who answered what: "a=ACCEPTED b=NEEDS-ACTION", for each component.
func answersIn(o *ical.Object) string {
	var out []string
	for c := range components(o) {
		var list []string
		for p := range attendees(c) {
			list = append(list, strings.TrimPrefix(p.Address(), canonicalScheme)+"="+partStat(p))
		}
		slices.Sort(list)
		out = append(out, strings.Join(list, " "))
	}
	return strings.Join(out, " | ")
}
