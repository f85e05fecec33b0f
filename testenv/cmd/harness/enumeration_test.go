package main

import (
	"testing"
	"time"
)

func TestAreaUnderCurve(t *testing.T) {
	for _, tt := range []struct {
		a, b []time.Duration
		want float64
	}{
		{[]time.Duration{1, 2, 3}, []time.Duration{1, 2, 3}, 0.5},
		{[]time.Duration{4, 5}, []time.Duration{1, 2, 3}, 1},
		{[]time.Duration{1}, []time.Duration{2, 3}, 0},
		{[]time.Duration{2}, []time.Duration{1, 3}, 0.5},
	} {
		if got := areaUnderCurve(tt.a, tt.b); got != tt.want {
			t.Errorf("%v, %v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}
