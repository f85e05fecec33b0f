package auth

import (
	"bytes"
	"sync"
	"time"
)

// pendingMechs remembers which mechanisms a client offered first on a
// connection, until its next token: the list is what mechListMIC protects.
type pendingMechs struct {
	mu   sync.Mutex
	list map[string]pendingMech // by remote address
}

type pendingMech struct {
	mechs []byte // DER
	until time.Time
}

const (
	maxPending = 4096
	pendingFor = time.Minute
	maxMechs   = 512 // bytes; clients offer three or four, of some ten bytes each
)

// put remembers a list. One that no client has is not: anybody can send it, and
// the token it stands in would be kept with it.
func (p *pendingMechs) put(remote string, mechs []byte, now time.Time) {
	if len(mechs) > maxMechs {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.list) >= maxPending {
		for k, m := range p.list {
			if now.After(m.until) {
				delete(p.list, k)
			}
		}
	}
	if len(p.list) >= maxPending {
		return // the client goes on without a MIC
	}
	if p.list == nil {
		p.list = make(map[string]pendingMech)
	}
	p.list[remote] = pendingMech{bytes.Clone(mechs), now.Add(pendingFor)}
}

// take returns the list and forgets it; nil if there is none, or it is so old
// that the address may be somebody else's by now.
func (p *pendingMechs) take(remote string, now time.Time) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	m := p.list[remote]
	delete(p.list, remote)
	if now.After(m.until) {
		return nil
	}
	return m.mechs
}
