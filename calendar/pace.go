package calendar

import (
	"fmt"
	"sync"
	"time"
)

// A Pace remembers how much people have lately sent about meetings, so that nobody
// floods the inboxes of others. The zero Pace is that of people who have sent nothing. It
// outlives changes of the limit, and is forgotten with the process.
type Pace struct {
	mu    sync.Mutex
	spent map[string]debt // by GUID
}

// A debt is what somebody has sent of late: it wears off evenly.
type debt struct {
	messages float64
	at       time.Time
}

// mostPaced is how many people are remembered before those are forgotten whose debt has
// worn off.
const mostPaced = 10_000

// A PaceError says that somebody has sent so many messages that no more are taken from
// them for a while. Nothing was changed.
type PaceError struct {
	PerHour int
	Wait    time.Duration // until the next is taken
}

// Error says it for people.
func (e *PaceError) Error() string {
	return fmt.Sprintf("more than %d invitations, answers and cancellations within an hour: nothing was changed, wait for %s", e.PerHour, e.Wait.Round(time.Second))
}

// left is what of a debt has not worn off yet.
func (d debt) left(perHour int, now time.Time) float64 {
	return max(0, d.messages-now.Sub(d.at).Hours()*float64(perHour))
}

// check returns a *PaceError if somebody has sent perHour messages and more, of which too
// few are long enough ago.
func (p *Pace) check(guid string, perHour int, now time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	over := p.spent[guid].left(perHour, now) - float64(perHour) + 1
	if over <= 0 {
		return nil
	}
	return &PaceError{perHour, time.Duration(over / float64(perHour) * float64(time.Hour))}
}

// add notes that somebody has sent messages. One meeting may have more attendees than are
// allowed in an hour: it is sent, and what is sent next waits for longer.
func (p *Pace) add(guid string, messages, perHour int, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.spent == nil {
		p.spent = map[string]debt{}
	}
	if len(p.spent) >= mostPaced {
		for other, d := range p.spent {
			if d.left(perHour, now) == 0 {
				delete(p.spent, other)
			}
		}
	}
	p.spent[guid] = debt{p.spent[guid].left(perHour, now) + float64(messages), now}
}

// paced reports whether what this transaction sends is counted: that of the server itself
// is not.
func (tx *Tx) paced() bool {
	return tx.c.Pace != nil && tx.c.MessagesPerHour > 0 && tx.by.Who != ""
}

// maySend is the error of sending more messages, and counts them.
func (tx *Tx) maySend(messages int) error {
	if !tx.paced() || messages == 0 {
		return nil
	}
	if err := tx.c.Pace.check(tx.by.Who, tx.c.MessagesPerHour, tx.Now()); err != nil {
		return err
	}
	tx.sent += messages
	return nil
}

// countSent notes what a transaction has sent that is durable now.
func (tx *Tx) countSent() {
	if tx.sent > 0 {
		tx.c.Pace.add(tx.by.Who, tx.sent, tx.c.MessagesPerHour, tx.Now())
	}
}
