package outbox

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"pgregory.net/rapid"

	"convene/imip"
	"convene/scheduling"
	"convene/store"
)

// threadOf makes the letters of a thread of words such as "request:1,2*": a method, the
// instances, and a star if it was tried.
func threadOf(words string) []waiting {
	var list []waiting
	for i, word := range strings.Fields(words) {
		word, tried := strings.CutSuffix(word, "*")
		method, rids, _ := strings.Cut(word, ":")
		l := &imip.Letter{Method: scheduling.Method(strings.ToUpper(method)), UID: "u", Sequence: i, RIDs: strings.Split(rids, ",")}
		row := &store.Queued{ID: store.QueueID{Home: 1, Rev: store.Rev(i)}}
		if tried {
			row.Tries = 1
		}
		list = append(list, waiting{row, l})
	}
	return list
}

func places(list []waiting) string {
	var all []string
	for _, w := range list {
		all = append(all, fmt.Sprint(w.row.ID.Rev))
	}
	return strings.Join(all, " ")
}

func TestReduce(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, c := range []struct {
		name, thread string
		sent         bool // something was, before
		keep         string
	}{
		{"alone", "request:", false, "0"},
		{"newer invitation", "request: request:", false, "1"},
		{"newer, and the older was tried", "request:* request:", false, "1"},
		{"other instances", "request: request:1", false, "0 1"},
		{"called off before it went out", "request: cancel:", false, ""},
		{"called off, but somebody may have it", "request:* cancel:", false, "0 1"},
		{"called off, and there was mail before", "request: cancel:", true, "0 1"},
		{"an instance called off", "request: cancel:1", false, "0 1"},
		{"an instance called off that alone was invited to", "request:1 cancel:1", false, ""},
		{"the whole called off with instances", "request:1 request:2 cancel:", false, ""},
		{"cancellations stay in order", "cancel: cancel:", true, "0 1"},
		{"cancelled and invited again", "request: cancel: request:", false, "2"},
		{"answers", "reply: reply:", true, "1"},
		{"answers to other instances", "reply:1 reply:2", true, "0 1"},
	} {
		var mark *store.Mark
		if c.sent {
			mark = &store.Mark{First: "x"}
		}
		keep, drop := reduce(threadOf(c.thread), mark, now)
		if places(keep) != c.keep || len(keep)+len(drop) != len(strings.Fields(c.thread)) {
			t.Errorf("%s: kept %q, want %q", c.name, places(keep), c.keep)
		}
	}
	list := threadOf("request:")
	mark := &store.Mark{Keys: []store.MarkedKey{{Sum: list[0].letter.Key(), At: now.Add(-6 * 24 * time.Hour)}}}
	if keep, _ := reduce(list, mark, now); len(keep) != 0 {
		t.Error("what was sent is sent again")
	}
	if keep, _ := reduce(list, mark, now.Add(2*24*time.Hour)); len(keep) != 1 {
		t.Error("what was sent long ago is not sent")
	}
}

// Whatever waits: what is left ends in the same state for each instance as the whole
// thread would have, in its order, if anything was or may have been sent.
func TestReduceKeepsTheLastWord(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	rapid.Check(t, func(t *rapid.T) {
		words := rapid.SliceOfN(rapid.SampledFrom([]string{"request:", "request:1", "request:2", "cancel:", "cancel:1", "cancel:2"}), 1, 8).Draw(t, "thread")
		sent := rapid.Bool().Draw(t, "sent")
		list := threadOf(strings.Join(words, " "))
		var mark *store.Mark
		if sent {
			mark = &store.Mark{First: "x"}
		}
		keep, _ := reduce(slices.Clone(list), mark, now)
		if !slices.IsSortedFunc(keep, func(a, b waiting) int { return int(a.row.ID.Rev) - int(b.row.ID.Rev) }) {
			t.Fatalf("%v: out of order: %s", words, places(keep))
		}
		all, left := told(list), told(keep)
		for _, rid := range []string{"", "1", "2"} {
			// Who was told nothing at all takes a cancellation for nothing.
			if all[rid] != left[rid] && (sent || all[rid] || left[rid]) {
				t.Fatalf("%v: %q is %v, and of all %v (kept %s)", words, rid, left[rid], all[rid], places(keep))
			}
		}
	})
}

// told is which instances a recipient takes part in who has read the letters. The
// whole stands for itself: what is said of it is said of each instance.
func told(list []waiting) map[string]bool {
	in := map[string]bool{}
	for _, w := range list {
		for _, rid := range w.letter.RIDs {
			in[rid] = w.letter.Method == scheduling.Request
			if rid == "" {
				in["1"], in["2"] = in[""], in[""]
			}
		}
	}
	return in
}

func TestDelays(t *testing.T) {
	var at time.Duration
	for tries := 1; tries <= 8; tries++ {
		at += delayAfter(tries)
	}
	if delayAfter(1) != time.Minute || at < 72*time.Hour || delayAfter(0) != time.Minute || delayAfter(100) != 24*time.Hour {
		t.Errorf("after 8 attempts %v have passed", at)
	}
}

func TestFinalStatus(t *testing.T) {
	unset := smtp.EnhancedCodeNotSet
	for _, c := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{errors.New("connection reset"), ""},
		{&smtp.SMTPError{Code: 451, EnhancedCode: unset}, ""},
		{recipientError{&smtp.SMTPError{Code: 450, EnhancedCode: smtp.EnhancedCode{4, 1, 1}}}, ""},
		{recipientError{&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}}}, "3.7"},
		{recipientError{&smtp.SMTPError{Code: 550, EnhancedCode: unset}}, "3.7"},
		{recipientError{&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 7, 1}}}, "5.2"},
		{recipientError{&smtp.SMTPError{Code: 554, EnhancedCode: unset}}, "5.2"},
		{fmt.Errorf("DATA: %w", &smtp.SMTPError{Code: 552, EnhancedCode: unset}), "5.2"},
		{errConnection{&smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}}}, ""},
	} {
		if got := finalStatus(c.err); got != c.want {
			t.Errorf("%v: %q, want %q", c.err, got, c.want)
		}
	}
}

func TestRates(t *testing.T) {
	var r rates
	now := time.Unix(1_800_000_000, 0)
	got := ""
	for i := range 10 {
		got += fmt.Sprint(r.take(store.HomeID(1+i%2), 2, now).Sub(now), " ")
	}
	if got != "0s 0s 0s 0s 1m0s 1m0s 1m0s 1m0s 2m0s 2m0s " {
		t.Error(got)
	}
	if later := now.Add(time.Minute); !r.take(1, 2, later).Equal(later) || !r.take(1, 0, later).Equal(later) {
		t.Error("a new minute begins")
	}
}
