package main

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"pgregory.net/rapid"

	"convene/store"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"convene": func() {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
		},
	})
}

// The commands, as an operator types them: testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"waitfor": waitFor,
			"status":  status,
			"scrub":   scrub,
			"spoil":   spoil,
		},
		UpdateScripts: os.Getenv("UPDATE") != "",
	})
}

// waitFor waits until a file exists: "waitfor FILE".
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: waitfor file")
	}
	name := ts.MkAbs(args[0])
	for range 1000 {
		if _, err := os.Stat(name); err == nil {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	ts.Fatalf("%s: not within 10 s", name)
}

// status runs a program that must end with an exit status: "status N PROGRAM ARG…".
func status(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: status N program [arg...]")
	}
	got := "0"
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		exit, ok := errors.AsType[*exec.ExitError](err)
		if !ok {
			ts.Fatalf("%v", err)
		}
		got = strconv.Itoa(exit.ExitCode())
	}
	if got != args[0] {
		ts.Fatalf("exit status %s, want %s\n%s", got, args[0], ts.ReadFile("stderr"))
	}
}

// volatile is what differs from one run to the next: times, identifiers, the
// secret of a device password, the size of the file, the folder, the build.
var volatile = []struct{ pattern, mark string }{
	{`\d{4}-\d\d-\d\dT[0-9:.]+Z`, "TIME"},
	{`"[0-9a-f]{16}"`, `"ID"`},
	{`"[0-9a-f]{32}"`, `"FILE"`},
	{`"[0-9a-f]{64}"`, `"HASH"`},
	{`account:[a-z0-9_-]+`, `account:…`},
	{`"secret": "[^"]+"`, `"secret": "SECRET"`},
	{`"diskBytes": \d+`, `"diskBytes": "N"`},
	{`"(version|go|os|arch|by)": "[^"]+"`, `"$1": "…"`},
	{`"toml": "[^"\\](?:[^"\\]|\\.)*"`, `"toml": "…"`},
}

// scrub writes one JSON document, without what is volatile, to a file, which
// "cmp" can compare: "scrub stdout|stderr FILE".
func scrub(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: scrub stdout|stderr file")
	}
	text := ts.ReadFile(args[0])
	if !json.Valid([]byte(text)) {
		ts.Fatalf("not one JSON document:\n%s", text)
	}
	for _, v := range volatile {
		text = regexp.MustCompile(v.pattern).ReplaceAllString(text, v.mark)
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(text), 0o600))
}

// spoil puts an object that is no iCalendar into the calendars of a stopped
// server: "spoil DATA".
func spoil(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: spoil folder")
	}
	index := store.Index{UID: "u", Component: store.VEVENT}
	s, err := store.Open(filepath.Join(ts.MkAbs(args[0]), "calendars.db"), store.Options{
		Indexer: func([]byte) (store.Index, error) { return index, nil },
	})
	ts.Check(err)
	ctx := context.Background()
	ts.Check(errors.Join(s.Update(ctx, func(tx *store.Tx) error {
		home, err := tx.EnsureHome("11111111-0000-0000-0000-000000000001", nil)
		if err != nil {
			return err
		}
		c, err := tx.CreateCollection(home.ID, store.NewCollection{Name: "work", Kind: store.KindCalendar})
		if err != nil {
			return err
		}
		_, _, err = tx.PutObject(c, "a.ics", []byte("spoilt"), index, store.Match{})
		return err
	}), s.Close()))
}

// Tables are aligned for people only; what others wrote cannot divide them.
func TestTable(t *testing.T) {
	rows := [][]string{{"calendar", "allow", "tab\there"}, {"all", "no rules", "every\x1bone"}}
	for aligned, want := range map[bool]string{
		false: "calendar\tallow\ttab\\there\nall\tno rules\tevery\\x1bone\n",
		true:  "calendar  allow     tab\\there\nall       no rules  every\\x1bone\n",
	} {
		var out strings.Builder
		if err := (&app{aligned: aligned}).table(&out, rows); err != nil || out.String() != want {
			t.Errorf("aligned %v: %q, %v; want %q", aligned, out.String(), err, want)
		}
	}
}

// What is printed as JSON is the value, and commands no terminal.
func TestWriteJSON(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.String().Draw(t, "text")
		var out strings.Builder
		if err := writeJSON(terminal{&out}, want); err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal([]byte(out.String()), &got); err != nil || got != want {
			t.Fatalf("%q: %q, %v", out.String(), got, err)
		}
		if text := strings.TrimSuffix(out.String(), "\n"); visible(text) != text {
			t.Fatalf("%q is not printable", text)
		}
	})
}
