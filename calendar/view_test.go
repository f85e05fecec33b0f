package calendar_test

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"convene/calendar"
	"convene/internal/ical"
	"convene/quota"
	"convene/store"
)

// as shows everything in one view.
type as calendar.View

func (v as) View(*store.Collection, *store.Entry) calendar.View { return calendar.View(v) }
func (v as) Title(*store.Collection, *ical.Object) string       { return "Booked" }
func (v as) ShowsAll(*store.Collection) bool                    { return calendar.View(v) == calendar.Whole }

// mark is in every text that an event of the test has and that is not for everybody.
const mark = "qzx"

// hidden are properties of which nobody but the owner reads anything, and shown those
// that are in the summary.
var (
	hidden = []string{"DESCRIPTION", "COMMENT", "CATEGORIES", "CONTACT", "URL", "ATTENDEE", "ORGANIZER", "ATTACH", "GEO", "RESOURCES",
		"PRIORITY", "RELATED-TO", "X-APPLE-STRUCTURED-LOCATION", "X-ALT-DESC", "CLASS", "COLOR", "IMAGE", "CONFERENCE"}
	shown = []string{"SUMMARY", "LOCATION"}
)

// event draws an event with texts in all places where there can be one.
func drawEvent(t *rapid.T) string {
	text := rapid.StringMatching(`[a-z ]{0,90}` + mark + `[a-zé ]{0,90}`)
	var b strings.Builder
	b.WriteString("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nX-WR-CALNAME:" + text.Draw(t, "name") + "\r\n")
	component := rapid.SampledFrom([]string{"VEVENT", "VTODO", "VJOURNAL"}).Draw(t, "component")
	parts := rapid.IntRange(1, 3).Draw(t, "parts")
	for i := range parts {
		b.WriteString("BEGIN:" + component + "\r\nUID:" + component + "\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;X-NOTE=\"" + text.Draw(t, "param") + "\":2026050" + string(rune('4'+i)) + "T120000Z\r\n")
		if i == 0 {
			b.WriteString("RRULE:FREQ=DAILY;COUNT=5\r\n")
		} else {
			b.WriteString("RECURRENCE-ID:2026050" + string(rune('4'+i)) + "T120000Z\r\n")
		}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(slices.Concat(hidden, shown)), rapid.ID).Draw(t, "properties") {
			b.WriteString(name)
			if rapid.Bool().Draw(t, "with a parameter") {
				b.WriteString(`;ALTREP="http://example.com/` + mark + `"`)
			}
			b.WriteString(":" + text.Draw(t, name) + "\r\n")
		}
		if component != "VJOURNAL" && rapid.Bool().Draw(t, "alarm") {
			b.WriteString("BEGIN:VALARM\r\nACTION:DISPLAY\r\nTRIGGER:-PT5M\r\nDESCRIPTION:" + text.Draw(t, "alarm's text") + "\r\nEND:VALARM\r\n")
		}
		if rapid.Bool().Draw(t, "a component of another") {
			b.WriteString("BEGIN:VLOCATION\r\nNAME:" + text.Draw(t, "place") + "\r\nEND:VLOCATION\r\n")
		}
		b.WriteString("END:" + component + "\r\n")
	}
	return b.String() + "END:VCALENDAR\r\n"
}

// A part of an object has nothing in it of what is not shown, in any form, and still
// says when it is.
func TestViewsHide(t *testing.T) {
	c := open(t, quota.Limits{})
	update(t, c, func(tx *calendar.Tx, home *store.Home) error {
		_, err := tx.Create(home, store.NewCollection{Name: "journal", Kind: store.KindCalendar, Components: store.VJOURNAL})
		return err
	})
	rapid.Check(t, func(rt *rapid.T) {
		body := drawEvent(rt)
		d, err := c.Rules.Parse([]byte(body), calendar.ICalendar)
		if err != nil {
			rt.Skip(err) // this draw is no object; rapid makes another, and the test goes on
		}
		view := rapid.SampledFrom([]calendar.View{calendar.Summary, calendar.Titled, calendar.Times, calendar.Nothing}).Draw(rt, "view")
		col := map[string]string{"VEVENT": "calendar", "VTODO": "tasks", "VJOURNAL": "journal"}[d.Object.Kind]
		err = try(t, c, func(tx *calendar.Tx, home *store.Home) error {
			w, err := tx.Put(in(t, tx, home, col), "u.ics", d)
			if err != nil {
				return err
			}
			checkView(rt, tx, in(t, tx, home, col), w.Entry, view, d.Object)
			return nil
		})
		if err != nil {
			rt.Fatal(err)
		}
	})
}

func checkView(t *rapid.T, tx *calendar.Tx, col *store.Collection, e *store.Entry, view calendar.View, whole *ical.Object) {
	tx.ShowTo(as(view))
	body, err := tx.Bytes(col, e)
	if view == calendar.Nothing {
		if err == nil || body != nil {
			t.Fatalf("shown: %s, %v", body, err)
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if n, err := tx.Size(col, e); n != len(body) || err != nil {
		t.Errorf("Size = %d, %v; want %d", n, err, len(body))
	}
	object, err := tx.Parsed(col, e)
	if err != nil {
		t.Fatal(err)
	}
	jcal := string(object.Calendar.AppendJCal(nil))
	for _, text := range []string{unfold(body), jcal} {
		for line := range strings.SplitSeq(strings.ReplaceAll(text, "],[", "\r\n"), "\r\n") {
			upper := strings.ToUpper(strings.Trim(line, `["`))
			summary := view == calendar.Summary && (strings.HasPrefix(upper, "SUMMARY") || strings.HasPrefix(upper, "LOCATION"))
			if strings.Contains(line, mark) && !summary {
				t.Errorf("view %d shows %q", view, line)
			}
		}
	}
	if named := strings.Count(unfold(body), "\r\nSUMMARY:Booked\r\n"); view == calendar.Titled && named != len(whole.Calendar.AllChildren(whole.Kind)) {
		t.Errorf("%d titles: %s", named, body)
	}
	from, err := whole.Series()
	if err != nil {
		t.Fatal(err)
	}
	to, err := object.Series()
	if err != nil {
		t.Fatal(err)
	}
	s1, e1, o1 := from.Span(nil)
	s2, e2, o2 := to.Span(nil)
	if s1 != s2 || e1 != e2 || o1 != o2 {
		t.Errorf("when it is: %d %d %v, want %d %d %v", s2, e2, o2, s1, e1, o1)
	}
	tx.ShowTo(nil)
	if again, err := tx.Bytes(col, e); err != nil || !strings.Contains(string(again), "X-WR-CALNAME") {
		t.Errorf("the whole is no longer shown: %s, %v", again, err)
	}
}

func unfold(b []byte) string { return strings.ReplaceAll(string(b), "\r\n ", "") }
