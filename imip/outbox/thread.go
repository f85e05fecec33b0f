package outbox

import (
	"time"

	"convene/imip"
	"convene/scheduling"
	"convene/store"
)

// A waiting is a letter in the queue.
type waiting struct {
	row    *store.Queued
	letter *imip.Letter
}

// sameFor is how long what was sent is not sent again.
const sameFor = 7 * 24 * time.Hour

// reduce drops letters of a thread, which are in order, that need not be sent: those
// that a later one replaces, those that take back what was never begun, and what was
// sent already. mark is what was sent; nil: nothing.
func reduce(list []waiting, mark *store.Mark, now time.Time) (keep, drop []waiting) {
	pointless := make([]bool, len(list))
	for i := range list {
		pointless[i] = mark != nil && mark.Has(list[i].letter.Key(), now.Add(-sameFor)) || replaced(list, i)
	}
	if mark == nil {
		takeBack(list, pointless)
	}
	for i, w := range list {
		if pointless[i] {
			drop = append(drop, w)
		} else {
			keep = append(keep, w)
		}
	}
	return keep, drop
}

// replaced reports whether a later letter says all that letter i does: of the same
// method, about the same instances. Nothing else may lie between them that the
// recipient would then read in the wrong order.
func replaced(list []waiting, i int) bool {
	l := list[i].letter
	if l.Method == scheduling.Cancel {
		return false
	}
	for _, later := range list[i+1:] {
		if later.letter.Method == l.Method && later.letter.SameInstances(l) {
			return true
		}
	}
	return false
}

// takeBack marks invitations that were never begun, of a thread in which nothing was
// ever sent, with the cancellation behind them: the recipient need not hear of
// either.
func takeBack(list []waiting, pointless []bool) {
	for _, w := range list {
		if w.row.Tries > 0 {
			return // the recipient may have it
		}
	}
	for j, w := range list {
		if w.letter.Method == scheduling.Cancel && takesBack(list[:j], w.letter) {
			for i, before := range list[:j] {
				pointless[i] = pointless[i] || w.letter.Whole() || before.letter.SameInstances(w.letter)
			}
			pointless[j] = true
		}
	}
}

// takesBack reports whether a cancellation leaves nothing of invitations before it: it
// is of all, or of instances that nobody was invited to but by themselves.
func takesBack(before []waiting, cancel *imip.Letter) bool {
	found := false
	for _, w := range before {
		if w.letter.Method != scheduling.Request {
			continue
		}
		if w.letter.Whole() && !cancel.Whole() {
			return false
		}
		found = found || cancel.Whole() || w.letter.SameInstances(cancel)
	}
	return found
}

// delays are the times between attempts; the last one repeats.
var delays = []time.Duration{time.Minute, 5 * time.Minute, 30 * time.Minute, 2 * time.Hour, 8 * time.Hour, 24 * time.Hour}

// delayAfter is how long to wait after so many attempts.
func delayAfter(tries int) time.Duration { return delays[min(max(tries, 1), len(delays))-1] }
