package main

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
)

// newRoomBookingCmds are the commands about what rooms are booked by.
func newRoomBookingCmds(a *app) []*cobra.Command {
	return []*cobra.Command{
		newRoomPendingCmd(a), newRoomAnswerCmd(a, "approve", "Approve a booking that waits", true), newRoomAnswerCmd(a, "deny", "Decline a booking that waits for approval", false),
		newRoomCheckInCmd(a), newRoomReleaseCmd(a), newRoomBlockCmd(a), newRoomUnblockCmd(a),
	}
}

func newRoomPendingCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "pending [ROOM]",
		Short: "List the bookings that wait for approval, what expires first on top",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				list, err := admin.PendingRooms(cmd.Context(), c, strings.Join(args, ""))
				if err != nil {
					return err
				}
				return a.print(cmd, list, func(w io.Writer) error { return a.table(w, pendingRows(list)) })
			})
		},
	}
}

func pendingRows(list []admin.RoomWaiting) [][]string {
	rows := [][]string{{"ID", "ROOM", "BOOKER", "START", "END", "DATES", "EXPIRES", "REMARKS"}}
	for _, r := range list {
		var remarks []string
		if !r.Held {
			remarks = append(remarks, "not held")
		}
		if len(r.Against) > 0 {
			remarks = append(remarks, "against "+strings.Join(r.Against, ", "))
		}
		rows = append(rows, []string{r.ID, r.Room, r.Booker, stamp(r.Start), stamp(r.End), strconv.Itoa(r.Dates), stamp(r.Expires), strings.Join(remarks, "; ")})
	}
	return rows
}

func newRoomAnswerCmd(a *app, name, short string, approve bool) *cobra.Command {
	v := admin.RoomVerdict{Approve: approve}
	cmd := &cobra.Command{
		Use:   name + " ID",
		Short: short,
		Long:  short + `. ID is that of convene room pending. The organizer is told; the first answer counts.`,
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			v.ID, v.By, v.Reason = args[0], operator(), a.reason
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				done, err := admin.AnswerRoom(cmd.Context(), c, v)
				if err != nil {
					return err
				}
				if done.State == "open" {
					return a.printLine(cmd, done, "%s: answered; %d dates still wait", done.ID, done.Dates)
				}
				return a.printLine(cmd, done, "%s: %s", done.ID, done.State)
			})
		},
	}
	cmd.Flags().StringVar(&v.Comment, "comment", "", "what the organizer is told besides, as `text`")
	cmd.Flags().StringArrayVar(&v.Occurrences, "occurrence", nil, "only the date with this `day` or start, such as 2026-12-01; may be repeated")
	cmd.Flags().StringVar(&v.As, "as", "", "in whose name: a `person` who may approve bookings of the room")
	return a.changes(cmd)
}

func newRoomCheckInCmd(a *app) *cobra.Command {
	var r admin.RoomUse
	cmd := &cobra.Command{
		Use:   "checkin ROOM",
		Short: "Note that somebody is there for the booking that begins now",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.useRoom(cmd, r, args[0], "checked in", admin.CheckInRoom)
		},
	}
	cmd.Flags().StringVar(&r.UID, "uid", "", "of which booking, if several are on: its `UID`")
	return a.changes(cmd)
}

func newRoomReleaseCmd(a *app) *cobra.Command {
	var r admin.RoomUse
	cmd := &cobra.Command{
		Use:   "release ROOM",
		Short: "Give back the booking that is on; the organizer is told",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.useRoom(cmd, r, args[0], "released", admin.ReleaseRoom)
		},
	}
	cmd.Flags().StringVar(&r.UID, "uid", "", "which booking, if several are on: its `UID`")
	cmd.Flags().StringVar(&r.At, "at", "", "the one that is on at this `time`, such as 2026-12-01T09:30, and not now")
	cmd.Flags().StringVar(&r.Comment, "comment", "", "what the organizer is told besides, as `text`")
	return a.changes(cmd)
}

// A roomVerb does something with a booking.
type roomVerb func(context.Context, admin.Conn, admin.RoomUse) (admin.RoomBooking, error)

// useRoom does something with the booking of a room that is on.
func (a *app) useRoom(cmd *cobra.Command, r admin.RoomUse, room, done string, do roomVerb) error {
	r.Who, r.By, r.Reason = room, operator(), a.reason
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		b, err := do(cmd.Context(), c, r)
		if err != nil {
			return err
		}
		return a.printLine(cmd, b, "%s: %s from %s to %s, booked by %s", b.Room, done, stamp(b.Start), stamp(b.End), b.Booker)
	})
}

func newRoomBlockCmd(a *app) *cobra.Command {
	var b admin.RoomBlock
	cmd := &cobra.Command{
		Use:   "block ROOM FROM TO",
		Short: "Close a room for a time",
		Long: `Close a room for a time. FROM and TO are the room's own, such as 2026-12-01T09:00, unless
they name a zone. The command prints how to open it again.`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			b.Who, b.From, b.To, b.By, b.Reason = args[0], args[1], args[2], operator(), a.reason
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				done, err := admin.BlockRoom(cmd.Context(), c, b)
				if err != nil {
					return err
				}
				return a.print(cmd, done, func(w io.Writer) error { return a.printBlock(w, done) })
			})
		},
	}
	cmd.Flags().StringVar(&b.Text, "text", "", "why, as `text` for those who want to book it")
	cmd.Flags().BoolVar(&b.Displace, "displace", false, "decline what is booked then; the organizers are told")
	cmd.Flags().BoolVar(&b.Weekly, "weekly", false, "every week")
	cmd.Flags().StringVar(&b.Until, "until", "", "the last `time` at which a week begins, with --weekly")
	return a.changes(cmd)
}

func (a *app) printBlock(w io.Writer, done admin.RoomClosed) error {
	for _, d := range done.Displaced {
		if _, err := fmt.Fprintf(w, "declined: %s to %s, booked by %s\n", stamp(d.Start), stamp(d.End), d.Booker); err != nil {
			return err
		}
	}
	_, err := fmt.Fprintf(w, "closed; to open it again: convene room unblock %s %s\n", done.Room, done.UID)
	return err
}

func newRoomUnblockCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "unblock ROOM UID",
		Short: "Open a room again that room block has closed",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := admin.RoomBlock{Who: args[0], UID: args[1], By: operator(), Reason: a.reason}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				if err := admin.UnblockRoom(cmd.Context(), c, r); err != nil {
					return err
				}
				return a.printLine(cmd, r.UID, "opened: %s", r.UID)
			})
		},
	}
	return a.changes(cmd)
}
