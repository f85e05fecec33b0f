package caldav

import (
	"runtime"
	"testing"
	"time"
)

// TestLargeBuffersAreFew: of the large buffers of many responses at once only some are
// kept, each is counted once however often it is used, and what the collector took makes
// room for others.
func TestLargeBuffersAreFew(t *testing.T) {
	b := new(buffers)
	sheets, bodies := make([]*sheet, 20), make([][]byte, 20)
	kept := 0
	for i := range sheets {
		sheets[i], bodies[i] = new(sheet), make([]byte, 1, 4<<20)
		if b.keep(sheets[i], bodies[i]) {
			kept++
		}
	}
	if want := maxLarge / (4 << 20); kept != want {
		t.Errorf("%d buffers of 4 MB are kept, not %d", kept, want)
	}
	if !b.keep(sheets[0], bodies[0]) || b.large.Load() != maxLarge {
		t.Errorf("a buffer that is used again counts again: %d bytes of %d", b.large.Load(), maxLarge)
	}
	if !b.keep(new(sheet), make([]byte, 1, smallBuffer)) {
		t.Error("a small buffer is not kept beside the large ones")
	}
	runtime.KeepAlive(bodies)
	bodies = nil
	for range 1000 {
		if runtime.GC(); b.large.Load() == 0 {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if n := b.large.Load(); n != 0 {
		t.Errorf("%d bytes count that nobody has", n)
	}
	if b.keep(new(sheet), make([]byte, 1, maxBuffer+1)) {
		t.Error("a buffer above the limit of one is kept")
	}
}
