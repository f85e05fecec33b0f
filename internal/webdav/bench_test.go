package webdav

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

const event = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:0123456789@example.com\r\n" +
	"DTSTAMP:20260101T000000Z\r\nDTSTART;TZID=Europe/Berlin:20260301T100000\r\nDURATION:PT1H\r\nSUMMARY:Planning & review\r\n" +
	"ORGANIZER;CN=Ann:mailto:ann@example.com\r\nATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:mailto:bob@example.com\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

func multiget(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`<?xml version="1.0" encoding="utf-8"?>
<C:calendar-multiget xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><D:prop><D:getetag/><C:calendar-data/></D:prop>` + "\n")
	for i := range n {
		fmt.Fprintf(&b, "  <D:href>/calendars/__uids__/4F2B6C1E-0B6A-4C59-9E5A-6B6E0D6C2A11/calendar/event-%06d.ics</D:href>\n", i)
	}
	b.WriteString("</C:calendar-multiget>")
	return b.Bytes()
}

func BenchmarkParseMultiget10000(b *testing.B) {
	body := multiget(10000)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		root, err := ParseXML(body, DefaultXMLLimits)
		if err != nil {
			b.Fatal(err)
		}
		r, err := ParseMultiget(root)
		if err != nil || len(r.Hrefs) != 10000 {
			b.Fatal(err, len(r.Hrefs))
		}
		for _, h := range r.Hrefs {
			if _, err := ParseHref(h, "host"); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkParsePropfind(b *testing.B) {
	body := read(b, "testdata/rfc/rfc4918-9.1.3-request.xml")
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseXML(body, DefaultXMLLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseText(b *testing.B) {
	w := NewWriter(nil)
	w.TextElement(NameProp, strings.Repeat(event, 1000))
	body := w.Bytes()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := ParseXML(body, DefaultXMLLimits); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMultistatus10000(b *testing.B) {
	var names, tags [10000]string
	for i := range names {
		names[i], tags[i] = fmt.Sprintf("event-%06d.ics", i), fmt.Sprintf(`"%d"`, i)
	}
	etag := DAV("getetag")
	var m Multistatus
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		m.Begin(buf[:0])
		for i := range names {
			m.ResponseStart("/calendars/__uids__/4F2B6C1E-0B6A-4C59-9E5A-6B6E0D6C2A11/calendar/", names[i])
			m.PropstatStart(http.StatusOK)
			m.TextElement(etag, tags[i])
			m.PropstatEnd(nil)
			m.ResponseEnd()
		}
		buf = m.Finish()
	}
	b.SetBytes(int64(len(buf)))
}

func BenchmarkMultistatusData10000(b *testing.B) {
	data := []byte(event)
	calendarData := CalDAV("calendar-data")
	var m Multistatus
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		m.Begin(buf[:0])
		for range 10000 {
			m.ResponseStart("/calendars/__uids__/4F2B6C1E-0B6A-4C59-9E5A-6B6E0D6C2A11/calendar/", "event.ics")
			m.PropstatStart(http.StatusOK)
			m.Start(calendarData)
			m.TextBytes(data)
			m.End()
			m.PropstatEnd(nil)
			m.ResponseEnd()
		}
		buf = m.Finish()
	}
	b.SetBytes(int64(len(buf)))
}

// TestMultistatusAllocates checks that writing a response costs no allocation.
func TestMultistatusAllocates(t *testing.T) {
	var m Multistatus
	buf := make([]byte, 0, 1<<20)
	names := []*Element{NewElement(Apple("calendar-color"))}
	m.Begin(buf)
	n := testing.AllocsPerRun(100, func() {
		m.ResponseStart("/calendars/a b/", "1.ics")
		m.PropstatStart(http.StatusOK)
		m.TextElement(DAV("getetag"), `"1"`)
		m.PropstatEnd(nil)
		m.Propstat(http.StatusNotFound, names, nil)
		m.ResponseEnd()
		m.ResponseStatus("/x", http.StatusForbidden, nil)
	})
	if n != 0 {
		t.Errorf("%v allocations", n)
	}
}
