package backup

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"
)

// The versions of the archive that this code writes: of a backup that is whole, and of
// one that continues another.
const (
	format      = 1
	formatChain = 2
)

// The names of the archive's own entries.
const (
	manifestName  = "manifest.json"
	sumsName      = "SHA256SUMS"
	changedName   = calendarsName + ".changed" // of a chain: blocks of calendars.db
	blockSumsName = calendarsName + ".sums"    // of a chain: what all its blocks are then
)

// A Manifest says what a backup is.
type Manifest struct {
	Format  int       `json:"format"`
	Program string    `json:"program"` // "convene"
	ID      string    `json:"id"`      // of the state that is in it; "" in backups of early versions
	Version string    `json:"version"` // of the program
	Time    time.Time `json:"time"`    // of the views
	Host    string    `json:"host"`
	Members []Entry   `json:"members"`
	// Only is the one member that was asked for; "": the whole set was.
	Only string `json:"only,omitempty"`
	// Base is the backup that this one continues; nil: it is whole.
	Base *Base `json:"base,omitempty"`
	// Absent are members of the set that were not there.
	Absent []string `json:"absent"`
}

// An Entry is a member in a backup.
type Entry struct {
	Name string `json:"name"`
	Size int64  `json:"size"` // bytes
	// Changed is how many bytes this backup has of it; nil: all of them.
	Changed *int64 `json:"changed,omitempty"`
	Facts
}

// Origin is where and by what a backup is made.
type Origin struct {
	Only    string // the name of the one member that is wanted; "": all are
	Version string
	Host    string
	Time    time.Time
}

// Bytes is how much of the members there is, together.
func (m *Manifest) Bytes() (n int64) {
	for _, e := range m.Members {
		n += e.stored()
	}
	return n
}

// stored is how many bytes the backup has of a member.
func (e *Entry) stored() int64 {
	if e.Changed != nil {
		return *e.Changed
	}
	return e.Size
}

// entry is the one of a name, nil if there is none.
func (m *Manifest) entry(name string) *Entry {
	for i := range m.Members {
		if m.Members[i].Name == name {
			return &m.Members[i]
		}
	}
	return nil
}

// Has reports whether the backup has a member.
func (m *Manifest) Has(name string) bool {
	return slices.ContainsFunc(m.Members, func(e Entry) bool { return e.Name == name })
}

// parseManifest reads the text of a manifest. Errors: ErrForeign, ErrNewer,
// ErrDamaged.
func parseManifest(text []byte) (*Manifest, error) {
	var head struct {
		Format  int    `json:"format"`
		Program string `json:"program"`
		Version string `json:"version"`
	}
	if err := json.Unmarshal(text, &head); err != nil || head.Program != "convene" {
		return nil, fmt.Errorf("%w: its manifest is another program's", ErrForeign)
	}
	if head.Format > formatChain {
		return nil, fmt.Errorf("%w: format %d by convene %s; this program knows %d", ErrNewer, head.Format, head.Version, formatChain)
	}
	var m Manifest
	if err := json.Unmarshal(text, &m); err != nil || m.Format < 1 {
		return nil, fmt.Errorf("%w: the manifest makes no sense", ErrDamaged)
	}
	seen := map[string]bool{manifestName: true, sumsName: true}
	for _, e := range m.Members {
		if seen[e.Name] || e.Size < 0 || !plain(e.Name) || e.Changed != nil && (e.Name != calendarsName || *e.Changed < 0 || m.Base == nil) {
			return nil, fmt.Errorf("%w: the manifest names %q", ErrDamaged, e.Name)
		}
		seen[e.Name] = true
	}
	return &m, nil
}

// plain reports whether name can be that of a file in a folder, and nothing else.
func plain(name string) bool {
	if name == "" || name[0] == '.' || len(name) > 100 {
		return false
	}
	return !slices.ContainsFunc([]byte(name), func(c byte) bool {
		return (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '.' && c != '-'
	})
}
