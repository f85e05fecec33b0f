package admin

import (
	"context"
	"fmt"
	"slices"
	"time"

	"convene/audit"
	"convene/auth"
	"convene/directory"
	"convene/internal/engine"
	"convene/internal/held"
	"convene/panels"
	"convene/publish"
)

// HeldKinds are the kinds of secrets that may be held.
var HeldKinds = []string{auth.HeldDevice, publish.HeldLink, panels.HeldPanel}

// Held is a device password, a published link or a panel that is out of service since a
// backup was restored.
type Held struct {
	Kind    string    `json:"kind"`
	GUID    string    `json:"guid"`           // of its owner; of a panel, its room; "" of one in a lobby
	Name    string    `json:"name,omitempty"` // empty: the directory does not have them, or is away
	Label   string    `json:"label,omitempty"`
	Created time.Time `json:"created"`
}

// HeldRequest names what becomes of what is held.
type HeldRequest struct {
	Kind   string `json:"kind,omitempty"` // one of HeldKinds; empty: all
	By     string `json:"by"`             // who they say they are
	Reason string `json:"reason,omitempty"`
}

// ListHeld returns what is held, by kind, owner, time and label.
func ListHeld(ctx context.Context, c Conn) ([]Held, error) {
	return call[[]Held](ctx, c, "held-list", None{})
}

// ReleaseHeld puts what is held of a kind into service again, and returns it. Error:
// ErrRequest.
func ReleaseHeld(ctx context.Context, c Conn, r HeldRequest) ([]Held, error) {
	return call[[]Held](ctx, c, "held-release", r)
}

// DropHeld ends what is held of a kind for good, and returns it. Error: ErrRequest.
func DropHeld(ctx context.Context, c Conn, r HeldRequest) ([]Held, error) {
	return call[[]Held](ctx, c, "held-drop", r)
}

func (a *Admin) heldList(ctx context.Context, _ None) ([]Held, error) {
	list, err := held.List(ctx, a.State)
	return a.heldOf(ctx, list), err
}

func (a *Admin) heldRelease(ctx context.Context, r HeldRequest) ([]Held, error) {
	return a.endHeld(ctx, r, "held.release", held.Release)
}

func (a *Admin) heldDrop(ctx context.Context, r HeldRequest) ([]Held, error) {
	return a.endHeld(ctx, r, "held.drop", held.Drop)
}

func (a *Admin) endHeld(ctx context.Context, r HeldRequest, verb string, end func(context.Context, engine.Engine, string) ([]held.Secret, error)) (done []Held, err error) {
	if r.Kind != "" && !slices.Contains(HeldKinds, r.Kind) {
		return nil, fmt.Errorf("%w: %q is none of %q", ErrRequest, r.Kind, HeldKinds)
	}
	before, err := held.List(ctx, a.State)
	if err != nil {
		return nil, err
	}
	before = slices.DeleteFunc(before, func(s held.Secret) bool { return r.Kind != "" && s.Kind != r.Kind })
	act := audit.Act{By: a.Operator.By(r.By, r.Reason), Verb: verb, Object: audit.Object{Type: "server"}, Before: a.heldOf(ctx, before)}
	err = a.Audit.Do(ctx, act, func() (any, error) {
		list, err := end(ctx, a.State, r.Kind)
		done = a.heldOf(ctx, list)
		return heldEnded{len(done)}, err
	})
	return done, err
}

// heldEnded is how many were released or dropped, in the audit log.
type heldEnded struct {
	Secrets int `json:"secrets"`
}

// heldOf says whose secrets they are.
func (a *Admin) heldOf(ctx context.Context, list []held.Secret) []Held {
	names := map[string]string{}
	out := []Held{}
	for i := range list {
		s := &list[i]
		name, asked := names[s.GUID]
		if !asked {
			// What is held is known without the directory.
			if p, err := a.Directory.Lookup(ctx, directory.Key{By: directory.GUID, Value: s.GUID}); err == nil {
				name = p.Name
			}
			names[s.GUID] = name
		}
		out = append(out, Held{s.Kind, s.GUID, name, s.Label, s.Created})
	}
	return out
}
