#!/usr/bin/python3
"""One person's desktop with Evolution's data server, below dbus-run-session: evolution.py
starts it, writes a line of JSON for each thing to do, and reads one with the result."""

import json
import sys
import threading
from urllib.parse import urlsplit

import gi

gi.require_version("EDataServer", "1.2")
gi.require_version("ECal", "2.0")
gi.require_version("ICalGLib", "3.0")
from gi.repository import ECal, EDataServer, Gio, GLib, ICalGLib


def webdav(source):
    """The part of a source that says where it is on its server."""
    return source.get_extension(EDataServer.SOURCE_EXTENSION_WEBDAV_BACKEND)


class Desktop:
    def __init__(self, url, user, password):
        self.url, self.user = urlsplit(url), user
        self.credentials = EDataServer.NamedParameters()
        self.credentials.set("username", user)
        self.credentials.set("password", password)
        self.clients = {}
        self.registry = EDataServer.SourceRegistry.new_sync(None)
        self.registry.connect("credentials-required", self.on_credentials)

    def on_credentials(self, registry, source, reason, certificate, errors, error):
        """Does what the dialogues of the desktop do: trusts the server, gives the password."""
        if reason == EDataServer.SourceCredentialsReason.SSL_FAILED:
            webdav(source).update_ssl_trust(
                self.url.hostname, Gio.TlsCertificate.new_from_pem(certificate, -1), EDataServer.TrustPromptResponse.ACCEPT)
            source.write_sync(None)
        source.invoke_authenticate_sync(self.credentials, None)

    def source(self, uid):
        """A new source for the server, not yet stored."""
        source = EDataServer.Source.new_with_uid(uid, None)
        source.set_display_name(uid)
        login = source.get_extension(EDataServer.SOURCE_EXTENSION_AUTHENTICATION)
        login.set_host(self.url.hostname)
        login.set_port(self.url.port)
        login.set_user(self.user)
        login.set_method("plain/password")
        source.get_extension(EDataServer.SOURCE_EXTENSION_SECURITY).set_secure(self.url.scheme == "https")
        if self.url.scheme == "https" and self.registry.ref_source("account"):
            webdav(source).set_ssl_trust(webdav(self.registry.ref_source("account")).get_ssl_trust())
        return source

    def add_account(self):
        """Adds a collection account, as Online Accounts does, with the bare URL alone."""
        source = self.source("account")
        account = source.get_extension(EDataServer.SOURCE_EXTENSION_COLLECTION)
        account.set_backend_name("webdav")
        account.set_identity(self.user)
        account.set_calendar_url(self.url.geturl())
        account.set_contacts_enabled(False)
        account.set_mail_enabled(False)
        return self.registry.commit_source_sync(source, None)

    def found(self):
        """The calendars of the account: name, kind, and whether the server schedules."""
        return sorted([webdav(s).get_resource_path().split("/")[-2], kind, webdav(s).get_calendar_auto_schedule()]
                      for s in self.registry.list_sources(None) if s.get_parent() == "account"
                      for kind in (EDataServer.SOURCE_EXTENSION_CALENDAR, EDataServer.SOURCE_EXTENSION_TASK_LIST) if s.has_extension(kind))

    def discover(self, path):
        """What "Find Calendars" finds at a path: calendars, each with whether its server schedules,
        and the addresses of their user."""
        source = self.source("discovery")
        webdav(source).set_resource_path(path)
        events, schedules = (int(getattr(EDataServer.WebDAVDiscoverSupports, name)) for name in ("EVENTS", "CALENDAR_AUTO_SCHEDULE"))
        _, _, _, found, addresses = EDataServer.webdav_discover_sources_sync(source, None, events | schedules, self.credentials, None)
        return [[[f.href, bool(f.supports & schedules)] for f in found if f.supports & events], addresses]

    def add_calendar(self, url, schedules, address):
        """Adds a calendar that was found, with the user's address, as "New Calendar" does."""
        path = urlsplit(url).path
        source = self.source(path.strip("/").replace("/", "-"))
        webdav(source).set_resource_path(path)
        webdav(source).set_email_address(address)
        webdav(source).set_calendar_auto_schedule(schedules)
        source.get_extension(EDataServer.SOURCE_EXTENSION_CALENDAR).set_backend_name("caldav")
        source.set_parent("caldav-stub")
        self.registry.commit_source_sync(source, None)
        return source.get_uid()

    def client(self, uid):
        if uid not in self.clients:
            source = self.registry.ref_source(uid)
            self.clients[uid] = ECal.Client.connect_sync(source, ECal.ClientSourceType.EVENTS, 30, None)
        return self.clients[uid]

    def open(self, uid):
        """Opens a calendar: whether it can be written, and what the client knows of it."""
        c = self.client(uid)
        _, address = c.get_backend_property_sync(ECal.BACKEND_PROPERTY_CAL_EMAIL_ADDRESS, None)
        return {"readonly": c.is_readonly(), "address": address, "saves schedules": c.check_save_schedules()}

    def refresh(self, uid):
        return self.client(uid).refresh_sync(None)

    def uids(self, uid):
        _, found = self.client(uid).get_object_list_sync("#t", None)
        return sorted({c.get_uid() for c in found})

    def get(self, uid, event):
        """An event with its changed dates, as a VCALENDAR; None if there is none."""
        try:
            _, found = self.client(uid).get_objects_for_uid_sync(event, None)
        except GLib.Error as e:
            if e.domain == "e-cal-client-error-quark" and e.code == int(ECal.ClientError.OBJECT_NOT_FOUND):
                return None
            raise
        return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//evolution//EN\r\n" + "".join(c.get_as_string() for c in found) + "END:VCALENDAR\r\n"

    def create(self, uid, text):
        ok, _ = self.client(uid).create_object_sync(self.event(text), ECal.OperationFlags.NONE, None)
        return ok

    def modify(self, uid, text, one):
        """Changes an event; one of its dates alone if one is true."""
        kind = ECal.ObjModType.THIS if one else ECal.ObjModType.ALL
        return self.client(uid).modify_object_sync(self.event(text), kind, ECal.OperationFlags.NONE, None)

    def remove(self, uid, event):
        return self.client(uid).remove_object_sync(event, None, ECal.ObjModType.ALL, ECal.OperationFlags.NONE, None)

    def busy(self, uid, address, start, end):
        """When somebody is busy, as the client learns it of the server; moments in Unix seconds."""
        _, found = self.client(uid).get_free_busy_sync(start, end, [address], None)
        return "".join(c.get_icalcomponent().as_ical_string() for c in found)

    def event(self, text):
        """The last event of a text, without its calendar."""
        return ICalGLib.Component.new_from_string(text[text.rindex("BEGIN:VEVENT"):text.index("END:VCALENDAR")])


def main():
    threading.Thread(target=GLib.MainLoop().run, daemon=True).start()
    desktop = Desktop(*sys.argv[1:])
    for line in sys.stdin:
        name, *args = json.loads(line)
        try:
            answer = {"value": getattr(desktop, name)(*args)}
        except Exception as e:  # the other side says which check failed
            answer = {"error": f"{type(e).__name__}: {e}"}
        print(json.dumps(answer), flush=True)


main()
