package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"convene/config"
)

func newConfigCmd() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Print an example configuration, or check one"}
	cmd.AddCommand(
		&cobra.Command{
			Use:   "example",
			Short: "Print a configuration with every setting, its default and its meaning",
			Args:  cobra.NoArgs,
			RunE:  func(cmd *cobra.Command, _ []string) error { return config.WriteExample(cmd.OutOrStdout()) },
		},
		&cobra.Command{
			Use:   "check [FILE]",
			Short: "Check a configuration and the environment, and say what is wrong",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				path, err := cmd.Flags().GetString("config")
				if err != nil {
					return err
				}
				if len(args) == 1 {
					path = args[0]
				}
				if _, err := config.Load(path, os.Environ()); err != nil {
					fmt.Fprintln(cmd.ErrOrStderr(), err)
					return silentError{}
				}
				_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s: no mistakes found\n", path)
				return err
			},
		},
	)
	return cmd
}
