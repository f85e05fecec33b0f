#!/bin/bash
# Runs every test that docs/security.md names, package by package, and says of each how it
# went and how many attacks it tried: what it logs as "N attacks: …", else its subtests, else
# one. "list" only lists them, a package and a test a line. ARGS go to go test.
set -euo pipefail
cd "$(dirname "$0")/.."

# A package is named in backquotes, and counts for the tests that follow it in the cell.
listed() {
	awk -F'|' '/^\| / && NF == 4 {
		n = split($3, words, /[ ,;()]+/); pkg = ""
		for (i = 1; i <= n; i++) {
			if (words[i] ~ /^`[a-z0-9\/]+`$/) pkg = substr(words[i], 2, length(words[i]) - 2)
			else if (words[i] ~ /^(Test|Fuzz)[A-Z0-9]/) print (pkg == "" ? "?" : pkg), words[i]
		}
	}' docs/security.md | sort -u
}

if [ "${1:-}" = list ]; then
	listed
	exit
fi

out=$(mktemp)
trap 'rm -f "$out"' EXIT
status=0
for pkg in $(listed | cut -d' ' -f1 | sort -u); do
	names=$(listed | awk -v p="$pkg" '$1 == p {print $2}' | paste -sd'|')
	${GO:-go} test -count 1 -timeout 30m -v "$@" -run "^($names)\$" "./$pkg" >"$out" 2>&1 || status=1
	awk -v pkg="$pkg" '
		match($0, /[0-9]+ attacks: .*/) {
			split(substr($0, RSTART), part, " attacks: "); tried[top] += part[1]; kinds[top] = kinds[top] sprintf("%8d    %s\n", part[1], part[2])
		}
		/^=== (RUN|NAME|CONT)/ { split($3, path, "/"); top = path[1] }
		/^ +--- (PASS|FAIL|SKIP): / { split($3, path, "/"); subtests[path[1]]++ }
		/^--- (PASS|FAIL|SKIP): / {
			order[++tests] = $3; how[$3] = substr($2, 1, 4)
		}
		{ all = all $0 "\n" }
		/^(--- FAIL|FAIL|panic:)/ { failed = 1 }
		END {
			if (failed) printf "%s", all > "/dev/stderr"
			for (i = 1; i <= tests; i++) {
				t = order[i]; n = tried[t] ? tried[t] : subtests[t] ? subtests[t] : 1
				printf "%s %6d  %s %s\n%s", how[t], n, pkg, t, kinds[t]
			}
		}
	' "$out" | tee -a "$out.sum"
done
awk '/^(PASS|FAIL|SKIP)/ {n[$1]++; sum += $2} END {printf "attacks: %d tried by %d tests; %d tests failed, %d were skipped\n", sum, n["PASS"] + n["FAIL"], n["FAIL"], n["SKIP"]}' "$out.sum"
rm -f "$out.sum"
exit $status
