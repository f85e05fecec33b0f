package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"convene/internal/ical"
	"convene/rooms/policy"
)

// The world of the tests: rooms in Berlin, asked on 24 November 2026 at 10:00 there.
// D is the first of December, a Tuesday.
const (
	neptune = "mailto:neptune@example.com"
	ann     = "mailto:ann@example.com"
	bob     = "mailto:bob@example.com"
	dan     = "mailto:dan@example.com"
	visitor = "mailto:who@else.example"
)

func at(t testing.TB, s string) int64 {
	t.Helper()
	zone, err := ical.LoadZone("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	d, err := ical.ParseDateTime(strings.NewReplacer("-", "", ":", "", " ", "T").Replace(s)+"00", "", false, nil)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return d.Unix(zone)
}

func now(t testing.TB) int64 { return at(t, "2026-11-24 10:00") }

// set returns the policy of a room with some knobs set by command.
func set(t testing.TB, knobs ...string) *policy.Policy {
	t.Helper()
	local := policy.Layer{Source: "local", Values: map[string]string{"timezone": "Europe/Berlin"}}
	for _, k := range knobs {
		name, value, _ := strings.Cut(k, "=")
		local.Values[name] = value
	}
	r := policy.Resolve(policy.Location, "neptune", policy.Layers{Local: local})
	for _, b := range r.Bad {
		t.Fatal(b.Err)
	}
	return &r.Policy
}

// A meeting is written as an event of the form that clients send.
type meeting struct {
	uid       string // "m"
	organizer string // ann; "-" for none
	start     string // "2026-12-01 10:00"
	end       string // an hour later if ""
	stat      string // NEEDS-ACTION
	param     string // of the room's line: ";RSVP=TRUE"
	lines     []string
	overrides []string // whole components
	noMaster  bool
}

func local(s string) string {
	return "TZID=Europe/Berlin:" + strings.NewReplacer("-", "", ":", "", " ", "T").Replace(s) + "00"
}

func (m meeting) text(t testing.TB) string {
	uid, organizer, stat := m.uid, m.organizer, m.stat
	if uid == "" {
		uid = "m"
	}
	if organizer == "" {
		organizer = ann
	}
	if stat == "" {
		stat = "NEEDS-ACTION"
	}
	end := m.end
	if end == "" {
		end = m.start[:11] + fmt.Sprintf("%02d", (int(m.start[11]-'0')*10+int(m.start[12]-'0')+1)%24) + m.start[13:]
	}
	lines := []string{"UID:" + uid, "DTSTAMP:20261124T090000Z", "DTSTART;" + local(m.start), "DTEND;" + local(end), "SUMMARY:Planning"}
	if organizer != "-" {
		lines = append(lines, "ORGANIZER:"+organizer, "ATTENDEE;PARTSTAT=ACCEPTED:"+organizer,
			"ATTENDEE;CUTYPE=ROOM;PARTSTAT="+stat+m.param+":"+neptune)
	}
	lines = append(lines, m.lines...)
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n")
	if !m.noMaster {
		b.WriteString("BEGIN:VEVENT\r\n" + strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\n")
	}
	for _, o := range m.overrides {
		b.WriteString(o)
	}
	b.WriteString("END:VCALENDAR\r\n")
	return b.String()
}

func (m meeting) object(t testing.TB) *ical.Object {
	t.Helper()
	return parse(t, m.text(t))
}

// override returns one date of a meeting as a component of its own.
func (m meeting) override(t testing.TB, rid, start string, stat string) string {
	m.start, m.end, m.stat, m.overrides, m.noMaster = start, "", stat, nil, false
	text := m.text(t)
	text = text[strings.Index(text, "BEGIN:VEVENT"):strings.Index(text, "END:VCALENDAR")]
	kept := strings.Builder{}
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "RRULE") {
			kept.WriteString(line)
		}
	}
	return strings.Replace(kept.String(), "DTSTART", "RECURRENCE-ID;"+local(rid)+"\r\nDTSTART", 1)
}

func parse(t testing.TB, text string) *ical.Object {
	t.Helper()
	cal, err := ical.Decode([]byte(text), ical.Limits{})
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	o, err := ical.NewObject(cal)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return o
}

// facts returns what the directory says when ann books.
func facts() *policy.Facts {
	return &policy.Facts{
		GUID: "N", Name: "Neptune", Addresses: []string{neptune},
		Booker: policy.PersonID{GUID: "A", Groups: []string{"STAFF", "EXECS"}},
		IDs:    map[string]string{"group:staff": "STAFF", "group:execs": "EXECS", "user:dan": "D", "user:bob": "B", "user:ann": "A"},
		Parties: map[string]policy.Party{
			neptune: {GUID: "N", Room: true}, ann: {GUID: "A"}, bob: {GUID: "B"}, dan: {GUID: "D"},
			"mailto:projector@example.com": {GUID: "P", Room: true},
			"mailto:six@example.com":       {GUID: "SIX", Members: []string{"1", "2", "3", "4", "5", "6"}},
		},
	}
}

func asks(guid string, groups ...string) *policy.Facts {
	f := facts()
	f.Booker = policy.PersonID{GUID: guid, Groups: groups}
	return f
}

// taken returns a ledger with bookings of other meetings: "2026-12-01 10:00/11:00".
func taken(t testing.TB, spans ...string) *policy.Bookings {
	t.Helper()
	var list []policy.Booking
	for i, s := range spans {
		from, to, _ := strings.Cut(s, "/")
		if len(to) == 5 {
			to = from[:11] + to
		}
		list = append(list, policy.Booking{Span: policy.Span{Start: at(t, from), End: at(t, to)}, State: policy.Booked, UID: fmt.Sprint("other", i)})
	}
	return policy.NewBookings(list...)
}

func decide(t testing.TB, p *policy.Policy, in policy.Invite, f *policy.Facts, l policy.Ledger) *policy.Answer {
	t.Helper()
	a, err := policy.Decide(p, in, f, l, now(t))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// told returns the answers of all dates with their first reasons: "ACCEPTED",
// "DECLINED conflict".
func told(a *policy.Answer) string {
	var out []string
	for _, o := range a.Occurrences {
		s := string(o.PartStat)
		if len(o.Reasons) > 0 {
			s += " " + string(o.Reasons[0].Code)
		}
		out = append(out, s)
	}
	return strings.Join(out, ", ")
}

// ask invites the room to a new meeting and returns what it says.
func ask(t testing.TB, p *policy.Policy, m meeting, f *policy.Facts, l policy.Ledger) string {
	t.Helper()
	return told(decide(t, p, policy.Invite{Object: m.object(t)}, f, l))
}

func times(s string, n int) string { return strings.TrimSuffix(strings.Repeat(s+", ", n), ", ") }

// among are the rooms that a decision may choose from.
func among(list ...policy.Candidate) func() []policy.Candidate {
	return func() []policy.Candidate { return list }
}
