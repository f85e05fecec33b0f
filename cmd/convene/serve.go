package main

import (
	"context"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"convene/config"
	"convene/server"
)

// gcPercent is how much the heap may grow before it is collected. The server's
// is small, some 30 MB beside the mapped file, and twice Go's usual figure saves
// a fifth of the processor time of a write.
const gcPercent = 200

// ballast is memory that nobody touches, and that therefore takes none of the machine. It
// counts as alive, so that a heap of a few MB is not collected after each few more, which
// cost a tenth of the processor time of small requests.
const ballast = 12 << 20

// baseMemory is about what a server takes besides requests and snapshots: caches of
// the directory and of sign-in, connections, and the collector's own.
const baseMemory = 64 << 20

// tuneCollector says when garbage is collected, where the environment does not: late,
// as long as there is little, and sooner the nearer the heap comes to what requests
// and snapshots may take at most. So a burst of large requests leaves no garbage of
// twice its size.
func tuneCollector(c *config.Config) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(int64(c.Limits.Memory)*3/2 + int64(c.Storage.Snapshots) + baseMemory + ballast)
	}
}

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
			config, err := a.load()
			if err != nil {
				return err
			}
			tuneCollector(&config)
			untouched := make([]byte, ballast)
			defer runtime.KeepAlive(untouched)
			server, err := server.Open(server.Options{Config: config, Reread: a.load, Stderr: cmd.ErrOrStderr(), Version: version()})
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
