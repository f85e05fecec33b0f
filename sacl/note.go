package sacl

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"convene/internal/engine"
)

// Errors of a list that is not the one that was in force last. Who was denied is
// then not known, so the server neither starts with it nor takes it at a reload.
var (
	ErrLost  = errors.New("access list lost")
	ErrOther = errors.New("not the access list that was in force last")
)

// cures ends the messages of both.
const cures = `put the file back from a backup, then run "convene sacl reset --from-file --yes"; or begin without rules: "convene sacl reset --yes"`

// tableList holds, under noteKey, what is known of sacl.json, and under pinsKey, which
// records names mean.
const tableList engine.Table = "sacl"

var noteKey = []byte("list")

// noteLimit bounds the reading and writing of a note.
const noteLimit = 30 * time.Second

// Tables returns the tables with which the engine of Options.State is opened.
func Tables() []engine.Table { return []engine.Table{tableList} }

// A listNote says which list was in force last: without it a file that is lost, cut
// short or put back from long ago would look like a list with fewer rules.
type listNote struct {
	List       string `json:"list"`       // random name of the list; "" for one written by hand
	Generation uint64 `json:"generation"` // grows with each change
	Hash       string `json:"hash"`       // SHA-256 of the file, in hexadecimal
}

// noteOf makes the note of a file.
func noteOf(d *document, text []byte) listNote {
	sum := sha256.Sum256(text)
	return listNote{d.List, d.Generation, hex.EncodeToString(sum[:])}
}

// follows checks that next is the list n, or a later state of it. nil is no list
// yet, which anything follows.
func (n *listNote) follows(next listNote) error {
	switch {
	case n == nil || n.Hash == next.Hash:
		return nil
	case n.List != "" && next.List != n.List:
		return fmt.Errorf("%w: it is list %q, and that was %q; %s", ErrOther, next.List, n.List, cures)
	case next.Generation < n.Generation:
		return fmt.Errorf("%w: it is an older copy, generation %d of %d; %s", ErrOther, next.Generation, n.Generation, cures)
	case next.Generation == n.Generation:
		return fmt.Errorf("%w: it was changed by hand; to make the changes count, raise \"generation\" above %d", ErrOther, n.Generation)
	}
	return nil
}

// readNote returns the note in e, nil if there is none.
func readNote(e engine.Engine) (*listNote, error) {
	text, err := readState(e, noteKey)
	if err != nil || len(text) == 0 {
		return nil, err
	}
	n := &listNote{}
	if err := json.Unmarshal(text, n); err != nil {
		return nil, fmt.Errorf("note of the access list: %w", err)
	}
	return n, nil
}

// writeNote makes n the note in e, durably.
func writeNote(e engine.Engine, n listNote) error {
	text, err := json.Marshal(n)
	if err != nil {
		return err
	}
	return writeState(e, noteKey, text)
}

// readState returns what e has under a key, nothing if there is no e.
func readState(e engine.Engine, key []byte) (text []byte, err error) {
	if e == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteLimit)
	defer cancel()
	err = e.View(ctx, func(r engine.Reader) error {
		text = append([]byte(nil), r.Get(tableList, key)...)
		return nil
	})
	return text, err
}

// writeState puts text under a key of e, durably.
func writeState(e engine.Engine, key, text []byte) error {
	if e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), noteLimit)
	defer cancel()
	return e.Update(ctx, func(w engine.Writer) error { return w.Put(tableList, key, text) })
}
