package main

import (
	"context"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"convene/server"
)

// gcPercent is how much the heap may grow before it is collected. The server's
// is small, some 30 MB beside the mapped file, and twice Go's usual figure saves
// a fifth of the processor time of a write.
const gcPercent = 200

func newServeCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Run the server in the foreground.

SIGHUP reads configuration, certificate, keytab and password files again and
opens the logs anew; no request is lost. SIGTERM and SIGINT finish the requests
in progress and stop.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			// From the first moment on, so that an early SIGHUP does not kill.
			hangup := make(chan os.Signal, 1)
			signal.Notify(hangup, syscall.SIGHUP)
			defer signal.Stop(hangup)
			if os.Getenv("GOGC") == "" {
				debug.SetGCPercent(gcPercent)
			}
			config, err := a.load()
			if err != nil {
				return err
			}
			server, err := server.Open(server.Options{Config: config, Reread: a.load, Stderr: cmd.ErrOrStderr()})
			if err != nil {
				return err
			}
			ctx, cancel := context.WithCancel(cmd.Context())
			defer cancel()
			go func() {
				for {
					select {
					case <-ctx.Done():
						return
					case <-hangup:
						// Reload logs its errors; the server goes on as it was.
						_ = server.Reload(ctx)
					}
				}
			}()
			return server.Serve(ctx)
		},
	}
}
