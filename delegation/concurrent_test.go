package delegation

import (
	"context"
	"fmt"
	"sync"
	"testing"
)

// Readers go on while others change, and see each change as a whole.
func TestReadersBesideWriters(t *testing.T) {
	ctx := context.Background()
	e := newEnv(t)
	var writers, readers sync.WaitGroup
	stop := make(chan bool)
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				s, err := e.Read()
				if err != nil {
					t.Error(err)
					return
				}
				for g := range 3 {
					guid := fmt.Sprint("p", g)
					if n := len(s.Delegates(guid, noon)); n != 0 && n != 2 {
						t.Errorf("%s has %d delegates", guid, n)
					}
					d := s.Delegation(Caller{GUID: "x"}, guid, nil, noon)
					if listed := delegators(s.Delegators(Caller{GUID: "x"}, nil, noon))[guid]; listed != d.Level {
						t.Errorf("%s: %v and %v", guid, listed, d.Level)
					}
				}
			}
		})
	}
	for g := range 3 {
		writers.Go(func() {
			guid := fmt.Sprint("p", g)
			both := []Principal{principal("x"), principal("y")}
			for i := range 40 {
				if _, err := e.ReplaceMembers(ctx, author(guid), target(guid), LevelRead, both[:len(both)*(i%2)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	writers.Wait()
	close(stop)
	readers.Wait()
	if err := e.Verify(ctx); err != nil {
		t.Error(err)
	}
}
