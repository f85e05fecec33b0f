package server

import (
	"slices"
	"testing"

	"convene/delegation"
)

// systemd is told of what is wrong with the delegate database, and that it is mended,
// and of nothing else.
func TestHealthOfDelegates(t *testing.T) {
	var told []string
	h := health{notify: func(s string) { told = append(told, s) }}
	for _, c := range []delegation.Condition{delegation.Created, delegation.Ahead, delegation.Lost, delegation.Good, delegation.Good, delegation.Full, delegation.Good} {
		h.ofDelegates(delegation.State{Condition: c, Detail: "detail"})
	}
	want := []string{"STATUS=delegates: lost: detail", "STATUS=serving", "STATUS=delegates: no space left: detail", "STATUS=serving"}
	if !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}
