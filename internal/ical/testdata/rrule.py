#!/usr/bin/env python3
"""Writes rrule.golden: what python-dateutil makes of random recurrence rules.

    python3 rrule.py >rrule.golden        (Debian package python3-dateutil)

A line is DTSTART, the rule, the first instances, and the first ones at least 40
years later, tab-separated; instances are seconds from 1 January 1970 as if
local time were UTC. Rules on whose meaning dateutil differs from RFC 5545 are
not made: BYWEEKNO without a day, COUNT with a DTSTART off the rule, and BYSETPOS
in a WEEKLY rule, whose first week dateutil begins with DTSTART. Rules
that take dateutil long are not made either, so that what is made depends a
little on the machine.
"""

import calendar
import datetime
import random
import signal

from dateutil import rrule

# Days of which all instances are taken, by FREQ; else six years.
REACH = {"SECONDLY": 1, "MINUTELY": 4, "HOURLY": 40}

DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]


def pick(rng, values, most):
    return sorted(rng.sample(values, rng.randint(1, most)))


def numbers(rng, least, most, count):
    values = [n for n in range(least, most + 1)]
    return pick(rng, values + [-n for n in values], count)


class TooSlow(Exception):
    pass


def give_up(*_):
    raise TooSlow


def make(rng):
    freq = rng.choice(["SECONDLY", "MINUTELY", "HOURLY", "HOURLY", "DAILY", "DAILY", "WEEKLY", "WEEKLY", "MONTHLY", "MONTHLY", "YEARLY", "YEARLY"])
    parts = {"FREQ": freq}
    if rng.random() < 0.5:
        parts["INTERVAL"] = rng.choice([2, 2, 3, 4, 5, 6, 7, 12, 13])
    has = lambda p: rng.random() < p
    if has(0.35):
        parts["BYMONTH"] = pick(rng, list(range(1, 13)), 4)
    if freq == "YEARLY" and has(0.15):
        parts["BYWEEKNO"] = numbers(rng, 1, 53, 3)
    if freq in ("YEARLY", "HOURLY", "MINUTELY", "SECONDLY") and has(0.15) and "BYWEEKNO" not in parts:
        parts["BYYEARDAY"] = numbers(rng, 1, 366, 5)
    if freq != "WEEKLY" and has(0.3):
        parts["BYMONTHDAY"] = numbers(rng, 1, 31, 4)
    if has(0.45) or "BYWEEKNO" in parts:
        days = pick(rng, DAYS, 4)
        if freq in ("MONTHLY", "YEARLY") and "BYWEEKNO" not in parts and has(0.6):
            top = 5 if freq == "MONTHLY" or "BYMONTH" in parts else 53
            days = [("%d" % rng.choice([-1, 1]) if has(0.3) else "%d" % rng.choice(numbers(rng, 1, top, 1))) + d for d in days]
        parts["BYDAY"] = days
    if has(0.2):
        parts["BYHOUR"] = pick(rng, list(range(24)), 3)
    if has(0.2):
        parts["BYMINUTE"] = pick(rng, list(range(60)), 3)
    if has(0.1):
        parts["BYSECOND"] = pick(rng, list(range(60)), 3)
    if len([p for p in parts if p.startswith("BY")]) > 0 and freq != "WEEKLY" and has(0.3):
        parts["BYSETPOS"] = numbers(rng, 1, 5, 2)
    if has(0.3):
        parts["WKST"] = rng.choice(DAYS)
    if has(0.3):
        parts["COUNT"] = rng.randint(1, 40)
    return parts


def text(parts):
    return ";".join("%s=%s" % (k, ",".join(map(str, v)) if isinstance(v, list) else v) for k, v in parts.items())


def rule(parts, start, until):
    if parts["FREQ"] == "YEARLY" and "BYMONTHDAY" in parts and not {"BYMONTH", "BYDAY", "BYWEEKNO", "BYYEARDAY"} & set(parts):
        parts = dict(parts, BYMONTH=[start.month])  # dateutil takes every month
    return rrule.rrulestr(text(parts), dtstart=start).replace(until=until)


def seconds(when):
    return calendar.timegm(when.timetuple())


def take(rule, start, most, last):
    found = []
    for when in rule.xafter(start, inc=True):
        if when > last:
            break
        found.append(seconds(when))
        if len(found) == most:
            break
    return found


def main():
    signal.signal(signal.SIGALRM, give_up)
    rng = random.Random(5545)
    made = 0
    while made < 600:
        parts = make(rng)
        start = datetime.datetime(rng.randint(1995, 2030), rng.randint(1, 12), rng.randint(1, 28),
                                  rng.randint(0, 23), rng.randint(0, 59), rng.choice([0, 0, 0, 30]))
        short = parts["FREQ"] in ("SECONDLY", "MINUTELY", "HOURLY")
        if short and rng.random() < 0.6:
            for name in ("BYSECOND", "BYMINUTE"):
                parts.pop(name, None)
        count = parts.pop("COUNT", None)
        horizon = start + datetime.timedelta(days=REACH.get(parts["FREQ"], 366 * 6))
        later = start.replace(year=start.year + 40)  # never 29 February: days are 28 at most
        until = later + datetime.timedelta(days=366 * 4)
        try:
            signal.setitimer(signal.ITIMER_REAL, 0.5)
            head = take(rule(parts, start, horizon), start, 25, horizon)
            if count and head and head[0] == seconds(start) and not short and len(head) > 4:
                parts["COUNT"] = count
                head = take(rule(parts, start, until), start, 60, horizon)
            far = [] if short else take(rule(parts, start, until), later, 8, until)
        except (TooSlow, ValueError, TypeError):  # the latter: dateutil finds that it can never match
            continue
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
        if not head and rng.random() < 0.8:
            continue
        print(start.strftime("%Y%m%dT%H%M%S"), text(parts), " ".join(map(str, head)), " ".join(map(str, far)),
              seconds(horizon), sep="\t")
        made += 1


if __name__ == "__main__":
    main()
