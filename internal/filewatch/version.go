package filewatch

import (
	"os"
	"time"
)

// A Version tells one version of a file from another without reading it: by which
// file it is, its size, and when it was changed. The zero Version is that of no file.
type Version struct {
	info os.FileInfo
}

// Look returns the present version of a file. Errors: those of os.Stat.
func Look(path string) (Version, error) {
	info, err := os.Stat(path)
	return Version{info}, err
}

// Of returns the version that a look at a file saw; nil is no file.
func Of(info os.FileInfo) Version { return Version{info} }

// Same reports whether both are one version of one file, or both of none.
func (v Version) Same(o Version) bool {
	if v.info == nil || o.info == nil {
		return v.info == nil && o.info == nil
	}
	return os.SameFile(v.info, o.info) && v.info.ModTime().Equal(o.info.ModTime()) && v.info.Size() == o.info.Size()
}

// None reports whether there is no file.
func (v Version) None() bool { return v.info == nil }

// Size is the size of the file, in bytes.
func (v Version) Size() int64 { return v.info.Size() }

// Readable reports whether every account of the machine may read the file.
func (v Version) Readable() bool { return v.info.Mode().Perm()&0o004 != 0 }

// every is how often a file is looked at, at most.
const every = time.Second
