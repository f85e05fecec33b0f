#!/usr/bin/python3
"""python-caldav: two people and a room meet.

lib.sh says what is in the environment and which lines are written."""

import caldav

from checks import CA, PASSWORD, URL, check
from meetings import BEN, SATURDAY, DAY, answered, bare, converse, moved


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


ann, ben = Session("ann"), Session("ben")
converse(ann, ben)
