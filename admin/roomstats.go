package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"convene/rooms"
)

// RoomStatsRequest asks how rooms are used.
type RoomStatsRequest struct {
	From time.Time `json:"from"`
	To   time.Time `json:"to"`
	By   string    `json:"by"` // rooms.ByRoom and the like
}

// maxStats is the longest time that is counted at once.
const maxStats = 400 * 24 * time.Hour

// RoomStats says how much rooms are used, as their calendars have it: without names of
// those who use them. Errors: ErrRequest, those of the directory and the store.
func RoomStats(ctx context.Context, c Conn, r RoomStatsRequest) ([]rooms.Usage, error) {
	return call[[]rooms.Usage](ctx, c, "room-stats", r)
}

func (a *Admin) roomStats(ctx context.Context, r RoomStatsRequest) ([]rooms.Usage, error) {
	switch {
	case !r.From.Before(r.To), r.To.Sub(r.From) > maxStats:
		return nil, fmt.Errorf("from is before to, by %d days at most: %w", int(maxStats.Hours()/24), ErrRequest)
	case !slices.Contains([]string{rooms.ByRoom, rooms.ByBuilding, rooms.ByFloor, rooms.ByHour, rooms.ByWeekHour}, r.By):
		return nil, fmt.Errorf("by is room, building, floor, hour or weekday-hour: %w", ErrRequest)
	}
	found, resolved, _, err := a.rooms(ctx)
	if err != nil {
		return nil, err
	}
	count := rooms.Count{From: r.From.Unix(), To: r.To.Unix(), By: r.By}
	for i, p := range found {
		if !p.CalendarEnabled {
			continue
		}
		rules := &resolved[i].Policy
		taken, err := a.RoomTimes(ctx, p.GUID, rules, count.From, count.To)
		if err != nil {
			return nil, fmt.Errorf("bookings of %s: %w", p.Name, err)
		}
		count.Add(&rooms.Known{Record: p, Policy: rules}, taken)
	}
	return count.Usage(), nil
}
