package caldav_test

import (
	"context"
	"encoding/xml"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"convene/audit"
	"convene/audit/audittest"
	"convene/caldav"
	"convene/delegation"
	"convene/internal/ical"
)

// agenda asks as a user.
func (e *env) agenda(user string, q caldav.AgendaQuery) *caldav.Agenda {
	e.t.Helper()
	a, err := e.h.Agenda(context.Background(), e.caller(user), &q)
	if err != nil {
		e.t.Fatal(err)
	}
	return a
}

// expanded is what REPORT calendar-query with expand gives of a calendar: UID, start and
// title of each instance.
func (e *env) expanded(calendar string, from, to int64, zone string) (list []string) {
	e.t.Helper()
	text := func(unix int64) string { return time.Unix(unix, 0).UTC().Format("20060102T150405Z") }
	rng := fmt.Sprintf(`start="%s" end="%s"`, text(from), text(to))
	body := element("C:calendar-query", `<D:prop><C:calendar-data><C:expand `+rng+`/></C:calendar-data></D:prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT"><C:time-range `+rng+`/></C:comp-filter></C:comp-filter></C:filter><C:timezone-id>`+zone+`</C:timezone-id>`)
	var answer struct {
		Data []string `xml:"response>propstat>prop>calendar-data"`
	}
	if err := xml.Unmarshal([]byte(e.must(207, "ann", "REPORT", calendar, body, "Depth: 1").Body), &answer); err != nil {
		e.t.Fatal(err)
	}
	z := loadZone(e.t, zone)
	for _, data := range answer.Data {
		cal, err := ical.Decode([]byte(data), ical.Limits{})
		if err != nil {
			e.t.Fatal(err)
		}
		for _, c := range cal.AllChildren("VEVENT") {
			at, err := c.Prop("DTSTART").DateTime(nil)
			if err != nil {
				e.t.Fatal(err)
			}
			list = append(list, fmt.Sprintf("%s %d %s", c.Prop("UID").Text(), at.Unix(z), c.Prop("SUMMARY").Text()))
		}
	}
	slices.Sort(list)
	return list
}

func loadZone(t testing.TB, name string) *ical.Zone {
	t.Helper()
	z, err := ical.LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func instances(a *caldav.Agenda) (list []string) {
	for _, ev := range a.Events {
		list = append(list, fmt.Sprintf("%s %d %s", ev.UID, ev.Start, ev.Title))
	}
	slices.Sort(list)
	return list
}

var agendaZones = []string{"Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"}

// What pages show is what a client gets by REPORT with expand (RFC 4791 §9.6.5), in any zone.
func TestAgendaEqualsReport(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	put := func(name, body string) { e.must(201, "ann", "PUT", cal+name+".ics", body) }
	day := strings.NewReplacer("DTSTART:", "DTSTART;VALUE=DATE:", "DURATION:PT1H", "DURATION:P2D")
	put("series", series)
	put("floating", event("floating", "20260504T003000"))
	put("day", day.Replace(event("day", "20260504")))
	put("days", day.Replace(event("days", "20260328", "RRULE:FREQ=WEEKLY;COUNT=9")))
	put("gap", strings.Replace(event("gap", "20260328T023000", "RRULE:FREQ=DAILY;COUNT=3"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1))
	put("night", strings.Replace(event("night", "20261024T023000", "RRULE:FREQ=DAILY;COUNT=3"), "DTSTART:", "DTSTART;TZID=Europe/Berlin:", 1))
	put("old", event("old", "20111228T120000Z", "RRULE:FREQ=DAILY;COUNT=5"))
	put("twin", event("twin", "20260504T090000Z"))
	put("another-twin", strings.Replace(event("another-twin", "20260504T090000Z"), "SUMMARY:", "SUMMARY:A ", 1))
	put("point", strings.Replace(event("point", "20260504T000000Z"), "DURATION:PT1H", "DURATION:PT0S", 1))
	for _, zone := range agendaZones {
		z := loadZone(t, zone)
		for _, days := range [][2]string{{"2026-05-04", "2026-05-05"}, {"2026-05-01", "2026-06-01"}, {"2026-03-29", "2026-03-30"}, {"2026-10-25", "2026-10-26"}, {"2026-01-01", "2027-01-01"}, {"2011-12-29", "2012-01-01"}, {"2011-12-30", "2011-12-31"}} {
			from, to := midnight(t, days[0], z), midnight(t, days[1], z)
			if from >= to {
				continue // Apia had no 30 December 2011
			}
			a := e.agenda("ann", caldav.AgendaQuery{From: from, To: to, Zone: z})
			if want, got := e.expanded(cal, from, to, zone), instances(a); !slices.Equal(want, got) {
				t.Errorf("%s, %v:\n%q, REPORT has\n%q", zone, days, got, want)
			}
			bare := e.agenda("ann", caldav.AgendaQuery{From: from, To: to, Zone: z, TimesOnly: true})
			if len(bare.Events) != len(a.Events) {
				t.Errorf("%s, %v: %d times, and %d events", zone, days, len(bare.Events), len(a.Events))
			}
			for _, each := range []int{1, 2, 3} { // of events that are chosen the same is known, in the same order
				chosen := e.agenda("ann", caldav.AgendaQuery{From: from, To: to, Zone: z, Choose: func(times []caldav.AgendaTime) []bool {
					wanted := make([]bool, len(times))
					for i := range wanted {
						wanted[i] = i%each == 0
					}
					return wanted
				}})
				if len(chosen.Events) != len(a.Events) || len(chosen.Times) != len(a.Events) {
					t.Fatalf("%s, %v: %d of %d events, %d times", zone, days, len(chosen.Events), len(a.Events), len(chosen.Times))
				}
				for i, ev := range chosen.Events {
					if chosen.Times[i] != a.Events[i].AgendaTime {
						t.Errorf("%s, %v: %+v at %d, want %+v", zone, days, chosen.Times[i], i, a.Events[i].AgendaTime)
					}
					if (ev != nil) != (i%each == 0) {
						t.Fatalf("%s, %v, every %d: %d is %v", zone, days, each, i, ev)
					}
					if ev == nil {
						continue
					}
					got, want := *ev, *a.Events[i]
					got.Calendar, want.Calendar = nil, nil
					if each == 1 && got != want || got.AgendaTime != want.AgendaTime || got.Title == "" {
						t.Errorf("%s, %v: %+v, want %+v", zone, days, got, want)
					}
				}
			}
		}
	}
}

func midnight(t testing.TB, date string, z *ical.Zone) int64 {
	t.Helper()
	at, err := time.Parse(time.DateOnly, date)
	if err != nil {
		t.Fatal(err)
	}
	return z.Unix(at.Unix())
}

// The same, of rules and ranges by chance.
func TestAgendaEqualsReportByChance(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := fmt.Sprintf("x%d", n)
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 400*96).Draw(t, "start")) * 15 * time.Minute)
		rule := "RRULE:FREQ=" + rapid.SampledFrom([]string{"DAILY", "WEEKLY", "MONTHLY"}).Draw(t, "freq") + fmt.Sprintf(";COUNT=%d;INTERVAL=%d", rapid.IntRange(1, 20).Draw(t, "count"), rapid.IntRange(1, 3).Draw(t, "interval"))
		form := rapid.SampledFrom([]string{"DTSTART;VALUE=DATE:", "DTSTART:", "DTSTART;TZID=Europe/Berlin:", "DTSTART;TZID=America/New_York:"}).Draw(t, "form")
		body := strings.Replace(event(name, start.Format("20060102T150405"), rule), "DTSTART:", form, 1)
		if strings.Contains(form, "VALUE") {
			body = strings.Replace(strings.Replace(body, start.Format("20060102T150405"), start.Format("20060102"), 1), "PT1H", "P1D", 1)
		}
		e.must(201, "ann", "PUT", cal+name+".ics", body)
		zone := rapid.SampledFrom(agendaZones).Draw(t, "zone")
		from := start.Unix() + int64(rapid.IntRange(-40*86400, 40*86400).Draw(t, "from"))
		to := from + int64(rapid.IntRange(1, 60*86400).Draw(t, "length"))
		a := e.agenda("ann", caldav.AgendaQuery{From: from, To: to, Zone: loadZone(e.t, zone)})
		if want, got := e.expanded(cal, from, to, zone), instances(a); !slices.Equal(want, got) {
			t.Fatalf("%q, REPORT has\n%q", got, want)
		}
	})
}

// Others see what they may: titles as delegates, times where a calendar may be asked about,
// nothing of what is private.
func TestAgendaRights(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	day := func(hour int) string { return fmt.Sprintf("20260504T%02d0000Z", hour) }
	access := func(body, value string) string {
		return strings.Replace(body, "BEGIN:VEVENT", "X-CALENDARSERVER-ACCESS:"+value+"\r\nBEGIN:VEVENT", 1)
	}
	e.must(201, "ann", "PUT", cal+"open.ics", event("open", day(9), "LOCATION:Oak"))
	e.must(201, "ann", "PUT", cal+"class.ics", event("class", day(11), "CLASS:PRIVATE"))
	e.must(201, "ann", "PUT", cal+"times.ics", access(event("times", day(13)), "CONFIDENTIAL"))
	e.must(201, "ann", "PUT", cal+"hidden.ics", access(event("hidden", day(15)), "PRIVATE"))
	e.must(207, "ann", "PROPPATCH", cal, setting("D:propertyupdate", `<D:displayname>Work</D:displayname><A:calendar-color xmlns:A="http://apple.com/ns/ical/">#FF2968FF</A:calendar-color>`))
	from, to := midnight(t, "2026-05-04", utcZone(t)), midnight(t, "2026-05-05", utcZone(t))
	q := caldav.AgendaQuery{From: from, To: to}
	titles := func(a *caldav.Agenda) (list []string) {
		for _, ev := range a.Events {
			s := ev.Title
			if ev.Masked {
				s += "(masked)"
			}
			if ev.Write {
				s += "(write)"
			}
			list = append(list, s)
		}
		return list
	}
	a := e.agenda("ann", q)
	if got := strings.Join(titles(a), " "); got != "open(write) class(write) times(write) hidden(write)" {
		t.Errorf("ann: %s", got)
	}
	if c := a.Calendars[0]; c.Name != "Work" || c.Color != "#ff2968" || !c.Write || !c.Default || !strings.HasSuffix(c.Path, "/calendar/") || a.Events[0].Place != "Oak" {
		t.Errorf("the calendar is %+v", c)
	}
	of := q
	of.People, of.Busy = []string{guid("ann")}, true
	a = e.agenda("bob", of)
	if len(a.Events) != 0 || len(a.Calendars) != 0 || len(a.People[0].Busy) != 4 || a.People[0].Denied {
		t.Errorf("bob, with no right: %+v, %+v", a, a.People[0])
	}
	e.delegate("ann", "bob", delegation.LevelRead)
	a = e.agenda("bob", of)
	if got := strings.Join(titles(a), " "); got != "open (masked) (masked)" || len(a.People[0].Busy) != 0 {
		t.Errorf("bob, who may read: %s; busy %v", got, a.People[0].Busy)
	}
	// Whom one acts for are there without being named.
	if a = e.agenda("bob", q); len(a.People) != 2 || a.People[0].Name != "bob" || a.People[1].Name != "ann" {
		t.Errorf("bob's: %+v", a.People)
	}
	skip := q
	skip.Skip = func(string) bool { return true }
	if a = e.agenda("ann", skip); len(a.Events) != 0 || len(a.Calendars) == 0 || !a.Calendars[0].Skipped {
		t.Errorf("skipped: %+v", a)
	}
}

func utcZone(t testing.TB) *ical.Zone { return loadZone(t, "Etc/UTC") }

// Of an instance of a series the page is named by its RECURRENCE-ID; of one that was
// invited, the owner's answer is told.
func TestAgendaEvents(t *testing.T) {
	e := newEnv(t)
	const cal = "/calendars/users/ann/calendar/"
	e.must(201, "ann", "PUT", cal+"s.ics", series)
	e.must(201, "bob", "PUT", "/calendars/users/bob/calendar/m.ics", event("m", "20260507T090000Z", "ORGANIZER:mailto:bob@example.com", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.com", "ATTENDEE:mailto:ann@example.com", "STATUS:TENTATIVE"))
	z := loadZone(t, "Europe/Berlin")
	a := e.agenda("ann", caldav.AgendaQuery{From: midnight(t, "2026-05-04", z), To: midnight(t, "2026-05-10", z), Zone: z})
	var got []string
	for _, ev := range a.Events {
		got = append(got, strings.TrimSpace(fmt.Sprint(ev.Title, " ", ev.At, " ", ev.Status, " ", ev.Answer)))
	}
	want := []string{"Stand-up 20260504T080000Z", "Moved 20260505T080000Z", "Stand-up 20260507T080000Z", "m  TENTATIVE NEEDS-ACTION", "Stand-up 20260508T080000Z"}
	if !slices.EqualFunc(got, want, func(a, b string) bool {
		return strings.Join(strings.Fields(a), " ") == strings.Join(strings.Fields(b), " ")
	}) {
		t.Errorf("%q, want %q", got, want)
	}
	tag := e.must(200, "ann", "GET", cal+"s.ics", "").Header.Get("ETag")
	if a.Events[0].ETag != tag {
		t.Errorf("ETag %s, GET has %s", a.Events[0].ETag, tag)
	}
}

// What administrators and readers look at by a page is recorded as what they ask for by a
// client; what people look at of their own is not. What cannot be recorded is not shown.
func TestAgendaAudit(t *testing.T) {
	e := newEnv(t)
	log := audittest.Open(t)
	e.h.Audit = audit.NewAccesses(log.Log, func() time.Time { return e.now })
	e.must(201, "ann", "PUT", "/calendars/users/ann/calendar/1.ics", event("a", "20260504T120000Z"))
	q := caldav.AgendaQuery{From: midnight(t, "2026-05-04", utcZone(t)), To: midnight(t, "2026-05-05", utcZone(t))}
	e.agenda("ann", q)
	e.agenda("auditor", q)
	if got := log.Acts(); len(got) != 0 {
		t.Fatalf("recorded: %q", got)
	}
	q.People = []string{guid("ann")}
	q.By = audit.By{Via: audit.Via{How: audit.Web}, Actor: audit.Who{GUID: guid("auditor"), Name: "auditor"}}
	if a := e.agenda("auditor", q); len(a.Events) != 1 {
		t.Errorf("the auditor sees %d events", len(a.Events))
	}
	want := []string{`calendar.read auditor ann >{"method":"GET","status":200} done`}
	if got := log.Acts(); !slices.Equal(got, want) || log.Lines()[0].Via.How != audit.Web {
		t.Errorf("recorded %q, want %q", got, want)
	}
}

// A week of 500 events, and a month of 1,015, among as many as that in other weeks.
func BenchmarkAgenda(b *testing.B) {
	e := newEnv(b)
	for i := range 500 {
		e.must(201, "ann", "PUT", fmt.Sprintf("/calendars/users/ann/calendar/w%d.ics", i), event(fmt.Sprintf("w%d", i), fmt.Sprintf("202605%02dT%02d%02d00Z", 4+i%7, 7+i/7%12, i%4*15), "LOCATION:Oak"))
	}
	for i := range 515 {
		e.must(201, "ann", "PUT", fmt.Sprintf("/calendars/users/ann/calendar/m%d.ics", i), event(fmt.Sprintf("m%d", i), fmt.Sprintf("202605%02dT%02d0000Z", 11+i%20, 6+i%14)))
	}
	z := loadZone(b, "Europe/Berlin")
	for name, days := range map[string][2]string{"week500": {"2026-05-04", "2026-05-11"}, "month1015": {"2026-05-01", "2026-06-01"}} {
		q := caldav.AgendaQuery{From: midnight(b, days[0], z), To: midnight(b, days[1], z), Zone: z}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				a, err := e.h.Agenda(context.Background(), e.caller("ann"), &q)
				if err != nil {
					b.Fatal(err)
				}
				n = len(a.Events)
			}
			b.ReportMetric(float64(n), "events")
		})
	}
}
