#!/bin/bash
# curl, as a person or a script uses it, in every step that a calendar program goes.
. "$(dirname "$0")/lib.sh"
CALENDAR=${HOME_PATH}with-curl/

properties() { # URL DEPTH PROPERTIES
	web -f -L --post301 -X PROPFIND -H "Depth: $2" -H 'Content-Type: application/xml' --data-binary \
		'<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:i="http://apple.com/ns/ical/"><prop>'"$3"'</prop></propfind>' "$1"
}
report() { # URL DEPTH BODY
	web -f -X REPORT -H "Depth: $2" -H 'Content-Type: application/xml' --data-binary "$3" "$1"
}
query='<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data>EXPAND</c:calendar-data></prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="20310301T000000Z" end="20310401T000000Z"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>'
expand='<c:expand start="20310301T000000Z" end="20310401T000000Z"/>'
sync() { # TOKEN
	report "$URL$CALENDAR" 0 '<sync-collection xmlns="DAV:"><sync-token>'"$1"'</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>'
}
token() { sync "$1" | grep -oE 'sync-token>[^<]+' | tail -n 1 | cut -d'>' -f2; }
four_times() { [ "$(report "$URL$CALENDAR" 1 "${query/EXPAND/$expand}" | grep -o 'DTSTART:203103' | wc -l)" = 4 ]; }

check 'no password' bash -c '[ "$(curl -s -o /dev/null -w "%{http_code}" -X PROPFIND "$URL/")" = 401 ]'
check 'wrong password' bash -c '[ "$(curl -s -u "$CLIENT_USER:wrong" -o /dev/null -w "%{http_code}" -X PROPFIND "$URL/")" = 401 ]'
check 'well-known' has "$PRINCIPAL" properties "$URL/.well-known/caldav" 0 '<current-user-principal/>'
must 'principal from bare URL' has "$PRINCIPAL" properties "$URL/" 0 '<current-user-principal/>'
check 'calendar home' has "$HOME_PATH" properties "$URL$PRINCIPAL" 0 '<c:calendar-home-set/>'
check 'home by its readable name' has "/calendars/users/$CLIENT_USER/calendar/" properties "$URL/calendars/users/$CLIENT_USER/" 1 '<resourcetype/>'
check 'list calendars' has "${HOME_PATH}calendar/" properties "$URL${HOME_PATH}" 1 '<resourcetype/><displayname/>'
check 'make a calendar' status 201 -X MKCALENDAR -H 'Content-Type: application/xml' --data-binary \
	'<c:mkcalendar xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:i="http://apple.com/ns/ical/"><set><prop><displayname>Zürich ✈</displayname><i:calendar-color>#FF8800FF</i:calendar-color></prop></set></c:mkcalendar>' "$URL$CALENDAR"
check 'name and colour' has '#FF8800FF' properties "$URL$CALENDAR" 0 '<displayname/><i:calendar-color/>'
event curl-1 'Café ☕ Žižkov' DTSTART:20310305T100000Z DTEND:20310305T110000Z 'RRULE:FREQ=WEEKLY;COUNT=4' >"$WORK/event"
check 'create' status 201 -T "$WORK/event" -H 'If-None-Match: *' -H 'Content-Type: text/calendar' "$URL${CALENDAR}one.ics"
check 'create twice is refused' status 412 -T "$WORK/event" -H 'If-None-Match: *' -H 'Content-Type: text/calendar' "$URL${CALENDAR}one.ics"
web "$URL${CALENDAR}one.ics" >"$WORK/got"
check 'read back to the byte' cmp "$WORK/event" "$WORK/got"
first=$(token '')
etag=$(web -I "$URL${CALENDAR}one.ics" | tr -d '\r' | sed -n 's/^[Ee][Tt]ag: //p')
sed -i 's/Café/Tea/' "$WORK/event"
check 'change with the ETag' status 204 -T "$WORK/event" -H "If-Match: $etag" -H 'Content-Type: text/calendar' "$URL${CALENDAR}one.ics"
check 'change with an old ETag is refused' status 412 -T "$WORK/event" -H "If-Match: $etag" -H 'Content-Type: text/calendar' "$URL${CALENDAR}one.ics"
check 'other device hears of it' has 'one.ics' sync "$first"
check 'query in a time range' has 'Tea ☕ Žižkov' report "$URL$CALENDAR" 1 "${query/EXPAND/}"
check 'expanded series' four_times
check 'multiget' has 'UID:curl-1' report "$URL$CALENDAR" 1 '<c:calendar-multiget xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><c:calendar-data/></prop><href>'"${CALENDAR}"'one.ics</href></c:calendar-multiget>'
check 'free-busy' has 'FREEBUSY' report "$URL$CALENDAR" 1 '<c:free-busy-query xmlns:c="urn:ietf:params:xml:ns:caldav"><c:time-range start="20310301T000000Z" end="20310401T000000Z"/></c:free-busy-query>'
todo curl-2 'Přečíst' >"$WORK/todo"
check 'create a task' status 201 -T "$WORK/todo" -H 'Content-Type: text/calendar' "$URL${CALENDAR}two.ics"
second=$(token '')
check 'delete' status 204 -X DELETE "$URL${CALENDAR}one.ics"
check 'other device hears of the deletion' has '404' sync "$second"
check 'delete the calendar' status 204 -X DELETE "$URL$CALENDAR"
check 'calendar is gone' status 404 -X PROPFIND -H 'Depth: 0' "$URL$CALENDAR"
