"""Asks Python what the operators of rules find, and writes rows for `cargo test`.

    python3 tests/differential/operators.py        # needs python-dateutil

The operators of the reference are one line of Python each, and so are these. Rows of tests/data/rules/operators.jsonl: operator,
value, pattern, and `true`, `false` or `"error"`.
"""

import datetime
import fnmatch
import json
import pathlib
import random
import re
import sys

from dateutil import parser

OUT = pathlib.Path(__file__).parent.parent / "data" / "rules" / "operators.jsonl"
UTC = datetime.timezone.utc
NOW = datetime.datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


def age(value):
    moment = parser.parse(value)
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (NOW - moment).total_seconds()


OPERATORS = {
    "equals": lambda v, p: v == p,
    "nequals": lambda v, p: v != p,
    "iequals": lambda v, p: v.lower() == p.lower(),
    "contains": lambda v, p: p in v,
    "ncontains": lambda v, p: p not in v,
    "icontains": lambda v, p: p.lower() in v.lower(),
    "incontains": lambda v, p: p.lower() not in v.lower(),
    "startswith": lambda v, p: v.startswith(p),
    "istartswith": lambda v, p: v.lower().startswith(p.lower()),
    "endswith": lambda v, p: v.endswith(p),
    "iendswith": lambda v, p: v.lower().endswith(p.lower()),
    "lessthan": lambda v, p: v < p,
    "greaterthan": lambda v, p: v > p,
    "matchwildcard": fnmatch.fnmatchcase,
    "matchregex": lambda v, p: re.compile(p, re.DOTALL).match(v) is not None,
    "regex": lambda v, p: re.compile(p).search(v) is not None,
    "iregex": lambda v, p: re.compile(p, re.IGNORECASE).search(v) is not None,
    "inside": lambda v, p: v in p,
    "ninside": lambda v, p: v not in p,
    "exists": lambda v, p: v is not None,
    "nexists": lambda v, p: v is None,
    "timediff_lt": lambda v, p: age(v) < p,
    "timediff_gt": lambda v, p: age(v) > p,
}
TAKE_NULL = {"nequals", "exists", "nexists"}

VALUES = [
    None, True, False, 0, 1, -1, 2, 10, 1.0, 1.5, 2**53, 2**53 + 1, "", "1", "10", "9", "a", "A", "abc", "ABC", "a.c", "a\nc", "äÖ", "ÄÖ",
    "web1.example.org", "web*", "[ab]c", [], [1], [1, "a", None], ["abc"], [[1]], [True], {}, {"a": 1}, {"abc": None}, {"1": 2},
    "2026-11-23T03:59:00Z", "2026-11-23 03:00", "2026-11-24", "a" * 300, "straße", "İ",
]
PATTERNS = VALUES + [
    "b", "^a", "c$", "^b", "a.c", "[0-9]+", "(", "*", "web?.*", "[!a]*", "[a-z]bc", "[]", "\\d", "(?i)ABC", "a|b", "b\\b", 60, 3600, 1e9, -5, "60",
    ["a", "b", 1], ["1", 2.0, True],
]


def answer(name, value, pattern):
    if pattern is None and name not in TAKE_NULL:
        return False
    try:
        return bool(OPERATORS[name](value, pattern))
    except Exception:
        return "error"


def main():
    rand = random.Random(20261123)
    rows = []
    for name in OPERATORS:
        pairs = [(value, pattern) for value in VALUES for pattern in PATTERNS]
        # Mixed types are errors of one kind; what has an answer is worth more rows.
        answered = [pair for pair in pairs if answer(name, *pair) != "error"]
        failing = [pair for pair in pairs if answer(name, *pair) == "error"]
        chosen = rand.sample(answered, min(len(answered), 130)) + rand.sample(failing, min(len(failing), 50))
        hits = [pair for pair in answered if answer(name, *pair) is True]
        chosen += rand.sample(hits, min(len(hits), 40))
        rows += [{"type": name, "value": v, "pattern": p, "expect": answer(name, v, p)} for v, p in chosen]
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    print(len(rows), "rows")


if __name__ == "__main__":
    sys.exit(main())
