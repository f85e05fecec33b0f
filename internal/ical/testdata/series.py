#!/usr/bin/env python3
"""Writes series.golden: what python's recurring_ical_events makes of random
recurring events.

    /usr/bin/python3 series.py >series.golden   (Debian package python3-recurring-ical-events)

A record is the VEVENTs, a line "range FROM TO", and a line "START END" for each
instance that overlaps the range, all in UTC; records end in an empty line. Times
are in the middle of the day, where no clock is changed.
"""

import datetime
import random

import icalendar
import pytz
import recurring_ical_events

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Tokyo", "Australia/Sydney"]
RULES = ["DAILY", "DAILY;INTERVAL=3", "WEEKLY;BYDAY=MO,WE,FR", "WEEKLY;INTERVAL=2;BYDAY=TU,TH", "MONTHLY;BYMONTHDAY=1,15",
         "MONTHLY;BYDAY=-1FR", "MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=2", "YEARLY;BYMONTH=3,6;BYDAY=1SU", "DAILY;BYDAY=SA,SU"]


def stamp(when):
    return when.strftime("%Y%m%dT%H%M%S")


def utc(when):
    return when.astimezone(pytz.utc).strftime("%Y%m%dT%H%M%SZ")


def make(rng):
    zone = rng.choice(ZONES)
    start = datetime.datetime(2023, rng.randint(1, 12), rng.randint(1, 28), rng.randint(9, 17), rng.choice([0, 30]))
    length = datetime.timedelta(minutes=rng.choice([30, 60, 180]))
    rule = "FREQ=" + rng.choice(RULES)
    # The first instance is made to be one of the rule, so that COUNT means the same.
    from dateutil import rrule
    start = rrule.rrulestr(rule, dtstart=start)[0]
    dates = list(rrule.rrulestr(rule, dtstart=start)[:30])
    end = rng.random()
    if end < 0.3:
        rule += ";COUNT=%d" % rng.randint(3, 30)
    elif end < 0.5:
        until = pytz.timezone(zone).localize(start + datetime.timedelta(days=rng.randint(20, 400)))
        rule += ";UNTIL=" + utc(until)
    tz = ";TZID=" + zone
    lines = ["DTSTART%s:%s" % (tz, stamp(start)), "DTEND%s:%s" % (tz, stamp(start + length)), "RRULE:" + rule]
    gone = rng.sample(dates[1:], rng.randint(0, 3))
    for date in gone:
        lines.append("EXDATE%s:%s" % (tz, stamp(date)))
    if rng.random() < 0.3:
        lines.append("RDATE%s:%s" % (tz, stamp(start + datetime.timedelta(days=rng.randint(1, 90), hours=1))))
    moved = []
    for date in rng.sample([d for d in dates[1:] if d not in gone], rng.randint(0, 2)):
        to = date + datetime.timedelta(days=rng.randint(-3, 3), minutes=45)
        moved.append(["RECURRENCE-ID%s:%s" % (tz, stamp(date)), "DTSTART%s:%s" % (tz, stamp(to)), "DTEND%s:%s" % (tz, stamp(to + length))])
    if ";COUNT" in rule or ";UNTIL" in rule:
        moved = []  # the instance may not exist: of that there are two opinions
    events = ["\n".join(["BEGIN:VEVENT", "UID:1"] + props + ["END:VEVENT"]) for props in [lines] + moved]
    begin = datetime.datetime(2023, 1, 1) + datetime.timedelta(days=rng.randint(0, 500))
    return "\n".join(events), begin, begin + datetime.timedelta(days=rng.randint(1, 90))


def main():
    rng = random.Random(4791)
    for _ in range(150):
        events, begin, end = make(rng)
        calendar = icalendar.Calendar.from_ical("BEGIN:VCALENDAR\n" + events + "\nEND:VCALENDAR\n")
        begin, end = pytz.utc.localize(begin), pytz.utc.localize(end)
        found = set()
        for event in recurring_ical_events.of(calendar).between(begin, end):
            found.add((utc(event["DTSTART"].dt), utc(event["DTEND"].dt)))
        print(events)
        print("range", utc(begin), utc(end))
        for instance in sorted(found):
            print(*instance)
        print()


main()
