#!/usr/bin/python3
"""Evolution's data server, which keeps the calendars of GNOME: each person has a desktop
session of their own. It finds accounts, and people meet; tom opens maria's calendar.

lib.sh says what is in the environment and which lines are written."""

import atexit
import json
import os
import subprocess

from checks import HOME, PASSWORD, URL, WORK, check, ends, must, until
from meetings import ANN, BEN, DAY, SATURDAY, answered, assist, bare, converse, events, meeting, moved, new_uid, stamp


class Session:
    """A person's desktop, as meetings.py wants it."""

    def __init__(self, user):
        self.mine = []
        home = os.path.join(WORK, user)
        os.mkdir(home)
        env = {k: v for k, v in os.environ.items() if not k.startswith("XDG_") and k not in ("DBUS_SESSION_BUS_ADDRESS", "DISPLAY")}
        self.process = subprocess.Popen(
            ["dbus-run-session", "--", "/usr/bin/python3", os.path.join(os.path.dirname(__file__), "evolution_session.py"), URL + "/", user, PASSWORD],
            env=env | {"HOME": home, "GSETTINGS_BACKEND": "memory"}, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        atexit.register(self.end)

    def end(self):
        self.process.stdin.close()
        ends(self.process)

    def call(self, *what):
        """Has the session do something by name, and returns what came of it."""
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        while line := self.process.stdout.readline():
            if line.startswith('{"'):  # the bus lets its services write here too
                answer = json.loads(line)
                if "error" in answer:
                    raise RuntimeError(answer["error"])
                return answer["value"]
        raise RuntimeError("the session has ended")

    def find(self, path):
        """What "Find Calendars" finds at a path: calendars, and addresses of their user."""
        return self.call("discover", path)

    def use(self, path):
        """Finds the calendars at a path, adds the first that is new, and opens it."""
        found, addresses = self.find(path)
        calendar = next(c for c in found if c not in self.mine)
        self.mine.append(calendar)
        self.calendar = self.call("add_calendar", *calendar, addresses[0])
        state = self.call("open", self.calendar)
        self.address = state["address"]
        return state

    def uids(self):
        self.call("refresh", self.calendar)
        return self.call("uids", self.calendar)

    def invite(self, ics):
        return self.call("create", self.calendar, ics)

    def look(self, uid):
        self.call("refresh", self.calendar)
        return self.call("get", self.calendar, uid)

    def me(self, uid):
        """The attendee with the address that the backend says is the user's, as Evolution decides."""
        attendees = events(self.look(uid))[0]["ATTENDEE"]
        return next(a for a in attendees if bare(a) == bare(self.address))

    def answer(self, uid, partstat, day=None):
        return self.call("modify", self.calendar, answered(self.look(uid), bare(self.address), partstat, day), bool(day))

    def move(self, uid, to):
        return self.call("modify", self.calendar, moved(self.look(uid), to), False)

    def cancel(self, uid):
        return self.call("remove", self.calendar, uid)


def opened(user, readonly=False):
    """What the client must know of somebody's calendar."""
    return {"readonly": readonly, "address": f"{user}@example.com", "saves schedules": True}


def account(user):
    """A desktop with an account, and the calendar of its user."""
    session = Session(user)
    kinds = [["calendar", "Calendar", True], ["tasks", "Task List", True]]
    must(f"{user}: add an account", lambda: session.call("add_account"))
    must(f"{user}: it finds calendars and tasks", lambda: until(lambda: session.call("found"), kinds), kinds)
    must(f"{user}: open the calendar", lambda: session.use("/"), opened(user))
    return session


def busy(asks, has):
    """One has a meeting, and the other's desktop asks the server for their time."""
    uid, when = new_uid(), SATURDAY + DAY * 30
    has.invite(meeting(uid, "Oběd", when, [BEN, ANN]))
    found = asks.call("busy", asks.calendar, BEN, int(when.timestamp()), int((when + DAY).timestamp()))
    has.cancel(uid)
    return f"{stamp(when)}/" in found or found


ann, ben = account("ann"), account("ben")
check("find calendars at the bare URL", lambda: ann.find("/"), [[[HOME + "calendar/", True]], [ANN, "ann.kowalski@example.com"]])
converse(ann, ben)
check("when the other is busy", lambda: busy(ann, ben))
maria, tom, sofia = account("maria"), account("tom"), account("sofia")
for session, readonly in (tom, False), (sofia, True):
    must(f"open maria's calendar{' to read' * readonly}", lambda: session.use("/principals/users/maria/"), opened("maria", readonly))
assist(maria, tom, sofia, ben)
