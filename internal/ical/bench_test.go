package ical

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

func readFile(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// manyEvents is one calendar of n events like testdata/event.ics.
func manyEvents(t testing.TB, n int) []byte {
	t.Helper()
	src := string(readFile(t, "testdata/event.ics"))
	from := strings.Index(src, "BEGIN:VEVENT")
	to := strings.Index(src, "END:VCALENDAR")
	return []byte(src[:from] + strings.Repeat(src[from:to], n) + src[to:])
}

func BenchmarkDecode(b *testing.B) {
	for _, bench := range []struct {
		name string
		src  []byte
	}{
		{"event", readFile(b, "testdata/event.ics")},
		{"2200events", manyEvents(b, 2200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.src)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(bench.src, Limits{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, bench := range []struct {
		name string
		src  []byte
	}{
		{"event", readFile(b, "testdata/event.ics")},
		{"2200events", manyEvents(b, 2200)},
	} {
		b.Run(bench.name, func(b *testing.B) {
			cal, err := Decode(bench.src, Limits{})
			if err != nil {
				b.Fatal(err)
			}
			var dst []byte
			b.SetBytes(int64(len(bench.src)))
			b.ReportAllocs()
			for b.Loop() {
				dst = cal.Append(dst[:0])
			}
			if !bytes.Equal(dst, bench.src) {
				b.Error("not as it was")
			}
		})
	}
}

func BenchmarkClone(b *testing.B) {
	cal, err := Decode(readFile(b, "testdata/event.ics"), Limits{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		cal.Clone()
	}
}
