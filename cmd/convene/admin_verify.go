package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newVerifyCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "verify",
		Short: "Check all stored data and every index; say what is wrong",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				r, err := admin.Verify(cmd.Context(), c)
				if err != nil {
					return err
				}
				for _, p := range r.Problems {
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), p); err != nil {
						return err
					}
				}
				if n := len(r.Problems); n > 0 {
					return fmt.Errorf("%d problems; all but file, damaged, body and uid are mended by: convene admin reindex", n)
				}
				_, err = fmt.Fprintln(cmd.OutOrStdout(), "no problems found")
				return err
			})
		},
	}
}
