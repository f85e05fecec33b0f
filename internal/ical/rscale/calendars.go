package rscale

// The first days of the calendars, counted from 1 January 1970.
const (
	ethiopicEpoch = -716367 // 1 Mäskäräm 1
	hebrewEpoch   = -2092590
	islamicCivil  = -492148 // 1 Muharram 1: a Friday
	islamicTBLA   = -492149 // a Thursday
	persianEpoch  = -492268 // 1 Farvardin 1
	ummAlQuraZero = -31826  // 1 Muharram 1300
)

// ethiopic is the calendar of Ethiopia and that of the Copts: twelve months of 30
// days and one of 5 or 6. Where their years begin to be counted differs, by what
// does not matter to leap years.
type ethiopic struct{}

func (ethiopic) Year(n int) (y Year) {
	y.First = ethiopicEpoch + 365*int64(n-1) + floorDiv(int64(n), 4)
	for m := int8(1); m <= 12; m++ {
		y.add(30, m, false)
	}
	y.add(5+int(floorDiv(int64(n)+1, 4)-floorDiv(int64(n), 4)), 13, false)
	return y
}

func (ethiopic) MonthsBefore(n int) int64 { return 13 * int64(n) }
func (ethiopic) YearNear(day int64) int   { return int(floorDiv(4*(day-ethiopicEpoch), 1461)) + 1 }

// indian is the national calendar of India, bound to the Gregorian: Chaitra begins
// on 22 March, in leap years on the 21st.
type indian struct{}

// march22 returns that day of a Gregorian year.
func (indian) march22(year int) int64 {
	y := int64(year)
	return 365*y + floorDiv(y, 4) - floorDiv(y, 100) + floorDiv(y, 400) - 719447
}

func (c indian) Year(n int) (y Year) {
	y.First = c.march22(n + 78)
	first := 30
	if y.First-c.march22(n+77) == 366 {
		y.First--
		first = 31
	}
	y.add(first, 1, false)
	for m := int8(2); m <= 12; m++ {
		length := 30
		if m <= 6 {
			length = 31
		}
		y.add(length, m, false)
	}
	return y
}

func (indian) MonthsBefore(n int) int64 { return 12 * int64(n) }
func (indian) YearNear(day int64) int   { return 1892 + int(floorDiv(400*day, 146097)) }

// islamic is the tabular Islamic calendar, with eleven leap years in thirty.
type islamic struct{ epoch int64 }

func (s islamic) Year(n int) (y Year) {
	before := func(n int) int64 { return 354*int64(n-1) + floorDiv(3+11*int64(n), 30) }
	y.First = s.epoch + before(n)
	for m := int8(1); m <= 11; m++ {
		y.add(29+int(m&1), m, false)
	}
	y.add(int(before(n+1)-before(n))-y.Days, 12, false)
	return y
}

func (islamic) MonthsBefore(n int) int64 { return 12 * int64(n) }
func (s islamic) YearNear(day int64) int { return int(floorDiv(30*(day-s.epoch), 10631)) + 1 }

// ummAlQura is the calendar of Saudi Arabia, of which a table is published.
type ummAlQura struct{}

func (ummAlQura) Year(n int) (y Year) {
	i := n - 1300
	switch {
	case i < 0:
		y.First = ummAlQuraZero + 354*int64(i)
		return y
	case i >= len(ummAlQuraYears):
		y.First = ummAlQuraEnd + 355*int64(i-len(ummAlQuraYears))
		return y
	}
	y.First = ummAlQuraZero + int64(ummAlQuraYears[i].before)
	for m := int8(1); m <= 12; m++ {
		y.add(29+int(ummAlQuraYears[i].long>>(m-1)&1), m, false)
	}
	return y
}

func (ummAlQura) MonthsBefore(n int) int64 { return 12 * int64(n) }
func (ummAlQura) YearNear(day int64) int   { return 1300 + int(floorDiv(30*(day-ummAlQuraZero), 10631)) }

// persian is the calendar of Iran, with eight leap years in 33. The equinox, which
// decides, agrees with this until the year 2256.
type persian struct{}

func (persian) Year(n int) (y Year) {
	before := func(n int) int64 { return 365*int64(n-1) + floorDiv(8*int64(n)+21, 33) }
	y.First = persianEpoch + before(n)
	for m := int8(1); m <= 11; m++ {
		length := 30
		if m <= 6 {
			length = 31
		}
		y.add(length, m, false)
	}
	y.add(int(before(n+1)-before(n))-y.Days, 12, false)
	return y
}

func (persian) MonthsBefore(n int) int64 { return 12 * int64(n) }
func (persian) YearNear(day int64) int   { return int(floorDiv(33*(day-persianEpoch), 12053)) + 1 }

// hebrew is the Hebrew calendar. Its leap month, 5L, is Adar I.
type hebrew struct{}

// newYear returns the first of Tishri of a year.
func (hebrew) newYear(n int) int64 {
	elapsed := func(n int) int64 {
		months := floorDiv(235*int64(n)-234, 19)
		parts := 12084 + 13753*months
		day := 29*months + floorDiv(parts, 25920)
		if floorMod(3*(day+1), 7) < 3 {
			day++ // not on a Sunday, Wednesday or Friday
		}
		return day
	}
	before, day, after := elapsed(n-1), elapsed(n), elapsed(n+1)
	switch {
	case after-day == 356: // years have 353 to 355 days, or 383 to 385
		day += 2
	case day-before == 382:
		day++
	}
	return hebrewEpoch + day
}

func (h hebrew) Year(n int) (y Year) {
	y.First = h.newYear(n)
	days := int(h.newYear(n+1) - y.First)
	for m := int8(1); m <= 12; m++ {
		length := 29 + int(m&1)
		switch {
		case m == 2 && days%10 == 5: // a complete year
			length = 30
		case m == 3 && days%10 == 3: // a deficient one
			length = 29
		}
		if m == 6 && days > 380 {
			y.add(30, 5, true)
		}
		y.add(length, m, false)
	}
	return y
}

func (hebrew) MonthsBefore(n int) int64 { return floorDiv(235*int64(n)-234, 19) }
func (hebrew) YearNear(day int64) int   { return int(floorDiv(98496*(day-hebrewEpoch), 35975351)) + 1 }

// lunar is the Chinese calendar, or that of Korea.
type lunar struct{ table *lunarTable }

func (l lunar) Year(n int) (y Year) {
	i := n - lunarFirst
	last := len(l.table) - 1
	switch {
	case i < 0:
		y.First = int64(l.table[0].first) + 366*int64(i)
		return y
	case i > last:
		y.First = int64(l.table[last].first) + 385*int64(i-last)
		return y
	}
	row := &l.table[i]
	y.First = int64(row.first)
	leap := int8(row.info >> 13 & 15)
	for m, at := int8(1), 0; m <= 12; m++ {
		y.add(29+int(row.info>>at&1), m, false)
		at++
		if m == leap {
			y.add(29+int(row.info>>at&1), m, true)
			at++
		}
	}
	return y
}

func (l lunar) MonthsBefore(n int) int64 {
	i := min(max(n-lunarFirst, 0), len(l.table)-1)
	return 12*int64(n) + int64(l.table[i].info>>17)
}

func (l lunar) YearNear(day int64) int {
	return lunarFirst + int(floorDiv(100*(day-int64(l.table[0].first)), 36525))
}

// floorDiv returns a / b, rounded down; b is above 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

// floorMod returns a modulo b, from 0 to b-1; b is above 0.
func floorMod(a, b int64) int64 { return a - b*floorDiv(a, b) }
