package main

import "testing"

// TestMoments: a copy has what one client wrote up to a moment, and nothing besides.
func TestMoments(t *testing.T) {
	r := newReplica(0, "ann", nil)
	write := func(name, body string) {
		c := change{name, body}
		r.begin(c)
		r.end(c, `"1"`)
	}
	write("a", "1\r\n")
	write("b", "1\r\n")
	r.begin(change{"a", "2\r\n"}) // under way
	r.mark()
	r.end(change{"a", "2\r\n"}, `"2"`)
	write("b", "")
	r.begin(change{"c", "1\r\n"})
	for _, test := range []struct {
		name   string
		bodies map[string]string
		want   bool
	}{
		{"the beginning", map[string]string{"a": "1\n", "b": "1\n"}, true},
		{"what was under way", map[string]string{"a": "2\n", "b": "1\n"}, true},
		{"then a deletion", map[string]string{"a": "2\n"}, true},
		{"what is under way", map[string]string{"a": "2\n", "c": "1\n"}, true},
		{"a later change without an earlier one", map[string]string{"a": "1\n"}, false},
		{"what was never written", map[string]string{"a": "3\n", "b": "1\n"}, false},
		{"nothing", map[string]string{}, false},
	} {
		if got := r.marked().has(test.bodies); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
