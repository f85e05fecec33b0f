package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/server"
)

// kinds are the errors that only a program has, before those of package admin.
// A kind without Err is that of a failure.
var kinds = []admin.Kind{
	kindInterrupted,
	{Err: server.ErrInUse, Name: "in-use", Status: admin.StatusConflict, Cure: "stop the server that runs with this data folder"},
	{Err: server.ErrNotKept, Name: "not-kept", Status: admin.StatusNotFound, Cure: "use another backup, or correct the names"},
	{Err: server.ErrRoot, Name: "root", Status: admin.StatusRefused, Cure: "run this as the server's account, or set server.allow-root"},
}

var (
	kindInterrupted = admin.Kind{Err: context.Canceled, Name: "interrupted", Status: admin.StatusFailed}
	kindUsage       = admin.Kind{Name: "usage", Status: admin.StatusUsage, Cure: "see --help"}
	kindPartly      = admin.Kind{Name: "partly", Status: admin.StatusPartly}
	kindProblems    = admin.Kind{Name: "problems", Status: admin.StatusProblems}
)

// A failure is an error of which the command knows the kind.
type failure struct {
	kind admin.Kind
	error
	said bool // the command has written all of it already
}

func (f failure) Unwrap() error { return f.error }

// usageError says that the command line makes no sense.
func usageError(err error) error {
	if err == nil {
		return nil
	}
	return failure{kind: kindUsage, error: err}
}

// kindOf is the one place where errors become exit statuses.
func kindOf(err error) admin.Kind {
	if f, ok := errors.AsType[failure](err); ok {
		return f.kind
	}
	for _, k := range kinds {
		if errors.Is(err, k.Err) {
			return k
		}
	}
	return admin.KindOf(err)
}

// report writes err for whoever called the program, as JSON or as text, and
// returns the exit status.
func (a *app) report(w io.Writer, err error) int {
	if err == nil {
		return int(admin.StatusDone)
	}
	kind := kindOf(err)
	if a.json {
		// Nobody is left to tell if this fails; the status says it too.
		_ = writeJSON(w, admin.Problem{Error: err.Error(), Kind: kind.Name, Cure: kind.Cure})
	} else if f, ok := errors.AsType[failure](err); !ok || !f.said {
		fmt.Fprintln(terminal{w}, "convene:", err)
	}
	return int(kind.Status)
}

// strict makes every mistake on the command line of cmd and those below it a
// usage error: cobra prints the help for a mistyped command below a group, and
// calls it a success.
func strict(cmd *cobra.Command) {
	cmd.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError(err) })
	switch args := cmd.Args; {
	case !cmd.Runnable():
		cmd.DisableFlagsInUseLine = true
		cmd.Args, cmd.RunE = cobra.ArbitraryArgs, noCommand
	case args != nil:
		cmd.Args = func(cmd *cobra.Command, list []string) error { return usageError(args(cmd, list)) }
	}
	for _, below := range cmd.Commands() {
		strict(below)
	}
}

// noCommand serves a group whose command is missing or unknown.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		if !cmd.HasParent() {
			return cmd.Help()
		}
		return usageError(fmt.Errorf("%s: name a command: %s", cmd.CommandPath(), strings.Join(commandNames(cmd), ", ")))
	}
	if cmd.SuggestionsMinimumDistance <= 0 {
		cmd.SuggestionsMinimumDistance = 2
	}
	found := cmd.SuggestionsFor(args[0])
	if len(found) == 0 {
		return usageError(fmt.Errorf("unknown command %q for %q; there are %s", args[0], cmd.CommandPath(), strings.Join(commandNames(cmd), ", ")))
	}
	slices.Sort(found)
	return usageError(fmt.Errorf("unknown command %q for %q\n\nDid you mean this?\n\t%s", args[0], cmd.CommandPath(), strings.Join(found, "\n\t")))
}

func commandNames(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		if c.IsAvailableCommand() {
			names = append(names, c.Name())
		}
	}
	return names
}

// newHelpCmd is cobra's, but for an unknown command, which is an error.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			found, rest, err := cmd.Root().Find(args)
			if err != nil {
				return usageError(err)
			}
			if len(rest) > 0 {
				return noCommand(found, rest)
			}
			found.InitDefaultHelpFlag()
			return found.Help()
		},
	}
}
