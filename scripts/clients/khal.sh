#!/bin/bash
# khal and todoman show and change what vdirsyncer brings.
. "$(dirname "$0")/lib.sh"
CALENDAR=${HOME_PATH}with-khal/
files=$WORK/files
cat >"$WORK/vdirsyncer" <<END
[general]
status_path = "$WORK/status/"
[pair ann]
a = "here"
b = "there"
collections = ["with-khal"]
[storage here]
type = "filesystem"
path = "$files/"
fileext = ".ics"
[storage there]
type = "caldav"
url = "$URL/"
username = "$CLIENT_USER"
password = "$CLIENT_PASSWORD"
verify = "$CA"
END
cat >"$WORK/khal" <<END
[calendars]
[[with-khal]]
path = $files/with-khal
[locale]
timeformat = %H:%M
dateformat = %Y-%m-%d
longdateformat = %Y-%m-%d
datetimeformat = %Y-%m-%d %H:%M
longdatetimeformat = %Y-%m-%d %H:%M
local_timezone = Europe/Amsterdam
default_timezone = Europe/Amsterdam
[default]
default_calendar = with-khal
[sqlite]
path = $WORK/khal.db
END
cat >"$WORK/todoman.py" <<END
path = "$files/*"
cache_path = "$WORK/todoman.db"
date_format = "%Y-%m-%d"
time_format = "%H:%M"
default_list = "with-khal"
END
export LC_ALL=C.UTF-8
v() { (yes 2>/dev/null || true) | vdirsyncer -v WARNING -c "$WORK/vdirsyncer" "$@"; }
k() { khal -c "$WORK/khal" "$@"; }
t() { todoman --config "$WORK/todoman.py" "$@"; }
times() { [ "$(k list --format '{title}' 2031-03-01 2031-03-31 | grep -c "$1")" = "$2" ]; }

must 'make a calendar' v discover
must 'first sync' v sync
check 'khal: new series' k new -a with-khal 2031-03-03 09:00 10:00 'Zkouška ☕' -r weekly -u 2031-04-01
check 'khal: new event' k new -a with-khal 2031-03-04 09:00 10:00 'Once'
check 'todoman: new task' t new -l with-khal --due '2031-03-10 17:00' 'Koupit růže'
check 'sync up' v sync
check 'the series is there' has 'RRULE:FREQ=WEEKLY' device GET "$(find_object 'Zkouška')"
check 'the task is there' has 'BEGIN:VTODO' device GET "$(find_object 'Koupit růže')"
check 'khal: instances of the series' times 'Zkouška' 5
put other.ics k-1 'Made elsewhere' DTSTART:20310305T100000Z DTEND:20310305T110000Z 'RRULE:FREQ=DAILY;COUNT=3' && v sync >"$WORK/log" 2>&1
check 'khal: made elsewhere' times 'Made elsewhere' 3
put other.ics k-1 'Changed elsewhere' && v sync >"$WORK/log" 2>&1
check 'khal: changed elsewhere' times 'Changed elsewhere' 1
check 'todoman: lists' has 'Koupit růže' t list
check 'todoman: done' t done 1
v sync >"$WORK/log" 2>&1
check 'the task is finished' has 'STATUS:COMPLETED' device GET "$(find_object 'Koupit růže')"
check 'khal: delete' bash -c 'printf "D\ny\n" | khal -c "$WORK/khal" edit Once'
v sync >"$WORK/log" 2>&1
check 'the event is gone' gone 'SUMMARY:Once'
check 'calendar removed' status 204 -X DELETE "$URL$CALENDAR"
