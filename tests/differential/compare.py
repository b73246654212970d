"""Compares answers: values with their types, or that both fail."""

import json
import re


def same(left, right):
    """Equal including types; objects without their order, sets too."""
    if isinstance(left, dict) and isinstance(right, dict):
        if left.get("$type") == right.get("$type") == "opaque":
            return True
        if left.get("$type") == right.get("$type") == "set":
            return canonical(left["items"]) == canonical(right["items"])
        return left.keys() == right.keys() and all(same(item, right[key]) for key, item in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, float) and isinstance(right, float):
        return repr(left) == repr(right)
    return type(left) is type(right) and left == right


def canonical(items):
    """Items of a set, in an order that does not depend on who made it."""
    return sorted(json.dumps(unordered(item), sort_keys=True) for item in items)


def unordered(value):
    """The value in a form in which equal ones are the same."""
    if isinstance(value, list):
        return [unordered(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("$type") == "opaque":
        return {"$type": "opaque"}
    if value.get("$type") == "set":
        return {"$type": "set", "items": canonical(value["items"])}
    return {key: unordered(item) for key, item in value.items()}


# A Python object printed with its address: no two runs agree, and nobody means it.
ADDRESS = re.compile(r" at 0x[0-9a-f]{6,}")


def keys_in_order(left, right):
    """Whether objects have their keys in the same order."""
    if isinstance(left, dict) and isinstance(right, dict):
        return list(left) == list(right) and all(keys_in_order(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return all(map(keys_in_order, left, right))
    return True


def checked(value):
    """An answer of mode `check`: messages are compared apart, variables without order."""
    errors = [[error["type"], error["expression"]] for error in value["errors"]]
    return {"errors": errors, "vars": canonical(value["vars"])}


class Expected:
    """The differences that are meant, each with its reason."""

    def __init__(self, entries):
        self.entries = entries
        self.used = {entry["name"]: 0 for entry in entries}

    def find(self, row, theirs, ours):
        """The name of the difference that this row shows, if it is a known one."""
        texts = {
            "topic": row["id"].split("/")[0],
            "mode": row.get("mode", "text"),
            "expr": row["expr"] if isinstance(row["expr"], str) else json.dumps(row["expr"], ensure_ascii=False),
            "reference": json.dumps(theirs, ensure_ascii=False),
            "ours": json.dumps(ours, ensure_ascii=False),
        }
        for entry in self.entries:
            for patterns in entry["rows"]:
                if patterns and all(re.search(pattern, texts[field], re.S) for field, pattern in patterns.items()):
                    self.used[entry["name"]] += 1
                    return entry["name"]
        return None


def verdict(row, first, second, ours):
    """(`agree`, `differ`, `unstable`, `given up` or `skipped`, remarks) for a row."""
    if "skip" in first or "skip" in second:
        return "skipped", []
    if ours is None:
        return "differ", ["missing"]
    limited = [answer for answer in (first, second) if not answer["ok"] and answer["error"]["kind"] == "limit"]
    if limited:
        return "given up", []
    if first["ok"] != second["ok"] or ADDRESS.search(json.dumps(first.get("value"))):
        return "unstable", []
    if not first["ok"]:
        if ours["ok"]:
            return "differ", []
        remarks = []
        if first["error"]["kind"] != ours["error"].get("kind"):
            remarks.append("kind")
        if first["error"]["message"] != ours["error"].get("message"):
            remarks.append("message")
        return "agree", remarks
    if not ours["ok"]:
        return "differ", []
    theirs, value = first["value"], ours["value"]
    if row.get("mode") == "check":
        messages = [error["message"] for error in theirs["errors"]] == [error["message"] for error in value["errors"]]
        agree = same(checked(theirs), checked(value))
        return ("agree" if agree else "differ"), ([] if messages else ["message"])
    if not same(first["value"], second["value"]):
        return "unstable", []
    if not same(theirs, value):
        return "differ", []
    return "agree", ([] if keys_in_order(theirs, value) else ["order"])
