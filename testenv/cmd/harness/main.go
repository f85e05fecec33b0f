package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	status := 2
	if len(os.Args) > 1 {
		status = run(ctx, os.Args[1], os.Args[2:])
	} else {
		fmt.Fprintln(os.Stderr, "usage: harness conformance|bench|crash|mailcrash|roomrace|drill|enumeration|ctl …; see go doc ./testenv/cmd/harness")
	}
	stop()
	os.Exit(status)
}

// run does one command and returns the program's status.
func run(ctx context.Context, command string, args []string) int {
	flags := flag.NewFlagSet("harness "+command, flag.ExitOnError)
	var do func(*harness) int
	switch command {
	case "conformance":
		cdt := flags.String("cdt", "", "folder of the conformance runner: cdt, convene.xml, accounts.ldif, accounts.json")
		suite := flags.String("suite", "", "folder of the test scripts: scripts, Resource")
		do = func(h *harness) int { return conformance(h, *cdt, *suite, flags.Args()) }
	case "bench":
		dir := flags.String("calbench", "", "folder of the load driver's module")
		report := flags.String("json", "", "file for the report; default build/bench.json")
		homes := flags.Int("homes", 0, "homes of other people that are there before the server starts")
		events := flags.Int("events", 400, "events in each of them")
		do = func(h *harness) int {
			h.before = func() error { return h.fill(*homes, *events) }
			return bench(h, *dir, *report, flags.Args())
		}
	case "crash":
		n := flags.Int("n", 100, "how often to kill the server")
		seed := flags.Uint64("seed", 1, "seed of what is written and when the server is killed")
		do = func(h *harness) int { return crash(h, *n, *seed) }
	case "drill":
		var d drills
		flags.DurationVar(&d.verify, "verify", 2*time.Minute, "how long to verify in a loop")
		flags.DurationVar(&d.backup, "backup", 5*time.Minute, "how long to make backups")
		flags.DurationVar(&d.every, "every", 10*time.Second, "from one backup to the next")
		flags.IntVar(&d.copies, "copies", 10, "copies of the running files")
		flags.DurationVar(&d.follow, "follow", 2*time.Minute, "how long backup --follow is killed and started again")
		seed := flags.Uint64("seed", 1, "seed of what is written")
		do = func(h *harness) int { return drill(h, d, *seed) }
	case "roomrace":
		var r roomRace
		flags.IntVar(&r.clients, "clients", 200, "clients that book the room at the same time")
		flags.DurationVar(&r.length, "length", 30*time.Second, "how long they book before the first kill")
		flags.IntVar(&r.rounds, "n", 20, "how often to kill the server")
		flags.Uint64Var(&r.seed, "seed", 1, "seed of what is booked and when the server is killed")
		do = func(h *harness) int { return runRoomRace(h, r) }
	case "mailcrash":
		n := flags.Int("n", 20, "how often to kill the server")
		seed := flags.Uint64("seed", 1, "seed of when the server is killed")
		do = func(h *harness) int { return mailcrash(h, *n, *seed) }
	case "enumeration":
		var e enumeration
		flags.IntVar(&e.names, "names", 1000, "names of each kind whose statuses are compared")
		flags.IntVar(&e.pairs, "pairs", 2000, "pairs of names whose times are compared")
		flags.IntVar(&e.runs, "runs", 3, "how often their times are compared")
		flags.IntVar(&e.workers, "workers", 8, "pairs at the same time")
		do = func(h *harness) int { return enumerate(h, e) }
	case "ctl":
		return ctl(args)
	default:
		fmt.Fprintf(os.Stderr, "harness: there is no command %q\n", command)
		return 2
	}
	// The error is handled by ExitOnError.
	_ = flags.Parse(args)
	return withHarness(ctx, do)
}

// ctl posts an operation to a running harness.
func ctl(args []string) int {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: harness ctl URL stop|start|reset")
		return 2
	}
	resp, err := http.Post(args[0]+"/"+args[1], "", nil)
	if err != nil {
		fmt.Fprintln(os.Stderr, "harness:", err)
		return 1
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		fmt.Fprintf(os.Stderr, "harness: %s: %s %s %v\n", args[1], resp.Status, text, err)
		return 1
	}
	return 0
}

// absolute makes the paths of a caller good for programs with another current
// folder.
func absolute(t *tb, path, what string) string {
	if path == "" {
		t.Fatalf("the %s is not given", what)
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(abs); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	return abs
}
