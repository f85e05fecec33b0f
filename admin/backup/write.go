package backup

import (
	"archive/tar"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"
)

// Write writes an archive of members, not compressed, to w. What is in it is the
// state of one moment, soon after the call. An archive that Write did not finish has
// no SHA256SUMS, and is refused as damaged.
func Write(ctx context.Context, w io.Writer, members []Member, o Origin) (m *Manifest, err error) {
	m = &Manifest{
		Format: format, Program: "convene", ID: newID(), Version: o.Version, Host: o.Host, Time: o.Time.UTC().Truncate(time.Second), Only: o.Only,
		Members: []Entry{}, Absent: []string{},
	}
	var views []Snapshot
	defer func() {
		for _, v := range views {
			err = errors.Join(err, v.Close())
		}
	}()
	for _, member := range members {
		if o.Only != "" && member.Name() != o.Only {
			continue
		}
		v, err := member.Snapshot(ctx)
		if errors.Is(err, fs.ErrNotExist) && o.Only == "" {
			m.Absent = append(m.Absent, member.Name())
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", member.Name(), err)
		}
		views = append(views, v)
		m.Members = append(m.Members, Entry{Name: member.Name(), Size: v.Size(), Facts: v.Facts()})
	}
	a := newArchive(contextWriter{ctx, w}, m.Time)
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := a.add(manifestName, content(append(text, '\n'))); err != nil {
		return nil, err
	}
	for i, v := range views {
		if err := a.add(m.Members[i].Name, v); err != nil {
			return nil, err
		}
	}
	return m, a.close()
}

// newID names a state that is backed up: 128 random bits.
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// An archive is a tar archive with a list of checksums in the end.
type archive struct {
	tar  *tar.Writer
	time time.Time
	sums strings.Builder
}

func newArchive(w io.Writer, t time.Time) *archive {
	return &archive{tar: tar.NewWriter(w), time: t}
}

func (a *archive) add(name string, v Snapshot) error {
	h := &tar.Header{Name: name, Size: v.Size(), Mode: 0o600, ModTime: a.time, Format: tar.FormatPAX}
	if err := a.tar.WriteHeader(h); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum := sha256.New()
	if _, err := v.WriteTo(io.MultiWriter(a.tar, sum)); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	fmt.Fprintf(&a.sums, "%x  %s\n", sum.Sum(nil), name) // never fails (strings.Builder)
	return nil
}

// close adds the checksums.
func (a *archive) close() error {
	if err := a.add(sumsName, content(a.sums.String())); err != nil {
		return err
	}
	return a.tar.Close()
}
