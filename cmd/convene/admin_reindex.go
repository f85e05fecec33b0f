package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newReindexCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "reindex",
		Short: "Rebuild every index from the stored objects",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				r, err := admin.Reindex(cmd.Context(), c)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(cmd.OutOrStdout(), "%d objects in %d collections of %d homes: %d records written, %d removed\n",
					r.Objects, r.Collections, r.Homes, r.Written, r.Removed); err != nil {
					return err
				}
				for _, p := range r.Failed {
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), p); err != nil {
						return err
					}
				}
				if n := len(r.Failed); n > 0 {
					return fmt.Errorf("%d objects cannot be indexed; they are kept, and searched the slow way", n)
				}
				return nil
			})
		},
	}
}
