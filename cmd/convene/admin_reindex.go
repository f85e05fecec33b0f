package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/store"
)

func newReindexCmd(a *app) *cobra.Command {
	return a.changes(&cobra.Command{
		Use:   "reindex",
		Short: "Rebuild every index from the stored objects",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				r, err := admin.Reindex(cmd.Context(), c, a.request())
				if err != nil {
					return err
				}
				if err := a.print(cmd, r, func(w io.Writer) error { return writeReindex(w, r) }); err != nil {
					return err
				}
				if n := len(r.Failed); n > 0 {
					return failure{kind: kindPartly, error: fmt.Errorf("objects that cannot be indexed: %d; they are kept, and every search reads them", n)}
				}
				return nil
			})
		},
	})
}

func writeReindex(w io.Writer, r store.Report) error {
	ledgers := ""
	if r.Ledgers > 0 {
		ledgers = fmt.Sprintf("; when rooms are taken is read anew from the calendars of %d", r.Ledgers)
	}
	_, err := fmt.Fprintf(w, "%d objects in %d collections of %d homes: %d records written, %d removed%s\n",
		r.Objects, r.Collections, r.Homes, r.Written, r.Removed, ledgers)
	return errors.Join(err, writeProblems(w, r.Failed))
}
