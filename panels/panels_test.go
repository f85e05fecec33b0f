package panels_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"testing"
	"time"

	"convene/internal/engine"
	"convene/panels"
)

// TestOffersOfOneNetwork: strangers of one network cannot have all the codes there are, so
// that no panel can be paired; the oldest of their own gives way.
func TestOffersOfOneNetwork(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &panels.Panels{Now: func() time.Time { return now }}
	offer := func(at string) string {
		t.Helper()
		token, err := p.Offer(netip.MustParseAddr(at))
		if err != nil {
			t.Fatalf("%s: %v", at, err)
		}
		now = now.Add(time.Millisecond)
		return token
	}
	device := offer("192.0.2.1")
	first := offer("2001:db8::1")
	var last string
	for range 500 {
		for _, at := range []string{"198.51.100.7", "2001:db8::1", "2001:db8::2:1", "::ffff:198.51.100.7"} {
			last = offer(at)
		}
	}
	if p.Code(device) == "" || p.Code(last) == "" {
		t.Error("a code is gone that another network has nothing to do with")
	}
	if p.Code(first) != "" {
		t.Error("a network has more codes than its share")
	}
	for i := range 100 {
		if _, err := p.Offer(netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})); errors.Is(err, panels.ErrBusy) {
			return // bounded in all, too
		}
	}
	t.Error("there is no limit in all")
}

// TestGuessedCodes: who runs a room cannot try codes until another's panel shows it.
func TestGuessedCodes(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := &panels.Panels{Engine: engine.OpenMemory(panels.Tables()), Now: func() time.Time { return now }}
	token, err := p.Offer(netip.MustParseAddr("192.0.2.1"))
	if err != nil {
		t.Fatal(err)
	}
	confirm := func(code, guid string, want error) {
		t.Helper()
		if _, err := p.Confirm(context.Background(), code, panels.Shown{Room: "a room"}, panels.Confirmer{GUID: guid}); !errors.Is(err, want) {
			t.Errorf("%q by %s: %v, want %v", code, guid, err, want)
		}
	}
	for range 10 {
		confirm("x", "guesser", panels.ErrCode)
	}
	confirm(p.Code(token), "guesser", panels.ErrGuesses)
	confirm("x", "other", panels.ErrCode)
	confirm(p.Code(token), "other", nil)
	// A panel of one's own in between gives no more tries.
	for range 9 {
		confirm("x", "other", panels.ErrCode)
	}
	if token, err = p.Offer(netip.MustParseAddr("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	confirm(p.Code(token), "other", panels.ErrGuesses)
	for range 30 { // who makes no mistakes pairs as many as there are
		if token, err = p.Offer(netip.MustParseAddr("192.0.2.1")); err != nil {
			t.Fatal(err)
		}
		confirm(p.Code(token), "porter", nil)
	}
	now = now.Add(panels.CodeLife)
	confirm("x", "guesser", panels.ErrCode)
}

// TestLobbies: screens of places and panels of rooms are kept apart, and what was paired
// before there were places is a panel of its room.
func TestLobbies(t *testing.T) {
	ctx := context.Background()
	p := &panels.Panels{Engine: engine.OpenMemory(panels.Tables()), Now: func() time.Time { return time.Unix(1_900_000_000, 0) }}
	pair := func(shows panels.Shown) (token string, one panels.Panel) {
		t.Helper()
		token, err := p.Offer(netip.MustParseAddr("192.0.2.1"))
		if err == nil {
			one, err = p.Confirm(ctx, p.Code(token), shows, panels.Confirmer{GUID: "porter", Name: "Porter"})
		}
		if err != nil {
			t.Fatal(err)
		}
		return token, one
	}
	_, door := pair(panels.Shown{Room: "elm"})
	token, lobby := pair(panels.Shown{Place: &panels.Place{Building: "North", Floor: "2"}})
	everything, _ := pair(panels.Shown{Place: &panels.Place{}})
	got, err := p.Of(ctx, token)
	if err != nil || got.ID != lobby.ID || got.Room != "" || got.Place == nil || *got.Place != (panels.Place{Building: "North", Floor: "2"}) {
		t.Errorf("%+v: %v", got, err)
	}
	if got, err := p.Of(ctx, everything); err != nil || got.Place == nil || *got.Place != (panels.Place{}) {
		t.Errorf("all rooms: %+v: %v", got, err)
	}
	for room, want := range map[string]int{"elm": 1, "": 0} {
		if list, err := p.List(ctx, room); err != nil || len(list) != want {
			t.Errorf("of room %q: %v, %v", room, list, err)
		}
	}
	if list, err := p.Lobbies(ctx); err != nil || len(list) != 2 {
		t.Errorf("of places: %v, %v", list, err)
	}
	for _, err := range []error{p.Remove(ctx, "", lobby.ID), p.Remove(ctx, "elm", lobby.ID), p.RemoveLobby(ctx, door.ID)} {
		if !errors.Is(err, panels.ErrUnknown) {
			t.Errorf("one was removed as another: %v", err)
		}
	}
	if err := p.RemoveLobby(ctx, lobby.ID); err != nil {
		t.Error(err)
	}
	if _, err := p.Of(ctx, token); !errors.Is(err, panels.ErrUnknown) {
		t.Errorf("a screen that was removed: %v", err)
	}
	var old panels.Panel
	if err := json.Unmarshal([]byte(`{"id":"1","room":"elm","by":"Porter","at":"2026-12-01T09:00:00Z"}`), &old); err != nil || old.Room != "elm" || old.Place != nil || old.By != "Porter" {
		t.Errorf("an old record: %+v: %v", old, err)
	}
}
