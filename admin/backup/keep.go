package backup

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Keep says which backups stay: the newest of each of the last Days days, Weeks weeks
// (from Monday) and Months months that have any, by UTC; and the newest in any case.
// The zero Keep keeps all.
type Keep struct{ Days, Weeks, Months int }

// ErrKeep says that a text is no Keep.
var ErrKeep = errors.New("want days, weeks and months, such as 7d,4w,12m")

// ParseKeep reads "7d,4w,12m". Each part may be missing, not all. Errors: ErrKeep.
func ParseKeep(text string) (Keep, error) {
	var k Keep
	for part := range strings.SplitSeq(text, ",") {
		var field *int
		number := ""
		if part != "" {
			number = part[:len(part)-1]
			field = map[byte]*int{'d': &k.Days, 'w': &k.Weeks, 'm': &k.Months}[part[len(part)-1]]
		}
		n, err := strconv.Atoi(number)
		if field == nil || *field != 0 || err != nil || n < 1 {
			return Keep{}, fmt.Errorf("%q: %w", text, ErrKeep)
		}
		*field = n
	}
	return k, nil
}

// expired returns those of times that k does not keep.
func (k Keep) expired(times []time.Time) (out []time.Time) {
	if k == (Keep{}) || len(times) == 0 {
		return nil
	}
	newest := slices.SortedFunc(slices.Values(times), func(a, b time.Time) int { return b.Compare(a) })
	kept := map[time.Time]bool{newest[0]: true}
	for _, rule := range []struct {
		count  int
		period func(time.Time) string
	}{
		{k.Days, func(t time.Time) string { return t.Format(time.DateOnly) }},
		{k.Weeks, func(t time.Time) string { year, week := t.ISOWeek(); return fmt.Sprint(year, week) }},
		{k.Months, func(t time.Time) string { return t.Format("2006-01") }},
	} {
		last, left := "", rule.count
		for _, t := range newest {
			if p := rule.period(t); p != last && left > 0 {
				last = p
				left--
				kept[t] = true
			}
		}
	}
	for _, t := range newest {
		if !kept[t] {
			out = append(out, t)
		}
	}
	return out
}
