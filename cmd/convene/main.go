package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"syscall"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/config"
	"convene/server"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// run is the whole program but its process.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	root := newRootCmd()
	root.SetArgs(args)
	root.SetOut(terminal{stdout})
	root.SetErr(stderr)
	if err := root.ExecuteContext(ctx); err != nil {
		if _, quiet := errors.AsType[silentError](err); !quiet {
			fmt.Fprintln(terminal{stderr}, "convene:", err)
		}
		return 1
	}
	return 0
}

// A silentError ends the program with failure after the command has said why.
type silentError struct{}

func (silentError) Error() string { return "failed" }

// app is what the commands share.
type app struct {
	config string // path of the configuration file
}

func newRootCmd() *cobra.Command {
	a := new(app)
	cmd := &cobra.Command{
		Use:           "convene",
		Short:         "Calendar server for the people of a directory",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.PersistentFlags().StringVarP(&a.config, "config", "c", "/etc/convene/convene.toml", "configuration `file`")
	cmd.AddCommand(newServeCmd(a), newDemoCmd(), newConfigCmd(), newSACLCmd(a), newDevicepwCmd(a), newQuotaCmd(a), newAdminCmd(a), newVersionCmd())
	return cmd
}

func (a *app) load() (config.Config, error) { return config.Load(a.config, os.Environ()) }

// withAdmin gives fn the running server, or the files of one that is stopped.
func (a *app) withAdmin(ctx context.Context, fn func(admin.Conn) error) (err error) {
	config, err := a.load()
	if err != nil {
		return err
	}
	client, err := admin.Dial(ctx, config.Server.Data)
	switch {
	case err == nil:
		defer func() { err = errors.Join(err, client.Close()) }()
		return fn(client)
	case !errors.Is(err, admin.ErrNotRunning):
		return err
	}
	offline, err := server.OpenOffline(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, offline.Close()) }()
	return fn(offline.Admin)
}

// operator is the name of who runs the command, for the audit log.
func operator() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); err == nil {
		if name != "" {
			return name + " as " + u.Username
		}
		return u.Username
	}
	return fmt.Sprintf("uid %d", os.Getuid())
}
