package webdav

// A Mark is a place in a Writer's output that it can be taken back to.
type Mark struct {
	buf, open, ns int
	tagOpen       bool
}

// Mark returns the present place.
func (w *Writer) Mark() Mark {
	return Mark{buf: len(w.buf), open: len(w.open), ns: len(w.ns), tagOpen: w.tagOpen}
}

// Rewind takes back what was written since m. Elements that were open at m must
// not have been closed in between.
func (w *Writer) Rewind(m Mark) {
	w.buf, w.open, w.ns, w.tagOpen = w.buf[:m.buf], w.open[:m.open], w.ns[:m.ns], m.tagOpen
}
