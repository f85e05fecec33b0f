package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"convene/admin"
)

func newHealthCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "health",
		Short: "Say how the running server is: files, directory, mail, certificate, the last backup",
		Long: `Say how the running server is, part by part, with what is wrong, since when, and what to
do about it. Exit status 10: something is not as it should be. The server goes on as far
as it can.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var h admin.Health
			err := a.withAdmin(cmd.Context(), func(c admin.Conn) (err error) {
				h, err = admin.ReadHealth(cmd.Context(), c)
				return err
			})
			if err != nil {
				return err
			}
			if err := a.print(cmd, h, func(w io.Writer) error { return a.table(w, healthRows(h)) }); err != nil {
				return err
			}
			if h.State != admin.Healthy {
				return failure{kind: kindProblems, error: fmt.Errorf("the server is %s", h.State), said: true}
			}
			return nil
		},
	}
}

func healthRows(h admin.Health) (rows [][]string) {
	for _, p := range h.Parts {
		text := p.Error
		if p.Cure != "" {
			text += " (" + p.Cure + ")"
		}
		if !p.Since.IsZero() {
			text = "since " + p.Since.Format(time.RFC3339) + ": " + text
		}
		rows = append(rows, []string{p.Name, p.State, text})
	}
	last := "none"
	if b := h.LastBackup; b != nil {
		last = fmt.Sprintf("of %s, %s, %s", b.Of.Format(time.RFC3339), short(b.Bytes), b.File)
	}
	return append(rows, []string{"last backup", last})
}
