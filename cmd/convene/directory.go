package main

import (
	"github.com/spf13/cobra"

	"convene/admin"
)

func newDirectoryCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "directory", Short: "Look at the directory as the server does"}
	cmd.AddCommand(newDirectoryShowCmd(a), newDirectorySearchCmd(a), newDirectoryExplainCmd(a), newDirectoryFlushCmd(a))
	return cmd
}

func newDirectoryFlushCmd(a *app) *cobra.Command {
	return a.changes(&cobra.Command{
		Use:   "flush [NAME]",
		Short: "Ask the directory again, about one record or all of them",
		Long: `What the running server remembers of the directory is believed for
directory.cache.ttl; after this it is asked for again at its next use. While the
directory is away it goes on being used.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			r := admin.FlushRequest{By: operator(), Reason: a.reason}
			if len(args) == 1 {
				r.Who = args[0]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Conn) error {
				out, err := admin.FlushDirectory(cmd.Context(), c, r)
				if err != nil {
					return err
				}
				if out.GUID == "" {
					return a.printLine(cmd, out, "everything will be asked for again")
				}
				return a.printLine(cmd, out, "%s (%s) will be asked for again", out.Name, out.GUID)
			})
		},
	})
}
