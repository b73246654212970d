"""Python values as the JSON of the command-line contract."""

import base64
import datetime
import json
import math

from yaql.language import utils


class TooLarge(Exception):
    """The answer is too large to be worth comparing."""


def tagged(value, depth=0):
    """What JSON cannot say is an object with `$type`."""
    if depth > 200:
        raise TooLarge("nested too deep")
    if value is None or value is True or value is False:
        return value
    if isinstance(value, bool):
        return bool(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        if math.isfinite(value):
            return float(value)
        return {"$type": "float", "value": str(float(value))}
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bytes):
        return {"$type": "bytes", "base64": base64.b64encode(value).decode()}
    if isinstance(value, datetime.datetime):
        return {"$type": "datetime", "value": value.isoformat()}
    if isinstance(value, datetime.date):
        return {"$type": "date", "value": value.isoformat()}
    if isinstance(value, datetime.timedelta):
        return {"$type": "timespan", "microseconds": value // datetime.timedelta(microseconds=1)}
    if isinstance(value, (dict, utils.FrozenDict)):
        if all(isinstance(key, str) for key in value):
            return {str(key): tagged(item, depth + 1) for key, item in value.items()}
        pairs = [[tagged(key, depth + 1), tagged(item, depth + 1)] for key, item in value.items()]
        return {"$type": "map", "items": pairs}
    if isinstance(value, (list, tuple)):
        return [tagged(item, depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return {"$type": "set", "items": [tagged(item, depth + 1) for item in value]}
    return {"$type": "opaque", "class": type(value).__name__}


def line(answer):
    """One line of JSON Lines."""
    return json.dumps(answer, allow_nan=False)


__all__ = ["TooLarge", "line", "tagged"]
