package main

import (
	"time"

	"github.com/spf13/cobra"

	"convene/demo"
)

func newDemoCmd() *cobra.Command {
	o := demo.Options{Version: version()}
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a server for an invented company; nothing else is needed",
		Long: `Run a server on loopback with a directory of its own: a company of forty
people in nested groups, eight rooms, five pieces of equipment, and some weeks
of calendars. It prints what to try. Its configuration is convene.toml in the
data folder, which other commands take by -c.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.Out, o.Stderr, o.Now = cmd.OutOrStdout(), cmd.ErrOrStderr(), time.Now
			return demo.Run(cmd.Context(), o)
		},
	}
	cmd.Flags().StringVar(&o.Data, "data", "", "`folder` to keep the data in; without it a temporary one, removed in the end")
	cmd.Flags().IntVar(&o.HTTP, "http", 8008, "`port` without TLS; 0 takes any")
	cmd.Flags().IntVar(&o.HTTPS, "https", 8443, "`port` with TLS; 0 takes any")
	return cmd
}
