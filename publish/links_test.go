package publish_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"convene/internal/engine"
	"convene/internal/engine/enginetest"
	"convene/publish"
)

func TestLinks(t *testing.T) {
	now := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	e := enginetest.Wrap(t, engine.OpenMemory(publish.Tables()))
	l, ctx := &publish.Links{Engine: e, Now: func() time.Time { return now }}, t.Context()
	made, token, err := l.Add(ctx, publish.Link{GUID: "A", Title: " My\ncalendar ", Calendars: []uint32{3, 5}, Expires: now.Add(time.Hour)})
	if err != nil || made.Title != "My calendar" || len(token) != 32 {
		t.Fatalf("%+v, %d characters, %v", made, len(token), err)
	}
	for range 3 {
		if err := l.Hit(ctx, token); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := l.List(ctx, "A"); err != nil || len(list) != 1 || list[0].Hits != 3 || !list[0].LastHit.Equal(now) {
		t.Errorf("before they are written: %+v, %v", list, err)
	}
	if err := l.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	if got, err := l.Open(ctx, token); err != nil || got.Hits != 3 || got.GUID != "A" {
		t.Errorf("%+v, %v", got, err)
	}
	for guid, id := range map[string]string{"B": made.ID, "A": "0000000000000000", "": made.ID} {
		if _, _, err := l.Rotate(ctx, guid, id); !errors.Is(err, publish.ErrNoLink) {
			t.Errorf("Rotate of %q by %q: %v", id, guid, err)
		}
		if _, err := l.Revoke(ctx, guid, id); !errors.Is(err, publish.ErrNoLink) {
			t.Errorf("Revoke of %q by %q: %v", id, guid, err)
		}
	}
	_, fresh, err := l.Rotate(ctx, "A", made.ID)
	if err != nil || fresh == token {
		t.Fatal(err)
	}
	if _, err := l.Open(ctx, token); !errors.Is(err, publish.ErrNoLink) {
		t.Errorf("the old token: %v", err)
	}
	if got, err := l.Open(ctx, fresh); err != nil || got.Hits != 3 {
		t.Errorf("the new token: %+v, %v", got, err)
	}
	now = now.Add(time.Hour)
	if _, err := l.Open(ctx, fresh); !errors.Is(err, publish.ErrNoLink) {
		t.Errorf("when its time is over: %v", err)
	}
	if _, err := l.Revoke(ctx, "A", made.ID); err != nil {
		t.Error(err)
	}
	if list, err := l.List(ctx, "A"); err != nil || len(list) != 0 {
		t.Errorf("after Revoke: %+v, %v", list, err)
	}
	for i := 0; ; i++ {
		_, _, err := l.Add(ctx, publish.Link{GUID: "A", Title: strings.Repeat("x", 1000), Calendars: []uint32{1}})
		if errors.Is(err, publish.ErrTooMany) && i == 100 {
			break
		}
		if err != nil || i > 100 {
			t.Fatalf("link %d: %v", i, err)
		}
	}
}
