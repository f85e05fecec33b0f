package ical

import (
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// TestScaleGolden compares with ICU: see testdata/rscale.py.
func TestScaleGolden(t *testing.T) {
	data, err := os.ReadFile("testdata/rscale.golden")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(data)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		start, rule, stop, want := f[0], f[1], numbersOf(t, f[2])[0], numbersOf(t, f[3])
		got := daysOf(wallsOf(t, rule, start, math.MinInt64, (stop-1)*secondsPerDay, 1000))
		if len(want) > 0 && (len(got) == 0 || got[0] != want[0]) {
			got = append(want[:1:1], got...) // DTSTART is an instance, though the rule may not give it
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s %s\n got %v\nwant %v", start, rule, got, want)
			continue
		}
		if len(want) < 6 {
			continue
		}
		// From the middle on, and by COUNT, it is the same.
		at := len(want) / 2
		if got := daysOf(wallsOf(t, rule, start, want[at]*secondsPerDay, (stop-1)*secondsPerDay, 1000)); !slices.Equal(got, want[at:]) {
			t.Errorf("%s %s from %d on\n got %v\nwant %v", start, rule, want[at], got, want[at:])
		}
		counted := daysOf(wallsOf(t, rule+";COUNT=5", start, want[3]*secondsPerDay, math.MaxInt64, 1000))
		if !slices.Equal(counted, want[3:5]) {
			t.Errorf("%s %s;COUNT=5\n got %v\nwant %v", start, rule, counted, want[3:5])
		}
	}
}

// daysOf turns walls into days.
func daysOf(walls []int64) []int64 {
	days := make([]int64, len(walls))
	for i, w := range walls {
		days[i] = w / secondsPerDay
	}
	return days
}

// TestScaleExamples has those of RFC 7529 §4.3, and dates that are published.
func TestScaleExamples(t *testing.T) {
	for _, tt := range []struct{ start, rule, want string }{
		{"20130210", "RSCALE=CHINESE;FREQ=YEARLY", "20130210 20140131 20150219 20160208 20170128"},
		{"20130906", "RSCALE=ETHIOPIC;FREQ=MONTHLY;BYMONTH=13", "20130906 20140906 20150906 20160906 20170906"},
		{"20140208", "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD", "20140208 20150227 20160217 20170306 20180223"},
		{"20120229", "RSCALE=GREGORIAN;FREQ=YEARLY;SKIP=FORWARD", "20120229 20130301 20140301 20150301 20160229 20170301"},
		// Days and weeks that are counted from the end and that there are not.
		{"20240101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=BACKWARD", "20240101 20240131 20240301 20240331 20240501"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=FORWARD", "20240101 20240201 20240301 20240401"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=MONTHLY;BYMONTHDAY=-31;SKIP=OMIT", "20240101 20240301 20240501"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-29;SKIP=BACKWARD", "20240201 20250131 20260131 20270131 20280201"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=-366;SKIP=BACKWARD", "20240101 20241231 20251231 20261231 20280101"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYYEARDAY=-366;SKIP=FORWARD", "20240101 20250101 20260101"},
		{"20240101", "RSCALE=GREGORIAN;FREQ=YEARLY;INTERVAL=2;BYYEARDAY=-366;SKIP=BACKWARD;COUNT=3", "20240101 20251231 20280101"},
		{"20201228", "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=53;SKIP=FORWARD", "20201228 20220103 20230102 20240101 20241230 20251229 20261228"},
		{"20201228", "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=53;SKIP=BACKWARD", "20201228 20211227 20221226 20231225 20241223 20251222 20261228"},
		{"20201228", "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=53;SKIP=OMIT", "20201228 20261228"},
		{"20201228", "RSCALE=GREGORIAN;FREQ=YEARLY;INTERVAL=2;BYWEEKNO=53;SKIP=FORWARD", "20201228 20230102 20241230 20261228"},
		{"20200101", "RSCALE=GREGORIAN;FREQ=YEARLY;INTERVAL=2;BYWEEKNO=-53;SKIP=BACKWARD", "20200101 20211229 20231227 20271229"},
		{"20200101", "RSCALE=GREGORIAN;FREQ=YEARLY;BYWEEKNO=-53;BYDAY=WE;SKIP=FORWARD", "20200101 20210106 20220105 20230104 20240103"},
		{"20260217", "RSCALE=CHINESE;FREQ=YEARLY", "20260217 20270206 20280126 20290213 20300203"},
		{"20330825", "RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=11L;BYMONTHDAY=1;SKIP=OMIT", "20331222"},
		{"20240910", "FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1;RSCALE=hebrew", "20241003 20250923 20260912"},
		{"20240707", "RSCALE=ISLAMIC-UMALQURA;FREQ=YEARLY", "20240707 20250626 20260616"},
		{"20240330", "FREQ=YEARLY;BYMONTHDAY=29,-1", "20240331 20250329 20250331 20260329"},
		{"20240229", "FREQ=YEARLY;BYMONTHDAY=29", "20240229 20280229"},
		{"20240913", "FREQ=YEARLY;BYMONTHDAY=13;BYDAY=FR", "20240913 20241213 20250613 20260213 20260313"},
		{"20240101", "FREQ=YEARLY;BYMONTHDAY=1;BYWEEKNO=1,18", "20240101 20240501 20250101 20250501 20260101"},
		{"20240320", "RSCALE=PERSIAN;FREQ=YEARLY", "20240320 20250321 20260321 20270321 20280320"},
		{"20240321", "RSCALE=INDIAN;FREQ=YEARLY;BYMONTH=1;BYMONTHDAY=1", "20240321 20250322 20260322 20270322 20280321"},
		{"20230322", "RSCALE=CHINESE;FREQ=YEARLY", "20230322"}, // 2L 1: the next such month is in 2042
		{"20230322", "RSCALE=CHINESE;FREQ=YEARLY;SKIP=BACKWARD", "20230322 20240310 20250228"},
		{"17500101", "RSCALE=CHINESE;FREQ=YEARLY", ""},                                        // before the table
		{"24000120", "RSCALE=CHINESE;FREQ=MONTHLY;INTERVAL=7;COUNT=100", "24000120 24000814"}, // to the end of the table,
		{"20240910", "RSCALE=HEBREW;FREQ=DAILY;BYMONTH=5L;BYMONTHDAY=-1", "20270309 20300305"},
	} {
		want := strings.Fields(tt.want)
		got := wallsOf(t, tt.rule, tt.start, math.MinInt64, 1920000000, max(len(want), 1))
		if tt.start > "2030" {
			got = wallsOf(t, tt.rule, tt.start, math.MinInt64, math.MaxInt64, max(len(want), 1))
		}
		var dates []string
		for _, w := range got {
			dates = append(dates, DateTime{Wall: w}.String())
		}
		if !slices.Equal(dates, want) {
			t.Errorf("%s %s = %v, want %v", tt.start, tt.rule, dates, want)
		}
	}
}

func TestParseScaledRule(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{"RSCALE=chinese;FREQ=YEARLY;BYMONTH=12,5l,5;SKIP=backward", "RSCALE=CHINESE;FREQ=YEARLY;SKIP=BACKWARD;BYMONTH=5,5L,12"},
		{"FREQ=YEARLY;BYMONTH=13;RSCALE=coptic", "RSCALE=COPTIC;FREQ=YEARLY;BYMONTH=13"},
		{"FREQ=YEARLY;BYYEARDAY=385;RSCALE=hebrew", "RSCALE=HEBREW;FREQ=YEARLY;BYYEARDAY=385"},
		{"RSCALE=GREGORY;FREQ=DAILY", "RSCALE=GREGORIAN;FREQ=DAILY"},
		{"RSCALE=islamicc;FREQ=DAILY", "RSCALE=ISLAMIC-CIVIL;FREQ=DAILY"},
		{"RSCALE=roc;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", "RSCALE=ROC;FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29"},
	} {
		r, err := ParseRule(tt.rule)
		if err != nil || r.String() != tt.want {
			t.Errorf("ParseRule(%q) = %v %v, want %s", tt.rule, r, err, tt.want)
		}
	}
	for _, rule := range []string{
		"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=6L", "RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=13", "RSCALE=ETHIOPIC;FREQ=YEARLY;BYMONTH=14",
		"RSCALE=ETHIOPIC;FREQ=YEARLY;BYMONTH=5L", "RSCALE=BUDDHIST;FREQ=YEARLY;BYYEARDAY=367", "RSCALE=CHINESE;FREQ=YEARLY;BYYEARDAY=386",
		"RSCALE=CHINESE;FREQ=YEARLY;BYMONTH=L", "RSCALE=CHINESE;RSCALE=HEBREW;FREQ=YEARLY",
	} {
		if r, err := ParseRule(rule); err == nil {
			t.Errorf("ParseRule(%q) = %v", rule, r)
		}
	}
}
