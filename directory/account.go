package directory

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"convene/directory/ldif"
)

// Account is what the directory says of the state of a user's account besides
// whether it is disabled. Times are compared when somebody acts, not when the
// record was read: what is remembered of a record ends in time by itself. The
// zero Account is without limits.
type Account struct {
	Expires         time.Time // the account ends; zero: never
	LockedUntil     time.Time // after wrong passwords; zero: it is not locked
	PasswordExpires time.Time // zero: never
	MustChange      bool      // the password must be changed before it is of use

	// Hours are the hours of the week in which the account may be used, in UTC: a bit
	// each, the lowest of the first byte is Sunday's first hour ([MS-SAMR] §2.2.6.5,
	// attribute logonHours). "": always.
	Hours string
}

// hoursOfWeek is the length of Account.Hours in bytes.
const hoursOfWeek = 7 * 24 / 8

// forEver is when an account is locked until if only an administrator unlocks it.
var forEver = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// Closed says why a user can sign in in no way at all at a time: ErrAccountDisabled,
// ErrAccountExpired, or nil.
func (p *Principal) Closed(now time.Time) error {
	switch {
	case !p.LoginEnabled:
		return ErrAccountDisabled
	case !p.Account.Expires.IsZero() && !now.Before(p.Account.Expires):
		return ErrAccountExpired
	}
	return nil
}

// Locked reports whether the account is locked after wrong passwords.
func (a *Account) Locked(now time.Time) bool { return now.Before(a.LockedUntil) }

// Stale reports whether the password has expired or must be changed.
func (a *Account) Stale(now time.Time) bool {
	return a.MustChange || !a.PasswordExpires.IsZero() && !now.Before(a.PasswordExpires)
}

// Open reports whether the account may be used in the hour of now.
func (a *Account) Open(now time.Time) bool {
	if len(a.Hours) != hoursOfWeek {
		return true
	}
	now = now.UTC()
	hour := int(now.Weekday())*24 + now.Hour()
	return a.Hours[hour/8]&(1<<(hour%8)) != 0
}

// Describe lists the limits of the account at a time, in words; nothing if there are
// none.
func (a *Account) Describe(now time.Time) (out []string) {
	until := func(t time.Time) string {
		if t.Equal(forEver) {
			return "until an administrator unlocks it"
		}
		return "until " + t.UTC().Format(time.RFC3339)
	}
	if !a.Expires.IsZero() {
		out = append(out, "the account ends: "+a.Expires.UTC().Format(time.RFC3339))
	}
	if a.Locked(now) {
		out = append(out, "locked "+until(a.LockedUntil))
	}
	if a.MustChange {
		out = append(out, "the password must be changed")
	}
	if !a.PasswordExpires.IsZero() {
		out = append(out, "the password expires: "+a.PasswordExpires.UTC().Format(time.RFC3339))
	}
	if len(a.Hours) == hoursOfWeek {
		out = append(out, fmt.Sprintf("log-on hours are limited; in them now: %v", a.Open(now)))
	}
	return out
}

// account reads the state of a user's account.
func (s *spec) account(e *ldif.Entry) (a Account) {
	if s.typ != User {
		return a
	}
	a.Expires = earliest(values(e, s.AccountExpires...))
	if t, err := parseMoment(e.Value(s.LockedSince)); err == nil && t.Year() < 1 {
		a.Expires = t // an administrator's, and nobody's guesses (slapo-ppolicy(5))
	}
	a.PasswordExpires = earliest(values(e, s.PasswordExpires...))
	a.MustChange = len(s.mustChange) > 0 && all(s.mustChange, e)
	a.LockedUntil = s.lockedUntil(e)
	if h := e.Value(s.LogonHours); len(h) == hoursOfWeek {
		a.Hours = h
	}
	return a
}

// lockedUntil returns until when an account is locked, as far as the entry says: zero
// for not at all, forEver until it says something else.
func (s *spec) lockedUntil(e *ldif.Entry) time.Time {
	if len(s.locked) > 0 && all(s.locked, e) {
		return forEver
	}
	if list := values(e, s.LockedUntil); len(list) > 0 {
		t, err := parseMoment(list[0])
		if err != nil || t.Year() <= 1970 { // 389 Directory Server: an administrator must unlock it
			return forEver
		}
		return t
	}
	if list := values(e, s.LockedSince); len(list) > 0 {
		since, err := parseMoment(list[0])
		if err != nil || since.Year() < 1 || s.LockedFor == 0 {
			return forEver
		}
		return since.Add(s.LockedFor)
	}
	return time.Time{}
}

// earliest returns the first of the moments, zero if there is none. What cannot be
// read is long past: who may act is then not known.
func earliest(list []string) (first time.Time) {
	for _, v := range list {
		t, err := parseMoment(v)
		if err != nil {
			t = time.Unix(0, 0).UTC()
		}
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}

// Numbers that are moments: below maxDays the days since 1970 of shadow(5), from
// minFileTime on Windows' tenths of microseconds since 1601, between them seconds since
// 1970.
const (
	maxDays     = 10_000_000
	minFileTime = 1_000_000_000_000_000
	// never is the FILETIME of accounts that do not expire ([MS-ADA1] §2.3); 0 is too.
	never = 1<<63 - 1
	// fileTimeUnix is 1970 as a FILETIME.
	fileTimeUnix = 116_444_736_000_000_000
)

// parseMoment reads a moment as directories write it: GeneralizedTime (RFC 4517
// §3.3.13), a FILETIME, days or seconds since 1970, or a date. Zero are the numbers that
// stand for never.
func parseMoment(s string) (time.Time, error) {
	s = strings.TrimSpace(s)
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return momentOf(n), nil
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	if t, ok := parseGeneralizedTime(s); ok {
		return t.UTC().Truncate(time.Second), nil
	}
	return time.Time{}, fmt.Errorf("%.40q is no time", s)
}

// momentOf returns the moment that a number stands for.
func momentOf(n int64) time.Time {
	switch {
	case n <= 0 || n == never:
		return time.Time{}
	case n < maxDays:
		return time.Unix(n*24*60*60, 0).UTC()
	case n < minFileTime:
		return time.Unix(n, 0).UTC()
	}
	t := time.Unix((n-fileTimeUnix)/1e7, 0).UTC()
	if t.Year() >= 9999 { // more of those that mean never
		return time.Time{}
	}
	return t
}

// parseGeneralizedTime reads YYYYMMDDHH[MM[SS]] with a fraction of the last, and a zone.
func parseGeneralizedTime(s string) (time.Time, bool) {
	i := strings.IndexAny(s, "Zz+-")
	if i < 0 {
		return time.Time{}, false // local time of nobody knows where, or a number
	}
	digits, zone := s[:i], s[i:]
	fraction := ""
	if j := strings.IndexAny(digits, ".,"); j >= 0 {
		digits, fraction = digits[:j], digits[j+1:]
	}
	layouts := []string{"2006010215", "200601021504", "20060102150405"}
	k := slices.IndexFunc(layouts, func(l string) bool { return len(l) == len(digits) })
	if k < 0 {
		return time.Time{}, false
	}
	t, err := time.Parse(layouts[k], digits)
	if err != nil {
		return time.Time{}, false
	}
	if fraction != "" {
		f, err := strconv.ParseFloat("0."+fraction, 64)
		if err != nil || f < 0 {
			return time.Time{}, false
		}
		unit := [...]time.Duration{time.Hour, time.Minute, time.Second}[k]
		t = t.Add(time.Duration(f * float64(unit)))
	}
	switch {
	case zone == "Z" || zone == "z":
		return t, true
	case len(zone) == 5 || len(zone) == 3:
		n, err := strconv.Atoi((zone[1:] + "00")[:4])
		if err != nil || n < 0 || n%100 > 59 || n > 2359 {
			return time.Time{}, false
		}
		offset := time.Duration(n/100)*time.Hour + time.Duration(n%100)*time.Minute
		if zone[0] == '+' {
			offset = -offset
		}
		return t.Add(offset), true
	}
	return time.Time{}, false
}
