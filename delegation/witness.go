package delegation

import (
	"bytes"
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"convene/internal/atomicfile"
)

// A Mark names one state of one file: nothing else has its Head.
type Mark struct {
	File       fileID `json:"file"`
	Generation uint64 `json:"generation"`
	Head       hash   `json:"head"`
}

// MarshalText writes the hash in hexadecimal digits.
func (h hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (h *hash) UnmarshalText(text []byte) error { return unhex(h[:], text) }

func (f fileID) String() string { return hex.EncodeToString(f[:]) }

// MarshalText writes the id in hexadecimal digits.
func (f fileID) MarshalText() ([]byte, error) { return []byte(f.String()), nil }

// UnmarshalText reads what MarshalText wrote.
func (f *fileID) UnmarshalText(text []byte) error { return unhex(f[:], text) }

func unhex(to, text []byte) error {
	if len(text) != hex.EncodedLen(len(to)) {
		return errEncoding
	}
	_, err := hex.Decode(to, text)
	return err
}

// A Witness remembers the last mark somewhere else than in the file and beside
// it: in the calendar store. So the loss of the file, or an old copy in its place,
// is seen although the file itself is whole.
type Witness interface {
	// Load returns the mark that was saved last, zero if none was. An error
	// says that this cannot be known.
	Load(ctx context.Context) (Mark, error)

	// Save remembers a mark. It may be lost in a crash; one error costs
	// nothing if a later call succeeds.
	Save(ctx context.Context, m Mark) error
}

// witnessed is the content of delegates.state. Sum tells damage from a mark that
// the file does not fit.
type witnessed struct {
	Mark
	Sum hash `json:"sum"` // SHA-256 of the mark's JSON
}

func sumOf(m Mark) (hash, error) {
	b, err := json.Marshal(m)
	return hashOf(b), err
}

// readMark reads delegates.state. exists tells whether there is anything, although
// it may not be readable and the mark is zero.
func readMark(path string) (m Mark, exists bool, err error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Mark{}, false, nil
	}
	if err != nil {
		return Mark{}, false, err
	}
	var w witnessed
	if err := json.Unmarshal(b, &w); err != nil {
		return Mark{}, true, nil
	}
	if sum, err := sumOf(w.Mark); err != nil || sum != w.Sum {
		return Mark{}, true, nil
	}
	return w.Mark, true, nil
}

func writeMark(path string, m Mark) error {
	sum, err := sumOf(m)
	if err != nil {
		return err
	}
	b, err := json.Marshal(witnessed{m, sum})
	if err != nil {
		return err
	}
	return atomicfile.Write(path, 0o600, func(w io.Writer) error {
		_, err := io.Copy(w, bytes.NewReader(append(b, '\n')))
		return err
	})
}

// witnesses is what both say.
type witnesses struct {
	newest Mark // zero: neither has a mark
	stored Mark // of the calendar store
	trace  bool // there was a file once
	agree  bool
}

// expected asks both witnesses.
func (b *Book) expected(ctx context.Context) (w witnesses, err error) {
	beside, trace, err := readMark(b.path(stateName))
	if err != nil {
		return w, fmt.Errorf("witness: %w", err)
	}
	stored, err := b.opt.Witness.Load(ctx)
	if err != nil {
		return w, fmt.Errorf("witness in the calendar store: %w", err)
	}
	w = witnesses{newest: beside, stored: stored, agree: beside == stored}
	if stored.Generation > beside.Generation {
		w.newest = stored
	}
	for _, name := range []string{logName, copiesName, fileName + "-log"} {
		if _, err := os.Stat(b.path(name)); err == nil {
			trace = true
		}
	}
	w.trace = trace || w.newest != (Mark{})
	return w, nil
}

// testify tells both witnesses. A failure of the one beside the file is returned:
// no further change may be made before it has succeeded. One of the calendar
// store is mended by the next change or start.
func (b *Book) testify(ctx context.Context, m Mark) error {
	b.behind = true
	if err := writeMark(b.path(stateName), m); err != nil {
		return fmt.Errorf("%s: %w", stateName, err)
	}
	b.behind = false
	if err := b.opt.Witness.Save(ctx, m); err != nil {
		b.log.WarnContext(ctx, "the calendar store did not take the state of the delegate database", "error", err)
	}
	return nil
}
