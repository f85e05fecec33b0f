package sacl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"convene/audit"
	"convene/directory"
	"convene/internal/engine"
)

var pinsKey = []byte("pins")

// Pins remember which record a name in the configuration meant when it was first found:
// that record goes on being meant when it is renamed, nobody else when the name is given
// to another, and nobody when it is gone. A nil *Pins remembers nothing: names mean who
// has them.
type Pins struct {
	state engine.Engine
	audit *audit.Log
	log   *slog.Logger

	mu    sync.Mutex
	known map[string]pin // by pinName
}

// A pin is what is remembered of a name.
type pin struct {
	GUID string `json:"guid"`
	Gone bool   `json:"gone,omitempty"` // it was said that the directory does not have it any more
}

// OpenPins reads what is remembered in state, which is opened with Tables.
func OpenPins(state engine.Engine, log *audit.Log, errors *slog.Logger) (*Pins, error) {
	p := &Pins{state: state, audit: log, log: errors, known: map[string]pin{}}
	text, err := readState(state, pinsKey)
	if err != nil || len(text) == 0 {
		return p, err
	}
	if err := json.Unmarshal(text, &p.known); err != nil {
		return nil, fmt.Errorf("pinned names: %w", err)
	}
	return p, nil
}

// pinName is the name under which a reference is remembered, "" for one that needs none
// or means nobody.
func pinName(who directory.Ref) string {
	k, err := who.Key().Canonical()
	if who.GUID != "" || err != nil {
		return ""
	}
	return k.Type.String() + "/" + k.Value
}

// Of returns the GUID that is remembered of a reference, or "".
func (p *Pins) Of(who directory.Ref) string {
	if p == nil {
		return ""
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.known[pinName(who)].GUID
}

// Resolve returns the GUID of the record that an entry of a setting means. A record that
// is remembered is meant whatever the directory says; that it is gone is logged as an
// error and recorded, once. Errors: those of looking up a name that is new.
func (p *Pins) Resolve(ctx context.Context, d directory.Directory, setting string, who directory.Ref) (string, error) {
	name := pinName(who)
	if p == nil || name == "" {
		return who.Resolve(ctx, d)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	known, ok := p.known[name]
	if !ok {
		guid, err := who.Resolve(ctx, d)
		if err == nil {
			p.set(name, pin{GUID: guid})
		}
		return guid, err
	}
	_, err := d.Lookup(ctx, directory.Key{By: directory.GUID, Value: known.GUID})
	switch gone := errors.Is(err, directory.ErrNotFound); {
	case err != nil && !gone:
		// As long as the directory does not say, it is there.
	case gone && !known.Gone:
		p.lost(ctx, setting, who, known.GUID)
		p.set(name, pin{known.GUID, true})
	case !gone && known.Gone:
		p.set(name, pin{GUID: known.GUID})
	}
	return known.GUID, nil
}

// lost says that a record is gone that an entry means.
func (p *Pins) lost(ctx context.Context, setting string, who directory.Ref, guid string) {
	p.log.Error("an entry means a record that the directory does not have any more; it goes on meaning that one",
		"setting", setting, "entry", who.String(), "guid", guid,
		"cure", "take the entry out; if another record has the name now and is to be meant, reload and put it in again")
	act := audit.Act{By: audit.By{Via: audit.Via{How: audit.Server}}, Verb: "sacl.gone",
		Object: audit.Object{Type: "rule", GUID: guid, Name: who.String(), Path: setting}}
	if err := p.audit.Do(ctx, act, func() (any, error) { return nil, nil }); err != nil {
		p.log.Error("not recorded in the audit log", "setting", setting, "entry", who.String(), "err", err)
	}
}

// Keep forgets the names that no entry has any more.
func (p *Pins) Keep(entries []string) {
	named := map[string]bool{}
	for _, s := range entries {
		if who, err := directory.ParseRef(s); err == nil {
			named[pinName(who)] = true
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	next := map[string]pin{}
	for name, k := range p.known {
		if named[name] {
			next[name] = k
		}
	}
	if len(next) < len(p.known) {
		p.save(next)
	}
}

func (p *Pins) set(name string, to pin) {
	next := map[string]pin{name: to}
	for n, k := range p.known {
		if n != name {
			next[n] = k
		}
	}
	p.save(next)
}

// save makes next what is remembered. If it cannot be written it counts in this process,
// and is written with the next change.
func (p *Pins) save(next map[string]pin) {
	p.known = next
	text, err := json.Marshal(next)
	if err == nil {
		err = writeState(p.state, pinsKey, text)
	}
	if err != nil {
		p.log.Error("which records names mean is not remembered over a restart", "err", err)
	}
}

// pinned returns the rule, for the record that is remembered of its name.
func (p *Pins) pinned(r *Rule) *Rule {
	guid := p.Of(r.Who)
	if r.Everyone || r.Who.GUID != "" || guid == "" {
		return r
	}
	next := *r
	next.Who.GUID = guid
	return &next
}

// Pin has the rules of the configuration mean the records that have their names now, or
// had them when they were first found. It says nothing of names that nobody has: see
// Unknown.
func (s *SACL) Pin(ctx context.Context) {
	if s.pins == nil {
		return
	}
	s.mu.Lock()
	config := s.named
	s.mu.Unlock()
	for _, r := range config {
		if r.Everyone || r.Who.GUID != "" {
			continue
		}
		// What cannot be found out now is asked again.
		_, _ = s.pins.Resolve(ctx, s.directory, fmt.Sprintf("sacl.%s.%s", r.Service, r.Effect), r.Who)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.usePins()
	s.use(s.file.rules)
}

// usePins makes the rules of the configuration those for the records remembered.
func (s *SACL) usePins() {
	next := make([]*Rule, len(s.named))
	for i, r := range s.named {
		next[i] = s.pins.pinned(r)
	}
	s.config = next
}
