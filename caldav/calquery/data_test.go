package calquery

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"convene/internal/ical"
	"convene/internal/webdav"
)

func dataXML(t testing.TB, in string) *webdav.Element {
	t.Helper()
	e, err := webdav.ParseXML([]byte(strings.Replace(in, "<calendar-data", `<calendar-data xmlns="urn:ietf:params:xml:ns:caldav"`, 1)), webdav.XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func mustData(t testing.TB, in string) *DataRequest {
	t.Helper()
	d, err := ParseCalendarData(dataXML(t, in))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func TestParseCalendarDataRefuses(t *testing.T) {
	const expand = `<expand start="20260101T000000Z" end="20260102T000000Z"/>`
	for _, tt := range []struct {
		name, in, condition string
		status              int
	}{
		{"type", `<calendar-data content-type="text/x-vcalendar"/>`, "supported-calendar-data", 403},
		{"version", `<calendar-data version="1.0"/>`, "supported-calendar-data", 403},
		{"two comps", `<calendar-data><comp name="VCALENDAR"/><comp name="VCALENDAR"/></calendar-data>`, "", 400},
		{"comp without name", `<calendar-data><comp/></calendar-data>`, "", 400},
		{"prop without name", `<calendar-data><comp name="VCALENDAR"><prop/></comp></calendar-data>`, "", 400},
		{"comp is not the calendar", `<calendar-data><comp name="VEVENT"/></calendar-data>`, "", 400},
		{"expand without end", `<calendar-data><expand start="20260101T000000Z"/></calendar-data>`, "", 400},
		{"expand in local time", `<calendar-data><expand start="20260101T000000" end="20260102T000000"/></calendar-data>`, "", 400},
		{"expand twice", `<calendar-data>` + expand + expand + `</calendar-data>`, "", 400},
		{"expand and limit", `<calendar-data>` + expand + strings.Replace(expand, "expand", "limit-recurrence-set", 1) + `</calendar-data>`, "", 400},
		{"limit backwards", `<calendar-data><limit-recurrence-set start="20260102T000000Z" end="20260101T000000Z"/></calendar-data>`, "", 400},
		{"too many", `<calendar-data><comp name="VCALENDAR">` + strings.Repeat(`<prop name="X"/>`, 600) + `</comp></calendar-data>`, "", 400},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseCalendarData(dataXML(t, tt.in))
			var e *webdav.Error
			if !errors.As(err, &e) || e.Status != tt.status || e.Condition.Local != tt.condition {
				t.Errorf("got %v", err)
			}
		})
	}
}

const small = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VTIMEZONE\r\nTZID:Africa/Algiers\r\nX-A:1\r\n" +
	"BEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n" +
	"BEGIN:VEVENT\r\nuid:1\r\nDTSTART;TZID=\"Africa/Algiers\":20260105T100000\r\nSUMMARY;X=y:A\\, b\r\n" +
	"BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func TestRenderParts(t *testing.T) {
	const head, tail = "BEGIN:VCALENDAR\r\n", "END:VCALENDAR\r\n"
	const zone = "BEGIN:VTIMEZONE\r\nTZID:Africa/Algiers\r\nX-A:1\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0100\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
	o := object(t, small)
	for _, tt := range []struct{ name, in, want string }{
		{"whole", `<calendar-data/>`, small},
		{"whole by type", `<calendar-data content-type="text/calendar; charset=utf-8" version="2.0"/>`, small},
		{"empty comp", `<calendar-data><comp name="VCALENDAR"/></calendar-data>`, small},
		{"all", `<calendar-data><comp name="VCALENDAR"><allprop/><allcomp/></comp></calendar-data>`, small},
		{"properties alone", `<calendar-data><comp name="VCALENDAR"><allprop/></comp></calendar-data>`, head + "VERSION:2.0\r\nPRODID:x\r\n" + tail},
		{"components alone", `<calendar-data><comp name="VCALENDAR"><comp name="VTIMEZONE"/></comp></calendar-data>`, head + zone + tail},
		{"some properties", `<calendar-data><comp name="vcalendar"><prop name="version"/><comp name="VEVENT"><prop name="UID"/><prop name="summary"/></comp></comp></calendar-data>`,
			head + "VERSION:2.0\r\nBEGIN:VEVENT\r\nuid:1\r\nSUMMARY;X=y:A\\, b\r\nEND:VEVENT\r\n" + tail},
		{"without value", `<calendar-data><comp name="VCALENDAR"><comp name="VEVENT"><prop name="SUMMARY" novalue="yes"/><prop name="UID" novalue="no"/><allcomp/></comp></comp></calendar-data>`,
			head + "BEGIN:VEVENT\r\nuid:1\r\nSUMMARY;X=y:\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\n" + tail},
		{"parts of parts", `<calendar-data><comp name="VCALENDAR"><comp name="VEVENT"><comp name="VALARM"><prop name="ACTION"/></comp></comp></comp></calendar-data>`,
			head + "BEGIN:VEVENT\r\nBEGIN:VALARM\r\nACTION:DISPLAY\r\nEND:VALARM\r\nEND:VEVENT\r\n" + tail},
		{"all components, one in part", `<calendar-data><comp name="VCALENDAR"><allcomp/><comp name="VEVENT"><prop name="UID"/></comp></comp></calendar-data>`,
			head + zone + "BEGIN:VEVENT\r\nuid:1\r\nEND:VEVENT\r\n" + tail},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d := mustData(t, tt.in)
			got, err := d.Render(o, nil, ical.NewBudget(1000))
			if string(got) != tt.want || err != nil {
				t.Errorf("got\n%s\n%v, want\n%s", got, err, tt.want)
			}
			if d.Whole() != (tt.want == small) || d.ContentType() != MediaCalendar {
				t.Errorf("Whole %v, type %s", d.Whole(), d.ContentType())
			}
			if again := string(o.Calendar.Append(nil)); again != small {
				t.Errorf("the object has changed:\n%s", again)
			}
		})
	}
	d := mustData(t, `<calendar-data/>`)
	d.OmitZones = true
	if got, err := d.Render(o, nil, nil); string(got) != strings.Replace(small, zone, "", 1) || err != nil || d.Whole() {
		t.Errorf("without zones: %s, %v", got, err)
	}
}

func TestRenderJCal(t *testing.T) {
	d := mustData(t, `<calendar-data content-type="application/calendar+json"><comp name="VCALENDAR"><prop name="VERSION"/><comp name="VEVENT"><prop name="UID"/></comp></comp></calendar-data>`)
	got, err := d.Render(object(t, small), nil, nil)
	const want = `["vcalendar",[["version",{},"text","2.0"]],[["vevent",[["uid",{},"text","1"]],[]]]]`
	if string(got) != want || err != nil || d.Whole() || d.ContentType() != MediaJCal {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestRenderExpanded(t *testing.T) {
	d := mustData(t, `<calendar-data><expand start="20260106T000000Z" end="20260110T000000Z"/><comp name="VCALENDAR"><comp name="VEVENT"><prop name="DTSTART"/><prop name="RECURRENCE-ID"/></comp></comp></calendar-data>`)
	if tr, ok := d.Expands(); !ok || tr != (TimeRange{1767657600, 1768003200}) {
		t.Errorf("Expands %v, %v", tr, ok)
	}
	got, err := d.Render(object(t, series), nil, ical.NewBudget(1000))
	const want = "BEGIN:VCALENDAR\nBEGIN:VEVENT\nDTSTART:20260106T090000Z\nRECURRENCE-ID:20260106T090000Z\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nDTSTART:20260108T090000Z\nRECURRENCE-ID:20260108T090000Z\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nDTSTART:20260109T090000Z\nRECURRENCE-ID:20260109T090000Z\nEND:VEVENT\n" +
		"BEGIN:VEVENT\nDTSTART:20260109T150000Z\nRECURRENCE-ID:20260107T090000Z\nEND:VEVENT\nEND:VCALENDAR\n"
	if err != nil {
		t.Fatal(err)
	}
	compareCalendars(t, "expanded", string(got), want)
	whole, err := mustData(t, `<calendar-data><expand start="20260106T000000Z" end="20260110T000000Z"/></calendar-data>`).Render(object(t, series), nil, nil)
	if err != nil || strings.Count(string(whole), "BEGIN:VEVENT") != 4 || strings.Contains(string(whole), "RRULE") || !strings.Contains(string(whole), "SUMMARY:Moved") {
		t.Errorf("got %s, %v", whole, err)
	}
}

func TestRenderLimited(t *testing.T) {
	o := object(t, series)
	for _, tt := range []struct {
		from, to string
		want     int
	}{
		{"20260107T000000Z", "20260108T000000Z", 2}, // moved away from here
		{"20260109T140000Z", "20260109T153000Z", 2}, // moved here
		{"20260120T000000Z", "20260121T000000Z", 1},
	} {
		d := mustData(t, `<calendar-data><limit-recurrence-set start="`+tt.from+`" end="`+tt.to+`"/></calendar-data>`)
		got, err := d.Render(o, nil, ical.NewBudget(1000))
		if err != nil || strings.Count(string(got), "BEGIN:VEVENT") != tt.want {
			t.Errorf("%s–%s: got %s, %v", tt.from, tt.to, got, err)
		}
	}
	d := mustData(t, `<calendar-data><limit-freebusy-set start="20260103T000000Z" end="20260105T000000Z"/></calendar-data>`)
	busy := object(t, strings.NewReplacer("2006010", "2026010").Replace(string(appendixB(t)["abcd8.ics"].Calendar.Append(nil))))
	got, err := d.Render(busy, nil, nil)
	if err != nil || strings.Count(string(got), "FREEBUSY:") != 2 || strings.Contains(string(got), "UNAVAILABLE") {
		t.Errorf("got %s, %v", got, err)
	}
	if same, err := d.Render(o, nil, nil); string(same) != string(o.Calendar.Append(nil)) || err != nil {
		t.Errorf("limit-freebusy-set of an event: %s, %v", same, err)
	}
}

func TestSupportedData(t *testing.T) {
	w := webdav.NewWriter(nil)
	w.Start(webdav.CalDAV("supported-calendar-data"))
	SupportedData(w)
	e, err := webdav.ParseXML(w.Bytes(), webdav.XMLLimits{})
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for c := range e.Elements() {
		if _, err := ParseCalendarData(c); err != nil {
			t.Error(err)
		}
		n++
	}
	if n != 2 {
		t.Errorf("%d types", n)
	}
}

func TestParseFreeBusyQueryRefuses(t *testing.T) {
	for _, in := range []string{
		``, span("20260101T000000Z", ""), span("", "20260101T000000Z"), span("", ""),
		span("20260102T000000Z", "20260101T000000Z"), span("20260101", "20260102"),
	} {
		e, err := webdav.ParseXML([]byte(`<free-busy-query xmlns="urn:ietf:params:xml:ns:caldav">`+in+`</free-busy-query>`), webdav.XMLLimits{})
		if err != nil {
			t.Fatal(err)
		}
		var we *webdav.Error
		if _, err := ParseFreeBusyQuery(e); !errors.As(err, &we) || we.Status != 400 {
			t.Errorf("%q: got %v", in, err)
		}
	}
}

func TestParseFreeBusyURL(t *testing.T) {
	now := time.Date(2026, 3, 1, 13, 30, 0, 0, time.UTC)
	const day, today = 86400, 1772323200
	const plain, normal = "text/plain;charset=utf-8", "text/calendar;charset=utf-8"
	for _, tt := range []struct {
		in     string
		from   int64
		to     int64
		format string
		status int // 0: none
		cond   string
	}{
		{"", today, today + 14*day, normal, 0, ""},
		{"start=20260301T120000Z", today + day/2, today + day/2 + 14*day, normal, 0, ""},
		{"start=20260301&end=20260302&format=text/plain", today, today + day, plain, 0, ""},
		{"start=2026-03-01&period=P1D&format=text/calendar", today, today + day, normal, 0, ""},
		{"start=2026-03-01T01:00:00%2B01:00&duration=PT1H", today, today + 3600, normal, 0, ""},
		{"start=2026-03-01T01:00:00+01:00&period=PT1H", today, today + 3600, normal, 0, ""},
		{"end=2026-03-02", today, today + day, normal, 0, ""},
		{in: "period=P1W&token=x", status: 406, cond: "supported-query-parameter"},
		{in: "user=ann", status: 406, cond: "supported-query-parameter"},
		{in: "format=text/html", status: 406, cond: "supported-format"},
		{in: "start=tomorrow", status: 400, cond: "valid-query-parameters"},
		{in: "start=20260301T120000", status: 400, cond: "valid-query-parameters"},
		{in: "end=20260228", status: 400, cond: "valid-query-parameters"},
		{in: "end=x", status: 400, cond: "valid-query-parameters"},
		{in: "period=x", status: 400, cond: "valid-query-parameters"},
		{in: "duration=-P1D", status: 400, cond: "valid-query-parameters"},
		{in: "period=P1D&duration=P1D", status: 400, cond: "valid-query-parameters"},
		{in: "end=20260302&period=P1D", status: 406, cond: "valid-query-parameters"},
		{in: "end=20260302&duration=P1D", status: 406, cond: "valid-query-parameters"},
	} {
		q, err := url.ParseQuery(tt.in)
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseFreeBusyURL(q, now)
		if e, ok := errors.AsType[*webdav.Error](err); ok || tt.status != 0 {
			if !ok || e.Status != tt.status || e.Condition != webdav.CS(tt.cond) {
				t.Errorf("%s: %v, want %d %s", tt.in, err, tt.status, tt.cond)
			}
			continue
		}
		if want := (FreeBusyURL{TimeRange{tt.from, tt.to}, tt.format}); err != nil || got != want {
			t.Errorf("%s: got %v, %v", tt.in, got, err)
		}
	}
}

func TestParseTimezone(t *testing.T) {
	for _, tt := range []struct{ in, want, condition string }{
		{``, "", ""},
		{`<timezone-id>Europe/Berlin</timezone-id>`, "Europe/Berlin", ""},
		{`<timezone-id>Europe/Nowhere</timezone-id>`, "", "valid-timezone"},
		{`<timezone>BEGIN:VCALENDAR&#13;
VERSION:2.0&#13;
PRODID:x&#13;
BEGIN:VTIMEZONE&#13;
TZID:Mine&#13;
BEGIN:STANDARD&#13;
DTSTART:19700101T000000&#13;
TZOFFSETFROM:+0100&#13;
TZOFFSETTO:+0100&#13;
END:STANDARD&#13;
END:VTIMEZONE&#13;
END:VCALENDAR
</timezone>`, "Mine", ""},
		{`<timezone/>`, "", "valid-calendar-data"},
		{`<timezone>Europe/Berlin</timezone>`, "", "valid-calendar-data"},
		{`<timezone>BEGIN:VCALENDAR
END:VCALENDAR</timezone>`, "", "valid-calendar-data"},
	} {
		e, err := webdav.ParseXML([]byte(`<calendar-query xmlns="urn:ietf:params:xml:ns:caldav">`+tt.in+`</calendar-query>`), webdav.XMLLimits{})
		if err != nil {
			t.Fatal(err)
		}
		zone, err := ParseTimezone(e)
		var we *webdav.Error
		errors.As(err, &we)
		switch {
		case tt.condition != "":
			if we == nil || we.Status != 403 || we.Condition.Local != tt.condition {
				t.Errorf("%s: got %v", tt.in, err)
			}
		case err != nil, (zone == nil) != (tt.want == ""):
			t.Errorf("%s: got %v, %v", tt.in, zone, err)
		case zone != nil && zone.Name() != tt.want:
			t.Errorf("%s: got %s", tt.in, zone.Name())
		}
	}
}
