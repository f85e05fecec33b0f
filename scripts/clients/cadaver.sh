#!/bin/bash
# cadaver works with collections and files, as at a prompt. Where the server has
# a certificate it asks whether to trust it, and is told yes.
. "$(dirname "$0")/lib.sh"
CALENDAR=${HOME_PATH}with-cadaver/
export HOME=$WORK
printf 'machine localhost\nlogin %s\npassword %s\n' "$CLIENT_USER" "$CLIENT_PASSWORD" >"$WORK/.netrc"
chmod 600 "$WORK/.netrc"
# c COMMANDS... types lines at the prompt.
c() {
	{
		[ "${URL%%:*}" = http ] || echo y
		printf '%s\n' "$@" quit
	} | script -qec "stty -echo; cadaver '$URL${HOME_PATH}'" /dev/null
}
cd "$WORK" || exit 1
event cd-1 'Čaj' >one.ics
printf 'plain text\n' >note.txt

must 'open the home' has 'Listing collection' c ls
check 'lists calendars' has 'calendar' c ls
check 'make a collection' has 'succeeded' c 'mkcol with-cadaver'
check 'put' has 'succeeded' c 'cd with-cadaver' 'put note.txt'
rm -f got.txt
c 'cd with-cadaver' 'get note.txt got.txt' >log 2>&1
check 'get' cmp note.txt got.txt
check 'copy' has 'succeeded' c 'cd with-cadaver' 'copy note.txt second.txt'
check 'the copy is there' has 'plain text' web -f "$URL${CALENDAR}second.txt"
check 'move' has 'succeeded' c 'cd with-cadaver' 'move second.txt third.txt'
check 'the old name is gone' status 404 "$URL${CALENDAR}second.txt"
check 'set a property' has 'succeeded' c 'cd with-cadaver' 'propset note.txt colour zelená'
check 'read it' has 'zelená' c 'cd with-cadaver' 'propget note.txt colour'
check 'delete' has 'succeeded' c 'cd with-cadaver' 'delete note.txt'
check 'it is gone' status 404 "$URL${CALENDAR}note.txt"
check 'put an event into a calendar' has 'succeeded' c 'cd calendar' 'put one.ics cadaver-one.ics'
check 'the event is there' has 'Čaj' web -f "$URL${HOME_PATH}calendar/cadaver-one.ics"
check 'delete the event' has 'succeeded' c 'cd calendar' 'delete cadaver-one.ics'
check 'delete the collection' has 'succeeded' c 'rmcol with-cadaver'
check 'the collection is gone' status 404 -X PROPFIND -H 'Depth: 0' "$URL$CALENDAR"
