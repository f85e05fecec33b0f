#!/bin/bash
# Runs every fuzz target of the module for FUZZTIME (20s), one after the other
# with all processors. What a target finds is written to its testdata/fuzz and
# fails the run.
set -euo pipefail
fuzztime="${FUZZTIME:-20s}"
count=0
while read -r pkg target; do
	echo "fuzz $pkg $target $fuzztime"
	out=$(go test -run '^$' -fuzz "^$target\$" -fuzztime "$fuzztime" "$pkg" 2>&1) || { echo "$out"; exit 1; }
	echo "$out" | grep -E '^fuzz: elapsed' | tail -n 1
	count=$((count + 1))
done < <(
	go list -f '{{range .TestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r pkg file; do
			{ [ -z "$pkg" ] || grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" || true; } | sed "s|^func |$pkg |"
		done
)
echo "fuzz: $count targets, nothing found"
