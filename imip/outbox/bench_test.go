package outbox

import (
	"fmt"
	"testing"
	"time"

	"convene/calendar"
	"convene/store"
)

// A pass over a queue in which 100,000 letters wait for later, each in a thread of its
// own, and ten are due.
func BenchmarkPass(b *testing.B) {
	const waiting, due, together = 100_000, 10, 1000
	d := newDesk(b, newScripted(b, nil).Addr().String())
	payload := make([]byte, 1500)
	for i := 0; i < waiting; i += together {
		err := d.settings.Calendars.Update(b.Context(), calendar.Actor{}, func(tx *calendar.Tx) error {
			home, err := tx.Home(owner)
			for n := range together {
				if err == nil {
					q := &store.Queued{Due: tx.Now().Add(time.Hour), Thread: store.Thread{1, byte(i >> 16), byte((i + n) >> 8), byte(i + n)}, Payload: payload}
					err = tx.Enqueue(home.ID, q)
				}
			}
			return err
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	n := 0
	for b.Loop() {
		b.StopTimer()
		for range due {
			d.queue(fmt.Sprint("meeting", n))
			n++
		}
		b.StartTimer()
		if _, err := d.pass(b.Context(), &d.settings); err != nil {
			b.Fatal(err)
		}
	}
}
