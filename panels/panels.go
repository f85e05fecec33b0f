package panels

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"net/netip"
	"sync"
	"time"

	"convene/internal/engine"
)

// tablePanels has each device: SHA-256 of its token → JSON of Panel.
const tablePanels engine.Table = "panels"

// Tables returns the tables with which the engine of Panels is opened.
func Tables() []engine.Table { return []engine.Table{tablePanels} }

// Errors.
var (
	ErrUnknown = errors.New("no such panel")
	ErrCode    = errors.New("no panel shows this code")
	ErrBusy    = errors.New("too many panels wait to be paired")
	ErrGuesses = errors.New("too many codes that no panel shows")
)

// A Panel is a device that was paired.
type Panel struct {
	ID string `json:"id"`
	Shown
	By string    `json:"by"` // who paired it, by name
	At time.Time `json:"at"`
}

// Shown is what a device shows: a room at its door, or in a lobby the rooms of a place.
type Shown struct {
	Room  string `json:"room,omitempty"` // GUID
	Place *Place `json:"place,omitempty"`
}

// A Place is where rooms are. What is empty does not matter: no building and no floor are
// all rooms.
type Place struct {
	Building string `json:"building,omitempty"`
	Floor    string `json:"floor,omitempty"`
}

// CodeLife is how long a code may be used.
const CodeLife = 10 * time.Minute

// How many devices may show a code at one time, in all and from one network. Nobody has
// signed in on them: without the second anybody could have them all.
const (
	mostWaiting     = 100
	mostFromNetwork = 10
)

// mostWrong is how many wrong codes one person may enter within CodeLife: codes are short,
// and another's panel would show the guesser's room.
const mostWrong = 10

// Panels are all devices. It is safe for concurrent use.
type Panels struct {
	Engine engine.Engine
	Now    func() time.Time

	mu      sync.Mutex
	waiting map[[32]byte]waiting
	wrong   map[string]wrong // by the GUID of who entered them
}

// wrong are the wrong codes of one person until a moment.
type wrong struct {
	count int
	until time.Time
}

// guess reports whether somebody may enter a code, and counts it as wrong. The caller
// holds p.mu.
func (p *Panels) guess(guid string) bool {
	now := p.Now()
	maps.DeleteFunc(p.wrong, func(_ string, w wrong) bool { return !now.Before(w.until) })
	w, before := p.wrong[guid]
	if !before {
		w.until = now.Add(CodeLife)
	}
	if w.count == mostWrong {
		return false
	}
	if p.wrong == nil {
		p.wrong = map[string]wrong{}
	}
	w.count++
	p.wrong[guid] = w
	return true
}

// right takes back that the code just entered was counted as wrong. Those before it still
// count: a guesser has panels of their own to pair in between. The caller holds p.mu.
func (p *Panels) right(guid string) {
	w := p.wrong[guid]
	if w.count--; w.count == 0 {
		delete(p.wrong, guid)
		return
	}
	p.wrong[guid] = w
}

type waiting struct {
	code string
	ends time.Time
	from netip.Prefix
}

func key(token string) [32]byte { return sha256.Sum256([]byte(token)) }

// networkOf is an IPv4 address, or the 64 bits of an IPv6 address that a subscriber has.
func networkOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a = a.Unmap(); a.Is4() {
		bits = 32
	}
	network, _ := a.Prefix(bits) // none of no address
	return network
}

// Offer gives a device at an address a token, and a code of six digits that nobody else
// shows now. Of those that come from one network the oldest gives way. Errors: ErrBusy.
func (p *Panels) Offer(at netip.Addr) (token string, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	now, from := p.Now(), networkOf(at)
	codes, count := map[string]bool{}, 0
	var oldest [32]byte
	for k, w := range p.waiting {
		if !now.Before(w.ends) {
			delete(p.waiting, k)
		} else if w.from == from {
			if count == 0 || w.ends.Before(p.waiting[oldest].ends) {
				oldest = k
			}
			count++
		}
		codes[w.code] = true
	}
	if count >= mostFromNetwork {
		delete(p.waiting, oldest)
	}
	if len(p.waiting) >= mostWaiting {
		return "", ErrBusy
	}
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	token = base64.RawURLEncoding.EncodeToString(raw)
	code := ""
	for code == "" || codes[code] {
		n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
		if err != nil {
			return "", err
		}
		code = fmt.Sprintf("%06d", n.Int64())
	}
	if p.waiting == nil {
		p.waiting = map[[32]byte]waiting{}
	}
	p.waiting[key(token)] = waiting{code, now.Add(CodeLife), from}
	return token, nil
}

// Code is what the device with a token shows to be paired; "": its time is over.
func (p *Panels) Code(token string) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if w := p.waiting[key(token)]; p.Now().Before(w.ends) {
		return w.code
	}
	return ""
}

// A Confirmer is who pairs a device.
type Confirmer struct{ GUID, Name string }

// Confirm pairs the device that shows a code with a room or a place. A code is used once.
// Errors: ErrCode; ErrGuesses, who confirms has entered too many wrong codes.
func (p *Panels) Confirm(ctx context.Context, code string, shows Shown, by Confirmer) (Panel, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.guess(by.GUID) {
		return Panel{}, ErrGuesses
	}
	now := p.Now()
	for k, w := range p.waiting {
		if w.code != code || !now.Before(w.ends) {
			continue
		}
		one := Panel{ID: hex.EncodeToString(k[:8]), Shown: shows, By: by.Name, At: now.UTC().Truncate(time.Second)}
		value, err := json.Marshal(one)
		if err != nil {
			return Panel{}, err
		}
		err = p.Engine.Update(ctx, func(tx engine.Writer) error { return tx.Put(tablePanels, k[:], value) })
		if err == nil {
			delete(p.waiting, k)
			p.right(by.GUID)
		}
		return one, err
	}
	return Panel{}, ErrCode
}

// Of returns the panel that a token is of. Errors: ErrUnknown.
func (p *Panels) Of(ctx context.Context, token string) (one Panel, err error) {
	k := key(token)
	err = p.Engine.View(ctx, func(tx engine.Reader) error {
		v := tx.Get(tablePanels, k[:])
		if v == nil {
			return ErrUnknown
		}
		one = Panel{}
		return json.Unmarshal(v, &one)
	})
	return one, err
}

// List returns all panels of a room.
func (p *Panels) List(ctx context.Context, room string) ([]Panel, error) {
	return p.list(ctx, func(one *Panel) bool { return one.Place == nil && one.Room == room })
}

// Lobbies returns all panels that show the rooms of a place.
func (p *Panels) Lobbies(ctx context.Context) ([]Panel, error) {
	return p.list(ctx, func(one *Panel) bool { return one.Place != nil })
}

func (p *Panels) list(ctx context.Context, want func(*Panel) bool) (list []Panel, err error) {
	err = p.Engine.View(ctx, func(tx engine.Reader) error {
		list = nil
		for _, v := range tx.Scan(tablePanels, engine.Range{}) {
			var one Panel
			if err := json.Unmarshal(v, &one); err != nil {
				return err
			}
			if want(&one) {
				list = append(list, one)
			}
		}
		return nil
	})
	return list, err
}

// Remove ends a panel of a room. Errors: ErrUnknown.
func (p *Panels) Remove(ctx context.Context, room, id string) error {
	return p.remove(ctx, id, func(one *Panel) bool { return one.Place == nil && one.Room == room })
}

// RemoveLobby ends a panel of a place. Errors: ErrUnknown.
func (p *Panels) RemoveLobby(ctx context.Context, id string) error {
	return p.remove(ctx, id, func(one *Panel) bool { return one.Place != nil })
}

func (p *Panels) remove(ctx context.Context, id string, is func(*Panel) bool) error {
	return p.Engine.Update(ctx, func(tx engine.Writer) error {
		for k, v := range tx.Scan(tablePanels, engine.Range{}) {
			var one Panel
			if err := json.Unmarshal(v, &one); err != nil {
				return err
			}
			if one.ID == id && is(&one) {
				return tx.Delete(tablePanels, append([]byte{}, k...))
			}
		}
		return ErrUnknown
	})
}
