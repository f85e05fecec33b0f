package logging

import (
	"bytes"
	"io"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Linger is how long a line may wait in memory before it is written.
const Linger = 100 * time.Millisecond

// flushAt is the size in bytes at which the buffer is written at once.
const flushAt = 64 << 10

// maxPending bounds the bytes kept in memory while the disk takes none.
const maxPending = 8 << 20

// A Log gathers lines and writes them from one goroutine.
type Log struct {
	out    io.Writer
	failed func(error) // told of write errors and dropped lines; may be nil

	mu      sync.Mutex
	pending []byte
	dropped int
	closed  bool

	// Of the goroutine that writes:
	failing bool // the last write failed
	torn    bool // the file ends within a line

	wake chan struct{} // capacity 1: there is something to write
	full chan struct{} // capacity 1: write now, do not linger
	stop chan struct{}
	done chan struct{}
}

// New starts a Log that writes to out. Errors of out are given to failed, if
// it is not nil, the first of several in a row; they never reach a request.
func New(out io.Writer, failed func(error)) *Log {
	l := &Log{
		out:    out,
		failed: failed,
		wake:   make(chan struct{}, 1),
		full:   make(chan struct{}, 1),
		stop:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	go l.write()
	return l
}

// add appends one line, which ends in a newline.
func (l *Log) add(line []byte) {
	l.mu.Lock()
	was := len(l.pending)
	switch {
	case l.closed || was+len(line) > maxPending:
		l.dropped++
	default:
		l.pending = append(l.pending, line...)
	}
	now := len(l.pending)
	l.mu.Unlock()

	if was == 0 {
		signal(l.wake)
	}
	if was < flushAt && now >= flushAt {
		signal(l.full)
	}
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// write is the goroutine behind the log: it waits for a first line, lingers
// for more, writes all there is, and starts over.
func (l *Log) write() {
	defer close(l.done)
	linger := time.NewTimer(Linger)
	defer linger.Stop()
	var spare []byte
	for stopped := false; !stopped; {
		select {
		case <-l.wake:
			linger.Reset(Linger)
			select {
			case <-linger.C:
			case <-l.full:
			case <-l.stop:
				stopped = true
			}
		case <-l.stop:
			stopped = true
		}
		spare = l.flush(spare)
	}
}

// flush writes what is pending and returns the buffer it wrote, for reuse.
func (l *Log) flush(spare []byte) []byte {
	l.mu.Lock()
	out, dropped := l.pending, l.dropped
	l.pending, l.dropped = spare[:0], 0
	l.mu.Unlock()

	start := 0
	if l.torn {
		start, out = 1, slices.Insert(out, 0, '\n')
	}
	lines := len(out)
	if dropped > 0 {
		out = append(out, "# "...)
		out = strconv.AppendInt(out, int64(dropped), 10)
		out = append(out, " requests are missing here: the log could not be written\n"...)
	}
	if len(out) > 0 {
		n, err := l.out.Write(out)
		l.torn = n > 0 && out[n-1] != '\n' || n == 0 && l.torn
		if err != nil {
			// Those not written whole are counted with the ones lost before.
			l.lost(dropped + bytes.Count(out[min(max(n, start), lines):lines], []byte{'\n'}))
		}
		l.tell(err)
	}
	if cap(out) > 4*flushAt {
		return nil
	}
	return out
}

func (l *Log) lost(lines int) {
	l.mu.Lock()
	l.dropped += lines
	l.mu.Unlock()
}

// tell passes an error on, once for all in a row.
func (l *Log) tell(err error) {
	if err != nil && !l.failing && l.failed != nil {
		l.failed(err)
	}
	l.failing = err != nil
}

// Close writes what is pending and ends the Log. Later lines are dropped.
func (l *Log) Close() error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		<-l.done
		return nil
	}
	l.closed = true
	l.mu.Unlock()
	close(l.stop)
	<-l.done
	return nil
}
