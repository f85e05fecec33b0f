package calquery

import (
	"testing"

	"convene/internal/ical"
)

func BenchmarkParseFilter(b *testing.B) {
	e := filterXML(b, within("VEVENT", span("20260101T000000Z", "20260201T000000Z")+prop("SUMMARY", text("", "review"))))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseFilter(e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	event, recurring := object(b, timedEvent), object(b, series)
	for _, bb := range []struct {
		name, in string
		object   *ical.Object
	}{
		{"Text", prop("SUMMARY", text("", "review")), event},
		{"Unicode", prop("SUMMARY", text(`collation="i;unicode-casemap"`, "größe")), event},
		{"Time", span("20260101T000000Z", "20260201T000000Z"), event},
		{"SeriesDecadesOn", span("20660101T000000Z", "20660201T000000Z"), recurring},
		{"SeriesOverride", span("20260101T000000Z", "") + prop("SUMMARY", text("", "moved")), recurring},
	} {
		b.Run(bb.name, func(b *testing.B) {
			f := mustFilter(b, within("VEVENT", bb.in))
			b.ReportAllocs()
			for b.Loop() {
				if ok, err := f.Match(bb.object, nil, ical.NewBudget(10000)); !ok || err != nil {
					b.Fatal(ok, err)
				}
			}
		})
	}
}

func BenchmarkRender(b *testing.B) {
	o := object(b, series)
	for _, bb := range []struct{ name, in string }{
		{"Parts", `<calendar-data><comp name="VCALENDAR"><prop name="VERSION"/><comp name="VEVENT"><prop name="UID"/><prop name="DTSTART"/><prop name="SUMMARY"/></comp></comp></calendar-data>`},
		{"ExpandMonth", `<calendar-data><expand start="20260201T000000Z" end="20260301T000000Z"/></calendar-data>`},
		{"JCal", `<calendar-data content-type="application/calendar+json"/>`},
	} {
		b.Run(bb.name, func(b *testing.B) {
			d := mustData(b, bb.in)
			var buf []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buf, err = d.Append(buf[:0], o, nil, ical.NewBudget(10000)); err != nil || len(buf) == 0 {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buf)))
		})
	}
}
