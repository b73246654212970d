"""StackStorm's filters and functions, written from what they are documented and seen to do."""

import datetime
import json
import math
import os
import re
from collections.abc import Mapping

import jsonpath_rw
import semver
import yaml
from orquesta import exceptions

NONE_MARKER = "%*****__%NONE%__*****%"


def _top(value):
    """Frozen mappings are thawed at the top only."""
    return dict(value.items()) if isinstance(value, Mapping) else value


def to_json_string(value, indent=None, sort_keys=False, separators=(",", ": ")):
    return json.dumps(_top(value), indent=indent, sort_keys=sort_keys, separators=separators)


def from_json_string(value):
    return json.loads(str(value))


def to_yaml_string(value, indent=None, allow_unicode=True):
    options = {"default_flow_style": False, "allow_unicode": allow_unicode}
    if indent is not None:
        options["indent"] = indent
    return yaml.safe_dump(_top(value), **options)


def from_yaml_string(value):
    return yaml.safe_load(str(value))


def to_complex(value):
    return json.dumps(value)


def json_escape(value):
    return json.dumps(value).strip('"')


def jsonpath_query(value, query):
    found = [match.value for match in jsonpath_rw.parse(query).find(value)]
    return found or None


def _flags(ignorecase):
    return re.I if ignorecase else 0


def _text(value):
    return value if isinstance(value, str) else str(value)


def regex_match(value, pattern="", ignorecase=False):
    return bool(re.match(pattern, _text(value), _flags(ignorecase)))


def regex_search(value, pattern="", ignorecase=False):
    return bool(re.search(pattern, _text(value), _flags(ignorecase)))


def regex_replace(value="", pattern="", replacement="", ignorecase=False):
    return re.compile(pattern, _flags(ignorecase)).sub(replacement, _text(value))


def regex_substring(value="", pattern="", result_index=0, ignorecase=False):
    return re.findall(pattern, _text(value), _flags(ignorecase))[result_index]


def version_compare(value, pattern):
    return semver.compare(value, pattern)


def version_more_than(value, pattern):
    return semver.compare(value, pattern) == 1


def version_less_than(value, pattern):
    return semver.compare(value, pattern) == -1


def version_equal(value, pattern):
    return semver.compare(value, pattern) == 0


def version_match(value, pattern):
    return semver.match(value, pattern)


def version_bump_major(value):
    return semver.bump_major(value)


def version_bump_minor(value):
    return semver.bump_minor(value)


def version_bump_patch(value):
    return semver.bump_patch(value)


def version_strip_patch(value):
    parts = semver.parse(value)
    return f"{parts['major']}.{parts['minor']}"


def to_human_time_from_seconds(seconds):
    """Months are left out, and what is less than a second counts as microseconds: the original does so."""
    assert isinstance(seconds, (int, float))
    if seconds == 0:
        return "0s"
    if seconds < 1:
        return f"{seconds}\u03bcs"
    if isinstance(seconds, float):
        seconds = round(seconds)
    shown = datetime.datetime(1, 1, 1) + datetime.timedelta(seconds=seconds)
    parts = [
        (shown.year - 1, "y"),
        (shown.day - 1, "d"),
        (shown.hour, "h"),
        (shown.minute, "m"),
        (shown.second, "s"),
    ]
    while parts and parts[0][0] == 0:
        parts.pop(0)
    return "".join(f"{amount}{unit}" for amount, unit in parts) or "0s"


def use_none(value):
    return NONE_MARKER if value is None else value


def basename(path):
    return os.path.basename(path)


def dirname(path):
    return os.path.dirname(path)


def is_in(value, collection):
    return value in collection


RENDER = {
    function.__name__: function
    for function in (
        to_json_string,
        from_json_string,
        to_yaml_string,
        from_yaml_string,
        to_complex,
        json_escape,
        jsonpath_query,
        regex_match,
        regex_search,
        regex_replace,
        regex_substring,
        version_compare,
        version_more_than,
        version_less_than,
        version_equal,
        version_match,
        version_bump_major,
        version_bump_minor,
        version_bump_patch,
        version_strip_patch,
        to_human_time_from_seconds,
        use_none,
        basename,
        dirname,
    )
}

ALIASES = {
    "json_dump": to_json_string,
    "json_parse": from_json_string,
    "yaml_dump": to_yaml_string,
    "yaml_parse": from_yaml_string,
}

ORQUESTA = {name: function for name, function in RENDER.items() if name != "to_complex"} | ALIASES

_UNSET = object()


def _stored(kv, scope, key):
    """A value of the row's datastore as (is secret, text); `None` where there is none."""
    value = (kv.get(scope) or {}).get(key)
    if isinstance(value, dict):
        return True, value["secret"]
    return None if value is None else (False, value)


def st2kv_for(kv):
    """The function st2kv() of workflows on a row's datastore."""

    def st2kv(context, key, **options):
        if not isinstance(key, str):
            raise TypeError("Given key is not typeof string.")
        decrypt = options.get("decrypt", False)
        if not isinstance(decrypt, bool):
            raise TypeError("Decrypt parameter is not typeof bool.")
        try:
            context["__vars"]["st2"]["user"]
        except KeyError:
            raise KeyError("Could not get user from context.")
        scope, name = ("system", key[len("system."):]) if key.startswith("system.") else ("user", key)
        found = _stored(kv, scope, name)
        if found is None:
            default = options.get("default", _UNSET)
            if default is _UNSET:
                raise exceptions.ExpressionEvaluationException(
                    f'The key "{key}" does not exist in the StackStorm datastore.'
                )
            return default
        secret, text = found
        return "<encrypted>" if secret and not decrypt else text

    return st2kv


class Lookup:
    """`st2kv.system.a.b` of templates: joins names until somebody wants the text."""

    def __init__(self, kv, scope, path=()):
        self._kv = kv
        self._scope = scope
        self._path = path

    def _next(self, name):
        return Lookup(self._kv, self._scope, (*self._path, str(name)))

    def __getitem__(self, name):
        return self._next(name)

    def __getattr__(self, name):
        if name.startswith("_") or name in ("name", "items", "keys", "values"):
            raise AttributeError(name)
        return self._next(name)

    def _found(self):
        return _stored(self._kv, self._scope, ".".join(self._path))

    def __str__(self):
        found = self._found()
        if found is None:
            return ""
        return "<encrypted>" if found[0] else found[1]

    def decrypted(self):
        found = self._found()
        if found is None:
            raise ValueError("the datastore item does not exist or is empty")
        return found[1]


def decrypt_kv(value):
    if isinstance(value, Lookup):
        return value.decrypted()
    raise ValueError("only values of the datastore can be decrypted")
