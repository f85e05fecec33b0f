package audit

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// maxLine bounds a line in bytes: what is longer is not written, and not read.
const maxLine = 1 << 20

// tail is what follows the bytes that the hash of a line is taken of, with the
// hash in the place of the x.
const (
	tailBegin = `,"hash":"`
	tailEnd   = `"}`
	tailSize  = len(tailBegin) + 2*sha256.Size + len(tailEnd)
)

// errLine says that bytes are no line of an audit log.
var errLine = errors.New("no line of an audit log")

// encode returns the bytes of a line with its newline, and sets its hash.
func (l *Line) encode() ([]byte, error) {
	l.Hash = ""
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	text = printable(text[:len(text)-len(tailBegin)-len(tailEnd)])
	l.Hash = hashOf(text)
	text = append(text, tailBegin+l.Hash+tailEnd+"\n"...)
	if len(text) > maxLine {
		return nil, fmt.Errorf("a line of %d bytes is too long", len(text))
	}
	return text, nil
}

// printable escapes what is not, so that a line shown as it is commands no terminal.
// Outside ASCII that only occurs in strings, and encoding/json has escaped the
// control characters of ASCII but DEL.
func printable(text []byte) []byte {
	out := make([]byte, 0, len(text)+tailSize+1)
	for len(text) > 0 {
		c, n := utf8.DecodeRune(text)
		switch {
		case strconv.IsPrint(c):
			out = append(out, text[:n]...)
		case c > 0xffff:
			high, low := utf16.EncodeRune(c)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		default:
			out = fmt.Appendf(out, `\u%04x`, c)
		}
		text = text[n:]
	}
	return out
}

func hashOf(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// parse reads a line without its newline. Error: errLine; also if its bytes are
// not those that its hash was taken of.
func parse(text []byte) (*Line, error) {
	if len(text) < tailSize {
		return nil, fmt.Errorf("%w: too short", errLine)
	}
	hashed, tail := text[:len(text)-tailSize], text[len(text)-tailSize:]
	hash := tail[len(tailBegin) : len(tail)-len(tailEnd)]
	if !bytes.HasPrefix(tail, []byte(tailBegin)) || !bytes.HasSuffix(tail, []byte(tailEnd)) {
		return nil, fmt.Errorf("%w: no hash at its end", errLine)
	}
	if string(hash) != hashOf(hashed) {
		return nil, fmt.Errorf("%w: it was changed, its hash is another", errLine)
	}
	l := &Line{}
	if err := json.Unmarshal(text, l); err != nil {
		return nil, fmt.Errorf("%w: %w", errLine, err)
	}
	if l.Seq == 0 || l.Hash != string(hash) {
		return nil, fmt.Errorf("%w: no number", errLine)
	}
	return l, nil
}

// A raw is a line as it is in a file.
type raw struct {
	text []byte // without newline; valid until the next one is read
	long bool   // longer than maxLine; text is its beginning
	torn bool   // the file ends without a newline
}

// readLines calls fn for each line of r until it returns an error.
func readLines(r io.Reader, fn func(raw) error) error {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		text, err := in.ReadSlice('\n')
		next := raw{text: bytes.TrimSuffix(text, []byte("\n")), torn: err == io.EOF}
		if next.torn && len(text) == 0 {
			return nil
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			next.text, next.long = bytes.Clone(text), true
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = in.ReadSlice('\n')
			}
			next.torn = err == io.EOF
		}
		if err != nil && err != io.EOF {
			return err
		}
		if failed := fn(next); failed != nil {
			return failed
		}
		if err == io.EOF {
			return nil
		}
	}
}

// line is parse for what was read.
func (r raw) line() (*Line, error) {
	switch {
	case r.long:
		return nil, fmt.Errorf("%w: too long", errLine)
	case r.torn:
		return nil, fmt.Errorf("%w: the file ends within it", errLine)
	}
	return parse(r.text)
}
