package ical

import (
	"math/bits"
	"strconv"
)

// String returns the rule in a normal form: parts in a fixed order, numbers
// sorted, defaults left out.
func (r *Rule) String() string { return string(r.appendTo(nil)) }

func (r *Rule) appendTo(dst []byte) []byte {
	switch {
	case r.rscale != nil:
		dst = append(append(append(dst, "RSCALE="...), r.rscale.Name...), ';')
	case r.skip != skipOmit:
		dst = append(dst, "RSCALE=GREGORIAN;"...)
	}
	dst = append(append(dst, "FREQ="...), r.freq.String()...)
	if r.skip != skipOmit {
		dst = append(append(dst, ";SKIP="...), skipNames[r.skip]...)
	}
	if r.hasUntil {
		dst = r.until.Append(append(dst, ";UNTIL="...))
	}
	if r.count > 0 {
		dst = strconv.AppendInt(append(dst, ";COUNT="...), r.count, 10)
	}
	if r.interval > 1 {
		dst = strconv.AppendInt(append(dst, ";INTERVAL="...), r.interval, 10)
	}
	dst = r.appendMonths(dst)
	dst = appendNumbers(dst, ";BYWEEKNO=", r.weekNos)
	dst = appendNumbers(dst, ";BYYEARDAY=", r.yearDays)
	dst = appendBits(dst, ";BYMONTHDAY=", uint64(r.monthDays), uint64(r.lastDays))
	dst = r.appendDays(dst)
	dst = appendBits(dst, ";BYHOUR=", uint64(r.hours), 0)
	dst = appendBits(dst, ";BYMINUTE=", r.minutes, 0)
	dst = appendBits(dst, ";BYSECOND=", r.seconds, 0)
	dst = appendNumbers(dst, ";BYSETPOS=", r.setPos)
	if r.wkst != 1 {
		dst = append(append(dst, ";WKST="...), weekdayNames[r.wkst]...)
	}
	return dst
}

func (r *Rule) appendMonths(dst []byte) []byte {
	sep := ";BYMONTH="
	for n := 1; n <= 13; n++ {
		for i, set := range [...]uint16{r.months, r.leapMonths} {
			if set&(1<<n) == 0 {
				continue
			}
			dst = strconv.AppendInt(append(dst, sep...), int64(n), 10)
			if sep = ","; i == 1 {
				dst = append(dst, 'L')
			}
		}
	}
	return dst
}

func (r *Rule) appendDays(dst []byte) []byte {
	sep := ";BYDAY="
	for i := range 7 {
		day := (i + 1) % 7 // from Monday
		if r.weekdays&(1<<day) != 0 {
			dst = append(append(dst, sep...), weekdayNames[day]...)
			sep = ","
		}
	}
	for _, nth := range r.nthDays {
		dst = strconv.AppendInt(append(dst, sep...), int64(nth.n), 10)
		dst = append(dst, weekdayNames[nth.wday]...)
		sep = ","
	}
	return dst
}

// appendBits writes the numbers of the bits of set, then those of neg with a
// minus; nothing if there are none.
func appendBits(dst []byte, sep string, set, neg uint64) []byte {
	for ; set != 0; set &= set - 1 {
		dst = strconv.AppendInt(append(dst, sep...), int64(bits.TrailingZeros64(set)), 10)
		sep = ","
	}
	for ; neg != 0; neg &= neg - 1 {
		dst = strconv.AppendInt(append(dst, sep...), -int64(bits.TrailingZeros64(neg)), 10)
		sep = ","
	}
	return dst
}

func appendNumbers[N int8 | int16](dst []byte, sep string, all []N) []byte {
	for _, n := range all {
		dst = strconv.AppendInt(append(dst, sep...), int64(n), 10)
		sep = ","
	}
	return dst
}
