package admin

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"
)

// Every kind of error is the same on both sides of the socket.
func TestKindsTravel(t *testing.T) {
	names := map[string]bool{}
	for _, k := range kinds {
		if names[k.Name] {
			t.Errorf("two kinds are called %q", k.Name)
		}
		names[k.Name] = true
		w := httptest.NewRecorder()
		respond(w, nil, fmt.Errorf("ann: %w", k.Err))
		var p Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if want := (Problem{"ann: " + k.Err.Error(), k.Name, k.Cure}); p != want {
			t.Errorf("%s: %+v, want %+v", k.Name, p, want)
		}
		if w.Code < 400 || w.Code != k.Status.http() {
			t.Errorf("%s: status %d", k.Name, w.Code)
		}
		got := remote(p)
		if !errors.Is(got, k.Err) || got.Error() != p.Error || KindOf(got).Name != k.Name || KindOf(got).Status != k.Status {
			t.Errorf("%s: arrives as %+v", k.Name, KindOf(got))
		}
	}
	if k := KindOf(remote(Problem{Error: "new", Kind: "of a later version"})); k.Status != StatusFailed || k.Name != "failed" {
		t.Errorf("an unknown kind is %+v", k)
	}
}
