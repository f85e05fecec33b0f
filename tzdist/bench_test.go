package tzdist

import (
	"math"
	"net/http/httptest"
	"testing"
)

func BenchmarkRequest(b *testing.B) {
	h := newTest()
	for _, bb := range []struct{ name, target string }{
		{"list", "/zones"},
		{"get", "/zones/America%2FNew_York"},
		{"truncated", "/zones/America%2FNew_York?start=2010-01-01T00:00:00Z"},
		{"expand", "/observances/America%2FNew_York?start=2008-01-01T00:00:00Z&end=2009-01-01T00:00:00Z"},
		{"find", "/zones?pattern=*york*"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			r := httptest.NewRequest("GET", testPrefix+bb.target, nil)
			b.ReportAllocs()
			for b.Loop() {
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}

func BenchmarkCatalogue(b *testing.B) {
	for b.Loop() {
		if _, err := newTest().(*service).newCatalogue(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCalendar(b *testing.B) {
	for b.Loop() {
		cal, err := calendar("Europe/London", math.MinInt64, math.MaxInt64)
		if err != nil {
			b.Fatal(err)
		}
		cal.Append(nil)
	}
}
