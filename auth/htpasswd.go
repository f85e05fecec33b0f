package auth

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"

	"convene/directory"
)

// maxLine bounds a line of a password file, in bytes.
const maxLine = 8 << 10

// parseHtpasswd reads Apache's password file: one "name:hash" a line, blank
// lines and lines starting with "#" ignored, more fields after the hash too. A
// name that occurs twice counts once, the first time, as with Apache.
func parseHtpasswd(b []byte) (*htpasswd, error) {
	users, folded := make(map[string]string), make(map[string]string)
	err := eachLine(b, func(line string) error {
		name, rest, ok := strings.Cut(line, ":")
		if !ok || name == "" {
			return fmt.Errorf("want name:hash")
		}
		stored, _, _ := strings.Cut(rest, ":")
		if _, twice := users[name]; !twice {
			users[name] = stored
		}
		if _, twice := folded[strings.ToLower(name)]; !twice {
			folded[strings.ToLower(name)] = stored
		}
		return nil
	})
	return &htpasswd{users, folded}, err
}

// htpasswd is what such a file holds: hashes by name, and by name in lower case.
type htpasswd struct{ users, folded map[string]string }

// of returns the hash for a record, under the name that was typed if there is one, else
// under any name that people may type for it.
func (h *htpasswd) of(p *directory.Principal, login string) (string, bool) {
	if stored, ok := h.users[login]; ok {
		return stored, true
	}
	if stored, ok := h.folded[strings.ToLower(login)]; ok {
		return stored, true
	}
	for _, list := range [][]string{{p.Name}, p.Aliases, p.Emails, p.Kerberos} {
		for _, name := range list {
			if stored, ok := h.folded[strings.ToLower(name)]; ok {
				return stored, true
			}
		}
	}
	return "", false
}

// ha1Key says whose HA1 an entry of an htdigest file is.
type ha1Key struct {
	alg   algorithm
	login string
}

// htdigest is what such a file holds for one realm.
type htdigest struct {
	secrets map[ha1Key][]byte
	forAll  [len(algorithms)]bool // everyone has a secret for it; Apache's tool makes them for MD5 alone
}

func newHtdigest(secrets map[ha1Key][]byte) *htdigest {
	h := &htdigest{secrets: secrets}
	for _, alg := range algorithms {
		h.forAll[alg] = true
		for k := range secrets {
			if _, ok := secrets[ha1Key{alg, k.login}]; !ok {
				h.forAll[alg] = false
			}
		}
	}
	return h
}

// htdigestFile returns a parser of Apache's digest file: one
// "name:realm:HA1" a line, HA1 in hexadecimal, 32 digits for MD5 or 64 for
// SHA-256. Entries of other realms are left out.
func htdigestFile(realm string) func([]byte) (*htdigest, error) {
	return func(b []byte) (*htdigest, error) {
		users := make(map[ha1Key][]byte)
		err := eachLine(b, func(line string) error {
			f := strings.Split(line, ":")
			if len(f) < 3 || f[0] == "" {
				return fmt.Errorf("want name:realm:HA1")
			}
			ha1, err := hex.DecodeString(f[2])
			if err != nil {
				return fmt.Errorf("HA1 is not hexadecimal")
			}
			for _, alg := range algorithms {
				if len(ha1) != alg.size() {
					continue
				}
				k := ha1Key{alg, f[0]}
				if _, twice := users[k]; f[1] == realm && !twice {
					users[k] = ha1
				}
				return nil
			}
			return fmt.Errorf("HA1 has %d bytes, want 16 or 32", len(ha1))
		})
		return newHtdigest(users), err
	}
}

// eachLine calls fn for each line that is not blank or a comment. Its errors
// name the line's number, never its content.
func eachLine(b []byte, fn func(string) error) error {
	s := bufio.NewScanner(bytes.NewReader(bytes.TrimPrefix(b, []byte("\ufeff"))))
	s.Buffer(nil, maxLine)
	for n := 1; s.Scan(); n++ {
		line := strings.TrimSpace(s.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if err := fn(line); err != nil {
			return fmt.Errorf("line %d: %w", n, err)
		}
	}
	return s.Err()
}
