"""A conversation about a meeting, the same for each client: ann invites ben and a room,
ben answers, ann moves and cancels it. A client brings a session for each of the two, with

    address         the session's own calendar address, as the client knows it
    invite(ics)     stores a meeting in the calendar
    look(uid)       syncs, and returns the meeting as text, or None
    me(uid)         who of the attendees the client takes for its user
    answer(uid, partstat, day)  answers, for one date of a series if there is a day
    move(uid, start)        gives it another start, with the same length
    cancel(uid)     removes it
    uids()          all that is in the calendar

The sessions of an assistant work in the calendar of whom she assists.
"""

import os
import uuid
from copy import deepcopy
from datetime import datetime, timedelta, timezone
from zlib import crc32

import icalendar

from checks import WORK, check, must, refused, until

ANN, BEN, MARIA, TOM = (f"{name}@example.com" for name in ("ann", "ben", "maria", "tom"))
ROOM = "borealis@rooms.example.com"

# Nobody of the demonstration has anything on a Saturday that is so far away. Each
# client has one of its own: what one that fails leaves behind is in nobody's way.
DAY = timedelta(days=1)
_today = datetime.now(timezone.utc).replace(hour=13, minute=0, second=0, microsecond=0)
SATURDAY = _today + DAY * ((5 - _today.weekday()) % 7 + 7 * (15 + crc32(os.path.basename(WORK).encode()) % 50))


def new_uid():
    return f"{uuid.uuid4()}@clients.example.com"


def stamp(t):
    """A moment as iCalendar writes it."""
    return t.strftime("%Y%m%dT%H%M%SZ")


def attendee(address, partstat, *parameters):
    """The line of somebody who is invited."""
    return ";".join(["ATTENDEE", f"PARTSTAT={partstat}", *parameters]) + f":mailto:{address}"


def plain(uid, start, summary="Zubař", *lines):
    """An hour's event as a client sends it."""
    return "\r\n".join([
        "BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//convene//clients//EN", "BEGIN:VEVENT", f"UID:{uid}",
        f"DTSTAMP:{stamp(datetime.now(timezone.utc))}", f"DTSTART:{stamp(start)}", f"DTEND:{stamp(start + timedelta(hours=1))}",
        f"SUMMARY:{summary}", *lines, "END:VEVENT", "END:VCALENDAR", ""])


def meeting(uid, summary, start, people, *lines):
    """An hour's meeting; the first of the people is its organizer."""
    organizer, *invited = people
    return plain(
        uid, start, summary, "SEQUENCE:0", f"ORGANIZER:mailto:{organizer}", attendee(organizer, "ACCEPTED"),
        *(attendee(a, "NEEDS-ACTION", "RSVP=TRUE", f"CUTYPE={'ROOM' if a == ROOM else 'INDIVIDUAL'}") for a in invited), *lines)


def bare(address):
    """A calendar address without its scheme."""
    return str(address).lower().removeprefix("mailto:")


def events(text):
    """The events of a text, the series first and then its changed dates."""
    found = icalendar.Calendar.from_ical(text).walk("VEVENT")
    return sorted(found, key=lambda e: "RECURRENCE-ID" in e)


def event_of(text, day):
    """The event that says what holds on a day, or of the whole if there is none."""
    all = events(text)
    for e in all[1:] if day else []:
        if e["RECURRENCE-ID"].dt.date() == day.date():
            return e
    return all[0]


def answers(text, *who, day=None):
    """What some attendees have answered."""
    if text is None:
        return "no such meeting"
    lines = event_of(text, day).get("ATTENDEE", [])
    stats = {bare(a): a.params.get("PARTSTAT", "NEEDS-ACTION") for a in (lines if isinstance(lines, list) else [lines])}
    return [stats.get(w) for w in who]


def start(text):
    """When a meeting begins."""
    return text and stamp(events(text)[0]["DTSTART"].dt.astimezone(timezone.utc))


def over(text):
    """Whether a meeting is there, and cancelled."""
    return text is not None and events(text)[0].get("STATUS") == "CANCELLED"


def one_date(series, day):
    """The event that a client makes of one date of a series, to change it."""
    date = icalendar.Event()
    for name, value in series.property_items(recursive=False):
        if name not in ("BEGIN", "END", "RRULE", "DTSTART", "DTEND"):
            date.add(name, deepcopy(value), encode=False)
    length = series["DTEND"].dt - series["DTSTART"].dt
    date.add("RECURRENCE-ID", day)
    date.add("DTSTART", day)
    date.add("DTEND", day + length)
    return date


def answered(text, who, partstat, day=None):
    """A calendar with somebody's answer, for one date if there is a day."""
    cal = icalendar.Calendar.from_ical(text)
    if day:
        cal.add_component(one_date(cal.walk("VEVENT")[0], day))
    event = cal.walk("VEVENT")[-1]
    for a in event["ATTENDEE"]:
        if bare(a) == who:
            a.params["PARTSTAT"] = partstat
            a.params.pop("RSVP", None)
    return cal.to_ical().decode()


def moved(text, to):
    """A calendar with its only event moved."""
    cal = icalendar.Calendar.from_ical(text)
    event = cal.walk("VEVENT")[0]
    length = event["DTEND"].dt - event["DTSTART"].dt
    event["DTSTART"], event["DTEND"] = icalendar.vDatetime(to), icalendar.vDatetime(to + length)
    event["SEQUENCE"] = event.get("SEQUENCE", 0) + 1
    return cal.to_ical().decode()


def converse(ann, ben):
    """Runs the conversation, and checks that each sees what the other did."""
    uid = new_uid()
    sees = lambda session, want, *who: until(lambda: answers(session.look(uid), *who), want)
    must("invite", lambda: ann.invite(meeting(uid, "Café ☕", SATURDAY, [ANN, BEN, ROOM])))
    must("the other finds the invitation", lambda: sees(ben, ["NEEDS-ACTION"], BEN), ["NEEDS-ACTION"])
    check("the other sees the rest", lambda: sees(ben, ["ACCEPTED"], ANN), ["ACCEPTED"])
    check("the room's answer", lambda: sees(ann, ["ACCEPTED"], ROOM), ["ACCEPTED"])
    check("knows itself as attendee", lambda: bare(ben.me(uid)), BEN)
    check("knows itself as organizer", lambda: bare(ann.address), ANN)
    for stat in "ACCEPTED", "DECLINED", "TENTATIVE":
        check(f"answer {stat}", lambda: ben.answer(uid, stat))
        check(f"the organizer sees {stat}", lambda: sees(ann, [stat, "ACCEPTED"], BEN, ROOM), [stat, "ACCEPTED"])
    later = SATURDAY + DAY
    check("move", lambda: ann.move(uid, later))
    check("the other sees the new time", lambda: until(lambda: start(ben.look(uid)), stamp(later)), stamp(later))
    check("the other is asked again", lambda: sees(ben, ["NEEDS-ACTION"], BEN), ["NEEDS-ACTION"])
    check("the room's new answer", lambda: sees(ann, ["NEEDS-ACTION", "ACCEPTED"], BEN, ROOM), ["NEEDS-ACTION", "ACCEPTED"])
    check("answer again", lambda: ben.answer(uid, "ACCEPTED"))
    check("the organizer sees it", lambda: sees(ann, ["ACCEPTED"], BEN), ["ACCEPTED"])
    check("cancel", lambda: ann.cancel(uid))
    check("the other sees the end", lambda: until(lambda: over(ben.look(uid)), True))
    series(ann, ben, later)


def series(ann, ben, first):
    """The room is free again; ben declines one date of a series, and leaves it by removing it."""
    uid = new_uid()
    second = first + DAY * 7
    sees = lambda session, want, *who, **on: until(lambda: answers(session.look(uid), *who, **on), want)
    must("invite to a series", lambda: ann.invite(meeting(uid, "Týden", first, [ANN, BEN, ROOM], "RRULE:FREQ=WEEKLY;COUNT=3")))
    check("the room is free again", lambda: sees(ann, ["ACCEPTED"], ROOM), ["ACCEPTED"])
    must("the other finds the series", lambda: sees(ben, ["NEEDS-ACTION"], BEN), ["NEEDS-ACTION"])
    check("accept the series", lambda: ben.answer(uid, "ACCEPTED"))
    check("the organizer sees the answer", lambda: sees(ann, ["ACCEPTED"], BEN), ["ACCEPTED"])
    check("decline one date", lambda: ben.answer(uid, "DECLINED", second))
    check("the organizer sees it of that date", lambda: sees(ann, ["DECLINED", "ACCEPTED"], BEN, ROOM, day=second), ["DECLINED", "ACCEPTED"])
    check("and of no other", lambda: sees(ann, ["ACCEPTED"], BEN), ["ACCEPTED"])
    check("remove an invitation", lambda: ben.cancel(uid))
    check("the organizer sees that it is declined", lambda: sees(ann, ["DECLINED"], BEN), ["DECLINED"])
    check("cancel the series", lambda: ann.cancel(uid))


def organizer(text):
    """Whose meeting it is, and who sent it in their name."""
    found = text and events(text)[0]["ORGANIZER"]
    return text and [bare(found), bare(found.params.get("SENT-BY", ""))]


def assist(maria, tom, sofia, ben):
    """Tom, who may do everything for maria, invites and answers in her name; sofia, who may read, cannot."""
    for who, session in ("who may write", tom), ("who may read", sofia):
        check(f"{who} sees maria's calendar", lambda: until(lambda: session.uids() == maria.uids() and len(maria.uids()) > 0, True))
    uid, start = new_uid(), SATURDAY + DAY * 2
    text = meeting(uid, "Kancelář", start, [bare(tom.address), BEN])
    check("who may read changes nothing", lambda: refused(lambda: sofia.invite(text), Exception))
    check("nor has she anything of it", lambda: maria.look(uid), None)
    must("invite in her name", lambda: tom.invite(text))
    check("she sees it", lambda: until(lambda: answers(maria.look(uid), BEN), ["NEEDS-ACTION"]), ["NEEDS-ACTION"])
    check("it is her invitation, and he sent it", lambda: until(lambda: organizer(ben.look(uid)), [MARIA, TOM]), [MARIA, TOM])
    check("answer it", lambda: ben.answer(uid, "ACCEPTED"))
    check("he sees the answer", lambda: until(lambda: answers(tom.look(uid), BEN), ["ACCEPTED"]), ["ACCEPTED"])
    check("cancel in her name", lambda: tom.cancel(uid))
    check("it is cancelled", lambda: until(lambda: over(ben.look(uid)), True))
    uid = new_uid()
    must("invite her", lambda: ben.invite(meeting(uid, "Zpráva", start, [BEN, MARIA])))
    check("he finds the invitation", lambda: until(lambda: answers(tom.look(uid), MARIA), ["NEEDS-ACTION"]), ["NEEDS-ACTION"])
    check("he is asked for her", lambda: bare(tom.me(uid)), MARIA)
    check("answer in her name", lambda: tom.answer(uid, "ACCEPTED"))
    check("her answer is seen", lambda: until(lambda: answers(ben.look(uid), MARIA), ["ACCEPTED"]), ["ACCEPTED"])
    check("cancel that too", lambda: ben.cancel(uid))
