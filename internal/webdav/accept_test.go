package webdav

import (
	"net/http"
	"testing"
)

func TestAccepts(t *testing.T) {
	for _, tt := range []struct {
		accept  []string
		quality float64
		named   bool
	}{
		{nil, 0, false},
		{[]string{"text/calendar"}, 1, true},
		{[]string{"Text/Calendar ; charset=utf-8;Q=0.5"}, 0.5, true},
		{[]string{"*/*;q=0.1, text/*;q=0.2"}, 0.2, false},
		{[]string{"text/calendar;q=0.3", "text/*"}, 0.3, true},
		{[]string{"*/*", "text/calendar;q=0"}, 0, true},
		{[]string{"application/json"}, 0, false},
		{[]string{"text/calendar;q=NaN"}, 0, true},
		{[]string{"text/calendar;q=2"}, 0, true},
		{[]string{"text/calendar;q=x, */*"}, 0, true},
	} {
		quality, named := Accepts(http.Header{"Accept": tt.accept}, "text/calendar")
		if quality != tt.quality || named != tt.named {
			t.Errorf("%q: %v %v, want %v %v", tt.accept, quality, named, tt.quality, tt.named)
		}
	}
}
