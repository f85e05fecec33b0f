package ical

import (
	"runtime"
	"runtime/debug"
	"strings"
	"testing"
)

// allocated is how many bytes fn allocates, and what it returns keeps: the least of
// three times, because what the runtime allocates beside it is counted too.
func allocated(fn func() any) (all, kept int64) {
	all, kept = allocatedOnce(fn)
	for range 2 {
		a, k := allocatedOnce(fn)
		all, kept = min(all, a), min(kept, k)
	}
	return all, kept
}

func allocatedOnce(fn func() any) (all, kept int64) {
	var before, after, later runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	result := fn()
	runtime.ReadMemStats(&after)
	runtime.GC()
	runtime.ReadMemStats(&later)
	runtime.KeepAlive(result)
	return int64(after.TotalAlloc - before.TotalAlloc), int64(later.HeapAlloc) - int64(before.HeapAlloc)
}

// Decoding takes no more than TreeSize says, whatever a source is made of.
func TestTreeSize(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const size = 1 << 20
	whole := func(lines string) []byte { return []byte("BEGIN:VCALENDAR\n" + lines + "END:VCALENDAR\n") }
	fill := func(piece string) string { return strings.Repeat(piece, size/len(piece)) }
	for name, src := range map[string][]byte{
		"small":            whole("BEGIN:VEVENT\nUID:x\nDTSTART;TZID=Europe/Berlin:20260504T120000\nSUMMARY:Lunch\nEND:VEVENT\n"),
		"text":             whole("X:" + fill("text ") + "\n"),
		"folded":           whole("X:" + fill("\n x") + "\n"),
		"folded lines":     whole(fill("X:\n x\n")),
		"short lines":      whole(strings.Repeat("A:\n", 99_000)),
		"too many lines":   whole(fill("A:\n")),
		"behind a child":   whole("BEGIN:X\nEND:X\n" + strings.Repeat("A:\n", 99_000)),
		"between children": whole(strings.Repeat("A:\nBEGIN:X\nEND:X\n", 19_000)),
		"children":         whole(strings.Repeat("BEGIN:X\nEND:X\n", 19_000)),
		"with properties":  whole(strings.Repeat("BEGIN:X\nA:\nEND:X\n", 19_000)),
		"parameters":       whole("X" + fill(";A") + ":\n"),
		"some parameters":  whole("X" + strings.Repeat(";A", 90_000) + ":\n"),
		"with values":      whole("X" + strings.Repeat(";A=b", 200_000) + ":\n"),
		"values":           whole("X;A=" + strings.Repeat(",", 290_000) + ":\n"),
		"in each line":     whole(strings.Repeat("X;A=b:\n", 99_000)),
		"quoted":           whole("X" + strings.Repeat(`;A="^n"`, 100_000) + ":\n"),
		"old Macs":         []byte(strings.ReplaceAll(string(whole(strings.Repeat("A:\n", 99_000))), "\n", "\r")),
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			all, kept := allocated(func() any {
				var cal *Component
				cal, err = Decode(src, Limits{})
				return cal
			})
			said := TreeSize(src, Limits{})
			if all > said {
				t.Errorf("took %d bytes, TreeSize says %d; %v", all, said, err)
			}
			t.Logf("%.2f bytes a byte, %.2f kept, TreeSize %.2f; %v", float64(all)/float64(len(src)), float64(kept)/float64(len(src)), float64(said)/float64(len(src)), err)
		})
	}
	for name, src := range map[string]string{
		"lines":      `["vcalendar",[` + strings.Repeat(`["a",{},"b",""],`, size/16) + `["a",{},"b",""]],[]]`,
		"components": `["vcalendar",[],[` + strings.Repeat(`["b",[],[]],`, 19_000) + `["b",[],[]]]]`,
		"values":     `["vcalendar",[["a",{},"text"` + strings.Repeat(`,""`, size/3) + `]],[]]`,
		"parameters": `["vcalendar",[["a",{"b":[` + strings.Repeat(`"",`, size/3) + `""]},"text",""]],[]]`,
		"numbers":    `["vcalendar",[["a",{},"integer"` + strings.Repeat(`,1`, size/2) + `]],[]]`,
		"lists":      `["vcalendar",[["a",{},"text",[` + strings.Repeat(`[],`, size/3) + `[]]]],[]]`,
		"maps":       `["vcalendar",[["a",{},"recur"` + strings.Repeat(`,{}`, size/3) + `]],[]]`,
	} {
		t.Run("jCal "+name, func(t *testing.T) {
			var err error
			all, kept := allocated(func() any {
				var cal *Component
				cal, err = DecodeJCal([]byte(src), Limits{})
				return cal
			})
			said := JCalTreeSize([]byte(src))
			if all/2 > said {
				t.Errorf("took %d bytes, JCalTreeSize says %d; %v", all, said, err)
			}
			t.Logf("%.2f bytes a byte, %.2f kept, JCalTreeSize %.2f; %v", float64(all)/float64(len(src)), float64(kept)/float64(len(src)), float64(said)/float64(len(src)), err)
		})
	}
}
