#!/bin/bash
# Cuts the power N times while the engine writes, in a simulation: see
# internal/engine/powercut_test.go. bbolt writes and syncs its file itself, without a
# way to watch it, so it is built from a copy that asks bbolt.Disk to: made here of
# the sources that go.mod names, and used for this test alone through a go.mod of its
# own. BUILD is the folder for both.
set -euo pipefail
cd "$(dirname "$0")/.."
export CONVENE_POWERCUTS=${1:-200}
go=${GO:-go}
out=$(realpath "${BUILD:-build}")/powercut
source=$($go list -m -f '{{.Dir}}' go.etcd.io/bbolt)
rm -rf "$out"
mkdir -p "$out/bbolt"
cp "$source"/go.mod "$source"/*.go "$out/bbolt"
cp -r "$source/errors" "$source/internal" "$source/version" "$out/bbolt"
chmod -R u+w "$out"

# change OLD NEW: replaces OLD, which must be once in db.go.
change() {
	if [ "$(grep -cF -- "$1" "$out/bbolt/db.go")" != 1 ]; then
		echo "scripts/powercut.sh: bbolt has changed, \"$1\" is not there once" >&2
		exit 1
	fi
	sed -i "s|$(sed 's/[][\\.*^$|]/\\&/g' <<<"$1")|$2|" "$out/bbolt/db.go"
}
change 'db.ops.writeAt = db.file.WriteAt' 'db.ops.writeAt = func(b []byte, off int64) (int, error) { return len(b), Disk.WriteAt(db.file, b, off) }'
change 'db.file.Truncate(int64(sz))' 'Disk.Truncate(db.file, int64(sz))'
change 'err := db.file.Sync()' 'err := Disk.Sync(db.file)'
cat >"$out/bbolt/bolt_linux.go" <<'GO'
package bbolt

import "os"

// Disk is asked for all that changes a file.
var Disk interface {
	WriteAt(f *os.File, b []byte, off int64) error
	Truncate(f *os.File, n int64) error
	Sync(f *os.File) error
	Datasync(f *os.File) error
}

func fdatasync(db *DB) error { return Disk.Datasync(db.file) }
GO
cp go.mod go.sum "$out"
$go mod edit -replace "go.etcd.io/bbolt=$out/bbolt" "$out/go.mod"
exec $go test -modfile "$out/go.mod" -tags powercut -count 1 -timeout 60m -run '^TestPowerCut' ${V:+-v} ./internal/engine
