"""Fills in what the reference answers to the rows of eval/*.json.

    python answer.py eval/*.json

needs the packages yaql 3.2.0 and python-dateutil. A row is {"expr", "data"?, "vars"?}; the answer is "value" (with the
tags of the command line contract) or "error" (the kind) with "class" and "message". Rows that set "note" are ours on
purpose and stay as they are.
"""

import base64
import collections.abc
import datetime
import json
import math
import re
import sys

import types

import dateutil.parser._parser as dates
import yaql
from yaql.language import exceptions


class Today(datetime.datetime):
    """The day on which the tests are."""

    @classmethod
    def now(cls, tz=None):
        return datetime.datetime(2020, 2, 29, tzinfo=tz)


dates.datetime = types.SimpleNamespace(datetime=Today, tzinfo=datetime.tzinfo, timedelta=datetime.timedelta)
dates.DEFAULTPARSER.info._year = 2020
dates.DEFAULTPARSER.info._century = 2000

KINDS = {
    "YaqlGrammarException": "parse",
    "YaqlLexicalException": "parse",
    "NoFunctionRegisteredException": "unknown_function",
    "NoMethodRegisteredException": "unknown_method",
    "NoMatchingFunctionException": "no_match",
    "NoMatchingMethodException": "no_match",
    "AmbiguousFunctionException": "ambiguous",
    "AmbiguousMethodException": "ambiguous",
    "ArgumentException": "argument",
    "KeyError": "key",
    "IndexError": "index",
    "StopIteration": "empty",
    "TypeError": "type",
    "ValueError": "value",
    "ParserError": "value",
    "AttributeError": "attribute",
    "ZeroDivisionError": "zero_division",
    "OverflowError": "overflow",
    "error": "regex",
    "RecursionError": "recursion",
    "RuntimeError": "runtime",
}

engine = yaql.language.factory.YaqlFactory().create()
root = yaql.create_context()


def tagged(value):
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        if math.isfinite(value):
            return value
        return {"$type": "float", "value": repr(value)}
    if isinstance(value, (list, tuple)):
        return [tagged(item) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"$type": "set", "items": [tagged(item) for item in value]}
    if isinstance(value, collections.abc.Mapping):
        if all(isinstance(key, str) for key in value):
            return {key: tagged(item) for key, item in value.items()}
        return {"$type": "map", "items": [[tagged(key), tagged(item)] for key, item in value.items()]}
    if isinstance(value, datetime.datetime):
        return {"$type": "datetime", "value": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$type": "date", "value": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$type": "timespan", "microseconds": value // datetime.timedelta(microseconds=1)}
    if isinstance(value, bytes):
        return {"$type": "bytes", "base64": base64.b64encode(value).decode()}
    return {"$type": "opaque", "class": type(value).__name__}


def answer(row):
    context = root.create_child_context()
    for name, value in row.get("vars", {}).items():
        context["$" + name] = yaql.language.utils.convert_input_data(value)
    try:
        return {"value": tagged(engine(row["expr"]).evaluate(data=row.get("data"), context=context))}
    except (Exception, exceptions.YaqlException) as error:
        name = type(error).__name__
        message = re.sub(r" at 0x[0-9a-f]+", "", str(error))
        return {"error": KINDS.get(name, "other"), "class": name, "message": message}


for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        rows = json.load(file)
    lines = []
    for row in rows:
        if isinstance(row, str):
            row = {"expr": row}
        if "note" not in row:
            row = {key: row[key] for key in ("expr", "data", "vars") if key in row}
            row.update(answer(row))
        lines.append(json.dumps(row, ensure_ascii=False))
    with open(path, "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join(lines) + "\n]\n")
