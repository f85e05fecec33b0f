#!/usr/bin/python3
"""python-caldav: two people and a room meet.

lib.sh says what is in the environment and which lines are written."""

import caldav

from checks import CA, PASSWORD, URL, check, must
from meetings import ANN, BEN, ROOM, SATURDAY, answered, answers, bare, converse, moved, new_uid, plain


class Session:
    """A person's account, as meetings.py wants it."""

    def __init__(self, user):
        self.client = caldav.DAVClient(URL + "/", username=user, password=PASSWORD, ssl_verify_cert=CA)
        self.principal = self.client.principal()
        self.calendar = next(c for c in self.principal.calendars() if str(c.url).endswith("/calendar/"))
        self.address = self.principal.get_vcal_address()

    def find(self, uid):
        return self.calendar.event_by_uid(uid)

    def invite(self, ics):
        return bool(self.calendar.save_event(ics))

    def look(self, uid):
        try:
            return self.find(uid).data
        except caldav.error.NotFoundError:
            return None

    def me(self, uid):
        mine = self.principal.calendar_user_address_set()
        return next(a for a in self.find(uid).icalendar_component["ATTENDEE"] if a in mine)

    def answer(self, uid, partstat, day=None):
        event = self.find(uid)
        if day:
            event.data = answered(event.data, bare(self.address), partstat, day)
        else:
            event.change_attendee_status(PARTSTAT=partstat)
        return bool(event.save(increase_seqno=False))

    def move(self, uid, to):
        event = self.find(uid)
        event.data = moved(event.data, to)
        return bool(event.save(increase_seqno=False))

    def cancel(self, uid):
        self.find(uid).delete()
        return True


def methods(session, uid):
    """The methods of the messages about a meeting in somebody's inbox."""
    items = session.principal.schedule_inbox().get_items()
    return sorted(str(i.icalendar_instance["METHOD"]) for i in items if uid in i.data)


def inboxes(ann, ben):
    uid = new_uid()
    must("invite with the library's own words", lambda: bool(ann.calendar.save_with_invites(
        plain(uid, SATURDAY), [ann.principal, ben.principal, ("Borealis", ROOM)])))
    check("everybody has it", lambda: [answers(s.look(uid), ANN, BEN, ROOM) for s in (ann, ben)], [["NEEDS-ACTION", "NEEDS-ACTION", "ACCEPTED"]] * 2)
    check("the inbox has the invitation", lambda: methods(ben, uid), ["REQUEST"])
    check("decline", lambda: ben.answer(uid, "DECLINED"))
    check("the organizer's inbox has the answers", lambda: methods(ann, uid), ["REPLY", "REPLY"])
    check("cancel it", lambda: ann.cancel(uid))
    check("the inbox has that", lambda: "CANCEL" in methods(ben, uid))


ann, ben = Session("ann"), Session("ben")
converse(ann, ben)
inboxes(ann, ben)
