package backup

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"filippo.io/age"
)

var (
	// ErrEncrypted: the backup is encrypted, and no key was named.
	ErrEncrypted = errors.New("the backup is encrypted")

	// ErrKey: the backup is encrypted, and not to the keys that were named.
	ErrKey = errors.New("the backup is not encrypted to this key")

	// ErrKeyText: a text is no recipient, or a file has no identities.
	ErrKeyText = errors.New("not a key of age")
)

// A Recipient is whom a backup is encrypted to.
type Recipient = age.Recipient

// An Identity is a key that decrypts.
type Identity = age.Identity

// ageMagic begins every file of age (age-encryption.org/v1).
const ageMagic = "age-encryption.org/v1\n"

// ParseRecipients reads recipients, one in a line, as age has them; lines that begin with
// "#" and empty ones are left out. Errors: ErrKeyText.
func ParseRecipients(text string) ([]Recipient, error) {
	list, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrKeyText, err)
	}
	return list, nil
}

// ReadIdentities reads a file of identities, as age-keygen writes it. Errors: ErrKeyText,
// which does not say what stands in the file.
func ReadIdentities(path string) ([]Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	list, err := age.ParseIdentities(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", path, ErrKeyText)
	}
	return list, nil
}

// Decrypted is r, decrypted if it is encrypted. Errors: ErrEncrypted, ErrKey, ErrDamaged.
func Decrypted(r io.Reader, keys []Identity) (io.Reader, error) {
	buffered := bufio.NewReaderSize(r, 64<<10)
	magic, err := buffered.Peek(len(ageMagic))
	if err != nil && err != io.EOF {
		return nil, err
	}
	if !bytes.HasPrefix([]byte(ageMagic), magic) || len(magic) == 0 {
		return buffered, nil
	}
	if len(keys) == 0 {
		return nil, ErrEncrypted
	}
	plain, err := age.Decrypt(buffered, keys...)
	if _, is := errors.AsType[*age.NoIdentityMatchError](err); is {
		return nil, ErrKey
	}
	if err != nil {
		return nil, fmt.Errorf("%w: the head of the encrypted file: %w", ErrDamaged, err)
	}
	return sealed{plain}, nil
}

// sealed reads what was encrypted. What cannot be authenticated is damage.
type sealed struct{ r io.Reader }

func (s sealed) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err == nil || err == io.EOF || isContext(err) || errors.As(err, new(*fs.PathError)) {
		return n, err
	}
	return n, fmt.Errorf("%w: %w", ErrDamaged, err)
}

// encrypted is w, behind an encryption to recipients, if there are any. close ends it,
// and does not close w.
func encrypted(w io.Writer, to []Recipient) (out io.Writer, end func() error, err error) {
	if len(to) == 0 {
		return w, func() error { return nil }, nil
	}
	c, err := age.Encrypt(w, to...)
	if err != nil {
		return nil, nil, err
	}
	return c, c.Close, nil
}
