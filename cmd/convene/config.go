package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"convene/config"
	"convene/internal/settings"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Print an example configuration, or check one"}
	cmd.AddCommand(newConfigExampleCmd(a), newConfigCheckCmd(a))
	return cmd
}

// exampleText is the value of config example.
type exampleText struct {
	TOML string `json:"toml"`
}

func newConfigExampleCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "example",
		Short: "Print a configuration with every setting, its default and its meaning",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var text strings.Builder
			if err := config.WriteExample(&text); err != nil {
				return err
			}
			return a.print(cmd, exampleText{text.String()}, func(w io.Writer) error {
				_, err := io.WriteString(w, text.String())
				return err
			})
		},
	}
}

// checkReport is the value of config check.
type checkReport struct {
	File     string          `json:"file"`
	Problems settings.Errors `json:"problems"`
}

func newConfigCheckCmd(a *app) *cobra.Command {
	ask := false
	cmd := &cobra.Command{
		Use:   "check [FILE]",
		Short: "Check a configuration and the environment, and list what is wrong",
		Long: `Check a configuration and the environment, and list what is wrong, with file,
line, setting and cure. With --live the directory and the KDC are asked too, as
"convene doctor" does.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			path := a.config
			if len(args) == 1 {
				path = args[0]
			}
			report := checkReport{path, settings.Errors{}}
			c, places, err := config.LoadPlaces(path, os.Environ())
			if err == nil && ask {
				var found settings.Errors
				if found, err = live(cmd.Context(), c, places); err == nil && len(found) > 0 {
					err = found
				}
			}
			if err == nil {
				return a.printLine(cmd, report, "%s: no mistakes found", path)
			}
			faults, ok := errors.AsType[settings.Errors](err)
			if !ok {
				return err
			}
			report.Problems = faults
			if a.json {
				err = writeJSON(cmd.OutOrStdout(), report)
			} else {
				_, err = fmt.Fprintln(terminal{cmd.ErrOrStderr()}, faults)
			}
			if err != nil {
				return err
			}
			return failure{kind: kindProblems, error: faults, said: true}
		},
	}
	cmd.Flags().BoolVar(&ask, "live", false, "ask the directory and the KDC too")
	return cmd
}
