#!/usr/bin/python3
"""Thunderbird, without a display: each person has a profile of their own. It finds
calendars, and people meet; tom opens maria's calendar.

Marionette, which is for tests of Thunderbird itself, runs the functions of thunderbird.js
in it. lib.sh says what is in the environment and which lines are written."""

import atexit
import json
import os
import socket
import subprocess
from datetime import timedelta
from urllib.parse import urlsplit

from checks import CA, PASSWORD, URL, WORK, check, ends, must, until
from meetings import MARIA, SATURDAY, TOM, assist, bare, converse, meeting, new_uid, organizer, stamp

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPT = open(os.path.join(HERE, "thunderbird.js")).read()

# No questions at the first start. Marionette itself turns telemetry and updates off.
PREFERENCES = {
    "mail.provider.suppress_dialog_on_startup": True, "mail.spotlight.firstRunDone": True, "mailnews.start_page.enabled": False,
    "calendar.timezone.local": "UTC", "calendar.timezone.useSystemTimezone": False,
}


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Thunderbird:
    """A running Thunderbird, which does what thunderbird.js has by name."""

    def __init__(self, user):
        profile = os.path.join(WORK, user)
        os.mkdir(profile)
        port = free_port()
        with open(os.path.join(profile, "user.js"), "w") as f:
            for name, value in (PREFERENCES | {"marionette.port": port}).items():
                f.write(f"user_pref({json.dumps(name)}, {json.dumps(value)});\n")
        env = {k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "DBUS_SESSION_BUS_ADDRESS")}
        self.process = subprocess.Popen(
            ["thunderbird", "--headless", "--marionette", "--remote-allow-system-access", "--no-remote", "--profile", profile],
            env=env | {"HOME": profile}, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        atexit.register(self.end)
        until(lambda: self.connect(port), True)
        self.read()
        self.command("WebDriver:NewSession", {"capabilities": {"alwaysMatch": {"timeouts": {"script": 60000}}}})
        self.command("Marionette:SetContext", {"value": "chrome"})

    def connect(self, port):
        try:
            self.connection = socket.create_connection(("127.0.0.1", port), 90)
            return True
        except ConnectionRefusedError:
            return False

    def end(self):
        self.process.terminate()
        ends(self.process)

    def read(self):
        """A message: its length, a colon, and so much JSON."""
        length = b""
        while (c := self.connection.recv(1)) != b":":
            if not c:
                raise RuntimeError("Thunderbird has ended")
            length += c
        text = b""
        while len(text) < int(length):
            text += self.connection.recv(int(length) - len(text))
        return json.loads(text)

    def command(self, name, parameters):
        text = json.dumps([0, 1, name, parameters]).encode()
        self.connection.sendall(b"%d:%s" % (len(text), text))
        _, _, error, result = self.read()
        if error:
            raise RuntimeError(f"{error['error']}: {error['message']}")
        return result

    def do(self, name, *args):
        result = self.command("WebDriver:ExecuteAsyncScript", {"script": SCRIPT, "args": [name, args], "sandbox": "system", "newSandbox": False})["value"]
        if "error" in result:
            raise RuntimeError(result["error"])
        return result["value"]


class Session(Thunderbird):
    """A person's Thunderbird, as meetings.py wants it."""

    def __init__(self, user):
        super().__init__(user)
        self.user = user
        server = urlsplit(URL)
        if server.scheme == "https":
            with open(CA) as f:
                pem = "".join(line.strip() for line in f if not line.startswith("-"))
            must(f"{user}: trust the certificate", lambda: self.do("trust", server.hostname, server.port, pem))

    def find(self, path):
        return self.do("find", self.user, PASSWORD, URL + path, "/calendar/")

    def use(self, path):
        """Works in a calendar that was added, and says what Thunderbird knows of it."""
        self.path, state = path, self.do("state", path)
        self.calendar, self.address = state.pop("id"), state["address"]
        return state

    def uids(self):
        return self.do("uids", self.calendar)

    def invite(self, ics):
        return self.do("invite", self.calendar, ics)

    def look(self, uid):
        return self.do("look", self.calendar, uid)

    def me(self, uid):
        return self.do("me", self.calendar, uid)

    def answer(self, uid, partstat, day=None):
        return self.do("answer", self.calendar, uid, partstat, day and stamp(day))

    def move(self, uid, to):
        return self.do("move", self.calendar, uid, stamp(to), stamp(to + timedelta(hours=1)))

    def cancel(self, uid):
        return self.do("cancel", self.calendar, uid)


def known(user, readonly=False):
    """What Thunderbird must know of somebody's calendar."""
    return {"readonly": readonly, "address": f"mailto:{user}@example.com", "schedules": True, "status": 0}


def account(user):
    """A Thunderbird with the calendar of its user, found at the bare URL."""
    session = Session(user)
    found = []
    must(f"{user}: finds calendars and tasks", lambda: [p.rsplit("/", 2)[1] for p in found.extend(session.find("/")) or found], ["calendar", "tasks"])
    must(f"{user}: opens the calendar", lambda: session.use(found[0]), known(user))
    return session


def whose(session, guest):
    """Whose a meeting is that somebody makes, and who sent it, as a guest sees it."""
    uid = new_uid()
    session.invite(meeting(uid, "Porada", SATURDAY, [bare(session.address), bare(guest.address)]))
    found = until(lambda: organizer(guest.look(uid)), [MARIA, TOM])
    session.cancel(uid)
    return found


ann, ben = account("ann"), account("ben")
converse(ann, ben)
maria, tom, sofia = account("maria"), account("tom"), account("sofia")
for session in tom, sofia:
    check("find maria's calendar", lambda: session.find("/principals/users/maria/")[0], maria.path)
check("find it by its address", lambda: tom.find(maria.path), [maria.path])
# Thunderbird takes whoever signs in for the organizer, until the calendar has another address.
must("open maria's calendar", lambda: tom.use(maria.path), known("tom"))
must("open maria's calendar to read", lambda: sofia.use(maria.path), known("sofia", readonly=True))
check("a meeting in it is hers", lambda: whose(tom, ben), [MARIA, TOM])
must("set its address", lambda: tom.do("identify", tom.calendar, MARIA))
must("work in maria's name", lambda: tom.use(maria.path), known("maria"))
assist(maria, tom, sofia, ben)
