#!/usr/bin/python3
"""python-caldav says what Apple Calendar says when dana names elif as her delegate, and
when elif opens dana's calendars.

lib.sh says what is in the environment and which lines are written."""

import caldav
from caldav.lib import error

from checks import CA, PASSWORD, URL, check, must, refused
from meetings import SATURDAY, new_uid, plain

D, C, CS = "DAV:", "urn:ietf:params:xml:ns:caldav", "http://calendarserver.org/ns/"
AGENT = {"User-Agent": "macOS/15.5 (24F74) dataaccessd/1.0"}


def account(user):
    """Somebody's client, principal and calendar home."""
    client = caldav.DAVClient(URL + "/", username=user, password=PASSWORD, ssl_verify_cert=CA)
    client.headers.update(AGENT)
    principal = client.principal()
    return client, principal.url.path, principal.calendar_home_set.url.path


def prop(namespace, name, *within):
    return f'<A:property name="{name}" namespace="{namespace}">{"".join(within)}</A:property>'


def expand(*properties):
    return f'<A:expand-property xmlns:A="DAV:">{"".join(properties)}</A:expand-property>'


PERSON = [prop(D, "displayname"), prop(C, "calendar-user-address-set"), prop(CS, "email-address-set")]
WHO_HAS = expand(prop(D, "group-member-set", *PERSON))
OF_DELEGATOR = [*PERSON, prop(C, "calendar-home-set"), prop(C, "schedule-inbox-URL"), prop(C, "schedule-outbox-URL"),
                prop(D, "current-user-privilege-set"), prop(D, "resource-id")]
ACTS_FOR = [("write", expand(prop(CS, "calendar-proxy-write-for", *OF_DELEGATOR))), ("read", expand(prop(CS, "calendar-proxy-read-for", *OF_DELEGATOR)))]
FIND = ('<C:calendarserver-principal-search xmlns:C="http://calendarserver.org/ns/" xmlns:A="DAV:" context="attendee">'
        "<C:search-token>elif</C:search-token><A:prop><A:principal-URL/><A:displayname/></A:prop></C:calendarserver-principal-search>")
IN_HOME = ('<A:propfind xmlns:A="DAV:"><A:prop><A:resourcetype/><A:displayname/><A:owner/><A:current-user-privilege-set/>'
           '<A:sync-token/><C:getctag xmlns:C="http://calendarserver.org/ns/"/></A:prop></A:propfind>')
PROXIES = '<A:propfind xmlns:A="DAV:"><A:prop><A:resourcetype/><A:displayname/><A:group-member-set/></A:prop></A:propfind>'


def texts(response, tag):
    """The texts of all elements with a name."""
    return [e.text for e in response.tree.iter(f"{{{tag[0]}}}{tag[1]}")]


def hrefs(response, tag):
    """The addresses in all elements with a name."""
    return [h.text for e in response.tree.iter(f"{{{tag[0]}}}{tag[1]}") for h in e.iter(f"{{{D}}}href")]


def lists():
    """What is below dana's principal."""
    found = dana.propfind(URL + dana_principal, PROXIES, 1).find_objects_and_props()
    return sorted(path.removeprefix(dana_principal) for path in found if path != dana_principal)


def name(level, *members):
    """Dana writes a list of delegates."""
    body = "".join(f"<A:href>{m}</A:href>" for m in members)
    response = dana.proppatch(f"{URL}{dana_principal}calendar-proxy-{level}/", '<A:propertyupdate xmlns:A="DAV:"><A:set><A:prop><A:group-member-set>'
                              f"{body}</A:group-member-set></A:prop></A:set></A:propertyupdate>")
    return texts(response, (D, "status"))


def who_has(level):
    """Whom dana sees on a list."""
    return texts(dana.report(f"{URL}{dana_principal}calendar-proxy-{level}/", WHO_HAS, 0), (CS, "email-address"))


def acts_for():
    """For whom elif acts, by the level."""
    return {level: texts(elif_.report(URL + elif_principal, body, 0), (CS, "email-address")) for level, body in ACTS_FOR}


def in_home():
    """The calendars that elif finds in dana's home."""
    found = elif_.propfind(URL + dana_home, IN_HOME, 1).find_objects_and_props()
    return sorted(path.removeprefix(dana_home) for path, props in found.items() if len(props[f"{{{D}}}resourcetype"].findall(f"{{{C}}}calendar")))


dana, dana_principal, dana_home = account("dana")
elif_, elif_principal, elif_home = account("elif")
ELIF = ["elif@example.com", "elif.yildiz@example.com"]  # her addresses
ok, nobody, uid = ["HTTP/1.1 200 OK"], {"write": [], "read": []}, new_uid()

check("the principal has two lists", lists, ["calendar-proxy-read/", "calendar-proxy-write/"])
check("nobody is on them", lambda: [who_has("read"), who_has("write")], [[], []])
check("find a person", lambda: elif_principal in hrefs(dana.report(f"{URL}/principals/", FIND, 0), (D, "response")))
must("name a delegate", lambda: [name("write", elif_principal), name("read")], [ok, ok])
check("the list has the delegate", lambda: who_has("write"), ELIF)
check("the delegate sees for whom", acts_for, {"write": ["dana@example.com"], "read": []})
check("and where the calendars are", lambda: dana_home in hrefs(elif_.report(URL + elif_principal, ACTS_FOR[0][1], 0), (C, "calendar-home-set")))
check("what is in the home", in_home, ["calendar/", "tasks/"])
theirs = caldav.Calendar(client=elif_, url=URL + dana_home + "calendar/")
own = caldav.Calendar(client=dana, url=URL + dana_home + "calendar/")
must("make an event there", lambda: bool(theirs.save_event(plain(uid, SATURDAY))))
check("its owner sees it", lambda: "Zubař" in own.event_by_uid(uid).data)
check("let them only read", lambda: [name("write"), name("read", elif_principal)], [ok, ok])
check("the delegate sees that", acts_for, {"write": [], "read": ["dana@example.com"]})
check("read", lambda: "Zubař" in theirs.event_by_uid(uid).data)
check("change nothing", lambda: refused(lambda: theirs.event_by_uid(uid).delete(), error.AuthorizationError))
check("nobody unknown", lambda: name("read", "/principals/users/nobody/")[0].split()[1], "409")
check("nor is anybody gone by that", lambda: who_has("read"), ELIF)
check("take all away", lambda: name("read"), ok)
check("the delegate sees that too", acts_for, nobody)
check("and nothing of the home", lambda: refused(in_home, error.AuthorizationError))
own.event_by_uid(uid).delete()
