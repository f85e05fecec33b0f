package quota

import (
	"errors"
	"math"
	"testing"

	"pgregory.net/rapid"
)

const userType, roomType = 1, 3

func policy() *Policy {
	return &Policy{
		Default:  Limits{Bytes: 100, Objects: 10, ObjectBytes: 50},
		Types:    map[uint8]Limits{roomType: {Bytes: 30, Collections: 2}},
		Groups:   map[string]Limits{"staff": {Bytes: 500}, "heavy": {Bytes: 300, Objects: 90, ObjectBytes: 60}, "small": {Bytes: 20}},
		GroupIDs: map[string]string{"S": "staff", "H": "heavy", "M": "small"},
	}
}

// The order is: override, the largest of the groups, type, default; each limit
// by itself.
func TestWhereALimitComesFrom(t *testing.T) {
	p := policy()
	for _, tt := range []struct {
		name   string
		owner  Owner
		want   Limits
		source string
	}{
		{"default", Owner{Type: userType}, Limits{Bytes: 100, Objects: 10, ObjectBytes: 50}, "default"},
		{"type", Owner{Type: roomType}, Limits{Bytes: 30, Objects: 10, ObjectBytes: 50, Collections: 2}, "type"},
		{"group", Owner{Type: userType, Groups: "staff"}, Limits{Bytes: 500, Objects: 10, ObjectBytes: 50}, "group staff"},
		{"groups", Owner{Type: userType, Groups: "heavy\nsmall\nstaff"}, Limits{Bytes: 500, Objects: 90, ObjectBytes: 60}, "group staff"},
		{"a group may give less than the default", Owner{Type: userType, Groups: "small"}, Limits{Bytes: 20, Objects: 10, ObjectBytes: 50}, "group small"},
		{"group before type", Owner{Type: roomType, Groups: "small"}, Limits{Bytes: 20, Objects: 10, ObjectBytes: 50, Collections: 2}, "group small"},
		{"a group that is no longer configured", Owner{Type: userType, Groups: "former"}, Limits{Bytes: 100, Objects: 10, ObjectBytes: 50}, "default"},
		{"override", Owner{Override: 7, Type: userType, Groups: "staff"}, Limits{Bytes: 7, Objects: 10, ObjectBytes: 50}, "own"},
		{"no limit", Owner{Override: Unlimited, Type: userType, Groups: "staff"}, Limits{Objects: 10, ObjectBytes: 50}, "own"},
	} {
		if got := p.Limits(tt.owner); got != tt.want || p.Source(tt.owner) != tt.source {
			t.Errorf("%s: %+v from %s, want %+v from %s", tt.name, got, p.Source(tt.owner), tt.want, tt.source)
		}
	}
	if got := p.MaxObjectBytes(); got != 60 {
		t.Errorf("largest object: %d", got)
	}
	p.Default.ObjectBytes = 0
	if got := p.MaxObjectBytes(); got != 0 {
		t.Errorf("largest object without a limit: %d", got)
	}
}

func TestGroupsOf(t *testing.T) {
	p := policy()
	if got, ok := p.GroupsOf([]string{"X", "S", "H", "S"}); got != "heavy\nstaff" || !ok {
		t.Errorf("%q, %t", got, ok)
	}
	if got, ok := p.GroupsOf(nil); got != "" || !ok {
		t.Errorf("%q, %t", got, ok)
	}
	p.Incomplete = true
	if _, ok := p.GroupsOf([]string{"S"}); ok {
		t.Error("known although the directory has not said who the groups are")
	}
	if got, ok := new(Policy).GroupsOf([]string{"S"}); got != "" || !ok {
		t.Errorf("%q, %t although no group has limits", got, ok)
	}
}

func TestCheckNamesTheLimit(t *testing.T) {
	l := Limits{Bytes: 100, Objects: 10, CollectionObjects: 5, Collections: 3, ObjectBytes: 50, Attendees: 2, Attachments: 4}
	for _, tt := range []struct {
		used, growth Usage
		want         *ExceededError
	}{
		{Usage{Bytes: 40}, Usage{Bytes: 60}, nil},
		{Usage{Bytes: 40}, Usage{Bytes: 61}, &ExceededError{Bytes, 100, 40, 61}},
		{Usage{Bytes: 400}, Usage{Bytes: -1}, nil},
		{Usage{Bytes: 400}, Usage{}, nil},
		{Usage{Bytes: 1}, Usage{Bytes: math.MaxInt64}, &ExceededError{Bytes, 100, 1, math.MaxInt64}},
		{Usage{Objects: 10}, Usage{Objects: 1}, &ExceededError{Objects, 10, 10, 1}},
		{Usage{Objects: 10, CollectionObjects: 5}, Usage{Objects: 1, CollectionObjects: 1}, &ExceededError{CollectionObjects, 5, 5, 1}},
		{Usage{Collections: 3}, Usage{Collections: 1}, &ExceededError{Collections, 3, 3, 1}},
		{Usage{ObjectBytes: 90}, Usage{ObjectBytes: -10}, nil},
		{Usage{}, Usage{ObjectBytes: 51}, &ExceededError{ObjectBytes, 50, 0, 51}},
		{Usage{}, Usage{Attendees: 3}, &ExceededError{Attendees, 2, 0, 3}},
		{Usage{}, Usage{Attendees: 2, Attachments: 4}, nil},
		{Usage{}, Usage{Attachments: 5}, &ExceededError{Attachments, 4, 0, 5}},
	} {
		err := l.Check(tt.used, tt.growth)
		var got *ExceededError
		if errors.As(err, &got) != (tt.want != nil) || tt.want != nil && (*got != *tt.want || !errors.Is(err, ErrExceeded)) {
			t.Errorf("%+v + %+v: %v, want %v", tt.used, tt.growth, err, tt.want)
		}
	}
	if err := (Limits{}).Check(Usage{Bytes: math.MaxInt64 - 1}, Usage{Bytes: 1, Objects: 1, Attendees: 1, Attachments: 1}); err != nil {
		t.Errorf("without limits: %v", err)
	}
}

// What is available is exactly what Check lets in.
func TestAvailable(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := Limits{Bytes: rapid.Int64Range(0, 1000).Draw(t, "limit")}
		used := Usage{Bytes: rapid.Int64Range(0, 2000).Draw(t, "used")}
		n, limited := l.Available(used)
		if limited != (l.Bytes > 0) {
			t.Fatalf("limited: %t", limited)
		}
		if !limited {
			return
		}
		if err := l.Check(used, Usage{Bytes: n}); err != nil {
			t.Fatal(err)
		}
		if err := l.Check(used, Usage{Bytes: n + 1}); !errors.Is(err, ErrExceeded) {
			t.Fatalf("one more: %v", err)
		}
	})
}
