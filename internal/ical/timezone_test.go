package ical

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func mustZone(t testing.TB, name string) *Zone {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// TestZoneOffsets compares all zones with package time.
func TestZoneOffsets(t *testing.T) {
	for _, row := range ianaNames {
		z := mustZone(t, row.name)
		loc, err := time.LoadLocation(row.name)
		if err != nil {
			t.Fatal(err)
		}
		for u := int64(-4e9); u < 8e9; u += 86400*47 + 3601 {
			at := time.Unix(u, 0).In(loc)
			abbrev, off := at.Zone()
			gotAbbrev, dst := z.Abbreviation(u)
			if z.Offset(u) != off || gotAbbrev != abbrev || dst != at.IsDST() {
				t.Fatalf("%s at %v: %d %s %t, want %d %s %t", row.name, at, z.Offset(u), gotAbbrev, dst, off, abbrev, at.IsDST())
			}
		}
	}
}

// TestGapsAndFolds has the examples of RFC 5545 §3.3.5 and the zones that
// time.Date resolves differently.
func TestGapsAndFolds(t *testing.T) {
	for _, tt := range []struct{ zone, local, utc string }{
		{"America/New_York", "20071104T013000", "20071104T053000Z"},
		{"America/New_York", "20070311T023000", "20070311T073000Z"},
		{"America/New_York", "20070311T015959", "20070311T065959Z"},
		{"America/New_York", "20070311T030000", "20070311T070000Z"},
		{"America/New_York", "20071104T020000", "20071104T070000Z"},
		{"Europe/Berlin", "20240331T023000", "20240331T013000Z"},
		{"Europe/Berlin", "20241027T023000", "20241027T003000Z"},
		{"Europe/Berlin", "20441030T023000", "20441030T003000Z"},
		{"Europe/Dublin", "20240331T013000", "20240331T013000Z"},
		{"Pacific/Apia", "20111230T120000", "20111230T220000Z"},
		{"Pacific/Apia", "20111231T120000", "20111230T220000Z"},
		{"Africa/Cairo", "20241031T233000", "20241031T203000Z"},
		{"Asia/Kolkata", "20240101T000000", "20231231T183000Z"},
		{"UTC", "20240101T000000", "20240101T000000Z"},
	} {
		local, err := ParseDateTime(tt.local, tt.zone, false, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := (DateTime{Wall: local.Unix(nil), Kind: UTC}).String(); got != tt.utc {
			t.Errorf("%s %s = %s, want %s", tt.zone, tt.local, got, tt.utc)
		}
	}
}

// TestZoneUnixInverse: of the moments with a local time, Unix gives the first;
// a local time without one is between.
func TestZoneUnixInverse(t *testing.T) {
	names := ZoneNames()
	rapid.Check(t, func(t *rapid.T) {
		z := mustZoneRapid(t, rapid.SampledFrom(names).Draw(t, "zone"))
		at := rapid.Int64Range(-4e9, 9e9).Draw(t, "moment")
		if trans := z.Transitions(at, math.MaxInt64, 1); len(trans) > 0 && rapid.Bool().Draw(t, "near a change") {
			at = trans[0].At + rapid.Int64Range(-8000, 8000).Draw(t, "by")
		}
		wall := z.Wall(at)
		got := z.Unix(wall)
		if z.Wall(got) != wall || got > at {
			t.Fatalf("%s: wall of %d is %d, and that of %d", z.Name(), at, wall, got)
		}
		cursor := zoneCursor{zone: z}
		for _, w := range []int64{wall - 90000, wall + 4000, wall, wall - 4000, wall} {
			if u, _ := cursor.unix(w); u != z.Unix(w) {
				t.Fatalf("%s: cursor at %d: %d, want %d", z.Name(), w, u, z.Unix(w))
			}
		}
	})
}

func mustZoneRapid(t *rapid.T, name string) *Zone {
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestLoadZone(t *testing.T) {
	for _, tt := range []struct{ name, want, iana string }{
		{"Europe/Berlin", "Europe/Berlin", "Europe/Berlin"},
		{"europe/BERLIN", "Europe/Berlin", "Europe/Berlin"},
		{" \"US/Eastern\" ", "US/Eastern", "America/New_York"},
		{"W. Europe Standard Time", "W. Europe Standard Time", "Europe/Berlin"},
		{"Eastern Daylight Time", "Eastern Standard Time", "America/New_York"},
		{"India Standard Time", "India Standard Time", "Asia/Kolkata"},
		{"(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", "Brussels, Copenhagen, Madrid, Paris", "Europe/Paris"},
		{"Mid-Atlantic Standard Time", "Mid-Atlantic Standard Time", "Etc/GMT+2"},
		{"/mozilla.org/20050126_1/America/New_York", "America/New_York", "America/New_York"},
		{"/freeassociation.sourceforge.net/America/Argentina/Ushuaia", "America/Argentina/Ushuaia", "America/Argentina/Ushuaia"},
		{"Eastern", "Eastern Standard Time", "America/New_York"},
		{"Central Europe 2", "Central Europe Standard Time", "Europe/Budapest"},
		{"W. Europe Standard Time 1", "W. Europe Standard Time", "Europe/Berlin"},
		{"Western/Central Europe", "Western/Central Europe", "Europe/Berlin"},
		{"(GMT+01.00) Sarajevo/Warsaw/Zagreb", "Sarajevo, Skopje, Warsaw, Zagreb", "Europe/Warsaw"},
		{"(GMT+02.00) Harare / Pretoria", "Harare, Pretoria", "Africa/Johannesburg"},
		{"UTC", "UTC", "Etc/UTC"},
		{"Z", "UTC", "Etc/UTC"},
		{"GMT-5", "UTC-05:00", ""},
		{"+0530", "UTC+05:30", ""},
	} {
		z, err := LoadZone(tt.name)
		if err != nil || z.Name() != tt.want || z.IANA() != tt.iana {
			t.Errorf("LoadZone(%q) = %s %s %v, want %s %s", tt.name, z.Name(), z.IANA(), err, tt.want, tt.iana)
		}
	}
	for _, name := range []string{"", "Customized Time Zone", "America/Pittsburgh", "../../etc/passwd", "/etc/passwd", "Etc/../UTC", "UTC+99", "\x00",
		"Berlin", "Warsaw/Berlin", "Sarajevo/Warsaw/Nowhere", "/", "//", " 1", "1 1", "tzone://Microsoft/Custom"} {
		if z, err := LoadZone(name); !errors.Is(err, ErrUnknownZone) {
			t.Errorf("LoadZone(%q) = %v, %v", name, z, err)
		}
	}
	if mustZone(t, "Asia/Tokyo") != mustZone(t, "asia/tokyo") {
		t.Error("a zone is loaded twice")
	}
	if names := ZoneNames(); !slices.IsSorted(names) || len(names) < 300 || slices.Contains(names, "US/Eastern") {
		t.Errorf("ZoneNames: %d", len(names))
	}
	if got := ZoneAliases("America/New_York"); !slices.Contains(got, "US/Eastern") {
		t.Errorf("aliases of New York: %v", got)
	}
}

// TestVTimezoneRoundTrip writes each zone and reads it back.
func TestVTimezoneRoundTrip(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, row := range ianaNames {
		z := mustZone(t, row.name)
		c := z.VTimezone(math.MinInt64, math.MaxInt64)
		got, err := compileZone(c)
		if err != nil {
			t.Fatalf("%s: %v\n%s", row.name, err, c.Append(nil))
		}
		if got.IANA() != z.IANA() {
			t.Errorf("%s is taken for %q", row.name, got.IANA())
		}
		from := int64(1262304000) + rng.Int64N(1e9)
		to := from + rng.Int64N(1e9)
		cut, err := compileZone(z.VTimezone(from, to))
		if err != nil {
			t.Fatal(err)
		}
		for range 400 {
			u := -5e9 + rng.Int64N(14e9)
			if got.Offset(u) != z.Offset(u) {
				t.Fatalf("%s at %v: %d, want %d\n%s", row.name, time.Unix(u, 0).UTC(), got.Offset(u), z.Offset(u), c.Append(nil))
			}
			if u = from + rng.Int64N(max(to-from, 1)); cut.Offset(u) != z.Offset(u) {
				t.Fatalf("%s from %d to %d at %v: %d, want %d\n%s", row.name, from, to, time.Unix(u, 0).UTC(), cut.Offset(u), z.Offset(u),
					z.VTimezone(from, to).Append(nil))
			}
		}
	}
}

func BenchmarkLoadZone(b *testing.B) {
	for b.Loop() {
		if _, err := LoadZone("Europe/Berlin"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkZoneUnix(b *testing.B) {
	z := mustZone(b, "Europe/Berlin")
	for b.Loop() {
		z.Unix(1700000000)
	}
}

func BenchmarkZoneOf(b *testing.B) {
	c := mustZone(b, "Europe/Berlin").VTimezone(1e9, math.MaxInt64)
	b.Run("cached", func(b *testing.B) {
		for b.Loop() {
			if _, err := ZoneOf(c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("compiled", func(b *testing.B) {
		for b.Loop() {
			if _, err := compileZone(c); err != nil {
				b.Fatal(err)
			}
		}
	})
}
