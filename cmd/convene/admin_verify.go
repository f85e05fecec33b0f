package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newVerifyCmd(a *app) *cobra.Command {
	var scheduling, rooms, repair bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check all stored data and every index, and list what is wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case scheduling:
				return a.verifyMeetings(cmd, repair)
			case rooms:
				return a.verifyLedgers(cmd, repair)
			case repair:
				return usageError(errors.New("--repair needs --scheduling or --rooms; convene reindex repairs indexes"))
			}
			return a.verifyStore(cmd)
		},
	}
	cmd.Flags().BoolVar(&scheduling, "scheduling", false, "compare all copies of meetings with what their organizers have, instead")
	cmd.Flags().BoolVar(&rooms, "rooms", false, "compare when rooms are taken with what is in their calendars, instead")
	cmd.Flags().BoolVar(&repair, "repair", false, "with --scheduling: make the copies of attendees anew that are wrong; nobody is told. With --rooms: read anew when rooms are taken")
	cmd.MarkFlagsMutuallyExclusive("scheduling", "rooms")
	return cmd
}

func (a *app) verifyStore(cmd *cobra.Command) error {
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		r, err := admin.Verify(cmd.Context(), c)
		if err != nil {
			return err
		}
		return printProblems(a, cmd, r, r.Problems, len(r.Problems), "convene reindex repairs all but file, damaged, body and uid")
	})
}

// verifyMeetings checks the copies of meetings.
func (a *app) verifyMeetings(cmd *cobra.Command, repair bool) error {
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		r, err := admin.VerifyMeetings(cmd.Context(), c, admin.MeetingRequest{Repair: repair, Request: a.request()})
		if err != nil {
			return err
		}
		left := 0
		for _, p := range r.Problems {
			if !p.Repaired {
				left++
			}
		}
		return printProblems(a, cmd, r, r.Problems, left, "convene verify --scheduling --repair makes the copies of attendees anew")
	})
}

// verifyLedgers checks when rooms are taken.
func (a *app) verifyLedgers(cmd *cobra.Command, repair bool) error {
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		r, err := admin.VerifyLedgers(cmd.Context(), c, admin.MeetingRequest{Repair: repair, Request: a.request()})
		if err != nil {
			return err
		}
		left := 0
		for _, p := range r.Problems {
			if !p.Repaired {
				left++
			}
		}
		return printProblems(a, cmd, r, r.Problems, left, "convene verify --rooms --repair reads anew when rooms are taken; what is booked twice is for people to decide")
	})
}

// printProblems prints what a check found. It fails, with the cure, if any is left.
func printProblems[P fmt.Stringer](a *app, cmd *cobra.Command, value any, list []P, left int, cure string) error {
	if len(list) == 0 {
		return a.printLine(cmd, value, "no problems found")
	}
	err := a.print(cmd, value, func(w io.Writer) error { return writeProblems(w, list) })
	if err != nil || left == 0 {
		return err
	}
	kind := kindProblems
	kind.Cure = cure
	return failure{kind: kind, error: fmt.Errorf("problems found: %d; %s", left, cure)}
}

func writeProblems[P fmt.Stringer](w io.Writer, list []P) error {
	for _, p := range list {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}
