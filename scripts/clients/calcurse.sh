#!/bin/bash
# calcurse-caldav keeps calcurse's own files and one calendar alike.
. "$(dirname "$0")/lib.sh"
CALENDAR=${HOME_PATH}with-calcurse/
export HTTPLIB2_CA_CERTS=$CA LC_ALL=C.UTF-8
data=$WORK/data
mkdir -p "$data" "$WORK/hooks" "$WORK/conf"
https=No
[ "${URL%%:*}" = http ] || https=Yes
cat >"$WORK/config" <<END
[General]
Binary = calcurse
Hostname = $HOST
Path = $CALENDAR
AuthMethod = basic
HTTPS = $https
InsecureSSL = No
DryRun = No
Verbose = Yes
[Auth]
Username = $CLIENT_USER
Password = $CLIENT_PASSWORD
END
cc() { calcurse -D "$data" -C "$WORK/conf" "$@"; }
s() {
	calcurse-caldav --config "$WORK/config" --datadir "$data" --hookdir "$WORK/hooks" \
		--lockfile "$WORK/lock" --syncdb "$WORK/sync.db" "$@"
}
add() { cc -q -i - <<<"$1"; }

must 'make a calendar' status 201 -X MKCALENDAR "$URL$CALENDAR"
put one.ics c-1 'Příjezd' DTSTART:20310305T100000Z DTEND:20310305T110000Z 'RRULE:FREQ=WEEKLY;COUNT=4'
todo c-2 'Vyžehlit' | device PUT two.ics --data-binary @-
must 'first import' s --init=keep-remote
check 'the series came' has 'Příjezd' cc -Q --filter-type cal --from 03/05/2031 --days 1
check 'its next instance too' has 'Příjezd' cc -Q --filter-type cal --from 03/12/2031 --days 1
check 'the task came' has 'Vyžehlit' cc -t
event c-3 'Sent from calcurse' DTSTART:20310306T100000Z DTEND:20310306T110000Z >"$WORK/new.ics"
check 'made here' cc -q -i "$WORK/new.ics"
check 'sync up' s
check 'it is there' find_object 'Sent from calcurse'
put four.ics c-4 'Made there' DTSTART:20310307T100000Z DTEND:20310307T110000Z
check 'sync down' s
check 'made there' has 'Made there' cc -Q --filter-type cal --from 03/07/2031 --days 1
put four.ics c-4 'Changed there' DTSTART:20310307T100000Z DTEND:20310307T110000Z && s >"$WORK/log" 2>&1
check 'changed there' has 'Changed there' cc -Q --filter-type cal --from 03/07/2031 --days 1
check 'delete here' cc -F --filter-type cal --filter-pattern '!Sent from calcurse'
s >"$WORK/log" 2>&1
check 'it is gone there' gone 'Sent from calcurse'
device DELETE four.ics && s >"$WORK/log" 2>&1
check 'deleted there' lacks 'Changed there' cc -Q --filter-type cal --from 03/07/2031 --days 1
check 'calendar removed' status 204 -X DELETE "$URL$CALENDAR"
