package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newBackupLastCmd(a *app) *cobra.Command {
	var within time.Duration
	cmd := &cobra.Command{
		Use:   "last",
		Short: "Say which backup was completed last",
		Long: `Say which backup of this server was completed last. Backups to the standard output and
parts of the set do not count. Exit status 10: there was none, or none within the time of
--within. For monitoring.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var last *admin.BackupDone
			err := a.withAdmin(cmd.Context(), func(c admin.Conn) (err error) {
				last, err = admin.LastBackup(cmd.Context(), c)
				return err
			})
			if err != nil {
				return err
			}
			if last == nil {
				return failure{kind: kindProblems, error: fmt.Errorf("there was no backup yet")}
			}
			notes := ""
			if last.Verified {
				notes += ", verified"
			}
			if last.Encrypted {
				notes += ", encrypted"
			}
			if err := a.printLine(cmd, last, "%s: of %s, %s%s", last.File, last.Of.Format(time.RFC3339), short(last.Bytes), notes); err != nil {
				return err
			}
			if within > 0 && time.Since(last.Of) > within {
				return failure{kind: kindProblems, error: fmt.Errorf("the last backup is older than %s", within)}
			}
			return nil
		},
	}
	cmd.Flags().DurationVar(&within, "within", 0, "fail if it is older than `TIME`, such as 26h")
	return cmd
}
