package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/store"
)

func newVerifyCmd(a *app) *cobra.Command {
	var scheduling, repair bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Check all stored data and every index, and list what is wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case scheduling:
				return a.verifyMeetings(cmd, repair)
			case repair:
				return usageError(errors.New("--repair needs --scheduling; convene reindex repairs indexes"))
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				r, err := admin.Verify(cmd.Context(), c)
				if err != nil {
					return err
				}
				n := len(r.Problems)
				if n == 0 {
					return a.printLine(cmd, r, "no problems found")
				}
				if err := a.print(cmd, r, func(w io.Writer) error { return writeProblems(w, r.Problems) }); err != nil {
					return err
				}
				kind := kindProblems
				kind.Cure = "convene reindex repairs all but file, damaged, body and uid"
				return failure{kind: kind, error: fmt.Errorf("problems found: %d; %s", n, kind.Cure)}
			})
		},
	}
	cmd.Flags().BoolVar(&scheduling, "scheduling", false, "compare all copies of meetings with what their organizers have, instead")
	cmd.Flags().BoolVar(&repair, "repair", false, "with --scheduling: make the copies of attendees anew that are wrong; nobody is told")
	return cmd
}

// verifyMeetings checks the copies of meetings.
func (a *app) verifyMeetings(cmd *cobra.Command, repair bool) error {
	return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
		r, err := admin.VerifyMeetings(cmd.Context(), c, admin.MeetingRequest{Repair: repair, Request: a.request()})
		if err != nil {
			return err
		}
		if len(r.Problems) == 0 {
			return a.printLine(cmd, r, "no problems found")
		}
		left := 0
		for _, p := range r.Problems {
			if !p.Repaired {
				left++
			}
		}
		err = a.print(cmd, r, func(w io.Writer) error {
			for _, p := range r.Problems {
				if _, err := fmt.Fprintln(w, p); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil || left == 0 {
			return err
		}
		kind := kindProblems
		kind.Cure = "convene verify --scheduling --repair makes the copies of attendees anew"
		return failure{kind: kind, error: fmt.Errorf("problems found: %d; %s", left, kind.Cure)}
	})
}

func writeProblems(w io.Writer, list []store.Problem) error {
	for _, p := range list {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}
