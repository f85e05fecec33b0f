package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"convene/rooms/policy"
)

func TestParseTable(t *testing.T) {
	t.Parallel()
	const text = "\xef\xbb\xbfroom, window,deny,mode\r\nneptune,30,\"user:bob,user:zoe\",\r\n11111111-0000-0000-0000-000000000001,,,decline-if-busy\nVenus,long,,none\n"
	if !policy.IsTable([]byte(text)) || policy.IsTable([]byte("Identity,AutomateProcessing\n")) || policy.IsTable(nil) {
		t.Error("what is a table")
	}
	got, err := policy.ParseTable(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || len(got[2].Notes) != 1 || !strings.Contains(got[2].Notes[0], "window") {
		t.Fatalf("%+v", got)
	}
	got[2].Notes = nil
	want := []policy.Imported{
		{Identity: "neptune", Values: map[string]string{"window": "30", "deny": "user:bob, user:zoe"}},
		{Identity: "11111111-0000-0000-0000-000000000001", Values: map[string]string{"mode": "decline-if-busy"}},
		{Identity: "Venus", Values: map[string]string{"mode": "none"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	for text, want := range map[string]string{
		"":                         "no table",
		"name,window\n":            `the first column is "name"`,
		"room,weather\n":           "weather",
		"room,window,window\n":     "twice",
		"room,window\nneptune\n":   "wrong number of fields",
		"room,window\n\"neptune\n": "extraneous",
	} {
		if _, err := policy.ParseTable(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}
