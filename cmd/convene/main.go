package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"os/user"
	"slices"
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
	// A mistake on the command line may come before the flag has been read.
	flags := args
	if i := slices.Index(args, "--"); i >= 0 {
		flags = args[:i]
	}
	a := &app{json: slices.Contains(flags, "--json"), aligned: isTerminal(stdout)}
	root := newRootCmd(a)
	root.SetArgs(args)
	root.SetOut(terminal{stdout})
	root.SetErr(stderr)
	return a.report(stderr, root.ExecuteContext(ctx))
}

// app is what the commands share.
type app struct {
	config  string // path of the configuration file
	json    bool   // values and errors are written as JSON
	aligned bool   // tables are for a terminal
	reason  string // why the command is run, for the audit log
}

func newRootCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:           "convene",
		Short:         "Calendar server for the people of a directory",
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	cmd.PersistentFlags().StringVarP(&a.config, "config", "c", "/etc/convene/convene.toml", "configuration `file`")
	cmd.PersistentFlags().BoolVar(&a.json, "json", a.json, "print one JSON document; errors are JSON too")
	cmd.AddCommand(newServeCmd(a), newDemoCmd(), newJoinCmd(a), newImportConfigCmd(a), newConfigCmd(a), newDoctorCmd(a), newPrincipalCmd(a), newSACLCmd(a), newACLCmd(a), newDevicepwCmd(a), newSignoutCmd(a), newOffboardCmd(a), newDirectoryCmd(a), newHeldCmd(a), newHealthCmd(a), newDelegateCmd(a), newRoomCmd(a), newAuditCmd(a), newMailCmd(a), newMaintenanceCmd(a), newAdminCmd(a), newVersionCmd(a))
	cmd.AddCommand(newDataCmds(a)...)
	cmd.SetHelpCommand(newHelpCmd())
	cmd.InitDefaultHelpCmd()
	cmd.InitDefaultCompletionCmd()
	strict(cmd)
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

// changes is cmd, which changes something and is recorded in the audit log.
func (a *app) changes(cmd *cobra.Command) *cobra.Command {
	cmd.Flags().StringVar(&a.reason, "reason", "", "why, as `text` for the audit log")
	return cmd
}

// operator is the name of who runs the command, for the audit log. It stands beside
// the name of the account, which the system knows better.
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
