package calquery

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"convene/internal/ical"
	"convene/internal/webdav"
)

// FuzzFilter checks that every filter is either refused with an answer or matched
// within its budget, and that its plan excludes nothing that it matches.
func FuzzFilter(f *testing.F) {
	for _, inner := range []string{
		`<comp-filter name="VCALENDAR"/>`,
		within("VEVENT", span("20260101T000000Z", "")+prop("SUMMARY", text(`match-type="equals" negate-condition="yes"`, "x"))),
		within("VEVENT", `<comp-filter name="VALARM">`+span("20260101T000000Z", "20270101T000000Z")+`</comp-filter>`),
		within("*", prop("ATTENDEE", `<param-filter name="CN">`+text(`collation="i;unicode-casemap"`, "é")+`</param-filter>`)),
		within("VTODO", `<is-not-defined/>`),
		`<comp-filter name="VCALENDAR" test="anyof"><comp-filter name="VEVENT" test="anyof">` + span("", "20260201T000000Z") + prop("UID", text("", "1")) + `</comp-filter></comp-filter>`,
		within("VEVENT", prop("DTEND", span("20260101T000000Z", "20270101T000000Z"))),
		within("VAVAILABILITY", `<comp-filter name="AVAILABLE">`+span("20260101T000000Z", "20270101T000000Z")+`</comp-filter>`),
	} {
		f.Add([]byte(`<filter xmlns="urn:ietf:params:xml:ns:caldav">` + inner + `</filter>`))
	}
	files, err := filepath.Glob("testdata/rfc4791/*-request.xml")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	var objects []*ical.Object
	for _, o := range appendixB(f) {
		objects = append(objects, o)
	}
	objects = append(objects, object(f, timedEvent), object(f, series))
	zone := exampleZone(f)
	f.Fuzz(func(t *testing.T, body []byte) {
		root, err := webdav.ParseXML(body, webdav.XMLLimits{Bytes: 1 << 14})
		if err != nil {
			return
		}
		if e := root.Child(webdav.NameProp).Child(webdav.CalDAV("calendar-data")); e != nil {
			fuzzData(t, e, objects, zone)
		}
		e := root
		if inner := root.Child(webdav.CalDAV("filter")); inner != nil {
			e = inner
		}
		filter, err := ParseFilter(e)
		if err != nil {
			refused(t, err)
			return
		}
		for _, o := range objects {
			match(t, filter, o, zone)
		}
	})
}

func fuzzData(t *testing.T, e *webdav.Element, objects []*ical.Object, zone *ical.Zone) {
	t.Helper()
	d, err := ParseCalendarData(e)
	if err != nil {
		refused(t, err)
		return
	}
	for _, o := range objects {
		if _, err := d.Render(o, zone, ical.NewBudget(10000)); err != nil && !errors.Is(err, ical.ErrBudget) {
			t.Fatal(err)
		}
	}
}

func refused(t *testing.T, err error) {
	t.Helper()
	var e *webdav.Error
	if !errors.As(err, &e) || e.Status != 400 && e.Status != 403 {
		t.Fatalf("error %v", err)
	}
}
