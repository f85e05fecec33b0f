package ical

import "math/bits"

// A clockSet is a set of times: all combinations of the hours, minutes and
// seconds whose bits are set.
type clockSet struct {
	hours            uint32
	minutes, seconds uint64
}

// len returns the number of times in c.
func (c *clockSet) len() int {
	return bits.OnesCount32(c.hours) * bits.OnesCount64(c.minutes) * bits.OnesCount64(c.seconds)
}

// at returns the nth time of c in seconds; n counts from 0 in order of time.
func (c *clockSet) at(n int) int64 {
	seconds := bits.OnesCount64(c.seconds)
	minutes := bits.OnesCount64(c.minutes)
	h, m, s := n/(minutes*seconds), n/seconds%minutes, n%seconds
	return int64(nthBit(uint64(c.hours), h))*3600 + int64(nthBit(c.minutes, m))*60 + int64(nthBit(c.seconds, s))
}

// first returns the first time of c in seconds.
func (c *clockSet) first() int64 {
	return int64(bits.TrailingZeros32(c.hours))*3600 + int64(bits.TrailingZeros64(c.minutes))*60 + int64(bits.TrailingZeros64(c.seconds))
}

// rank returns how many times of c are before a time of a day in seconds, and
// whether that is one of them.
func (c *clockSet) rank(clock int64) (n int, in bool) {
	h, m, s := clock/3600, clock/60%60, clock%60
	seconds := bits.OnesCount64(c.seconds)
	minutes := bits.OnesCount64(c.minutes)
	n = bits.OnesCount32(c.hours&(1<<h-1)) * minutes * seconds
	if c.hours&(1<<h) == 0 {
		return n, false
	}
	n += bits.OnesCount64(c.minutes&(1<<m-1)) * seconds
	if c.minutes&(1<<m) == 0 {
		return n, false
	}
	return n + bits.OnesCount64(c.seconds&(1<<s-1)), c.seconds&(1<<s) != 0
}

// nthBit returns the index of the nth bit that is set; n counts from 0.
func nthBit(set uint64, n int) int {
	for ; n > 0; n-- {
		set &= set - 1
	}
	return bits.TrailingZeros64(set)
}
