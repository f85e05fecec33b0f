package i18n

import (
	"strconv"
	"strings"
	"time"
)

// A format is how dates and times are written in a language: names, and patterns of
// UTS #35.
type format struct {
	months, monthsAlone, monthsShort [12]string
	days, daysShort, daysNarrow      [7]string // Sunday first
	am, pm                           string

	full, long, day, short, monthDay, monthYear string
	hours24, hours12                            string
}

// FullDate writes a day with its weekday: "Wednesday, December 2, 2026".
func (l *Language) FullDate(t time.Time) string { return l.format.write(l.format.full, t) }

// LongDate writes a day: "December 2, 2026".
func (l *Language) LongDate(t time.Time) string { return l.format.write(l.format.long, t) }

// DayDate writes a day with its weekday, short: "Wed, Dec 2, 2026".
func (l *Language) DayDate(t time.Time) string { return l.format.write(l.format.day, t) }

// ShortDate writes a day in figures: "12/2/2026".
func (l *Language) ShortDate(t time.Time) string { return l.format.write(l.format.short, t) }

// MonthDay writes a day of a year that is known: "Dec 2".
func (l *Language) MonthDay(t time.Time) string { return l.format.write(l.format.monthDay, t) }

// MonthYear writes a month: "December 2026".
func (l *Language) MonthYear(t time.Time) string { return l.format.write(l.format.monthYear, t) }

// Month returns the name of a month by itself.
func (l *Language) Month(m time.Month) string { return l.format.monthsAlone[m-1] }

// Weekday returns the name of a weekday.
func (l *Language) Weekday(d time.Weekday) string { return l.format.days[d] }

// WeekdayShort returns the name of a weekday, short: "Wed".
func (l *Language) WeekdayShort(d time.Weekday) string { return l.format.daysShort[d] }

// WeekdayNarrow returns the letter of a weekday, which several may have.
func (l *Language) WeekdayNarrow(d time.Weekday) string { return l.format.daysNarrow[d] }

// Clock writes a time of day: "14:30" or "2:30 PM".
func (o *Locale) Clock(t time.Time) string {
	if o.Hours12 {
		return o.format.write(o.format.hours12, t)
	}
	return o.format.write(o.format.hours24, t)
}

// Moment writes a day and a time of day.
func (o *Locale) Moment(t time.Time) string { return o.DayDate(t) + " " + o.Clock(t) }

// Weekdays returns the days of a week in their order.
func (o *Locale) Weekdays() (days [7]time.Weekday) {
	for i := range days {
		days[i] = (o.FirstDay + time.Weekday(i)) % 7
	}
	return days
}

// write writes t by a pattern of UTS #35, as far as cldr.go needs it: letters are
// fields, and what is between apostrophes is text.
func (f *format) write(pattern string, t time.Time) string {
	var b strings.Builder
	b.Grow(2 * len(pattern))
	for i := 0; i < len(pattern); {
		c := pattern[i]
		if c == '\'' {
			end := strings.IndexByte(pattern[i+1:], '\'')
			if end < 0 {
				return b.String()
			}
			if end == 0 {
				b.WriteByte('\'')
			}
			b.WriteString(pattern[i+1 : i+1+end])
			i += end + 2
			continue
		}
		n := 1
		for i+n < len(pattern) && pattern[i+n] == c {
			n++
		}
		f.field(&b, c, n, pattern[i:i+n], t)
		i += n
	}
	return b.String()
}

// field writes one field of n letters c.
func (f *format) field(b *strings.Builder, c byte, n int, text string, t time.Time) {
	number := func(v int) {
		if n == 2 && v < 10 {
			b.WriteByte('0')
		}
		b.WriteString(strconv.Itoa(v))
	}
	switch c {
	case 'y':
		b.WriteString(strconv.Itoa(t.Year()))
	case 'M', 'L':
		f.month(b, c, n, number, t.Month())
	case 'd':
		number(t.Day())
	case 'E', 'c':
		if n == 4 {
			b.WriteString(f.days[t.Weekday()])
		} else {
			b.WriteString(f.daysShort[t.Weekday()])
		}
	case 'H':
		number(t.Hour())
	case 'h':
		number((t.Hour()+11)%12 + 1)
	case 'K':
		number(t.Hour() % 12)
	case 'm':
		number(t.Minute())
	case 'a':
		if t.Hour() < 12 {
			b.WriteString(f.am)
		} else {
			b.WriteString(f.pm)
		}
	default:
		b.WriteString(text)
	}
}

func (f *format) month(b *strings.Builder, c byte, n int, number func(int), m time.Month) {
	switch {
	case n <= 2:
		number(int(m))
	case n == 3:
		b.WriteString(f.monthsShort[m-1])
	case c == 'L':
		b.WriteString(f.monthsAlone[m-1])
	default:
		b.WriteString(f.months[m-1])
	}
}
