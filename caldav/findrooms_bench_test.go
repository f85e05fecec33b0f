package caldav_test

import (
	"context"
	"fmt"
	"testing"

	"convene/directory"
	"convene/rooms"
	"convene/rooms/policy"
	"convene/store"
)

// BenchmarkFindRooms looks among 500 rooms, each with eight bookings on each day of a
// month: by their properties, for an hour, for a series, and for the first hour that is free.
func BenchmarkFindRooms(b *testing.B) {
	const count, days, aDay = 500, 30, 8
	records := []directory.Record{{Principal: directory.Principal{GUID: guid("ann"), Type: directory.User, Name: "ann", FullName: "Ann",
		Emails: []string{"ann@example.com"}, CalendarEnabled: true, LoginEnabled: true}}}
	for i := range count {
		name := fmt.Sprintf("room%03d", i)
		records = append(records, directory.Record{Principal: directory.Principal{GUID: guid(name), Type: directory.Location, Name: name, FullName: name,
			Emails: []string{name + "@example.com"}, CalendarEnabled: true, Capacity: 4 + i%20, Building: string(rune('A' + i%5)), Floor: fmt.Sprint(i % 7), Features: []string{"projector"}}})
	}
	dir, err := directory.NewStatic(records)
	if err != nil {
		b.Fatal(err)
	}
	e := newEnvOf(b, dir, nil).withRooms(nil)
	first := int64(1780272000) // 1 June 2026
	for i := range count {
		p := records[i+1].Principal
		if err := e.h.Calendars.Provision(context.Background(), &p); err != nil {
			b.Fatal(err)
		}
	}
	err = e.store.Update(context.Background(), func(tx *store.Tx) error {
		for i := range count {
			home, err := tx.Home(records[i+1].GUID)
			if err != nil {
				return err
			}
			ledger := rooms.Of(tx.Ledger(), uint32(home.ID))
			var rows []policy.Booking
			for d := range days {
				for n := range aDay {
					start := first + int64(d)*86400 + 8*3600 + int64(n)*3600
					rows = append(rows, policy.Booking{Span: policy.Span{Start: start, End: start + 3000}, State: policy.Booked, UID: fmt.Sprint(i, d, n), ID: start})
				}
			}
			if err := ledger.Replace(rooms.Object{Collection: 1, Name: "all.ics"}, nil, rows); err != nil {
				return err
			}
			if err := ledger.SetMade("UTC"); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		b.Fatal(err)
	}
	for _, c := range []struct{ name, query string }{
		{"properties", "heads=10&building=B"},
		{"hour", "from=2026-06-10T12:55:00Z&duration=5"},
		{"day", "from=2026-06-10T00:00:00Z&to=2026-06-11T00:00:00Z"},
		{"series", "from=2026-06-01T18:00:00Z&duration=60&rrule=FREQ=DAILY%3BCOUNT=20"},
		{"first", "from=2026-06-01T08:00:00Z&to=2026-06-14T00:00:00Z&duration=60"},
	} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				e.must(200, "ann", "GET", "/rooms?"+c.query, "")
			}
		})
	}
}
