package main

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"convene/testenv"
)

// writers is how many clients write at the same time, each in a calendar of
// its own.
const writers = 8

// crash kills the server n times while clients write, and checks each time
// that all that was acknowledged is there, byte for byte, that nothing else
// is, that sync tells what happened, and that verify finds nothing. In the end
// a reindex must find nothing to write.
func crash(h *harness, n int, seed uint64) int {
	replicas := startReplicas(h, seed)
	random := rand.New(rand.NewPCG(seed, 1<<32))
	var acknowledged, open int
	for round := 1; round <= n; round++ {
		a, o := oneCrash(h, replicas, testenv.Life(random))
		acknowledged += a
		open += o
		if round%10 == 0 || round == n {
			h.t.Logf("crash: %d of %d kills, %d acknowledged writes, %d cut off, none lost", round, n, acknowledged, open)
		}
	}
	h.must(h.stop())
	out, err := h.convene("admin", "reindex")
	if err != nil || !strings.Contains(out, " 0 records written, 0 removed") {
		h.t.Fatalf("reindex: the indexes were not those of a fresh one: %v\n%s", err, out)
	}
	fmt.Printf("CRASH kills=%d acknowledged=%d cutoff=%d lost=0 verify=clean reindex=equal\n", n, acknowledged, open)
	return 0
}

// oneCrash lets the replicas write for a while, kills the server, verifies its
// files, starts it again and compares.
func oneCrash(h *harness, replicas []*replica, life time.Duration) (acknowledged, open int) {
	stop := make(chan struct{})
	var writing sync.WaitGroup
	for _, r := range replicas {
		writing.Go(func() { r.write(stop) })
	}
	time.Sleep(life)
	h.kill()
	close(stop)
	writing.Wait()
	out, err := h.convene("admin", "verify")
	if err != nil {
		h.t.Fatalf("verify after a kill: %v\n%s", err, out)
	}
	h.must(h.start())
	for _, r := range replicas {
		a, o, err := r.compare()
		if err != nil {
			h.t.Fatalf("after a kill, %s: %v\nserver:\n%s", r.user, err, h.output())
		}
		acknowledged += a
		open += o
	}
	return acknowledged, open
}

func (h *harness) must(err error) {
	if err != nil {
		h.t.Fatal(err)
	}
}

// output is the end of what the server said.
func (h *harness) output() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.proc == nil {
		return ""
	}
	return h.proc.Output()
}
