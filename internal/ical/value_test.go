package ical

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestParseDateTime(t *testing.T) {
	for _, tt := range []struct {
		value, tzid string
		isDate      bool
		want        string // "" is an error
		kind        Kind
	}{
		{"20240229", "", true, "20240229", Date},
		{"20240229", "", false, "20240229", Date},
		{"20240229Z", "", false, "20240229", Date},
		{"20240229z", "Europe/Nowhere", true, "20240229", Date},
		{"20240229ZZ", "", false, "", 0},
		{"20240229X", "", false, "", 0},
		{"20240229T000000", "", true, "20240229", Date},
		{"20240229T103000", "", true, "20240229", Date},
		{"20240229T103000", "", false, "20240229T103000", Floating},
		{"20240229T103000Z", "", false, "20240229T103000Z", UTC},
		{"20240229t103000z", "", false, "20240229T103000Z", UTC},
		{" 20240229T103000Z ", "", false, "20240229T103000Z", UTC},
		{"20240229T103000Z", "Europe/Nowhere", false, "20240229T103000Z", UTC},
		{"20161231T235960Z", "", false, "20161231T235959Z", UTC},
		{"00001231T000000Z", "", false, "00001231T000000Z", UTC},
		{"99991231T235959", "", false, "99991231T235959", Floating},
		{"16010101T000000", "", false, "16010101T000000", Floating},
		{"20240229T103000", "Europe/Nowhere", false, "", 0},
		{"20230229", "", false, "", 0},
		{"20240001", "", false, "", 0},
		{"20241301", "", false, "", 0},
		{"20240100", "", false, "", 0},
		{"20240431", "", false, "", 0},
		{"19000229", "", false, "", 0},
		{"20240101T240000", "", false, "", 0},
		{"20240101T106000", "", false, "", 0},
		{"20240101T100061", "", false, "", 0},
		{"20240101 100000", "", false, "", 0},
		{"20240101T100000+", "", false, "", 0},
		{"2024-01-01", "", false, "", 0},
		{"+2024010", "", false, "", 0},
		{"", "", false, "", 0},
	} {
		got, err := ParseDateTime(tt.value, tt.tzid, tt.isDate, nil)
		switch {
		case tt.want == "":
			if err == nil || (!errors.Is(err, ErrValue) && !errors.Is(err, ErrUnknownZone)) {
				t.Errorf("%q is %v, %v", tt.value, got, err)
			}
		case err != nil || got.String() != tt.want || got.Kind != tt.kind:
			t.Errorf("%q = %v (%v), %v, want %s (%v)", tt.value, got, got.Kind, err, tt.want, tt.kind)
		}
	}
}

func TestCivil(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		days := rapid.Int64Range(-720_000, 2_940_000).Draw(t, "days")
		y, m, d := civilOfDays(days)
		if m < 1 || m > 12 || d < 1 || d > daysInMonth(y, m) || daysOfCivil(y, m, d) != days {
			t.Fatalf("day %d is %d-%d-%d, which is %d", days, y, m, d, daysOfCivil(y, m, d))
		}
		y2, m2, d2 := civilOfDays(days + 1)
		if d == daysInMonth(y, m) && (d2 != 1 || m2 != m%12+1 || (m == 12) != (y2 == y+1)) {
			t.Fatalf("the day after %d-%d-%d is %d-%d-%d", y, m, d, y2, m2, d2)
		}
	})
}

func TestParseDuration(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  Duration
		text  string // "" is an error
	}{
		{"P1D", Duration{1, 0}, "P1D"},
		{"P1DT", Duration{1, 0}, "P1D"},
		{"-P1DT2H3M4S", Duration{-1, -7384}, "-P1DT2H3M4S"},
		{"+PT15M", Duration{0, 900}, "PT15M"},
		{"P2W", Duration{14, 0}, "P2W"},
		{"P1W1D", Duration{8, 0}, "P8D"},
		{"p7d", Duration{7, 0}, "P1W"},
		{"PT0S", Duration{0, 0}, "PT0S"},
		{"-PT0S", Duration{0, 0}, "PT0S"},
		{"PT36H", Duration{0, 129600}, "PT36H"},
		{"PT1H30S", Duration{0, 3630}, "PT1H30S"},
		{" PT1M ", Duration{0, 60}, "PT1M"},
		{"P", Duration{}, ""}, {"PT", Duration{}, ""}, {"", Duration{}, ""}, {"-", Duration{}, ""},
		{"P1", Duration{}, ""}, {"PD", Duration{}, ""}, {"P1H", Duration{}, ""}, {"PT1D", Duration{}, ""},
		{"P1Y", Duration{}, ""}, {"PT1.5H", Duration{}, ""}, {"PT1HT1M", Duration{}, ""}, {"1D", Duration{}, ""},
		{"PT99999999999999999999S", Duration{}, ""}, {"P400000000000W", Duration{}, ""},
	} {
		got, err := ParseDuration(tt.value)
		if tt.text == "" {
			if !errors.Is(err, ErrValue) {
				t.Errorf("%q is %v, %v", tt.value, got, err)
			}
			continue
		}
		if err != nil || got != tt.want || got.String() != tt.text {
			t.Errorf("%q = %+v %q, %v, want %+v %q", tt.value, got, got, err, tt.want, tt.text)
		}
	}
}

func TestParseOffset(t *testing.T) {
	for _, tt := range []struct {
		value string
		want  int
		text  string // "" is an error
	}{
		{"+0100", 3600, "+0100"},
		{"-0530", -19800, "-0530"},
		{"+005328", 3208, "+005328"},
		{"-00:00", 0, "+0000"},
		{"+01:00", 3600, "+0100"},
		{"+01", 3600, "+0100"},
		{"1400", 50400, "+1400"},
		{"+2400", 0, ""}, {"+0160", 0, ""}, {"+010060", 0, ""}, {"+1", 0, ""}, {"", 0, ""}, {"+01x0", 0, ""},
	} {
		got, err := ParseOffset(tt.value)
		if tt.text == "" {
			if !errors.Is(err, ErrValue) {
				t.Errorf("%q is %d, %v", tt.value, got, err)
			}
			continue
		}
		if err != nil || got != tt.want || FormatOffset(got) != tt.text {
			t.Errorf("%q = %d %q, %v, want %d %q", tt.value, got, FormatOffset(got), err, tt.want, tt.text)
		}
	}
}

func TestParsePeriod(t *testing.T) {
	for _, tt := range []struct{ value, start, end string }{
		{"20240101T100000Z/20240101T110000Z", "20240101T100000Z", "20240101T110000Z"},
		{"20240101T100000Z/PT1H30M", "20240101T100000Z", "20240101T113000Z"},
		{"20240101T100000/P1D", "20240101T100000", "20240102T100000"},
		{"20240101T100000Z", "", ""},
		{"20240101T100000Z/", "", ""},
		{"20240101T100000Z/P", "", ""},
		{"/PT1H", "", ""},
	} {
		got, err := ParsePeriod(tt.value, "", nil)
		if tt.start == "" {
			if !errors.Is(err, ErrValue) {
				t.Errorf("%q is %v, %v", tt.value, got, err)
			}
			continue
		}
		if err != nil || got.Start.String() != tt.start || got.End.String() != tt.end {
			t.Errorf("%q = %v, %v", tt.value, got, err)
		}
	}
	p := NewProperty("FREEBUSY", "20240101T100000Z/PT1H,,20240101T120000Z/PT1H")
	if all, err := p.Periods(nil); err != nil || len(all) != 2 {
		t.Errorf("periods: %v, %v", all, err)
	}
	p = NewProperty("EXDATE", "20240101,20240103, 20240105,")
	if all, err := p.DateTimes(nil); err != nil || len(all) != 3 || all[2].String() != "20240105" {
		t.Errorf("dates: %v, %v", all, err)
	}
}

func TestAdd(t *testing.T) {
	for _, tt := range []struct{ start, duration, want string }{
		{"20240228", "P2D", "20240301"},
		{"20240228", "PT1H", "20240229"},
		{"20240228", "PT24H", "20240229"},
		{"20240228", "PT25H", "20240301"},
		{"20240228", "-P1D", "20240227"},
		{"20240228T230000", "PT2H", "20240229T010000"},
		{"20240228T230000Z", "P1DT1H", "20240301T000000Z"},
	} {
		start, err1 := ParseDateTime(tt.start, "", false, nil)
		d, err2 := ParseDuration(tt.duration)
		if err := errors.Join(err1, err2); err != nil {
			t.Fatal(err)
		}
		if got := start.Add(d).String(); got != tt.want {
			t.Errorf("%s + %s = %s, want %s", tt.start, tt.duration, got, tt.want)
		}
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct{ value, want string }{
		{`plain`, "plain"},
		{`a\nb\Nc`, "a\nb\nc"},
		{`a\,b\;c\\d`, `a,b;c\d`},
		{`a,b;c`, "a,b;c"},
		{`a\:b\"c`, `a:b"c`},
		{`C:\temp\`, `C:\temp\`},
		{`\\n`, `\n`},
		{`\é\ x`, `\é\ x`},
	} {
		if got := UnescapeText(tt.value); got != tt.want {
			t.Errorf("%q = %q, want %q", tt.value, got, tt.want)
		}
	}
	if got := EscapeText("a\r\nb\rc\x00,;\\\t"); got != `a\nb\nc\,\;\\`+"\t" {
		t.Errorf("escaped: %q", got)
	}
	p := NewProperty("CATEGORIES", `a\,b,c,,d\`)
	if got := p.TextList(); !slices.Equal(got, []string{"a,b", "c", "", `d\`}) {
		t.Errorf("list: %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a\\,;:"n\n é]*`).Draw(t, "text")
		if got := UnescapeText(EscapeText(text)); got != text {
			t.Fatalf("%q comes back as %q", text, got)
		}
	})
}

func TestControlAt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringOf(rapid.SampledFrom([]rune{'a', ' ', '\t', '~', 'é', '€', '🙂', '\u0080', '\ufffd', 0x7f, 0x1f, 0})).Draw(t, "s")
		if got, want := controlAt(s), controlIn(s); got != want {
			t.Fatalf("%q: %d, want %d", s, got, want)
		}
	})
}

func TestAddress(t *testing.T) {
	for in, want := range map[string]string{
		" MAILTO:Ann@Example.COM ":   "mailto:ann@example.com",
		"urn:uuid:AB-C":              "urn:uuid:AB-C",
		"/principals/__uids__/AB-C/": "/principals/__uids__/AB-C/",
		"HTTP://Host/Path":           "http://Host/Path",
	} {
		p := NewProperty("ATTENDEE", in)
		if got := p.Address(); got != want {
			t.Errorf("%q = %q, want %q", in, got, want)
		}
	}
}
