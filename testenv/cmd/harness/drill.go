package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"convene/testenv"
)

// drills says what is done beside clients that write.
type drills struct {
	verify time.Duration // how long verify runs in a loop
	backup time.Duration // how long backups are made
	every  time.Duration // from the start of a backup to that of the next
	copies int           // of the running files, with cp
}

// drill lets clients write, and verifies, backs up and copies the data meanwhile:
// verify finds nothing, each backup can be restored and is verified, and each copy is
// opened or refused with words. In the end all that was acknowledged is there.
func drill(h *harness, d drills, seed uint64) int {
	replicas := startReplicas(h, seed)
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, r := range replicas {
		writing.Go(func() { r.write(stop) })
	}
	verified := h.verifyFor(d.verify)
	restored := h.backupFor(d.backup, d.every)
	opened, refused := h.copyRunning(d.copies)
	close(stop)
	writing.Wait()
	acknowledged := 0
	for _, r := range replicas {
		a, _, err := r.compare()
		if err != nil {
			h.t.Fatalf("%s: %v\nserver:\n%s", r.user, err, h.output())
		}
		acknowledged += a
	}
	h.must(h.stop())
	fmt.Printf("DRILL acknowledged=%d verified=%d restored=%d copies=%d refused=%d lost=0\n", acknowledged, verified, restored, opened, refused)
	return 0
}

// startReplicas starts the server with a client for each writer.
func startReplicas(h *harness, seed uint64) (replicas []*replica) {
	const base = "dc=example,dc=com"
	var users []string
	for i := range writers {
		users = append(users, fmt.Sprintf("user%02d", i+1))
	}
	h.config.Directory.Kind = "file"
	h.config.Directory.File.File = h.writeUsers(base, users)
	h.config.Quota.Bytes, h.config.Storage.Reserve = 0, 0
	h.use(0, 0)
	h.must(h.start())
	for i, u := range users {
		replicas = append(replicas, newReplica(h.http, u, rand.New(rand.NewPCG(seed, uint64(i)))))
	}
	return replicas
}

// verifyFor runs verify again and again, and returns how often.
func (h *harness) verifyFor(d time.Duration) (n int) {
	for end := time.Now().Add(d); time.Now().Before(end); n++ {
		if out, err := h.convene("admin", "verify"); err != nil {
			h.t.Fatalf("verify beside writes: %v\n%s", err, out)
		}
	}
	h.t.Logf("drill: verified %d times beside writes", n)
	return n
}

// backupFor makes backups and restores each into a folder of its own.
func (h *harness) backupFor(d, every time.Duration) (n int) {
	file := h.path("drill.cvb")
	for begun := time.Now(); time.Since(begun) < d; n++ {
		next := time.Now().Add(every)
		h.remove(file)
		if out, err := h.convene("backup", "--to", file); err != nil {
			h.t.Fatalf("backup %d: %v\n%s", n, err, out)
		}
		h.elsewhere(func(folder string, convene func(args ...string) (string, error)) {
			if out, err := convene("restore", "--from", file); err != nil {
				h.t.Fatalf("restore %d: %v\n%s", n, err, out)
			}
			if out, err := convene("admin", "verify"); err != nil {
				h.t.Fatalf("verify of the restored backup %d: %v\n%s", n, err, out)
			}
		})
		time.Sleep(time.Until(next))
	}
	h.t.Logf("drill: restored and verified %d backups", n)
	return n
}

// copyRunning copies the running files slowly, as cp does on a busy machine.
func (h *harness) copyRunning(n int) (opened, refused int) {
	for range n {
		h.elsewhere(func(folder string, convene func(args ...string) (string, error)) {
			for _, name := range []string{"auth.db", "auth.db-log", "calendars.db", "calendars.db-log"} {
				if err := slowCopy(h.path("data/"+name), filepath.Join(folder, name)); !errors.Is(err, fs.ErrNotExist) {
					h.must(err)
				}
			}
			out, err := convene("admin", "verify")
			switch {
			case strings.Contains(out, "goroutine ") || strings.Contains(out, "panic"):
				h.t.Fatalf("a copy of the running files:\n%s", out)
			case err == nil:
				opened++
			case strings.TrimSpace(out) == "":
				h.t.Fatalf("a copy of the running files was refused without a word: %v", err)
			default:
				refused++
				h.t.Logf("drill: refused: %.200s", strings.TrimSpace(out))
			}
		})
	}
	return opened, refused
}

func slowCopy(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for {
		if _, err := io.CopyN(out, in, 64<<10); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// elsewhere calls fn with an empty data folder, and with what runs the program on that.
func (h *harness) elsewhere(fn func(folder string, convene func(args ...string) (string, error))) {
	folder, config := h.path("elsewhere"), h.path("elsewhere.toml")
	text, err := os.ReadFile(h.path("convene.toml"))
	h.must(err)
	h.must(os.WriteFile(config, []byte(strings.ReplaceAll(string(text), h.path("data"), folder)), 0o600))
	h.must(os.Mkdir(folder, 0o700))
	fn(folder, func(args ...string) (string, error) {
		return testenv.TryRun(nil, "", h.program, append(args, "--config", config)...)
	})
	h.must(os.RemoveAll(folder))
}

func (h *harness) remove(file string) {
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		h.must(err)
	}
}
