#!/bin/bash
# vdirsyncer keeps a folder and all calendars alike, both ways.
. "$(dirname "$0")/lib.sh"
CALENDAR=${HOME_PATH}with-vdirsyncer/
files=$WORK/files/with-vdirsyncer
cat >"$WORK/config" <<END
[general]
status_path = "$WORK/status/"
[pair ann]
a = "here"
b = "there"
collections = ["from a", "from b"]
metadata = ["color", "displayname"]
conflict_resolution = "b wins"
[storage here]
type = "filesystem"
path = "$WORK/files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "$URL/"
username = "$CLIENT_USER"
password = "$CLIENT_PASSWORD"
verify = "$CA"
END
v() { (yes 2>/dev/null || true) | vdirsyncer -v WARNING -c "$WORK/config" "$@"; }
colour() { web -X PROPFIND -H 'Depth: 0' --data-binary '<propfind xmlns="DAV:"><prop><calendar-color xmlns="http://apple.com/ns/ical/"/></prop></propfind>' "$URL$CALENDAR"; }

mkdir -p "$files"
event v-1 'Made here: Łódź' DTSTART:20310305T100000Z DTEND:20310305T110000Z 'RRULE:FREQ=WEEKLY;COUNT=4' >"$files/v-1.ics"
todo v-2 'Úkol' >"$files/v-2.ics"
must 'discover from bare URL, make a calendar' v discover
check 'sync' v sync
check 'all calendars came' test -n "$(ls "$WORK"/files/calendar/*.ics 2>/dev/null)" -a -n "$(ls "$WORK"/files/tasks/*.ics 2>/dev/null)"
check 'made here: a series' has 'RRULE:FREQ=WEEKLY;COUNT=4' device GET v-1.ics
check 'made here: non-ASCII' has 'Łódź' device GET v-1.ics
check 'made here: a task' has 'Úkol' device GET v-2.ics
echo '#00AA55' >"$files/color"
check 'sync of the colour' v metasync
check 'colour is there' has '#00AA55' colour
put v-3.ics v-3 'Made there: Kraków' && v sync >"$WORK/log" 2>&1
check 'made there' has 'Kraków' cat "$files/v-3.ics"
sed -i 's/Made here/Changed here/' "$files/v-1.ics"
put v-3.ics v-3 'Changed there: Kraków' && v sync >"$WORK/log" 2>&1
check 'changed here' has 'Changed here' device GET v-1.ics
check 'changed there' has 'Changed there' cat "$files/v-3.ics"
sed -i 's/Changed there/Conflict here/' "$files/v-3.ics"
put v-3.ics v-3 'Conflict there' && v sync >"$WORK/log" 2>&1
check 'changed on both sides' has 'Conflict there' cat "$files/v-3.ics"
rm -f "$files/v-1.ics"
device DELETE v-3.ics && v sync >"$WORK/log" 2>&1
check 'deleted here' status 404 "$URL${CALENDAR}v-1.ics"
check 'deleted there' test ! -e "$files/v-3.ics"
check 'nothing left to do' lacks 'Copying' vdirsyncer -c "$WORK/config" sync
check 'calendar removed' status 204 -X DELETE "$URL$CALENDAR"
