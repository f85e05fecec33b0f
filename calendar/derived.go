package calendar

import "sync"

// maxDerived is how many bytes of texts, with what was made of them, are kept of
// each kind at most: those of some thousand people.
const maxDerived = 16 << 20

// derivedSize is about what is kept takes for each byte of its text.
const derivedSize = 8

// derived keeps what was made of texts that are stored with calendars and needed
// again and again: a text gives the same each time, whosever it is. What was made is
// shared and must not be changed. The zero value is ready for use.
type derived[T any] struct {
	mu    sync.Mutex
	all   map[string]T
	bytes int
}

// of is what parse makes of a text. Errors are parse's, and are not kept.
func (d *derived[T]) of(text []byte, parse func([]byte) (T, error)) (T, error) {
	d.mu.Lock()
	made, ok := d.all[string(text)]
	d.mu.Unlock()
	if ok {
		return made, nil
	}
	made, err := parse(text)
	if err == nil {
		d.keep(string(text), made)
	}
	return made, err
}

// keep adds what was made of a text; if it is too much, all others are forgotten.
func (d *derived[T]) keep(text string, made T) {
	d.mu.Lock()
	defer d.mu.Unlock()
	size := derivedSize * len(text)
	if _, ok := d.all[text]; ok || size > maxDerived {
		return
	}
	if d.all == nil || d.bytes+size > maxDerived {
		d.all, d.bytes = map[string]T{}, 0
	}
	d.all[text], d.bytes = made, d.bytes+size
}
