package auth

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// repeatsFor is how long the same refusal is only counted after it was logged.
	repeatsFor = time.Minute
	// maxRepeats bounds the refusals remembered; further ones are logged each.
	maxRepeats = 10_000
)

// repeats sums up refusals that come again and again: the log has the first, and
// then how many followed. The zero repeats has none.
type repeats struct {
	mu  sync.Mutex
	all map[repeatKey]*repeat
}

// repeatKey is what makes two refusals the same: where they come from, and why; of those
// from a network with too many, whatever name was typed.
type repeatKey struct {
	network netip.Prefix
	status  int
	why     string
}

type repeat struct {
	since time.Time
	more  int // after the first
}

// first reports whether a refusal is to be logged now, and counts it if not.
func (r *repeats) first(address string, out *Outcome, now time.Time) bool {
	k := repeatKey{status: out.Status}
	k.network, _ = network(address) // what is no address counts as one
	var throttled *throttledError
	if errors.As(out.Err, &throttled) && throttled.network.IsValid() {
		k.network, k.why = throttled.network, throttled.Error()
	} else {
		k.why = fmt.Sprint(out.Err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if one := r.all[k]; one != nil && now.Sub(one.since) < repeatsFor {
		one.more++
		return false
	} else if one != nil && one.more > 0 {
		one.more++ // summed up soon, and then logged again
		return false
	}
	if r.all == nil {
		r.all = map[repeatKey]*repeat{}
	}
	if len(r.all) < maxRepeats || r.all[k] != nil {
		r.all[k] = &repeat{since: now}
	}
	return true
}

// sumUp logs what was counted, and forgets what is over.
func (r *repeats) sumUp(log *slog.Logger, now time.Time) {
	type sum struct {
		repeatKey
		repeat
	}
	var sums []sum
	r.mu.Lock()
	for k, one := range r.all {
		if now.Sub(one.since) < repeatsFor {
			continue
		}
		if one.more > 0 {
			sums = append(sums, sum{k, *one})
		}
		delete(r.all, k)
	}
	r.mu.Unlock()
	slices.SortFunc(sums, func(a, b sum) int {
		return cmp.Or(cmp.Compare(b.more, a.more), strings.Compare(a.network.String(), b.network.String()), strings.Compare(a.why, b.why))
	})
	for _, s := range sums {
		log.Info("sign-in refused again", "times", s.more, "since", s.since, "status", s.status, "network", s.network, "err", s.why)
	}
}
