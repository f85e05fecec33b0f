package snapshot

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"

	"convene/internal/ical"
	"convene/store"
)

// A picker draws numbers: rapid's, or a plain source of random ones.
type picker func(n int) int

func (p picker) of(all ...string) string { return all[p(len(all))] }

// randomBody makes a calendar object around the year 2026.
func randomBody(p picker, uid string) []byte {
	start := ical.DateTime{Wall: may + int64(p(300)-150)*daySeconds + int64(p(48))*1800, Kind: ical.UTC}
	value := func(t ical.DateTime) string { return ":" + t.String() }
	length := p.of("DURATION:PT1H", "DURATION:PT30M", "DURATION:PT0S", "X-NONE:", "DURATION:P1DT12H", "DURATION:P45D")
	switch p(6) {
	case 0:
		start.Kind = ical.Floating
	case 1:
		start.Kind, start.Wall = ical.Date, start.Wall-start.Wall%daySeconds
		value = func(t ical.DateTime) string { return ";VALUE=DATE:" + t.String() }
		length = p.of("DURATION:P1D", "DURATION:P3D", "X-NONE:")
	case 2:
		start.Kind = ical.Floating // as it is written, besides the TZID
		zone := p.of("Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Pacific/Pago_Pago")
		value = func(t ical.DateTime) string { return ";TZID=" + zone + ":" + t.String() }
	}
	if p(12) == 0 {
		return fmt.Appendf(nil, "BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:%s\n%s\n%s\nEND:VTODO\nEND:VCALENDAR\n", uid,
			p.of("X-NONE:", "DTSTART"+value(start)), p.of("X-NONE:", "DUE"+value(start.Add(ical.Duration{Days: 2}))))
	}
	later := func(days int) ical.DateTime { return start.Add(ical.Duration{Days: int64(days)}) }
	var b strings.Builder
	event := func(lines ...string) {
		b.WriteString("BEGIN:VEVENT\nUID:" + uid + "\n" + strings.Join(lines, "\n") + "\n" +
			p.of("TRANSP:OPAQUE", "TRANSP:TRANSPARENT", "STATUS:TENTATIVE", "STATUS:CANCELLED") + "\nEND:VEVENT\n")
	}
	lines := []string{"DTSTART" + value(start), length}
	recurs := p(2) == 0
	if recurs {
		until := later(p(200))
		if p(4) == 0 || (start.Kind == ical.Floating && value(start)[0] == ';') {
			until.Kind = ical.UTC
		}
		rule := p.of("FREQ=DAILY", "FREQ=WEEKLY", "FREQ=MONTHLY", "FREQ=YEARLY", "FREQ=WEEKLY;BYDAY=MO,WE,FR;INTERVAL=2", "FREQ=MONTHLY;BYDAY=-1SU") +
			p.of("", ";COUNT=1", ";COUNT=20", ";UNTIL="+until.String())
		if start.Kind != ical.Date && p(20) == 0 {
			rule = "FREQ=MINUTELY;INTERVAL=20;COUNT=8000"
		}
		lines = append(lines, "RRULE:"+rule)
		for range p(3) {
			lines = append(lines, "EXDATE"+value(later(p(60))))
		}
		if p(4) == 0 {
			lines = append(lines, "RDATE"+value(later(p(90))))
		}
	}
	b.WriteString("BEGIN:VCALENDAR\nVERSION:2.0\n")
	if !recurs || p(10) > 0 {
		event(lines...)
	}
	if recurs {
		days := 1
		for range p(3) {
			event("RECURRENCE-ID"+value(later(days)), "DTSTART"+value(later(p(100)-20)), length)
			days += 7
		}
		if b.Len() < 40 {
			event("RECURRENCE-ID"+value(start), "DTSTART"+value(later(p(100)-20)), length)
		}
	}
	b.WriteString("END:VCALENDAR\n")
	return []byte(b.String())
}

// randomEdit changes the calendar once, in a transaction of its own.
func randomEdit(s *store.Store, home store.HomeID, p picker) error {
	name := fmt.Sprintf("e%02d.ics", p(60))
	return s.Update(context.Background(), func(tx *store.Tx) error {
		col, err := tx.Collection(home, "work")
		if err != nil {
			return err
		}
		if p(4) == 0 {
			err := tx.DeleteObject(col, name, store.Match{})
			if errors.Is(err, store.ErrNotFound) {
				err = nil
			}
			return err
		}
		body := randomBody(p, strings.TrimSuffix(name, ".ics"))
		ix, err := indexOf(body)
		if err != nil {
			return fmt.Errorf("%w:\n%s", err, body)
		}
		_, _, err = tx.PutObject(col, name, body, ix, store.Match{})
		return err
	})
}

var zones = []string{"", "Europe/Berlin", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Australia/Lord_Howe"}

// randomRange returns a time range and a zone.
func randomRange(p picker) (from, to int64, zone *ical.Zone, err error) {
	from = may + int64(p(400)-200)*daySeconds + int64(p(3))*12*3600
	switch p(8) {
	case 0:
		to = from + int64(1+p(3000))*daySeconds // walked
	case 1:
		to = math.MaxInt64
	case 2:
		to, from = from, math.MinInt64
	case 3:
		to = from + 1
	default:
		to = from + int64(1+p(90))*daySeconds
	}
	if name := zones[p(len(zones))]; name != "" {
		zone, err = ical.LoadZone(name)
	}
	return from, to, zone, err
}
