package main

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/store"
)

func newVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check all stored data and every index, and list what is wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
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
}

func writeProblems(w io.Writer, list []store.Problem) error {
	for _, p := range list {
		if _, err := fmt.Fprintln(w, p); err != nil {
			return err
		}
	}
	return nil
}
