#!/bin/bash
# litmus makes a collection in a calendar home and works in it. It must fail in what
# such a collection refuses, collections of its own, and in nothing else.
. "$(dirname "$0")/lib.sh"
cd "$WORK" || exit 1

# suite NAME FAILURES...: a suite of litmus fails in these tests alone.
suite() {
	local name=$1 failed
	shift
	TESTS=$name timeout 60 litmus -k "$URL${HOME_PATH}" "$CLIENT_USER" "$CLIENT_PASSWORD" >"$name.log" 2>&1
	grep -q "<- summary for .$name'" "$name.log" || { cat "$name.log"; return 1; }
	failed=$(sed -nE 's/.*[0-9]\. ([a-z_0-9]+)\.* FAIL.*/\1/p' "$name.log" | tr '\n' ' ')
	[ "$failed" = "$*${*:+ }" ] || { echo "fails: $failed"; return 1; }
}

check 'basic' suite basic delete_fragment mkcol
check 'copymove' suite copymove copy_init copy_coll copy_shallow move move_coll
check 'props' suite props
check 'locks' suite locks
check 'http' suite http
check 'collection removed' status 204 -X DELETE "$URL${HOME_PATH}litmus/"
