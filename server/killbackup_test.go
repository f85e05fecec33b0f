package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"convene/admin/backup"
	"convene/config"
	"convene/internal/settings"
	"convene/server"
	"convene/testenv"
)

// A command is the program, run with a configuration.
type command struct {
	t               *testing.T
	program, config string
}

func newCommand(t *testing.T, c config.Config) *command {
	t.Helper()
	dir := testenv.Dir(t)
	program := filepath.Join(dir, "convene")
	testenv.Run(t, []string{"CGO_ENABLED=0"}, "", "go", "build", "-trimpath", "-o", program, "../cmd/convene")
	return &command{t, program, writeConfig(t, c)}
}

// writeConfig writes a configuration file.
func writeConfig(t *testing.T, c config.Config) string {
	t.Helper()
	file, err := os.Create(filepath.Join(testenv.Dir(t), "convene.toml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := settings.Write(file, c); err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	return file.Name()
}

func (c *command) run(args ...string) {
	c.t.Helper()
	if out, err := exec.Command(c.program, append(args, "-c", c.config)...).CombinedOutput(); err != nil {
		c.t.Fatalf("%v: %v\n%s", args, err, out)
	}
}

// killed runs the program and kills it after some time, and reports whether it had come
// to its end before.
func (c *command) killed(after time.Duration, args ...string) (ended bool) {
	ctx, cancel := context.WithTimeout(c.t.Context(), after)
	defer cancel()
	return exec.CommandContext(ctx, c.program, append(args, "-c", c.config)...).Run() == nil // kills at the end of ctx
}

// A backup, a restore and what is put back may be killed at any moment: what is there is
// whole, and the same command run again does all of it.
func TestKilledBackups(t *testing.T) {
	t.Parallel()
	c := smallConfig(t)
	s := serve(t, c)
	const objects = 40
	names := func() (found int) {
		t.Helper()
		for i := range objects {
			if a := do(t, client(), "GET", fmt.Sprintf("%s%scalendar/%d.ics", s.HTTP, annHome, i), "ann", ""); a.StatusCode == 200 {
				found++
			}
		}
		return found
	}
	for i := range objects {
		a := do(t, client(), "PUT", fmt.Sprintf("%s%scalendar/%d.ics", s.HTTP, annHome, i), "ann", anEvent(fmt.Sprint(i), strings.Repeat("long ", 2000)), "Content-Type: text/calendar")
		if a.StatusCode != 201 {
			t.Fatalf("PUT: %s", a.Status)
		}
	}
	p := newCommand(t, c)
	r := rand.New(rand.NewPCG(3, 4))
	folder := testenv.Dir(t)
	began := time.Now()
	p.run("backup", "--to", folder, "--verify")
	usual := time.Since(began)
	whole, halves := 1, 0
	for range 12 {
		if p.killed(time.Duration(r.Int64N(int64(usual))), "backup", "--to", folder, "--verify") {
			whole++
		}
		parts, err := filepath.Glob(filepath.Join(folder, "*.part"))
		if err != nil {
			t.Fatal(err)
		}
		halves += len(parts)
	}
	p.run("backup", "--to", filepath.Join(folder, "convene-20300101T000000Z.cvb"), "--verify")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		f, err := backup.Open(filepath.Join(folder, e.Name()), nil)
		if err != nil {
			t.Fatal(err)
		}
		report, err := backup.Verify(t.Context(), f, server.BackupSet(), testenv.Dir(t), nil)
		if err != nil || len(report.Problems) > 0 {
			t.Errorf("%s: %v %v", e.Name(), err, report.Problems)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("of 12 backups %d came to their end; %d halves were seen, and are gone", whole-1, halves)

	// What is put back, while the server runs.
	kept := filepath.Join(folder, "convene-20300101T000000Z.cvb")
	for round := range 3 {
		for i := range objects {
			if a := do(t, client(), "DELETE", fmt.Sprintf("%s%scalendar/%d.ics", s.HTTP, annHome, i), "ann", ""); a.StatusCode != 204 && round == 0 {
				t.Fatalf("DELETE: %s", a.Status)
			}
		}
		p.killed(usual/4+time.Duration(r.Int64N(int64(usual))), "restore", "--from", kept, "--principal", "ann")
		some := names()
		p.run("restore", "--from", kept, "--principal", "ann")
		if all := names(); all != objects {
			t.Errorf("%d objects are there again, %d after the kill", all, some)
		}
	}

	// The whole, of a server that is stopped.
	if err := s.stop(); err != nil {
		t.Fatal(err)
	}
	for range 12 {
		p.killed(time.Duration(r.Int64N(int64(usual))), "restore", "--from", kept, "--replace", "--delegates")
		verified(t, c)
	}
	p.run("restore", "--from", kept, "--replace", "--delegates")
	if _, err := os.Stat(filepath.Join(c.Server.Data, "restoring")); !os.IsNotExist(err) {
		t.Errorf("the folder of the restore: %v", err)
	}
	s = serve(t, c)
	if all := names(); all != objects {
		t.Errorf("%d objects after the restore", all)
	}
}
