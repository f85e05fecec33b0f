package tzdist

import (
	"math"
	"net/http"
	"strings"
	"testing"

	"convene/internal/ical"
)

// zoneOf reads the VTIMEZONE of an answer. It goes by its definition alone, and
// not by its name.
func zoneOf(t *testing.T, body []byte) (*ical.Component, *ical.Zone) {
	t.Helper()
	cal, err := ical.Decode(body, ical.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	c := cal.Child("VTIMEZONE").Clone()
	c.SetValue("TZID", "other")
	c.Remove("X-LIC-LOCATION")
	zone, err := ical.ZoneOf(c)
	if err != nil {
		t.Fatal(err)
	}
	return cal.Child("VTIMEZONE"), zone
}

func TestGet(t *testing.T) {
	h := newTest()
	for _, name := range []string{"America/New_York", "Europe/London", "Asia/Kolkata", "Australia/Lord_Howe", "Africa/Casablanca", "Etc/UTC"} {
		w := get(t, h, "/zones/"+strings.ReplaceAll(name, "/", "%2F"), nil)
		if got := w.Header().Get("Content-Type"); got != "text/calendar; charset=utf-8" {
			t.Errorf("%s: Content-Type %q", name, got)
		}
		c, zone := zoneOf(t, w.Body.Bytes())
		if c.Prop("TZID").Text() != name || c.Prop("TZID-ALIAS-OF") != nil || c.Prop("TZUNTIL") != nil {
			t.Errorf("%s: %s", name, w.Body)
		}
		known, err := ical.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		for at := int64(-2e9); at < 4e9; at += 86400 * 3 {
			if zone.Offset(at) != known.Offset(at) {
				t.Errorf("%s: at %s %d, want %d", name, formatTime(at), zone.Offset(at), known.Offset(at))
				break
			}
		}
	}
}

// TestGetAlias is the example of RFC 7808 §5.3.3.
func TestGetAlias(t *testing.T) {
	c, _ := zoneOf(t, get(t, newTest(), "/zones/US%2FEastern", nil).Body.Bytes())
	if c.Prop("TZID").Text() != "US/Eastern" || c.Prop("TZID-ALIAS-OF").Text() != "America/New_York" {
		t.Errorf("alias: %s", c.Append(nil))
	}
}

// TestGetTruncated asks for the range of RFC 7808 §5.3.4. The DTSTART that the
// section prints is a year late; as it says, it is the start in local time.
func TestGetTruncated(t *testing.T) {
	h := newTest()
	w := get(t, h, "/zones/America%2FNew_York?start=2010-01-01T00:00:00Z&end=2020-01-01T00:00:00Z", nil)
	c, zone := zoneOf(t, w.Body.Bytes())
	if p := c.Prop("TZUNTIL"); p == nil || p.Value != "20200101T000000Z" {
		t.Errorf("TZUNTIL: %+v", p)
	}
	first := c.Children[0]
	if first.Name != "STANDARD" || first.Prop("DTSTART").Value != "20091231T190000" || first.Prop("TZOFFSETFROM").Value != "-0500" || first.Prop("TZOFFSETTO").Value != "-0500" {
		t.Errorf("first observance:\n%s", first.Append(nil))
	}
	known, err := ical.LoadZone("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	from, _ := parseTime("2010-01-01T00:00:00Z")
	to, _ := parseTime("2020-01-01T00:00:00Z")
	for at := from; at < to; at += 3600 {
		if zone.Offset(at) != known.Offset(at) {
			t.Fatalf("at %s %d, want %d", formatTime(at), zone.Offset(at), known.Offset(at))
		}
	}
	if strings.Contains(w.Body.String(), "2007") {
		t.Error("there is data from before the start")
	}
	c, _ = zoneOf(t, get(t, h, "/zones/America%2FNew_York?start=2010-01-01T00:00:00Z", nil).Body.Bytes())
	if c.Prop("TZUNTIL") != nil {
		t.Error("TZUNTIL without an end")
	}
}

// TestGetExtremes asks for ranges at the ends of what can be written, in every
// zone.
func TestGetExtremes(t *testing.T) {
	h := newTest()
	for _, name := range ical.ZoneNames() {
		target := "/zones/" + strings.ReplaceAll(name, "/", "%2F")
		for _, query := range []string{
			"?start=0000-01-01T00:00:00Z", "?end=0000-01-01T00:00:01Z", "?start=9999-12-31T23:59:58Z&end=9999-12-31T23:59:59Z",
			"?end=9999-12-31T23:59:59Z", "?start=2500-07-01T00:00:00Z&end=2500-07-01T00:00:01Z",
		} {
			c, _ := zoneOf(t, get(t, h, target+query, nil).Body.Bytes())
			if len(c.Children) == 0 {
				t.Errorf("%s%s: no observance", name, query)
			}
		}
	}
}

func TestFormats(t *testing.T) {
	h := newTest()
	for _, tt := range []struct {
		query  string
		accept []string
		status int
		want   string
	}{
		{"", nil, 200, formatCalendar},
		{"", []string{"*/*"}, 200, formatCalendar},
		{"", []string{"text/html, */*;q=0.1"}, 200, formatCalendar},
		{"", []string{"application/calendar+json"}, 200, formatJCal},
		{"", []string{"application/*"}, 200, formatJCal},
		{"", []string{"text/calendar;q=0.2, application/calendar+json;q=0.5"}, 200, formatJCal},
		{"", []string{"text/calendar;q=0.2", "application/calendar+json;q=0.1"}, 200, formatCalendar},
		{"", []string{"text/calendar;q=0, */*"}, 200, formatJCal},
		{"", []string{"Text/Calendar; charset=utf-8; Q=1.0"}, 200, formatCalendar},
		{"", []string{"text/calendar;q=x"}, 406, invalidFormat},
		{"", []string{"text/calendar;q=NaN"}, 406, invalidFormat},
		{"", []string{"application/calendar+xml"}, 406, invalidFormat},
		{"", []string{""}, 406, invalidFormat},
		{"?format=application/calendar%2Bjson", []string{"text/calendar"}, 200, formatJCal},
		{"?format=text/calendar", []string{"application/json"}, 200, formatCalendar},
	} {
		var headers []string
		for _, a := range tt.accept {
			headers = append(headers, "Accept", a)
		}
		w := do(h, "GET", "/zones/GB"+tt.query, headers...)
		if w.Code != tt.status {
			t.Errorf("%s %q: %d", tt.query, tt.accept, w.Code)
			continue
		}
		got := w.Header().Get("Content-Type")
		if tt.status == http.StatusOK && (got != tt.want+"; charset=utf-8" || w.Header().Get("Vary") != "Accept") {
			t.Errorf("%s %q: %s", tt.query, tt.accept, got)
		}
		if tt.status != http.StatusOK && !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %q: %s", tt.query, tt.accept, w.Body)
		}
	}
}

// TestJCal reads the other form back: it is the same calendar.
func TestJCal(t *testing.T) {
	h := newTest()
	for _, name := range []string{"GB", "Asia%2FGaza", "America%2FNew_York?end=2031-01-01T00:00:00Z"} {
		plain := do(h, "GET", "/zones/"+name)
		jcal := do(h, "GET", "/zones/"+name, "Accept", formatJCal)
		cal, err := ical.DecodeJCal(jcal.Body.Bytes(), ical.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(cal.Append(nil)); got != plain.Body.String() {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, plain.Body)
		}
		if jcal.Header().Get("ETag") == plain.Header().Get("ETag") {
			t.Errorf("%s: both forms have the tag %s", name, plain.Header().Get("ETag"))
		}
	}
}

func TestCalendarUnknown(t *testing.T) {
	if _, err := calendar("No/Where", math.MinInt64, math.MaxInt64); err == nil {
		t.Error("a zone that nobody knows")
	}
}
