package directory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"convene/directory/ldif"
)

// completeDigest checks the settings of Digest's secrets.
func (s *spec) completeDigest() error {
	for _, set := range []struct {
		name  string
		value []string
	}{
		{"digest-ha1", one(s.DigestHA1)}, {"digest-password", one(s.DigestPassword)}, {"digest-algorithms", s.DigestAlgorithms},
	} {
		if len(set.value) > 0 && s.typ != User {
			return setting(set.name, "only users sign in")
		}
	}
	for _, a := range s.DigestAlgorithms {
		if !slices.Contains(DigestAlgorithms(), a) {
			return setting("digest-algorithms", "%q: unknown; there are %s", a, strings.Join(DigestAlgorithms(), " and "))
		}
	}
	if len(s.DigestAlgorithms) > 0 && s.DigestHA1 == "" {
		return setting("digest-algorithms", "it is about digest-ha1, which is not set")
	}
	if len(s.DigestAlgorithms) == 0 && s.DigestHA1 != "" {
		s.DigestAlgorithms = []string{DigestMD5}
	}
	return nil
}

// one is a list of a value, or of none.
func one(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// secretAttributes lists the attributes with Digest's secrets.
func (s *spec) secretAttributes() []string {
	if s == nil {
		return nil
	}
	return slices.Concat(one(s.DigestHA1), one(s.DigestPassword))
}

// checkSecret refuses attributes with secrets that would be read for other ends
// too: what is in a record is kept on disk, and shown by explain.
func (m *mapping) checkSecret() error {
	s := m.spec(User)
	if s == nil || len(s.secretAttributes()) == 0 {
		return nil
	}
	read := slices.Clone(m.attrs)
	for _, o := range m.specs {
		read = append(slices.Concat(read, o.Member, o.MemberName, o.MemberGUID), o.MemberOf)
	}
	for _, set := range [][2]string{{"digest-ha1", s.DigestHA1}, {"digest-password", s.DigestPassword}} {
		name, attr := set[0], set[1]
		switch {
		case attr == "":
		case !attributeName(attr) || strings.Contains(attr, ";"):
			return inTable(User.String(), setting(name, "%q: not an attribute's name", attr))
		case slices.ContainsFunc(read, func(r string) bool { base, _, _ := strings.Cut(r, ";"); return strings.EqualFold(base, attr) }):
			return inTable(User.String(), setting(name, "%q is named by another setting too, or by a filter; what they read is kept on disk and shown to operators", attr))
		}
	}
	if strings.EqualFold(s.DigestHA1, s.DigestPassword) {
		return inTable(User.String(), setting("digest-password", "the same attribute as digest-ha1"))
	}
	return nil
}

// secrets returns what Digest is verified with, and how many values of an entry
// cannot be used.
func (s *spec) secrets(e *ldif.Entry) (d DigestSecrets, useless int) {
	add := func(attr string, add func(string) bool) {
		if attr == "" {
			return
		}
		for _, v := range e.Values(attr) {
			if !add(v) {
				useless++
			}
		}
	}
	add(s.DigestHA1, d.addHA1)
	add(s.DigestPassword, d.addPassword)
	return d, useless
}

// digestNews is what was learnt of the attributes with secrets, for warnings that
// are given once.
type digestNews struct {
	found  atomic.Bool // a record has a secret
	absent atomic.Bool // it was said that none has
	hashed atomic.Bool // it was said that those there are cannot be used
}

// forget makes warnings possible again.
func (n *digestNews) forget() { n.absent.Store(false); n.hashed.Store(false) }

// HasHA1 implements DigestSource: an attribute is configured.
func (l *LDAP) HasHA1() bool { return len(l.m.spec(User).secretAttributes()) > 0 }

// HA1ForAll implements DigestSource. Any algorithm will do for clear passwords;
// of H(A1) values the configuration says which they are for.
func (l *LDAP) HA1ForAll(algorithm string) bool {
	s := l.m.spec(User)
	return s == nil || s.DigestHA1 == "" || slices.Contains(s.DigestAlgorithms, algorithm)
}

// AsksServer implements DigestSource.
func (l *LDAP) AsksServer() bool { return true }

// DigestSecrets implements DigestSource. The service account reads the attributes
// with secrets, and nothing but these and what tells whose they are.
func (l *LDAP) DigestSecrets(ctx context.Context, guid string) (*DigestSecrets, error) {
	k, err := Key{By: GUID, Type: User, Value: guid}.Canonical()
	if err != nil {
		return nil, err
	}
	s := l.m.spec(User)
	if len(s.secretAttributes()) == 0 {
		return nil, fmt.Errorf("digest secret of %v: %w", k, ErrNotFound)
	}
	defer l.slow(time.Now(), "digest secret", k)
	ctx, cancel := context.WithTimeout(ctx, l.timeout())
	defer cancel()
	e, err := l.secretEntry(ctx, s, k)
	if err != nil {
		return nil, fmt.Errorf("digest secret of %v: %w", k, err)
	}
	if !all(s.login, e) {
		return nil, fmt.Errorf("digest secret of %v: may not sign in: %w", k, ErrNotFound)
	}
	d, useless := s.secrets(e)
	l.noteSecrets(s, e, &d, useless)
	if d.Empty() {
		return nil, fmt.Errorf("digest secret of %v: %w", k, ErrNotFound)
	}
	return &d, nil
}

// secretEntry reads the one entry of a user.
func (l *LDAP) secretEntry(ctx context.Context, s *spec, k Key) (*ldif.Entry, error) {
	filter := and(s.Filter, l.m.keyFilter(s, k))
	if filter == "" {
		return nil, ErrNotFound
	}
	attrs := append(s.secretAttributes(), s.GUID)
	for _, c := range s.login {
		attrs = append(attrs, c.attr)
	}
	keep := func(e *ldif.Entry) bool { return s.contains(e) && strings.EqualFold(s.guid(e), k.Value) }
	var list []*ldif.Entry
	var tooMany error
	for _, base := range s.Base {
		found, err := l.entries(ctx, request{base: base, scope: int(s.scope), filter: filter, attrs: attrs, limit: 2, keep: keep})
		if err != nil && !errors.Is(err, ErrTooMany) {
			return nil, err
		}
		if err != nil {
			tooMany = err
		}
		for _, e := range found {
			if !slices.ContainsFunc(list, func(o *ldif.Entry) bool { return o.FoldedDN() == e.FoldedDN() }) {
				list = append(list, e)
			}
		}
	}
	switch {
	case len(list) > 1:
		return nil, fmt.Errorf("%q and %q: %w", list[0].DN, list[1].DN, ErrAmbiguous)
	case tooMany != nil: // cut off before the response was clear
		return nil, unavailable("search", tooMany)
	case len(list) == 0:
		return nil, ErrNotFound
	}
	return list[0], nil
}

// noteSecrets warns, once, while no record that was read has a secret: Digest is
// offered, and nobody gets in.
func (l *LDAP) noteSecrets(s *spec, e *ldif.Entry, d *DigestSecrets, useless int) {
	attrs := s.secretAttributes()
	switch {
	case !d.Empty():
		l.digest.found.Store(true)
	case l.digest.found.Load():
	case useless == 0 && !l.digest.absent.Swap(true):
		l.log.Warn("no record read so far has a secret for Digest; may the service account read the attributes?", "attributes", attrs, "record", e.DN)
	case useless > 0 && !l.digest.hashed.Swap(true):
		l.log.Warn("no record read so far has a secret that Digest can be verified with: values are hashed, or not of the form login:realm:HA1", "attributes", attrs, "record", e.DN)
	}
}
