package backup

import (
	"archive/tar"
	"bytes"
	"io"
)

// A Meter passes an archive on, tells how far it has come, and keeps its manifest.
type Meter struct {
	W        io.Writer
	Progress Progress // may be nil

	Manifest *Manifest // nil until it has come by

	head []byte
	done int64
}

func (m *Meter) Write(p []byte) (int, error) {
	n, err := m.W.Write(p)
	m.done += int64(n)
	if m.Manifest == nil && len(m.head) < 2*maxManifest {
		m.head = append(m.head, p[:n]...)
		m.look()
	}
	if m.Manifest != nil && m.Progress != nil {
		total := m.Manifest.Bytes()
		m.Progress(min(m.done, total), total)
	}
	return n, err
}

// look reads the manifest, if all of it has come by.
func (m *Meter) look() {
	r := tar.NewReader(bytes.NewReader(m.head))
	if _, err := r.Next(); err != nil {
		return
	}
	text, err := io.ReadAll(r)
	if err != nil {
		return
	}
	if manifest, err := parseManifest(text); err == nil {
		m.Manifest, m.head = manifest, nil
	}
}
