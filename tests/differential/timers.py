"""Asks APScheduler 3 when timers fire, and writes rows for `cargo test`.

    python3 -m venv target/timers && target/timers/bin/pip install 'apscheduler==3.11.3' python-dateutil tzdata
    target/timers/bin/python tests/differential/timers.py

Rows of tests/data/timers/cron.jsonl: fields, time zone, the moment after which is asked (microseconds since 1970), and the
next times; or that the fields are refused. Rows of dates.jsonl: a text and the moment that dateutil reads, or null.
"""

import datetime
import json
import pathlib
import random
import signal
import sys
import zoneinfo

from apscheduler.triggers.cron import CronTrigger
from dateutil import parser

OUT = pathlib.Path(__file__).parent.parent / "data" / "timers"
UTC = datetime.timezone.utc
ZONES = ["UTC", "Europe/Vilnius", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "America/Sao_Paulo"]
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=UTC)
COUNT = 5

# Moments around which something happens: changes of clocks, ends of months and years, leap days.
MOMENTS = [
    "2026-03-08T06:30:00", "2026-11-01T04:30:00", "2026-03-29T00:15:00", "2026-10-25T00:15:00", "2026-10-03T15:20:00",
    "2026-04-04T14:40:00", "2026-02-28T23:59:59", "2028-02-28T12:00:00", "2026-12-31T23:59:58", "2027-01-01T00:00:00",
    "2026-11-22T13:00:27.617648", "2018-11-04T02:59:59", "2020-12-31T11:00:00",
]

HAND = [
    {}, {"minute": 5}, {"hour": 3}, {"day": 1}, {"month": 2}, {"year": 2030}, {"week": 53}, {"day_of_week": 0},
    {"day_of_week": "mon-fri", "hour": 7}, {"day": "last"}, {"day": "last sun", "hour": 1}, {"day": "3rd fri", "hour": "*/6"},
    {"day": "5th mon"}, {"day": "1st mon,15,last"}, {"month": "jan-mar", "day": "29"}, {"hour": 2, "minute": 30},
    {"hour": 1, "minute": 30}, {"hour": "1-3", "minute": "*/20"}, {"minute": "*/7"}, {"second": "*/25"},
    {"minute": "5-50/15", "second": 30}, {"month": 2, "day": 30}, {"month": 2, "day": 29, "day_of_week": "fri"},
    {"week": "1-53/10", "day_of_week": "wed", "hour": 12}, {"year": 2020}, {"year": "2026-2030/2", "month": 6},
    {"hour": "0,12", "minute": "0, 30"}, {"day": "31"}, {"day": "*/10"}, {"day": "10/7"}, {"day_of_week": "sat,sun", "hour": "2"},
    {"second": "0"}, {"hour": None, "minute": 0}, {"month": "Dec", "day": "25"}, {"hour": "23", "minute": "59", "second": "59"},
    {"week": 1, "day": "31"}, {"day": "Last Fri"}, {"year": "*", "second": "15"},
    # refused
    {"minute": "60"}, {"minute": "*/0"}, {"minute": "*/60"}, {"hour": "5-2"}, {"day_of_week": "7"}, {"day_of_week": "monday"},
    {"month": "13"}, {"day": "0"}, {"day": "6th fri"}, {"day": "1st foo"}, {"second": ""}, {"hour": "a"}, {"hour": "1.5"},
    {"day": "32"}, {"month": "feb-jan"}, {"minute": "-5"}, {"minute": "5-"}, {"year": "1969"}, {"hour": "10/20"}, {"day": "40/2"},
    {"minute": "1,,2"}, {"week": "54"}, {"minute": "*/5/5"}, {"minute": "10-12/3"}, {"day": "last xyz"},
]

# Where we refuse what the reference reads with a part left out: no rows are made of these.
BOUNDS = {"month": (1, 12), "day": (1, 31), "week": (1, 53), "day_of_week": (0, 6), "hour": (0, 23), "minute": (0, 59), "second": (0, 59)}


def random_field(rand, name):
    low, high = BOUNDS[name]
    kind = rand.randrange(8)
    if kind == 0:
        return "*"
    if kind == 1:
        return f"*/{rand.randint(1, max(1, (high - low) // 2))}"
    if kind == 2:
        first = rand.randint(low, high)
        return f"{first}-{rand.randint(first, high)}"
    if kind == 3 and name == "day":
        which = rand.choice(["1st", "2nd", "3rd", "4th", "5th", "last"])
        return f"{which} {rand.choice(['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'])}"
    if kind == 3 and name == "month":
        return rand.choice(["jan", "feb-apr", "jun,dec", "OCT"])
    if kind == 3 and name == "day_of_week":
        return rand.choice(["mon", "tue-thu", "sat,sun", "FRI"])
    if kind == 4:
        first = rand.randint(low, high - 1)
        return f"{first}-{high}/{rand.randint(1, max(1, high - first))}"
    if kind == 5:
        return ",".join(str(rand.randint(low, high)) for _ in range(rand.randint(2, 4)))
    return rand.randint(low, high)


def micros(moment):
    return (moment - EPOCH) // datetime.timedelta(microseconds=1)


class TooLong(Exception):
    pass


def too_long(*_):
    raise TooLong


def answer(fields, zone, after, **limits):
    # What is rare or never comes is looked for until the year 9999; such rows are left out.
    signal.signal(signal.SIGALRM, too_long)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        return ask(fields, zone, after, limits)
    except TooLong:
        return None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def ask(fields, zone, after, limits):
    try:
        limits = {f"{name}_date": moment for name, moment in limits.items()}
        trigger = CronTrigger(timezone=zoneinfo.ZoneInfo(zone), **fields, **limits)
    except ValueError as error:
        return {"refused": str(error)}
    times = []
    at = after
    for number in range(COUNT):
        # The first question has no time before it, so that the beginning counts.
        first = limits and number == 0
        found = trigger.get_next_fire_time(None, at + datetime.timedelta(microseconds=1)) if first else trigger.get_next_fire_time(at, at)
        if found is None:
            break
        at = found.astimezone(UTC)
        times.append(micros(at))
    # Around changes of clocks it can go back in time; ours never does.
    if times != sorted(set(times)) or (times and times[0] <= micros(after)):
        return None
    return {"next": times}


def cron_rows():
    rand = random.Random(20261123)
    rows = []
    for number in range(1500):
        if number < len(HAND) * 4:
            fields = HAND[number // 4]
        else:
            names = [name for name in BOUNDS if rand.random() < 0.4]
            fields = {name: random_field(rand, name) for name in names}
        zone = rand.choice(ZONES)
        after = datetime.datetime.fromisoformat(rand.choice(MOMENTS)).replace(tzinfo=UTC)
        after += datetime.timedelta(minutes=rand.choice([0, 0, 0, 17, 60, 1440 * 31]))
        found = answer(fields, zone, after)
        if found is not None:
            rows.append({"fields": fields, "zone": zone, "after": micros(after), **found})
    for _ in range(200):
        fields = rand.choice(HAND[:38]) if rand.random() < 0.5 else {name: random_field(rand, name) for name in ["hour", "minute"]}
        zone = rand.choice(ZONES)
        after = datetime.datetime.fromisoformat(rand.choice(MOMENTS)).replace(tzinfo=UTC)
        start = after + datetime.timedelta(minutes=rand.choice([-60, 0, 1, 59, 60 * 24 * 40]), seconds=rand.choice([0, 0, 30]))
        end = start + datetime.timedelta(minutes=rand.choice([1, 30, 60 * 24, 60 * 24 * 400]))
        found = answer(fields, zone, after, start=start, end=end)
        if found is not None:
            rows.append({"fields": fields, "zone": zone, "after": micros(after), "start": micros(start), "end": micros(end), **found})
    return rows


DATES = [
    "2014-12-31 23:59:59", "2014-12-31T23:59:59Z", "2014-12-31T23:59:59.123456+02:00", "2014-12-31", "20141231", "20141231T235959",
    "20141231235959", "Dec 31 2014", "31 Dec 2014", "December 31, 2014 11:59 PM", "31 December 2014 11:59", "12/31/2014", "31/12/2014",
    "12/31/14", "2014/12/31", "31.12.2014", "Wed, 31 Dec 2014 23:59:59 +0000", "Wed Dec 31 23:59:59 2014", "Wed, 31 Dec 2014 23:59:59 GMT",
    "23:59", "11pm", "11 pm", "9:30 am", "2014-12", "Dec 2014", "10:36:28", "2003-09-25T10:49:41.5-03:00", "2003-09-25 10:49",
    "Thu Sep 25 2003", "September 2003", "25-Sep-2003", "Sep-25-2003", "2003 Sep 25", "1st of May 2003", "5th of March 2001 at 14:05",
    "2014-12-31 24:00:00", "2014-13-31", "2014-02-30", "hello", "", "not a date", "99:99", "2014-12-31 25:00", "13 pm", "2014-12-31 23:59:59 UTC",
    "2014-12-31 23:59 -0500", "Oct 5, 2026 7pm", "7pm Oct 5 2026", "2026-11-22T13:00:27.617648Z", "2026-11-22 13:00:27,617648", "Nov 22",
    "22 Nov", "11/22", "10 am Nov 22", "2014-12-31T23:59", "2014-12-31t23:59:59z", "1 Jan 99", "1 Jan 30", "01/02/03",
]


def date_rows():
    now = datetime.datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
    default = now.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    rows = []
    for text in DATES:
        try:
            read = parser.parse(text, default=default)
            read = read if read.tzinfo else read.replace(tzinfo=UTC)
            rows.append({"text": text, "now": micros(now), "micros": micros(read)})
        except (ValueError, OverflowError):
            rows.append({"text": text, "now": micros(now), "micros": None})
    return rows


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    for name, rows in [("cron", cron_rows()), ("dates", date_rows())]:
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (OUT / f"{name}.jsonl").write_text(text, encoding="utf-8")
        print(name, len(rows), "rows")


if __name__ == "__main__":
    sys.exit(main())
