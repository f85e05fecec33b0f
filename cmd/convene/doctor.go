package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"convene/admin"
	"convene/config"
	"convene/doctor"
	"convene/internal/settings"
)

var (
	kindWarnings = admin.Kind{Name: "warnings", Status: 1}
	kindFailures = admin.Kind{Name: "failures", Status: 2}
)

func newDoctorCmd(a *app) *cobra.Command {
	var only []string
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look for what is wrong with directory, Kerberos, certificates, names and files",
		Long: `Look at all that the server needs, as the server does, and say of each fault
which setting it is in and what to do. Nothing is changed. A password that the
directory refuses is tried once, and not at all if a server runs that was refused.

The exit status is 0 if nothing is wrong, 1 for warnings, 2 for failures.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			report, err := examine(cmd.Context(), c, only)
			if err != nil {
				return usageError(err)
			}
			if err := a.print(cmd, report, func(w io.Writer) error {
				for _, f := range report {
					if _, err := fmt.Fprintln(w, f); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				return err
			}
			switch report.Worst() {
			case doctor.Warn:
				return failure{kind: kindWarnings, error: errors.New("there are warnings"), said: true}
			case doctor.Fail:
				return failure{kind: kindFailures, error: errors.New("there are failures"), said: true}
			}
			return nil
		},
	}
	cmd.Flags().StringSliceVar(&only, "only", nil, "make these `checks` only: "+strings.Join(doctor.Checks(), ", "))
	return cmd
}

// examine makes checks with what a running server says of its directory.
func examine(ctx context.Context, c config.Config, only []string) (doctor.Report, error) {
	running, err := runningServer(ctx, c.Server.Data)
	if err != nil {
		return nil, err
	}
	return doctor.Run(ctx, doctor.Options{Config: c, Only: only, Running: running})
}

// runningServer asks the server of a data folder; nil: there is none.
func runningServer(ctx context.Context, folder string) (_ *doctor.Running, err error) {
	client, err := admin.Dial(ctx, folder)
	switch {
	case errors.Is(err, admin.ErrNotRunning), errors.Is(err, os.ErrPermission), errors.Is(err, os.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	}
	defer func() { err = errors.Join(err, client.Close()) }()
	state, err := admin.StateOfDirectory(ctx, client)
	if err != nil {
		return nil, err
	}
	health, err := admin.ReadHealth(ctx, client)
	if err != nil {
		return nil, err
	}
	running := &doctor.Running{Servers: state.Servers, Cache: state.Cache, Changes: state.Changes}
	for _, part := range health.Parts {
		if part.Name != "directory" && part.Name != "certificate" { // of which there are checks
			running.Parts = append(running.Parts, doctor.Part{Name: part.Name, Err: part.Error, Cure: part.Cure})
		}
	}
	return running, nil
}

// live are the faults that the cheap checks find, and those of this server's own
// certificate and of its name, with file and line of the settings.
func live(ctx context.Context, c config.Config, places *settings.Places) (faults settings.Errors, err error) {
	report, err := examine(ctx, c, append(doctor.Cheap(), doctor.CheckNames))
	if err != nil {
		return nil, err
	}
	for _, f := range report.Faults() {
		misleads := c.Auth.Negotiate.Keytab != "" && (f.Symptom == "ptr" || f.Symptom == "cname")
		if f.Check == doctor.CheckNames && f.Level != doctor.Fail && !misleads {
			continue // DNS may come later than the server; but no ticket fits a name that it calls otherwise
		}
		problem := f.What + ": " + f.Figure
		if f.Setting == "" {
			faults = append(faults, &settings.Error{Key: f.Check, Problem: problem, Cure: f.Cure})
			continue
		}
		faults = append(faults, places.Fault(f.Setting, problem, f.Cure))
	}
	return faults, nil
}
