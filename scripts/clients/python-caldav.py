#!/usr/bin/python3
"""python-caldav: calendars, events, tasks, journals, searches, sync, free-busy.

lib.sh says what is in the environment and which lines are written."""

from datetime import datetime, timezone

import caldav
from caldav.elements import dav, ical
from caldav.lib import error

from checks import CA, HOME, PASSWORD, PRINCIPAL, URL, USER, check, must, refused


def device():
    return caldav.DAVClient(URL + "/", username=USER, password=PASSWORD, ssl_verify_cert=CA)


def component(kind, uid, summary, *lines):
    return "\r\n".join(
        ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//convene//clients//EN", f"BEGIN:{kind}", f"UID:{uid}",
         "DTSTAMP:20300101T000000Z", f"SUMMARY:{summary}", *lines, f"END:{kind}", "END:VCALENDAR", ""])


def event(uid, summary, *lines):
    return component("VEVENT", uid, summary, "DTSTART:20310305T100000Z", "DTEND:20310305T110000Z", *lines)


def day(n):
    return datetime(2031, 3, n, tzinfo=timezone.utc)


principal = device().principal()
must("principal from bare URL", lambda: str(principal.url), URL + PRINCIPAL)
check("calendar home", lambda: str(principal.calendar_home_set.url), HOME)
check("list calendars", lambda: HOME + "calendar/" in [str(c.url) for c in principal.calendars()])
check("wrong password", lambda: refused(
    lambda: caldav.DAVClient(URL + "/", username=USER, password="wrong", ssl_verify_cert=CA).principal(), error.AuthorizationError))
made = {}


def make(key, name, *components):
    made[key] = principal.make_calendar(name=name, cal_id=f"with-python-{key}", supported_calendar_component_set=list(components))
    return made[key].get_display_name() if hasattr(made[key], "get_display_name") else name


must("make a calendar", lambda: make("events", "Zürich ✈", "VEVENT"), "Zürich ✈")
must("make a task list", lambda: make("tasks", "Úkoly", "VTODO"), "Úkoly")
must("make a journal", lambda: make("journal", "Deník", "VJOURNAL"), "Deník")
events, tasks, journal = made["events"], made["tasks"], made["journal"]
check("components of the task list", lambda: list(tasks.get_supported_components()), ["VTODO"])
check("events are no tasks", lambda: refused(lambda: tasks.save_event(event("p-0", "No")), error.DAVError))


def colour():
    events.set_properties([ical.CalendarColor("#123456")])
    return events.get_properties([ical.CalendarColor()])[ical.CalendarColor.tag]


check("colour", colour, "#123456")


def rename():
    events.set_properties([dav.DisplayName("Genève")])
    return [c for c in device().principal().calendars() if c.url == events.url][0].get_display_name()


check("rename, seen elsewhere", rename, "Genève")
check("create a series", lambda: events.save_event(event("p-1", "Café ☕", "RRULE:FREQ=WEEKLY;COUNT=4", "CATEGORIES:Týden")).id, "p-1")
check("read", lambda: "SUMMARY:Café ☕" in events.event_by_uid("p-1").data)
check("list events", lambda: len(events.events()), 1)
check("time range, in the series", lambda: len(events.date_search(day(25), day(28), expand=False)), 1)
check("expanded series", lambda: len(events.search(start=day(1), end=day(31), event=True, expand=True)), 4)
check("search for text", lambda: [e.id or e.vobject_instance.vevent.uid.value for e in events.search(event=True, summary="Café")], ["p-1"])
check("search for a category", lambda: len(events.search(event=True, category="Týden")), 1)
check("search finds nothing", lambda: len(events.search(event=True, summary="Čaj")), 0)


def free_busy():
    text = events.freebusy_request(day(1), day(31)).data
    return text.count("20310305T100000Z"), text.count("20310326T100000Z")


check("free-busy", free_busy, (1, 1))
other = device().calendar(url=str(events.url))
sync = other.objects_by_sync_token(load_objects=True)
check("other device: first sync", lambda: len(list(sync)), 1)


def change():
    e = events.event_by_uid("p-1")
    e.data = e.data.replace("Café", "Tea")
    e.save()
    return "SUMMARY:Tea ☕" in other.event_by_uid("p-1").data


check("change, seen elsewhere", change)


def updates():
    events.save_event(event("p-2", "Second"))
    updated, deleted = sync.sync()
    return len(updated), len(deleted)


check("other device: made and changed", updates, (2, 0))


def deletions():
    events.event_by_uid("p-2").delete()
    updated, deleted = sync.sync()
    return len(updated), len(deleted)


check("other device: deleted", deletions, (0, 1))
check("create a task", lambda: tasks.save_todo(component("VTODO", "p-3", "Přečíst", "DUE:20310310T170000Z")).id, "p-3")
check("open tasks", lambda: len(tasks.todos()), 1)


def complete():
    tasks.todo_by_uid("p-3").complete()
    return len(tasks.todos()), len(tasks.todos(include_completed=True))


check("finish it", complete, (0, 1))
check("create a journal entry", lambda: journal.save_journal(component("VJOURNAL", "p-4", "Prší", "DTSTART;VALUE=DATE:20310305")).id, "p-4")
check("read it", lambda: [j.vobject_instance.vjournal.summary.value for j in journal.journals()], ["Prší"])
check("multiget", lambda: len(list(events.calendar_multiget([events.event_by_uid("p-1").url]))), 1)


def delete():
    events.event_by_uid("p-1").delete()
    return refused(lambda: other.event_by_uid("p-1"), error.NotFoundError)


check("delete, seen elsewhere", delete)
for key, calendar in made.items():
    calendar.delete()
check("calendars are gone", lambda: [str(c.url) for c in device().principal().calendars() if "with-python" in str(c.url)], [])
