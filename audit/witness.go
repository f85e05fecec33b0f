package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"convene/internal/atomicfile"
)

// A Head is the end of a chain: the number and hash of its last line. The zero
// Head is that of a chain without lines.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash"`
}

// readWitness reads what the file at path says is the end of the chain: the zero
// Head if there is no file.
func readWitness(path string) (h Head, err error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return h, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &h)
	}
	if err == nil && h.Seq == 0 {
		err = errors.New("it has no number")
	}
	if err != nil {
		return Head{}, fmt.Errorf("witness of the audit log, %s: %w", path, err)
	}
	return h, nil
}

// write makes h what the file at path says, durably.
func (h Head) write(path string) error {
	text, err := json.Marshal(h)
	if err == nil {
		err = atomicfile.Write(path, 0o600, func(w io.Writer) error { _, err := w.Write(append(text, '\n')); return err })
	}
	if err != nil {
		return fmt.Errorf("witness of the audit log: %w", err)
	}
	return nil
}
