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
	"sync/atomic"
	"time"
)

// drills says what is done beside clients that write.
type drills struct {
	verify time.Duration // how long verify runs in a loop
	backup time.Duration // how long backups are made
	every  time.Duration // from the start of a backup to that of the next
	copies int           // of the running files, with cp
	follow time.Duration // how long backup --follow is killed and started again
}

// drill lets clients write, and verifies, backs up and copies the data meanwhile:
// verify finds nothing, each backup can be restored, is verified and has what there was at
// one moment of it, and so has each copy that is opened; the others are refused with words.
// In the end all that was acknowledged is there, and in the folder that followed.
func drill(h *harness, d drills, seed uint64) int {
	replicas := startReplicas(h, seed)
	var pause atomic.Int64
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, r := range replicas {
		r.pause = func() { time.Sleep(time.Duration(pause.Load())) }
		writing.Go(func() { r.write(stop) })
	}
	verified := h.verifyFor(d.verify)
	restored := h.backupFor(d.backup, d.every, replicas)
	opened, refused := h.copyRunning(d.copies, replicas, &pause)
	pause.Store(0)
	kills := h.killFollowers(d.follow, replicas, seed)
	last := h.follower()
	h.awaitBackup(last)
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
	mark(replicas)
	h.awaitAll(last, replicas)
	last.Stop()
	h.must(h.stop())
	fmt.Printf("DRILL acknowledged=%d verified=%d restored=%d copies=%d refused=%d followers=%d lost=0\n", acknowledged, verified, restored, opened, refused, kills)
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
	h.t.Logf("drill: verified %d times beside writes; the data have %s", n, h.dataSize())
	return n
}

// backupFor makes backups, restores each into a folder of its own, and looks at that.
func (h *harness) backupFor(d, every time.Duration, replicas []*replica) (n int) {
	file := h.path("drill.cvb")
	for begun := time.Now(); time.Since(begun) < d; n++ {
		next := time.Now().Add(every)
		h.remove(file)
		mark(replicas)
		if out, err := h.convene("backup", "--to", file); err != nil {
			h.t.Fatalf("backup %d: %v\n%s", n, err, out)
		}
		if err := h.restores(file, replicas); err != nil {
			h.t.Fatalf("backup %d: %v", n, err)
		}
		time.Sleep(time.Until(next))
	}
	h.t.Logf("drill: restored, verified and compared %d backups; the data have %s", n, h.dataSize())
	return n
}

// restores restores a backup, or the newest of a folder, elsewhere, verifies what came of
// it, and looks at it. Errors: those of shows; any other ends the drill.
func (h *harness) restores(from string, replicas []*replica) (err error) {
	h.elsewhere(func(o *harness) {
		if out, err := o.convene("restore", "--from", from); err != nil {
			h.t.Fatalf("restore: %v\n%s", err, out)
		}
		if out, err := o.convene("admin", "verify"); err != nil {
			h.t.Fatalf("verify of a restored backup: %v\n%s", err, out)
		}
		h.must(o.start())
		if err = o.shows(replicas); err != nil && !errors.Is(err, errOther) {
			h.t.Fatalf("a restored backup: %v\n%s", err, o.output())
		}
		h.must(o.stop())
	})
	return err
}

// paces are how long each client waits between two changes while the files are copied:
// mostly, a copy is torn by the first and good with the last.
var paces = []time.Duration{0, 100 * time.Millisecond, 2 * time.Second, 8 * time.Second}

// copyRunning copies the running files slowly, as cp does on a busy machine, and starts
// servers on the copies.
func (h *harness) copyRunning(n int, replicas []*replica, pause *atomic.Int64) (opened, refused int) {
	for i := range n {
		pace := paces[i%len(paces)]
		pause.Store(int64(pace))
		h.elsewhere(func(o *harness) {
			mark(replicas)
			h.must(slowCopies(h.path("data"), o.path("data")))
			why := o.opens(replicas)
			if why == nil {
				opened++
				h.t.Logf("drill: copy %d of %s, pace %s: opened", i+1, h.dataSize(), pace)
				return
			}
			refused++
			h.t.Logf("drill: copy %d of %s, pace %s: %.200v", i+1, h.dataSize(), pace, why)
		})
	}
	if n >= 2*len(paces) && (opened == 0 || refused == 0) {
		h.t.Fatalf("%d copies were opened and %d refused: this says nothing of the others", opened, refused)
	}
	return opened, refused
}

// opens starts the server on a copy of running files, and returns why it, or verify,
// refuses the copy. Wrong content, a panic and a refusal without a word end the drill.
func (h *harness) opens(replicas []*replica) (why error) {
	if err := h.start(); err != nil {
		why = h.words(h.path("convene.log"))
	} else {
		why = h.shows(replicas)
		if errors.Is(why, errOther) {
			h.t.Fatalf("a copy of the running files: %v\n%s", why, h.output())
		}
		h.must(h.stop())
	}
	out, err := h.convene("admin", "verify")
	h.must(os.WriteFile(h.path("verify.log"), []byte(out), 0o600))
	said := h.words(h.path("verify.log"))
	switch {
	case why == nil && err != nil:
		why = said
	case why != nil && err == nil:
		h.t.Fatalf("a copy of the running files, in which verify finds nothing: %v", why)
	}
	return why
}

// words returns the last line of what a program said, and ends the drill if there is none,
// or if it is that of a panic.
func (h *harness) words(log string) error {
	text, err := os.ReadFile(log)
	h.must(err)
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	last := lines[len(lines)-1]
	if last == "" || strings.Contains(string(text), "goroutine ") {
		h.t.Fatalf("a copy of the running files:\n%s", text)
	}
	return errors.New(last)
}

// errOther: a calendar is not as it was at any moment of the copying.
var errOther = errors.New("not as it was at any moment")

func mark(replicas []*replica) {
	for _, r := range replicas {
		r.mark()
	}
}

// shows reports whether a server on a copy that was made since mark has what there was at
// a moment since then. Errors: errOther, and those of asking.
func (h *harness) shows(replicas []*replica) error {
	for _, r := range replicas {
		bodies, err := newReplica(h.http, r.user, nil).bodies()
		if err != nil {
			return fmt.Errorf("%s: %w", r.user, err)
		}
		if m := r.marked(); !m.has(bodies) {
			return fmt.Errorf("%s: %w: %d events, and %d when it began, %d changes ago", r.user, errOther, len(bodies), len(m.bodies), len(m.sent))
		}
	}
	return nil
}

// slowCopies copies the files of a folder, one after the other, as cp does.
func slowCopies(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		if err := slowCopy(filepath.Join(from, e.Name()), filepath.Join(to, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// slowCopy takes some seconds for a large file, in which the server writes to it.
func slowCopy(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close() // only read
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.Create(to)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, out.Close()) }()
	for piece := max(64<<10, info.Size()/32); ; {
		if _, err := io.CopyN(out, in, piece); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// elsewhere calls fn with a harness of its own, whose data folder is empty.
func (h *harness) elsewhere(fn func(*harness)) {
	o := &harness{t: h.t, dir: h.path("elsewhere"), program: h.program, config: h.config}
	h.must(os.MkdirAll(o.path("data"), 0o700))
	o.use(0, 0)
	fn(o)
	h.must(os.RemoveAll(o.dir))
}

// dataSize is that of calendars.db.
func (h *harness) dataSize() string {
	info, err := os.Stat(h.path("data/calendars.db"))
	h.must(err)
	return fmt.Sprintf("%.1f MB", float64(info.Size())/1e6)
}

func (h *harness) remove(file string) {
	if err := os.Remove(file); !errors.Is(err, fs.ErrNotExist) {
		h.must(err)
	}
}
