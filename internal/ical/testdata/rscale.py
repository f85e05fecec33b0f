#!/usr/bin/env python3
"""Writes rscale.golden: what ICU's calendars make of random rules with RSCALE.

    python3 rscale.py >rscale.golden        (Debian package python3-icu)

ICU tells year, month and day of each day; what a rule makes of them is tried for
each day by the words of RFC 7529 §4.1, without the arithmetic of the server. A line
is DTSTART, the rule and the instances until a day, tab-separated, in days from 1
January 1970. ICU's astronomy is off by a day in some Chinese and Korean years, and so
is its Hebrew year 5807; the years asked about are those for which it is not.
"""

import datetime
import random

import icu

EPOCH = datetime.date(1970, 1, 1)
LEAP_MONTH = 22  # UCAL_IS_LEAP_MONTH
DAYS = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
# name, ICU's, first and last Gregorian year
SCALES = [
    ("HEBREW", "hebrew", 1900, 2045), ("HEBREW", "hebrew", 2050, 2150), ("ETHIOPIC", "ethiopic", 1900, 2150), ("COPTIC", "coptic", 1900, 2150),
    ("INDIAN", "indian", 1900, 2150), ("ISLAMIC-CIVIL", "islamic-civil", 1900, 2150),
    ("ISLAMIC-TBLA", "islamic-tbla", 1900, 2150), ("ISLAMIC-UMALQURA", "islamic-umalqura", 1900, 2150),
    ("PERSIAN", "persian", 1900, 2110), ("CHINESE", "chinese", 1924, 1953), ("CHINESE", "chinese", 1957, 1985),
    ("CHINESE", "chinese", 2032, 2055), ("DANGI", "dangi", 1913, 2015), ("DANGI", "dangi", 2019, 2049),
    ("BUDDHIST", "buddhist", 1950, 2100),
]


def number(date):
    return (date - EPOCH).days


def days_of(icu_name, first, last):
    """For each day: (year, month, leap, day of the month)."""
    cal = icu.Calendar.createInstance(icu.TimeZone.createTimeZone("UTC"), icu.Locale("en@calendar=" + icu_name))
    field = icu.UCalendarDateFields
    out, year, before = {}, 0, None
    for day in range(number(datetime.date(first, 1, 1)), number(datetime.date(last, 12, 31))):
        cal.setTime(day * 86400.0 + 43200)
        month, leap, dom = cal.get(field.MONTH) + 1, cal.get(LEAP_MONTH) == 1, cal.get(field.DATE)
        if icu_name == "hebrew":
            leap = month == 6
            month -= month >= 6
        if before is not None and month < before:
            year += 1
        before = month
        out[day] = (year, month, leap, dom)
    return out


class Scale:
    def __init__(self, name, icu_name, first, last):
        self.name = name
        days = days_of(icu_name, first, last)
        whole = sorted({y for y, _, _, _ in days.values()})[1:-1]
        self.years = {y: [] for y in whole}
        for day, (y, m, leap, dom) in sorted(days.items()):
            if y in self.years:
                months = self.years[y]
                if dom == 1:
                    months.append((m, leap, []))
                months[-1][2].append(day)


def rand_rule(rng, scale):
    parts = {"FREQ": rng.choice(["YEARLY"] * 4 + ["MONTHLY"] * 3 + ["WEEKLY", "DAILY"])}
    lunar = scale.name in ("CHINESE", "DANGI", "HEBREW")
    top = 13 if scale.name in ("ETHIOPIC", "COPTIC") else 12
    if rng.random() < 0.5:
        months = [str(m) for m in range(1, top + 1)]
        if lunar:
            months += ["5L"] * 8 if scale.name == "HEBREW" else ["%dL" % m for m in range(1, 13)]
        parts["BYMONTH"] = sorted(set(rng.sample(months, rng.randint(1, 3))))
    if parts["FREQ"] in ("YEARLY", "MONTHLY", "DAILY") and rng.random() < 0.5:
        parts["BYMONTHDAY"] = sorted(rng.sample([1, 2, 5, 6, 13, 28, 29, 30, 30, 31, -1, -2, -29, -30], rng.randint(1, 3)))
    elif parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts and rng.random() < 0.5:
        yeardays = [1, 30, 100, 200, 353, 354, 355, 356, 365, 366, 383, 384, 385, -1, -100, -354, -355, -366, -384, -385]
        if scale.name == "BUDDHIST":  # has the days of the Gregorian calendar
            yeardays = [n for n in yeardays if abs(n) <= 366]
        parts["BYYEARDAY"] = sorted(rng.sample(yeardays, rng.randint(1, 3)))
    if rng.random() < 0.3:
        days = rng.sample(DAYS, rng.randint(1, 3))
        if parts["FREQ"] in ("YEARLY", "MONTHLY") and "BYYEARDAY" not in parts and rng.random() < 0.6:
            n = [1, 2, 3, 4, 5, -1, -2]
            if parts["FREQ"] == "YEARLY" and "BYMONTH" not in parts:
                n += [20, 50, -50]
            days = ["%d%s" % (rng.choice(n), d) for d in days]
        parts["BYDAY"] = days
    if rng.random() < 0.25:
        parts["BYSETPOS"] = sorted(rng.sample([1, 2, 3, -1, -2], rng.randint(1, 2)))
    parts["INTERVAL"] = rng.choice([1, 1, 1, 2, 3, 5])
    if rng.random() < 0.6 and parts["FREQ"] in ("YEARLY", "MONTHLY"):
        parts["SKIP"] = rng.choice(["OMIT", "FORWARD", "BACKWARD"])
    return parts


def nth_match(day, span, byday):
    wday = DAYS[(day + 3) % 7]
    same = [d for d in span if (d - day) % 7 == 0]
    for item in byday:
        if not item.endswith(wday):
            continue
        if len(item) == 2:
            return True
        n = int(item[:-2])
        if 0 < abs(n) <= len(same) and same[n - 1 if n > 0 else n] == day:
            return True
    return False


def month_days(month, parts, skip, default):
    """The days of a month by BYMONTHDAY and SKIP."""
    days = month[2]
    if "BYMONTHDAY" in parts:
        wanted = parts["BYMONTHDAY"]
    elif default is not None:
        wanted = [default]
    else:
        return set(days)
    out = set()
    for n in wanted:
        if n > len(days):
            out |= {days[-1]} if skip == "BACKWARD" else {days[-1] + 1} if skip == "FORWARD" else set()
        elif -n > len(days):
            out |= {days[0] - 1} if skip == "BACKWARD" else {days[0]} if skip == "FORWARD" else set()
        else:
            out.add(days[n - 1 if n > 0 else n])
    return out


def named(month):
    return "%d%s" % (month[0], "L" if month[1] else "")


def week_one(scale, year):
    """The Monday of the week that has the fourth day of a year."""
    fourth = scale.years[year][0][2][3]
    return fourth - (fourth + 3) % 7


def expand_weeks(scale, start, parts):
    """A rule of BYWEEKNO with INTERVAL 1. A week that a year has not is moved whole."""
    skip = parts["SKIP"]
    byday = parts.get("BYDAY") or [DAYS[(start + 3) % 7]]
    years = sorted(scale.years)
    out = {start}
    for y in years[:-1]:
        first, weeks = week_one(scale, y), (week_one(scale, y + 1) - week_one(scale, y)) // 7
        for n in parts["BYWEEKNO"]:
            at = n - 1 if n > 0 else weeks + n
            if not 0 <= at < weeks:
                if skip == "OMIT":
                    continue
                at = {("BACKWARD", True): weeks - 1, ("FORWARD", True): weeks, ("BACKWARD", False): -1, ("FORWARD", False): 0}[skip, n > 0]
            out |= {d for d in range(first + 7 * at, first + 7 * at + 7) if DAYS[(d + 3) % 7] in byday and d >= start}
    return sorted(out)


def week_rule(rng, scale):
    most = max((week_one(scale, y + 1) - week_one(scale, y)) // 7 for y in sorted(scale.years)[:-1])
    least = min((week_one(scale, y + 1) - week_one(scale, y)) // 7 for y in sorted(scale.years)[:-1])
    numbers = sorted({1, 2, 20, least, least + 1, most, -1, -least, -least - 1, -most})
    parts = {"FREQ": "YEARLY", "SKIP": rng.choice(["OMIT", "FORWARD", "BACKWARD"]), "INTERVAL": 1}
    parts["BYWEEKNO"] = sorted(rng.sample(numbers, rng.randint(1, 3)))
    if rng.random() < 0.5:
        parts["BYDAY"] = rng.sample(DAYS, rng.randint(1, 3))
    return parts


def expand(scale, start, parts):
    if "BYWEEKNO" in parts:
        return expand_weeks(scale, start, parts)
    skip, interval = parts.get("SKIP", "OMIT"), parts["INTERVAL"]
    place = [(y, m) for y, months in scale.years.items() for m in months if start in m[2]][0]
    dom = place[1][2].index(start) + 1
    explicit = [k for k in ("BYMONTHDAY", "BYDAY", "BYYEARDAY") if k in parts]
    default = None if explicit else dom
    freq, periods = parts["FREQ"], []
    if freq == "YEARLY":
        bymonth = parts.get("BYMONTH") or ([named(place[1])] if explicit in ([], ["BYMONTHDAY"]) else None)
        order = sorted(scale.years)
        for y in order[order.index(place[0])::interval]:
            months = scale.years[y]
            whole = [d for m in months for d in m[2]]
            spans = months if bymonth is None else [m for m in months if named(m) in bymonth]
            if bymonth and skip != "OMIT":
                for name in bymonth:
                    if name.endswith("L") and name not in [named(m) for m in months]:
                        n = int(name[:-1])
                        if skip == "BACKWARD":
                            spans = spans + [m for m in months if named(m) == str(n)]
                        elif n < 12:
                            spans = spans + [m for m in months if named(m) == str(n + 1)]
                        elif y + 1 in scale.years:
                            spans = spans + [m for m in scale.years[y + 1] if named(m) == "1"]
            got = set()
            for m in spans:
                for d in month_days(m, parts, skip, default):
                    if "BYDAY" in parts and not nth_match(d, m[2] if bymonth else whole, parts["BYDAY"]):
                        continue
                    got.add(d)
            if "BYYEARDAY" in parts:
                keep = set()
                for n in parts["BYYEARDAY"]:
                    if n > len(whole):
                        keep |= {whole[-1]} if skip == "BACKWARD" else {whole[-1] + 1} if skip == "FORWARD" else set()
                    elif -n > len(whole):
                        keep |= {whole[0] - 1} if skip == "BACKWARD" else {whole[0]} if skip == "FORWARD" else set()
                    else:
                        keep.add(whole[n - 1 if n > 0 else n])
                if "BYDAY" in parts:
                    keep = {d for d in keep if nth_match(d, whole, parts["BYDAY"])}
                got = keep
            periods.append(got)
    elif freq == "MONTHLY":
        order = [m for y in sorted(scale.years) for m in scale.years[y]]
        for m in order[order.index(place[1])::interval]:
            if "BYMONTH" in parts and named(m) not in parts["BYMONTH"]:
                continue
            got = month_days(m, parts, skip, default)
            if "BYDAY" in parts:
                got = {d for d in got if nth_match(d, m[2], parts["BYDAY"])}
            periods.append(got)
    else:
        step = interval * (7 if freq == "WEEKLY" else 1)
        of = {d: m for months in scale.years.values() for m in months for d in m[2]}
        first = start - (start + 3) % 7 if freq == "WEEKLY" else start
        for base in range(first, max(of), step):
            got = set()
            for d in range(base, base + (7 if freq == "WEEKLY" else 1)):
                if d not in of:
                    continue
                m = of[d]
                if "BYMONTH" in parts and named(m) not in parts["BYMONTH"]:
                    continue
                if freq == "WEEKLY" and "BYDAY" not in parts and (d - start) % 7:
                    continue
                if "BYDAY" in parts and DAYS[(d + 3) % 7] not in parts["BYDAY"]:
                    continue
                if "BYMONTHDAY" in parts:
                    at = m[2].index(d)
                    if at + 1 not in parts["BYMONTHDAY"] and at - len(m[2]) not in parts["BYMONTHDAY"]:
                        continue
                got.add(d)
            periods.append(got)
    out = {start}
    for got in periods:
        got = sorted(got)
        if "BYSETPOS" in parts:
            got = [got[n - 1 if n > 0 else n] for n in parts["BYSETPOS"] if abs(n) <= len(got)]
        out |= {d for d in got if d >= start}
    return sorted(out)


def main():
    rng = random.Random(7529)
    for row in SCALES:
        scale = Scale(*row)
        every = sorted(d for months in scale.years.values() for m in months for d in m[2])
        for i in range(COUNT + WEEKS):
            start = rng.choice(every[:len(every) // 2])
            if rng.random() < 0.3:  # a leap month, or the end of a month
                odd = [m for months in scale.years.values() for m in months if m[1]] if rng.random() < 0.5 else []
                odd = [m for m in odd if m[2][0] < every[len(every) // 2]]
                if odd:
                    start = rng.choice(rng.choice(odd)[2])
            parts = rand_rule(rng, scale) if i < COUNT else week_rule(rng, scale)
            got = expand(scale, start, parts)
            stop = every[-1] - 800  # of the last years the periods may be incomplete
            got = [d for d in got if d < stop]
            if len(got) > MOST:
                stop = got[MOST]
                got = got[:MOST]
            order = ["FREQ", "SKIP", "INTERVAL", "BYMONTH", "BYWEEKNO", "BYYEARDAY", "BYMONTHDAY", "BYDAY", "BYSETPOS"]
            text = ";".join("%s=%s" % (k, ",".join(map(str, parts[k])) if isinstance(parts[k], list) else parts[k]) for k in order if k in parts)
            date = (EPOCH + datetime.timedelta(start)).strftime("%Y%m%d")
            print("%s\tRSCALE=%s;%s\t%d\t%s" % (date, scale.name, text, stop, " ".join(map(str, got))))


COUNT, WEEKS, MOST = 60, 15, 20

if __name__ == "__main__":
    main()
