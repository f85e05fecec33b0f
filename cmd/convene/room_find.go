package main

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/rooms"
)

// newRoomFindCmds are the commands that look for rooms and book them.
func newRoomFindCmds(a *app) []*cobra.Command {
	return []*cobra.Command{newRoomFindCmd(a), newRoomFreeCmd(a), newRoomExplainCmd(a), newRoomBookCmd(a), newRoomStatsCmd(a)}
}

// about is what all questions about rooms have in common.
const about = `Times are written 2026-12-01T10:00 as the clock shows them in --timezone, or with their
offset: 2026-12-01T10:00:00+01:00. A duration is a number of minutes, or PT1H30M. USER is
the person whose rights count, and who is one of the people.`

// A question is what the flags of a command ask.
type question struct {
	as     string
	values map[string]*string
}

// flags adds flags to a command: those for when and for whom, and of places those that
// are named.
func (q *question) flags(cmd *cobra.Command, more ...string) {
	usage := map[string]string{
		"from": "from `when`", "to": "until `when`; with --duration, when the search ends", "duration": "how `long`",
		"rrule": "`rule` of a series (RFC 5545): FREQ=WEEKLY;COUNT=10", "timezone": "`zone` of times without offset, and of the series; UTC by itself",
		"heads": "how `many` people; otherwise USER and those of --for", "for": "other `people`, by mail address or short name; groups by address",
		"building": "the `building`", "floor": "the `floor`", "features": "what must be in the room, as a `list`",
		"name": "a `part` of the name", "type": "room, resource or all", "limit": "at most so `many` rooms",
	}
	cmd.Flags().StringVar(&q.as, "as", "", "for which `user`")
	q.values = map[string]*string{}
	for _, name := range append([]string{"from", "to", "duration", "rrule", "timezone", "heads", "for"}, more...) {
		q.values[name] = cmd.Flags().String(name, "", usage[name])
	}
}

// places are the flags that say which rooms are wanted.
var places = []string{"building", "floor", "features", "name", "type", "limit"}

// request is the question. Errors: a usageError, if it lacks one of those flags.
func (q *question) request(needed []string, rooms ...string) (admin.RoomQuestion, error) {
	if q.as == "" {
		return admin.RoomQuestion{}, usageError(errors.New("--as is missing: for whom is it?"))
	}
	for _, name := range needed {
		if *q.values[name] == "" {
			return admin.RoomQuestion{}, usageError(fmt.Errorf("--%s is missing: when is it?", name))
		}
	}
	r := admin.RoomQuestion{As: q.as, Rooms: rooms, Query: url.Values{}}
	for name, value := range q.values {
		if *value != "" {
			r.Query.Set(name, *value)
		}
	}
	return r, nil
}

func newRoomFindCmd(a *app) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "find --as USER",
		Short: "Find rooms that suit a meeting, the best first",
		Long: `Find rooms that suit a meeting, the best first: those that are free for all its dates,
in the building and on the floor of most of the people, with the fewest empty seats. Pools
are among them, each with its rooms. With
--duration and without --from it is the first time at which the people and a room are free.
` + about,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.findRooms(cmd, &q, nil) },
	}
	q.flags(cmd, places...)
	return cmd
}

func newRoomFreeCmd(a *app) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "free --as USER --from WHEN --to WHEN",
		Short: "List the rooms that USER may have for a meeting and that are free then",
		Long:  "List the rooms that USER may have for a meeting, and that are free for all its dates.\n" + about,
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.findRooms(cmd, &q, []string{"from"}) },
	}
	q.flags(cmd, places...)
	return cmd
}

// findRooms prints what suits. Where some flags are needed it is only what can be had for
// all dates.
func (a *app) findRooms(cmd *cobra.Command, q *question, needed []string) error {
	r, err := q.request(needed)
	if err != nil {
		return err
	}
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		found, err := admin.FindRooms(cmd.Context(), c, r)
		if err != nil {
			return err
		}
		if len(needed) > 0 {
			found.Rooms = onlyFree(&found)
		}
		return a.print(cmd, found, func(w io.Writer) error { return a.table(w, foundRows(&found)) })
	})
}

func onlyFree(f *rooms.Finding) []rooms.Found {
	list := []rooms.Found{}
	for _, r := range f.Rooms {
		if r.May != "no" && r.Free != nil && *r.Free == f.Dates {
			list = append(list, r)
		}
	}
	return list
}

func foundRows(f *rooms.Finding) (rows [][]string) {
	if f.Slot != nil {
		rows = append(rows, []string{"first time", f.Slot.From, f.Slot.To})
	}
	for _, who := range f.Unknown {
		rows = append(rows, []string{"not known", who, "when they have time"})
	}
	for _, r := range f.Rooms {
		row := []string{r.Name, r.FullName, number(r.Capacity), r.Building, r.Floor, strings.Join(r.Features, ", "), "may: " + r.May, freeText(f, &r)}
		if len(r.Rooms) > 0 {
			row = append(row, "one of "+strings.Join(r.Rooms, ", "))
		}
		rows = append(rows, row)
	}
	if f.More {
		rows = append(rows, []string{"there are more"})
	}
	return rows
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// freeText says in words whether a room is free.
func freeText(f *rooms.Finding, r *rooms.Found) string {
	switch {
	case r.Free == nil:
		return ""
	case *r.Free == f.Dates:
		return "free"
	case f.Dates == 1:
		return r.Reason
	}
	return fmt.Sprintf("free for %d of %d: %s", *r.Free, f.Dates, r.Reason)
}

func newRoomExplainCmd(a *app) *cobra.Command {
	var q question
	cmd := &cobra.Command{
		Use:   "explain ROOM --as USER --from WHEN --to WHEN",
		Short: "Say what a room would answer to a meeting of USER, and why",
		Long:  "Say what a room would answer to a meeting of USER, and why. Nothing is written.\n" + about,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := q.request([]string{"from"}, args[0])
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				e, err := admin.ExplainRoom(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				return a.print(cmd, e, func(w io.Writer) error { return a.table(w, explainRows(&e)) })
			})
		},
	}
	q.flags(cmd)
	return cmd
}

func explainRows(e *rooms.Explanation) [][]string {
	rows := [][]string{}
	if e.Pool != "" {
		rows = append(rows, []string{"room", e.Room, "of " + e.Pool})
	}
	rows = append(rows, [][]string{{"answer", e.Answer}, {"class", e.Class}, {"may", e.May}, {"mode", e.Mode}, {"heads", strconv.Itoa(e.Heads)}}...)
	for _, d := range e.Dates {
		row := []string{"date", d.From, d.To, d.Answer, strings.Join(d.Reasons, ", ")}
		if t := d.Taker; t != nil {
			row = append(row, strings.TrimSpace(t.State+" "+t.From+" to "+t.To+" "+t.Holder))
		}
		rows = append(rows, row)
	}
	if e.More > 0 {
		rows = append(rows, []string{"and", strconv.Itoa(e.More), "more dates"})
	}
	for _, r := range e.Rules {
		rows = append(rows, []string{"rule", r.Name, r.Value})
	}
	if e.Next != "" {
		rows = append(rows, []string{"next", e.Next})
	}
	if len(e.Alternatives) > 0 {
		rows = append(rows, []string{"free then", strings.Join(e.Alternatives, ", ")})
	}
	for line := range strings.SplitSeq(e.Text, "\n") {
		if line != "" {
			rows = append(rows, []string{"text", line})
		}
	}
	return rows
}

func newRoomBookCmd(a *app) *cobra.Command {
	var q question
	summary := ""
	cmd := &cobra.Command{
		Use:   "book ROOM … --as USER --from WHEN --to WHEN",
		Short: "Make a meeting of USER in a room",
		Long: `Make a meeting of USER in one room or several: in their calendar, by the way that a client
of theirs would go. If one of the rooms would decline it, none is made.
` + about,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r, err := q.request([]string{"from"}, args...)
			if err != nil {
				return err
			}
			r.By, r.Reason = operator(), a.reason
			r.Query.Set("summary", summary)
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				b, err := admin.BookRooms(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				if err := a.print(cmd, b, func(w io.Writer) error { return a.table(w, bookedRows(&b)) }); err != nil || b.Taken {
					return err
				}
				return failure{kind: kindPartly, error: fmt.Errorf("the meeting is made, and not all of its dates have a room")}
			})
		},
	}
	q.flags(cmd)
	cmd.Flags().StringVar(&summary, "summary", "Meeting", "what it is about, as `text`")
	return a.changes(cmd)
}

func bookedRows(b *rooms.Booked) [][]string {
	rows := [][]string{{"made", b.Path}}
	for _, answer := range b.Answers {
		rows = append(rows, []string{"answer", answer})
	}
	return rows
}

func newRoomStatsCmd(a *app) *cobra.Command {
	var from, to, by string
	comma := false
	cmd := &cobra.Command{
		Use:   "stats",
		Short: "Say how much rooms are used",
		Long: `Say how much rooms are used between two days, by what stands in their calendars: hours
that are open, booked and blocked, without the names of those who booked them.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := statsRequest(from, to, by)
			if err != nil {
				return usageError(err)
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.RoomStats(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				if comma {
					return csv.NewWriter(cmd.OutOrStdout()).WriteAll(roomUsageRows(list))
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, roomUsageRows(list)) })
			})
		},
	}
	cmd.Flags().StringVar(&from, "from", "", "the first `day`: 2026-11-01")
	cmd.Flags().StringVar(&to, "to", "", "the last `day`")
	cmd.Flags().StringVar(&by, "by", rooms.ByRoom, "by room, building, floor, hour or weekday-hour of the `day`")
	cmd.Flags().BoolVar(&comma, "csv", false, "print lines of CSV")
	return cmd
}

// statsRequest asks about whole days of UTC.
func statsRequest(from, to, by string) (r admin.RoomStatsRequest, err error) {
	r.By = by
	if r.From, err = time.Parse(time.DateOnly, from); err != nil {
		return r, fmt.Errorf("--from %q is no day such as 2026-11-01", from)
	}
	last, err := time.Parse(time.DateOnly, to)
	if err != nil {
		return r, fmt.Errorf("--to %q is no day such as 2026-11-30", to)
	}
	r.To = last.AddDate(0, 0, 1)
	return r, nil
}

func roomUsageRows(list []rooms.Usage) [][]string {
	rows := [][]string{{"group", "rooms", "bookings", "series", "bookable", "booked", "blocked", "ratio"}}
	decimal := func(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }
	for _, u := range list {
		rows = append(rows, []string{u.Group, strconv.Itoa(u.Rooms), strconv.Itoa(u.Bookings), strconv.Itoa(u.Series),
			decimal(u.Bookable), decimal(u.Booked), decimal(u.Blocked), decimal(u.Ratio)})
	}
	return rows
}
