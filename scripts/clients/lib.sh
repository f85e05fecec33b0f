# What the clients that are shell scripts share. They find in the environment:
#
#	URL                 the server, without a final slash
#	CA                  the server's certificate, in PEM
#	CLIENT_USER, CLIENT_PASSWORD
#	PRINCIPAL, HOME_PATH  where the principal and the calendar home are
#	WORK                an empty folder of their own
#
# and write a line "CHECK: ok" or "CHECK: FAILED DETAIL" for each thing that
# they check; clients.sh puts the client's name in front. A client that cannot go
# on ends with another status than 0, which counts as one more failure.
set -uo pipefail

HOST=${URL#*://}
export CURL_CA_BUNDLE=$CA

# check NAME COMMAND... runs a command; its status is the verdict, and the end of
# its output the detail.
check() {
	local name=$1 out
	shift
	if out=$("$@" 2>&1); then
		echo "$name: ok"
		return
	fi
	echo "$name: FAILED $(tr -s ' \r\n\t' ' ' <<<"$out" | tail -c 300)"
	return 1
}

# must is check for what all the rest needs: a failure ends the client.
must() { check "$@" || exit 1; }

# has TEXT COMMAND... runs a command whose output must contain a text.
has() {
	local want=$1 out
	shift
	out=$("$@" 2>&1) && grep -qF -- "$want" <<<"$out" || { echo "no \"$want\" in: $out"; return 1; }
}

# lacks TEXT COMMAND... runs a command whose output must not contain a text.
lacks() {
	local want=$1 out
	shift
	out=$("$@" 2>&1) && ! grep -qF -- "$want" <<<"$out" || { echo "\"$want\" in, or failed: $out"; return 1; }
}

# status CODE ARGS... sends a request that must come back with a status.
status() {
	local want=$1 got
	shift
	got=$(web -o "$WORK/body" -w '%{http_code}' "$@")
	[ "$got" = "$want" ] || { echo "status $got, not $want: $(cat "$WORK/body")"; return 1; }
}

# web ARGS... is curl, signed in.
web() { curl -sS --max-time 30 -u "$CLIENT_USER:$CLIENT_PASSWORD" "$@"; }

# device METHOD NAME ARGS... is the user's other device: it works on objects of
# the calendar at $CALENDAR, and fails on any status from 400.
device() {
	local method=$1 name=$2
	shift 2
	web -f -X "$method" -H 'Content-Type: text/calendar; charset=utf-8' "$@" "$URL$CALENDAR$name"
}

# put NAME UID SUMMARY LINES... stores an event from the other device; LINES in
# place of a start on 5 March 2031.
put() {
	local name=$1
	shift
	event "$@" | device PUT "$name" --data-binary @-
}

# event UID SUMMARY LINES... writes an event, or what LINES make of it.
event() {
	local uid=$1 summary=$2
	shift 2
	[ $# -gt 0 ] || set -- DTSTART:20310305T100000Z DTEND:20310305T110000Z
	printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 'PRODID:-//convene//clients//EN' BEGIN:VEVENT "UID:$uid" \
		DTSTAMP:20300101T000000Z "SUMMARY:$summary" "$@" END:VEVENT END:VCALENDAR
}

# todo UID SUMMARY writes a task.
todo() {
	printf '%s\r\n' BEGIN:VCALENDAR VERSION:2.0 'PRODID:-//convene//clients//EN' BEGIN:VTODO "UID:$1" \
		DTSTAMP:20300101T000000Z "SUMMARY:$2" DUE:20310310T170000Z END:VTODO END:VCALENDAR
}

# find_object TEXT prints the name of the object of $CALENDAR whose data contain
# a text, and fails without one.
find_object() {
	local name
	for name in $(web -X PROPFIND -H 'Depth: 1' "$URL$CALENDAR" | grep -oE "${CALENDAR}[^<]+\.ics" | sort -u); do
		if web "$URL$name" | grep -qF -- "$1"; then
			basename "$name"
			return
		fi
	done
	echo "no object with \"$1\""
	return 1
}

# gone TEXT: no object of $CALENDAR contains a text.
gone() { web -f "$URL$CALENDAR" >"$WORK/body" && ! grep -qF -- "$1" "$WORK/body"; }
