#!/bin/bash
# Runs every fuzz target of the module for FUZZTIME (20s), FUZZJOBS (1) of them at
# once; one alone uses all processors. What a target finds is written to its
# testdata/fuzz and fails the run. Each target's last line of progress is printed. An input that
# reaches new code is made smaller in a few tries: by default that may take a minute, in which
# nothing else is tried.
set -euo pipefail
export FUZZTIME="${FUZZTIME:-20s}" FUZZJOBS="${FUZZJOBS:-1}"

# one PACKAGE TARGET
#
# When the time is over, Go before 1.27 may report "context deadline exceeded" as
# if it were a finding (golang/go#75804). Then there is no input that fails, and
# the corpus, run again, passes. Anything else fails.
one() {
	local out status=0 parallel=()
	[ "$FUZZJOBS" = 1 ] || parallel=(-parallel=1)
	out=$(go test -vet=off -run '^$' -fuzz "^$2\$" -fuzztime "$FUZZTIME" -fuzzminimizetime 20x "${parallel[@]}" "$1" 2>&1) || status=$?
	if [ "$status" -ne 0 ]; then
		local reason
		reason=$(grep -vE '^(fuzz: elapsed:|--- FAIL: |FAIL|exit status 1$|OK:|PASS$)' <<<"$out" | tr -s ' \n' ' ')
		if [ "$reason" != " context deadline exceeded " ]; then
			echo "fuzz $1 $2 $FUZZTIME: FAILED"
			grep -v '^fuzz: elapsed' <<<"$out"
			return 1
		fi
		go test -vet=off -run "^$2\$" "$1"
	fi
	echo "fuzz $1 $2 $FUZZTIME"
	grep -E '^fuzz: elapsed' <<<"$out" | tail -n 1
}
export -f one

targets=$(
	go list -f '{{range .TestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}{{range .XTestGoFiles}}{{$.ImportPath}} {{$.Dir}}/{{.}}{{"\n"}}{{end}}' ./... |
		while read -r pkg file; do
			{ [ -z "$pkg" ] || grep -oE '^func Fuzz[A-Za-z0-9_]*' "$file" || true; } | sed "s|^func |$pkg |"
		done
)
xargs -P "$FUZZJOBS" -L 1 bash -c 'set -euo pipefail; one "$1" "$2"' one <<<"$targets"
echo "fuzz: $(wc -l <<<"$targets") targets, nothing found"
