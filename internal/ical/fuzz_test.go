package ical

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

// normalised does to src what the package documentation says is not kept, by
// other means than the decoder's.
func normalised(src []byte) string {
	s := strings.TrimPrefix(string(src), "\ufeff")
	if !strings.Contains(s, "\n") {
		s = strings.ReplaceAll(s, "\r", "\n")
	}
	var b strings.Builder
	for line := range strings.SplitSeq(s, "\n") {
		if line = strings.TrimRight(line, "\r"); line != "" {
			b.WriteString(line + "\r\n")
		}
	}
	return b.String()
}

func FuzzDecode(f *testing.F) {
	for _, tt := range awkward {
		f.Add([]byte(tt.src))
	}
	f.Add(readFile(f, "testdata/event.ics"))
	lim := Limits{Bytes: 1 << 16, Depth: 8, Components: 1000, Properties: 5000, ParamValues: 5000}
	f.Fuzz(func(t *testing.T, src []byte) {
		cal, err := Decode(src, lim)
		if err != nil {
			_, syntax := errors.AsType[*SyntaxError](err)
			if !syntax && !errors.Is(err, ErrLimit) {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		out := cal.Append(nil)
		// Blank lines at either end belong to no line; a line that is cut within a
		// character is folded anew.
		if utf8.Valid(src) && strings.Trim(normalised(src), " \t\r\n") != strings.Trim(string(out), " \t\r\n") &&
			!blankEnds(src) {
			t.Fatalf("not as it was:\n%q\n%q", src, out)
		}
		if !utf8.Valid(out) {
			t.Fatalf("not UTF-8: %q", out)
		}
		again, err := Decode(out, Limits{})
		if err != nil {
			t.Fatalf("decoding what was encoded: %v\n%q", err, out)
		}
		if !again.Equal(cal) {
			t.Fatalf("decoded again it is different:\n%q\n%q", src, out)
		}
		if next := again.Append(nil); !bytes.Equal(next, out) {
			t.Fatalf("encoded again it is different:\n%q\n%q", out, next)
		}
		// Without its source all is written anew, and says the same.
		anew, err := Decode(forget(cal.Clone()).Append(nil), Limits{})
		if err != nil || !anew.Equal(cal) {
			t.Fatalf("written anew it is different (%v):\n%q\n%q", err, src, forget(cal.Clone()).Append(nil))
		}
		checkJCal(t, cal)
		fuzzValues(t, cal)
		if _, err := NewObject(cal); err != nil {
			if _, ok := errors.AsType[*InvalidError](err); !ok {
				t.Fatalf("an error of type %T: %v", err, err)
			}
		}
	})
}

// blankEnds reports whether there are lines of blanks before the calendar or
// between the lines of it that do not continue anything.
func blankEnds(src []byte) bool {
	s := strings.TrimPrefix(normalised(src), "\ufeff")
	return s != strings.TrimLeft(s, " \t")
}

// forget makes c one that was never decoded. What a Param without values and one
// with an empty value say is the same only to the eye: they stay apart.
func forget(c *Component) *Component {
	c.begin, c.end, c.line = "", "", 0
	for i := range c.Props {
		p := &c.Props[i]
		p.src, p.folded = "", "" // line stays: it keeps the order
	}
	for _, child := range c.Children {
		line := child.line
		forget(child).line = line
	}
	return c
}

// fuzzValues calls what reads values on all of them.
func fuzzValues(t *testing.T, c *Component) {
	for i := range c.Props {
		p := &c.Props[i]
		if text := p.Text(); UnescapeText(EscapeText(text)) != text && !strings.Contains(text, "\r") {
			t.Fatalf("text %q is %q", text, UnescapeText(EscapeText(text)))
		}
		if d, err := ParseDuration(p.Value); err == nil {
			if again, err := ParseDuration(d.String()); err != nil || (again != d && again.Exact() != d.Exact()) {
				t.Fatalf("duration %q is %+v, %q is %+v, %v", p.Value, d, d, again, err)
			}
		}
		if at, err := p.DateTime(nil); err == nil {
			again, err := ParseDateTime(at.String(), p.Param("TZID"), at.Kind == Date, nil)
			if err != nil || again != at {
				t.Fatalf("date %q is %+v, %q is %+v, %v", p.Value, at, at, again, err)
			}
		}
		if n, err := ParseOffset(p.Value); err == nil {
			if again, err := ParseOffset(FormatOffset(n)); err != nil || again != n {
				t.Fatalf("offset %q is %d, then %d, %v", p.Value, n, again, err)
			}
		}
	}
	for _, child := range c.Children {
		fuzzValues(t, child)
	}
}

func FuzzJCal(f *testing.F) {
	f.Add([]byte(`["vcalendar",[["version",{},"text","2.0"]],[["vevent",[["geo",{},"float",[1.5,-2]],` +
		`["rrule",{},"recur",{"freq":"YEARLY","byday":["-1SU","2MO"],"until":"2013-10-01"}],` +
		`["attendee",{"member":["a","b"],"cn":"x"},"cal-address","mailto:a@b"],["x",{},"unknown","a;b\n"],` +
		`["rdate",{},"period",["1997-03-08T16:00:00Z","P1D"]],["dtstart",{"tzid":"UTC"},"date-time","2012-10-17T12:00:00"]],[]]]]`))
	f.Add([]byte(`[["vcalendar",[["categories",{},"text","a,b","c"],["x",{},"boolean",true],["y",{},"time","12:00:00Z"]]]]`))
	f.Add([]byte(`["vcalendar",[["tzoffsetto",{},"utc-offset","-05:00"],["x-a",{"b":1},"integer",5]],[]]`))
	lim := Limits{Bytes: 1 << 16, Depth: 8, Components: 1000, Properties: 5000, ParamValues: 5000}
	f.Fuzz(func(t *testing.T, src []byte) {
		cal, err := DecodeJCal(src, lim)
		if err != nil {
			_, syntax := errors.AsType[*SyntaxError](err)
			if !syntax && !errors.Is(err, ErrLimit) {
				t.Fatalf("an error of type %T: %v", err, err)
			}
			return
		}
		text := cal.Append(nil)
		again, err := Decode(text, Limits{})
		if err != nil || !again.Equal(cal) {
			t.Fatalf("as text it is different (%v):\n%q\n%q", err, src, text)
		}
		checkJCal(t, cal)
	})
}

// checkJCal checks that a second way through jCal changes nothing.
func checkJCal(t interface{ Fatalf(string, ...any) }, cal *Component) {
	one := cal.AppendJCal(nil)
	back, err := DecodeJCal(one, Limits{})
	if err != nil {
		t.Fatalf("decoding jCal: %v\n%s", err, one)
	}
	two := back.AppendJCal(nil)
	again, err := DecodeJCal(two, Limits{})
	if err != nil || !again.Equal(back) {
		t.Fatalf("jCal of jCal is different (%v):\n%s\n%s", err, one, two)
	}
}
