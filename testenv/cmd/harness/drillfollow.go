package main

import (
	"math/rand/v2"
	"os"
	"strings"
	"time"

	"convene/testenv"
)

// followLimit is how long a follower may take for its first backup, and for the last change
// when the clients rest: it is for a machine that others use.
const followLimit = time.Minute

// killFollowers starts backup --follow for a folder, again and again, and kills each: by
// turns while it follows, and at any moment, which may be before it has a backup. What a
// restore of the folder then gives was there at one moment since the last one that
// followed was started. It returns how many were killed.
func (h *harness) killFollowers(d time.Duration, replicas []*replica, seed uint64) (n int) {
	random := rand.New(rand.NewPCG(seed, 2<<32))
	for begun := time.Now(); time.Since(begun) < d; n++ {
		follows := n%2 == 0
		if follows {
			mark(replicas)
		}
		f := h.follower()
		if follows {
			h.awaitBackup(f)
		}
		time.Sleep(testenv.Life(random))
		select {
		case <-f.Done():
			h.t.Fatalf("backup --follow ended by itself:\n%s", f.Output())
		default:
			f.Kill()
		}
		if err := h.restores(h.path(followed), replicas); err != nil {
			h.t.Fatalf("the folder after %d kills: %v", n+1, err)
		}
	}
	h.t.Logf("drill: killed %d followers, and restored, verified and compared their folder after each; the data have %s", n, h.dataSize())
	return n
}

// followed is the folder that follows.
const followed = "followed"

// follower starts backup --follow.
func (h *harness) follower() *testenv.Process {
	h.must(os.MkdirAll(h.path(followed), 0o700))
	log := h.path("follow.log")
	h.remove(log)
	f, err := testenv.TryStart(h.t, testenv.Command{
		Path: h.program, Args: []string{"backup", "--follow", h.path(followed), "--config", h.path("convene.toml")}, Log: log,
	})
	h.must(err)
	return f
}

// awaitBackup returns when a follower has said that its backup is complete: what is
// committed from then on follows.
func (h *harness) awaitBackup(f *testenv.Process) {
	for end := time.Now().Add(followLimit); !strings.Contains(f.Output(), h.path(followed)); {
		select {
		case <-f.Done():
			h.t.Fatalf("backup --follow ended without a backup:\n%s", f.Output())
		case <-time.After(10 * time.Millisecond):
		}
		if time.Now().After(end) {
			h.t.Fatalf("backup --follow has no backup after %s:\n%s", followLimit, f.Output())
		}
	}
}

// awaitAll returns when a restore of the folder has all that was acknowledged, which it
// soon has when the clients rest and were marked then.
func (h *harness) awaitAll(f *testenv.Process, replicas []*replica) {
	for end := time.Now().Add(followLimit); ; {
		err := h.restores(h.path(followed), replicas)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			h.t.Fatalf("the folder that follows: %v\n%s", err, f.Output())
		}
	}
}
