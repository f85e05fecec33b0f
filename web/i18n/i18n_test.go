package i18n_test

import (
	"strings"
	"testing"
	"time"

	"convene/web/i18n"
)

func load(t *testing.T) *i18n.Catalogue {
	t.Helper()
	c := i18n.Load()
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	return c
}

// Account setting, then Accept-Language, then English.
func TestChoice(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		choice i18n.Choice
		tag    string
		clock  string
		first  time.Weekday
	}{
		{i18n.Choice{}, "en", "14:05", time.Monday},
		{i18n.Choice{Accept: "en-US,en;q=0.9"}, "en", "2:05 PM", time.Sunday},
		{i18n.Choice{Accept: "en-GB"}, "en", "14:05", time.Monday},
		{i18n.Choice{Accept: "de-AT, en;q=0.5"}, "de", "14:05", time.Monday},
		{i18n.Choice{Accept: "nl, fr;q=0.8"}, "fr", "14:05", time.Monday},
		{i18n.Choice{Accept: "ja"}, "ja", "14:05", time.Sunday},
		{i18n.Choice{Accept: "es-MX"}, "es", "14:05", time.Sunday},
		{i18n.Choice{Accept: "ar"}, "en", "", time.Saturday},
		{i18n.Choice{Accept: "en-XA"}, "en-XA", "14:05", time.Monday},
		{i18n.Choice{Accept: "ar-XB"}, "ar-XB", "14:05", time.Monday},
		{i18n.Choice{Language: "de", Accept: "en-US"}, "de", "14:05", time.Monday},
		{i18n.Choice{Language: "xx", Accept: "fr"}, "fr", "14:05", time.Monday},
		{i18n.Choice{Accept: "en-US", Clock: "24", Week: "monday"}, "en", "14:05", time.Monday},
		{i18n.Choice{Accept: "de", Clock: "12", Week: "saturday"}, "de", "2:05 PM", time.Saturday},
		{i18n.Choice{Accept: ";;;\x00" + strings.Repeat("x", 10_000)}, "en", "14:05", time.Monday},
	} {
		l := c.Locale(tt.choice)
		clock := l.Clock(time.Date(2026, 12, 2, 14, 5, 0, 0, time.UTC))
		if l.Tag != tt.tag || tt.clock != "" && clock != tt.clock || l.FirstDay != tt.first {
			t.Errorf("%+v: %s, %s, %s; want %s, %s, %s", tt.choice, l.Tag, clock, l.FirstDay, tt.tag, tt.clock, tt.first)
		}
	}
}

// Dates as CLDR 41 has them.
func TestDates(t *testing.T) {
	c, day := load(t), time.Date(2026, 12, 2, 0, 30, 0, 0, time.UTC)
	for tag, want := range map[string]string{
		"en": "Wednesday, December 2, 2026|December 2, 2026|Wed, Dec 2, 2026|12/2/2026|Dec 2|December 2026|12:30 AM",
		"de": "Mittwoch, 2. Dezember 2026|2. Dezember 2026|Mi., 2. Dez. 2026|2.12.2026|2. Dez.|Dezember 2026|12:30 AM",
		"fr": "mercredi 2 décembre 2026|2 décembre 2026|mer. 2 déc. 2026|02/12/2026|2 déc.|décembre 2026|12:30 AM",
		"es": "miércoles, 2 de diciembre de 2026|2 de diciembre de 2026|mié, 2 dic 2026|2/12/2026|2 dic|diciembre de 2026|12:30 a. m.",
		"ja": "2026年12月2日水曜日|2026年12月2日|2026年12月2日(水)|2026/12/2|12月2日|2026年12月|午前0:30",
	} {
		l := c.Locale(i18n.Choice{Language: tag, Clock: "12"})
		got := strings.Join([]string{l.FullDate(day), l.LongDate(day), l.DayDate(day), l.ShortDate(day), l.MonthDay(day), l.MonthYear(day), l.Clock(day)}, "|")
		if got = strings.ReplaceAll(got, "\u00a0", " "); got != want {
			t.Errorf("%s:\n got %s\nwant %s", tag, got, want)
		}
	}
}

func TestNumbers(t *testing.T) {
	c := load(t)
	for _, tt := range []struct {
		tag  string
		n    int
		want string
	}{
		{"en", 1, "1 session"}, {"en", 0, "0 sessions"}, {"de", 2, "2 Sitzungen"}, {"fr", 0, "0 session"}, {"fr", 2, "2 sessions"},
		{"fr", 2_000_000, "2000000 de sessions"}, {"es", 1, "1 sesión"}, {"ja", 5, "5 件"},
	} {
		if got := c.Language(tt.tag).N("manage.sessions-count", tt.n); got != tt.want {
			t.Errorf("%s, %d: %q, want %q", tt.tag, tt.n, got, tt.want)
		}
	}
}

// What is filled in comes as it is, also in the languages for tests.
func TestPseudo(t *testing.T) {
	c := load(t)
	if got := c.Language("en-XA").T("my.hello", "name", "Ann {name}"); !strings.Contains(got, "Ann {name}") || !strings.HasPrefix(got, "[Héļļö") {
		t.Errorf("en-XA: %q", got)
	}
	if l := c.Language("ar-XB"); l.Dir != "rtl" || !strings.Contains(l.T("my.save"), "\u202eSave\u202c") {
		t.Errorf("ar-XB: %s %q", l.Dir, l.T("my.save"))
	}
}
