package auth

import (
	"bytes"
	"fmt"
	"testing"
	"time"
)

// What is kept of exchanges that anybody can begin is little, and does not hold
// the token that it came in.
func TestPendingMechsBounded(t *testing.T) {
	var p pendingMechs
	now := time.Now()
	p.put("long", make([]byte, 60<<10), now)
	if p.take("long", now) != nil {
		t.Error("a list of mechanisms of 60 KB was kept")
	}
	token := bytes.Repeat([]byte("m"), 60<<10)
	p.put("short", token[:30], now)
	if got := p.list["short"].mechs; cap(got) > 64 {
		t.Errorf("a list of 30 bytes keeps %d", cap(got))
	}
	if p.take("short", now.Add(2*pendingFor)) != nil {
		t.Error("a list was given to who has the address later")
	}
	for i := range 2 * maxPending {
		p.put(fmt.Sprint(i), token[:30], now)
	}
	if len(p.list) > maxPending {
		t.Errorf("%d lists kept", len(p.list))
	}
}
